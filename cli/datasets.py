"""`propneat datasets`: what there is to learn from, what is in it, and how to get it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from propneat.base.errors import DataError
from propneat.cli.data_notes import say_unchecked
from propneat.cli.main import LazyGroup
from propneat.cli.reading import describe_plan, print_plan, reading_options, reading_settings
from propneat.cli.table import as_text, print_table
from propneat.settings.notes import NOTES

if TYPE_CHECKING:
    from propneat.data import CatalogueEntry, Table

__all__ = ["datasets"]

_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of PMLB files.  [default: $PROPNEAT_DATA, ./datasets if there is one, or ~/.cache/propneat]",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


@click.group(cls=LazyGroup)
def datasets() -> None:
    """List, describe and download data sets.

    \b
    Examples:
      propneat datasets list --embedded
      propneat datasets info tic_tac_toe
      propneat datasets info patients.csv --target outcome
      propneat datasets fetch phoneme sonar
      propneat datasets fetch --suite paper
    """


@datasets.command("list")
@click.option("--embedded", is_flag=True, help="Only data sets that need no download.")
@click.option("--cached", is_flag=True, help="Only data sets whose PMLB file is in the cache.")
@_data_dir
@_as_json
def list_data_sets(embedded: bool, cached: bool, data_dir: Path | None, as_json: bool) -> None:
    """List the data sets that can be had by name.

    \b
    Examples:
      propneat datasets list
      propneat datasets list --embedded
      propneat datasets list --json

    Classes are 0 for a regression. Data sets of one family are copies of one another, or nearly. The last ones are those of
    PMLB that the catalogue does not describe; as it has no checksums of them either, their files are taken as they are.
    """
    from propneat.data.named import unchecked_line
    from propneat.data.pmlb_source import cached_file, find_cache

    cache = find_cache(data_dir)
    rows = [
        row
        | {
            "cached": cached_file(row["name"], cache) is not None,
            "checked": unchecked_line(row["name"], data_dir) is None,
        }
        for row in _describe_all()
    ]
    rows = [row for row in rows if (row["embedded"] or not embedded) and (row["cached"] or not cached)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    shown = ("name", "rows", "features", "classes", "task", "embedded", "cached", "checked", "family")
    print_table(shown, [["-" if row[column] is None else row[column] for column in shown] for row in rows])
    n_unchecked = sum(not row["checked"] for row in rows)
    click.echo(f"{len(rows)} data sets, {n_unchecked} of them not checked for want of a checksum; cache {cache}", err=True)


def _describe_all() -> list[dict[str, object]]:
    """Return what is known of each data set that can be had by name, those of the catalogue first."""
    from pmlb import regression_dataset_names

    from propneat.data import read_catalogue
    from propneat.data.pmlb_source import known_names

    described = ("name", "rows", "features", "classes", "task", "embedded", "family", "in_paper_list")
    catalogue = read_catalogue()
    rows = [_pick(entry, *described) for entry in catalogue.values()]
    for name in known_names():
        if name not in catalogue:
            task = "regression" if name in regression_dataset_names else "classification"
            facts = {"name": name, "task": task, "embedded": False, "in_paper_list": False}
            rows.append(dict.fromkeys(described) | facts)
    return rows


@datasets.command()
@click.argument("name")
@click.option("--target", metavar="COLUMN", help="The column to predict.  [default: the one called target or class]")
@click.option("--task", metavar="TASK", help=NOTES["data"]["task"])
@reading_options
@_data_dir
@_as_json
def info(name: str, target: str | None, task: str | None, data_dir: Path | None, as_json: bool, **options: Any) -> None:
    """Describe a data set or a file: how its columns are read, its classes, and where it is from.

    \b
    Examples:
      propneat datasets info monk3
      propneat datasets info patients.csv --target outcome
      propneat datasets info houses.csv --target price --categories zip --missing NA,-999
      propneat datasets info iris --json

    The same options make propneat evolve read a table in the same way. A data set that is neither embedded nor in the cache is not downloaded for this.
    """
    from propneat.data import load_table, read_catalogue
    from propneat.data.named import unchecked_line
    from propneat.data.pmlb_source import cached_file, check_name, find_cache
    from propneat.data.table import is_file_name
    from propneat.settings.data import DataSettings

    entry = read_catalogue().get(name)
    known = _pick(entry, "family", "in_paper_list", "embedded", "exact", "note")
    known |= {} if is_file_name(name) else {"checked": unchecked_line(name, data_dir) is None}
    cache = find_cache(data_dir)
    if not is_file_name(name) and not (entry and entry.embedded) and cached_file(name, cache) is None:
        check_name(name)
        size = _pick(entry, "rows", "features", "classes", "task")
        facts = {"name": name, "source": f"PMLB, not in the cache {cache}"} | size | known
        _print_facts(facts, as_json)
        click.echo(f"For its columns, first run: propneat datasets fetch {name}", err=True)
        return
    data = DataSettings(**reading_settings(options))
    table = load_table(name, target=target, data_dir=data_dir, task=task, options=data.reading, form=data.form)
    facts = {"name": table.name, "source": table.source, "rows": len(table), "features": len(table.features.columns)}
    facts |= {"task": table.task, "target": str(table.target.name)} | known
    facts |= {"target_summary": _summarise_target(table), "notes": list(table.notes)}
    _print_facts(facts | {"columns": _describe_columns(table)}, as_json)


@datasets.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--suite", type=click.Choice(["paper"]), help="All data sets the authors of PropNEAT list for their experiments.")
@_data_dir
@_as_json
def fetch(names: tuple[str, ...], suite: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Download PMLB data sets into the cache; those already there are kept, all checked where there is a checksum.

    \b
    Examples:
      propneat datasets fetch phoneme sonar
      propneat datasets fetch --suite paper
      propneat datasets fetch pima --data-dir datasets

    Exit code 1 when a data set could not be had.
    """
    from propneat.data import read_catalogue
    from propneat.data.pmlb_source import check_name

    in_suite = [entry.name for entry in read_catalogue().values() if suite and entry.in_paper_list]
    wanted = list(dict.fromkeys([*names, *in_suite]))
    if not wanted:
        raise click.UsageError("Name the data sets to fetch, or use --suite paper.")
    for name in names:
        check_name(name)
    results = _fetch_all(wanted, data_dir, quiet=as_json)
    failed = sum(result["error"] is not None for result in results)
    if as_json:
        click.echo(json.dumps(results, indent=2))
    say_unchecked([result["name"] for result in results if result["error"] is None], data_dir)
    click.echo(f"{len(results) - failed} of {len(results)} data sets are in the cache", err=True)
    if failed:
        click.get_current_context().exit(1)


