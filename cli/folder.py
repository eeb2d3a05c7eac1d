"""The folder that a command writes."""

from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import click

from propneat.errors import ConfigError

__all__ = ["FOLDER", "make_folder"]


class _Folder(click.Path):
    """The name of a folder. An empty one, as from a variable that is not set, would mean the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("a folder needs a name.", param, ctx)
        return super().convert(value, param, ctx)


FOLDER = _Folder(path_type=Path)
"""Type of options that name the folder to write."""


def make_folder(folder: Path) -> None:
    """Make a folder unless it is there, and see that files can be written into it; raises ConfigError where they cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ConfigError(f"the folder {folder} cannot be written ({error.strerror}): give another --out") from error
