"""Out-of-fold predictions in a few bytes, so that any metric can be computed later without fitting again."""

import zlib

import numpy as np

__all__ = ["pack", "unpack"]

_HEAD = np.dtype("<u4")


def pack(rows: np.ndarray, codes: np.ndarray, probabilities: np.ndarray) -> bytes:
    """Pack row numbers (n,), true class numbers (n,) and probabilities (n, n_classes); these are kept as float32."""
    shape = np.array(probabilities.shape, _HEAD)
    parts = (shape, rows.astype("<u4"), codes.astype("<u2"), probabilities.astype("<f4"))
    return zlib.compress(b"".join(np.ascontiguousarray(part).tobytes() for part in parts), 6)


def unpack(packed: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `pack` was given: row numbers, true class numbers, probabilities."""
    data = zlib.decompress(packed)
    n, n_classes = np.frombuffer(data, _HEAD, 2).astype(int)
    rows = np.frombuffer(data, "<u4", n, 8)
    codes = np.frombuffer(data, "<u2", n, 8 + 4 * n)
    return rows, codes, np.frombuffer(data, "<f4", n * n_classes, 8 + 6 * n).reshape(n, n_classes)
