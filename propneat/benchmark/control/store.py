"""Finished parts of the control benchmark as files, one each, whole or absent."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from propneat import __version__
from propneat.base.kept_parts import part_file, read_part, write_part
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
        row = read_part(self._path(part), _KEYS)
        if row is None:
            return None
        return row if row["part"] == asdict(part) and row["propneat"] == __version__ else None

    def keep(self, part: Part, row: dict[str, Any]) -> None:
        """Store what came of a part."""
        whole = {"part": asdict(part), "propneat": __version__, **row}
        assert set(whole) == _KEYS
        write_part(self._path(part), whole)

    def _path(self, part: Part) -> Path:
        return part_file(self.folder, (part.environment, part.method, f"seed{part.seed}", f"{part.budget}steps"))
