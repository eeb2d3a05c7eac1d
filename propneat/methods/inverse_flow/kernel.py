"""Compiled back-substitution along anti-diagonals, for one chunk of images whose index is innermost."""

import numpy as np

from propneat.base.native import outer

__all__ = ["substitute"]


@outer
def substitute(cells, taps, n_channels, n_rows, n_columns):
    """Turn right-hand sides into solutions, in place; return the number of sequential steps.

    `cells`, (padded rows * padded columns * n_channels, n_images), holds a margin of zeros at the top and at the left, then the
    right-hand sides already multiplied by the inverse of the diagonal block. `taps`, (n_channels, kernel rows,
    kernel columns * n_channels), holds the taps multiplied alike. All pixels of a diagonal are independent of each other.
    """
    top, left = taps.shape[1] - 1, taps.shape[2] // n_channels - 1
    n_padded, n_images = n_columns + left, cells.shape[1]
    total = np.empty(n_images, cells.dtype)
    n_steps = 0
    for diagonal in range(n_rows + n_columns - 1):
        for h in range(max(0, diagonal - n_columns + 1), min(diagonal, n_rows - 1) + 1):
            w = diagonal - h
            here = ((h + top) * n_padded + w + left) * n_channels
            for channel in range(n_channels):
                for b in range(n_images):
                    total[b] = cells[here + channel, b]
                for a in range(top + 1):
                    first = ((h + a) * n_padded + w) * n_channels
                    # the last tap of the last row is the pixel itself
                    n_sources = taps.shape[2] if a < top else left * n_channels
                    j = 0
                    # four sources at a time, for fewer stores
                    while j + 4 <= n_sources:
                        t0, t1 = taps[channel, a, j], taps[channel, a, j + 1]
                        t2, t3 = taps[channel, a, j + 2], taps[channel, a, j + 3]
                        k = first + j
                        for b in range(n_images):
                            total[b] -= t0 * cells[k, b] + t1 * cells[k + 1, b] + t2 * cells[k + 2, b] + t3 * cells[k + 3, b]
                        j += 4
                    while j < n_sources:
                        t0, k = taps[channel, a, j], first + j
                        for b in range(n_images):
                            total[b] -= t0 * cells[k, b]
                        j += 1
                for b in range(n_images):
                    cells[here + channel, b] = total[b]
        n_steps += 1
    return n_steps
