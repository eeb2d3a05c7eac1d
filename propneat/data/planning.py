"""Deciding how the columns of a table are read: once, over all rows, and said for every column that is not plain."""

import re
from dataclasses import dataclass, replace

import numpy as np

from propneat.data.cells import Cells, arrow_texts, dtype_kind, is_missing, is_number, text_of
from propneat.data.frames import TableView
from propneat.data.number_columns import cast_plain, shapes_of
from propneat.data.numbers import find_form, is_ambiguous, parse_number
from propneat.data.plan import ColumnPlan, ReadColumn, TablePlan
from propneat.data.reading_options import ReadingOptions
from propneat.data.seen_texts import ColumnReport, SeenTexts, kept_levels
from propneat.errors import DataError

__all__ = ["ColumnReport", "PlannedTable", "ReadingOptions", "plan_column", "plan_table"]

_FEW_ROWS = 10
_COMMON_SHARE = 0.05
_MANY_TEXTS = 2000
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
    columns = [view.column(position) for position in range(len(view.names))]
    if comma_elsewhere is None:
        comma_elsewhere = options.decimal is None and any(
            _has_decimal_comma(column, name) for column, name in zip(columns, view.names, strict=True)
        )
    reports = [
        plan_column(column, name, options, comma_elsewhere=comma_elsewhere)
        for column, name in zip(columns, view.names, strict=True)
    ]
    if not view.is_array:
        reports = _without_useless(reports, columns, options)
    return PlannedTable(TablePlan(tuple(report.plan for report in reports), options.missing), tuple(reports))


def plan_column(
    values: object, name: str, options: ReadingOptions = ReadingOptions(), *, comma_elsewhere: bool = False
) -> ColumnReport:
    """Decide how one column is read, a Series or an array of shape (n_rows,); see `plan_table`."""
    wanted = options.kind_of(name)
    kind = dtype_kind(values)
    if kind == "date":
        return _typed(ColumnPlan(name, "date", format="iso"), values, options)
    if kind == "number" and wanted in (None, "number"):
        is_truth = values.dtype == bool or str(values.dtype) in ("boolean", "bool[pyarrow]")
        return _typed(_with_sentinel(ColumnPlan(name, "truth" if is_truth else "number"), values, options), values, options)
    if kind == "categorical" and wanted in (None, "category"):
        return _categorical(values, name, options)
    if kind == "object" and wanted in (None, "number") and options.decimal in (None, "."):
        texts = arrow_texts(values)
        numbers = None if wanted is None and _may_be_codes(texts) else cast_plain(texts, options.missing)
        if numbers is not None:
            return _plain_texts(texts, numbers, name, options, comma_elsewhere)
        if texts is not None and len(distinct := texts.unique()) > _MANY_TEXTS:
            return _many_texts(distinct, values, name, options, comma_elsewhere)
    if kind not in ("object", "number", "categorical"):
        ColumnPlan(name, "number").read(values)
    return _from_cells(
        Cells.of(values.astype(object) if kind == "categorical" else values, name), name, options, wanted, comma_elsewhere
    )


def _may_be_codes(texts: object) -> bool:
    """Say whether some of a column's texts have zeros in front, as codes have and numbers have not."""
    from pyarrow import compute

    if texts is None:
        return False
    with_zero = texts.filter(compute.starts_with(texts, "0"))
    return bool(len(with_zero)) and bool(compute.any(compute.match_substring_regex(with_zero, r"^0\d")).as_py())


def _typed(plan: ColumnPlan, values: object, options: ReadingOptions) -> ColumnReport:
    read = plan.read(values, options.missing)
    report = ColumnReport(plan, int(read.missing.sum()), _n_distinct(read))
    return replace(report, note=_sentinel_note(plan, read, values))


def _categorical(values: object, name: str, options: ReadingOptions) -> ColumnReport:
    """A pandas Categorical says what it is: categories of numbers, or of texts."""
    found = list(values.cat.categories)
    are_numbers = bool(found) and all(is_number(level) for level in found)
    plan = ColumnPlan(name, "category", levels=tuple(map(float, found)) if are_numbers else ())
    read = plan.read(values, options.missing)
    used = np.unique(read.codes[read.codes >= 0])
    levels = tuple(read.levels[index] for index in used)
    if not are_numbers:
        levels = kept_levels(dict(zip(levels, np.bincount(read.codes[read.codes >= 0])[used].tolist(), strict=True)))
    return ColumnReport(replace(plan, levels=levels), int(read.missing.sum()), len(used))


