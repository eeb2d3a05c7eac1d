"""A run of `propneat evolve` as a person sees it: what is said of the data, the progress, and signals."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from propneat.base.words import count
from propneat.cli.signals import stop_signals
from propneat.cli.talk import talk

if TYPE_CHECKING:
    from propneat.cli.run_view import RunView
    from propneat.run import RunData
    from propneat.run.folder import RunFolder
    from propneat.search import EvolveState, Trainer
    from propneat.settings.file import Settings

__all__ = ["resumable", "run_shown", "stop_on_signal"]

_MOST_NOTES = 25


def run_shown(
    settings: "Settings",
    data: "RunData",
    folder: "RunFolder",
    state: "EvolveState | None",
    train: "Trainer",
    quiet: bool,
) -> dict[str, Any]:
    """Run what is prepared, shown as it goes, and return its summary; a signal ends it after the generation in flight."""
    from propneat.cli.data_notes import notes_on_run
    from propneat.cli.run_view import RunView, say_when_compiling
    from propneat.run import run
    from propneat.search.scores import SCORE_NAMES

    n_train, n_judge = len(data.prepared.problem.train), len(data.prepared.problem.validation)
    is_of_rows = data.unit == "rows"
    parts = f"{n_train}{' distinct' if is_of_rows else ''} to train on, {n_judge} to judge by, {data.n_test} held out"
    steps = "" if is_of_rows else f", the steps of {n_train + n_judge + data.n_test} sequences"
    if data.unit == "steps":
        learnt = "sequences" if settings.data.sequence_id is not None else "windows"
        steps, parts = "", f"{n_train} {learnt} to train on, {n_judge} to judge by, {count(data.n_test, 'forecast')} held out"
    talk(f"{data.name}: {data.task}, {data.n_rows} rows{steps} ({parts})", quiet)
    lines = data.notes[:_MOST_NOTES]
    if len(data.notes) > _MOST_NOTES:
        lines = (*lines, f"... and {len(data.notes) - _MOST_NOTES} lines more on columns; --dry-run shows all")
    for line in lines:
        talk(line, quiet)
    if data.prepared.problem.train is data.prepared.problem.validation:
        said = f"so scores say little of new {data.unit}."
        talk(f"Too few {data.unit} of a class to hold some back: the same {data.unit} train and judge, {said}", quiet)
    for line in notes_on_run(settings, data):
        talk(line, quiet)
    talk(f"{'Continuing' if state else 'Writing'} {folder.path}", quiet)
    shown = RunView(data.name, settings.evolve.n_generations, SCORE_NAMES[data.task], quiet=quiet)
    compiling = say_when_compiling("Compiling what only these rows need, once per installation ...", shown.say)
    with shown as view, compiling, stop_on_signal(view, folder) as stop:
        with resumable(folder):
            summary = run(settings, data, folder, state=state, callbacks=[view, lambda _: bool(stop)], train=train)
    if summary["finished"]:
        return summary
    talk(f"Stopped. Continue with: propneat evolve --resume {folder.path}", quiet)
    return summary | {"signal": int(stop[0])}


@contextmanager
def resumable(folder: "RunFolder") -> Iterator[None]:
    """Say how to go on with a run whose workers are gone."""
    from propneat.base.errors import ClusterError

    try:
        yield
    except ClusterError as error:
        raise ClusterError(f"{error}; go on, there or here, with: propneat evolve --resume {folder.path}") from error


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
