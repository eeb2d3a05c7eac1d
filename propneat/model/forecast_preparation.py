"""From a long table to a learning problem of forecasts: at every step the value of a column at the next one."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from propneat.base.errors import ConfigError, DataError
from propneat.base.rng import make_rng
from propneat.data import EncodingOptions, Preprocessor, TablePlan, TargetScale
from propneat.data.next_steps import NextSteps
from propneat.data.sequence_rows import CHANGE, VALUE, SequenceColumns, SequenceRows
from propneat.model.preparation import MOST_INPUTS, PreparedProblem, make_targets
from propneat.search import Problem
from propneat.training import Sequences

__all__ = ["FollowedColumn", "prepare_forecasts"]

_LEAST = 4


@dataclass(frozen=True, eq=False)
class FollowedColumn:
    """A column whose next value is forecast: its values at all rows, as `encode_target` gives them, (n_rows,)."""

    name: str
    task: str
    classes: tuple[Any, ...] | None
    values: np.ndarray


def prepare_forecasts(
    features: Any,
    column: FollowedColumn,
    rows: SequenceRows,
    columns: SequenceColumns,
    plan: TablePlan,
    *,
    seed: int,
    validation_fraction: float = 0.4,
    one_hot_integers: int = 0,
    max_levels: int = 20,
    class_weight: Any = None,
) -> PreparedProblem:
    """Fit the preprocessing to the steps of all sequences, or windows of one, and divide these into some to train on and to judge by.

    `features` has a row for every step, and `rows` says which belong together. Of a number the change from one step to the next
    is learnt where that varies less than the number itself. Raises DataError or ConfigError for unusable input.
    """
    if not 0 < validation_fraction < 1:
        raise ConfigError(f"validation_fraction must lie between 0 and 1, not {validation_fraction}")
    if class_weight is not None:
        raise ConfigError(
            "class_weight is for one answer a row or a sequence, not for forecasts of the next step: leave it out"
        )
    followed = np.flatnonzero(rows.lengths > 1)
    if len(followed) < _LEAST:
        raise DataError(
            f"at least {_LEAST} sequences of two steps or more, or windows of one, are needed to learn from, not {len(followed)}"
        )
    options = EncodingOptions(max_levels, one_hot_integers, (), MOST_INPUTS)
    preprocessor, inputs = Preprocessor.fit_transform(features, np.ones(len(column.values)), plan=plan, options=options)
    # numbers that are read as they stand
    plain = {each.name for each in plan.columns if each.kind == "number" and each.sentinel is None}
    kind, scale = VALUE, None
    if column.task == "regression":
        kind, scale = _learnt(column, NextSteps.of(rows), column.name in plain)
    steps = rows.stack(column.values[:, None])
    values = steps[:, 1:] - (steps[:, :-1] if kind == CHANGE else 0)
    targets = make_targets(values.reshape(-1), column.task, column.classes, scale).reshape(*values.shape[:2], -1)
    sequences = Sequences.make(rows.stack(inputs)[:, :-1], targets, None, np.maximum(rows.lengths - 1, 1)).take(followed)
    split = make_rng(seed, "split")
    problem = Problem.divided(sequences, np.zeros(len(sequences)), column.task, validation_fraction, split)
    if scale is not None and kind == CHANGE:
        # what is forecast from a value that grows lies beyond those learnt from
        scale = replace(scale, low=None, high=None)
    return PreparedProblem(problem, preprocessor, column.classes, scale, replace(columns, next_step=kind))


def _learnt(column: FollowedColumn, steps: NextSteps, may_change: bool) -> tuple[str, TargetScale]:
    """Return what is learnt of a number, its next value or the change to it, and the scale of that."""
    values = column.values[steps.next]
    if np.ptp(values) == 0:
        raise DataError(f"column {column.name!r} has the same value at every step: there is nothing to learn")
    changes = values - column.values[steps.now]
    if may_change and changes.std() < values.std():
        return CHANGE, TargetScale.fit(changes)
    return VALUE, TargetScale.fit(values)
