"""The column plan: how each column of a table is read, decided once, stored with the model, and applied as it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from propneat.base.errors import DataError
from propneat.data.cells import MISSING_TEXTS, Cells, arrow_texts, code_type, dtype_kind, is_missing, is_number, text_of
from propneat.data.dates import DATE_FORMATS, date_part, parse_dates, seconds_of
from propneat.data.frames import TableView
from propneat.data.number_columns import cast_formed, cast_plain
from propneat.data.numbers import NumberForm, parse_number, spelled_number

__all__ = ["KINDS", "ColumnPlan", "ReadColumn", "TablePlan"]

KINDS = ("number", "truth", "category", "date", "dropped")
"""What a column can be read as; a truth value is the number 1 or 0."""


@dataclass(frozen=True, eq=False)
class ReadColumn:
    """A column that was read by its plan.

    `numbers`, float64 (n_rows,), NaN where missing, holds numbers, truth values, and seconds since 1970 of dates. A category has
    `codes` instead, whole numbers (n_rows,), the position of each row's level in `levels`, -1 where missing. `odd` (n_rows,) marks
    cells that hold something, but nothing that the plan can read; they count as missing.
    """

    plan: "ColumnPlan"
    missing: np.ndarray
    odd: np.ndarray
    numbers: np.ndarray | None = None
    codes: np.ndarray | None = None
    levels: tuple[str | int | float, ...] = ()
    _parts: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    def part(self, name: str) -> np.ndarray:
        """Return one of `DATE_PARTS` of a column of dates, float64 (n_rows,), NaN where missing."""
        if name not in self._parts:
            self._parts[name] = date_part(self.numbers, name)
        return self._parts[name]

    def rows(self, mask: np.ndarray) -> "ReadColumn":
        """Return the rows where the boolean `mask` (n_rows,) is true."""
        numbers, codes = (None if part is None else part[mask] for part in (self.numbers, self.codes))
        return ReadColumn(self.plan, self.missing[mask], self.odd[mask], numbers, codes, self.levels)

    def each_level(self) -> "ReadColumn":
        """Return a column of len(levels) + 1 rows: one of each level, and a missing one last."""
        codes = np.append(np.arange(len(self.levels)), -1)
        return ReadColumn(self.plan, codes < 0, np.zeros(len(codes), bool), codes=codes, levels=self.levels)


@dataclass(frozen=True)
class ColumnPlan:
    """How the cells of one column are read.

    `decimal`, `thousands`, `prefix` and `suffix` are the `NumberForm` of its numbers, `sentinel` a number that means "missing",
    `format` that of its dates. `levels` of a category are texts, or numbers where cells are to be compared as such; those of a
    column of many are the frequent ones. `reason` says why a column is dropped.
    """

    name: str
    kind: str
    reason: str = ""
    decimal: str = "."
    thousands: str = ""
    prefix: str = ""
    suffix: str = ""
    sentinel: float | None = None
    format: str = ""
    levels: tuple[str | int | float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError(f"column {self.name!r} is to be read as {self.kind!r}, which is none of {', '.join(KINDS)}")
        if self.format and self.format not in DATE_FORMATS:
            raise DataError(f"column {self.name!r} has the date format {self.format!r}, which is none of those known")
        if self.kind == "date" and not self.format:
            raise DataError(f"column {self.name!r} is a date and has no format")

    @property
    def form(self) -> NumberForm:
        """How numbers are written."""
        return NumberForm(self.decimal, self.thousands, self.prefix, self.suffix)

    @property
    def has_number_levels(self) -> bool:
        """Whether cells of this category are compared as numbers."""
        return bool(self.levels) and not isinstance(self.levels[0], str)

    @property
    def reads_numbers(self) -> bool:
        """Whether cells are read as numbers, truth values among them."""
        return self.kind in ("number", "truth") or self.has_number_levels

    def read(self, values: object, markers: Sequence[str] = MISSING_TEXTS) -> ReadColumn:
        """Read a Series or an array (n_rows,); each cell's reading depends on that cell alone.

        `markers` are the texts that mean "missing". Raises DataError for infinite numbers and for objects that are neither
        numbers, texts nor dates.
        """
        if self.kind == "category" and not self.has_number_levels:
            return self._read_levels(values, markers)
        if self.kind == "date":
            return self._read_dates(values, markers)
        numbers, odd = self._read_numbers(values, markers)
        numbers = _without_markers(numbers, markers)
        if np.isinf(numbers).any():
            raise DataError(
                f"column {self.name!r} holds an infinite value: replace it by a finite number or leave the cell empty"
            )
        if self.sentinel is not None:
            numbers = np.where(numbers == self.sentinel, np.nan, numbers)
        missing = np.isnan(numbers)
        if self.kind != "category":
            return ReadColumn(self, missing if missing.any() else _none(len(numbers)), odd, numbers=numbers)
        distinct, codes = np.unique(numbers[~missing], return_inverse=True)
        all_codes = np.full(len(numbers), -1, np.int64)
        all_codes[~missing] = codes
        return ReadColumn(self, missing, odd, codes=all_codes, levels=tuple(map(_tidy, distinct)))

    def _read_numbers(self, values: object, markers: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        kind = dtype_kind(values)
        if kind == "number":
            return _as_floats(values), _none(len(values))
        if kind == "categorical":
            numbers, odd = self._read_numbers(values.cat.categories.to_series(), markers)
            codes = values.cat.codes.to_numpy()
            return np.append(numbers, np.nan)[codes], np.append(odd, False)[codes]
        if kind not in ("object", "date"):
            _refuse(values, kind, self.name)
        texts = arrow_texts(values)
        if self.form == NumberForm() and (numbers := cast_plain(texts, markers)) is not None:
            return numbers, _none(len(numbers))
        if texts is None:
            return self._read_cells(values, markers)
        numbers, read = cast_formed(texts, self.form)
        odd = np.zeros(len(numbers), bool)
        if not read.all():
            numbers[~read], odd[~read] = self._read_cells(values[~read], markers)
        return numbers, odd

    def _read_cells(self, values: object, markers: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Read numbers from each distinct cell."""
        cells, form = Cells.of(values, self.name), self.form
        numbers = np.array([_number_of(value, form, markers, self.name) for value in cells.values], dtype=np.float64)
        gaps = np.array([is_missing(value, markers) for value in cells.values], dtype=bool)
        return cells.spread(numbers, np.nan), cells.spread(np.isnan(numbers) & ~gaps, False)

    def _read_dates(self, values: object, markers: Sequence[str]) -> ReadColumn:
        kind = dtype_kind(values)
        if kind == "date":
            seconds = seconds_of(values)
            return ReadColumn(self, np.isnan(seconds), np.zeros(len(seconds), bool), numbers=seconds)
        if kind == "categorical":
            values = values.astype(object)
        elif kind != "object":
            missing = np.ones(len(values), bool)
            return ReadColumn(self, missing, missing, numbers=np.full(len(values), np.nan))
        cells = Cells.of(values, self.name)
        texts = [value if isinstance(value, str) else text_of(value) for value in cells.values]
        moments = [hasattr(value, "year") for value in cells.values]
        seconds = parse_dates(texts, self.format)
        if any(moments):
            seconds[moments] = parse_dates([text for text, moment in zip(texts, moments, strict=True) if moment], "iso")
        gaps = np.array([is_missing(value, markers) for value in cells.values], dtype=bool)
        seconds[gaps] = np.nan
        numbers = cells.spread(seconds, np.nan)
        return ReadColumn(self, np.isnan(numbers), cells.spread(np.isnan(seconds) & ~gaps, False), numbers=numbers)

    def _read_levels(self, values: object, markers: Sequence[str]) -> ReadColumn:
        if dtype_kind(values) == "categorical":
            inner = self._read_levels(values.cat.categories.to_series(), markers)
            codes = np.append(inner.codes, inner.codes.dtype.type(-1))[values.cat.codes.to_numpy()]
            return ReadColumn(self, codes < 0, _none(len(codes)), codes=codes, levels=inner.levels)
        if dtype_kind(values) in ("complex", "other"):
            _refuse(values, dtype_kind(values), self.name)
        cells = Cells.of(values, self.name)
        texts = [None if is_missing(value, markers) else self._level_of(value) for value in cells.values]
        levels = tuple(sorted({text for text in texts if text is not None}))
        position = {None: -1} | {level: index for index, level in enumerate(levels)}
        codes = cells.spread(np.array([position[text] for text in texts], code_type(len(levels))), -1)
        return ReadColumn(self, codes < 0, _none(len(codes)), codes=codes, levels=levels)

    def _level_of(self, value: object) -> str:
        """Return the text of a cell; a number or truth value is the known level that spells it, such as "01" for 1."""
        text = text_of(value)
        if isinstance(value, str) or text in self._known:
            return text
        return self._spelled.get(float(value), text) if is_number(value) else text

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.levels)

    @cached_property
    def _spelled(self) -> dict[float, str]:
        numbers = {level: spelled_number(level, NumberForm()) for level in self.levels}
        return {number: level for level, number in reversed(numbers.items())}

    def to_dict(self) -> dict[str, Any]:
        """Return the plan for JSON, without what is as usual."""
        shown = {each.name: getattr(self, each.name) for each in fields(self)}
        plain = {name: value for name, value in shown.items() if name in ("name", "kind") or value != _USUAL[name]}
        return plain | ({"levels": list(self.levels)} if self.levels else {})

    @classmethod
    def from_dict(cls, document: object) -> "ColumnPlan":
        """Read what `to_dict` wrote; raises DataError for anything else."""
        if not isinstance(document, Mapping) or not {"name", "kind"} <= set(document) <= set(_USUAL):
            raise DataError(f"a column plan must be an object with name, kind, and any of {', '.join(list(_USUAL)[2:])}")
        for key, value in document.items():
            if key == "sentinel":
                usable = _is_finite(value)
            elif key == "levels":
                kinds = {isinstance(level, str) for level in value} if isinstance(value, list) else {None}
                usable = len(kinds) <= 1 and (kinds <= {True} or (kinds == {False} and all(map(_is_finite, value))))
            else:
                usable = isinstance(value, str)
            if not usable:
                raise DataError(f"the plan of column {str(document['name'])[:60]!r} has an unusable {key!r}")
        return cls(**{**document, "levels": tuple(document.get("levels", ()))})


