"""The part of `propneat export` that writes C: its options, and what it says."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from propneat.cli.folder import make_folder, writing

if TYPE_CHECKING:
    from propneat.model import Model

__all__ = ["c_options", "c_settings", "write_c"]

_OPTIONS: dict[str, dict[str, Any]] = {
    "--name": {"metavar": "NAME", "help": "What functions and files are named after.  [default: model]"},
    "--single-header": {"is_flag": True, "default": None, "help": "One header that holds the source too."},
}
"""Options that only C takes."""


def c_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that only C takes."""
    for flag, more in reversed(_OPTIONS.items()):
        command = click.option(flag, **{"default": None, **more, "help": f"C: {more['help']}"})(command)
    return command


def c_settings(form: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options given, by name; raises click.UsageError when the format is not C."""
    given = {name: value for name, value in options.items() if value is not None}
    if given and form != "c":
        raise click.UsageError(f"--{next(iter(given)).replace('_', '-')} goes with --to c alone.")
    return given


def write_c(model: "Model", out: Path | None, given: dict[str, Any]) -> None:
    """Write a model as C into a folder, named after the model unless `out` is one, and say what was written."""
    from propneat.export.c_export import COptions, export_c
    from propneat.records import write_atomic

    options = COptions(**given)
    made = export_c(model, options)
    folder = Path(options.name) if out is None else out
    make_folder(folder)
    for name, text in made.items():
        with writing(folder / name):
            write_atomic(folder / name, text)
    click.echo(f"Wrote {', '.join(str(folder / name) for name in made)}", err=True)
