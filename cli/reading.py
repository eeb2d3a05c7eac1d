"""Options that say how a table is read, and the plan of a table as people and machines read it."""

import csv
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from propneat.cli.setting_options import SettingOption, setting_option
from propneat.cli.table import print_table
from propneat.cli.talk import wrapped
from propneat.settings.notes import OWNERS

if TYPE_CHECKING:
    from propneat.data import Table
    from propneat.settings.file import Settings

__all__ = ["READING_KEYS", "describe_plan", "print_plan", "reading_option", "reading_options", "reading_settings", "show_plan"]

_LISTS = ("drop", "keep", "categories", "numbers", "dates", "texts", "missing")
_MARKS = ("decimal", "thousands", "delimiter", "encoding")
READING_KEYS = (*_LISTS, "max_levels", *_MARKS, "odd_cells", "header")
"""The settings of the table [data] that say how columns and text files are read; options of the same names stand for them."""


class _Names(click.ParamType):
    """Several names, separated by commas; quotation marks hold a name together that has a comma of its own."""

    name = "name,name,..."

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> tuple[str, ...]:
        if not isinstance(value, str):
            return value
        return tuple(text.strip() for text in next(csv.reader([value], skipinitialspace=True), [""]))


def reading_option(key: str) -> SettingOption:
    """Return the option that stands for one of READING_KEYS."""
    flag, more = _flag_of(key)
    return setting_option(flag, **more)


def _flag_of(key: str) -> tuple[str, dict[str, Any]]:
    if key in _LISTS:
        metavar = "TEXT,TEXT,..." if key == "missing" else "COLUMN,COLUMN,..."
        return f"--{key}", {"type": _Names(), "metavar": metavar}
    flag = f"--{key.replace('_', '-')}"
    return ("--header/--no-header", {}) if key == "header" else (flag, {"metavar": key.upper()})


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say how a table is read; see `reading_settings`."""
    for key in reversed(READING_KEYS):
        flag, more = _flag_of(key)
        command = click.option(flag, cls=SettingOption, place=("data", key), owner=OWNERS["data"], **more)(command)
    return command


def reading_settings(options: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that reading options stand for, those given."""
    given = {key: options[key] for key in READING_KEYS if options[key] is not None}
    return {key: None if value == "none" and key in (*_MARKS, "header") else value for key, value in given.items()}


def describe_plan(table: "Table") -> list[dict[str, Any]]:
    """Return what is known of the columns of a table, one dict each, in the order of the table."""
    rows = []
    for report in table.reports:
        plan = report.plan
        row = {"column": plan.name, "read_as": plan.kind, "missing": report.n_missing, "distinct": report.n_distinct}
        form = {key: value for key, value in plan.to_dict().items() if key not in ("name", "kind", "levels", "reason")}
        how = plan.reason or ", ".join(f"{key} {value!r}" for key, value in form.items())
        if plan.kind == "category":
            how = ", ".join(map(str, plan.levels[:5])) + (", ..." if len(plan.levels) > 5 else "")
        rows.append(row | {"unreadable": report.n_odd, "how": how, "note": report.note})
    return rows


def show_plan(settings: "Settings", table: "Table", as_json: bool) -> None:
    """Print how the table of a run is read."""
    from propneat.run.sequence_data import describe_sequences

    notes = [*(describe_sequences(settings, table) if settings.data.of_sequences else []), *table.notes]
    if as_json:
        facts = {"name": table.name, "source": table.source, "rows": len(table), "task": table.task}
        facts |= {"target": table.target_plan.to_dict(), "notes": notes, "columns": describe_plan(table)}
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    click.echo(f"{table.name}: {table.task}, {len(table)} rows, from {table.source}")
    click.echo("\n".join(wrapped(note, sys.stdout, indent=2) for note in notes))
    print_plan(describe_plan(table))


def print_plan(rows: list[dict[str, Any]]) -> None:
    """Print what `describe_plan` says as a table."""
    heads = {"column": "column", "read_as": "read as", "missing": "missing", "distinct": "distinct", "unreadable": "unreadable"}
    heads |= {"how": "how"}
    print_table(tuple(heads.values()), [[row[key] for key in heads] for row in rows])
