"""The part of `propneat export` that writes C: its options, and what it says."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from propneat.base.records import make_folder
from propneat.cli.folder import writing
from propneat.cli.table import print_table

if TYPE_CHECKING:
    import pandas

    from propneat.export.c_export import CExport
    from propneat.export.c_targets import Target
    from propneat.model import Model

__all__ = ["c_options", "c_settings", "write_c"]

_OPTIONS: dict[str, dict[str, Any]] = {
    "--name": {"metavar": "NAME", "help": "What functions and files are named after.  [default: model]"},
    "--numbers": {
        "type": click.Choice(["float32", "int16", "int8"]),
        "help": "What it computes with; int is fixed point.  [default: float32]",
    },
    "--tolerance": {
        "type": float,
        "metavar": "DIFFERENCE",
        "help": "Refuse when a probability differs by more (a number: its share of the target's spread).",
    },
    "--with-test": {
        "is_flag": True,
        "default": None,
        "help": "Add a self-test with its rows and a CMakeLists.txt (also for Zephyr).",
    },
    "--arduino": {"is_flag": True, "default": None, "help": "Lay it out as an Arduino library, with an example and a zip."},
    "--target": {
        "metavar": "CHIP",
        "multiple": True,
        "default": (),
        "help": "Compile and try it for a chip, and print what it needs: avr, cortex-m0, cortex-m4, riscv32, host or all.",
    },
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
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if given and form != "c":
        raise click.UsageError(f"--{next(iter(given)).replace('_', '-')} goes with --to c alone.")
    return given


def write_c(model: "Model", out: Path | None, data: str | None, given: dict[str, Any]) -> None:
    """Write a model as C into a folder, named after it unless `out` says where, and say what was written; `data` names rows."""
    from propneat.export.c_export import COptions, export_c
    from propneat.export.c_targets import TARGETS, find_target

    chips = given.pop("target", ())
    targets = list(TARGETS.values()) if "all" in chips else [find_target(name) for name in chips]
    options = COptions(**given)
    if data is not None and options.numbers == "float32" and not options.with_test and not targets:
        raise click.UsageError("--rows goes with fixed point, a self-test or a target: give --numbers int16 or int8.")
    made = export_c(model, options, None if data is None else _rows(model, data))
    for line in made.notes:
        click.echo(line, err=True)
    measured = [_try(target, made, options.name) for target in targets]
    folder = Path(options.name) if out is None else out
    _write(folder, made.files)
    if measured:
        print_table(
            ("target", "chip", "numbers", "flash", "RAM", "stack", "time", "answers"),
            [[target.name, target.what, options.numbers, *row] for target, row in zip(targets, measured, strict=True)],
        )


def _write(folder: Path, files: dict[str, str | bytes]) -> None:
    """Write files into a folder, and say which."""
    from propneat.base.records import write_atomic

    for name in files:
        make_folder((folder / name).parent)
    for name, content in files.items():
        with writing(folder / name):
            write_atomic(folder / name, content)
    click.echo(f"Wrote {', '.join(str(folder / name) for name in files)}", err=True)


def _try(target: "Target", made: "CExport", name: str) -> list[object]:
    """Return what the table says of a chip: bytes of flash, RAM and stack, time, and how many answers are right."""
    from propneat.base.errors import ExportError
    from propneat.export.c_estimate import estimate_flash
    from propneat.export.c_targets import measure, missing_tools

    needed, emulator = missing_tools(target)
    if needed:
        flash = estimate_flash(made.sources[f"{name}.c"], target.name)
        click.echo(f"{target.name}: {needed[0]} is not installed, so its flash is an estimate", err=True)
        return [f"about {flash}", "-", "-", "-", "-"]
    if emulator:
        click.echo(f"{target.name}: compiled, and not run, because {emulator[0]} is not installed", err=True)
    found = measure(target, made.sources, name, made.vectors)
    if found.wrong:
        raise ExportError(f"on {target.name} {found.wrong} of {found.rows} answers are not those expected: nothing was written")
    time = "-" if found.cycles is None else f"{found.cycles:.0f} {target.counts}"
    answers = "not run" if found.rows is None else f"{found.rows} of {found.rows} as expected"
    return [found.flash, found.ram, "-" if found.stack is None else found.stack, time, answers]


def _rows(model: "Model", data: str) -> "pandas.DataFrame":
    from propneat.cli.predict import header_of, read_rows
    from propneat.settings.reading import DelimitedForm

    table, notes = read_rows(model, data, DelimitedForm(header=header_of(model)), as_written=[model.target_name])
    for line in notes:
        click.echo(line, err=True)
    return table