def _plain_texts(texts: object, numbers: np.ndarray, name: str, options: ReadingOptions, comma_elsewhere: bool) -> ColumnReport:
    """A column of texts that are all plain numbers, which are given too; 1.234 may still be a number of thousands."""
    head = [text for text in texts[:1000].to_pylist() if text]
    if not (is_ambiguous(head) and is_ambiguous([text for text in texts.unique().to_pylist() if text])):
        return _typed(_with_sentinel(ColumnPlan(name, "number"), numbers, options), numbers, options)
    point = "." if comma_elsewhere or options.thousands == "." else ""
    plan = ColumnPlan(name, "number", decimal="," if point else ".", thousands=point)
    example = next(text for text in head if "." in text)
    reading = "thousands, as in other columns" if point else "decimals"
    note = f"{name}: the points of {example} may stand for decimals or thousands, read as {reading}; --decimal says which"
    return replace(_typed(plan, numbers, options), note=note, example=example)


def _many_texts(distinct: object, values: object, name: str, options: ReadingOptions, comma_elsewhere: bool) -> ColumnReport:
    """A column of very many texts: the form of its numbers is told by their shapes, all other readings cell by cell."""
    shapes = shapes_of(distinct).value_counts()
    counts = dict(zip(shapes.field(0).to_pylist(), shapes.field(1).to_pylist(), strict=True))
    counts = {shape: count for shape, count in counts.items() if shape and shape not in options.missing}
    form = find_form(counts, options.decimal, options.thousands, comma_elsewhere)
    n_numbers = sum(count for shape, count in counts.items() if parse_number(shape, form) == parse_number(shape, form))
    if n_numbers < 0.5 * sum(counts.values()):
        return _from_cells(Cells.of(values, name), name, options, None, comma_elsewhere, may_be_numbers=False)
    plan = ColumnPlan(name, "number", **vars(form))
    read = plan.read(values, options.missing)
    odd = Cells.of(values[read.odd], name)
    counts_of_odd = {str(value): int(count) for value, count in zip(odd.values, odd.counts(), strict=True)}
    shown = {text: 1 for text in distinct[:1000].to_pylist() if text and text not in options.missing}
    seen = SeenTexts(name, shown | counts_of_odd, int(read.missing.sum() - read.odd.sum()), len(values), options, comma_elsewhere)
    if read.odd.sum() > options.odd_cells * (~read.missing | read.odd).sum():
        return _from_cells(Cells.of(values, name), name, options, None, comma_elsewhere)
    return replace(seen.number(form=form), n_distinct=_n_distinct(read))


def _from_cells(
    cells: Cells, name: str, options: ReadingOptions, wanted: str | None, comma_elsewhere: bool, may_be_numbers: bool = True
) -> ColumnReport:
    """Decide by the distinct cells of a column of texts or objects."""
    counts = cells.counts()
    present = [index for index, value in enumerate(cells.values) if not is_missing(value, options.missing)]
    odd = [
        cells.values[index]
        for index in present
        if not (
            isinstance(cells.values[index], str)
            or is_number(cells.values[index])
            or hasattr(cells.values[index], "year")
            or hasattr(cells.values[index], "minute")
        )
    ]
    if odd:
        raise DataError(f"column {name!r} must hold numbers, texts or dates, not {type(odd[0]).__name__}")
    n_missing = int((cells.codes < 0).sum() + counts.sum() - counts[present].sum())
    texts = {text_of(cells.values[index]): int(counts[index]) for index in present}
    seen = SeenTexts(name, texts, n_missing, len(cells.codes), options, comma_elsewhere, _common_marker(cells, name, counts, options))
    if wanted == "text":
        return seen.dropped("free text")
    if wanted == "category":
        return seen.category()
    if not present:
        return ColumnReport(ColumnPlan(name, "number"), n_missing, 0)
    if wanted == "date":
        return seen.date(forced=True)
    if wanted == "number":
        return seen.number(find_form(texts, options.decimal, options.thousands, comma_elsewhere))
    if all(is_number(cells.values[index]) for index in present):
        is_truth = all(isinstance(cells.values[index], bool | np.bool_) for index in present)
        return ColumnReport(ColumnPlan(name, "truth" if is_truth else "number"), n_missing, len(present))
    if all(hasattr(cells.values[index], "year") for index in present):
        return ColumnReport(ColumnPlan(name, "date", format="iso"), n_missing, len(present))
    return (
        seen.truth()
        or (seen.number() if may_be_numbers else None)
        or seen.date()
        or seen.text()
    )


