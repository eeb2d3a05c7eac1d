"""Slices and their gradient as compiled loops over points, for tables on the processor."""

from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from propneat.base.native import FAST_MATH, outer

__all__ = ["SliceProduct"]


class SliceProduct(torch.autograd.Function):
    """Slices (n_slices, n_points, 2) of the volumes sum_j code_ij table_j, and the gradients of table and code.

    Arguments are those of `slices.take_slices` and the three parts of a plan; all but `ids` are of one type, float32 or
    float64. One pass over the points each way: forward interpolates a row of the table and multiplies it by the code, backward
    makes the row's gradient on the fly and hands it to the 8 rows it came from. Kept for backward are the interpolated rows.
    """

    @staticmethod
    def forward(
        ctx: Any, table: torch.Tensor, code: torch.Tensor, ids: torch.Tensor, weights: torch.Tensor, signs: torch.Tensor
    ) -> torch.Tensor:
        """Return the slices."""
        plan = tuple(part.contiguous() for part in (ids, weights, signs))
        table, code = table.contiguous(), code.contiguous()
        values, rows = table.new_empty(*signs.shape, 2), table.new_empty(*signs.shape, table.shape[1])
        _forward(*_arrays(table, code, *plan, values, rows))
        ctx.save_for_backward(code, *plan, rows)
        ctx.n_voxels = len(table)
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of table and code."""
        code, *plan, rows = ctx.saved_tensors
        of_table, of_code = code.new_zeros(ctx.n_voxels, rows.shape[-1]), torch.zeros_like(code)
        _backward(*_arrays(gradient.contiguous(), code, *plan, rows, of_table, of_code))
        return of_table, of_code, None, None, None


def _arrays(*tensors: torch.Tensor) -> list[np.ndarray]:
    return [tensor.detach().numpy() for tensor in tensors]


@outer(fastmath=FAST_MATH)
def _forward(
    table: np.ndarray,
    code: np.ndarray,
    ids: np.ndarray,
    weights: np.ndarray,
    signs: np.ndarray,
    values: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Fill `values` with the slices and `rows` with what the table interpolates to."""
    zero = table.dtype.type(0)
    for one in range(ids.shape[0]):
        for point in range(ids.shape[1]):
            row, corners, shares = rows[one, point], ids[one, point], weights[one, point]
            # all corners at once, so that a row is written once
            a, b, c, d = table[corners[0]], table[corners[1]], table[corners[2]], table[corners[3]]
            e, f, g, h = table[corners[4]], table[corners[5]], table[corners[6]], table[corners[7]]
            p, q, r, s, t, u, v, w = shares[0], shares[1], shares[2], shares[3], shares[4], shares[5], shares[6], shares[7]
            for k in range(row.shape[0]):
                row[k] = p * a[k] + q * b[k] + r * c[k] + s * d[k] + t * e[k] + u * f[k] + v * g[k] + w * h[k]
            real, imaginary = zero, zero
            for j in range(code.shape[1]):
                real += row[2 * j] * code[one, j]
                imaginary += row[2 * j + 1] * code[one, j]
            values[one, point, 0], values[one, point, 1] = real, imaginary * signs[one, point]


@outer(fastmath=FAST_MATH)
def _backward(
    gradient: np.ndarray,
    code: np.ndarray,
    ids: np.ndarray,
    weights: np.ndarray,
    signs: np.ndarray,
    rows: np.ndarray,
    of_table: np.ndarray,
    of_code: np.ndarray,
) -> None:
    """Add the gradients to `of_table` and `of_code`."""
    of_row = np.empty(rows.shape[2], rows.dtype)
    for one in range(ids.shape[0]):
        for point in range(ids.shape[1]):
            row, real, imaginary = rows[one, point], gradient[one, point, 0], gradient[one, point, 1] * signs[one, point]
            for j in range(code.shape[1]):
                of_row[2 * j], of_row[2 * j + 1] = real * code[one, j], imaginary * code[one, j]
                of_code[one, j] += real * row[2 * j] + imaginary * row[2 * j + 1]
            for corner in range(ids.shape[2]):
                share, of_voxel = weights[one, point, corner], of_table[ids[one, point, corner]]
                for k in range(of_row.shape[0]):
                    of_voxel[k] += share * of_row[k]
