"""`propneat benchmark speed`: how fast everything is, measured in one run."""

import json
from typing import Any

import click

from propneat.base.records import make_folder
from propneat.cli.folder import FOLDER
from propneat.cli.table import print_table

__all__ = ["speed"]


@click.command()
@click.option(
    "--only", multiple=True, metavar="PART", help="Measure this part alone; repeatable or with commas.  [default: all]"
)
@click.option("--quick", is_flag=True, help="Smaller sizes and fewer rounds: about three minutes instead of fifteen.")
@click.option("--rounds", type=click.IntRange(1), help="How often everything is timed, in turns.  [default: 5; quick: 3]")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Networks and rows follow from this number."
)
@click.option("--out", type=FOLDER, metavar="DIR", default="results/speed", show_default=True, help="Folder to write.")
@click.option("--json", "as_json", is_flag=True, help="Print the document as JSON instead of tables.")
@click.option("--quiet", is_flag=True, help="Print nothing but the result.")
def speed(**options: Any) -> None:
    """Measure how fast training, whole generations, genetics, large data, depth and start-up are, and what a second brings.

    \b
    Examples:
      propneat benchmark speed
      propneat benchmark speed --quick
      propneat benchmark speed --only engines --only peers --rounds 9 --out results/speed-engines

    \b
    Parts:
      engines     an epoch of a population on every engine that works here
      peers       a generation beside neat-python's, where it is installed: pip install 'propneat[peers]'
      genetics    all but training, against population and genome size
      large-data  a million rows, with the memory that takes
      depth       an epoch against the depth of the networks
      start-up    from the command to its first answer
      quality     what fits reach in which time, beside others: pip install 'propneat[peers]' gplearn

    All competitors of a table take turns in one run, so compare ratios, not milliseconds, across machines. Writes speed.json
    and speed.png, in place of those that are there.
    """
    from dataclasses import replace

    from propneat.base.records import write_atomic
    from propneat.benchmark.speed import FULL, QUICK, choose_parts, run_speed
    from propneat.cli.benchmark_view import show_steps
    from propneat.report.speed import draw_speed

    parts = choose_parts(options["only"])
    size = QUICK if options["quick"] else FULL
    if options["rounds"]:
        size = replace(size, n_rounds=options["rounds"])
    make_folder(options["out"])
    with show_steps("measuring", quiet=options["quiet"]) as note:
        document = run_speed(size, options["seed"], note, parts)
    text = json.dumps(document, indent=1)
    write_atomic(options["out"] / "speed.json", text + "\n")
    write_atomic(options["out"] / "speed.png", draw_speed(document))
    if options["as_json"]:
        click.echo(text)
    else:
        _show(document)
    if not options["quiet"]:
        click.echo(f"wrote      {options['out'] / 'speed.json'}, {options['out'] / 'speed.png'}", err=True)


def _show(document: dict[str, Any]) -> None:
    """Print every table with its note below."""
    from propneat.report.speed import speed_tables

    for table in speed_tables(document):
        click.echo(f"{table.title}")
        print_table(table.heads, table.rows)
        click.echo(f"{table.note}\n" if table.note else "")
