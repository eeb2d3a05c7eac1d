"""What the estimators are given to forecast from: sequences, or one series, whose columns go on at every step."""

from typing import Any

import numpy as np

from propneat.base.errors import ConfigError, DataError
from propneat.data import encode_target
from propneat.data.next_steps import NextSteps, cut_windows, window_size
from propneat.data.sequence_rows import SequenceColumns, read_arrays
from propneat.data.table import column_hint
from propneat.estimators.preparing import are_sequences, plan_columns
from propneat.model import Model
from propneat.model.forecast_preparation import FollowedColumn, prepare_forecasts
from propneat.model.preparation import PreparedProblem
from propneat.settings.file import Settings

__all__ = ["followed_values", "prepare_series"]


def prepare_series(X: Any, next_step: str | int, settings: Settings, seed: int) -> tuple[list[str], str, PreparedProblem]:
    """Return what is to be said of the columns, the name of the one forecast, and the problem.

    X is an array of sequences, or a table whose rows are one series in their order.
    """
    values, rows = read_arrays(X) if are_sequences(X) else (X, cut_windows(np.arange(len(X)), window_size(len(X))))
    planned = plan_columns(values, settings.data.reading)
    names = [column.name for column in planned.plan.columns]
    if isinstance(next_step, int) and 0 <= next_step < len(names):
        name = names[next_step]
    elif isinstance(next_step, str) and next_step in names:
        name = next_step
    else:
        said = f"next_step is the name or the position of one of {len(names)} columns of X, not {next_step!r}"
        raise ConfigError(f"{said}: {column_hint(str(next_step), names)}")
    column = FollowedColumn(name, "regression", *encode_target(_column(values, name, names), "regression"))
    prepared = prepare_forecasts(values, column, rows, SequenceColumns(), planned.plan, seed=seed, **settings.data.preparing)
    return [*planned.notes, *prepared.describe(values, column.values)], name, prepared


def followed_values(model: Model, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows of X, counted through all sequences, another step follows, and what the column is there."""
    values, rows = model.sequence_rows(X)
    steps = NextSteps.of(rows)
    if not len(steps):
        raise DataError("a score needs a step that another follows, and X has none")
    column = _column(values, model.target_name, [column.name for column in model.preprocessor.plan.columns])
    return steps.now, encode_target(column, "regression")[1][steps.next]


def _column(values: Any, name: str, names: list[str]) -> Any:
    return values[name] if hasattr(values, "columns") else values[:, names.index(name)]
