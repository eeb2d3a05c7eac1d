"""What the columns are worth to a network: permutation importance and partial dependence on rows it has not learnt from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from propneat.base.rng import make_rng
from propneat.model.model import Model, class_probabilities

__all__ = ["Dependence", "Importance", "Rows", "partial_dependence", "permutation_importance"]

_REPEATS, _MOST_ROWS = 20, 2000
_MOST_VALUES = 400_000
"""Rows times repeats of a column at most; the fewest repeats are 5."""
_POINTS, _MOST_AVERAGED = 25, 300


@dataclass(frozen=True, eq=False)
class Rows:
    """Network inputs of rows whose truth is known, and how a network answers them.

    `inputs` is float64 (n_rows, n_inputs), of sequences (n_sequences, n_steps, n_inputs). `answer` takes such inputs, and the
    numbers of the rows they belong to, and returns raw outputs (n_rows, n_outputs); `score` takes these and the numbers.
    Higher scores are better.
    """

    inputs: np.ndarray
    answer: Callable[[np.ndarray, np.ndarray], np.ndarray]
    score: Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Importance:
    """How much a score falls when a column's values are exchanged between rows: mean and standard deviation over repeats."""

    column: str
    mean: float
    spread: float


@dataclass(frozen=True, eq=False)
class Dependence:
    """The mean answer over rows where a column has each of some values: probabilities of classes or numbers, (n_points, n)."""

    column: str
    labels: tuple[str, ...]
    """The values, as people write them."""
    positions: np.ndarray | None
    """The values as numbers, (n_points,), None for levels."""
    means: np.ndarray
    names: tuple[str, ...]
    """What each column of `means` is the probability of, or the target."""


def permutation_importance(model: Model, rows: Rows, seed: int) -> tuple[Importance, ...]:
    """Exchange the values of every used column between rows, and see how much the score falls; the largest mean first.

    After Breiman (2001), on rows the network has not learnt from. All inputs made of a column move together; of sequences the
    steps of all are exchanged. A column whose score does not fall beyond the spread is worth nothing that these rows show.
    Large tables are judged by 2,000 of their rows.
    """
    rng = make_rng(seed, "importance")
    n_rows = len(rows.inputs)
    chosen = np.sort(rng.permutation(n_rows)[:_MOST_ROWS])
    inputs = rows.inputs[chosen]
    n_repeats = int(np.clip(_MOST_VALUES // max(1, inputs[..., 0].size), 5, _REPEATS))
    base = rows.score(rows.answer(inputs, chosen), chosen)
    found = []
    for column in model.used_features:
        places = [k for k, rule in enumerate(model.preprocessor.rules) if rule.feature == column]
        falls = []
        for _ in range(n_repeats):
            moved = inputs.copy()
            moved[..., places] = _exchanged(inputs[..., places], rng)
            falls.append(base - rows.score(rows.answer(moved, chosen), chosen))
        found.append(Importance(column, float(np.mean(falls)), float(np.std(falls, ddof=1))))
    return tuple(sorted(found, key=lambda one: -one.mean if np.isfinite(one.mean) else np.inf))


def _exchanged(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    flat = values.reshape(-1, values.shape[-1])
    return flat[rng.permutation(len(flat))].reshape(values.shape)


def partial_dependence(model: Model, table: object, column: str, seed: int) -> Dependence | None:
    """Return the mean answer over rows of a table where a column has each of some values, the rest staying as it is.

    After Friedman (2001). Numbers go from their 5 % to their 95 % quantile; categories take their levels, the most frequent
    ones. None for a column that does not vary, is all missing, or is a date.
    """
    from pandas import DataFrame

    plan = next(each for each in model.preprocessor.plan.columns if each.name == column)
    frame = table if isinstance(table, DataFrame) else DataFrame(table)
    read = model.preprocessor.plan.read(frame, [column])[column]
    if plan.kind == "category":
        codes = cast(np.ndarray, read.codes)
        counts = np.bincount(codes[codes >= 0], minlength=len(read.levels))
        most = np.sort(np.argsort(-counts, kind="stable")[:_POINTS])
        values = [read.levels[k] for k in most.tolist() if counts[k]]
    elif plan.kind in ("number", "truth"):
        values = _grid(cast(np.ndarray, read.numbers)[~read.missing])
    else:
        return None
    if len(values) < 2:
        return None
    rng = make_rng(seed, "dependence")
    rows = np.sort(rng.permutation(len(frame))[:_MOST_AVERAGED])
    inputs = model.preprocessor.transform(frame.iloc[rows], model.used_features)
    places = [k for k, rule in enumerate(model.preprocessor.rules) if rule.feature == column]
    one = frame.iloc[[0] * len(values)].assign(**{column: values})
    own = model.preprocessor.transform(one, (column,))[:, places]
    means = []
    for value in own:
        inputs[:, places] = value
        means.append(_mean_answer(model, inputs))
    numbers = None if plan.kind == "category" else np.asarray(values, dtype=np.float64)
    labels = tuple(f"{value:.6g}" if isinstance(value, float) else str(value) for value in values)
    return Dependence(column, labels, numbers, np.array(means), _names(model))


def _grid(numbers: np.ndarray) -> list[float]:
    distinct = np.unique(numbers)
    if len(distinct) <= _POINTS:
        return distinct.tolist()
    low, high = np.quantile(numbers, [0.05, 0.95])
    return np.linspace(low, high, _POINTS).tolist()


def _mean_answer(model: Model, inputs: np.ndarray) -> np.ndarray:
    from propneat.compiler import evaluate

    outputs = evaluate(model.plan, inputs)
    if model.task == "regression":
        return np.array([model.scale.invert(outputs[:, 0]).mean()])
    probabilities = class_probabilities(model.task, outputs).mean(axis=0)
    return probabilities[1:] if model.task == "binary" else probabilities


def _names(model: Model) -> tuple[str, ...]:
    if model.task == "regression":
        return (model.target_name,)
    return tuple(f"P({model.target_name}={label})" for label in (model.labels[1:] if model.task == "binary" else model.labels))
