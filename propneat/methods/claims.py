"""When a claim about repeated runs holds: by two standard errors, and for what should be ahead of something, in five runs or more.

Every native study goes by these rules. Runs of two things that are compared share seeds or folds, so that differences are
taken run by run.
"""

from collections.abc import Sequence

import numpy as np

from propneat.methods.contract import Claim

__all__ = ["FEWEST_RUNS", "ahead", "at_least", "at_most", "near", "spread"]

FEWEST_RUNS = 5
"""Runs below which no order of two means is called one."""


def spread(values: Sequence[float] | np.ndarray) -> tuple[float, tuple[float, float] | None, int]:
    """Return the mean of runs, two standard errors to either side of it (None for one run), and the number of runs."""
    runs = np.asarray(values, float)
    mean = float(runs.mean())
    if len(runs) < 2:
        return mean, None, len(runs)
    error = float(runs.std(ddof=1) / np.sqrt(len(runs)))
    return mean, (mean - 2 * error, mean + 2 * error), len(runs)


def at_least(name: str, values: Sequence[float] | np.ndarray, bound: float, note: str = "") -> Claim:
    """Claim that a mean over runs is above `bound` by two standard errors, in five runs or more."""
    mean, interval, n_runs = spread(values)
    holds = n_runs >= FEWEST_RUNS and interval[0] > bound
    return Claim(name, f"above {bound:.4g}{_rule(n_runs)}{note}", mean, holds, interval, n_runs)


def at_most(name: str, values: Sequence[float] | np.ndarray, bound: float, note: str = "") -> Claim:
    """Claim that a mean over runs is below `bound` by two standard errors, in five runs or more."""
    mean, interval, n_runs = spread(values)
    holds = n_runs >= FEWEST_RUNS and interval[1] < bound
    return Claim(name, f"below {bound:.4g}{_rule(n_runs)}{note}", mean, holds, interval, n_runs)


def ahead(name: str, first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray, note: str = "") -> Claim:
    """Claim that the mean over the same runs is larger for `first`: that of the differences is above 0 as in `at_least`."""
    means = f" ({np.mean(first):.4g} less {np.mean(second):.4g}){note}"
    return at_least(name, np.subtract(first, second), 0.0, means)


def near(name: str, values: Sequence[float] | np.ndarray, expected: float, distance: float, note: str = "") -> Claim:
    """Claim that a mean over runs is at most `distance` away from what is expected; the interval says how sure that is."""
    mean, interval, n_runs = spread(values)
    text = f"{expected:.4g}{note}, at most {distance:.3g} away"
    return Claim(name, text, mean, bool(abs(mean - expected) <= distance), interval, n_runs)


def _rule(n_runs: int) -> str:
    few = "" if n_runs >= FEWEST_RUNS else f" in {FEWEST_RUNS} runs or more, here {n_runs}"
    return f" by two standard errors{few}"
