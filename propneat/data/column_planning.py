"""Deciding how one column is read, over all its rows."""

from dataclasses import replace

import numpy as np

from propneat.base.errors import DataError
from propneat.base.words import count_cells
from propneat.data.cells import Cells, is_missing, is_number, text_of
from propneat.data.number_columns import shapes_of
from propneat.data.numbers import find_form, parse_number
from propneat.data.plan import ColumnPlan, ReadColumn
from propneat.data.seen_texts import ColumnReport, SeenTexts, kept_levels
from propneat.data.source_column import SourceColumn
from propneat.settings.reading import ReadingOptions

__all__ = ["has_decimal_comma", "plan_column"]

_COMMON_SHARE = 0.05
_MANY_TEXTS = 2000
_HEAD_ROWS = 1000


def plan_column(
    source: SourceColumn, options: ReadingOptions = ReadingOptions(), *, comma_elsewhere: bool = False
) -> ColumnReport:
    """Decide how one column is read; see `plan_table`."""
    name, kind, wanted = source.name, source.kind, options.kind_of(source.name)
    if kind == "date":
        plan = ColumnPlan(name, "date", format="iso")
        return _report(plan, source.read(plan))
    if kind == "number" and wanted in (None, "number"):
        is_truth = source.values.dtype == bool or str(source.values.dtype) in ("boolean", "bool[pyarrow]")
        return _of_numbers(ColumnPlan(name, "truth" if is_truth else "number"), source, options)
    if kind == "categorical" and wanted in (None, "category"):
        return _categorical(source, options)
    if kind == "object" and wanted in (None, "number") and options.decimal in (None, "."):
        if source.numbers is not None and not (wanted is None and source.may_be_codes):
            return _plain_texts(source, options, comma_elsewhere)
        if source.distinct is not None and len(source.distinct) > _MANY_TEXTS:
            return _many_texts(source, options, comma_elsewhere)
    if kind not in ("object", "number", "categorical"):
        ColumnPlan(name, "number").read(source.values)
    return _from_cells(source, options, wanted, comma_elsewhere)


def _report(plan: ColumnPlan, read: ReadColumn) -> ColumnReport:
    return ColumnReport(plan, int(read.missing.sum()), read.numbers, read=read)


def _of_numbers(plan: ColumnPlan, source: SourceColumn, options: ReadingOptions) -> ColumnReport:
    """A column of numbers or truth values, of which one may stand for "missing"."""
    read = source.read(plan)
    report = _report(plan, read)
    sentinel = _sentinel(read) if plan.kind == "number" and options.kind_of(plan.name) != "number" else None
    if sentinel is None:
        return report
    cells = count_cells(int((read.numbers == sentinel).sum()), len(read.missing), "holds", "hold")
    note = f"{plan.name}: {cells} {sentinel:g}, the only negative number, read as missing"
    plan = replace(plan, sentinel=sentinel)
    return replace(_report(plan, source.read(plan)), note=f"{note}; --numbers {plan.name} keeps it")


def _sentinel(read: ReadColumn) -> float | None:
    """Return a lone negative number far from the rest, such as -999 among positive ones."""
    numbers = read.numbers
    few = numbers[:_HEAD_ROWS]
    few = few[few < 0]
    if (few != few[:1]).any():
        return None
    negative = numbers[numbers < 0]
    if len(negative) < 3 or negative.min() != negative.max() or len(negative) < 0.002 * np.count_nonzero(~read.missing):
        return None
    stands_apart = len(np.unique(numbers[numbers >= 0])) > 20 and negative[0] == np.round(negative[0])
    return float(negative[0]) if stands_apart else None


def _categorical(source: SourceColumn, options: ReadingOptions) -> ColumnReport:
    """A pandas Categorical says what it is: categories of numbers, or of texts."""
    found = list(source.values.cat.categories)
    are_numbers = bool(found) and all(is_number(level) for level in found)
    plan = ColumnPlan(source.name, "category", levels=tuple(map(float, found)) if are_numbers else ())
    read = source.read(plan)
    used = np.unique(read.codes[read.codes >= 0])
    levels = tuple(read.levels[index] for index in used)
    if not are_numbers:
        levels = kept_levels(dict(zip(levels, np.bincount(read.codes[read.codes >= 0])[used].tolist(), strict=True)))
    return ColumnReport(replace(plan, levels=levels), int(read.missing.sum()), len(used))


