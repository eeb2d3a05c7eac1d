"""Delimited text as people have it: any delimiter and common encoding, blank rows and columns, with or without a header."""

import codecs
import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas
import pyarrow
import pyarrow.compute
import pyarrow.csv

from propneat.base.errors import DataError
from propneat.data.arrow_memory import arrow_file
from propneat.data.cells import MISSING_TEXTS, arrow_texts, stripped
from propneat.data.mapped import Text, bytes_of
from propneat.settings.reading import DelimitedForm

__all__ = [
    "DELIMITERS",
    "RawTable",
    "column_names",
    "is_plainly_quoted",
    "parse_delimited",
    "prepared",
    "read_delimited",
    "refuse_data",
    "width_of",
]

DELIMITERS = (",", ";", "\t", "|")
"""Delimiters that are recognised; blanks are, too."""

_SNIFFED_ROWS = 50
_HEAD_BYTES, _CHUNK = 2**20, 2**17
_HALF_OF_2_GIB = 2**30
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?")
_YEAR = re.compile(r"(1[89]|20)\d\d")
_FILLED = re.compile(rb"\S")
_SEP_LINE = re.compile(rb"sep=([^\r\n])\r?\n", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class RawTable:
    """A file as it was read: a frame with a plain row index, its texts as they are, and one line for every choice made."""

    frame: pandas.DataFrame
    notes: tuple[str, ...] = ()


def read_delimited(data: bytes, label: str, form: DelimitedForm = DelimitedForm()) -> RawTable:
    """Read a delimited text into columns of texts; `label` names it in errors.

    Without a delimiter said, it is the one of comma, semicolon, tab, bar and blanks that splits the first rows alike and into
    most columns; a first line "sep=;" says it. The encoding is UTF-8 or, with a byte order mark, UTF-16; a text that is not
    UTF-8 is taken for cp1252, which is said. Blank rows, and columns without name and content, are left out.

    Raises DataError for binary content, rows of unequal length, repeated columns, and a first line that looks like data where
    `form` does not say whether it is a header.
    """
    data, delimiter, notes = prepared(data, label, form)
    if delimiter == " ":
        data, delimiter = b"\n".join(b"\t".join(line.split()) for line in data.splitlines()) + b"\n", "\t"
    return _named(_read_rows(data, delimiter, label), form.header, label, notes)


def prepared(data: Text, label: str, form: DelimitedForm) -> tuple[Text, str, list[str]]:
    """Return a text in UTF-8, its delimiter, and a line for every choice made; raises DataError as `read_delimited`."""
    data, notes = _as_utf8(data, label, form.encoding)
    if not _FILLED.search(data):
        raise DataError(f"{label} is empty: expected a header line and rows")
    delimiter = form.delimiter
    if found := _SEP_LINE.match(data):
        data, delimiter = data[found.end() :], delimiter or found[1].decode()
    return data, delimiter or _sniff(_head(data)), notes


def parse_delimited(data: bytes, label: str) -> pandas.DataFrame:
    """Read a text with a header whose columns are plain numbers or texts, such as PMLB's files, into columns of these types.

    Raises DataError as `read_delimited`.
    """
    frame = read_delimited(data, label, DelimitedForm(header=True)).frame
    return pandas.DataFrame({name: _typed(frame[name]) for name in frame.columns})


def _typed(column: pandas.Series) -> pandas.Series:
    """Return a column of texts as whole numbers where all are, else as numbers, else as texts; missing ones as NaN."""
    texts = arrow_texts(column)
    gaps = pyarrow.compute.is_in(texts, value_set=pyarrow.array(MISSING_TEXTS, type=texts.type))
    texts = pyarrow.compute.if_else(gaps, pyarrow.scalar(None, texts.type), texts)
    for kind in (pyarrow.int64(), pyarrow.float64()):
        try:
            return pyarrow.compute.cast(texts, kind).to_pandas()
        except pyarrow.ArrowInvalid:
            continue
    return texts.to_pandas()


def _as_utf8(data: Text, label: str, encoding: str | None) -> tuple[Text, list[str]]:
    """Return a text in UTF-8 without a byte order mark, and a line that says how it was read where that was guessed."""
    if encoding is None and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    name = codecs.lookup(encoding or "utf-8-sig").name
    is_ascii = not name.startswith(("utf-16", "utf-32")) and _is_ascii(data, label)
    if name in ("utf-8", "utf-8-sig", "ascii") and is_ascii:
        return data, []
    data = data[:]
    try:
        text = data.decode("utf-8-sig" if name == "utf-8" else name)
    except UnicodeDecodeError as error:
        if encoding is None:
            note = "the text is not UTF-8, read as cp1252 (Western European); --encoding says another"
            return data.decode("cp1252", errors="replace").encode(), [note]
        raise DataError(
            f"{label} is not {encoding} text (byte {error.start}): say its encoding, such as utf-8 or cp1252"
        ) from error
    except UnicodeError as error:
        raise DataError(f"{label} is not {encoding} text: say its encoding, such as utf-8 or cp1252") from error
    data = text.encode("utf-8", errors="replace")
    _is_ascii(data, label)
    return data, []


def _is_ascii(data: Text, label: str) -> bool:
    """Say whether all bytes of a text are ASCII; raises DataError for control characters."""
    is_ascii = True
    for start in range(0, len(data), _CHUNK):
        part = bytes_of(data)[start : start + _CHUNK]
        is_ascii = is_ascii and part.max() < 128
        n_blanks = np.count_nonzero(part - 9 < 5)
        if np.count_nonzero(part < 32) > n_blanks or (part == 127).any():
            found = int(part[(part == 127) | ((part < 32) & (part - 9 >= 5))][0])
            raise DataError(f"{label} is not a text file (it has the control character {found:#04x}): expected CSV or TSV")
    return is_ascii


def _head(data: Text) -> str:
    """Return the first lines, of which the delimiter and the number of columns are told."""
    lines = io.BytesIO(data[:_HEAD_BYTES])
    return b"".join(itertools.islice(lines, 20 * _SNIFFED_ROWS)).decode("utf-8", errors="replace")


def _rows(text: str, delimiter: str) -> "csv.Reader":
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)


