"""`propneat runs`: the runs below a folder, a line each."""

import json
from pathlib import Path

import click

from propneat.cli.table import print_table

__all__ = ["runs"]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="[DIR]", default=Path("results"))
@click.option("--json", "as_json", is_flag=True, help="Print a list of JSON objects.")
def runs(folder: Path, as_json: bool) -> None:
    """List the runs in a folder and below it: data, rows, test score, size, seconds, and whether they are finished.

    \b
    Examples:
      propneat runs
      propneat runs results/patients-cv5 --json

    Without DIR those of results/ are listed.
    """
    from propneat.run.listing import find_runs

    found = find_runs(folder)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo(f"{folder} holds no run: propneat evolve makes one.", err=True)
        return
    heads = ("folder", "data", "task", "rows", "score", "test", "connections", "seconds", "state")
    print_table(heads, [["-" if value is None else value for value in row.values()] for row in found])
