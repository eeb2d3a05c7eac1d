"""The closed-form functions of the paper, where they are started, how long they are minimised, and at which learning rates."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

__all__ = ["ANGLE_RATES", "FUNCTIONS", "RATES", "TestFunction", "sphere_rate"]


@dataclass(frozen=True)
class TestFunction:
    """A function to minimise: `value` maps points (..., n) to values (...), `start` gives a starting point (n,)."""

    __test__ = False

    name: str
    value: Callable[[torch.Tensor], torch.Tensor]
    start: Callable[[int], torch.Tensor]
    minimum: float
    """Smallest value per dimension."""
    n_steps: int
    """Most steps of gradient descent."""


# numbers enter as the alpha of a sum: a product with one would drag its zero derivative along, three times as slow
def _sphere(x: torch.Tensor) -> torch.Tensor:
    return x.square().sum(-1)


def _rosenbrock(x: torch.Tensor) -> torch.Tensor:
    here, ahead = x[..., :-1], x[..., 1:]
    bend, rest = ahead - here.square(), 1 - here
    return torch.add(rest.square().sum(-1), bend.square().sum(-1), alpha=100)


def _styblinski_tang(x: torch.Tensor) -> torch.Tensor:
    square = x.square()
    doubled = torch.add(torch.add(square.square(), square, alpha=-16), x, alpha=5).sum(-1)
    return torch.sub(doubled, doubled, alpha=0.5)


def _first_minus_one(n: int) -> torch.Tensor:
    start = torch.zeros(n, dtype=torch.float64)
    start[0] = -1.0
    return start


FUNCTIONS = {
    function.name: function
    for function in (
        TestFunction("sphere", _sphere, lambda n: -torch.ones(n, dtype=torch.float64), 0.0, 1000),
        TestFunction("rosenbrock", _rosenbrock, _first_minus_one, 0.0, 25_000),
        TestFunction(
            "styblinski-tang", _styblinski_tang, lambda n: torch.zeros(n, dtype=torch.float64), -39.16616570377142, 1000
        ),
    )
}

_ARMS = (
    ("backprop", 0),
    ("single", 1),
    ("mean", 2),
    ("projection", 2),
    ("mean", 4),
    ("projection", 4),
    ("mean", 16),
    ("projection", 16),
)


def _table(text: str) -> dict[int, dict[tuple[str, int], float]]:
    """Read rows "n rate rate ..." into n -> (aggregator, k) -> learning rate, columns in the order of the arms."""
    rows = [line.split() for line in text.strip().splitlines()]
    return {int(row[0]): dict(zip(_ARMS, map(float, row[1:]), strict=True)) for row in rows}


RATES = {
    "styblinski-tang": _table("""
        2     .054   .0052   .0143   .017   .0156   .0307  .0252  .00839
        8     .054   .00268  .000795 .00525 .00105  .0206  .0042  .01
        32    .054   .000613 .000707 .0126  .00174  .0154  .00389 .0118
        64    .0514  .000535 .000391 .0211  .000498 .0089  .000959 .0042
        128   .054   .000391 .000465 .0353  .000465 .023   .000498 .0042
        256   .0536  .000259 .000364 .0574  .000509 .0353  .000391 .00682
        512   .054   .000196 .000259 .0727  .000382 .05    .000391 .014
        1024  .054   .000136 .000195 .106   .000281 .0751  .000399 .0293
    """),
    "rosenbrock": _table("""
        2     .00199 .000758 .00118  .00193 .00193  .00193 .00197  .00198
        8     .00112 .000229 .000418 .00193 .0006   .0018  .00131  .00105
        32    .00103 .000108 .000157 .00264 .000229 .00193 .000575 .00153
        64    .00108 8.56e-5 .000142 .00455 .000203 .00312 .000391 .00184
        128   .00105 6.01e-5 .0001   .00675 .000177 .00529 .000382 .00298
    """),
}
"""Learning rates that the authors' search chose: function -> n -> (aggregator, k) -> rate; k is 0 for backpropagation."""

ANGLE_RATES = {
    ("mean", 16): {15: 0.026, 30: 0.036, 45: 0.026, 60: 0.035, 75: 0.035, 90: 0.035},
    ("mean", 64): {15: 0.026, 30: 0.0353, 45: 0.0353, 60: 0.0353, 75: 0.0353, 90: 0.0353},
    ("projection", 16): dict.fromkeys((15, 30, 45, 60, 75, 90), 0.00184),
    ("projection", 64): dict.fromkeys((15, 30, 45, 60, 75, 90), 0.0353),
}
"""Likewise for Styblinski-Tang in 64 dimensions with tangents at an angle: (aggregator, k) -> degrees -> rate."""


def sphere_rate(aggregator: str, n: int, k: int) -> float:
    """Return the learning rate that contracts the sphere most per step, in expectation over Gaussian tangents.

    Half of E[x.e] / E[|e|^2] for the estimate e of the gradient 2x: 1/2 for a projection (and for the gradient itself),
    k / (2 (n + k + 1)) for a mean and 1 / (2 (n + k + 1)) for a sum; their expected loss then falls by the factor
    1 - k/n, or 1 - k / (n + k + 1), per step.
    """
    if aggregator in ("backprop", "projection"):
        return 0.5
    k = 1 if aggregator == "single" else k
    return 0.5 * (1 if aggregator == "sum" else k) / (n + k + 1)
