"""`load_table`: one table of features and one target, from a file, an embedded data set, or PMLB."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from propneat.base.errors import DataError
from propneat.data.frames import TableView
from propneat.data.numbers import are_whole
from propneat.data.plan import ColumnPlan, ReadColumn, TablePlan
from propneat.data.planning import plan_columns
from propneat.data.seen_texts import ColumnReport
from propneat.data.source_column import SourceColumn
from propneat.data.targets import encode_target, labels_of, plan_target
from propneat.settings.reading import ReadingOptions

if TYPE_CHECKING:
    import pandas

    from propneat.data.delimited import DelimitedForm
    from propneat.data.delimited_sweep import SweptColumn

__all__ = ["MIN_ROWS", "Table", "column_hint", "is_file_name", "load_table", "make_table", "split_target"]

MIN_ROWS = 10
"""The fewest rows that can be divided for learning, choosing and judging."""

_TARGET_NAMES = ("target", "class")


@dataclass(frozen=True, eq=False)
class Table:
    """A data set that is fit to learn from.

    `features` has one row for each case and, in its columns, what the plan reads: numbers, truth values, categories and dates,
    missing values allowed; `target` has the same plain row index and no missing values; `task` is "binary", "multiclass" or
    "regression"; `source` says in words where the table is from. `plan` and `target_plan` say how cells are read, `reports` what
    was found in each column, and `notes` has a line for every decision that was not plain.
    """

    name: str
    features: "pandas.DataFrame"
    target: "pandas.Series"
    task: str
    source: str
    plan: TablePlan
    target_plan: ColumnPlan
    reports: tuple[ColumnReport, ...]
    notes: tuple[str, ...]
    carried: "pandas.DataFrame | None" = None
    """Columns that say what a row belongs to rather than what is known of it, as they came."""

    def __len__(self) -> int:
        return len(self.target)


def load_table(
    name_or_path: str | Path,
    *,
    target: str | None = None,
    data_dir: str | Path | None = None,
    task: str | None = None,
    options: ReadingOptions = ReadingOptions(),
    form: "DelimitedForm | None" = None,
    carry: tuple[str, ...] = (),
    forecast: bool = False,
) -> Table:
    """Load a table by the path of a file (see `propneat.data.files.FILE_ENDINGS`) or the name of a data set.

    `target` names the column to predict; without it, the column called "target" or "class". A name means the embedded data set
    of that name; if there is none, or `data_dir` is given and holds PMLB's own file of that name, it means the PMLB data set,
    from the cache (see `pmlb_source.find_cache`) or downloaded into it. `task` overrules the task told by the
    catalogue or by the values (see `plan_target`); `options` and `form` say how columns and delimited text are read. Columns
    named by `carry` are no features; the first tells the sequences apart that rows belong to. With `forecast` the target is a
    feature too, for its value at the next step is what is predicted.

    Raises DataError, one sentence, for whatever cannot be found, read, or learnt from.
    """
    from propneat.data.files import DelimitedForm, read_columns, read_table_file

    text = str(name_or_path)
    if is_file_name(text):
        name, source = Path(text).name.split(".")[0], f"file {Path(text).name}"
        if carry or forecast:
            # what ties rows together is kept as it is written
            raw = read_table_file(text, form or DelimitedForm())
            return make_table(
                raw.frame, name=name, source=source, target=target, task=task, options=options, notes=raw.notes, carry=carry,
                forecast=forecast,
            )  # fmt: skip
        columns, notes = read_columns(text, form or DelimitedForm(), options.missing)
        return _make(columns, name=name, source=source, target=target, task=task, options=options, notes=notes)
    from propneat.data.named import load_named

    frame, known_task, source = load_named(text, data_dir)
    task = task or (known_task if target is None else None)
    return make_table(
        frame, name=text, source=source, target=target, task=task, options=options, carry=carry, forecast=forecast
    )


def is_file_name(text: str) -> bool:
    """Say whether `load_table` takes a text for a path: it has a known ending or a folder, or names a file with a dot."""
    from propneat.data.files import FILE_ENDINGS

    return text.lower().endswith(FILE_ENDINGS) or "/" in text or "\\" in text or ("." in text and Path(text).is_file())


def split_target(text: str) -> tuple[str, str | None]:
    """Return the file and the target of a text such as houses.csv:price, and any other text as it is, without a target."""
    file, colon, column = text.rpartition(":")
    is_split = colon and column and is_file_name(file) and not Path(text).exists()
    return (file, column) if is_split else (text, None)


def make_table(
    frame: "pandas.DataFrame",
    *,
    name: str,
    source: str,
    target: str | None = None,
    task: str | None = None,
    options: ReadingOptions = ReadingOptions(),
    notes: tuple[str, ...] = (),
    carry: tuple[str, ...] = (),
    forecast: bool = False,
) -> Table:
    """Plan and read the columns of a DataFrame, and check that they can be learnt from; raises DataError when not.

    Rows without a target are left out, which a note says.
    """
    view = TableView.of(frame)
    columns = {name: view.column(position) for position, name in enumerate(view.names)}
    return _make(
        columns,
        name=name,
        source=source,
        target=target,
        task=task,
        options=options,
        notes=notes,
        carry=carry,
        forecast=forecast,
    )


def _make(
    columns: "dict[str, pandas.Series | SweptColumn]",
    *,
    name: str,
    source: str,
    target: str | None,
    task: str | None,
    options: ReadingOptions,
    notes: tuple[str, ...],
    carry: tuple[str, ...] = (),
    forecast: bool = False,
) -> Table:
    """See `make_table`; takes the columns out of `columns`, so that those who gave them may keep none."""
    target = _target_name(list(columns), target, name)
    options.checked(list(columns))
    if target in options.drop and not forecast:
        raise DataError(
            f"column {target!r} is the target, and it is to be left out or to name the rows as well: name another target"
        )
    _check_carried(list(columns), carry, target, name)
    answers = columns[target] if forecast else columns.pop(target)
    carried = {column_name: columns.pop(column_name) for column_name in carry}
    if not columns:
        raise DataError(f"{name} has no column besides the target {target!r}: there is nothing to predict it from")
    if len(answers) < MIN_ROWS:
        raise DataError(f"{name} has {len(answers)} rows, and at least {MIN_ROWS} are needed to learn and to judge")
    sources = [SourceColumn(column, column_name, options.missing) for column_name, column in columns.items()]
    columns.clear()
    planned = plan_columns(sources, options if forecast else options.without(target))
    if forecast and any(column.name == target and column.kind == "date" for column in planned.plan.columns):
        raise DataError(f"column {target!r} holds dates, and what is forecast is a number or a class: name another column")
    comma = any(column.decimal == "," for column in planned.plan.columns)
    found = plan_target(answers, target, task, options, comma, "steps" if carry or forecast else "rows")
    labels = labels_of(found.read)
    said = [*notes, found.note, *planned.notes]
    present = labels.notna().to_numpy()
    if forecast and not present.all():
        row = int(present.argmin()) + 1
        raise DataError(
            f"column {target!r} has no value in row {row}, and every next step has one: fill it in, or drop the row"
        )
    if carry and not present.all():
        _check_whole_sequences(carried[carry[0]], present, target)
    if not present.all():
        said.insert(len(notes), f"{int((~present).sum())} of {len(labels)} rows left out: they have no target {target!r}")
        labels = labels_of(found.read.rows(present))
    if len(labels) < MIN_ROWS:
        raise DataError(
            f"target {target!r} is there in {len(labels)} rows, and at least {MIN_ROWS} are needed to learn and to judge"
        )
    read = planned.read(sources)
    # what was read of a file goes before its columns are made
    del sources, answers
    if not present.all():
        read = {column_name: column.rows(present) for column_name, column in read.items()}
    if not planned.plan.used:
        raise DataError(f"every column of {name} besides the target is left out: there is nothing to predict it from")
    if all(column.missing.all() for column in read.values()):
        raise DataError(f"every feature value of {name} is missing: there is nothing to learn from")
    _, codes = encode_target(labels, found.task)
    if found.task == "regression" and np.ptp(codes) == 0:
        raise DataError(f"target {target!r} has the same value in every row: there is nothing to learn")
    features = _typed(read)
    return Table(
        name, features, labels, found.task, source, planned.plan, found.read.plan, planned.reports_on(features), tuple(said),
        _carried_rows(carried, present) if carry or forecast else None,
    )  # fmt: skip


def _carried_rows(columns: dict[str, "pandas.Series"], present: np.ndarray) -> "pandas.DataFrame":
    from pandas import DataFrame

    return DataFrame({name: column.to_numpy()[present] for name, column in columns.items()}, index=range(int(present.sum())))


def _check_carried(columns: list[str], carry: tuple[str, ...], target: str, name: str) -> None:
    for column in carry:
        if column not in columns:
            hint = column_hint(column, columns)
            raise DataError(f"{name} has no column {column!r} to tell sequences or their steps apart by: {hint}")
        if column == target or list(carry).count(column) > 1:
            raise DataError(f"column {column!r} cannot be two of the target, the sequence id and the time: name another")


def _check_whole_sequences(ids: "pandas.Series", present: np.ndarray, target: str) -> None:
    """Refuse sequences that would lose some of their steps because these have no target."""
    cut = set(ids[present]) & set(ids[~present])
    if cut:
        raise DataError(
            f"sequence {min(cut, key=str)!r} has a target {target!r} in some of its rows only: "
            "write its answer in all of them, or none"
        )


def _typed(columns: dict[str, ReadColumn]) -> "pandas.DataFrame":
    """Return columns that were read as a DataFrame whose types say what they are."""
    from pandas import DataFrame

    # without a copy, each column stays an array of its own
    return DataFrame({name: _typed_column(column) for name, column in columns.items()}, copy=False)


def _typed_column(column: ReadColumn) -> object:
    from pandas import Categorical

    if column.codes is not None:
        return Categorical.from_codes(column.codes, categories=list(column.levels))
    if column.plan.kind == "date":
        stamps = np.round(np.where(column.missing, 0.0, column.numbers) * 1e6).astype(np.int64).astype("datetime64[us]")
        return np.where(column.missing, np.datetime64("NaT", "us"), stamps)
    if column.missing.any():
        return column.numbers
    if column.plan.kind == "truth":
        return column.numbers.astype(bool)
    whole = are_whole(column.numbers) and np.abs(column.numbers).max(initial=0.0) < 2**53
    return column.numbers.astype(np.int64) if whole else column.numbers


def _target_name(columns: list[str], target: str | None, name: str) -> str:
    if target is None:
        found = [column for wanted in _TARGET_NAMES for column in columns if column.lower() == wanted]
        if not found:
            raise DataError(f"{name} has no column called target or class: say which one to predict, of {_listed(columns)}")
        return found[0]
    target = target.strip()
    if target not in columns:
        raise DataError(f"{name} has no column {target!r}: {column_hint(target, columns)}")
    return target


def column_hint(name: str, columns: list[str]) -> str:
    """Return what to say of a name that is none of some columns: the nearest, or all."""
    close = difflib.get_close_matches(name, columns, n=1)
    return f"did you mean {close[0]!r}?" if close else f"the columns are {_listed(columns)}"


def _listed(columns: list[str]) -> str:
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    return ", ".join(columns[:20]) + more
