"""The cells of one column, whatever it is made of: distinct values, the texts that mean nothing, and the text of a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from numbers import Real

import numpy as np

from propneat.base.errors import DataError
from propneat.settings.reading import MISSING_TEXTS

__all__ = [
    "MISSING_TEXTS",
    "Cells",
    "arrow_texts",
    "buffers_of",
    "code_type",
    "dtype_kind",
    "is_missing",
    "is_number",
    "stripped",
    "text_of",
]


@dataclass(frozen=True, eq=False)
class Cells:
    """A column by its distinct values.

    `codes`, whole numbers (n_rows,), is the position of each row's value in `values`, -1 where there is none. Texts have no blanks at
    their ends; texts that mean "missing" are still among the values.
    """

    codes: np.ndarray
    values: list[object]

    @classmethod
    def of(cls, values: object, name: str) -> "Cells":
        """Read a Series or an array of shape (n_rows,), or cells, which stay as they are.

        Raises DataError for objects that cannot be compared.
        """
        from pandas import factorize

        if isinstance(values, cls):
            return values
        if (texts := arrow_texts(values)) is not None:
            return cls.of_texts(texts)
        try:
            codes, found = factorize(values)
        except TypeError as error:
            raise DataError(
                f"column {name!r} must hold numbers or texts, each argument must be a string or a number"
            ) from error
        return cls(*_stripped(np.asarray(codes, np.int64), list(found)))

    @classmethod
    def of_texts(cls, texts: object) -> "Cells":
        """Read a pyarrow array of stripped texts."""
        coded = texts.dictionary_encode()
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(codes, coded.dictionary.to_pylist())

    def __len__(self) -> int:
        return len(self.codes)

    def counts(self) -> np.ndarray:
        """Return how many rows have each of the values, int64 (n_values,)."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.values))

    def spread(self, of_values: np.ndarray, of_none: object) -> np.ndarray:
        """Return what belongs to each row (n_rows,): an entry of `of_values` (n_values,), or `of_none` where there is no value."""
        return np.append(of_values, np.array([of_none], dtype=of_values.dtype))[self.codes]


def code_type(n_values: int) -> np.dtype:
    """Return the smallest type of whole numbers for codes of as many values: from -1, for none, up to their number."""
    return np.min_scalar_type(-n_values - 1)


def _stripped(codes: np.ndarray, found: list[object]) -> tuple[np.ndarray, list[object]]:
    """Strip texts and join those that become equal."""
    plain = [value.strip() if isinstance(value, str) else value for value in found]
    if all(value is raw for value, raw in zip(plain, found, strict=True)):
        return codes, found
    # a text and a number never become one
    keys = [(isinstance(value, str), value) for value in plain]
    position = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    return np.array([*(position[key] for key in keys), -1], np.int64)[codes], [value for _, value in position]


def arrow_texts(values: object) -> object:
    """Return a column of Arrow texts as a pyarrow array of stripped texts, None for a column of any other kind."""
    storage = getattr(values, "array", None)
    if not hasattr(storage, "__arrow_array__") or not hasattr(values, "dtype") or str(values.dtype).startswith("period"):
        return None
    import pyarrow
    import pyarrow.compute

    if not isinstance(getattr(values.dtype, "pyarrow_dtype", None), pyarrow.DataType):
        return None
    texts = pyarrow.array(storage)
    if not (pyarrow.types.is_string(texts.type) or pyarrow.types.is_large_string(texts.type)):
        return None
    return stripped(texts.combine_chunks() if isinstance(texts, pyarrow.ChunkedArray) else texts)


def stripped(texts: object) -> object:
    """Return a pyarrow array of texts without blanks at their ends: itself where there are none."""
    from pyarrow import compute

    letters, ends = buffers_of(texts)
    filled = ends[1:] > ends[:-1]
    for outer in (letters[ends[:-1][filled]], letters[ends[1:][filled] - 1]):
        if not ((outer > 32) & (outer < 127)).all():
            return compute.utf8_trim_whitespace(texts)
    return texts


def buffers_of(texts: object) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of a pyarrow array of texts, uint8, and their ends, integers (n_rows + 1,), behind a first start."""
    _, ends, content = texts.buffers()
    if not len(texts):
        return np.zeros(0, np.uint8), np.zeros(1, np.int32)
    ends = np.frombuffer(ends, np.int64 if "large" in str(texts.type) else np.int32)
    return np.frombuffer(content or b"", np.uint8), ends[texts.offset : texts.offset + len(texts) + 1]


def dtype_kind(values: object) -> str:
    """Say what a column is made of: "number", "date", "categorical", "object" (texts too), "complex" or "other"."""
    if isinstance(values, Cells):
        return "object"
    if isinstance(values, np.ndarray):
        kinds = {"c": "complex", "O": "object", "U": "object", "M": "date"}
        return kinds.get(values.dtype.kind, "number" if values.dtype.kind in "fiub" else "other")
    from pandas import CategoricalDtype
    from pandas.api import types

    if isinstance(values.dtype, CategoricalDtype):
        return "categorical"
    if types.is_complex_dtype(values.dtype):
        return "complex"
    if types.is_numeric_dtype(values.dtype) or types.is_bool_dtype(values.dtype):
        return "number"
    if types.is_datetime64_any_dtype(values.dtype):
        return "date"
    return "object" if types.is_object_dtype(values.dtype) or types.is_string_dtype(values.dtype) else "other"


def is_number(value: object) -> bool:
    """Say whether a cell holds a number, truth values included."""
    return isinstance(value, Real | Decimal | np.bool_)


def is_missing(value: object, markers: Sequence[str]) -> bool:
    """Say whether a cell is one of the texts `markers` that mean "no value", or a number that one of them spells."""
    if isinstance(value, str):
        return value in markers
    return is_number(value) and not isinstance(value, bool | np.bool_) and text_of(value) in markers


def text_of(value: object) -> str:
    """Return the text a value has in a CSV file, whole floats without their point, so that 1.0 and "1" are the same level."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)
