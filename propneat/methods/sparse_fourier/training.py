"""Training of the autoencoder on one half-set, stopped where the other half-set is explained best."""

import copy
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from propneat.base.errors import ConfigError
from propneat.methods.sparse_fourier.model import HeterogeneousModel
from propneat.methods.sparse_fourier.reconstruction import Observations, data_loss, shell_sums

__all__ = ["Look", "TrainingPlan", "held_out_correlation", "infer_means", "train"]

_AT_ONCE = 500


class TrainingPlan(NamedTuple):
    """How the autoencoder is trained: by Adam, whose rates fall to 0 as half a cosine."""

    n_epochs: int = 6
    batch_size: int = 64
    table_rate: float = 5e-3
    network_rate: float = 1e-3
    divergence_weight: float = 1.0
    """Times the Kullback-Leibler divergence of a true evidence bound."""
    basis_penalty: float = 30.0
    """Inverse variance of the prior of whitened basis coefficients; the consensus's is 1."""
    n_checks: int = 2
    """Times per epoch that the held-out half-set is looked at."""


class Look(NamedTuple):
    """What was found at one look at the held-out half-set."""

    epoch: float
    loss: float
    """Mean of the training loss's data term since the last look."""
    divergence: float
    """Mean divergence of the posterior since the last look, in nats."""
    held_out_loss: float
    """Data term of held-out particles at the mean of their posterior."""
    held_out_correlation: float


def train(
    model: HeterogeneousModel,
    seen: Observations,
    inputs: torch.Tensor,
    judge: Observations,
    judge_inputs: torch.Tensor,
    plan: TrainingPlan,
    rng: np.random.Generator,
    after_check: Callable[[Look], None] = lambda found: None,
) -> list[Look]:
    """Train a model in place and leave it as it was at the look with the highest held-out correlation; return all looks.

    `seen` and `inputs` (n_particles, n_inputs) are the half-set learnt from, `judge` and `judge_inputs` particles of the other.
    Noise of latents comes from `rng`, on whatever device. Departure from the released code, whose weight of the divergence is
    smaller by batch size over number of particles: the weight here is that of the evidence bound times `divergence_weight`.
    Raises ConfigError for a plan that makes no update.
    """
    if plan.n_epochs < 1 or plan.batch_size < 1 or plan.n_checks < 1:
        raise ConfigError(f"n_epochs, batch_size and n_checks must be 1 or more, not {plan}")
    networks = [*model.encoder.parameters(), *model.decoder.parameters()]
    groups = [{"params": [model.table], "lr": plan.table_rate}, {"params": networks, "lr": plan.network_rate}]
    optimiser = torch.optim.Adam(groups)
    n_batches = -(-len(seen) // plan.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, plan.n_epochs * n_batches)
    looks, best, best_state, sums, n_since = [], -np.inf, None, np.zeros(2), 0
    stops = {round(n_batches * (k + 1) / plan.n_checks) for k in range(plan.n_checks)}
    for epoch in range(plan.n_epochs):
        for k, rows in enumerate(np.array_split(rng.permutation(len(seen)), n_batches), 1):
            which = torch.from_numpy(rows).to(inputs.device)
            parts = _update(model, seen.rows(which), inputs[which], plan, len(seen), optimiser, rng)
            schedule.step()
            sums, n_since = sums + parts, n_since + 1
            if k in stops:
                found = Look(epoch + k / n_batches, *(sums / n_since).tolist(), *_judge(model, judge, judge_inputs))
                looks.append(found)
                after_check(found)
                sums, n_since = np.zeros(2), 0
                if found.held_out_correlation > best:
                    best, best_state = found.held_out_correlation, copy.deepcopy(model.state_dict())
    model.load_state_dict(best_state or model.state_dict())
    return looks


def infer_means(model: HeterogeneousModel, inputs: torch.Tensor) -> torch.Tensor:
    """Return the posterior means of latents, (n_particles, n_latent), without gradient."""
    with torch.no_grad():
        return torch.cat([model.infer(part).mean for part in inputs.split(_AT_ONCE)])


def held_out_correlation(slices: torch.Tensor, seen: Observations) -> float:
    """Return the mean over shells 1, 2, ... of an estimate of how well predictions correlate with the true signal.

    `slices` are whitened predictions (n_particles, n_points, 2) made without looking at the data's noise more than through the
    latents. Per shell it is Re <prediction, data> / (|prediction| |signal|): noise is uncorrelated with the prediction, and the
    signal's norm is known from the transfer. The data term of the loss would not do: nearly all power lies in the first shells,
    and outer shells go on being overfitted long before it rises.
    """
    predictions = slices * seen.transfer[..., None]
    shared = shell_sums((predictions * seen.data).sum(-1), seen.shells)
    own = shell_sums(predictions.square().sum(-1), seen.shells)
    signal = shell_sums(seen.transfer.square(), seen.shells)
    return float((shared / (own * signal).sqrt().clamp(min=1e-12))[1:].mean())


def _update(
    model: HeterogeneousModel,
    batch: Observations,
    inputs: torch.Tensor,
    plan: TrainingPlan,
    n_particles: int,
    optimiser: torch.optim.Optimizer,
    rng: np.random.Generator,
) -> np.ndarray:
    """Make one update; return the batch's mean data term and divergence, (2,)."""
    posterior = model.infer(inputs)
    noise = torch.from_numpy(rng.standard_normal(posterior.mean.shape, dtype=np.float32)).to(inputs.device)
    latents = posterior.mean + noise * (0.5 * posterior.log_variance).exp()
    # a batch of slices touches most voxels, so that the gradient of the table is kept dense
    error = data_loss(model.slices(latents, batch.plan), batch).mean()
    divergence = posterior.divergence().mean()
    consensus, basis = model.table[:, :2], model.table[:, 2:]
    n_points = batch.transfer.shape[1]
    prior = (consensus.square().sum() + plan.basis_penalty * basis.square().sum()) / (n_particles * n_points)
    optimiser.zero_grad()
    (error + plan.divergence_weight * divergence / n_points + prior).backward()
    optimiser.step()
    return np.array([error.item(), divergence.item()])


def _judge(model: HeterogeneousModel, judge: Observations, inputs: torch.Tensor) -> tuple[float, float]:
    means = infer_means(model, inputs)
    with torch.no_grad():
        slices = model.slices(means, judge.plan)
        return float(data_loss(slices, judge).mean()), held_out_correlation(slices, judge)
