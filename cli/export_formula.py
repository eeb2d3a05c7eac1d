"""The part of `propneat export` that writes the formula of a model."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from propneat.formula import Formula
    from propneat.model import Model

__all__ = ["FORMULAS", "formula_options", "formula_text"]

FORMULAS = ("excel", "js", "latex", "python", "sql", "sympy")
"""Formats that write the formula of a whole model."""


class _Digits(click.ParamType):
    """A number of significant digits, or "fewest"."""

    name = "digits"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int | str:
        if value == "fewest" or (str(value).isdecimal() and 1 <= int(value) <= 17):
            return value if value == "fewest" else int(value)
        self.fail(f"it must be 1 to 17 or 'fewest', not {value!r}.", parameter, context)


def formula_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that formulas take."""
    rows = click.option("--rows", metavar="DATA.csv", help="Formula, C: rows with the target, to measure what rounding costs.")
    digits = click.option(
        "--digits", type=_Digits(), metavar="K",
        help="Formula: significant digits of constants, or 'fewest' that keep the score on --rows.",
    )  # fmt: skip
    return digits(rows(command))


def formula_text(form: str, model: "Model", digits: int | str | None, rows: str | None) -> str:
    """Return the formula of a model in a format, and say what it is."""
    from propneat.export.targets import FORMULA_TEXTS
    from propneat.formula import count_nodes

    formula = _rounded(model, digits, rows)
    text = FORMULA_TEXTS[form](formula)
    n_nodes = count_nodes([answer for _, answer in formula.answers])
    click.echo(f"The formula has {n_nodes:,} operators, constants and variables, its text {len(text):,} characters", err=True)
    for line in _notes(form, formula):
        click.echo(line, err=True)
    return text


def _rounded(model: "Model", digits: int | str | None, rows: str | None) -> "Formula":
    from propneat.formula import round_formula

    if rows is None:
        if digits == "fewest":
            raise click.UsageError("--digits fewest needs rows with the target to measure by: give --rows.")
        return model.formula if digits is None else round_formula(model.formula, digits)
    if digits is None:
        raise click.UsageError("--rows measures what rounding costs: give --digits as well.")
    from propneat.cli.predict import header_of, read_rows
    from propneat.export.digits import fewest_digits, measure_rounding
    from propneat.settings.reading import DelimitedForm

    table, notes = read_rows(model, rows, DelimitedForm(header=header_of(model)), as_written=[model.target_name])
    found = fewest_digits(model, table) if digits == "fewest" else measure_rounding(model, digits, table)
    for line in [*notes, found.line()]:
        click.echo(line, err=True)
    return found.formula


def _notes(form: str, formula: "Formula") -> list[str]:
    """Return what a person has to know of the columns that a text takes."""
    notes = []
    dates = ", ".join(column.name for column in formula.columns if column.kind == "date")
    if dates and form == "sql":
        notes.append(
            f"{dates}: in seconds since 1970, such as EXTRACT(EPOCH FROM t) in PostgreSQL and DuckDB, unixepoch(t) in SQLite"
        )
    if form == "excel":
        notes.append("It stands in a row of a table (Insert, Table) with the columns of the data")
    if form in ("excel", "sql") and len(formula.answers) > 1:
        notes.append(f"One for each class, in this order: {', '.join(label for label, _ in formula.answers)}")
    return notes
