"""What a table to predict from holds that training did not: unseen levels, cells that cannot be read, values out of range."""

from collections.abc import Container

import numpy as np

from propneat.base.words import count_cells
from propneat.data.cells import Cells
from propneat.data.frames import TableView
from propneat.data.plan import ReadColumn
from propneat.data.preprocessing import Preprocessor

__all__ = ["describe_encounter", "describe_training"]


def describe_encounter(preprocessor: Preprocessor, table: object, features: Container[str]) -> list[str]:
    """Return one line for each way in which cells of the columns `features` are not like those of training.

    Columns of the plan that the table lacks and that are not among `features` are named too.
    """
    view = TableView.of(table)
    columns = preprocessor.plan.read(view, [name for name in preprocessor.features if name in features])
    lines = []
    if not view.is_array and (absent := [name for name in preprocessor.features if name not in view.names]):
        lines.append(f"columns that the network does not use are not in the table: {', '.join(absent[:10])}")
    for name, column in columns.items():
        lines += _odd_cells(name, column, view.column(view.names.index(name)) if name in view.names else None)
        lines += _unseen_levels(name, column) if column.codes is not None else _outside(preprocessor, name, column)
    return lines


def describe_training(preprocessor: Preprocessor, table: object) -> list[str]:
    """Return one line for each column of training rows whose encoding was not plain.

    These are columns that get the mean target of a level as an input, and those with a few numbers far outside the rest.
    """
    lines = []
    for name, column in preprocessor.plan.read(table).items():
        rules = [rule for rule in preprocessor.rules if rule.feature == name]
        means = [rule for rule in rules if rule.means is not None]
        if means:
            what = "numbers name something" if column.codes is None else "are more levels than get an input each (--max-levels)"
            count = len(column.levels) if column.codes is not None else len(np.unique(column.numbers[~column.missing]))
            lines.append(f"{name}: its {count} {what}, so the mean target of each is an input, learnt from other rows")
        outside = np.any([rule.outside(column) for rule in rules], axis=0) if rules else np.zeros(1, bool)
        if outside.any():
            rule = next(rule for rule in rules if rule.outside(column).any())
            ends = f"between {rule.low:.6g} and {rule.high:.6g}" if rule.part is None else "nearest to them"
            lines.append(
                f"{name}: {_cells(outside, 'lies', 'lie')} far outside the rest and {_be(outside)} taken as the value {ends}"
            )
    return lines


def _odd_cells(name: str, column: ReadColumn, values: object) -> list[str]:
    if not column.odd.any():
        return []
    shown = "" if values is None else _examples(values[column.odd], name)
    return [f"{name}: {_cells(column.odd, 'holds', 'hold')} no {column.plan.kind} and {_be(column.odd)} read as missing{shown}"]


def _examples(values: object, name: str) -> str:
    return f" ({', '.join(repr(value) for value in Cells.of(values, name).values[:3])})"


def _unseen_levels(name: str, column: ReadColumn) -> list[str]:
    unseen = [code for code, level in enumerate(column.levels) if level not in column.plan.levels]
    found = np.isin(column.codes, unseen)
    if not found.any():
        return []
    shown = ", ".join(repr(column.levels[code]) for code in unseen[:3])
    return [f"{name}: {_cells(found, 'holds a level', 'hold levels')} that training did not show often ({shown})"]


def _outside(preprocessor: Preprocessor, name: str, column: ReadColumn) -> list[str]:
    rules = [rule for rule in preprocessor.rules if rule.feature == name]
    outside = np.any([rule.outside(column) for rule in rules], axis=0) if rules else np.zeros(len(column.missing), bool)
    if not outside.any():
        return []
    return [
        f"{name}: {_cells(outside, 'lies', 'lie')} outside the range of training and {_be(outside)} taken as its nearest end"
    ]


def _cells(mask: np.ndarray, holds: str, hold: str) -> str:
    return count_cells(int(mask.sum()), len(mask), holds, hold)


def _be(mask: np.ndarray) -> str:
    return "is" if mask.sum() == 1 else "are"
