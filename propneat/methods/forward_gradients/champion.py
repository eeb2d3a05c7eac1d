"""Fine-tuning of an evolved network by forward gradients: a genome in, the same genome with better numbers out."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch.func import functional_call

from propneat.base.errors import ConfigError
from propneat.compiler import LayerPlan, compile_genome, write_back
from propneat.compiler.network import CompiledNetwork
from propneat.genome import Genome
from propneat.methods.forward_gradients.aggregators import ForwardGradient
from propneat.methods.forward_gradients.forward_mode import directional_derivatives
from propneat.training import Samples, TrainingConfig
from propneat.training.settings import make_schedule
from propneat.training.torch_loop import sample_loss

__all__ = ["FineTuneConfig", "FineTuned", "WeightedLoss", "fine_tune"]


@dataclass(frozen=True)
class FineTuneConfig:
    """How to fine-tune: plain gradient descent on the estimates of `gradient`, at each of `learning_rates` in turn.

    `loss` is one of LOSSES, see TrainingConfig; `batch_size` None means all rows at once. `patience` None runs all `epochs`;
    a number ends a descent after that many epochs without a lower loss.
    """

    loss: str = "bce"
    epochs: int = 200
    learning_rates: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)
    batch_size: int | None = None
    patience: int | None = 50
    gradient: ForwardGradient = field(default_factory=ForwardGradient)

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        if not len(self.learning_rates):
            raise ConfigError("learning_rates must hold at least one number, and holds none")
        for rate in self.learning_rates:
            TrainingConfig(self.loss, self.epochs, learning_rate=rate, batch_size=self.batch_size, patience=self.patience)


@dataclass(frozen=True, eq=False)
class FineTuned:
    """What fine-tuning made of a genome.

    `losses` are those of the judging rows before training and after every epoch at `learning_rate`, the best of the rates,
    float64 (n_epochs + 1,); the genome holds the numbers of the least.
    """

    genome: Genome
    learning_rate: float
    losses: np.ndarray


class WeightedLoss:
    """The weighted mean loss of a compiled network on some rows as a function of its numbers, one vector.

    The vector, float64 (n_edges + n_biases,), holds the weights and then the biases in plan order.
    """

    def __init__(self, network: CompiledNetwork, loss: str, samples: Samples) -> None:
        self.network, self.loss, self.n_edges = network, loss, len(network.weights)
        parts = (samples.X, samples.targets, samples.weights)
        self.X, self.targets, self.weights = (torch.tensor(part, dtype=torch.float64) for part in parts)

    def __call__(self, numbers: torch.Tensor) -> torch.Tensor:
        """Return the loss at `numbers`, shape ()."""
        values = {"weights": numbers[: self.n_edges], "biases": numbers[self.n_edges :]}
        return sample_loss(self.loss, functional_call(self.network, values, (self.X,)), self.targets, self.weights)


@torch.no_grad()
def fine_tune(
    genome: Genome,
    train: Samples,
    config: FineTuneConfig,
    rng: np.random.Generator,
    validation: Samples | None = None,
) -> FineTuned:
    """Train the weights and biases of a genome's active part by forward gradients and write them back into its genes.

    No backward pass is made and no number requires a gradient: each step perturbs all numbers along the tangents of
    `config.gradient` at once, in one forward pass with dual numbers in float64. The result is never worse than the genome
    on the judging rows, which are those of `validation`, or the training rows without any. Genes that have no part in the
    outputs come back to the bit. A descent ends where its loss or a step is no longer finite. Source: Flügel et al. (2024), weight
    perturbation; departure: the networks are evolved ones. Raises ConfigError for rows that do not fit the genome.
    """
    plan = compile_genome(genome)
    for samples in (train, train if validation is None else validation):
        _check_fit(plan, samples)
    network = CompiledNetwork(plan, torch.float64).requires_grad_(False)
    schedule = TrainingConfig(config.loss, config.epochs, batch_size=config.batch_size)
    rows, batch_start, order = make_schedule(len(train), schedule, rng)
    batches = [rows[a:b] for a, b in pairwise(batch_start)]
    parts = [Samples(train.X[batch], train.targets[batch], train.weights[batch]) for batch in batches]
    losses = [WeightedLoss(network, config.loss, part) if part.weights.any() else None for part in parts]
    epochs = [[losses[number] for number in epoch if losses[number] is not None] for epoch in order]
    judge = WeightedLoss(network, config.loss, train if validation is None else validation)
    start = torch.cat([network.weights, network.biases])
    seed = int(rng.integers(2**63))
    found = [_descend(start, rate, epochs, judge, config, seed) for rate in config.learning_rates]
    best = min(range(len(found)), key=lambda number: np.nanmin(found[number][1], initial=np.inf))
    numbers, history = found[best]
    values = numbers.numpy()
    tuned = write_back(genome, plan, values[: plan.n_edges], values[plan.n_edges :])
    return FineTuned(tuned, config.learning_rates[best], history)


def _check_fit(plan: LayerPlan, samples: Samples) -> None:
    shapes = samples.X.shape[1], samples.targets.shape[1]
    if shapes != (plan.n_inputs, plan.n_outputs):
        raise ConfigError(
            f"expected rows of {plan.n_inputs} inputs and {plan.n_outputs} targets, got {shapes[0]} and {shapes[1]}"
        )


def _descend(
    start: torch.Tensor,
    rate: float,
    epochs: list[list[WeightedLoss]],
    judge: WeightedLoss,
    config: FineTuneConfig,
    seed: int,
) -> tuple[torch.Tensor, np.ndarray]:
    """Return the numbers of least judging loss of one descent, and the losses of all its epochs, the start's first."""
    generator = torch.Generator().manual_seed(seed)
    numbers, best, losses, waited = start, start, [float(judge(start))], 0
    best_loss = losses[0] if np.isfinite(losses[0]) else np.inf
    for batches in epochs:
        for loss in batches:
            numbers = numbers - rate * _estimate(loss, numbers, config.gradient, generator)
        losses.append(float(judge(numbers)))
        waited += 1
        if losses[-1] < best_loss:
            best, best_loss, waited = numbers, losses[-1], 0
        if waited == config.patience or not np.isfinite(losses[-1]):
            break
    return best, np.array(losses)


def _estimate(loss: WeightedLoss, numbers: torch.Tensor, rule: ForwardGradient, generator: torch.Generator) -> torch.Tensor:
    """Return the forward gradient of a loss at `numbers`, shape (n,); nothing to perturb gives nothing."""
    if not len(numbers):
        return numbers
    tangents = rule.draw(len(numbers), generator)
    return rule.combine(tangents, directional_derivatives(loss, numbers, tangents)[1])
