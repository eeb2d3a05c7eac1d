"""Central slices of volumes that are linear in a code, and their gradient, touching only the voxels around the slice."""

from typing import NamedTuple

import torch
from torch.nn import functional

from propneat.methods.sparse_fourier.grid import HalfBall
from propneat.methods.sparse_fourier.slice_kernels import SliceProduct

__all__ = ["SlicePlan", "back_project", "dense_slices", "plan_points", "plan_slices", "take_slices"]

_CORNERS = torch.tensor([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])


class SlicePlan(NamedTuple):
    """Which voxels each point of each slice is interpolated from; made once per particle and kept."""

    ids: torch.Tensor
    """Positions in the half ball's list, int32 (n_slices, n_points, 8)."""
    weights: torch.Tensor
    """Trilinear weights, (n_slices, n_points, 8); they sum to 1 over the last axis."""
    signs: torch.Tensor
    """-1 where the conjugate is meant, else 1, (n_slices, n_points)."""

    def rows(self, which: torch.Tensor | slice) -> "SlicePlan":
        """Return the plan of some of the slices."""
        return SlicePlan(*(part[which] for part in self))


def plan_points(ball: HalfBall, points: torch.Tensor, dtype: torch.dtype = torch.float32) -> SlicePlan:
    """Plan the interpolation at points (n_slices, n_points, 3), columns x, y, z, of length at most the ball's radius."""
    flipped = points[..., :1] < 0
    points = torch.where(flipped, -points, points)
    base = torch.floor(points)
    fraction = (points - base)[..., None, :]
    corners = _CORNERS.to(points.device)
    weights = torch.where(corners == 1, fraction, 1 - fraction).prod(-1)
    x, y, z = (base.long()[..., None, :] + corners).unbind(-1)
    index = torch.from_numpy(ball.index).to(points.device)
    margin = ball.radius + 1
    return SlicePlan(index[x, y + margin, z + margin], weights.to(dtype), 1 - 2 * flipped[..., 0].to(dtype))


def plan_slices(
    ball: HalfBall,
    frequencies: torch.Tensor,
    rotations: torch.Tensor,
    scale: float = 1.0,
    dtype: torch.dtype = torch.float32,
) -> SlicePlan:
    """Plan the slices V(scale R^T (k_x, k_y, 0)) for frequencies k (n_points, 2) and rotations R (n_slices, 3, 3).

    A `scale` of 2 takes the slice of a box of half the ball's size that was padded with zeros to twice its side.
    """
    plane = scale * frequencies.to(rotations.dtype)
    return plan_points(ball, plane @ rotations[:, :2], dtype)


def take_slices(
    table: torch.Tensor, code: torch.Tensor, plan: SlicePlan, *, sparse: bool = False, compiled: bool = True
) -> torch.Tensor:
    """Return slices (n_slices, n_points, 2), real and imaginary parts, of the volumes sum_j code_ij table_j.

    `table`, shape (n_voxels, 2 n_basis), holds each basis volume's real and imaginary part in neighbouring columns; `code` has
    shape (n_slices, n_basis). No volume is made: memory is that of n_slices * n_points * 2 n_basis numbers, forward and
    backward, and of the table's gradient. With `sparse` that is a sparse tensor of the rows touched, a row for each touch.
    Source: the slice kernels of the paper; here compiled loops on a processor, and torch's bags, one of 8 rows per point,
    elsewhere, for a sparse gradient, or without `compiled`.
    """
    if compiled and not sparse and table.device.type == "cpu":
        return SliceProduct.apply(table, code, *plan)
    ids, weights = plan.ids.flatten(0, 1), plan.weights.flatten(0, 1)
    bags = functional.embedding_bag(ids, table, per_sample_weights=weights, mode="sum", sparse=sparse)
    return _conjugate(torch.bmm(bags.view(*plan.signs.shape, -1), _mix(code)), plan.signs)


def dense_slices(table: torch.Tensor, code: torch.Tensor, plan: SlicePlan, *, compiled: bool = True) -> torch.Tensor:
    """Return the same as `take_slices` by way of a whole volume per slice: the twin to compare with.

    All volumes are one matrix product, (n_voxels, n_slices, 2), and interpolation in them is that of `take_slices`.
    """
    n_slices = len(code)
    volumes = table @ _mix(code).transpose(0, 1).flatten(1)
    own = plan.ids * n_slices + torch.arange(n_slices, dtype=plan.ids.dtype, device=table.device)[:, None, None]
    return take_slices(volumes.view(-1, 2), code.new_ones(n_slices, 1), plan._replace(ids=own), compiled=compiled)


def back_project(values: torch.Tensor, plan: SlicePlan, n_voxels: int) -> torch.Tensor:
    """Return the transpose of interpolation: values (n_slices, n_points, 2) spread over volumes (n_slices, n_voxels, 2)."""
    spread = plan.weights[..., None] * _conjugate(values, plan.signs)[:, :, None, :]
    volumes = values.new_zeros(len(values), n_voxels, 2)
    ids = plan.ids.long().flatten(1)[..., None].expand(-1, -1, 2)
    return volumes.scatter_add(1, ids, spread.flatten(1, 2))


def _conjugate(values: torch.Tensor, signs: torch.Tensor) -> torch.Tensor:
    return torch.stack([values[..., 0], values[..., 1] * signs], dim=-1)


def _mix(code: torch.Tensor) -> torch.Tensor:
    """Return the matrices (n_slices, 2 n_basis, 2) that multiply real parts with the code, and imaginary parts."""
    return (code[:, :, None, None] * torch.eye(2, dtype=code.dtype, device=code.device)).flatten(1, 2)
