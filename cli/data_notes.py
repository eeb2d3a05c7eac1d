"""Lines on data, for people: what is not checked, and what was decided that they may want otherwise."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from propneat.run import RunData
    from propneat.settings.file import Settings

__all__ = ["notes_on_run", "say_unchecked"]

_MANY_CLASSES = 20


def say_unchecked(names: Iterable[str], data_dir: str | Path | None) -> None:
    """Print on stderr, for each data set whose file no checksum guards, a line that says so; files by path have none."""
    for line in _unchecked(names, data_dir):
        click.echo(line, err=True)


def notes_on_run(settings: "Settings", data: "RunData") -> list[str]:
    """Return the lines that belong to the data of a run."""
    return [*_unchecked([settings.data.source], settings.data.data_dir), *_many_classes(settings, data)]


def _unchecked(names: Iterable[str], data_dir: str | Path | None) -> list[str]:
    from propneat.data.named import unchecked_line
    from propneat.data.table import is_file_name, split_target

    lines = [unchecked_line(name, data_dir) for name in names if not is_file_name(split_target(name)[0])]
    return [line for line in lines if line]


def _many_classes(settings: "Settings", data: "RunData") -> list[str]:
    """Say how few rows classes have and how large the first networks are, where there are more classes than are guessed at."""
    n_classes = len(data.prepared.classes or ())
    if n_classes <= _MANY_CLASSES:
        return []
    share = settings.evolve.evolution.initial_connection_fraction
    n_connections = round(share * n_classes * data.prepared.problem.train.X.shape[1])
    return [
        f"{data.target_name!r} has {n_classes:,} classes, {data.n_rows / n_classes:,.1f} rows each on average, and the first networks "
        f"about {n_connections:,} connections: predict another column with --target, or a number with --task regression."
    ]
