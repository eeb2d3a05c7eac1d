"""What a report is composed of, before it becomes HTML or Markdown: sections of paragraphs, tables and pictures."""

import math
from dataclasses import dataclass

from propneat.report.drawing import Drawing

__all__ = [
    "Cell",
    "Column",
    "Section",
    "Table",
    "count",
    "number_cell",
    "p_value",
    "plural",
    "quantity",
    "score",
    "seconds",
    "signed",
]


@dataclass(frozen=True)
class Cell:
    """What one place of a table shows: text, the number it sorts by, and marks, which become CSS classes."""

    text: str
    value: float | None = None
    marks: tuple[str, ...] = ()
    """"best", "imputed", "partial", "good", "bad", "soft", "full"."""
    title: str = ""
    """More, shown when pointed at."""
    detail: str = ""
    """Small print under the text."""


@dataclass(frozen=True)
class Column:
    """A column's heading; `is_number` aligns right."""

    label: str
    is_number: bool = True
    title: str = ""


@dataclass(frozen=True)
class Table:
    """A table with its caption and what its marks mean."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    totals: tuple[tuple[Cell, ...], ...] = ()
    """Rows that stay at the end however the others are sorted."""
    note: str = ""
    is_compact: bool = False
    """Small print and a height of its own, for data sets x methods."""


@dataclass(frozen=True)
class Section:
    """A heading, what the section says in sentences, how to read it, and its tables and pictures in order."""

    name: str
    heading: str
    paragraphs: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()
    """"How to read this", for those who want to know."""
    blocks: tuple[Table | Drawing, ...] = ()


def score(value: float | None) -> str:
    """Format a share to three digits after the point, and what is larger to three digits."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{abs(value):.3f}" if abs(value) < 10 else quantity(abs(value))
    return f"−{text}" if value < 0 and float(text.replace(",", "")) else text


def signed(value: float, digits: int = 3) -> str:
    """Format a difference with its sign; infinite ends of intervals as ∞."""
    if math.isnan(value):
        return "–"
    sign = "−" if value < 0 else "+"
    if math.isinf(value):
        return f"{sign}∞"
    text = f"{abs(value):.{digits}f}"
    return text if float(text) == 0 else sign + text


def p_value(value: float) -> str:
    """Format a p-value or probability to three digits."""
    if math.isnan(value):
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def count(value: float) -> str:
    """Format a number of things, with thousands apart."""
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 100 else f"{value:,.1f}"


def quantity(value: float) -> str:
    """Format a positive number to three significant digits."""
    if not math.isfinite(value):
        return "–"
    if value == 0 or value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}" if abs(value) >= 1e-4 else f"{value:.1e}"


def seconds(value: float) -> str:
    """Format a duration in seconds, milliseconds or minutes with its unit."""
    if not math.isfinite(value):
        return "–"
    if value < 1:
        return f"{quantity(value * 1000)} ms"
    return f"{quantity(value)} s" if value < 600 else f"{quantity(value / 60)} min"


def number_cell(value: float, text: str, *marks: str, detail: str = "") -> Cell:
    """Return a cell that sorts by its number, or last where there is none."""
    return Cell(text, value if math.isfinite(value) else None, marks, detail=detail)


def plural(number: int, noun: str) -> str:
    """Return for instance "1 data set" or "1,024 folds"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
