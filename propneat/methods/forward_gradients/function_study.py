"""The closed-form functions, every dimension and arm of the tables, and tangents at an angle."""

from collections.abc import Callable, Sequence

import numpy as np

from propneat.base.rng import derive_seed
from propneat.methods.forward_gradients.descent import Descent, descend, descend_by_backprop
from propneat.methods.forward_gradients.functions import ANGLE_RATES, FUNCTIONS, RATES, sphere_rate
from propneat.methods.forward_gradients.tangents import TangentSampler
from propneat.methods.forward_gradients.ticker import Ticker

__all__ = ["ARMS", "angle_table", "function_table"]

ARMS = (("single", 1), ("mean", 2), ("projection", 2), ("mean", 4), ("projection", 4), ("mean", 16), ("projection", 16))
"""Aggregators and numbers of tangents, beside backpropagation."""


def function_table(
    name: str,
    dimensions: Sequence[int],
    ks: Sequence[int],
    seed: int,
    progress: Callable[[str, int, int], None],
    n_seeds: int = 10,
    n_steps: int | None = None,
    device: str = "cpu",
) -> dict[str, dict[str, list[float]]]:
    """Minimise a function in every dimension by backpropagation and every arm with a k of `ks`.

    Returns dimension -> arm ("backprop", "mean-16") -> best values per seed (one for backpropagation), not divided by n.
    """
    function = FUNCTIONS[name]
    steps = function.n_steps if n_steps is None else n_steps
    ticker = Ticker(progress, name, len(dimensions) * (1 + len(ks)) * steps)
    table: dict[str, dict[str, list[float]]] = {}
    for n in dimensions:
        rates = _rates(name, n)
        found = descend_by_backprop(function, n, rates["backprop", 0], n_steps=steps, device=device, progress=ticker.advance)
        row = {"backprop": _values(found, 0)}
        ticker.reach((len(table) * (1 + len(ks)) + 1) * steps)
        for number, k in enumerate(ks):
            chosen = {aggregator: rate for (aggregator, its_k), rate in rates.items() if its_k == k}
            stream = derive_seed("forward-gradients", seed, name, n, k) % 2**63
            found = descend(
                function, n, k, chosen, stream,
                n_seeds=n_seeds, n_steps=steps, device=device, progress=ticker.advance,
            )  # fmt: skip
            row |= {f"{aggregator}-{k}": _values(found, arm) for arm, aggregator in enumerate(chosen)}
            ticker.reach((len(table) * (1 + len(ks)) + 2 + number) * steps)
        table[str(n)] = row
    return table


def _rates(name: str, n: int) -> dict[tuple[str, int], float]:
    if name == "sphere":
        return {(aggregator, k): sphere_rate(aggregator, n, k) for aggregator, k in (("backprop", 0), *ARMS)}
    return RATES[name][n]


def _values(descent: Descent, arm: int) -> list[float]:
    return [float(value) for value in descent.best[arm].numpy(force=True).astype(np.float64)]


def angle_table(
    seed: int, progress: Callable[[str, int, int], None], n: int = 64, n_seeds: int = 5, n_steps: int | None = None
) -> dict[str, dict[str, list[float]]]:
    """Minimise Styblinski-Tang in 64 dimensions with tangents at an angle; returns arm -> degrees -> best values / n."""
    function = FUNCTIONS["styblinski-tang"]
    steps = function.n_steps if n_steps is None else n_steps
    ticker = Ticker(progress, "angles", sum(map(len, ANGLE_RATES.values())) * steps)
    table: dict[str, dict[str, list[float]]] = {}
    n_done = 0
    for (aggregator, k), rates in ANGLE_RATES.items():
        table[f"{aggregator}-{k}"] = {}
        for angle, rate in rates.items():
            stream = derive_seed("forward-gradients", seed, "angle", k, angle) % 2**63
            sampler = TangentSampler("angle", float(angle))
            found = descend(
                function, n, k, {aggregator: rate}, stream,
                n_seeds=n_seeds, n_steps=steps, sampler=sampler, progress=ticker.advance,
            )  # fmt: skip
            table[f"{aggregator}-{k}"][str(angle)] = [value / n for value in _values(found, 0)]
            n_done += 1
            ticker.reach(n_done * steps)
    return table
