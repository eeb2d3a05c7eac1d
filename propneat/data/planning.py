"""Deciding how the columns of a table are read: once, over all rows, and said for every column that is not plain."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from propneat.data.column_planning import has_decimal_comma, plan_column
from propneat.data.frames import TableView
from propneat.data.numbers import are_whole
from propneat.data.plan import ColumnPlan, ReadColumn, TablePlan
from propneat.data.seen_texts import ColumnReport
from propneat.data.source_column import SourceColumn
from propneat.data.threads import map_columns
from propneat.settings.reading import ReadingOptions

if TYPE_CHECKING:
    import pandas

__all__ = ["PlannedTable", "plan_columns", "plan_table"]

_FEW_ROWS = 10
_LEAST_COUNTER = 10_000
_ID_NAME = re.compile(
    r"(?i:(.*[ _.-])?(id|uuid|guid|index|idx|key|row|rownum|rownames|nr|no|#)|unnamed: \d+|column 1)|.*[a-z](ID|Id|Nr|No)|"
)


@dataclass(frozen=True, eq=False)
class PlannedTable:
    """The plan of a table, with a report for each of its columns."""

    plan: TablePlan
    reports: tuple[ColumnReport, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each column that was not plain."""
        return tuple(report.note for report in self.reports if report.note)

    def reports_on(self, table: "pandas.DataFrame") -> tuple[ColumnReport, ...]:
        """Return the reports to keep beside the columns that were read, all rows of them or some; they share these columns."""

        def alone(report: ColumnReport) -> ColumnReport:
            distinct = report.distinct
            is_shared = (
                report.plan.kind in ("number", "truth") and not isinstance(distinct, int) and len(distinct) == len(table)
            )
            return replace(report, read=None, distinct=table[report.plan.name].to_numpy() if is_shared else distinct)

        return tuple(map(alone, self.reports))

    def read(self, columns: Sequence[SourceColumn]) -> dict[str, ReadColumn]:
        """Read the columns that were planned, as `TablePlan.read`; what planning has read is not read again."""
        pairs = [pair for pair in zip(self.reports, columns, strict=True) if pair[0].plan.kind != "dropped"]

        def read(report: ColumnReport, column: SourceColumn) -> ReadColumn:
            return column.read(report.plan) if report.read is None else report.read

        found = map_columns(read, *zip(*pairs, strict=True), n_rows=len(columns[0])) if pairs else []
        return {report.plan.name: column for (report, _), column in zip(pairs, found, strict=True)}


def plan_table(
    table: object, options: ReadingOptions = ReadingOptions(), *, comma_elsewhere: bool | None = None
) -> PlannedTable:
    """Decide over all rows how the columns of a table are read; the target is not among them.

    Columns of arrays are never dropped, since they have no names by which to ask for them again. `comma_elsewhere` says whether
    numbers of this table are known to have decimal commas; None finds out. Raises DataError for options that name no column, and
    cells that are neither numbers, texts nor dates.
    """
    view = TableView.of(table)
    if not view.is_array:
        options.checked(view.names)
    columns = [SourceColumn(view.column(number), name, options.missing) for number, name in enumerate(view.names)]
    return plan_columns(columns, options, may_drop=not view.is_array, comma_elsewhere=comma_elsewhere)


def plan_columns(
    columns: Sequence[SourceColumn], options: ReadingOptions, *, may_drop: bool = True, comma_elsewhere: bool | None = None
) -> PlannedTable:
    """Decide how the columns of a table are read, see `plan_table`; with `may_drop` those that cannot help are left out."""
    n_rows = len(columns[0]) if columns else 0
    if comma_elsewhere is None:
        commas = map_columns(has_decimal_comma, columns, n_rows=n_rows) if options.decimal is None else []
        comma_elsewhere = any(commas)
    plan = partial(plan_column, options=options, comma_elsewhere=comma_elsewhere)
    reports = map_columns(plan, columns, n_rows=n_rows)
    if may_drop:
        reports = _without_useless(reports, columns, options)
    return PlannedTable(TablePlan(tuple(report.plan for report in reports), options.missing), tuple(reports))


def _without_useless(
    reports: list[ColumnReport], columns: Sequence[SourceColumn], options: ReadingOptions
) -> list[ColumnReport]:
    """Drop what the options say, empty columns, and whole numbers that only count or name rows; never all."""
    found = []
    for report, column in zip(reports, columns, strict=True):
        name = report.plan.name
        wanted, reason = options.kind_of(name) is not None, ""
        if name in options.drop or (options.keep and name not in options.keep):
            reason, note = "as asked", ""
        elif report.plan.kind != "dropped" and not wanted and name not in options.keep and len(column) >= _FEW_ROWS:
            reason = _uselessness(report, column)
            note = f"{name}: left out, {reason}; --keep or a kind such as --numbers {name} uses it" if reason else ""
        if reason:
            report = replace(report, plan=ColumnPlan(name, "dropped", reason), note=note, read=None)
        found.append(report)
    asked = {report.plan.name for report in found if report.plan.reason == "as asked"}
    if all(report.plan.kind == "dropped" for report in found):
        return [old if old.plan.name not in asked else new for old, new in zip(reports, found, strict=True)]
    return found


def _uselessness(report: ColumnReport, column: SourceColumn) -> str:
    """Say why a column cannot help, "" when it may."""
    if report.n_missing == len(column):
        return "it is empty"
    if report.plan.kind != "number" or report.n_missing:
        return ""
    numbers = (report.read or column.read(report.plan)).numbers
    if not are_whole(numbers) or report.n_distinct < len(column):
        return ""
    start, steps = numbers.min(), np.diff(numbers)
    counts = start in (0, 1) and numbers.max() - start == len(numbers) - 1
    # years and the like may go up by one as well
    if counts or (start >= _LEAST_COUNTER and (steps == steps[0]).all()):
        return "its whole numbers only count the rows"
    return "its whole numbers, each its own, only name the rows" if _ID_NAME.fullmatch(report.plan.name) else ""
