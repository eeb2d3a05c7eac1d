"""The training loop of engines that hold a whole population in tensors: batches, optimisers, early stop for all genomes at once.

The numbers of all genomes are one tensor, weights then biases as in FlatPlan. An engine brings a PopulationGradient; everything
else is tensor steps with the equations of the other engines. A genome that has stopped is computed on, but no longer moved.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch

from propneat.compiler import PopulationPlan
from propneat.settings.training import check_forms
from propneat.training.flat_plan import number_through
from propneat.training.settings import (
    ADADELTA_EPSILON,
    ADAM_EPSILON,
    BETA1,
    BETA2,
    RHO,
    Samples,
    TrainedPopulation,
    TrainingConfig,
    make_schedule,
)

__all__ = ["Batch", "PopulationGradient", "TrainingRows", "train_numbers"]

check_forms(__name__, optimisers=("adam", "adadelta"))


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of data on the device, running along memory.

    `X` has shape (n_inputs, n_rows), `targets` (n_outputs, n_rows), `shares` (n_rows,): every row's part of the batch's weight.
    """

    X: torch.Tensor
    targets: torch.Tensor
    shares: torch.Tensor


class PopulationGradient(Protocol):
    """What an engine computes; `numbers` has shape (n_numbers,), a loss is the weighted mean over a batch's rows."""

    def loss(self, numbers: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return every genome's loss, shape (n_genomes,)."""

    def loss_and_gradient(self, numbers: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return every genome's loss and the gradient of their sum, shape (n_numbers,)."""


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """All rows of a training call on the device, and when they are used.

    `batches` is a Batch with an axis of batches in front, all of them filled up to the same length with rows of share 0.
    `order`, int64 (epochs, steps), says which batch comes when; batches whose rows have no weight are left out.
    """

    batches: Batch
    order: np.ndarray
    judge: Batch | None
    total_weight: float

    @classmethod
    def make(
        cls, train: Samples, validation: Samples | None, config: TrainingConfig, rng: np.random.Generator, device: torch.device,
        dtype: torch.dtype, multiple: int = 1,
    ) -> "TrainingRows":  # fmt: skip
        """Draw the schedule and put the rows on the device, every batch a `multiple` of rows long."""
        rows, batch_start, order = make_schedule(len(train), config, rng)
        batches = [rows[first:last] for first, last in pairwise(batch_start)]
        has_weight = np.array([train.weights[batch].any() for batch in batches])
        judge = None
        if validation is not None:
            judge = _pick(_fill(validation, [np.arange(len(validation))], device, dtype, multiple), 0)
        return cls(
            batches=_fill(train, batches, device, dtype, multiple),
            order=order[has_weight[order]].reshape(len(order), int(has_weight.sum())),
            judge=judge,
            total_weight=float(np.abs(train.weights).sum()),
        )


def _fill(samples: Samples, batches: list[np.ndarray], device: torch.device, dtype: torch.dtype, multiple: int) -> Batch:
    """Return batches of row numbers as one Batch; a batch is filled up with its last row, which is no less finite, of share 0."""
    length = -(-max(map(len, batches)) // multiple) * multiple
    rows = np.stack([batch[np.minimum(np.arange(length), len(batch) - 1)] for batch in batches])
    shares = np.zeros(rows.shape)
    for share, batch in zip(shares, batches, strict=True):
        weights = samples.weights[batch].astype(np.float64)
        share[: len(batch)] = weights / max(np.abs(weights).sum(), np.finfo(np.float64).tiny)
    parts = samples.X[rows].transpose(0, 2, 1), samples.targets[rows].transpose(0, 2, 1), shares
    return Batch(*(torch.tensor(np.ascontiguousarray(part), device=device, dtype=dtype) for part in parts))


def _pick(batches: Batch, number: int | torch.Tensor) -> Batch:
    """Return one batch of several; its number may lie on the device, shape (1,), so that nothing waits for it."""
    if isinstance(number, int):
        return Batch(batches.X[number], batches.targets[number], batches.shares[number])
    return Batch(*(part.index_select(0, number)[0] for part in (batches.X, batches.targets, batches.shares)))


class _Learner:
    """The numbers of a population and all that training knows about them, changed in place."""

    def __init__(
        self, gradient: PopulationGradient, plan: PopulationPlan, rows: TrainingRows, config: TrainingConfig
    ) -> None:  # fmt: skip
        flat, shares = number_through(plan), rows.batches.shares
        self.gradient, self.rows, self.config = gradient, rows, config
        self.n_weights, self.decay = flat.n_edges, config.l2 / rows.total_weight
        self.owner = torch.tensor(flat.number_genome, device=shares.device)
        self.numbers = torch.tensor(np.concatenate([plan.weights, plan.biases]), device=shares.device, dtype=shares.dtype)
        self.largest = torch.finfo(shares.dtype).max
        self.first_moment, self.second_moment = torch.zeros_like(self.numbers), torch.zeros_like(self.numbers)
        self.best = self.numbers.clone()
        per_genome = shares.new_zeros(len(plan))
        self.is_training = torch.ones_like(per_genome, dtype=torch.bool)
        self.total, self.train_loss = per_genome.clone(), torch.full_like(per_genome, float("nan"))
        self.best_loss = torch.full_like(per_genome, float("inf"))
        self.n_worse, self.epochs = (torch.zeros_like(per_genome, dtype=torch.int64) for _ in range(2))
        n_steps = rows.order.shape[1]
        # what changes from epoch to epoch stands in tensors that stay where they are, so that a CUDA graph can be replayed
        self.batch_numbers = torch.zeros(n_steps, dtype=torch.int64, device=shares.device)
        self.corrections = shares.new_zeros(n_steps, 2)

    def begin_epoch(self, epoch: int) -> None:
        """Say which batches come, and by what Adam corrects its moments at their steps."""
        order = self.rows.order
        time = np.arange(1, order.shape[1] + 1) + epoch * order.shape[1]
        corrections = np.stack([1 / (1 - BETA1**time), 1 / (1 - BETA2**time)], axis=1)
        self.batch_numbers.copy_(torch.from_numpy(order[epoch]))
        self.corrections.copy_(torch.from_numpy(corrections))
        self.total.zero_()

    def run_epoch(self) -> None:
        """Take a step for every batch of the epoch."""
        for step in range(len(self.batch_numbers)):
            batch = _pick(self.rows.batches, self.batch_numbers[step : step + 1])
            loss, gradient = self.gradient.loss_and_gradient(self.numbers, batch)
            gradient[: self.n_weights] += self.decay * self.numbers[: self.n_weights]
            # counted in integers, whose sums do not depend on the order of adding
            n_bad = torch.zeros_like(self.epochs).index_add_(0, self.owner, (~gradient.isfinite()).long())
            self.is_training &= n_bad == 0
            moved = self.numbers - self._step(gradient, self.corrections[step])
            is_taken = self.is_training[self.owner] & (moved.abs() <= self.largest)
            self.numbers.copy_(torch.where(is_taken, moved, self.numbers))
            self.total += loss

    def _step(self, g: torch.Tensor, corrections: torch.Tensor) -> torch.Tensor:
        """Return what is taken from the numbers. Adam: moments of the gradient. Adadelta: of the step and the gradient."""
        first, second = self.first_moment, self.second_moment
        if self.config.optimiser == "adam":
            first.mul_(BETA1).add_(g, alpha=1 - BETA1)
            second.mul_(BETA2).add_(g * g, alpha=1 - BETA2)
            root = torch.sqrt(second * corrections[1]) + ADAM_EPSILON
            return self.config.learning_rate * (first * corrections[0]) / root
        second.mul_(RHO).add_(g * g, alpha=1 - RHO)
        step = torch.sqrt(first + ADADELTA_EPSILON) / torch.sqrt(second + ADADELTA_EPSILON) * g
        first.mul_(RHO).add_(step * step, alpha=1 - RHO)
        return self.config.learning_rate * step

    def end_epoch(self) -> None:
        """Count the epoch for the genomes that finished it, and with patience judge them."""
        self.train_loss = torch.where(self.is_training, self.total / len(self.batch_numbers), self.train_loss)
        self.epochs += self.is_training
        if self.config.patience is not None:
            self.judge()
            self.is_training &= self.n_worse < self.config.patience

    def judge(self) -> None:
        """Keep the numbers of genomes still training that answer the validation rows better than any before."""
        loss = self.gradient.loss(self.numbers, self.rows.judge)
        is_better = self.is_training & (loss < self.best_loss)
        self.best_loss = torch.where(is_better, loss, self.best_loss)
        self.best = torch.where(is_better[self.owner], self.numbers, self.best)
        self.n_worse = torch.where(is_better, 0, self.n_worse + 1)

    def outcome(self) -> TrainedPopulation:
        """Return the numbers and losses to report."""
        if self.config.patience is not None:
            numbers, validation_loss = self.best, self.best_loss
        elif self.rows.judge is not None:
            numbers, validation_loss = self.numbers, self.gradient.loss(self.numbers, self.rows.judge)
        else:
            numbers, validation_loss = self.numbers, torch.full_like(self.train_loss, float("nan"))
        weights, biases = numbers.cpu().numpy()[: self.n_weights], numbers.cpu().numpy()[self.n_weights :]
        losses = (part.cpu().numpy().astype(np.float64) for part in (self.train_loss, validation_loss))
        return TrainedPopulation(weights, biases, *losses, self.epochs.cpu().numpy())


def _replayed(run_epoch: Callable[[], None]) -> Callable[[], None]:
    """Return a function that runs an epoch from a CUDA graph: the first call runs and compiles, the second records."""
    side, graphs = torch.cuda.Stream(), []

    def run() -> None:
        if graphs:
            graphs[0].replay()
            return
        # work that is recorded later has to have run on a side stream before
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            run_epoch()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            run_epoch()
        graphs.append(graph)

    return run


@torch.no_grad()
def train_numbers(
    gradient: PopulationGradient, plan: PopulationPlan, rows: TrainingRows, config: TrainingConfig, use_graph: bool = False
) -> TrainedPopulation:
    """Train every genome of a plan on the rows; numbers come back in the rows' precision. See `train_population`.

    `use_graph` records the steps of an epoch as a CUDA graph and replays them, where the engine's work allows that.
    """
    learner = _Learner(gradient, plan, rows, config)
    if config.patience is not None:
        learner.judge()
        learner.n_worse.zero_()
    run_epoch = _replayed(learner.run_epoch) if use_graph and config.epochs > 1 else learner.run_epoch
    for epoch in range(config.epochs):
        learner.begin_epoch(epoch)
        run_epoch()
        learner.end_epoch()
        if not learner.is_training.any():
            break
    return learner.outcome()
