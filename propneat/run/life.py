"""The life of a run: begun in a folder of its own, and gone on with where it stopped."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from propneat.data import Table
from propneat.data.table import is_file_name
from propneat.model.starting import starting_genomes
from propneat.run.folder import RunFolder, claim_folder, free_folders, open_run_folder
from propneat.run.session import RunData, find_state, prepare_run, run, settled, warm_up
from propneat.run.time_budget import fit_into
from propneat.search import EvolveState, Trainer
from propneat.settings.file import Layer, Settings, format_settings, read_settings_file, resolve_settings
from propneat.training import train_population

__all__ = ["rehearse", "resume", "rooted", "settings_of_run", "start"]


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def start(
    settings: Settings | Layer,
    out: Path | str | None = None,
    *,
    force: bool = False,
    train: Trainer = train_population,
    perform: Callable[..., dict[str, Any]] = run,
    warm: Callable[..., None] = warm_up,
    seconds: float | None = None,
    say: Callable[[str], None] = _say,
    table: Table | None = None,
    ready: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Begin a run in a folder of its own, carry it out, and return its summary, that of `summary.json`.

    `settings` may be plain values as in a configuration file, such as {"generations": 20, "data": {"source": "table.csv"}}.
    `out` is the folder, by default results/NAME-seedN with a number behind it where that is taken; `force` replaces the run
    that is in it. `perform` is called as `run` is, and so is `partial(run, callbacks=[...])`; `warm` as `warm_up` is. `seconds` is
    about how long it may take, see `fit_into`; `say` gets a line on what that comes to. A `table` is that of the settings, read
    before. `ready` is called once nothing can be refused any more, before the folder is made. Raises DataError or ConfigError for
    a table, settings or a folder that cannot be used, before anything is written.
    """
    settings = settings if isinstance(settings, Settings) else resolve_settings([settings])
    settings, data, folders = _begun(settings, out, force, partial(warm, train=train), table)
    if seconds is not None:
        config = fit_into(settings.evolve, data.prepared.problem, seconds, train, say)
        settings = replace(settings, evolve=config)
        say(
            f"Time for {config.populations} x {config.generations} generations; the same again, on any machine: "
            f"--populations {config.populations} --generations {config.generations}"
        )
    if ready is not None:
        ready()
    folder = claim_folder(folders, format_settings(settings), force=force)
    with folder.held():
        return perform(settings, data, folder, state=None, train=train)


def resume(
    folder: RunFolder | Path | str,
    settings: Settings | Layer | None = None,
    *,
    train: Trainer = train_population,
    perform: Callable[..., dict[str, Any]] = run,
    warm: Callable[..., None] = warm_up,
    say: Callable[[str], None] = _say,
) -> dict[str, Any]:
    """Go on with the run in a folder to the same end as if it had never stopped, and return its summary.

    `settings` are plain values to lay over the run's own, such as {"generations": 200}, or all of them; `find_state` says which
    may differ. A finished run is left as it is, and `say` gets a line on that. `perform` and `warm` are as for `start`. Raises
    CheckpointError for a folder that holds no run, or one of other settings or data.
    """
    folder = folder if isinstance(folder, RunFolder) else open_run_folder(Path(folder))
    settings = rooted(settings) if isinstance(settings, Settings) else settings_of_run(folder, settings or {})
    settings, data, state = _gone_on_with(folder, settings)
    summary = folder.read_summary() or {}
    is_done = summary.get("finished") is True and summary["generations_asked"] == settings.evolve.n_generations
    if state and is_done and folder.has_results():
        say(f"The run in {folder.path} is finished, nothing is left to do.")
        return summary
    warm(settings.evolve, data.prepared.problem, train=train)
    if (picked := summary.get("pick", settings.evolve.pick)) != settings.evolve.pick:
        say(
            f"The network picked since, {picked}, gives way to the run's own choice, {settings.evolve.pick}: pick again afterwards."
        )
    with folder.held():
        return perform(settings, data, folder, state=state, train=train)


def rehearse(
    settings: Settings,
    out: Path | str | None = None,
    *,
    folder: RunFolder | None = None,
    force: bool = False,
    train: Trainer = train_population,
    warm: Callable[..., None] = warm_up,
    table: Table | None = None,
) -> None:
    """Do all that `start`, or of the run in a `folder` `resume`, does before it writes, and raise what that raises.

    `settings` are all of the run's; a `table` is theirs, read before.
    """
    if folder is None:
        _begun(settings, out, force, partial(warm, train=train), table)
        return
    settings, data, _ = _gone_on_with(folder, rooted(settings), table)
    warm(settings.evolve, data.prepared.problem, train=train)


def _begun(
    settings: Settings, out: Path | str | None, force: bool, warm: Callable[..., None], table: Table | None = None
) -> tuple[Settings, RunData, Iterable[Path]]:
    """Return all that a new run begins with: its settings, its data, and the folders it may go to."""
    settings = rooted(settings)
    data = prepare_run(settings, table)
    settings = settled(settings, data)
    starting_genomes(settings.evolve.start, data.prepared)
    folders = free_folders(None if out is None else Path(out), data.name, settings.evolve.seed, force=force)
    # what cannot be trained is refused before a folder is made
    warm(settings.evolve, data.prepared.problem)
    return settings, data, folders


def _gone_on_with(
    folder: RunFolder, settings: Settings, table: Table | None = None
) -> tuple[Settings, RunData, EvolveState | None]:
    """Return all that a run goes on with: its settings, its data, and the state it stopped in."""
    data = prepare_run(settings, table)
    settings = settled(settings, data)
    return settings, data, find_state(folder, settings, data)


def settings_of_run(folder: RunFolder, changes: Layer) -> Settings:
    """Return the settings of the run in a folder with changes laid over them; raises ConfigError where that cannot be done."""
    return rooted(resolve_settings([read_settings_file(folder.config), changes]))


def rooted(settings: Settings) -> Settings:
    """Return settings whose table, if it is a file, and whose network to start from are found from any folder."""
    source, start = settings.data.source, settings.evolve.start
    if start is not None:
        settings = replace(settings, evolve=replace(settings.evolve, start=str(Path(start).absolute())))
    if source is None or not is_file_name(source):
        return settings
    return replace(settings, data=replace(settings.data, source=str(Path(source).absolute())))
