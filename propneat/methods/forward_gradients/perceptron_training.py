"""Plain minibatch gradient descent of dense networks, several learning rates side by side, stopped by rows left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from propneat.base.rng import derive_seed
from propneat.methods.forward_gradients.aggregators import ForwardGradient, expected_length
from propneat.methods.forward_gradients.functions import sphere_rate
from propneat.methods.forward_gradients.perceptron import (
    Perceptron,
    backprop_gradient,
    node_gradient,
    row_losses,
    weight_gradient,
)

__all__ = ["GRADIENTS", "Rows", "Schedule", "TrainedNetworks", "Training", "candidate_rates", "descend", "run_epochs", "train"]

GRADIENTS: dict[str, Callable[..., torch.Tensor]] = {
    "node": node_gradient,
    "weight": weight_gradient,
    "backprop": backprop_gradient,
}
"""Forward gradients by node or by weight perturbation, and backpropagation to compare them with."""

_FEWEST_STEPS_OF_ROUND = 25
_BASE_RATES = (0.03, 0.1, 0.3, 1.0)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows X, float32 (n_rows, n_inputs), with one-hot targets, float32 (n_rows, n_classes)."""

    X: torch.Tensor
    targets: torch.Tensor

    def __len__(self) -> int:
        return len(self.X)

    def to(self, device: str) -> "Rows":
        """Return the rows on a device."""
        return Rows(self.X.to(device), self.targets.to(device))

    def take(self, chosen: torch.Tensor) -> "Rows":
        """Return the rows of the numbers `chosen`, int64 (n_chosen,)."""
        return Rows(self.X[chosen], self.targets[chosen])


Gradient = Callable[[torch.Tensor, Rows], torch.Tensor]
Splits = Sequence[tuple[torch.Tensor, torch.Tensor]]
"""Row numbers to learn from and to judge by, one pair or one for every fold."""