def _fetch_all(names: list[str], data_dir: Path | None, quiet: bool) -> list[dict[str, str | None]]:
    """Fetch data sets one by one; once the server is out of reach, only those in the cache already are looked at."""
    from rich.console import Console
    from rich.progress import track

    from propneat.data.pmlb_source import UnreachableError, cached_file, fetch, find_cache

    console = Console(stderr=True)
    unreachable: UnreachableError | None = None
    results: list[dict[str, str | None]] = []
    for name in track(names, "Fetching", console=console, disable=not console.is_terminal, transient=True):
        try:
            if unreachable and cached_file(name, find_cache(data_dir)) is None:
                raise DataError("not tried, PMLB's server cannot be reached")
            results.append({"name": name, "path": str(fetch(name, data_dir)), "error": None})
        except DataError as error:
            unreachable = error if isinstance(error, UnreachableError) else unreachable
            results.append({"name": name, "path": None, "error": str(error)})
            click.echo(f"{name}: {error}", err=True)
        else:
            if not quiet:
                click.echo(f"{name}\t{results[-1]['path']}")
    return results


def _pick(entry: "CatalogueEntry | None", *keys: str) -> dict[str, object]:
    """Return some fields of a catalogue entry; nothing of a data set that is not in the catalogue."""
    return {} if entry is None else {key: getattr(entry, key) for key in keys}


def _summarise_target(table: "Table") -> dict[str, object]:
    """Return the rows of each class, or the range of a regression target."""
    if table.task == "regression":
        values = table.target.astype(float)
        return {"min": values.min(), "mean": values.mean(), "max": values.max()}
    counts = table.target.value_counts().sort_index()
    return {str(label): int(count) for label, count in counts.items()}


def _describe_columns(table: "Table") -> list[dict[str, object]]:
    """Return the plan of each column with the range of its numbers."""
    rows = describe_plan(table)
    for row in rows:
        if row["read_as"] in ("number", "truth", "date") and not row["how"]:
            column = table.features[row["column"]].dropna()
            row["how"] = f"{column.min():.6g} to {column.max():.6g}" if len(column) else ""
    return rows


def _print_facts(facts: dict[str, object], as_json: bool) -> None:
    """Print what is known of a data set, one line each, then the table of its columns."""
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        if key == "columns":
            print_plan(value)
        elif isinstance(value, list):
            click.echo("\n".join(value))
        elif isinstance(value, dict):
            click.echo(f"{key.replace('_', ' ')}: " + ", ".join(f"{name} {as_text(number)}" for name, number in value.items()))
        elif value not in ("", None):
            click.echo(f"{key.replace('_', ' ')}: {as_text(value)}")