def _plain_texts(source: SourceColumn, options: ReadingOptions, comma_elsewhere: bool) -> ColumnReport:
    """A column of texts that are all plain numbers; 1.234 may still be a number of thousands."""
    name = source.name
    if not source.is_ambiguous:
        return _of_numbers(ColumnPlan(name, "number"), source, options)
    point = "." if comma_elsewhere or options.thousands == "." else ""
    plan = ColumnPlan(name, "number", decimal="," if point else ".", thousands=point)
    example = next(text for text in source.head if "." in text)
    reading = "thousands, as in other columns" if point else "decimals"
    note = f"{name}: the points of {example} may stand for decimals or thousands, read as {reading}; --decimal says which"
    return replace(_report(plan, source.read(plan)), note=note, example=example)


def _many_texts(source: SourceColumn, options: ReadingOptions, comma_elsewhere: bool) -> ColumnReport:
    """A column of very many texts: the form of its numbers is told by their shapes, all other readings cell by cell."""
    name = source.name
    shapes = shapes_of(source.distinct).value_counts()
    counts = dict(zip(shapes.field(0).to_pylist(), shapes.field(1).to_pylist(), strict=True))
    counts = {shape: count for shape, count in counts.items() if shape and shape not in options.missing}
    form = find_form(counts, options.decimal, options.thousands, comma_elsewhere)
    n_numbers = sum(count for shape, count in counts.items() if parse_number(shape, form) == parse_number(shape, form))
    if n_numbers < 0.5 * sum(counts.values()):
        return _from_cells(source, options, None, comma_elsewhere, may_be_numbers=False)
    plan = ColumnPlan(name, "number", **vars(form))
    read = source.read(plan)
    odd = Cells.of(source.values[read.odd], name)
    counts_of_odd = {str(value): int(count) for value, count in zip(odd.values, odd.counts(), strict=True)}
    shown = {text: 1 for text in source.distinct[:1000].to_pylist() if text and text not in options.missing}
    n_missing = int(read.missing.sum() - read.odd.sum())
    seen = SeenTexts(name, shown | counts_of_odd, n_missing, len(source), options, comma_elsewhere)
    if read.odd.sum() > options.odd_cells * (~read.missing | read.odd).sum():
        return _from_cells(source, options, None, comma_elsewhere)
    report = seen.number(form=form)
    return replace(report, distinct=read.numbers, read=read if report.plan == plan else None)


def _from_cells(
    source: SourceColumn, options: ReadingOptions, wanted: str | None, comma_elsewhere: bool, may_be_numbers: bool = True
) -> ColumnReport:
    """Decide by the distinct cells of a column of texts or objects."""
    name, cells = source.name, source.cells
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
    seen = SeenTexts(
        name, texts, n_missing, len(cells.codes), options, comma_elsewhere, _common_marker(cells, name, counts, options)
    )
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
    return seen.truth() or (seen.number() if may_be_numbers else None) or seen.date() or seen.text()


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


def has_decimal_comma(source: SourceColumn) -> bool:
    """Say whether numbers of a column are sure to have decimal commas."""
    if source.kind != "object" or source.numbers is not None:
        return False
    cells = _shapes(source)
    texts = {value: int(count) for value, count in zip(cells.values, cells.counts(), strict=True) if isinstance(value, str)}
    return any("," in text for text in texts) and find_form(texts, None, None, False).decimal == ","


def _shapes(source: SourceColumn) -> Cells:
    """Return the cells of a column, and if it is made of Arrow's texts their shapes, of which there are few."""
    from pandas import ArrowDtype, Series
    from pyarrow import compute

    if source.distinct is None:
        return source.cells
    if not compute.any(compute.match_substring(source.distinct, ",")).as_py():
        return Cells.of_texts(source.distinct[:0])
    with_comma = source.texts.filter(compute.match_substring(source.texts, ","))
    return Cells.of(Series(shapes_of(with_comma), dtype=ArrowDtype(with_comma.type)), source.name)
