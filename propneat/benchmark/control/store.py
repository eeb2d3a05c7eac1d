"""Finished parts of the control benchmark as files, one each, whole or absent."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from propneat import __version__
from propneat.base.errors import StoreError
from propneat.base.records import make_folder, write_atomic
from propneat.benchmark.control.parts import Part

__all__ = ["PartStore"]

_KEYS = {"part", "propneat", "version", "solved_after", "steps", "returns", "curve", "cpu_seconds", "seconds"}


class PartStore:
    """A folder `parts` of a file for every finished part."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "parts"

    def find(self, part: Part) -> dict[str, Any] | None:
        """Return what came of a part with this version of propneat, None where nothing is stored.

        Raises StoreError for a file that cannot be read.
        """
        path = self._path(part)
        try:
            row = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            raise StoreError(f"{path} is damaged, for it is no JSON: remove it, and the same command does it again") from error
        if not isinstance(row, dict) or set(row) != _KEYS:
            raise StoreError(f"{path} is damaged, for it lacks parts: remove it, and the same command does it again")
        return row if row["part"] == asdict(part) and row["propneat"] == __version__ else None

    def keep(self, part: Part, row: dict[str, Any]) -> None:
        """Store what came of a part."""
        make_folder(self.folder)
        whole = {"part": asdict(part), "propneat": __version__, **row}
        assert set(whole) == _KEYS
        write_atomic(self._path(part), json.dumps(whole) + "\n")

    def _path(self, part: Part) -> Path:
        names = (part.environment, part.method, f"seed{part.seed}", f"{part.budget}steps")
        return self.folder / ("--".join(re.sub(r"[^\w.-]", "_", name) for name in names) + ".json")