def _without_useless(reports: list[ColumnReport], columns: list[object], options: ReadingOptions) -> list[ColumnReport]:
    """Drop what the options say, empty columns, and whole numbers that only count or name rows; never all."""
    found = []
    for report, values in zip(reports, columns, strict=True):
        name = report.plan.name
        wanted, reason = options.kind_of(name) is not None, ""
        if name in options.drop or (options.keep and name not in options.keep):
            reason, note = "as asked", ""
        elif report.plan.kind != "dropped" and not wanted and name not in options.keep and len(values) >= _FEW_ROWS:
            reason = _uselessness(report, values, options)
            note = f"{name}: left out, {reason}; --keep or a kind such as --numbers {name} uses it" if reason else ""
        if reason:
            report = replace(report, plan=ColumnPlan(name, "dropped", reason), note=note)
        found.append(report)
    asked = {report.plan.name for report in found if report.plan.reason == "as asked"}
    if all(report.plan.kind == "dropped" for report in found):
        return [old if old.plan.name not in asked else new for old, new in zip(reports, found, strict=True)]
    return found


def _uselessness(report: ColumnReport, values: object, options: ReadingOptions) -> str:
    """Say why a column cannot help, "" when it may."""
    if report.n_missing == len(values):
        return "it is empty"
    if report.plan.kind != "number" or report.n_distinct < len(values):
        return ""
    numbers = report.plan.read(values, options.missing).numbers
    if np.isnan(numbers).any() or (numbers != np.round(numbers)).any():
        return ""
    start, steps = numbers.min(), np.diff(numbers)
    counts = start in (0, 1) and numbers.max() - start == len(numbers) - 1
    # years and the like may go up by one as well
    if counts or (start >= _LEAST_COUNTER and (steps == steps[0]).all()):
        return "its whole numbers only count the rows"
    return "its whole numbers, each its own, only name the rows" if _ID_NAME.fullmatch(report.plan.name) else ""


def _with_sentinel(plan: ColumnPlan, values: object, options: ReadingOptions) -> ColumnPlan:
    """Mark a lone negative number far from the rest, such as -999 among positive ones, as "missing"."""
    if plan.kind != "number" or options.kind_of(plan.name) == "number":
        return plan
    numbers = plan.read(values, options.missing).numbers
    numbers = numbers[~np.isnan(numbers)]
    negative = numbers[numbers < 0]
    if len(negative) < 3 or negative.min() != negative.max() or len(negative) < 0.002 * len(numbers):
        return plan
    rest = np.unique(numbers[numbers >= 0])
    stands_apart = len(rest) > 20 and negative[0] == np.round(negative[0])
    return replace(plan, sentinel=float(negative[0])) if stands_apart else plan


def _sentinel_note(plan: ColumnPlan, read: ReadColumn, values: object) -> str:
    if plan.sentinel is None:
        return ""
    n_cells = int((replace(plan, sentinel=None).read(values).numbers == plan.sentinel).sum())
    return f"{plan.name}: {n_cells} cells of {len(read.missing)} hold {plan.sentinel:g}, the only negative number, read as missing; --numbers {plan.name} keeps it"


def _common_marker(cells: Cells, name: str, counts: np.ndarray, options: ReadingOptions) -> str:
    """Return a note for a text that means "missing" and is so common among texts that it may be a level; empty cells are not."""
    for value, count in zip(cells.values, counts.tolist(), strict=True):
        if (
            value
            and isinstance(value, str)
            and value not in ("?",)
            and is_missing(value, options.missing)
            and count > _COMMON_SHARE * len(cells.codes)
        ):
            return f"{name}: {value!r} in {count} cells of {len(cells.codes)} is taken for missing; --missing without it reads it as a level"
    return ""


def _has_decimal_comma(values: object, name: str) -> bool:
    """Say whether numbers of a column are sure to have decimal commas."""
    if dtype_kind(values) != "object":
        return False
    cells = Cells.of(_shaped(values), name)
    texts = {value: int(count) for value, count in zip(cells.values, cells.counts(), strict=True) if isinstance(value, str)}
    return any("," in text for text in texts) and find_form(texts, None, None, False).decimal == ","


def _shaped(values: object) -> object:
    """Return a column of Arrow texts with a comma as its shapes, of which there are few, and one without commas as none."""
    from pandas import ArrowDtype, Series
    from pyarrow import compute

    if (texts := arrow_texts(values)) is None:
        return values
    if not compute.any(compute.match_substring(texts, ",")).as_py():
        return Series([], dtype=object)
    return Series(shapes_of(texts), dtype=ArrowDtype(texts.type))


def _n_distinct(read: ReadColumn) -> int:
    from pandas import unique

    return len(unique(read.numbers[~read.missing]))
