"""The training loop of the torch engines: one network after another, the same batches, losses, optimisers and early stop."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch.nn import functional

from propneat.compiler import LayerPlan, PopulationPlan
from propneat.settings.training import check_forms
from propneat.training.devices import usable_device
from propneat.training.sequences import Sequences
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

__all__ = ["sample_loss", "train_one_by_one"]

check_forms(__name__, losses=("bce", "cross_entropy", "mse", "rmse"), optimisers=("adam", "adadelta"))


@dataclass(frozen=True, eq=False)
class _Batch:
    """Rows of data on the device; `X` (n_rows, n_inputs), `targets` (n_rows, n_outputs), `weights` (n_rows,)."""

    X: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor

    @classmethod
    def make(cls, samples: Samples, rows: np.ndarray, device: torch.device, dtype: torch.dtype) -> "_Batch":
        parts = (samples.X[rows], samples.targets[rows], samples.weights[rows])
        return cls(*(torch.tensor(part, device=device, dtype=dtype) for part in parts))

    def outputs(self, network: torch.nn.Module) -> torch.Tensor:
        """Return what a network says of the rows, (n_rows, n_outputs)."""
        return network(self.X)


@dataclass(frozen=True, eq=False)
class _SequenceBatch(_Batch):
    """Sequences on the device: `X` (n_sequences, n_steps, n_inputs), and a row for every step that has a target.

    `row` and `step` say which, each (n_rows,). No gradient passes into a step of which `cut`, (n_sequences, n_steps), says so.
    """

    row: torch.Tensor
    step: torch.Tensor
    cut: torch.Tensor

    @classmethod
    def make_sequences(
        cls, samples: Sequences, rows: np.ndarray, window: int | None, device: torch.device, dtype: torch.dtype
    ) -> "_SequenceBatch":
        row, step = samples.judged_steps(rows)
        targets = samples.targets[rows[row], step] if samples.at_every_step else samples.targets[rows]
        parts = (samples.X[rows], targets, samples.weights[rows[row]])
        left = samples.lengths[rows, None] - np.arange(samples.X.shape[1])
        cut = np.zeros(left.shape, bool) if window is None else left % window == 0
        numbers = (torch.tensor(part, device=device, dtype=dtype) for part in parts)
        return cls(*numbers, *(torch.tensor(part, device=device) for part in (row, step, cut)))

    def outputs(self, network: torch.nn.Module) -> torch.Tensor:
        """Return what a network says of every step that has a target, (n_rows, n_outputs)."""
        state, outputs = network.first_state(len(self.X)), []
        for x, cut in zip(self.X.unbind(dim=1), self.cut.unbind(dim=1), strict=True):
            state = torch.where(cut[:, None], state.detach(), state)
            answer, state = network(x, state)
            outputs.append(answer)
        return torch.stack(outputs, dim=1)[self.row, self.step]


def sample_loss(loss: str, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the weighted mean loss over rows, a tensor of shape ().

    `outputs` and `targets` have shape (n_rows, n_outputs), `weights` (n_rows,), not all 0; `loss` is one of LOSSES.
    The gradient of "rmse" at an error of exactly 0, where the root has none, is 0.
    """
    if loss == "bce":
        row_losses = functional.binary_cross_entropy_with_logits(outputs, targets, reduction="none").mean(dim=1)
    elif loss == "cross_entropy":
        row_losses = functional.cross_entropy(outputs, targets, reduction="none")
    else:
        row_losses = torch.square(outputs - targets).mean(dim=1)
    mean = (weights * row_losses).sum() / weights.abs().sum()
    if loss == "rmse":
        is_zero = mean == 0
        return torch.where(is_zero, 0.0, torch.sqrt(torch.where(is_zero, 1.0, mean)))
    return mean


