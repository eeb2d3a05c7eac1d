"""One column of a table as numbers or as text codes, whatever the table is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real

import numpy as np

from propneat.errors import DataError

__all__ = ["MISSING_TEXTS", "TableView", "as_codes", "as_numbers", "kind_of", "texts_of"]

MISSING_TEXTS = frozenset({"", "?", "NA", "N/A", "NaN", "nan", "NULL", "null", "<NA>"})
"""Texts that mean "no value here", after blanks at both ends are removed; so do None, NaN, NaT and pandas.NA."""

_TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, eq=False)
class TableView:
    """A table seen as named columns: `data` is a pandas DataFrame or a numpy array of shape (n_rows, n_columns)."""

    data: object
    names: tuple[str, ...]

    @classmethod
    def of(cls, frame: object) -> "TableView":
        """Wrap a DataFrame, or anything numpy reads as two dimensions; array columns are called x0, x1, and so on.

        Raises DataError for sparse or complex data, another number of dimensions, or two columns of one name.
        """
        if hasattr(frame, "columns") and hasattr(frame, "iloc"):
            names = tuple(str(name) for name in frame.columns)
            twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
            if twice:
                raise DataError(f"the table has more than one column named {twice[0]!r}: rename one of them")
            return cls(frame, names)
        if hasattr(frame, "toarray"):
            raise DataError("sparse tables are not supported: pass a dense array, for example table.toarray()")
        array = np.asarray(frame)
        if array.ndim != 2:
            raise DataError(f"expected a table of shape (rows, columns), got an array of shape {array.shape}")
        return cls(array, tuple(f"x{index}" for index in range(array.shape[1])))

    def __len__(self) -> int:
        return len(self.data)

    @property
    def is_array(self) -> bool:
        """Whether the columns have no names of their own."""
        return isinstance(self.data, np.ndarray)

    def column(self, position: int) -> object:
        """Return one column as a pandas Series or an array of shape (n_rows,)."""
        return self.data[:, position] if self.is_array else self.data.iloc[:, position]

    def rows(self, mask: np.ndarray) -> "TableView":
        """Return the view of the rows where the boolean `mask` (n_rows,) is true."""
        return TableView(self.data[mask], self.names)


def kind_of(values: object, name: str) -> str:
    """Say how a column is to be read: "number", "code" (numbers that only name something) or "text".

    Raises DataError for dates, complex numbers, and objects that are neither numbers nor texts.
    """
    kind = _dtype_kind(values)
    if kind == "categorical":
        return {"number": "code", "text": "text"}[kind_of(values.cat.categories.to_series(), name)]
    if kind == "number":
        return "number"
    if kind == "complex":
        raise DataError(f"Complex data not supported: column {name!r} holds complex numbers, use two real columns")
    if kind == "other":
        raise DataError(f"column {name!r} holds {values.dtype} values: turn them into numbers or texts first")
    found = [value for value in _factorize(values, name)[1] if not _is_missing(value)]
    if all(_is_number(value) for value in found):
        return "number"
    odd = [value for value in found if not (isinstance(value, str) or _is_number(value))]
    if odd:
        raise DataError(f"column {name!r} must hold numbers or texts, not {type(odd[0]).__name__}")
    return "text"


def as_numbers(values: object, name: str) -> np.ndarray:
    """Return a column as float64 of shape (n_rows,), NaN where the value is missing.

    Texts are parsed; true and false are 1 and 0.
    Raises DataError, naming the column and the value, for a text that is no number and for an infinite value.
    """
    kind = _dtype_kind(values)
    if kind == "number":
        numbers = values.astype(np.float64) if isinstance(values, np.ndarray) else values.to_numpy(np.float64, na_value=np.nan)
    elif kind == "categorical":
        levels = as_numbers(values.cat.categories.to_series(), name)
        numbers = np.append(levels, np.nan)[values.cat.codes.to_numpy()]
    elif kind == "object":
        codes, found = _factorize(values, name)
        numbers = np.array([*(_parse(value, name) for value in found), np.nan])[codes]
    else:
        raise DataError(f"column {name!r} must hold numbers, not {values.dtype} values")
    if np.isinf(numbers).any():
        raise DataError(f"column {name!r} holds an infinite value: replace it by a finite number or leave the cell empty")
    return numbers


def as_codes(values: object, levels: Sequence[str], name: str) -> np.ndarray:
    """Return the position of each value among the texts `levels`, int64 (n_rows,): -1 where missing, -2 where not listed."""
    codes, found = _factorize(values, name)
    known = {level: position for position, level in enumerate(levels)}
    positions = [-1 if _is_missing(value) else known.get(_text_of(value), -2) for value in found]
    return np.array([*positions, -1], dtype=np.int64)[codes]


def texts_of(values: object, name: str) -> list[str]:
    """Return the distinct texts of a column, sorted, without the missing ones."""
    return sorted({_text_of(value) for value in _factorize(values, name)[1] if not _is_missing(value)})


def _dtype_kind(values: object) -> str:
    if isinstance(values, np.ndarray):
        return {"c": "complex", "O": "object", "U": "object"}.get(
            values.dtype.kind, "number" if values.dtype.kind in "fiub" else "other"
        )
    from pandas import CategoricalDtype
    from pandas.api import types

    if isinstance(values.dtype, CategoricalDtype):
        return "categorical"
    if types.is_complex_dtype(values.dtype):
        return "complex"
    if types.is_numeric_dtype(values.dtype) or types.is_bool_dtype(values.dtype):
        return "number"
    return "object" if types.is_object_dtype(values.dtype) or types.is_string_dtype(values.dtype) else "other"


def _factorize(values: object, name: str) -> tuple[np.ndarray, list[object]]:
    """Return per row the position of its value in the list of distinct values, -1 for missing, and that list."""
    from pandas import factorize

    try:
        codes, found = factorize(values)
    except TypeError as error:
        raise DataError(f"column {name!r} must hold numbers or texts, each argument must be a string or a number") from error
    return codes, list(found)


def _is_missing(value: object) -> bool:
    return isinstance(value, str) and value.strip() in MISSING_TEXTS


def _is_number(value: object) -> bool:
    return isinstance(value, Real | Decimal | np.bool_)


def _parse(value: object, name: str) -> float:
    if _is_missing(value):
        return np.nan
    text = value.strip() if isinstance(value, str) else value
    try:
        if isinstance(text, str) and text.lower() in _TRUTH:
            return _TRUTH[text.lower()]
        if isinstance(text, str) and "_" in text:
            raise ValueError(text)
        return float(text)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"column {name!r} must hold numbers, got {str(value)[:60]!r}") from error


def _text_of(value: object) -> str:
    """Return the text a value has in a CSV file, whole floats without their point, so that 1.0 and "1" are the same level."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
