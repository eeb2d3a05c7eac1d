"""The inverse of a convolution by back-substitution along anti-diagonals, and its gradient by the same solver.

A convolution here pads an image with k - 1 zeros at two sides that meet in a corner, so that it maps C channels to C channels
of the same size. As a matrix on pixels it is block triangular, with the tap of the pixel itself, A0 of shape (C, C), in every
block of the diagonal: it can be inverted if and only if A0 can, and log|det| is H W log|det A0|.
"""

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from propneat.base.errors import ConfigError
from propneat.base.native import share_out
from propneat.methods.inverse_flow.kernel import substitute

__all__ = ["CORNERS", "InverseConvolution", "convolve", "deconvolve", "diagonal_block", "solve_compiled", "solve_skewed"]

CORNERS = {"TL": (), "TR": (3,), "BL": (2,), "BR": (2, 3)}
"""Where zeros are padded, and the axes to flip that turn the corner into the top left one."""

_CHUNK = 32
_WORTH_THREADS = 4_000_000


def convolve(x: torch.Tensor, weight: torch.Tensor, corner: str = "TL") -> torch.Tensor:
    """Return the cross-correlation of x, (B, C, H, W), padded at a corner, with weight, (C, C, kernel rows, kernel columns)."""
    _check(x, weight, corner)
    rows, columns = weight.shape[2] - 1, weight.shape[3] - 1
    is_left, is_top = corner[1] == "L", corner[0] == "T"
    padding = (columns * is_left, columns * (not is_left), rows * is_top, rows * (not is_top))
    return functional.conv2d(functional.pad(x, padding), weight)


def deconvolve(y: torch.Tensor, weight: torch.Tensor, corner: str = "TL") -> torch.Tensor:
    """Return the x of which y is `convolve(x, weight, corner)`, exactly, with gradients of any order.

    Raises ConfigError for shapes that do not fit and torch.linalg.LinAlgError for an A0 that cannot be inverted.
    """
    _check(y, weight, corner)
    axes = CORNERS[corner]
    if not axes:
        return InverseConvolution.apply(y, weight)
    return InverseConvolution.apply(y.flip(axes), weight.flip(axes)).flip(axes)


def diagonal_block(weight: torch.Tensor, corner: str = "TL") -> torch.Tensor:
    """Return A0, the tap of the pixel itself, (C, C)."""
    return weight[:, :, -1 if corner[0] == "T" else 0, -1 if corner[1] == "L" else 0]


