"""Tables from files: delimited text, Parquet, Feather, Excel and JSON lines, read whole or refused in one sentence."""

import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas
import pyarrow

from propneat.base.errors import DataError
from propneat.base.extras import need
from propneat.data.arrow_memory import arrow_file
from propneat.data.delimited import DelimitedForm, RawTable, parse_delimited, read_delimited
from propneat.data.mapped import Text, map_file

if TYPE_CHECKING:
    from propneat.data.delimited_sweep import SweptColumn
    from propneat.data.plan import TablePlan

__all__ = [
    "FILE_ENDINGS",
    "MAX_UNPACKED_BYTES",
    "parse_delimited",
    "read_columns",
    "read_planned",
    "read_table_file",
    "unpack_gzip",
]

_TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_LINES_ENDINGS = (".jsonl", ".ndjson")
FILE_ENDINGS = (*_TEXT_ENDINGS, ".parquet", ".feather", ".xlsx", *_LINES_ENDINGS)
"""Endings, upper or lower case, of the files that can be read."""

MAX_UNPACKED_BYTES = 4 * 2**30
"""The most bytes that a packed file may unpack to."""

_BLOCK = 2**24
_LEAST_SWEPT, _LEAST_MAPPED = 2**20, 2**26


def read_table_file(path: Path | str, form: DelimitedForm = DelimitedForm()) -> RawTable:
    """Read a file with named columns into a frame with a plain row index; the ending says how.

    `form` is for delimited text. Raises DataError when the file is missing, of another kind, empty, damaged, or not a table.
    """
    path = Path(path)
    name = path.name.lower()
    if path.is_dir():
        raise DataError(f"{path} is a folder: name a file in it that ends in one of {', '.join(FILE_ENDINGS)}")
    if not name.endswith(FILE_ENDINGS):
        raise DataError(f"{path} is not a kind of file that can be read: use one of {', '.join(FILE_ENDINGS)}")
    data = _read_bytes(path)
    if name.endswith((".parquet", ".feather")):
        return _read_arrow(data, str(path))
    if name.endswith(".xlsx"):
        return _read_excel(data, str(path))
    if name.endswith(_LINES_ENDINGS):
        return _read_lines(data, str(path))
    return read_delimited(unpack_gzip(data, str(path)) if name.endswith(".gz") else data, str(path), form)


def read_columns(
    path: Path | str, form: DelimitedForm, markers: Sequence[str]
) -> "tuple[dict[str, pandas.Series | SweptColumn], tuple[str, ...]]":
    """Return the columns of a file by name, and a line for every choice made; see `read_table_file`.

    Long delimited text is swept: its columns of plain numbers, with `markers` for "missing", never become texts.
    """
    path = Path(path)
    name = path.name.lower()
    if name.endswith(_TEXT_ENDINGS) and path.is_file() and path.stat().st_size >= _LEAST_SWEPT:
        from propneat.data.swept_columns import sweep_columns

        is_packed = name.endswith(".gz")
        # a mapped file that becomes shorter can end the process, so only those are mapped that take much memory
        is_read = is_packed or path.stat().st_size < _LEAST_MAPPED
        data = _read_bytes(path) if is_read else _mapped(path)
        data = unpack_gzip(data, str(path)) if is_packed else data
        if swept := sweep_columns(data, str(path), form, markers):
            return swept
        raw = read_delimited(data[:], str(path), form)
    else:
        raw = read_table_file(path, form)
    return {str(name): raw.frame[name] for name in raw.frame.columns}, raw.notes


def read_planned(path: Path | str, form: DelimitedForm, plan: "TablePlan", as_written: Collection[str]) -> RawTable:
    """Read a file to which a plan is to be applied, see `read_table_file`; columns `as_written` keep their texts.

    Of long delimited text other columns become what the plan reads just so: plain numbers numbers, and few texts categories.
    """
    columns, notes = read_columns(path, form, plan.missing)
    plans = {column.name: column for column in plan.used}
    found = {
        name: column if isinstance(column, pandas.Series) else column.planned(None if name in as_written else plans.get(name))
        for name, column in columns.items()
    }
    return RawTable(pandas.DataFrame(found, copy=False), notes)


