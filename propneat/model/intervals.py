"""How far test scores are known: 95 % intervals by drawing the test rows anew, of one way to answer and of two."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from propneat.base.rng import make_rng
from propneat.data import encode_target
from propneat.model.model import Model, class_probabilities
from propneat.model.scores import class_codes, read_truth

__all__ = ["Answers", "Difference", "answers_of", "compare_answers", "score_all", "score_intervals", "values_of"]

_MOST_DRAWS, _FEWEST_DRAWS = 1000, 100
_NUMBERS = 40_000_000
"""About so many counts of rows are drawn at most, so that large tables take seconds."""
_AT_ONCE = 2_000_000
_ENDS = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers on rows whose truth is known.

    Of classes `values` are probabilities, float64 (n_rows, n_classes), and `truth` is the position of each true class, int64
    (n_rows,). Of a regression both are numbers, float64 (n_rows,).
    """

    task: str
    values: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True)
class Difference:
    """A score of one way to answer less that of another on the same rows: its 95 % interval and a two-sided p-value."""

    value: float
    low: float
    high: float
    p_value: float


def answers_of(model: Model, outputs: np.ndarray, target: Any) -> Answers | None:
    """Return the answers that raw outputs of a model's network stand for, (n_rows, n_outputs); None where one is not finite."""
    if not len(outputs) or not np.isfinite(outputs).all():
        return None
    read = read_truth(model, target)
    truth = encode_target(read, "regression")[1] if model.task == "regression" else class_codes(model, read)
    return Answers(model.task, values_of(model, outputs), truth)


def values_of(model: Model, outputs: np.ndarray) -> np.ndarray:
    """Return what raw outputs of a model's network stand for: probabilities (n_rows, n_classes), or numbers (n_rows,)."""
    if model.task == "regression":
        return model.scale.invert(outputs[:, 0])
    with np.errstate(over="ignore"):
        return class_probabilities(model.task, outputs)


def score_all(answers: Answers) -> dict[str, float]:
    """Return the scores of some answers, those of `score_model`."""
    return {name: float(values[0]) for name, values in _scores(answers, np.ones((1, len(answers.truth)))).items()}


def score_intervals(answers: Answers, seed: int) -> dict[str, tuple[float, float]]:
    """Return the ends of a 95 % interval of every score: quantiles over rows drawn anew, as many of every class as there are.

    The bootstrap of Efron (1979). Interval and score say nothing of what another division of the table would have given.
    """
    drawn = _drawn_scores([answers], seed)[0]
    return {name: _ends(values) for name, values in drawn.items()}


def compare_answers(one: Answers, other: Answers, seed: int) -> dict[str, Difference]:
    """Compare two ways to answer the same rows, score by score: `one` less `other`, on the same rows drawn anew."""
    first, second = _drawn_scores([one, other], seed)
    scores, others = score_all(one), score_all(other)
    differences = {}
    for name in scores:
        gaps = first[name] - second[name]
        # the share of draws beyond 0, on the side where there are fewer, plus one draw, which keeps p above 0
        tail = (1 + min((gaps <= 0).sum(), (gaps >= 0).sum())) / (1 + len(gaps))
        differences[name] = Difference(scores[name] - others[name], *_ends(gaps), min(1.0, 2 * float(tail)))
    return differences


def _ends(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    low, high = np.quantile(finite, _ENDS) if len(finite) else (np.nan, np.nan)
    return float(low), float(high)


def _drawn_scores(ways: list[Answers], seed: int) -> list[dict[str, np.ndarray]]:
    """Return every score of some ways to answer the same rows, (n_draws,), all on the same draws."""
    found: list[list[Mapping[str, np.ndarray]]] = [[] for _ in ways]
    for counts in _draws(ways[0], seed):
        for scores, answers in zip(found, ways, strict=True):
            scores.append(_scores(answers, counts))
    return [{name: np.concatenate([part[name] for part in parts]) for name in parts[0]} for parts in found]


def _draws(answers: Answers, seed: int) -> Iterator[np.ndarray]:
    """Yield how often each row is drawn, float64 (some draws, n_rows)."""
    rng, truth = make_rng(seed, "intervals"), answers.truth
    groups = [np.arange(len(truth))] if answers.task == "regression" else [np.flatnonzero(truth == k) for k in np.unique(truth)]
    width = 1 if answers.task == "regression" else answers.values.shape[1]
    n_draws = max(_FEWEST_DRAWS, min(_MOST_DRAWS, _NUMBERS // (len(truth) * width)))
    at_once = max(1, _AT_ONCE // len(truth))
    for first in range(0, n_draws, at_once):
        counts = np.zeros((min(at_once, n_draws - first), len(truth)))
        for row in counts:
            for group in groups:
                row[group] = np.bincount(rng.integers(len(group), size=len(group)), minlength=len(group))
        yield counts


def _scores(answers: Answers, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return every score where each row counts so often, `counts` (n_draws, n_rows); each score (n_draws,)."""
    values, truth = answers.values, answers.truth
    if answers.task == "regression":
        return _scores_of_numbers(values, truth, counts)
    n_classes, rows = values.shape[1], np.arange(len(truth))
    asked = [1] if answers.task == "binary" else [k for k in range(n_classes) if 0 < (truth == k).sum() < len(truth)]
    areas = [_areas(values[:, k], truth == k, counts) for k in asked]
    right = np.argmax(values, axis=1) == truth
    recalls = [counts[:, own] @ right[own] / counts[:, own].sum(axis=1) for own in (truth == k for k in np.unique(truth))]
    losses = -np.log(np.maximum(values[rows, truth], np.finfo(float).eps))
    return {
        "auc": np.mean(areas, axis=0) if areas else np.full(len(counts), np.nan),
        "balanced_accuracy": np.mean(recalls, axis=0),
        "log_loss": counts @ losses / counts.sum(axis=1),
    }


def _scores_of_numbers(values: np.ndarray, truth: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    total = counts.sum(axis=1)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        # in units of the spread, so that huge numbers have finite squares
        center, spread = truth.mean(), max(float(np.ptp(truth)), np.finfo(float).tiny)
        scaled, answered = (truth - center) / spread, (values - center) / spread
        errors = counts @ (answered - scaled) ** 2 / total
        spreads = counts @ scaled**2 / total - (counts @ scaled / total) ** 2
        return {"r2": np.where(spreads > 1e-15, 1 - errors / spreads, np.nan), "rmse": spread * np.sqrt(errors)}


def _areas(values: np.ndarray, positive: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the area under the ROC curve where each row counts so often: pairs in the right order, ties half."""
    order = np.argsort(values, kind="stable")
    values, counts, positive = values[order], counts[:, order], positive[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(values) > 0]))
    of_positive = np.add.reduceat(counts * positive, starts, axis=1)
    of_negative = np.add.reduceat(counts * ~positive, starts, axis=1)
    below = np.cumsum(of_negative, axis=1) - of_negative / 2
    pairs = of_positive.sum(axis=1) * of_negative.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (of_positive * below).sum(axis=1) / pairs
