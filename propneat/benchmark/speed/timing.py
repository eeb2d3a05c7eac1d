"""Times taken in turns, and what is said of them: spread, ratios, and laws fitted to them."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

__all__ = ["Note", "fit_exponent", "fit_line", "ratio", "spread", "take_turns"]

Note = Callable[[str, int, int], None]
"""Told of progress: what is being done, and how many units of how many are done."""


def take_turns(jobs: Mapping[str, Callable[[], float]], n_rounds: int, note: Note, what: str) -> dict[str, list[float]]:
    """Do every job once in each of `n_rounds` rounds, so that whatever else the machine does hits all alike.

    A job returns the seconds it took, set-up left out; the result holds them in the order of the rounds.
    """
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(n_rounds):
        for name, job in jobs.items():
            note(f"{what}: {name}, round {number + 1} of {n_rounds}", number, n_rounds)
            taken[name].append(job())
    return taken


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, least and most of some values."""
    return {"median": float(np.median(values)), "least": float(min(values)), "most": float(max(values))}


def ratio(values: Sequence[float], baseline: Sequence[float]) -> dict[str, float]:
    """Return how many times the baseline some values are: the ratio of the medians, and the least and most over rounds."""
    by_round = np.divide(values, baseline)
    return {
        "median": float(np.median(values) / np.median(baseline)),
        "least": float(by_round.min()),
        "most": float(by_round.max()),
    }


def fit_exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Return p of seconds = c * size^p by least squares of the logarithms: 1 is linear, 2 quadratic."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def fit_line(x: Sequence[float], y: Sequence[float]) -> dict[str, float]:
    """Return slope and intercept of a straight line by least squares, and the share of variance it explains (R squared)."""
    slope, intercept = np.polyfit(x, y, 1)
    rest = np.asarray(y) - (slope * np.asarray(x) + intercept)
    total = float(np.var(y))
    explained = 1 - float(np.var(rest)) / total if total > 0 else 1.0
    return {"slope": float(slope), "intercept": float(intercept), "r_squared": explained}
