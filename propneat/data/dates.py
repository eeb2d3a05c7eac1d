"""Dates and times: the ways people write them, as seconds since 1970, and the parts that a network can use."""

import math
import re
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from propneat.data.date_kernel import write_parts

__all__ = ["DATE_FORMATS", "DATE_PARTS", "ISO", "date_part", "find_date_format", "parse_dates", "seconds_of"]

ISO = "iso"
"""The format of ISO 8601, such as 2024-03-01, 2024-03-01 12:30 and 2024-03-01T12:30:00Z; offsets of time zones are left off."""

_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%Y", "%d.%m.%y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d",
    "%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y")  # fmt: skip
_TIMES = ("%H:%M", "%H:%M:%S")
_MONTHS = ("%b-%Y", "%b %Y", "%B %Y", "%Y-%m", "%m/%Y", "%b-%y")
DATE_FORMATS = (ISO, *_DAYS, *(f"{day} {time}" for day in _DAYS for time in _TIMES), *_TIMES, "%H.%M.%S", *_MONTHS)
"""Formats that are recognised, in the words of Python's strptime; of two that fit alike the first is taken."""

DATE_PARTS = ("days", "month", "day", "weekday", "hour")
"""What is taken of a date: days since 1970 with their fraction, month 1 to 12, day 1 to 31, weekday (Monday is 0), hour."""

_ISO = re.compile(r"(\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?)?)\s*(Z|[+-]\d\d:?\d\d)?")
_MARKS = "/.-:,"
_SOME_DIGIT = re.compile(r"\d")
_EPOCH = datetime(1970, 1, 1)
_MANY = 2000
"""From this many texts on pandas parses them, in a hundredth of the time."""


def find_date_format(texts: Sequence[str]) -> tuple[str, float, bool]:
    """Return the format that most of the texts have, the share of them that has it, and whether another one fits as well."""
    trial = [text for text in texts[:50] if _SOME_DIGIT.search(text)]
    letters = set("".join(trial))
    # of many formats the marks are nowhere
    possible = [form for form in DATE_FORMATS if form == ISO or letters.issuperset(mark for mark in _MARKS if mark in form)]
    shares = {form: _share(trial, form) for form in possible} if trial else {}
    likely = [form for form, share in shares.items() if share >= 0.5 * max(shares.values()) and share > 0.5]
    full = {form: float(np.mean(~np.isnan(parse_dates(texts, form)))) for form in likely}
    if not full:
        return "", 0.0, False
    best = max(full, key=full.__getitem__)
    return best, full[best], any(form != best and share == full[best] for form, share in full.items())


def _share(texts: Sequence[str], form: str) -> float:
    """Return the share of texts that a format fits."""
    marks, n_words = ([], 0) if form == ISO else ([mark for mark in _MARKS if mark in form], len(form.split()))
    likely = [text for text in texts if all(mark in text for mark in marks) and len(text.split()) >= n_words]
    return sum(not math.isnan(_seconds(text, form)) for text in likely) / len(texts)


def parse_dates(texts: Sequence[str], form: str) -> np.ndarray:
    """Return seconds since 1970 for texts of one format, float64 (n_texts,), NaN for a text that is not of it."""
    if len(texts) < _MANY:
        return np.array([_seconds(text, form) for text in texts], dtype=np.float64)
    from pandas import Series, to_datetime

    if form == ISO:
        found = [_ISO.fullmatch(text) for text in texts]
        texts, form = [match[1].replace(",", ".") if match else None for match in found], "ISO8601"
    return seconds_of(to_datetime(Series(texts, dtype=object), format=form, errors="coerce"))


def _seconds(text: str, form: str) -> float:
    try:
        if form == ISO:
            found = _ISO.fullmatch(text)
            moment = datetime.fromisoformat(found[1].replace(",", ".")) if found else None
        else:
            moment = datetime.strptime(text, form)
    except ValueError:
        return math.nan
    return math.nan if moment is None else (moment - _EPOCH).total_seconds()


def seconds_of(values: object) -> np.ndarray:
    """Return seconds since 1970 of a column of dates, by the clock of its own time zone, float64 (n_rows,), NaN where missing."""
    if not isinstance(values, np.ndarray):
        values = (values.dt.tz_localize(None) if values.dt.tz is not None else values).to_numpy(dtype="datetime64[us]")
    stamps = values.astype("datetime64[us]")
    seconds = stamps.astype(np.int64) / 1e6
    return np.where(np.isnat(stamps), np.nan, seconds)


def date_part(seconds: np.ndarray, part: str) -> np.ndarray:
    """Return one of `DATE_PARTS` of moments given in seconds since 1970, float64 (n_rows,), NaN where these are."""
    numbers = np.empty(len(seconds))
    write_parts(np.array(seconds), DATE_PARTS.index(part), numbers)
    return numbers
