"""One network input from the value of one column: a tiny rule that JSON can carry and any language can apply."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from propneat.base.errors import DataError
from propneat.data.dates import DATE_PARTS
from propneat.data.plan import ReadColumn

__all__ = ["FIRST_WORD", "InputRule", "expect_keys", "first_words"]

FIRST_WORD = "first word"
"""The part of a text that often says what it is about: the maker in the name of a product, the kind in a title."""

Level = str | int | float


@dataclass(frozen=True)
class InputRule:
    """How one network input is made from the value of one column.

    A plain rule takes the number itself, or the `part` of a date, no less than `low` and no more than `high`, and gives 0 when
    it is missing. The part "first word" of a category is the text before its first blank. With `level` the number is 1 where the value equals the level, else 0; with `missing` it is 1 where the value is
    missing, else 0. With `means`, pairs of a level and a number learnt from the target, it is that number, and `default` for
    other levels and missing values. The input is (number - center) / scale.
    """

    name: str
    feature: str
    center: float
    scale: float
    level: Level | None = None
    missing: bool = False
    low: float | None = None
    high: float | None = None
    part: str | None = None
    means: tuple[tuple[Level, float], ...] | None = None
    default: float | None = None

    def apply(self, column: ReadColumn, out: np.ndarray | None = None) -> np.ndarray:
        """Return the input for every row of a column, float64 (n_rows,), in `out` if given."""
        out = np.empty(len(column.missing)) if out is None else out
        if column.codes is not None and not self.missing and len(column.codes) > len(column.levels) + 1:
            # the code -1 of a missing value means the last row
            return np.take(self.apply(column.each_level()), column.codes, out=out, mode="wrap")
        column = first_words(column) if self.part == FIRST_WORD else column
        numbers = self._numbers(column, out)
        with np.errstate(over="ignore"):
            np.subtract(numbers, self.center, out=out)
            out /= self.scale
            if np.isinf(out).any():
                # of numbers near the largest there are, the difference overflows and the quotients do not
                numbers = self._numbers(column, np.empty(len(out)))
                np.subtract(numbers / self.scale, self.center / self.scale, out=out)
        if self.level is None and not self.missing and self.means is None and column.missing.any():
            out[column.missing] = 0.0
        return out

    def outside(self, column: ReadColumn) -> np.ndarray:
        """Say for every row whether its number lies below `low` or above `high`, bool (n_rows,)."""
        if self.low is None or self.means is not None or self.level is not None:
            return np.zeros(len(column.missing), bool)
        numbers = self.number_of(column)
        return (numbers < self.low) | (numbers > self.high)

    def number_of(self, column: ReadColumn) -> np.ndarray:
        """Return the number, or the part of the date, of every row, float64 (n_rows,), NaN where missing."""
        return column.numbers if self.part is None else column.part(self.part)

    def _numbers(self, column: ReadColumn, out: np.ndarray) -> np.ndarray:
        """Return what is to be centred; `out` may be used for it."""
        if self.missing:
            return column.missing.astype(np.float64)
        if self.means is not None:
            return self._means_of(column)
        if self.level is not None:
            return self._equals(column)
        numbers = self.number_of(column)
        return numbers if self.low is None else np.clip(numbers, self.low, self.high, out=out)

    def _equals(self, column: ReadColumn) -> np.ndarray:
        if column.codes is None:
            return (self.number_of(column) == self.level).astype(np.float64)
        code = next((code for code, level in enumerate(column.levels) if level == self.level), -2)
        return (column.codes == code).astype(np.float64)

    def _means_of(self, column: ReadColumn) -> np.ndarray:
        known = dict(self.means)
        if column.codes is not None:
            table = np.array([*(known.get(level, self.default) for level in column.levels), self.default])
            return table[column.codes]
        distinct, codes = np.unique(self.number_of(column), return_inverse=True)
        return np.array([known.get(number, self.default) for number in distinct.tolist()], dtype=np.float64)[codes]

    def to_dict(self) -> dict[str, object]:
        """Return the rule for JSON, without what it does not use."""
        plain = {"name": self.name, "feature": self.feature, "center": self.center, "scale": self.scale}
        more = {
            key: getattr(self, key) for key in ("level", "low", "high", "part", "default") if getattr(self, key) is not None
        }
        if self.means is not None:
            more["means"] = [list(pair) for pair in self.means]
        return plain | more | ({"missing": True} if self.missing else {})

    @classmethod
    def from_dict(cls, document: object) -> "InputRule":
        """Read what `to_dict` wrote; raises DataError for anything else, one sentence saying what."""
        more = {"level", "missing", "low", "high", "part", "means", "default"}
        expect_keys(document, {"name", "feature", "center", "scale"}, more, "an input rule")
        text = json.dumps(str(document.get("name")))
        if not isinstance(document["name"], str) or not isinstance(document["feature"], str):
            raise DataError(f"'name' and 'feature' of input rule {text} must be texts")
        for key in ("center", "scale", "low", "high", "default"):
            if key in document and not _is_finite_number(document[key]):
                raise DataError(f"{key!r} of input rule {text} must be a finite number")
        if document["scale"] <= 0:
            raise DataError(f"'scale' of input rule {text} must be positive")
        _check_use(document, text)
        numbers = {key: float(document[key]) for key in ("center", "scale", "low", "high", "default") if key in document}
        means = tuple((level, float(mean)) for level, mean in document["means"]) if "means" in document else None
        others = {key: document[key] for key in ("level", "missing", "part") if key in document}
        return cls(name=document["name"], feature=document["feature"], means=means, **numbers, **others)


def first_words(column: ReadColumn) -> ReadColumn:
    """Return a column of texts as one of their first words."""
    words = [level.split(" ", 1)[0] for level in column.levels]
    levels = tuple(sorted(set(words)))
    position = {word: code for code, word in enumerate(levels)}
    codes = np.array([*(position[word] for word in words), -1], np.int64)[column.codes]
    return replace(column, codes=codes, levels=levels)


def _check_use(document: Mapping[str, object], text: str) -> None:
    """Refuse parts of a rule that do not go together."""
    level, missing = document.get("level"), document.get("missing", False)
    if "level" in document and not _is_level(level):
        raise DataError(f"'level' of input rule {text} must be a text or a finite number")
    if not isinstance(missing, bool) or (missing and level is not None):
        raise DataError(f"'missing' of input rule {text} must be true or false, and not true beside a level")
    if ("low" in document) != ("high" in document) or ("low" in document and document["low"] > document["high"]):
        raise DataError(f"'low' and 'high' of input rule {text} go together, the lower one first")
    if "part" in document and document["part"] not in (*DATE_PARTS, FIRST_WORD):
        raise DataError(f"'part' of input rule {text} must be one of {', '.join(DATE_PARTS)} and {FIRST_WORD}")
    if ("means" in document) != ("default" in document) or ("means" in document and (missing or level is not None)):
        raise DataError(f"'means' and 'default' of input rule {text} go together, without a level or 'missing'")
    for pair in document.get("means", ()) if isinstance(document.get("means", []), list) else [None]:
        if not isinstance(pair, list) or len(pair) != 2 or not _is_level(pair[0]) or not _is_finite_number(pair[1]):
            raise DataError(f"'means' of input rule {text} must be a list of pairs of a level and a finite number")


def expect_keys(document: object, required: set[str], optional: set[str], what: str) -> None:
    """Raise DataError unless a document is an object with all keys of the one set and any of the other."""
    if not isinstance(document, Mapping):
        raise DataError(f"{what} must be an object, not {type(document).__name__}")
    if wrong := (required - set(document)) | (set(document) - required - optional):
        key = sorted(map(str, wrong))[0]
        raise DataError(f"{what} {'lacks' if key in required else 'has an unknown'} key {key!r}")


def _is_level(value: object) -> bool:
    return isinstance(value, str) or _is_finite_number(value)


def _is_finite_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
