"""Plain gradient descent on a closed-form function by forward gradients: all seeds and aggregators of one k at once."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.func import grad

from propneat.methods.forward_gradients.aggregators import ForwardGradient
from propneat.methods.forward_gradients.forward_mode import directional_derivatives
from propneat.methods.forward_gradients.functions import TestFunction
from propneat.methods.forward_gradients.tangents import GAUSSIAN, TangentSampler

__all__ = ["Descent", "descend", "descend_by_backprop"]

_PATIENCE = 50


@dataclass(frozen=True, eq=False)
class Descent:
    """What descents reached: the `best` value of each, shape (n_arms, n_seeds), and after how many steps all had ended."""

    best: torch.Tensor
    n_steps: int


class _Record:
    """The best value of every descent so far, and which ones go on: those that improved within the last 50 steps."""

    def __init__(self, values: torch.Tensor) -> None:
        self.best = values.clone()
        self.stale = torch.zeros_like(values)
        self.active = values.isfinite()

    def add(self, values: torch.Tensor) -> bool:
        """Take in the values of a step; returns whether any descent goes on."""
        better = self.active & (values < self.best)
        self.best = torch.where(better, values, self.best)
        self.stale = torch.where(better, 0.0, self.stale + 1)
        self.active &= values.isfinite() & (self.stale < _PATIENCE)
        return bool(self.active.any())


def descend(
    function: TestFunction,
    n: int,
    k: int,
    rates: dict[str, float],
    seed: int,
    *,
    n_seeds: int = 5,
    n_steps: int | None = None,
    dtype: torch.dtype = torch.float32,
    sampler: TangentSampler = GAUSSIAN,
    device: str = "cpu",
    progress: Callable[[int], None] = lambda step: None,
) -> Descent:
    """Minimise a function in n dimensions by x <- x - rate * estimate, from `n_seeds` streams of tangents.

    `rates` gives an arm per aggregator, with its learning rate. All arms of a stream see the same k tangents, so they differ
    by the aggregator alone. A descent ends after 50 steps in a row without a better value, or at a value that is not finite,
    and all at `n_steps` (the function's own unless given). Numbers are float32, as the authors', unless told otherwise.
    Source: Flügel et al. (2024), closed-form functions.
    """
    n_steps = function.n_steps if n_steps is None else n_steps
    rules = [ForwardGradient(aggregator, k, sampler) for aggregator in rates]
    generator = torch.Generator().manual_seed(seed)
    steps = torch.tensor(list(rates.values()), dtype=dtype, device=device)[:, None, None]
    x = function.start(n).to(device, dtype).expand(len(rates), n_seeds, n).clone()
    record = _Record(function.value(x))
    for step in range(n_steps):
        tangents = sampler.draw((n_seeds, k, n), generator, dtype).to(device)
        aligned = tangents.movedim(1, 0).unsqueeze(1).expand(k, len(rates), n_seeds, n)
        values, derivatives = directional_derivatives(function.value, x, aligned)
        if step and not record.add(values):
            return Descent(record.best, step)
        estimates = [rule.combine(tangents, derivatives[:, arm].movedim(0, -1)) for arm, rule in enumerate(rules)]
        x = torch.where(record.active.unsqueeze(-1), x - steps * torch.stack(estimates), x)
        progress(step)
    record.add(function.value(x))
    return Descent(record.best, n_steps)


def descend_by_backprop(
    function: TestFunction,
    n: int,
    rate: float,
    *,
    n_steps: int | None = None,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    progress: Callable[[int], None] = lambda step: None,
) -> Descent:
    """Minimise a function by its true gradient, found in reverse mode; otherwise as `descend`, one arm and one stream."""
    n_steps = function.n_steps if n_steps is None else n_steps
    gradient = grad(lambda x: function.value(x).sum())
    x = function.start(n).to(device, dtype).expand(1, 1, n).clone()
    record = _Record(function.value(x))
    for step in range(n_steps):
        if step and not record.add(function.value(x)):
            return Descent(record.best, step)
        x = x - rate * gradient(x)
        progress(step)
    record.add(function.value(x))
    return Descent(record.best, n_steps)
