"""A long table divided for a run that forecasts: some sequences, or the last part of one series, are held out."""

import numpy as np

from propneat.base.errors import DataError
from propneat.data import Table, encode_target
from propneat.data.next_steps import NextSteps, cut_windows, window_size
from propneat.data.sequence_rows import CHANGE, SequenceColumns, SequenceRows
from propneat.model.forecast_preparation import FollowedColumn, prepare_forecasts
from propneat.run.divided import DividedSequences, columns_of, hold_out, memory_line, order_of, sequences_line
from propneat.settings.file import Settings

__all__ = ["describe_series", "divide_forecasts"]


def divide_forecasts(settings: Settings, table: Table) -> DividedSequences:
    """Divide the sequences of a table, or the one series by time; nothing is fitted to what is held out.

    Raises DataError or ConfigError for sequences or settings that cannot be learnt from.
    """
    data, rows = settings.data, _rows_of(settings, table)
    column = FollowedColumn(table.target_plan.name, table.task, *encode_target(table.target, table.task))
    if data.sequence_id is None:
        n_learnt = len(table) - _n_held_out(settings, table)
        order = rows.rows[:n_learnt]
        learnt_rows = cut_windows(np.arange(n_learnt), window_size(n_learnt))
        # the network comes to the steps held out with what it keeps of those before
        held_out, test_rows = rows.rows, SequenceRows(np.arange(len(table)), rows.start, rows.ids)
        forecasts = NextSteps.of(test_rows, since=n_learnt) if n_learnt < len(table) else None
    else:
        learn, test = hold_out(data, np.zeros(len(rows)), "regression", settings.evolve.seed)
        order, learnt_rows = rows.part(learn)
        held_out, test_rows = rows.part(test)
        forecasts = NextSteps.of(test_rows)
    learnt = FollowedColumn(column.name, column.task, column.classes, column.values[order])
    preparing = data.preparing | {"seed": settings.evolve.seed, "class_weight": data.class_weight}
    features = table.features.iloc[order]
    prepared = prepare_forecasts(features, learnt, learnt_rows, columns_of(data), table.plan, **preparing)
    notes = (*describe_series(settings, table), _learnt_line(column.name, prepared.sequence), *table.notes)
    notes = (*notes, *prepared.describe(features, table.target.iloc[order]))
    if forecasts is None or not len(forecasts):
        return DividedSequences(prepared, None, None, column.values[:0], test_rows, notes)
    asked = held_out[forecasts.next]
    return DividedSequences(
        prepared,
        table.features.iloc[held_out],
        table.target.iloc[asked],
        column.values[asked],
        test_rows,
        notes,
        forecasts,
        column.values[held_out[forecasts.now]],
    )


def describe_series(settings: Settings, table: Table) -> list[str]:
    """Return lines on the sequences or the series of a table; raises DataError for those that cannot be learnt from."""
    data, rows = settings.data, _rows_of(settings, table)
    if data.sequence_id is not None:
        first = sequences_line(data, rows)
    else:
        n_test = _n_held_out(settings, table)
        first = (
            f"series: {len(table)} steps in the order of {order_of(data)}, the last {n_test} held out, "
            f"the others learnt in windows of {window_size(len(table) - n_test)}"
        )
    return [first, memory_line(settings)]


def _rows_of(settings: Settings, table: Table) -> SequenceRows:
    if table.carried is None:
        raise DataError(f"{table.name} was read as a table of single rows, which no step follows")
    return columns_of(settings.data).rows_of(table.carried)


def _n_held_out(settings: Settings, table: Table) -> int:
    return round(settings.data.test_fraction * len(table))


def _learnt_line(name: str, columns: SequenceColumns | None) -> str:
    is_change = columns is not None and columns.next_step == CHANGE
    how = "learnt as the change to it, which varies less" if is_change else "learnt as it is"
    return f"forecasts: at every step {name!r} of the next one, {how}"
