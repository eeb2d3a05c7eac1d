"""Files that are either whole or absent: everything is written under a temporary name, flushed and renamed."""

import csv
import hashlib
import io
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

__all__ = ["as_cell", "format_csv", "is_formula", "sha256_hex", "write_atomic"]


def write_atomic(path: Path | str, content: str | bytes) -> None:
    """Write `content` to `path` so that a reader, or a kill at any moment, sees the old file or the new one, never a part.

    Text is written as UTF-8 with "\\n" line ends. Raises OSError when the folder cannot be written.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Make the rename itself durable where the platform allows a folder to be flushed."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def format_csv(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> str:
    """Format flat rows as CSV text with a header; floats keep every digit, so reading them back gives the same numbers."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(row)
    return text.getvalue()


_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def is_formula(value: object) -> bool:
    """Say whether a spreadsheet that opens a CSV file runs a text as a formula; numbers, also such as "-1.5", are none."""
    return isinstance(value, str) and bool(_FORMULA.match(value)) and not _NUMBER.fullmatch(value)


def as_cell(value: object) -> object:
    """Return a value for a CSV cell that people open in spreadsheets: a text that would be a formula behind an apostrophe.

    A program that reads the cell finds the apostrophe too, so this is for tables that people look at, and not for answers
    and names that programs compare.
    """
    return f"'{value}" if is_formula(value) else value