def unpack_gzip(data: bytes, label: str) -> bytes:
    """Return the content of a gzip file; raises DataError when it is damaged or would take more than `MAX_UNPACKED_BYTES`."""
    parts, size = [], 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            while part := file.read(_BLOCK):
                parts.append(part)
                size += len(part)
                if size > MAX_UNPACKED_BYTES:
                    raise DataError(
                        f"{label} unpacks to more than {MAX_UNPACKED_BYTES // 2**30} GiB, which is the most that is read"
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{label} is damaged: it cannot be unpacked as a gzip file ({_one_line(error)})") from error
    return b"".join(parts)


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}: check the name and the folder") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    if not data:
        raise DataError(f"{path} is empty: expected a header line and rows")
    return data


def _mapped(path: Path) -> Text:
    try:
        return map_file(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _read_arrow(data: bytes, label: str) -> RawTable:
    """Read a Parquet or Feather file; the first bytes say which."""
    is_parquet = data[:4] == b"PAR1"
    kind = "Feather" if label.lower().endswith(".feather") else "Parquet"
    try:
        read = pandas.read_parquet if is_parquet else pandas.read_feather
        frame = read(arrow_file(data), **({"engine": "pyarrow"} if is_parquet else {}))
    except (pyarrow.ArrowException, ValueError, OSError, KeyError, TypeError, OverflowError) as error:
        raise DataError(f"{label} is not a readable {kind} file: {_one_line(error)}") from error
    return RawTable(_checked(frame.reset_index(drop=True), label))


def _read_excel(data: bytes, label: str) -> RawTable:
    """Read the first sheet of a workbook."""
    need("openpyxl", label, "save the sheet as CSV")
    try:
        book = pandas.ExcelFile(io.BytesIO(data), engine="openpyxl")
    except Exception as error:
        raise DataError(f"{label} is not a readable Excel file: {_one_line(error)}") from error
    with book:
        frame = pandas.read_excel(book, sheet_name=0, keep_default_na=False, na_values=[""])
        others = book.sheet_names[1:]
    notes = (f"read the sheet {book.sheet_names[0]!r}, not {', '.join(map(repr, others[:3]))}",) if others else ()
    unnamed = [name for name in frame.columns if str(name).startswith("Unnamed: ") and frame[name].isna().all()]
    return RawTable(_checked(frame.drop(columns=unnamed).dropna(how="all").reset_index(drop=True), label), notes)


def _read_lines(data: bytes, label: str) -> RawTable:
    """Read one JSON object a line; a key that a line lacks is missing there."""
    try:
        rows = [json.loads(line) for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise DataError(f"{label} is not JSON lines in UTF-8: {_one_line(error)}") from error
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{label} must hold one JSON object a line")
    columns = {name: [row.get(name) for row in rows] for name in dict.fromkeys(key for row in rows for key in row)}
    if nested := next((name for name, cells in columns.items() if any(isinstance(cell, dict | list) for cell in cells)), None):
        raise DataError(f"{label}: {nested!r} holds lists or objects, and a cell must be one value")
    return RawTable(
        _checked(pandas.DataFrame({name: pandas.Series(cells, dtype=object) for name, cells in columns.items()}), label)
    )


def _checked(frame: pandas.DataFrame, label: str) -> pandas.DataFrame:
    """Return a frame whose columns have different names, texts without blanks at their ends."""
    names = [str(name).strip() or f"column {position}" for position, name in enumerate(frame.columns, start=1)]
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"{label} has more than one column named {repeated[0]!r}: rename one of them")
    if not len(frame):
        raise DataError(f"{label} has no rows")
    return frame.set_axis(names, axis=1)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
