"""From a long table to a learning problem of sequences: preprocessing fitted to all steps, sequences divided and laid out."""

from typing import Any

import numpy as np

from propneat.base.errors import ConfigError, DataError
from propneat.base.rng import make_rng
from propneat.data import EncodingOptions, Preprocessor, TablePlan, TargetScale, encode_target, plan_table
from propneat.data.sequence_rows import SequenceColumns, SequenceRows
from propneat.model.preparation import MOST_INPUTS, PreparedProblem, class_factors, make_targets, with_positive
from propneat.search import Problem
from propneat.training import Sequences

__all__ = ["prepare_sequences"]

_LEAST = 4


def prepare_sequences(
    features: Any,
    answers: Any,
    task: str,
    rows: SequenceRows,
    columns: SequenceColumns,
    *,
    seed: int,
    validation_fraction: float = 0.4,
    weights: np.ndarray | None = None,
    class_weight: str | dict[Any, float] | None = None,
    positive: str | None = None,
    one_hot_integers: int = 0,
    max_levels: int = 20,
    plan: TablePlan | None = None,
) -> PreparedProblem:
    """Fit the preprocessing to the steps of all sequences and divide these, by class, into some to train on and to judge by.

    `features` has a row for every step, `rows` says which belong together, and `answers`, shape (n_sequences,), has the answer
    of every sequence, `weights` likewise. The rest is as in `prepare_problem`, but that levels of categories get no mean
    target: the other steps of a sequence would give its own away. Raises DataError or ConfigError for unusable input.
    """
    if not 0 < validation_fraction < 1:
        raise ConfigError(f"validation_fraction must lie between 0 and 1, not {validation_fraction}")
    if len(rows) < _LEAST:
        raise DataError(f"at least {_LEAST} sequences are needed to learn and to judge, and there are {len(rows)}")
    classes, values = with_positive(*encode_target(answers, task), task, positive)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    plan = plan_table(features).plan if plan is None else plan
    options = EncodingOptions(max_levels, one_hot_integers, (), MOST_INPUTS)
    row_weights = np.empty(len(rows.rows))
    row_weights[rows.rows] = np.repeat(weights, rows.lengths)
    preprocessor, inputs = Preprocessor.fit_transform(features, row_weights, plan=plan, options=options)
    scale = TargetScale.fit(values, weights) if task == "regression" else None
    if class_weight is not None:
        weights = weights * class_factors(class_weight, classes, values, weights)
    steps, targets = rows.stack(inputs), make_targets(values, task, classes, scale)
    if columns.answer == "mean":
        # every step learns the answer, and sequences weigh the same however long they are
        targets = np.repeat(targets[:, None], steps.shape[1], axis=1)
        weights = weights * rows.lengths.mean() / rows.lengths
    sequences = Sequences.make(steps, targets, weights, rows.lengths)
    problem = Problem.divided(sequences, values, task, validation_fraction, make_rng(seed, "split"))
    return PreparedProblem(problem, preprocessor, classes, scale, columns)