def train_one_by_one(
    make_network: Callable[[LayerPlan, torch.dtype], torch.nn.Module],
    plan: PopulationPlan,
    train: Samples | Sequences,
    validation: Samples | Sequences | None,
    config: TrainingConfig,
    rng: np.random.Generator,
    device: str,
    dtype: torch.dtype = torch.float32,
) -> TrainedPopulation:
    """Train the networks of a plan in turn, each with a fresh optimiser, on the batches that `make_schedule` draws once.

    `make_network` returns a module from (n_rows, n_inputs) to (n_rows, n_outputs), for sequences one like RecurrentNetwork,
    whose parameters are `weights` and `biases`, each one tensor or a list, and whose `numbers()` returns both in plan order.
    See `train_population` and `TrainedPopulation`; the numbers come back in `dtype`. A batch whose rows all have weight 0 is
    passed over. Raises ConfigError when the device cannot be used.
    """
    place = usable_device(device)
    rows, batch_start, order = make_schedule(len(train), config, rng)
    batches = [_make_batch(train, rows[a:b], config, place, dtype) for a, b in pairwise(batch_start)]
    has_weight = [bool(batch.weights.any()) for batch in batches]
    epochs = [[batches[number] for number in epoch if has_weight[number]] for epoch in order]
    judge = None if validation is None else _make_batch(validation, np.arange(len(validation)), config, place, dtype)
    decay = config.l2 / _total_weight(train)
    outcomes = [_train_network(make_network(p, dtype).to(place), epochs, judge, config, decay) for p in plan]
    biases = np.zeros(len(plan.biases), outcomes[0].biases.dtype)
    biases[plan.depth > 0] = np.concatenate([outcome.biases for outcome in outcomes])
    return TrainedPopulation(
        weights=np.concatenate([outcome.weights for outcome in outcomes]),
        biases=biases,
        train_loss=np.array([outcome.train_loss for outcome in outcomes]),
        validation_loss=np.array([outcome.validation_loss for outcome in outcomes]),
        epochs=np.array([outcome.epochs for outcome in outcomes]),
    )


def _make_batch(
    samples: Samples | Sequences, rows: np.ndarray, config: TrainingConfig, device: torch.device, dtype: torch.dtype
) -> _Batch:
    if isinstance(samples, Sequences):
        return _SequenceBatch.make_sequences(samples, rows, config.window, device, dtype)
    return _Batch.make(samples, rows, device, dtype)


def _total_weight(samples: Samples | Sequences) -> float:
    if isinstance(samples, Sequences):
        return float((np.abs(samples.weights).astype(np.float64) * samples.n_judged).sum())
    return float(np.abs(samples.weights).sum())


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What training made of one network: numbers in plan order, mean losses, completed epochs."""

    weights: np.ndarray
    biases: np.ndarray
    train_loss: float
    validation_loss: float
    epochs: int


def _train_network(
    network: torch.nn.Module, epochs: list[list[_Batch]], judge: _Batch | None, config: TrainingConfig, decay: float
) -> _Outcome:
    optimiser = _make_optimiser(network, config, decay)
    train_loss, n_epochs = float("nan"), 0
    if config.patience is not None:
        best, best_loss, n_worse = network.numbers(), _judge(network, judge, config), 0
        if np.isnan(best_loss):
            best_loss = float("inf")
    for batches in epochs:
        epoch_loss = _run_epoch(network, optimiser, batches, config)
        if epoch_loss is None:
            break
        train_loss, n_epochs = epoch_loss, n_epochs + 1
        if config.patience is not None:
            loss = _judge(network, judge, config)
            if loss < best_loss:
                best, best_loss, n_worse = network.numbers(), loss, 0
            else:
                n_worse += 1
            if n_worse == config.patience:
                break
    if config.patience is None:
        best, best_loss = network.numbers(), _judge(network, judge, config)
    return _Outcome(*best, train_loss, best_loss, n_epochs)


def _make_optimiser(network: torch.nn.Module, config: TrainingConfig, decay: float) -> torch.optim.Optimizer:
    """Return the optimiser in torch's fastest form for many small parameters, so that no engine is slowed down by it.

    `decay` times the weight is added to the gradient of every connection weight.
    """
    weights, biases = [], []
    for name, parameter in network.named_parameters():
        (weights if "weights" in name.split(".") else biases).append(parameter)
    groups = [{"params": weights, "weight_decay": decay}, {"params": biases}]
    if config.optimiser == "adam":
        return torch.optim.Adam(groups, lr=config.learning_rate, betas=(BETA1, BETA2), eps=ADAM_EPSILON, fused=True)
    return torch.optim.Adadelta(groups, lr=config.learning_rate, rho=RHO, eps=ADADELTA_EPSILON, foreach=True)


def _run_epoch(
    network: torch.nn.Module, optimiser: torch.optim.Optimizer, batches: list[_Batch], config: TrainingConfig
) -> float | None:
    """Take one step per batch; returns the batches' mean loss, or None as soon as a gradient is not finite (no step then)."""
    parameters = list(network.parameters())
    losses = []
    for batch in batches:
        optimiser.zero_grad()
        loss = sample_loss(config.loss, batch.outputs(network), batch.targets, batch.weights)
        loss.backward()
        if not torch.cat([parameter.grad.flatten() for parameter in parameters]).isfinite().all():
            return None
        optimiser.step()
        losses.append(loss.detach())
    return float(np.mean(torch.stack(losses).tolist()))


@torch.no_grad()
def _judge(network: torch.nn.Module, judge: _Batch | None, config: TrainingConfig) -> float:
    """Return the loss on the validation rows, NaN without any."""
    if judge is None:
        return float("nan")
    return float(sample_loss(config.loss, judge.outputs(network), judge.targets, judge.weights))
