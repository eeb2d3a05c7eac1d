"""A long table divided for a run, sequence by sequence: some to learn from, as a problem, and some held out."""

import numpy as np
import pandas

from propneat.base.errors import DataError
from propneat.data import Table, encode_target
from propneat.data.sequence_rows import SequenceRows
from propneat.model.sequence_preparation import prepare_sequences
from propneat.run.divided import DividedSequences, columns_of, hold_out, memory_line, sequences_line
from propneat.run.forecast_data import describe_series
from propneat.settings.file import Settings

__all__ = ["describe_sequences", "divide_sequences"]

_HOW = {"last": "at its last step", "mean": "the mean over its steps"}


def divide_sequences(settings: Settings, table: Table) -> DividedSequences:
    """Divide the sequences of a table, by class; nothing is fitted to those held out.

    Raises DataError or ConfigError for sequences or settings that cannot be learnt from.
    """
    data, seed = settings.data, settings.evolve.seed
    columns = columns_of(data)
    rows = columns.rows_of(table.carried)
    answers = pandas.Series(rows.answers(table.target), name=table.target.name)
    codes = encode_target(answers, table.task)[1]
    if table.task == "regression" and np.ptp(codes) == 0:
        raise DataError(f"target {table.target.name!r} has the same value in every sequence: there is nothing to learn")
    learn, test = hold_out(data, codes, table.task, seed)
    learnt, learnt_rows = rows.part(learn)
    features, target = table.features.iloc[learnt], answers.iloc[learn]
    prepared = prepare_sequences(
        features,
        target,
        table.task,
        learnt_rows,
        columns,
        seed=seed,
        class_weight=data.class_weight,
        positive=data.positive,
        **data.preparing,
        plan=table.plan,
    )
    held_out, test_rows = rows.part(test)
    test_features, test_target = (table.features.iloc[held_out], answers.iloc[test]) if len(test) else (None, None)
    notes = (*_describe(settings, rows, answers.to_numpy(), table.task), *table.notes, *prepared.describe(features, target))
    return DividedSequences(prepared, test_features, test_target, codes[test], test_rows, notes)


def describe_sequences(settings: Settings, table: Table) -> list[str]:
    """Return lines on the sequences of a table, before they are divided; raises DataError for those that cannot be learnt from."""
    if settings.data.next_step is not None:
        return describe_series(settings, table)
    rows = columns_of(settings.data).rows_of(table.carried)
    return _describe(settings, rows, rows.answers(table.target), table.task)


def _describe(settings: Settings, rows: SequenceRows, answers: np.ndarray, task: str) -> list[str]:
    counts = pandas.Series(answers).value_counts()
    shown = ", ".join(f"{label} ({count})" for label, count in counts.iloc[:5].items()) + (", ..." if len(counts) > 5 else "")
    told = f"{len(counts)} distinct numbers" if task == "regression" else f"sequences of each class: {shown}"
    return [
        sequences_line(settings.data, rows),
        f"answers: one for each sequence, {_HOW[settings.data.answer]}, {told}",
        memory_line(settings),
    ]