_USUAL = {each.name: each.default for each in fields(ColumnPlan)}


@dataclass(frozen=True)
class TablePlan:
    """How the columns of a table are read, in the order of the table decided on, and the texts that mean "missing" in it."""

    columns: tuple[ColumnPlan, ...]
    missing: tuple[str, ...] = MISSING_TEXTS

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            raise DataError("the columns of a plan must have different names, and two of them have the same")

    @cached_property
    def used(self) -> tuple[ColumnPlan, ...]:
        """The columns that are not dropped."""
        return tuple(column for column in self.columns if column.kind != "dropped")

    def read(self, table: object, features: Sequence[str] | None = None) -> dict[str, ReadColumn]:
        """Read the columns of a table, or those named in `features`, by name; each row's reading depends on that row alone.

        Columns of a dataframe are found by name, in any order, and others ignored; those of an array by position.
        Raises DataError for columns that are not there and cells that cannot be read.
        """
        view = TableView.of(table)
        wanted = [column for column in self.used if features is None or column.name in features]
        position_of = self._positions(view, [column.name for column in wanted])
        return {column.name: column.read(view.column(position_of[column.name]), self.missing) for column in wanted}

    def _positions(self, view: TableView, wanted: list[str]) -> dict[str, int]:
        if view.is_array:
            if len(view.names) != len(self.columns):
                raise DataError(f"expected {len(self.columns)} columns as in training, got an array of {len(view.names)}")
            return {column.name: position for position, column in enumerate(self.columns)}
        position_of = {name: position for position, name in enumerate(view.names)}
        if absent := [name for name in wanted if name not in position_of]:
            more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
            raise DataError(f"the table lacks columns used in training: {', '.join(map(repr, absent[:5]))}{more}")
        return position_of

    def to_dict(self) -> dict[str, Any]:
        """Return the plan for JSON."""
        return {"missing": list(self.missing), "columns": [column.to_dict() for column in self.columns]}

    @classmethod
    def from_dict(cls, document: object) -> "TablePlan":
        """Read what `to_dict` wrote; raises DataError for anything else."""
        if not isinstance(document, Mapping) or set(document) != {"missing", "columns"}:
            raise DataError("a column plan must be an object with exactly missing and columns")
        missing, columns = document["missing"], document["columns"]
        if not isinstance(missing, list) or not all(isinstance(text, str) for text in missing):
            raise DataError("'missing' of a column plan must be a list of texts")
        if not isinstance(columns, list):
            raise DataError("'columns' of a column plan must be a list of columns")
        return cls(tuple(map(ColumnPlan.from_dict, columns)), tuple(missing))


