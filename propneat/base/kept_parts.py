"""Finished parts of long work as files, one each, whole or absent, so that work goes on where it was interrupted."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from propneat.base.errors import StoreError
from propneat.base.records import make_folder, write_atomic

__all__ = ["part_file", "read_part", "write_part"]


def part_file(folder: Path, names: Sequence[str]) -> Path:
    """Return where in a folder the part of some names lies."""
    return folder / ("--".join(re.sub(r"[^\w.-]", "_", name) for name in names) + ".json")


def read_part(path: Path, keys: set[str]) -> dict[str, Any] | None:
    """Return what a file holds of a part, a value for every key, None where there is none.

    Raises StoreError for a file that cannot be read.
    """
    try:
        row = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is damaged, for it is no JSON: remove it, and the same command does it again") from error
    if not isinstance(row, dict) or set(row) != keys:
        raise StoreError(f"{path} is damaged, for it lacks parts: remove it, and the same command does it again")
    return row


def write_part(path: Path, row: Mapping[str, Any]) -> None:
    """Store what came of a part, in a folder that is made if need be."""
    make_folder(path.parent)
    write_atomic(path, json.dumps(row) + "\n")
