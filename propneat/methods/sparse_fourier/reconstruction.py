"""Particles on a device with their plans, the consensus map, and what the encoder is shown of every particle."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from propneat.methods.sparse_fourier.grid import HalfBall, half_ball, half_disc
from propneat.methods.sparse_fourier.particles import Particles
from propneat.methods.sparse_fourier.slices import SlicePlan, back_project, plan_slices, take_slices

__all__ = ["ConsensusPlan", "Observations", "data_loss", "encoder_inputs", "fit_consensus", "observe", "shell_sums"]

_AT_ONCE = 200


@dataclass(frozen=True, eq=False)
class Observations:
    """Particles as tensors on one device, with everything that is the same in every step."""

    ball: HalfBall
    data: torch.Tensor
    """(n_particles, n_points, 2), noise of mean square 1 per coefficient."""
    transfer: torch.Tensor
    """CTF times the signal's amplitude at each point, (n_particles, n_points): what a whitened slice is multiplied by."""
    plan: SlicePlan
    shells: torch.Tensor
    """Rounded length of each point's frequency, (n_points,)."""

    def __len__(self) -> int:
        """Return the number of particles."""
        return len(self.data)

    def rows(self, which: torch.Tensor | slice) -> "Observations":
        """Return some of the particles."""
        return Observations(self.ball, self.data[which], self.transfer[which], self.plan.rows(which), self.shells)


@dataclass(frozen=True)
class ConsensusPlan:
    """How the consensus is learnt: by Adam, whose rate falls to 0 as half a cosine."""

    n_epochs: int = 6
    batch_size: int = 64
    learning_rate: float = 1e-2


def observe(particles: Particles, amplitude: np.ndarray, device: str = "cpu") -> Observations:
    """Return particles ready for training; `amplitude` is the signal's per shell, (radius + 1,)."""
    ball, disc = half_ball(particles.n), half_disc(particles.n)
    shells = np.rint(np.linalg.norm(disc, axis=1)).astype(int)
    transfer = torch.from_numpy(particles.ctf * amplitude[shells].astype(np.float32))
    plan = plan_slices(ball, torch.from_numpy(disc), torch.from_numpy(particles.rotations))
    moved = SlicePlan(*(part.to(device) for part in plan))
    data = torch.from_numpy(particles.data).to(device)
    return Observations(ball, data, transfer.to(device), moved, torch.from_numpy(shells).to(device))


def data_loss(slices: torch.Tensor, seen: Observations) -> torch.Tensor:
    """Return the mean over points of |CTF A slice - data|^2 for each particle, (n_particles,); pure noise gives 1.

    The CTF multiplies the model and never divides the data. Departures from the released code: no clamp at 1, which would end
    learning at the noise, and no further weights, since white noise of mean square 1 already weighs every coefficient alike.
    """
    return (slices * seen.transfer[..., None] - seen.data).square().sum(-1).mean(1)


def fit_consensus(
    seen: Observations,
    plan: ConsensusPlan,
    rng: np.random.Generator,
    after_epoch: Callable[[int, float], None] = lambda n_done, loss: None,
) -> torch.Tensor:
    """Return the whitened map that explains all particles alike, (n_voxels, 2), on their device.

    The penalty is that of a prior of variance 1 on every whitened coefficient. `after_epoch` is told the number of epochs done
    and the mean loss.
    """
    table = torch.zeros(seen.ball.n_voxels, 2, device=seen.data.device, requires_grad=True)
    optimiser = torch.optim.Adam([table], plan.learning_rate)
    n_batches = -(-len(seen) // plan.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, plan.n_epochs * n_batches)
    for epoch in range(plan.n_epochs):
        total = 0.0
        for rows in np.array_split(rng.permutation(len(seen)), n_batches):
            batch = seen.rows(torch.from_numpy(rows).to(table.device))
            loss = data_loss(_consensus_slices(table, batch), batch).mean()
            optimiser.zero_grad()
            (loss + table.square().sum() / seen.transfer.numel()).backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(rows)
        after_epoch(epoch + 1, total / len(seen))
    return table.detach()


def encoder_inputs(seen: Observations, consensus: torch.Tensor, radius: int) -> torch.Tensor:
    """Return for every particle what its image says against the consensus, in the molecule's own frame, (n_particles, n_inputs).

    The residual, times CTF and amplitude (so that phases are flipped and shells whitened by how much signal they hold), is
    spread from the slice back to the voxels up to `radius`: the backward half of the slice operator. Departure from the paper,
    whose encoder sees the Hartley transform of the upright image and has to learn from examples what the orientation does.
    """
    keep = torch.from_numpy(np.flatnonzero(seen.ball.shells <= radius)).to(seen.data.device)
    parts = []
    with torch.no_grad():
        for start in range(0, len(seen), _AT_ONCE):
            batch = seen.rows(slice(start, start + _AT_ONCE))
            transfer = batch.transfer[..., None]
            residual = transfer * (batch.data - transfer * _consensus_slices(consensus, batch))
            parts.append(back_project(residual, batch.plan, seen.ball.n_voxels)[:, keep].flatten(1))
    return torch.cat(parts)


def shell_sums(values: torch.Tensor, shells: torch.Tensor) -> torch.Tensor:
    """Return the sums of values (n_particles, n_points) over all points of each shell 0, 1, ..., float64 (n_shells,)."""
    sums = torch.zeros(int(shells.max()) + 1, dtype=torch.float64, device=values.device)
    return sums.index_add(0, shells, values.double().sum(0))


def _consensus_slices(table: torch.Tensor, seen: Observations) -> torch.Tensor:
    return take_slices(table, table.new_ones(len(seen), 1), seen.plan)
