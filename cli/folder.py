"""The folders and files that commands write."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from propneat.base.errors import ConfigError

__all__ = ["FILE", "FOLDER", "PLACE", "keep_apart", "writing"]

_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EPIPE)


class _Named(click.Path):
    """A path of something, which has a name. An empty one, as from a variable that is not set, would mean the current folder."""

    def __init__(self, what: str, **options: Any) -> None:
        super().__init__(path_type=Path, **options)
        self.name = what

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail(f"a {self.name} needs a name.", param, ctx)
        return super().convert(value, param, ctx)


FOLDER = _Named("folder")
"""Type of options that name the folder to write."""
FILE = _Named("file", dir_okay=False)
"""Type of options that name the file to write."""
PLACE = _Named("file or folder")
"""Type of options that name the file or the folder to write."""


def keep_apart(out: Path | None, *sources: Path) -> None:
    """Raise click.UsageError if the file to write is one of those that are read, ConfigError if it cannot be a file."""
    if out is None:
        return
    with writing(out):
        if any(out.exists() and source.exists() and out.samefile(source) for source in sources):
            raise click.UsageError(f"{out} is what is read here: give another file to write.")


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Turn an OSError of what is done inside into a ConfigError that says why the file cannot be written.

    A device that is full or faulty is not the fault of a name: such an error passes.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FAULTS:
            raise
        raise ConfigError(f"{out} cannot be written ({error.strerror or error}): give another file to write") from error
