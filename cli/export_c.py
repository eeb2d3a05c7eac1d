"""The part of `propneat export` that writes C: its options, and what it says."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from propneat.cli.folder import make_folder, writing

if TYPE_CHECKING:
    import pandas

    from propneat.model import Model

__all__ = ["c_options", "c_settings", "write_c"]

_OPTIONS: dict[str, dict[str, Any]] = {
    "--name": {"metavar": "NAME", "help": "What functions and files are named after.  [default: model]"},
    "--numbers": {"type": click.Choice(["float32", "int16", "int8"]), "help": "What it computes with; int is fixed point.  [default: float32]"},
    "--rows": {"metavar": "DATA.csv", "help": "Rows of training, which choose the units of fixed point and measure what it costs."},
    "--tolerance": {"type": float, "metavar": "DIFFERENCE", "help": "Refuse when a probability differs by more (a number: its share of the target's spread)."},
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

    data = given.pop("rows", None)
    options = COptions(**given)
    if data is not None and options.numbers == "float32":
        raise click.UsageError("--rows goes with fixed point: give --numbers int16 or int8.")
    made = export_c(model, options, None if data is None else _rows(model, data))
    folder = Path(options.name) if out is None else out
    make_folder(folder)
    for line in made.notes:
        click.echo(line, err=True)
    for name, text in made.files.items():
        with writing(folder / name):
            write_atomic(folder / name, text)
    click.echo(f"Wrote {', '.join(str(folder / name) for name in made.files)}", err=True)


def _rows(model: "Model", data: str) -> "pandas.DataFrame":
    from propneat.cli.predict import header_of, read_rows
    from propneat.data.delimited_form import DelimitedForm

    table, notes = read_rows(data, None, DelimitedForm(header=header_of(model)))
    for line in notes:
        click.echo(line, err=True)
    return table