class InverseConvolution(torch.autograd.Function):
    """Solve M(weight) x = y for the corner TL: H + W - 1 steps forward, as many backward.

    Source: Nagar and Varma 2025, Parallel backpropagation for inverse of a convolution, Theorems 1 and 2. Departure: instead of
    their recursions for dx/dy and dx/dW, whose arrays grow with pixels times taps, the equal closed form: from M x = y,
    dx = M^-1 (dy - dM x), so g_y = M^-T g_x, the same solver on flipped images with channels of the taps transposed, and
    g_W = -(gradient of a convolution's weight at input x and output gradient g_y). Only x and the weight are saved.
    """

    @staticmethod
    def forward(ctx: Any, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Return x, (B, C, H, W), from y of that shape and weight (C, C, kernel rows, kernel columns)."""
        x = _solve(y, weight)
        ctx.save_for_backward(x, weight)
        return x

    @staticmethod
    def backward(ctx: Any, x_gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the gradients by y and weight."""
        x, weight = ctx.saved_tensors
        y_gradient = InverseConvolution.apply(x_gradient.flip(2, 3), weight.transpose(0, 1)).flip(2, 3)
        if not ctx.needs_input_grad[1]:
            return y_gradient, None
        padded = functional.pad(x, (weight.shape[3] - 1, 0, weight.shape[2] - 1, 0))
        return y_gradient, -torch.nn.grad.conv2d_weight(padded, weight.shape, y_gradient)


def _solve(y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    inverse = torch.linalg.inv(weight[:, :, -1, -1])
    taps = torch.einsum("oi,ijab->ojab", inverse, weight)
    taps[:, :, -1, -1] = 0
    target = torch.einsum("oi,bihw->bohw", inverse, y)
    is_compiled = y.device.type == "cpu" and y.dtype in (torch.float32, torch.float64)
    return (solve_compiled if is_compiled else solve_skewed)(target, taps)[0]


def solve_compiled(target: torch.Tensor, taps: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Return x with x[p] = target[p] - (taps but that of p itself, applied to x) and the number of sequential steps.

    For tensors on the processor, float32 or float64: target (B, C, H, W), taps (C, C, kernel rows, kernel columns), of which
    the last, the pixel's own, is left out. Images are independent, so large batches are spread over threads.
    """
    n_images, n_channels, n_rows, n_columns = target.shape
    top, left = taps.shape[2] - 1, taps.shape[3] - 1
    flat = np.ascontiguousarray(taps.detach().permute(0, 2, 3, 1).numpy()).reshape(n_channels, top + 1, -1)
    by_pixel = target.detach().permute(2, 3, 1, 0)
    chunks, n_steps = [], 0
    for first in range(0, n_images, _CHUNK):
        part = by_pixel[..., first : first + _CHUNK]
        chunks.append(part.new_zeros(n_rows + top, n_columns + left, *part.shape[2:]))
        chunks[-1][top:, left:] = part

    def work(tasks: np.ndarray) -> None:
        nonlocal n_steps
        for task in tasks:
            cells = chunks[task].numpy().reshape(-1, chunks[task].shape[3])
            n_steps = substitute(cells, flat, n_channels, n_rows, n_columns)

    if target.numel() * flat[0].size > _WORTH_THREADS:
        share_out(work, np.ones(len(chunks)))
    else:
        work(np.arange(len(chunks)))
    solution = torch.empty_like(target, memory_format=torch.contiguous_format)
    for place, chunk in enumerate(chunks):
        solution[place * _CHUNK : (place + 1) * _CHUNK] = chunk[top:, left:].permute(3, 2, 0, 1)
    return solution, n_steps


def solve_skewed(target: torch.Tensor, taps: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Do what `solve_compiled` does by torch, on any device: every diagonal is one product of matrices.

    Images are stored by diagonal, [h + w, channel, h, image]: there the tap (a, b) of all pixels of a diagonal lies at fixed
    strides, so one view, copied once, holds what the product needs.
    """
    n_images, n_channels, n_rows, n_columns = target.shape
    top, left = taps.shape[2] - 1, taps.shape[3] - 1
    n_steps = n_rows + n_columns - 1
    taps = taps.clone()
    taps[:, :, -1, -1] = 0
    matrix = taps.permute(0, 2, 3, 1).reshape(n_channels, -1)
    cells = target.new_zeros(n_steps + top + left, n_channels, n_rows + top, n_images)
    rows = torch.arange(n_rows, device=target.device)[:, None]
    diagonals = rows + torch.arange(n_columns, device=target.device) + top + left
    cells[diagonals, :, rows + top] = target.permute(2, 3, 1, 0)
    by_diagonal, by_channel, by_row, _ = cells.stride()
    strides = (by_diagonal + by_row, by_diagonal, by_channel, by_row, 1)
    for step in range(n_steps):
        low, high = max(0, step - n_columns + 1), min(step, n_rows - 1) + 1
        shape = (top + 1, left + 1, n_channels, high - low, n_images)
        sources = cells.as_strided(shape, strides, step * by_diagonal + low * by_row).reshape(matrix.shape[1], -1)
        cells[step + top + left, :, low + top : high + top] -= (matrix @ sources).view(n_channels, high - low, n_images)
    return cells[diagonals, :, rows + top].permute(3, 2, 0, 1).contiguous(), n_steps


def _check(image: torch.Tensor, weight: torch.Tensor, corner: str) -> None:
    if corner not in CORNERS:
        raise ConfigError(f"corner must be one of {', '.join(CORNERS)}, not {corner}")
    n_channels = image.shape[1] if image.ndim == 4 else None
    if n_channels is None or weight.ndim != 4 or weight.shape[:2] != (n_channels, n_channels):
        raise ConfigError(
            "images must be (B, C, H, W) and the weight (C, C, rows, columns) of a kernel, "
            f"not {tuple(image.shape)} and {tuple(weight.shape)}"
        )
