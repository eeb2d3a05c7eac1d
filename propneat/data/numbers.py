"""Texts that spell numbers: with marks for thousands, a decimal comma, a currency or a unit."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

__all__ = [
    "NumberForm",
    "are_whole",
    "find_form",
    "is_ambiguous",
    "is_multiplied",
    "named_by_bound",
    "parse_number",
    "spelled_number",
]

_TRUTH = {"true": 1.0, "false": 0.0}
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_INFINITE = re.compile(r"[+-]?(inf|infinity)", re.IGNORECASE)
_BETWEEN = re.compile(r"(.*\d.*?)(?:\s+[-\u2013\u2014]\s+|\s+to\s+)(.*\d.*)")
_BOUND = re.compile(
    r"(?:[<>]=?|[\u2264\u2265]|(?:less|more|fewer|greater|older|younger) than|under|over|above|below|at least|at most|up to)\s*(.*\d.*)"
    r"|(.*\d)\s*\+(\s*\D*)"
    r"|(.*\d.*?)\s+(?:or|and)\s+(?:more|less|fewer|over|under|above|below|older|younger|higher|lower)",
    re.IGNORECASE,
)
_MAGNITUDES = {"k": 1e3, "K": 1e3, "M": 1e6, "mn": 1e6, "B": 1e9, "bn": 1e9}
_WITH_MAGNITUDE = re.compile(rf"(.*\d)\s*({'|'.join(_MAGNITUDES)})")
_MARKS = ",.'\u2019 \u00a0\u202f"
_SPLIT = re.compile(
    r"([+-]?)\s*((?:[A-Za-z]{0,3}[$\u20ac\u00a3\u00a5\u20b9\u20bd\u20a9\u20ba]|[A-Z]{3}(?=[\s\d])|Rs\.?|[~\u2248])?)\s*"
    rf"([+-]?(?:\d[\d{_MARKS}]*\d|\d|[.,]\d+)(?:[eE][+-]?\d+)?)\s*([^\d\s+-][^\d]{{0,11}}?)?\s*"
)
_SHORTEST_STEM = 3
_LEAST_SHARE = 0.5
_HEAD_ROWS = 1000


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written: 1234.5 is "$1.234,50" with decimal ",", thousands "." and prefix "$".

    A suffix of three letters or more stands with and without the s of a plural: "1 year", "2 years". Without a suffix K, M and B
    multiply: "1.2M", "350K".
    """

    decimal: str = "."
    thousands: str = ""
    prefix: str = ""
    suffix: str = ""

    def plain(self, text: str) -> str | None:
        """Return a text as a plain number that Python's float reads, None when it is no number of this form."""
        sign = ""
        if text[:1] in ("+", "-"):
            sign, text = text[0], text[1:].lstrip()
        if self.prefix and text.startswith(self.prefix):
            text = text[len(self.prefix) :].lstrip()
        if self.suffix and (suffix := next(filter(text.endswith, _spellings(self.suffix)), "")):
            text = text[: -len(suffix)].rstrip()
        if self.thousands:
            whole, mark, rest = text.partition(self.decimal)
            groups = whole.split(self.thousands)
            if len(groups) > 1 and (not 1 <= len(groups[0].lstrip("+-")) <= 3 or any(len(group) != 3 for group in groups[1:])):
                return None
            text = "".join(groups) + mark + rest
        if self.decimal != ".":
            if "." in text:
                return None
            text = text.replace(self.decimal, ".")
        text = sign + text
        return text if _PLAIN.fullmatch(text) else None


def are_whole(numbers: np.ndarray) -> bool:
    """Say whether all numbers (n_rows,) are whole; NaN is not."""
    return all(bool((part == np.round(part)).all()) for part in (numbers[:_HEAD_ROWS], numbers))


def _singular(suffix: str) -> str:
    """Return a word of a unit without the s of its plural."""
    return suffix[:-1] if len(suffix) > _SHORTEST_STEM and suffix.endswith("s") else suffix


@cache
def _spellings(suffix: str) -> tuple[str, ...]:
    """Return how a suffix may be written, the longest first; "m" is not "ms"."""
    stem = _singular(suffix)
    return (f"{stem}s", stem) if len(stem) >= _SHORTEST_STEM else (suffix,)


def spelled_number(text: str, form: NumberForm) -> float:
    """Return the number that a text spells in a form, NaN when it spells none.

    Truth values are 1 and 0. A number too large for float64 is infinite.
    """
    if (plain := form.plain(text)) is not None:
        return float(plain)
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if _INFINITE.fullmatch(text):
        return float(text)
    if not form.suffix and (found := _WITH_MAGNITUDE.fullmatch(text)) and (plain := form.plain(found[1])) is not None:
        return float(plain) * _MAGNITUDES[found[2]]
    return math.nan


def is_multiplied(text: str, form: NumberForm) -> bool:
    """Say whether a letter for thousands or more multiplies the number that a text spells in a form: "350K"."""
    return (
        form.plain(text) is None and _WITH_MAGNITUDE.fullmatch(text) is not None and not math.isnan(spelled_number(text, form))
    )


