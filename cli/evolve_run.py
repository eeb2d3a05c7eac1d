"""A run of `propneat evolve` as a person sees it: what is said of the data, the progress, signals, and the result."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from propneat.cli.signals import stop_signals

if TYPE_CHECKING:
    from propneat.cli.run_view import RunView
    from propneat.run import RunData
    from propneat.run.folder import RunFolder
    from propneat.search import EvolveState, Trainer
    from propneat.settings.file import Settings

__all__ = ["count", "describe_summary", "run_shown", "stop_on_signal", "talk"]

_MOST_NOTES = 25


def run_shown(
    settings: "Settings", data: "RunData", folder: "RunFolder", state: "EvolveState | None", train: "Trainer", quiet: bool
) -> dict[str, Any]:
    """Run what is prepared, shown as it goes, and return its summary; a signal ends it after the generation in flight."""
    from propneat.base.errors import ClusterError
    from propneat.cli.data_notes import notes_on_run
    from propneat.cli.run_view import RunView, say_when_compiling
    from propneat.run import run
    from propneat.search.scores import SCORE_NAMES

    n_train, n_judge = len(data.prepared.problem.train), len(data.prepared.problem.validation)
    distinct = "distinct" if data.prepared.sequence is None else "sequences"
    parts = f"{n_train} {distinct} to train on, {n_judge} to judge by, {data.n_test} held out"
    talk(f"{data.name}: {data.task}, {data.n_rows} rows ({parts})", quiet)
    lines = data.notes[:_MOST_NOTES]
    if len(data.notes) > _MOST_NOTES:
        lines = (*lines, f"... and {len(data.notes) - _MOST_NOTES} lines more on columns; --dry-run shows all")
    for line in lines:
        talk(line, quiet)
    if data.prepared.problem.train is data.prepared.problem.validation:
        talk("Too few rows of a class to hold some back: the same rows train and judge, so scores say little of new rows.", quiet)
    for line in notes_on_run(settings, data):
        talk(line, quiet)
    talk(f"{'Continuing' if state else 'Writing'} {folder.path}", quiet)
    shown = RunView(data.name, settings.evolve.n_generations, SCORE_NAMES[data.task], quiet=quiet)
    compiling = say_when_compiling("Compiling what only these rows need, once per installation ...", shown.say)
    with shown as view, compiling, stop_on_signal(view, folder) as stop:
        try:
            summary = run(settings, data, folder, state=state, callbacks=[view, lambda _: bool(stop)], train=train)
        except ClusterError as error:
            raise ClusterError(f"{error}; go on, there or here, with: propneat evolve --resume {folder.path}") from error
    if summary["finished"]:
        return summary
    talk(f"Stopped. Continue with: propneat evolve --resume {folder.path}", quiet)
    return summary | {"signal": int(stop[0])}


@contextmanager
def stop_on_signal(view: "RunView", folder: "RunFolder") -> Iterator[list[int]]:
    """Collect the signals that ask to stop in the list given; at the second one the process ends at once."""
    received: list[int] = []

    def note(number: int) -> None:
        received.append(number)
        if len(received) == 1:
            view.say("Stopping after this generation, then finishing the best network so far; once more to quit at once ...")
            return
        # every file is whole at any moment, so there is nothing to wait for
        view.close()
        click.echo(f"Quit. Continue with: propneat evolve --resume {folder.path}", err=True)
        os._exit(128 + number)

    with stop_signals(note):
        yield received


def describe_summary(summary: dict[str, Any]) -> str:
    """Return the result for people."""
    names = {"auc": "AUC", "balanced_accuracy": "balanced accuracy", "log_loss": "log loss", "r2": "R²", "rmse": "RMSE"}
    tested = ", ".join(f"{names.get(name, name)} {_figure(value)}" for name, value in summary["test"].items())
    lines = {
        "test": f"{tested} on {summary['test_rows']} rows held out" if tested else "no rows held out",
        "validation": f"loss {_figure(summary['validation_loss'])}, "
        f"{summary['score_name']} {_figure(summary['validation_score'])} at the end of evolution",
        "size": f"{count(summary['connections'], 'connection')}, {count(summary['hidden_nodes'], 'hidden node')}, "
        f"{count(summary['layers'], 'layer')}, "
        f"{summary['inputs_used']} of {summary['inputs']} inputs used",
        "sizes": _sizes(summary),
        "time": f"{summary['seconds']:.1f} s for {summary['generations']} of {summary['generations_asked']} generations"
        + _STOPS.get(summary.get("stopped"), ""),
        "network": summary["champion"],
    }
    return "\n".join(f"{name:<11}{line}" for name, line in lines.items())


_STOPS = {
    "target_fitness": ", stopped at the target fitness",
    "patience": ", stopped when no generation was better for as long as --patience says",
}
"""What is said of a run whose last population did not use up its generations."""


def _sizes(summary: dict[str, Any]) -> str:
    """Say what else there is to pick from, and that a size asked for was not found."""
    asked = summary["pick"]
    missed = f"none of at most {asked} was found; " if isinstance(asked, int) and summary["connections"] > asked else ""
    return f"{missed}the best of {count(summary['networks'], 'size')}, propneat pick {summary['folder']} shows them"


def count(number: int, thing: str) -> str:
    """Return a number with what it counts, such as 1 layer or 2 layers."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def talk(text: str, quiet: bool) -> None:
    """Print a line on the error stream, unless the person wants none."""
    if not quiet:
        click.echo(text, err=True)