@dataclass(frozen=True)
class Schedule:
    """How long to train: until `patience` rounds pass without a better loss on judging rows, or `max_steps` steps are done.

    A round is as many whole epochs as make at least 25 steps.
    """

    batch_size: int
    max_steps: int
    patience: int

    def epochs_per_round(self, n_rows: int) -> int:
        """Return how many epochs of n_rows rows a round is."""
        return -(-_FEWEST_STEPS_OF_ROUND // self._batches(n_rows))

    def n_rounds(self, n_rows: int) -> int:
        """Return how many rounds of n_rows rows fit in `max_steps`, at least one."""
        return max(1, self.max_steps // (self._batches(n_rows) * self.epochs_per_round(n_rows)))

    def _batches(self, n_rows: int) -> int:
        return -(-n_rows // self.batch_size)


@dataclass(frozen=True, eq=False)
class TrainedNetworks:
    """Per network: its `numbers` (n_networks, P) of least `loss` on judging rows, reached after `n_epochs` epochs.

    The loss is infinite, and the epochs 0, where it never was finite.
    """

    numbers: torch.Tensor
    loss: torch.Tensor
    n_epochs: torch.Tensor


def candidate_rates(gradient: str, rule: ForwardGradient, n: int) -> tuple[float, ...]:
    """Return learning rates worth trying for an estimator in dimension n.

    They are 0.03, 0.1, 0.3 and 1 for backpropagation and the projection, whose steps are no longer than the gradient. The
    longer steps of mean, sum and single get the part of three times these that the sphere's best rate for them is of a
    projection's: three, because a batch of rows averages noise that the sphere leaves. Rates make up for a length correction.
    """
    if gradient == "backprop":
        return _BASE_RATES
    k = rule.n_tangents(n)
    scale = sphere_rate(rule.aggregator, n, k) / sphere_rate("projection", n, k)
    if rule.aggregator != "projection":
        scale *= 3
    if rule.length_correction:
        scale *= expected_length(rule.aggregator, n, k)
    elif rule.sampler.kind == "angle" and rule.aggregator != "projection":
        scale *= n
    return tuple(rate * scale for rate in _BASE_RATES)


@torch.no_grad()
def run_epochs(
    numbers: torch.Tensor,
    rates: torch.Tensor,
    rows: Rows,
    gradient: Gradient,
    n_epochs: int,
    batch_size: int,
    generator: torch.Generator,
) -> torch.Tensor:
    """Return numbers (n_networks, P) after plain gradient descent, each network at its own learning rate of `rates`.

    Every epoch divides the rows anew; `gradient` maps numbers and a batch to estimates (n_networks, P).
    """
    for _ in range(n_epochs):
        for chosen in torch.randperm(len(rows), generator=generator).split(batch_size):
            numbers = numbers - rates[:, None] * gradient(numbers, rows.take(chosen))
    return numbers


@torch.no_grad()
def descend(
    network: Perceptron,
    numbers: torch.Tensor,
    rates: torch.Tensor,
    rows: Rows,
    splits: Splits,
    gradients: Sequence[Gradient],
    schedule: Schedule,
    generators: Sequence[torch.Generator],
) -> TrainedNetworks:
    """Train networks from `numbers` (n_networks, P), by `rates` (n_networks,), on every split, and judge after each round.

    A round's loss is the mean over the judging rows of all splits; `numbers` returned are those of the first split.
    """
    n_learn = len(splits[0][0])
    n_epochs, n_judged = schedule.epochs_per_round(n_learn), sum(len(judge) for _, judge in splits)
    parts = [(rows.take(learn), rows.take(judge)) for learn, judge in splits]
    states = [numbers] * len(splits)
    best, best_loss = numbers, torch.full_like(rates, torch.inf)
    best_epoch, waited = (torch.zeros_like(rates, dtype=torch.int64) for _ in range(2))
    for number in range(1, schedule.n_rounds(n_learn) + 1):
        loss = torch.zeros_like(rates)
        for k, (learn, judge) in enumerate(parts):
            states[k] = run_epochs(states[k], rates, learn, gradients[k], n_epochs, schedule.batch_size, generators[k])
            loss = loss + row_losses(network.outputs(states[k], judge.X), judge.targets).sum(1) / n_judged
        better = (loss < best_loss) & (waited < schedule.patience)
        best, best_loss = torch.where(better[:, None], states[0], best), torch.where(better, loss, best_loss)
        best_epoch, waited = torch.where(better, number * n_epochs, best_epoch), torch.where(better, 0, waited + 1)
        if bool((waited >= schedule.patience).all()):
            break
    return TrainedNetworks(best, best_loss, best_epoch)


@dataclass(frozen=True, eq=False)
class Training:
    """A trained network: its `numbers` (1, P), and the learning rate, epochs and least judging loss that led to them."""

    numbers: torch.Tensor
    rate: float
    n_epochs: int
    loss: float


def train(
    network: Perceptron,
    rows: Rows,
    splits: Splits,
    way: str,
    rule: ForwardGradient,
    rates: tuple[float, ...] | None,
    schedule: Schedule,
    seed: int,
    tick: Callable[[], None] = lambda: None,
) -> Training:
    """Choose learning rate and epochs on `splits` of the rows, and train a network anew with them on all rows.

    A split holds the row numbers to learn from and those to judge by, `way` is one of GRADIENTS, `rates` None tries
    `candidate_rates`. All networks start equal and see, on a split, the same batches and tangents. Should the new descent end
    worse on all rows than the chosen network of the first split, which happens near the largest stable rate, that one is
    kept. `tick` is called at every step.
    """
    if rates is None:
        rates = candidate_rates(way, rule, network.n_parameters if way == "weight" else network.n_nodes)
    candidates = torch.tensor(rates, dtype=rows.X.dtype, device=rows.X.device)
    start = network.draw(_stream(seed, "start")).to(rows.X)
    starts = start.repeat(len(candidates), 1)
    generators = [_stream(seed, f"choose {k}" if k else "choose") for k in range(len(splits))]
    gradients = [_estimator(network, way, rule, generator, tick) for generator in generators]
    found = descend(network, starts, candidates, rows, splits, gradients, schedule, generators)
    best = int(found.loss.argmin())
    rate, n_epochs, generator = candidates[best : best + 1], int(found.n_epochs[best]), _stream(seed, "refit")
    gradient = _estimator(network, way, rule, generator, tick)
    again = run_epochs(start, rate, rows, gradient, n_epochs, schedule.batch_size, generator)
    ends = torch.cat([again, found.numbers[best : best + 1]])
    losses = row_losses(network.outputs(ends, rows.X), rows.targets).mean(1).nan_to_num(nan=torch.inf)
    kept = int(losses.argmin())
    return Training(ends[kept : kept + 1], float(rates[best]), n_epochs, float(found.loss[best]))


def _stream(seed: int, name: str) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed("forward-gradients", seed, name) % 2**63)


def _estimator(
    network: Perceptron, way: str, rule: ForwardGradient, generator: torch.Generator, tick: Callable[[], None]
) -> Gradient:
    """Return the map from numbers and a batch to estimates of the gradient that a descent takes."""

    def estimate(numbers: torch.Tensor, batch: Rows) -> torch.Tensor:
        tick()
        return GRADIENTS[way](network, numbers, batch.X, batch.targets, rule, generator)

    return estimate