def named_by_bound(text: str) -> str | None:
    """Return the text of the number that a bound such as "< 0.5", "10+ years" or "65 and over" names, None for no bound."""
    found = _BOUND.fullmatch(text)
    if found is None:
        return None
    after, before, unit, first = found.groups()
    return after or first or f"{before}{unit}"


def parse_number(text: str, form: NumberForm) -> float:
    """Return the number that a cell holds in a form, NaN when it holds none.

    It is the number spelled (`spelled_number`), the middle of two for "2100 - 2850", and that which a bound names, 0.5 for "< 0.5".
    """
    if not math.isnan(number := spelled_number(text, form)):
        return number
    if (named := named_by_bound(text)) is not None:
        return spelled_number(named, form)
    if between := _BETWEEN.fullmatch(text):
        ends = [form.plain(part) for part in between.groups()]
        if None not in ends and float(ends[0]) < float(ends[1]):
            return (float(ends[0]) + float(ends[1])) / 2
    return math.nan


def find_form(counts: Mapping[str, int], decimal: str | None, thousands: str | None, comma_elsewhere: bool) -> NumberForm:
    """Return the form in which most cells of a column spell numbers; `counts` has the rows of each distinct text.

    `decimal` and `thousands` are given marks, None where they are to be found. Where the marks alone do not tell ("1,234"),
    `comma_elsewhere` says whether other columns of the table have decimal commas.
    """
    parts = {text: found.groups(default="") for text in counts if (found := _SPLIT.fullmatch(named_by_bound(text) or text))}
    n_numbers = sum(counts[text] for text in parts)
    prefix = _most((part[1], counts[text]) for text, part in parts.items())
    suffix = _most_suffix({text: part[3].strip() for text, part in parts.items()}, counts)
    written = {text: part[2].lstrip("+-") for text, part in parts.items()}
    found_decimal, found_thousands = _marks({text: counts[text] for text in parts}, written, comma_elsewhere)
    if decimal is None:
        decimal = {".": ",", ",": "."}.get(thousands or "", found_decimal)
    thousands = (found_thousands if found_thousands != decimal else "") if thousands is None else thousands
    least = _LEAST_SHARE * n_numbers
    has_suffix = suffix[1] > least and not _differ_in_magnitude(parts.values())
    return NumberForm(decimal, thousands, prefix[0] if prefix[1] > least else "", suffix[0] if has_suffix else "")


def _differ_in_magnitude(parts: Iterable[Sequence[str]]) -> bool:
    """Say whether numbers, as `_SPLIT` divides them, stand for thousands, millions or just themselves; 0 tells nothing."""
    found = {_MAGNITUDES.get(suffix.strip(), 1.0) for _, _, number, suffix in parts if number.strip("0,.")}
    return len(found) > 1


def _most(pairs: Iterable[tuple[str, int]]) -> tuple[str, int]:
    """Return the text, not the empty one, with the largest total count, and that count."""
    totals: Counter[str] = Counter()
    for text, count in pairs:
        if text:
            totals[text] += count
    return totals.most_common(1)[0] if totals else ("", 0)


def _most_suffix(suffixes: Mapping[str, str], counts: Mapping[str, int]) -> tuple[str, int]:
    """Return the most frequent suffix, with the count of its singular and plural together."""
    stem, total = _most((_singular(suffix), counts[text]) for text, suffix in suffixes.items())
    written = _most((suffix, counts[text]) for text, suffix in suffixes.items() if _singular(suffix) == stem)
    return written[0], total


def _marks(counts: Mapping[str, int], written: Mapping[str, str], comma_elsewhere: bool) -> tuple[str, str]:
    """Return the decimal mark and the thousands mark that the digits of most cells speak for."""
    votes: Counter[str] = Counter()
    for text, number in written.items():
        votes[_speaks_for(number.lower().partition("e")[0])] += counts[text]
    blank = next((mark for mark in "'\u2019 \u00a0\u202f" if any(mark in number for number in written.values())), "")
    for_comma, for_point = votes["decimal ,"] + votes["thousands ."], votes["decimal ."] + votes["thousands ,"]
    if for_comma or for_point:
        decimal = "," if for_comma > for_point else "."
    else:
        decimal = "," if comma_elsewhere else "."
    other = "." if decimal == "," else ","
    return decimal, blank or (other if any(other in number for number in written.values()) else "")


def _speaks_for(number: str) -> str:
    """Say which mark the digits of one number show to be what, "" when they leave it open."""
    comma, point = number.rfind(","), number.rfind(".")
    if comma >= 0 and point >= 0:
        return "decimal ," if comma > point else "decimal ."
    for mark in ",.":
        if mark in number:
            head, *groups = number.split(mark)
            if len(groups) > 1:
                return f"thousands {mark}"
            in_three = len(groups[0]) == 3 and 1 <= len(head) <= 3 and not head.startswith("0")
            return "" if in_three else f"decimal {mark}"
    return ""


def is_ambiguous(texts: Sequence[str]) -> bool:
    """Say whether the cells of a column may as well have a decimal mark as one for thousands: 999, 1.234, 12.500."""
    numbers = [found.group(3).lstrip("+-") for text in texts if (found := _SPLIT.fullmatch(text))]
    marked = [number for number in numbers if "," in number or "." in number]
    return bool(marked) and not any(_speaks_for(number) for number in marked) and len(marked) < len(numbers)
