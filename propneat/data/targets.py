"""Targets as numbers: what a target column is, and class labels to codes."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from propneat.base.errors import DataError
from propneat.data.column_planning import plan_column
from propneat.data.numbers import are_whole
from propneat.data.plan import ColumnPlan, ReadColumn
from propneat.data.source_column import SourceColumn
from propneat.settings.reading import ReadingOptions

if TYPE_CHECKING:
    import pandas

__all__ = [
    "MAX_INFERRED_CLASSES",
    "TASKS",
    "TargetReport",
    "encode_target",
    "infer_task",
    "labels_of",
    "plan_target",
    "read_labels",
]

TASKS = ("binary", "multiclass", "regression")
"""What can be asked of a network: one of two classes, one of several, or a number."""

MAX_INFERRED_CLASSES = 10
"""Whole-number targets with more distinct values than this are taken for a regression, unless the task is said."""

_MOST = 1e300

Label = str | bool | int | float


@dataclass(frozen=True)
class TargetReport:
    """What a target is: the column as it was read, the task, and one line that says so."""

    read: ReadColumn
    task: str
    note: str


def plan_target(
    values: object, name: str, task: str | None, options: ReadingOptions, comma_elsewhere: bool = False, unit: str = "rows"
) -> TargetReport:
    """Decide how a target column (n_rows,) is read and, unless `task` says it, what is to be learnt.

    Two values are "binary"; texts, truth values and at most `MAX_INFERRED_CLASSES` whole numbers "multiclass"; the rest, numbers
    with marks, currencies or units among them, is "regression". `unit` is what the note counts. Raises DataError for a target that can be none of these.
    """
    if task is not None and task not in TASKS:
        raise DataError(f"task must be one of {', '.join(TASKS)}, not {task!r}")
    wanted = {
        "missing": options.missing,
        "decimal": options.decimal,
        "thousands": options.thousands,
        "odd_cells": options.odd_cells,
    }
    group = (
        "numbers" if task == "regression" or name in options.numbers else "categories" if name in options.categories else None
    )
    own = ReadingOptions(**wanted, **({group: (name,)} if group else {}))
    source = SourceColumn(values, name, own.missing)
    report = plan_column(source, own, comma_elsewhere=comma_elsewhere)
    plan = replace(report.plan, sentinel=None)
    if plan.kind in ("dropped", "date"):
        plan = ColumnPlan(name, "category")
    read = source.read(plan)
    labels = labels_of(read)
    if task == "regression" and not len(labels.dropna()):
        raise DataError(f"column {name!r} must hold numbers for a regression, and none of its cells is one")
    found = infer_task(labels)
    if task in ("binary", "multiclass") and plan.kind == "number" and found == "regression" and report.note:
        read = source.read(ColumnPlan(name, "category"))
        labels = labels_of(read)
    return TargetReport(read, task or found, _target_note(labels, name, task, found, report.note, unit))


def _target_note(labels: "pandas.Series", name: str, task: str | None, found: str, reading: str, unit: str) -> str:
    counts = labels.value_counts()
    reading = f" ({reading.partition(': ')[2]})" if reading else ""
    if (task or found) == "regression":
        other = "" if task else "; --task multiclass would make each number a class"
        return f"target {name!r}: a number to predict, {len(counts)} distinct values{reading}{other}"
    shown = ", ".join(f"{label} ({count})" for label, count in counts.iloc[:5].items()) + (", ..." if len(counts) > 5 else "")
    are_numbers = all(not isinstance(label, str | bool) for label in counts.index)
    other = "; --task regression would predict the number" if are_numbers and not task and len(counts) > 2 else ""
    return f"target {name!r}: {len(counts)} classes, {unit} of each: {shown}{reading}{other}"


def read_labels(plan: ColumnPlan, values: object, markers: tuple[str, ...]) -> "pandas.Series":
    """Return the labels of a target column (n_rows,) by its plan, NaN or None where missing, with a plain row index.

    Numbers that are all whole are int64 where none is missing; categories are texts, truth values True and False.
    """
    return labels_of(plan.read(values, markers))


def labels_of(read: ReadColumn) -> "pandas.Series":
    """Return the labels of a target column that was read, see `read_labels`."""
    from pandas import Series

    plan = read.plan
    if plan.kind == "category":
        labels = np.array([*read.levels, None], dtype=object)[read.codes]
        return Series(labels, name=plan.name, dtype=object)
    if plan.kind == "truth":
        labels = np.array([None if np.isnan(number) else bool(number) for number in read.numbers], dtype=object)
        return Series(labels, name=plan.name, dtype=object if read.missing.any() else bool)
    numbers = read.numbers
    whole = not read.missing.any() and are_whole(numbers) and np.abs(numbers).max(initial=0.0) < 2**53
    return Series(numbers.astype(np.int64) if whole else numbers, name=plan.name)


def infer_task(target: object) -> str:
    """Guess the task of a target of shape (n_rows,), missing values apart.

    Two distinct values are "binary"; texts, truth values, and at most `MAX_INFERRED_CLASSES` distinct whole numbers are
    "multiclass"; the rest is "regression". Raises DataError for a target that holds neither numbers nor texts.
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

    Raises DataError for an unknown task, missing or infinite values, texts in a regression target, numbers too large to
    be added up, fewer than two classes, or more than two for "binary".
    """
    if task not in TASKS:
        raise DataError(f"task must be one of {', '.join(TASKS)}, not {task!r}")
    column = _as_column(target)
    if task == "regression":
        return None, _numbers(column)
    labels, codes = _distinct_labels(column)
    _refuse_missing(codes < 0)
    if len(labels) < 2:
        found = f"only one class, {labels[0]!r}," if labels else "no values"
        raise DataError(f"the target has {found} and at least two classes are needed to learn from")
    if task == "binary" and len(labels) > 2:
        raise DataError(f"a binary target has two classes, this one has {len(labels)}: use task 'multiclass'")
    order = sorted(range(len(labels)), key=labels.__getitem__)
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels))
    return tuple(labels[position] for position in order), rank[codes]


def _numbers(column: object) -> np.ndarray:
    name = getattr(column, "name", None)
    read = ColumnPlan("target" if name is None else str(name), "number").read(column)
    if read.odd.any():
        odd = column[int(np.argmax(read.odd))] if isinstance(column, np.ndarray) else column.iloc[int(np.argmax(read.odd))]
        raise DataError(f"column {read.plan.name!r} must hold numbers, got {str(odd)[:60]!r}")
    _refuse_missing(read.missing)
    most = float(np.abs(read.numbers).max(initial=0.0))
    if most > _MOST:
        raise DataError(
            f"column {read.plan.name!r} holds numbers as large as {most:.3g}, too large to be added up: divide it by a power of ten"
        )
    return read.numbers


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
    plan_column(SourceColumn(column, "target", ReadingOptions().missing))
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