def _sniff(head: str) -> str:
    """Return the delimiter that gives the first rows the most columns, preferring one that gives each row as many."""

    def score(delimiter: str) -> tuple[bool, float, int]:
        try:
            widths = [len(row) for row in itertools.islice(_rows(head, delimiter), _SNIFFED_ROWS) if row]
        except csv.Error:
            return False, 0.0, 0
        most, count = Counter(widths).most_common(1)[0]
        return most > 1 and len(set(widths)) == 1, count / len(widths) if most > 1 else 0.0, most

    best = max(DELIMITERS, key=score)
    if score(best)[0]:
        return best
    widths = {len(line.split()) for line in head.splitlines()[:_SNIFFED_ROWS] if line.strip()}
    blanks = len(widths) == 1 and min(widths) > 1 and not any(mark in head for mark in DELIMITERS[:2])
    return " " if blanks else best


def _read_rows(data: bytes, delimiter: str, label: str) -> pyarrow.Table:
    """Return all lines as columns of texts, the first line among them."""
    width = width_of(data, delimiter, label)
    has_quotes = b'"' in data
    if has_quotes and not is_plainly_quoted(data, delimiter):
        return _read_slowly(data.decode(), delimiter, width, label)
    names = [str(number) for number in range(width)]
    # texts of Arrow's usual kind hold 2 GiB at most
    kind = pyarrow.large_string() if len(data) > _HALF_OF_2_GIB else pyarrow.string()
    try:
        return pyarrow.csv.read_csv(
            arrow_file(data),
            read_options=pyarrow.csv.ReadOptions(column_names=names, block_size=2**24),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=has_quotes),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, kind), strings_can_be_null=False, check_utf8=False
            ),
        )
    except (pyarrow.ArrowException, ValueError, OverflowError):
        return _read_slowly(data.decode(), delimiter, width, label)


def is_plainly_quoted(data: bytes, delimiter: str) -> bool:
    """Say whether every quotation mark opens or closes a whole field or is doubled inside one, as Arrow's reader expects."""
    edge = re.escape(delimiter.encode())
    outside = re.sub(rb"(^|(?<=[\n\r" + edge + rb']))"(?:[^"]|"")*"(?=[\n\r' + edge + rb"]|$)", b"", data)
    return b'"' not in outside


def width_of(data: Text, delimiter: str, label: str) -> int:
    """Return the number of columns: that of most of the first rows."""
    try:
        widths = Counter(len(row) for row in itertools.islice(_rows(_head(data), delimiter), _SNIFFED_ROWS) if row)
    except csv.Error as error:
        raise DataError(f"{label} is not a readable table: {error}") from error
    if not widths:
        raise DataError(f"{label} is empty: expected a header line and rows")
    return widths.most_common(1)[0][0]


