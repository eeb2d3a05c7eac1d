"""Which runs lie below a folder, and what each came to, without opening their tables."""

from pathlib import Path
from typing import Any

from propneat.base.errors import ConfigError
from propneat.run.folder import RunFolder, is_run_folder

__all__ = ["LISTED", "find_runs", "row_of"]

LISTED = ("folder", "data", "task", "rows", "score", "value", "connections", "seconds", "state")
"""What is listed of every run."""


def find_runs(root: Path) -> list[dict[str, Any]]:
    """Return a row for every run in a folder and in those below it, in the order of their names; keys are those of LISTED.

    Raises ConfigError where there is no such folder.
    """
    if not root.is_dir():
        raise ConfigError(f"there is no folder {root}: name one that propneat evolve has written into")
    found = sorted(path.parent for path in root.rglob("config.toml") if is_run_folder(path.parent))
    return [row_of(RunFolder(path)) for path in found]


def row_of(folder: RunFolder) -> dict[str, Any]:
    """Return the row of one run: `state` is "finished", "stopped" with results, or "begun" without."""
    row: dict[str, Any] = dict.fromkeys(LISTED) | {"folder": str(folder.path), "state": "begun"}
    summary = folder.read_summary()
    if summary is None:
        return row
    name, value = next(iter(summary["test"].items()), (None, None))
    return row | {
        "data": summary["data"],
        "task": summary["task"],
        "rows": summary["rows"],
        "score": name,
        "value": value,
        "connections": summary["connections"],
        "seconds": summary["seconds"],
        "state": "finished" if summary["finished"] else "stopped",
    }
