"""Which part of the rows all genomes are trained on before the next part is read: rows that caches hold are read once for all.

Time is counted in units: a judgement before the first epoch, then for every epoch its batches in order and a judgement.
"""

import numpy as np

__all__ = ["cut_into_windows"]

_WINDOW_BYTES = 2 * 2**20
"""Most bytes of rows in a window."""


def cut_into_windows(
    order: np.ndarray, batch_tiles: np.ndarray, n_judged: int, judged_always: bool, tile_bytes: int
) -> np.ndarray:
    """Return windows in order of time, int64 (n_windows, 4): first unit, unit to stop before, first tile, tile to stop before.

    A window holds whole units, or some of the tiles of one; tiles are counted from the first of a unit. `order`, shape
    (n_epochs, n_batches), holds batch numbers, `batch_tiles` the tiles of each batch; a judgement takes `n_judged` tiles, which
    are read after every epoch if `judged_always`, otherwise after the last. All time is one window if all rows fit in.
    """
    n_epochs, n_batches = order.shape
    last_judgement = n_epochs * (n_batches + 1)
    most = max(1, _WINDOW_BYTES // tile_bytes)
    n_tiles = int(batch_tiles.sum()) + n_judged
    if n_tiles <= most:
        return np.array([[0, last_judgement + 1, 0, n_tiles]])
    windows: list[tuple[int, int, int, int]] = []
    unit, no_batches = 0, order[:0].ravel()
    for batches in (no_batches, *order):
        judgement = unit + len(batches)
        judged = n_judged if judged_always or judgement == last_judgement else 0
        _add_windows(windows, np.append(batch_tiles[batches], judged), unit, most)
        unit = judgement + 1
    return np.array(windows)


def _add_windows(windows: list[tuple[int, int, int, int]], sizes: np.ndarray, first: int, most: int) -> None:
    """Add the windows of units of some sizes, numbered from `first`, with at most so many tiles each."""
    ends = np.cumsum(sizes)
    k = 0
    while k < len(sizes):
        if sizes[k] > most:
            windows += [(first + k, first + k + 1, tile, tile + most) for tile in range(0, sizes[k], most)]
            k += 1
            continue
        stop = int(np.searchsorted(ends, (ends[k - 1] if k else 0) + most, side="right"))
        windows.append((first + k, first + stop, 0, most))
        k = stop
