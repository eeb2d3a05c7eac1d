"""Targets as numbers: class labels to codes, and the scale of a regression target."""

from dataclasses import dataclass

import numpy as np

from propneat.data.columns import as_numbers, kind_of
from propneat.data.weighted import check_weights, measure, tally
from propneat.errors import DataError

__all__ = ["TASKS", "TargetScale", "encode_target", "infer_task"]

TASKS = ("binary", "multiclass", "regression")
"""What can be asked of a network: one of two classes, one of several, or a number."""

MAX_INFERRED_CLASSES = 20
"""Whole-number targets with more distinct values than this are taken for a regression, unless the task is said."""

Label = str | bool | int | float


@dataclass(frozen=True)
class TargetScale:
    """The mean and spread of a regression target: networks learn (value - center) / scale."""

    center: float
    scale: float

    @classmethod
    def fit(cls, values: np.ndarray, weights: object = None) -> "TargetScale":
        """Measure training targets of shape (n_rows,) under row weights (n_rows,); the scale of a constant is 1."""
        values = np.asarray(values, dtype=np.float64)
        row_weights = check_weights(weights, len(values))
        return cls(*measure(*tally(values[row_weights > 0], row_weights[row_weights > 0])))

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return targets in the units a network learns, same shape as `values`."""
        return (np.asarray(values, dtype=np.float64) - self.center) / self.scale

    def invert(self, values: np.ndarray) -> np.ndarray:
        """Return a network's answers in the units of the target, same shape as `values`."""
        return np.asarray(values, dtype=np.float64) * self.scale + self.center


def infer_task(target: object) -> str:
    """Guess the task of a target of shape (n_rows,), missing values apart.

    Two distinct values are "binary"; texts, truth values, and at most 20 distinct whole numbers are "multiclass"; the rest
    is "regression". Raises DataError for a target that holds neither numbers nor texts.
    """
    labels = _distinct_labels(target)[0]
    if len(labels) == 2:
        return "binary"
    if any(isinstance(label, str | bool) for label in labels):
        return "multiclass"
    whole = all(float(label).is_integer() for label in labels)
    return "multiclass" if whole and len(labels) <= MAX_INFERRED_CLASSES else "regression"


def encode_target(target: object, task: str) -> tuple[tuple[Label, ...] | None, np.ndarray]:
    """Return the classes and the target as numbers, shape (n_rows,).

    For "binary" and "multiclass" the classes are the distinct labels in ascending order, as plain Python values that JSON can
    carry (numbers stay numbers, a mixture of numbers and texts becomes texts), and the numbers are their positions, int64.
    For "regression" the classes are None and the numbers float64.

    Raises DataError for an unknown task, missing or infinite values, texts in a regression target, fewer than
    two classes, or more than two for "binary".
    """
    if task not in TASKS:
        raise DataError(f"task must be one of {', '.join(TASKS)}, not {task!r}")
    column = _as_column(target)
    if task == "regression":
        name = getattr(column, "name", None)
        values = as_numbers(column, "target" if name is None else str(name))
        _refuse_missing(np.isnan(values))
        return None, values
    labels, codes = _distinct_labels(column)
    _refuse_missing(codes < 0)
    if len(labels) < 2:
        found = "only one class" if labels else "no values"
        raise DataError(f"the target has {found}, and at least two classes are needed to learn from")
    if task == "binary" and len(labels) > 2:
        raise DataError(f"a binary target has two classes, this one has {len(labels)}: use task 'multiclass'")
    order = sorted(range(len(labels)), key=labels.__getitem__)
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels))
    return tuple(labels[position] for position in order), rank[codes]


def _as_column(target: object) -> object:
    values = target if hasattr(target, "iloc") else np.asarray(target)
    if getattr(values, "ndim", 1) != 1:
        raise DataError(f"expected one target value for each row, got an array of shape {values.shape}")
    return values


def _refuse_missing(missing: np.ndarray) -> None:
    if missing.any():
        raise DataError(f"the target is missing in {int(missing.sum())} of {len(missing)} rows: fill in or remove those rows")


def _distinct_labels(target: object) -> tuple[list[Label], np.ndarray]:
    """Return the distinct labels, unsorted, and for each row the position of its label, -1 where missing."""
    from pandas import factorize

    column = _as_column(target)
    kind_of(column, "target")
    codes, found = factorize(column)
    labels = [value.item() if isinstance(value, np.generic) else value for value in found]
    infinite = [label for label in labels if isinstance(label, float) and np.isinf(label)]
    if infinite:
        raise DataError("the target holds an infinite value: replace it by a finite number or remove the row")
    if any(isinstance(label, str) for label in labels):
        return _text_labels([str(label) for label in labels], codes)
    return [label if isinstance(label, bool | int | float) else float(label) for label in labels], codes


def _text_labels(texts: list[str], codes: np.ndarray) -> tuple[list[Label], np.ndarray]:
    """Join labels that became equal as texts, such as 1 and "1"; blank texts count as missing."""
    distinct = list(dict.fromkeys(text for text in texts if text.strip()))
    position = {text: index for index, text in enumerate(distinct)}
    return distinct, np.array([*(position.get(text, -1) for text in texts), -1], dtype=np.int64)[codes]
