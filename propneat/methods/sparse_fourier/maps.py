"""Maps and stacks of particles as MRC files, by the mrcfile library of the `cryo` extra."""

from pathlib import Path
from typing import Any

import numpy as np

from propneat.base.errors import DataError
from propneat.base.extras import need

__all__ = ["read_map", "read_stack", "write_map", "write_stack"]


def read_map(path: Path | str) -> tuple[np.ndarray, float]:
    """Return a map, float32 (n, n, n) with axes z, y, x, and the side of a voxel in Angstrom.

    Raises DataError for a file that is no MRC file or not a cube, and ConfigError where mrcfile is not installed.
    """
    values, pixel = _read(path)
    if values.ndim != 3 or len(set(values.shape)) != 1:
        raise DataError(f"{path} must hold a cube of voxels, not an array of shape {values.shape}")
    return values, pixel


def read_stack(path: Path | str) -> tuple[np.ndarray, float]:
    """Return a stack of square images, float32 (n_images, n, n) with axes y, x, and the side of a pixel in Angstrom.

    A file with a single image is a stack of one. Raises DataError for a file that is no MRC file or images that are not
    square, and ConfigError where mrcfile is not installed.
    """
    values, pixel = _read(path)
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[1] != values.shape[2]:
        raise DataError(f"{path} must hold square images, not an array of shape {values.shape}")
    return values, pixel


def write_map(path: Path | str, volume: np.ndarray, pixel: float) -> None:
    """Write a map (n, n, n), axes z, y, x, with voxels of `pixel` Angstrom a side, replacing a file of that name."""
    _write(path, volume, pixel, is_stack=False)


def write_stack(path: Path | str, images: np.ndarray, pixel: float) -> None:
    """Write images (n_images, n, n), axes y, x, with pixels of `pixel` Angstrom a side, replacing a file of that name."""
    _write(path, images, pixel, is_stack=True)


def _read(path: Path | str) -> tuple[np.ndarray, float]:
    mrcfile = _library()
    try:
        with mrcfile.open(path) as file:
            return np.array(file.data, np.float32), float(file.voxel_size.x)
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as an MRC file: {error}") from error


def _write(path: Path | str, values: np.ndarray, pixel: float, is_stack: bool) -> None:
    with _library().new(path, overwrite=True) as file:
        file.set_data(np.ascontiguousarray(values, np.float32))
        if is_stack:
            file.set_image_stack()
        file.voxel_size = pixel


def _library() -> Any:
    return need("mrcfile", "a map in an MRC file")
