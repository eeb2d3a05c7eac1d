"""Out-of-fold predictions in a few bytes, so that any metric can be computed later without fitting again."""

import zlib

import numpy as np

__all__ = ["pack", "pack_numbers", "unpack"]

_HEAD = np.dtype("<u4")


def pack(rows: np.ndarray, codes: np.ndarray, probabilities: np.ndarray) -> bytes:
    """Pack row numbers (n,), true class numbers (n,) and probabilities (n, n_classes); these are kept as float32."""
    shape = np.array(probabilities.shape, _HEAD)
    parts = (shape, rows.astype("<u4"), codes.astype("<u2"), probabilities.astype("<f4"))
    return zlib.compress(b"".join(np.ascontiguousarray(part).tobytes() for part in parts), 6)


def pack_numbers(rows: np.ndarray, target: np.ndarray, answers: np.ndarray) -> bytes:
    """Pack row numbers (n,), true numbers (n,) and predicted ones (n,), kept as float64, with 0 in place of a class count."""
    parts = (np.array([len(rows), 0], _HEAD), rows.astype("<u4"), target.astype("<f8"), answers.astype("<f8"))
    return zlib.compress(b"".join(np.ascontiguousarray(part).tobytes() for part in parts), 6)


def unpack(packed: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `pack` or `pack_numbers` was given: row numbers, true class numbers or numbers, probabilities or answers."""
    data = zlib.decompress(packed)
    n, n_classes = np.frombuffer(data, _HEAD, 2).astype(int)
    rows = np.frombuffer(data, "<u4", n, 8)
    if n_classes == 0:
        return rows, np.frombuffer(data, "<f8", n, 8 + 4 * n), np.frombuffer(data, "<f8", n, 8 + 12 * n)
    codes = np.frombuffer(data, "<u2", n, 8 + 4 * n)
    return rows, codes, np.frombuffer(data, "<f4", n * n_classes, 8 + 6 * n).reshape(n, n_classes)
