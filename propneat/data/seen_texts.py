"""What the distinct texts of a column may be: numbers of one form, truth values, dates, categories, or nothing of use."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from propneat.base.errors import DataError
from propneat.base.words import count, count_cells
from propneat.data.dates import DATE_FORMATS, ISO, find_date_format
from propneat.data.numbers import (
    NumberForm,
    find_form,
    is_ambiguous,
    is_multiplied,
    named_by_bound,
    parse_number,
)
from propneat.data.plan import ColumnPlan, ReadColumn
from propneat.settings.reading import ReadingOptions

__all__ = ["ColumnReport", "SeenTexts", "kept_levels"]

_FEW_ROWS = 10
_MOST_CODES = 100
_FEW_REPEATS = 3
_LEAST_REPEATED = 0.1
_SENTENCE_WORDS = 4.5
_MOST_LEVELS_KEPT = 1000
_LEAST_ROWS_OF_LEVEL = 5
_LEAST_BESIDE_BOUNDS, _LEAST_BOUNDS = 3, 5
_FEW_VALUES = 20


@dataclass(frozen=True, eq=False)
class ColumnReport:
    """A plan of a column, and what a person may want to know of it.

    `note` is one line for a column that was not plain, else empty. `distinct` is the number of different values, or the
    numbers (n_rows,), NaN where missing, in which they are counted when that is asked for. `odd` has the texts of cells that could not be read,
    the frequent ones first, and `n_odd` their number. `read` is the column as read by the plan, where deciding needed that.
    """

    plan: ColumnPlan
    n_missing: int
    distinct: int | np.ndarray
    n_odd: int = 0
    odd: tuple[str, ...] = ()
    note: str = ""
    example: str = ""
    read: ReadColumn | None = None

    @property
    def n_distinct(self) -> int:
        """The number of different values, what is missing apart."""
        if isinstance(self.distinct, int):
            return self.distinct
        numbers = np.sort(self.distinct[self.distinct == self.distinct])
        return int(np.count_nonzero(numbers[1:] != numbers[:-1])) + min(len(numbers), 1)


@dataclass(frozen=True, eq=False)
class SeenTexts:
    """The distinct texts of a column with their numbers of rows, and the readings they allow: a report, or None."""

    name: str
    texts: dict[str, int]
    n_missing: int
    n_rows: int
    options: ReadingOptions
    comma_elsewhere: bool
    marker_note: str = ""

    @property
    def n_present(self) -> int:
        """Rows that hold something."""
        return sum(self.texts.values())

    def truth(self) -> ColumnReport | None:
        """Only true and false, in any letters."""
        if {text.lower() for text in self.texts} <= {"true", "false"}:
            return ColumnReport(ColumnPlan(self.name, "truth"), self.n_missing, len(self.texts))
        return None

    def number(self, form: NumberForm | None = None) -> ColumnReport | None:
        """Almost all cells spell numbers of one form; with a `form` given, as many as do."""
        forced = form is not None
        form = form or find_form(self.texts, self.options.decimal, self.options.thousands, self.comma_elsewhere)
        values = {text: parse_number(text, form) for text in self.texts}
        odd = sorted((text for text, value in values.items() if np.isnan(value)), key=lambda text: -self.texts[text])
        n_odd = sum(self.texts[text] for text in odd)
        if any(np.isinf(value) for value in values.values()):
            raise DataError(
                f"column {self.name!r} holds an infinite value: replace it by a finite number or leave the cell empty"
            )
        read = [text for text, value in values.items() if not np.isnan(value)]
        unusual = [text for text in read if form.plain(text) is None]
        bounds = [text for text in unusual if named_by_bound(text) is not None]
        multiplied = [text for text in unusual if is_multiplied(text, form)]
        n_distinct = len({values[text] for text in read})
        may_be = self._may_be_numbers(read, n_distinct, odd, n_odd) and self._tell_numbers(
            bounds, multiplied, values, n_distinct
        )
        if not forced and (n_odd == self.n_present or not may_be):
            return None
        plan = ColumnPlan(
            self.name, "number", decimal=form.decimal, thousands=form.thousands, prefix=form.prefix, suffix=form.suffix
        )
        report = ColumnReport(plan, self.n_missing + n_odd, n_distinct, n_odd, tuple(odd[:5]), example=next(iter(self.texts)))
        return replace(report, note=self._number_note(report, form, read, bounds, multiplied))

    def _may_be_numbers(self, numbers: Sequence[str], n_values: int, odd: Sequence[str], n_odd: int) -> bool:
        """Few odd cells, or words of which there are few kinds; codes such as 01, 02, 1A are no numbers."""
        with_digits = [text for text in odd if any(letter.isdigit() for letter in text)]
        if any(re.match(r"[+-]?0\d", text) for text in numbers) and (n_values < len(numbers) or n_values <= _MOST_CODES):
            return False
        if not odd:
            return True
        if with_digits and n_values <= _FEW_VALUES:
            return False
        few_words = not with_digits and len(odd) <= 3 and n_values > 10 and n_odd < 0.5 * self.n_present
        return (
            n_odd <= self.options.odd_cells * self.n_present or few_words or (not with_digits and len(odd) == 1 and n_odd == 1)
        )

    def _tell_numbers(
        self, bounds: Sequence[str], multiplied: Sequence[str], values: Mapping[str, float], n_values: int
    ) -> bool:
        """Bounds stand beside numbers or are many, each its own; "<=50K" and ">50K", or 1K and 2M, alone are categories."""
        if multiplied and n_values <= _FEW_VALUES:
            return False
        are_bounds = set(bounds)
        plain = {value for text, value in values.items() if value == value and text not in are_bounds}
        beside = len(plain) >= _LEAST_BESIDE_BOUNDS and sum(self.texts[text] for text in bounds) <= 0.5 * self.n_present
        return not bounds or beside or (n_values == len(values) and n_values >= _LEAST_BOUNDS)

    def _number_note(
        self, report: ColumnReport, form: NumberForm, read: Sequence[str], bounds: Sequence[str], multiplied: Sequence[str]
    ) -> str:
        said = []
        if taken := [repr(part) for part in (form.prefix, form.suffix) if part]:
            said.append(f"{' and '.join(taken)} left off")
        if form.thousands and any(form.thousands in text for text in read):
            said.append(f"{form.thousands!r} marks thousands")
        if form.decimal == "," and any("," in text for text in read):
            said.append("decimal comma")
        if is_ambiguous(read) and self.options.decimal is None:
            said.append("the marks may stand for decimals or thousands, --decimal says which")
        if n_ranges := sum(self.texts[text] for text in read if re.search(r"\d\s+(to|[-\u2013\u2014])\s+\S*\d", text)):
            said.append(f"{count(n_ranges, 'range')} read as {'its' if n_ranges == 1 else 'their'} middle")
        if multiplied:
            said.append(
                f"letters for thousands and more multiplied, {multiplied[0]!r} is {parse_number(multiplied[0], form):,.0f}"
            )
        if bounds:
            n_bounds = sum(self.texts[text] for text in bounds)
            said.append(f"{count(n_bounds, 'bound')} such as {bounds[0]!r} read as the number named")
        if report.n_odd:
            shown = ", ".join(map(repr, report.odd[:3])) + (", ..." if len(report.odd) > 3 else "")
            cells = count_cells(report.n_odd, self.n_rows, "that holds", "that hold")
            said.append(f"{cells} no number read as missing ({shown}), --categories {self.name} reads all as texts")
        are_bounds = set(bounds)
        plain = next((text for text in read if text not in are_bounds), None)
        example = f" such as {plain!r}" if plain else ""
        return f"{self.name}: numbers{example}, {'; '.join(said)}" if said else ""

    def date(self, forced: bool = False) -> ColumnReport | None:
        """Almost all cells are dates of one format."""
        form, share, is_ambiguous_date = find_date_format(list(self.texts))
        if not form:
            if forced:
                raise DataError(
                    f"column {self.name!r} holds no dates of a known form, such as {next(iter(self.texts))!r}: formats known are {', '.join(DATE_FORMATS[:8])} ..."
                )
            return None
        plan = ColumnPlan(self.name, "date", format=form)
        read = plan.read(np.array(list(self.texts), dtype=object))
        odd = [text for text, is_odd in zip(self.texts, read.odd, strict=True) if is_odd]
        n_odd = sum(self.texts[text] for text in odd)
        if not forced and n_odd > self.options.odd_cells * self.n_present:
            return None
        example = next(text for text in self.texts if text not in set(odd))
        said = f"{self.name}: dates such as {example!r}, read as {'ISO 8601' if form == ISO else form}"
        if is_ambiguous_date:
            said += "; another order of day and month fits as well"
        if n_odd:
            cells = count_cells(n_odd, self.n_rows, "that is none", "that are none")
            said += f"; {cells} read as missing ({', '.join(map(repr, odd[:3]))})"
        note = f"{said}; --categories {self.name} reads texts, --drop {self.name} leaves it out"
        return ColumnReport(plan, self.n_missing + n_odd, len(self.texts) - len(odd), n_odd, tuple(odd[:5]), note, example)

    def text(self) -> ColumnReport:
        """Categories, unless almost every cell is a text of its own or a sentence."""
        n_distinct = len(self.texts)
        words = sum(len(text.split()) * count for text, count in self.texts.items()) / max(self.n_present, 1)
        if self.n_present >= _FEW_ROWS and words >= _SENTENCE_WORDS and n_distinct > 0.5 * self.n_present:
            return self.dropped("free text")
        n_repeated = sum(count for count in self.texts.values() if count >= _FEW_REPEATS)
        if self.n_present > 2 * _FEW_ROWS and n_repeated < _LEAST_REPEATED * self.n_present:
            return self.dropped("almost every value is its own")
        return self.category()

    def category(self) -> ColumnReport:
        """Every text is a level."""
        plan = ColumnPlan(self.name, "category", levels=kept_levels(self.texts))
        return ColumnReport(plan, self.n_missing, len(self.texts), note=self.marker_note, example=next(iter(self.texts), ""))

    def dropped(self, reason: str) -> ColumnReport:
        """Left out."""
        example = next(iter(self.texts), "")
        note = f"{self.name}: left out, {reason} ({len(self.texts)} texts such as {example[:40]!r}); --categories {self.name} uses it"
        return ColumnReport(
            ColumnPlan(self.name, "dropped", reason), self.n_missing, len(self.texts), note=note, example=example
        )


def kept_levels(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return the levels to know again, sorted: all of a few, the frequent ones of many, so that rare names are not kept."""
    if len(counts) <= 100:
        return tuple(sorted(counts))
    frequent = sorted(counts, key=lambda level: (-counts[level], level))[:_MOST_LEVELS_KEPT]
    return tuple(sorted(level for level in frequent if counts[level] >= _LEAST_ROWS_OF_LEVEL))
