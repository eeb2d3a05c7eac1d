"""Tables from CSV, TSV and Parquet files: read whole or refused in one sentence, never guessed at in silence."""

import csv
import gzip
import io
import itertools
import re
import zlib
from pathlib import Path

import pandas
import pyarrow

from propneat.data.columns import MISSING_TEXTS
from propneat.errors import DataError

__all__ = ["FILE_ENDINGS", "parse_delimited", "read_table_file", "unpack_gzip"]

FILE_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
"""Endings, upper or lower case, of the files that can be read."""

_DELIMITERS = (",", ";", "\t")
_SNIFFED_ROWS = 50
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_DECIMAL_POINT = re.compile(r"[+-]?\d+\.\d+")


def read_table_file(path: Path | str) -> pandas.DataFrame:
    """Read a file with named columns into a DataFrame with a plain row index.

    The ending says how: .parquet, or .csv and .tsv, these also packed as .gz, which `parse_delimited` reads.
    Raises DataError when the file is missing, of another kind, empty, damaged, or not a table.
    """
    path = Path(path)
    name = path.name.lower()
    if not name.endswith(FILE_ENDINGS):
        raise DataError(f"{path} is not a kind of file that can be read: use one of {', '.join(FILE_ENDINGS)}")
    data = _read_bytes(path)
    if name.endswith(".parquet"):
        return _read_parquet(data, str(path))
    return parse_delimited(unpack_gzip(data, str(path)) if name.endswith(".gz") else data, str(path))


def parse_delimited(data: bytes, label: str) -> pandas.DataFrame:
    """Read a delimited text with a header line; `label` names it in errors.

    The text is UTF-8, or UTF-16 with a byte order mark. The delimiter is the one of comma, semicolon and tab that
    splits the first rows alike and into most columns; away from commas, numbers may have a decimal comma. Texts of
    `MISSING_TEXTS` are missing values. A first column without a name that only counts the rows, as many programs
    write it, is dropped.

    Raises DataError for other encodings, binary content, rows of unequal length, and nameless or repeated columns.
    """
    text = _decode(data, label)
    if not text.strip():
        raise DataError(f"{label} is empty: expected a header line and rows")
    delimiter = _sniff(text)
    header, n_rows = _check_rows(text, delimiter, label)
    try:
        frame = pandas.read_csv(
            io.StringIO(text, newline=""),
            sep=delimiter,
            names=range(len(header)),
            header=0,
            index_col=False,
            skipinitialspace=True,
            keep_default_na=False,
            na_values=sorted(MISSING_TEXTS),
            decimal="," if delimiter != "," and _has_decimal_comma(text, delimiter) else ".",
            low_memory=False,
        )
    except (ValueError, OverflowError) as error:
        raise DataError(f"{label} is not a readable table: {_one_line(error)}") from error
    if len(frame) != n_rows:
        raise DataError(f"{label} is not a readable table: its quotation marks do not pair up")
    return _with_names(frame, header, label)


def unpack_gzip(data: bytes, label: str) -> bytes:
    """Return the content of a gzip file; raises DataError when it is damaged."""
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{label} is damaged: it cannot be unpacked as a gzip file ({_one_line(error)})") from error


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


def _read_parquet(data: bytes, label: str) -> pandas.DataFrame:
    try:
        frame = pandas.read_parquet(io.BytesIO(data), engine="pyarrow")
    except (pyarrow.ArrowException, ValueError, OSError, KeyError, TypeError, OverflowError) as error:
        raise DataError(f"{label} is not a readable Parquet file: {_one_line(error)}") from error
    return _with_names(frame.reset_index(drop=True), [str(name) for name in frame.columns], label)


def _decode(data: bytes, label: str) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"{label} is not UTF-8 text (byte {error.start}): save it as CSV with encoding UTF-8") from error
    if found := _CONTROL.search(text):
        raise DataError(f"{label} is not a text file (it has the control character {ord(found[0]):#04x}): expected CSV or TSV")
    return text


def _rows(text: str, delimiter: str) -> "csv.Reader":
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)


def _sniff(text: str) -> str:
    """Return the delimiter that gives the first rows the most columns, preferring one that gives each row as many."""

    def score(delimiter: str) -> tuple[bool, int]:
        try:
            widths = [len(row) for row in itertools.islice(_rows(text, delimiter), _SNIFFED_ROWS) if row]
        except csv.Error:
            return False, 0
        return widths[0] > 1 and len(set(widths)) == 1, widths[0]

    return max(_DELIMITERS, key=score)


def _check_rows(text: str, delimiter: str, label: str) -> tuple[list[str], int]:
    """Return the header and the number of rows after seeing that every row has as many fields as the header."""
    header: list[str] | None = None
    n_rows = 0
    rows = _rows(text, delimiter)
    try:
        for row in rows:
            if header is None:
                header = [name.strip() for name in row] or None
            elif row:
                n_rows += 1
                if len(row) != len(header):
                    raise DataError(f"{label}: line {rows.line_num} has {len(row)} fields where the header has {len(header)}")
    except csv.Error as error:
        raise DataError(f"{label} is not a readable table: line {rows.line_num}: {error}") from error
    if header is None or not n_rows:
        raise DataError(f"{label} has no rows below its header line")
    return header, n_rows


def _has_decimal_comma(text: str, delimiter: str) -> bool:
    fields = [field.strip() for row in itertools.islice(_rows(text, delimiter), _SNIFFED_ROWS) for field in row]
    return any(map(_DECIMAL_COMMA.fullmatch, fields)) and not any(map(_DECIMAL_POINT.fullmatch, fields))


def _with_names(frame: pandas.DataFrame, names: list[str], label: str) -> pandas.DataFrame:
    """Name the columns of a frame, without a nameless first column of row numbers."""
    frame.columns = range(len(names))
    if names[:1] == [""] and pandas.api.types.is_integer_dtype(frame[0]) and _counts_rows(frame[0]):
        frame, names = frame.drop(columns=0), names[1:]
    if "" in names:
        raise DataError(f"{label}: column {names.index('') + 1} has no name in the header line")
    repeated = [name for position, name in enumerate(names) if name in names[:position]]
    if repeated:
        raise DataError(f"{label} has more than one column named {repeated[0]!r}: rename one of them")
    frame.columns = names
    return frame


def _counts_rows(column: pandas.Series) -> bool:
    return column.tolist() in (list(range(len(column))), list(range(1, len(column) + 1)))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
