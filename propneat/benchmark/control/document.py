"""What came of the control benchmark as one plain document: a row for every method in every environment, and all parts."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from propneat.benchmark.control.methods import METHODS, missing_package
from propneat.benchmark.control.parts import Part
from propneat.benchmark.control.store import PartStore
from propneat.benchmark.environment import describe_environment
from propneat.control.finding import find_world

__all__ = ["SCHEMA", "collect", "mean_and_interval", "summarise"]

SCHEMA = "propneat.control-benchmark/1"


def collect(parts: Sequence[Part], store: PartStore, n_workers: int) -> dict[str, Any]:
    """Return the document of parts; those that are not stored are left out of it."""
    rows = [row for part in parts if (row := store.find(part)) is not None]
    environments = {name: find_world(name).environment for name in dict.fromkeys(part.environment for part in parts)}
    methods = list(dict.fromkeys(part.method for part in parts))
    budgets = {part.environment: part.budget for part in parts}
    return {
        "schema": SCHEMA,
        "environment": describe_environment("local", n_workers, n_threads=1),
        "solved_at": {name: environment.solved_at for name, environment in environments.items()},
        "budget": budgets,
        "rows": [summarise(rows, name, method, budgets[name]) for name in environments for method in methods],
        "parts": rows,
    }


def summarise(parts: Sequence[Mapping[str, Any]], environment: str, method: str, budget: int) -> dict[str, Any]:
    """Return one row: a method in an environment over all seeds that were run.

    "steps_to_solve" counts the steps of an unsolved run instead, so that it is the least that the mean can be where "solved" is
    below "seeds". Intervals are two standard errors of the mean to either side, None for fewer than two seeds.
    """
    own = [row for row in parts if (row["part"]["environment"], row["part"]["method"]) == (environment, method)]
    steps = mean_and_interval([row["steps"] if row["solved_after"] is None else row["solved_after"] for row in own])
    returns = mean_and_interval([float(np.mean(row["returns"])) for row in own])
    cpu = mean_and_interval([row["cpu_seconds"] for row in own])
    return {
        "environment": environment,
        "method": method,
        "does": METHODS[method].does,
        "version": own[0]["version"] if own else None,
        "missing": missing_package(METHODS[method]),
        "seeds": len(own),
        "budget": budget,
        "solved": sum(row["solved_after"] is not None for row in own),
        "steps_to_solve": steps[0],
        "steps_to_solve_interval": steps[1],
        "final_return": returns[0],
        "final_return_interval": returns[1],
        "cpu_seconds": cpu[0],
    }


def mean_and_interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the mean of values and two standard errors of it, None where there are too few for either."""
    if not values:
        return None, None
    interval = 2 * float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else None
    return float(np.mean(values)), interval
