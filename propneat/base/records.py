"""Files that are either whole or absent: everything is written under a temporary name, flushed and renamed."""

import csv
import hashlib
import io
import math
import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from propneat.base.errors import ConfigError

__all__ = ["as_cell", "finite_or_none", "format_csv", "is_formula", "make_folder", "nests_deeper", "sha256_hex", "write_atomic"]

_LONGEST_NAME = 200
"""Bytes of a file name that leave room for what a temporary name has more; file systems end at 255."""


def write_atomic(path: Path | str, content: str | bytes) -> None:
    """Write `content` to `path` so that a reader, or a kill at any moment, sees the old file or the new one, never a part.

    Text is written as UTF-8 with "\\n" line ends. A new file has the permissions that the process gives new files, one that
    is replaced keeps its own. Links are followed. What is no regular file, such as a pipe or a device, is written to as it is.
    Raises OSError, with the path and the cause, when it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        target, mode = _target(Path(path))
        if target is None:
            Path(path).write_bytes(data)
        else:
            _replace(target, mode, data)
            _flush_folder(target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _target(path: Path) -> tuple[Path | None, int | None]:
    """Return the file that `path` leads to and the permissions it has, if any; no file where `path` leads to something else."""
    real = Path(os.path.realpath(path))
    try:
        found = path.stat()
    except FileNotFoundError:
        return real, None
    if not stat.S_ISREG(found.st_mode) or not real.exists() or not real.samefile(path):
        return None, None
    return real, stat.S_IMODE(found.st_mode)


def _replace(path: Path, mode: int | None, data: bytes) -> None:
    """Write a new file under another name, and give it the name it should have."""
    name = path.name if len(os.fsencode(path.name)) <= _LONGEST_NAME else sha256_hex(os.fsencode(path.name))
    temporary = path.with_name(f".{name}.{secrets.token_hex(8)}.part")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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


def make_folder(folder: Path) -> None:
    """Make a folder unless it is there, and see that files can be written into it; raises ConfigError where they cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ConfigError(f"the folder {folder} cannot be written ({error.strerror}): give another --out") from error


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def nests_deeper(document: object, depth: int) -> bool:
    """Say whether lists and objects of a parsed JSON document lie in each other more than `depth` deep; needs no recursion."""
    level = [document] if isinstance(document, (dict, list)) else []
    for _ in range(depth):
        parts = (outer.values() if isinstance(outer, dict) else outer for outer in level)
        level = [inner for part in parts for inner in part if isinstance(inner, (dict, list))]
    return bool(level)


def finite_or_none(value: float | None) -> float | None:
    """Return the number, or None for one that JSON has no word for."""
    return value if value is not None and math.isfinite(value) else None


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
