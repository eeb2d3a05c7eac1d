"""The species of a run and the ancestors of its champions, as two tables and a picture in its folder.

In the tables populations and generations count from 1, as on screens and pictures.
"""

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, TypeVar

import numpy as np

from propneat.base.records import finite_or_none, format_csv, write_atomic
from propneat.run.folder import RunFolder
from propneat.search.descent import Ancestor, SpeciesSize, ancestors, species_sizes

__all__ = ["read_descent", "write_descent"]

_SPECIES, _LINEAGE, _PICTURE = "species.csv", "lineage.csv", "descent.png"
_COUNTED = frozenset({"population", "generation"})
_Row = TypeVar("_Row", SpeciesSize, Ancestor)


def write_descent(folder: RunFolder, populations: Sequence[Sequence[np.ndarray]]) -> None:
    """Write what `EvolveResult.descent` says, as tables and as a picture."""
    from propneat.report.drawing import render_png
    from propneat.report.run_page.descent import draw_ancestors, draw_species, side_by_side

    sizes, line = species_sizes(populations), ancestors(populations)
    write_atomic(folder.path / _SPECIES, format_csv(map(_plain, sizes), [entry.name for entry in fields(SpeciesSize)]))
    write_atomic(folder.path / _LINEAGE, format_csv(map(_plain, line), [entry.name for entry in fields(Ancestor)]))
    picture = side_by_side("descent", [draw_species(sizes), *draw_ancestors(line)])
    write_atomic(folder.path / _PICTURE, render_png(picture))


def read_descent(folder: RunFolder) -> tuple[list[SpeciesSize], list[Ancestor]]:
    """Return what the tables of a folder hold, nothing where they are missing or are none."""
    return _read(folder, _SPECIES, SpeciesSize), _read(folder, _LINEAGE, Ancestor)


def _plain(row: SpeciesSize | Ancestor) -> dict[str, Any]:
    counted = asdict(row) | {name: value + 1 for name, value in asdict(row).items() if name in _COUNTED}
    return {name: finite_or_none(value) if isinstance(value, float) else value for name, value in counted.items()}


def _read(folder: RunFolder, name: str, kind: type[_Row]) -> list[_Row]:
    try:
        with (folder.path / name).open(newline="", encoding="utf-8") as file:
            return [
                kind(**{entry.name: _value(row[entry.name], entry.name, entry.type) for entry in fields(kind)})
                for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _value(text: str, name: str, kind: Any) -> Any:
    if kind is float:
        return float(text or "nan")
    value = int(text) - (name in _COUNTED)
    if value < 0:
        raise ValueError(f"there is no {name} {text}")
    return value