def _number_of(value: object, form: NumberForm, markers: Sequence[str], name: str) -> float:
    if is_missing(value, markers):
        return np.nan
    if isinstance(value, str):
        return parse_number(value, form)
    if not is_number(value):
        if hasattr(value, "year"):
            return np.nan
        raise DataError(f"column {name!r} must hold numbers or texts, not {type(value).__name__}")
    try:
        return float(value)
    except OverflowError as error:
        raise DataError(f"column {name!r} must hold numbers, got {str(value)[:60]!r}") from error


def _none(n_rows: int) -> np.ndarray:
    """Return False for every row, bool (n_rows,), in the memory of one."""
    return np.broadcast_to(np.False_, n_rows)


def _as_floats(values: object) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values.astype(np.float64, copy=False)
    return values.to_numpy() if values.dtype == np.float64 else values.to_numpy(np.float64, na_value=np.nan)


def _without_markers(numbers: np.ndarray, markers: Sequence[str]) -> np.ndarray:
    """Make the numbers that a marker spells, such as "-999", missing."""
    spelled = [number for number in (spelled_number(marker, NumberForm()) for marker in markers) if np.isfinite(number)]
    return np.where(np.isin(numbers, spelled), np.nan, numbers) if spelled else numbers


def _refuse(values: object, kind: str, name: str) -> None:
    if kind == "complex":
        raise DataError(f"Complex data not supported: column {name!r} holds complex numbers, use two real columns")
    raise DataError(f"column {name!r} holds {values.dtype} values: turn them into numbers or texts first")


def _tidy(value: float) -> int | float:
    return int(value) if float(value).is_integer() else float(value)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