def _read_slowly(text: str, delimiter: str, width: int, label: str) -> pyarrow.Table:
    """Read by Python's csv module, which forgives blanks before quotation marks, and says what is wrong with a row."""
    fields = list(_checked_rows(text, delimiter, width, label))
    columns = zip(*fields, strict=True) if fields else ((),) * width
    return pyarrow.table(
        [pyarrow.array(column, pyarrow.string()) for column in columns], [str(number) for number in range(width)]
    )


def _checked_rows(text: str, delimiter: str, width: int, label: str) -> Iterator[list[str]]:
    rows, is_first = _rows(text, delimiter), True
    try:
        for row in rows:
            extra = row[width:]
            if is_first and row and len(row) == width - 1:
                row = ["", *row]
            if row and (len(row) < width or any(field.strip() for field in extra)):
                if all(not field.strip() for field in row):
                    continue
                wanted = f"the header has {width}" if not is_first else f"most rows have {width}"
                raise DataError(f"{label}: line {rows.line_num} has {len(row)} fields where {wanted}")
            if row:
                is_first = False
                yield row[:width]
    except csv.Error as error:
        raise DataError(f"{label} is not a readable table: line {rows.line_num}: {error}") from error
    if text.count('"') % 2:
        raise DataError(f"{label} is not a readable table: its quotation marks do not pair up")


def _named(table: pyarrow.Table, header: bool | None, label: str, notes: list[str]) -> RawTable:
    """Give the columns their names, without blank rows and columns that have neither name nor content."""
    compute = pyarrow.compute
    columns = table.columns
    del table
    for number, column in enumerate(columns):
        columns[number] = stripped(column.combine_chunks())
    first, second = ([column[row].as_py() for column in columns if row < len(column)] for row in (0, 1))
    if header is None:
        refuse_data(first, second, label)
    names = [f"column {number}" for number in range(1, len(columns) + 1)] if header is False else first
    columns = columns if header is False else [column[1:] for column in columns]
    filled = None
    for column in columns:
        is_filled = compute.not_equal(column, "")
        filled = is_filled if filled is None else compute.or_(filled, is_filled)
        if compute.all(filled).as_py():
            break
    n_rows = len(columns[0]) if columns else 0
    n_blank = n_rows - (compute.sum(filled).as_py() or 0)
    if n_rows == n_blank:
        raise DataError(f"{label} has no rows below its header line")
    if n_blank:
        columns = [column.filter(filled) for column in columns]
        notes = [*notes, f"{n_blank} blank rows left out"]
    kept = [
        (name, column)
        for name, column in zip(names, columns, strict=True)
        if name or compute.any(compute.not_equal(column, "")).as_py()
    ]
    if len(kept) < len(columns):
        notes = [*notes, f"{len(columns) - len(kept)} columns without name and content left out"]
    return RawTable(_frame(kept, label), tuple(notes))


def _frame(named: Sequence[tuple[str, pyarrow.Array]], label: str) -> pandas.DataFrame:
    names = column_names([name for name, _ in named], label)
    return pandas.DataFrame(
        {
            name: pandas.Series(column, dtype=pandas.ArrowDtype(column.type))
            for name, (_, column) in zip(names, named, strict=True)
        }
    )


def column_names(found: Sequence[str], label: str) -> list[str]:
    """Return names of columns, by their number where there is none; raises DataError for one that comes twice."""
    names = [name or f"column {number}" for number, name in enumerate(found, start=1)]
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"{label} has more than one column named {repeated[0]!r}: rename one of them")
    return names


def refuse_data(first: Sequence[str], second: Sequence[str], label: str) -> None:
    """Raise DataError for a first line that has numbers where the second has some; years may well be names."""
    of_numbers = [name for name, cell in zip(first, second, strict=False) if _NUMBER.fullmatch(cell)]
    numbers = [name for name in of_numbers if _NUMBER.fullmatch(name) and not _YEAR.fullmatch(name)]
    if numbers and len(numbers) >= 0.5 * len(of_numbers):
        shown = ", ".join(map(repr, first[:4]))
        raise DataError(
            f"the first line of {label} looks like a row of data ({shown}): say --no-header if it is, --header if not"
        )
