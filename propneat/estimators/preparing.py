"""What the estimators are given as a learning problem: tables of rows, and arrays of sequences."""

from typing import Any

import numpy as np

from propneat.base.errors import DataError
from propneat.data import plan_table
from propneat.data.planning import PlannedTable
from propneat.data.sequence_rows import SequenceColumns, read_arrays
from propneat.model.preparation import PreparedProblem, prepare_problem
from propneat.model.sequence_preparation import prepare_sequences
from propneat.settings.file import Settings
from propneat.settings.reading import ReadingOptions

__all__ = ["are_sequences", "checked_sequences", "plan_columns", "prepare_arrays", "prepare_rows"]


def are_sequences(X: Any) -> bool:
    """Say whether X is an array of sequences rather than a table of rows."""
    return getattr(X, "ndim", 0) == 3


def checked_sequences(X: Any, n_features: int | None = None) -> np.ndarray:
    """Return an array of sequences as float64; raises DataError for what is none, or has another number of features."""
    if not are_sequences(X):
        raise DataError(f"expected sequences, an array of shape (n_sequences, n_steps, n_features), got shape {np.shape(X)}")
    try:
        X = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError("sequences are arrays of numbers, and X holds something else") from error
    if n_features is not None and X.shape[2] != n_features:
        raise DataError(f"expected sequences of {n_features} features as in fit, got {X.shape[2]}")
    if np.isinf(X).any():
        raise DataError("X holds an infinite value: replace it by a finite number, or by NaN where it is missing")
    return X


def plan_columns(values: Any, reading: ReadingOptions) -> PlannedTable:
    """Decide how columns are read, see `plan_table`; raises DataError where all are left out."""
    planned = plan_table(values, reading)
    if not planned.plan.used:
        raise DataError("no column is left to learn from: drop and keep leave all of them out")
    return planned


def prepare_arrays(
    X: np.ndarray, y: np.ndarray, task: str, weights: np.ndarray, class_weight: Any, settings: Settings, seed: int
) -> tuple[list[str], PreparedProblem]:
    """Return what is to be said of the columns, and the problem; see `prepare_sequences`."""
    values, rows = read_arrays(X)
    planned = plan_columns(values, settings.data.reading)
    prepared = prepare_sequences(
        values,
        y,
        task,
        rows,
        SequenceColumns(answer=settings.data.answer),
        seed=seed,
        weights=weights,
        class_weight=class_weight,
        **settings.data.preparing,
        plan=planned.plan,
    )
    return [*planned.notes, *prepared.describe(values, y)], prepared


def prepare_rows(
    X: Any, y: np.ndarray, task: str, weights: np.ndarray, class_weight: Any, settings: Settings, seed: int
) -> tuple[list[str], PreparedProblem]:
    """Return what is to be said of the columns, and the problem."""
    settings.data.refuse_answer()
    planned = plan_columns(X, settings.data.reading)
    prepared = prepare_problem(
        X,
        y,
        task,
        seed=seed,
        weights=weights,
        class_weight=class_weight,
        **settings.data.preparing,
        plan=planned.plan,
    )
    return [*planned.notes, *prepared.describe(X, y)], prepared
