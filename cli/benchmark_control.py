"""`propneat benchmark control`: networks that act, by propneat and by others, at equal steps in the environment."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from propneat.base.records import make_folder
from propneat.cli.folder import FOLDER
from propneat.cli.table import print_table

if TYPE_CHECKING:
    from propneat.benchmark.control import Part

__all__ = ["control"]


@click.command()
@click.option("--environments", metavar="NAME,NAME,...", help="As --env of propneat evolve.  [default: five classic ones]")
@click.option("--methods", metavar="NAME,NAME,...", help="Those to run.  [default: all that are installed]")
@click.option("--seeds", type=click.IntRange(1), default=10, show_default=True, help="Runs of every method.")
@click.option(
    "--steps",
    type=click.IntRange(1),
    metavar="N",
    help="Steps in the environment after which nothing new begins.  [default: 200,000 to 1,000,000, by environment]",
)
@click.option("--workers", type=click.IntRange(1), help="Worker processes of one thread.  [default: one a core]")
@click.option("--out", type=FOLDER, metavar="DIR", default="results/control", show_default=True, help="Folder to write.")
@click.option("--dry-run", is_flag=True, help="List the parts and whether each is stored, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the document as JSON instead of a table.")
@click.option("--quiet", is_flag=True, help="Print nothing but the result.")
def control(**options: Any) -> None:
    """Run methods that find networks which act, at equal steps in the environment, and compare them.

    \b
    Examples:
      propneat benchmark control --steps 50000 --seeds 3
      propneat benchmark control --environments CartPole-v1,Pendulum-v1 --methods neat,regression,openes
      propneat benchmark control --environments LunarLander-v3 --dry-run

    \b
    Methods:
      neat         propneat without learning
      regression   propneat, learning by advantage-weighted regression between generations
      gradient     propneat, learning by policy gradients between generations
      neat-python  pip install 'propneat[peers]'
      openes       the evolution strategy of OpenAI on a network of 16 hidden nodes
      ppo          that of stable-baselines3: pip install 'propneat[control-more]'

    The same command again goes on where it stopped: every method in every environment with every seed is a part that is
    stored when it is finished. Steps include those of judging, which is alike for all. Writes control.json, control.csv and
    control.png, in place of those that are there.
    """
    from propneat.benchmark.control import METHODS, PartStore, carry_out, choose_parts, collect, missing_package
    from propneat.cli.benchmark_tools import read_names
    from propneat.cli.benchmark_view import count_workers, show_steps

    environments, methods = (read_names(f"--{name}", options[name]) for name in ("environments", "methods"))
    parts = choose_parts(environments, methods, options["seeds"], options["steps"])
    missing = {part.method: package for part in parts if (package := missing_package(METHODS[part.method]))}
    store = PartStore(options["out"])
    waiting = [part for part in parts if part.method not in missing and store.find(part) is None]
    if options["dry_run"]:
        _list(parts, waiting, missing)
        return
    make_folder(options["out"])
    n_workers = min(count_workers(options["workers"], 1)[0], max(1, len(waiting)))
    _say(options["quiet"], f"{len(waiting)} of {len(parts)} parts to do, {n_workers} at a time", missing)
    with show_steps("control", quiet=options["quiet"]) as note:
        carry_out(waiting, store, n_workers, note)
    document = collect(parts, store, n_workers)
    written = _write(options["out"], document)
    _show(document, options["as_json"])
    _say(options["quiet"], f"wrote      {', '.join(map(str, written))}", {})


def _list(parts: "list[Part]", waiting: "list[Part]", missing: dict[str, str]) -> None:
    """Print every part with how it stands."""
    for part in parts:
        state = "to do" if part in waiting else "stored"
        if part.method in missing:
            state = f"{missing[part.method]} is not installed"
        click.echo(f"{part.label}, {part.budget:,} steps: {state}")


def _say(quiet: bool, line: str, missing: dict[str, str]) -> None:
    """Say a line, and of every method that is left out why."""
    if quiet:
        return
    click.echo(line, err=True)
    for method, package in missing.items():
        click.echo(f"Note: {method} is left out, for {package} is not installed", err=True)


def _write(folder: Path, document: dict[str, Any]) -> list[Path]:
    from propneat.base.records import write_atomic
    from propneat.report.control_benchmark import control_csv, draw_control_benchmark

    contents = {
        "control.json": json.dumps(document) + "\n",
        "control.csv": control_csv(document),
        "control.png": draw_control_benchmark(document),
    }
    for name, content in contents.items():
        write_atomic(folder / name, content)
    return [folder / name for name in contents]


def _show(document: dict[str, Any], as_json: bool) -> None:
    from propneat.report.control_benchmark import HEADS, control_rows

    if as_json:
        click.echo(json.dumps(document))
        return
    print_table(HEADS, control_rows(document))
    click.echo("± is two standard errors of the mean over seeds; an unsolved run counts with all its steps.")
