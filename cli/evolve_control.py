"""`propneat evolve --env`: networks that act in an environment."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from propneat.base.words import count
from propneat.cli.cluster import joined
from propneat.cli.evolve_run import resumable, stop_on_signal
from propneat.cli.setting_options import SettingOption, key_of
from propneat.cli.talk import talk
from propneat.settings.control_config import ControlConfig

if TYPE_CHECKING:
    from propneat.base.crew import Crew
    from propneat.control.rollouts import World
    from propneat.run.folder import RunFolder
    from propneat.search import EvolveState

__all__ = ["CONTROL_OPTIONS", "check_executor", "evolve_control", "figure", "is_control"]

_OWN = {
    "env": ("control", "env"),
    "env_steps": ("control", "env_steps"),
    "episodes": ("control", "episodes"),
    "max_steps": ("control", "max_steps"),
    "solved_at": ("control", "solved_at"),
    "learning": ("control", "learning"),
    "normalise": ("control", "normalise"),
}
_SHARED = {
    "method": ("control", "method"),
    "generations": ("control", "generations"),
    "seed": ("control", "seed"),
    "recurrent_rate": ("evolution", "recurrent_rate"),
    "population": ("evolution", "population_size"),
    "activations": ("evolution", "activations"),
    "aggregations": ("evolution", "aggregations"),
    "epochs": ("training", "epochs"),
    "learning_rate": ("training", "learning_rate"),
    "batch_size": ("training", "batch_size"),
    "l2": ("training", "l2"),
}
"""Option -> table and key of the setting it is; the first ones are of environments alone."""

_GENERAL = {"config", "out", "resume", "force", "as_json", "quiet", "data", "executor", "address", "workers"}


def _option(flag: str, **more: Any) -> SettingOption:
    return SettingOption([flag], ("control", key_of(flag)), ControlConfig, **more)


CONTROL_OPTIONS = (
    _option("--env", metavar="ENV"),
    _option("--env-steps", metavar="N"),
    _option("--episodes", metavar="N"),
    _option("--max-steps", metavar="N"),
    _option("--solved-at", metavar="RETURN"),
    _option("--learning", metavar="NAME"),
    _option("--normalise/--no-normalise"),
)
"""The options of environments."""


def is_control(options: dict[str, Any]) -> bool:
    """Say whether a call is about an environment: one is named, or the run to resume is one of an environment."""
    from propneat.settings.control_file import is_control_file

    if options["env"] or (options["resume"] and is_control_file(options["resume"] / "config.toml")):
        return True
    if options["config"] and is_control_file(options["config"]) and not options["data"]:
        return True
    if odd := [name for name in _OWN if options[name] is not None]:
        raise click.UsageError(f"--{odd[0].replace('_', '-')} is for environments: name one with --env.")
    return False


def evolve_control(context: click.Context, options: dict[str, Any]) -> None:
    """Carry out a call that is about an environment, and print what came of it."""
    typed = {name for name in options if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    if options["data"]:
        raise click.UsageError(f"--env {options['env']} has no table, and {options['data']} was given too: leave one out.")
    if odd := sorted(typed - {*_OWN, *_SHARED, *_GENERAL}):
        raise click.UsageError(f"--{odd[0].replace('_', '-')} is for tables: it does not go with an environment.")
    check_executor(options)
    from propneat.run.control import resume_control, start_control
    from propneat.run.folder import open_run_folder
    from propneat.settings.control_file import read_control_file, resolve_control

    given: dict[str, dict[str, Any]] = {"control": {}, "evolution": {}, "training": {}}
    for name, (section, key) in (_OWN | _SHARED).items():
        if options[name] is not None and (not options["resume"] or name in typed):
            given[section][key] = _value(name, options[name])
    quiet = options["quiet"]
    with _crew(options) as (crew, who):
        perform = partial(_run_shown, quiet=quiet, who=who)
        if options["resume"]:
            say = partial(talk, quiet=quiet)
            summary = resume_control(open_run_folder(options["resume"]), given, perform=perform, crew=crew, say=say)
        else:
            layers = [read_control_file(options["config"])] if options["config"] else []
            config = resolve_control([*layers, given])
            summary = start_control(config, options["out"], force=options["force"], perform=perform, crew=crew)
    click.echo(json.dumps(summary, indent=2, ensure_ascii=False) if options["as_json"] else _describe(summary))
    if summary.get("signal"):
        context.exit(128 + summary["signal"])


def check_executor(options: dict[str, Any]) -> None:
    """Raise click.UsageError for options on who does the work that do not go together."""
    if (options["executor"] == "dask") != bool(options["address"]):
        raise click.UsageError("--executor dask and --address tcp://HOST:PORT go together.")
    if options["address"] and options["workers"]:
        raise click.UsageError("a dask cluster has the workers it has: leave --workers out.")


@contextmanager
def _crew(options: dict[str, Any]) -> "Iterator[tuple[Crew | None, str]]":
    """Give those who play episodes and what they are called, None for this process alone; they are left at the end."""
    if options["address"]:
        from propneat.base.cluster import Cluster

        with joined(Cluster, options["address"], options["quiet"]) as cluster:
            yield cluster, f"on the cluster at {options['address']}, {count(cluster.n_workers, 'thread')}"
    elif (options["workers"] or 1) > 1:
        from propneat.base.crew import ProcessCrew

        with closing(ProcessCrew(options["workers"])) as crew:
            yield crew, f"in {options['workers']} processes"
    else:
        yield None, ""


def _value(name: str, value: Any) -> Any:
    if name in ("activations", "aggregations"):
        return tuple(part.strip() for part in value.split(","))
    return None if value == "none" else value


def _run_shown(
    config: "ControlConfig", world: "World", folder: "RunFolder", state: "EvolveState | None", quiet: bool, who: str
) -> dict[str, Any]:
    """Run, shown as it goes; a signal ends it after the generation in flight."""
    from propneat.cli.run_view import RunView, say_when_compiling
    from propneat.run.control import run_control

    place = world.environment
    actions = count(place.action.n_choices, "choice") if place.action.n_choices else count(place.action.n_outputs, "number")
    how = "compiled" if place.is_compiled else "Python"
    goal = place.solved_at if config.solved_at is None else config.solved_at
    aim = "" if goal is None else f", solved at a mean return of {goal:g}"
    if place.name == "double-pole-no-velocities" and goal is None:
        aim = ", solved by balancing for 100,000 steps, and for 1,000 from 200 of 625 starts"
    seen = f"{count(place.n_observations, 'observation')}, actions are {actions}, {place.max_steps} steps at most"
    talk(f"{place.name} ({how}): {seen}{aim}", quiet)
    if who:
        talk(f"Episodes {who}", quiet)
    talk(f"{'Continuing' if state else 'Writing'} {folder.path}", quiet)
    shown = RunView(place.name, config.generations, "return", quiet=quiet, facts=_facts)
    compiling = say_when_compiling("Compiling rollouts, once per installation: about half a minute ...", shown.say)
    with shown as view, compiling, stop_on_signal(view, folder) as stop:
        with resumable(folder):
            summary = run_control(config, world, folder, state=state, callbacks=[view, lambda _: bool(stop)])
    if summary["finished"] or not stop:
        return summary
    talk(f"Stopped. Continue with: propneat evolve --resume {folder.path}", quiet)
    return summary | {"signal": int(stop[0])}


def _facts(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return name and value of what is shown of a generation."""
    return [
        ("species", str(row["n_species"])),
        ("best", figure(row["best_fitness"])),
        ("mean", figure(row["mean_fitness"])),
        ("champion", figure(row["champion_return"])),
        ("steps", f"{row['env_steps']:,}"),
        ("connections", str(row["n_connections"])),
        ("hidden", str(row["n_hidden"])),
    ]


def _describe(summary: dict[str, Any]) -> str:
    """Return the result for people."""
    test, goal = summary["test"], summary["solved_at"]
    mean, spread = (figure(test[name]) for name in ("mean_return", "spread"))
    solved = "yes" if summary["solved"] else "no"
    lines = {
        "solved": solved if goal is None else f"{solved} (mean return {goal:g})",
        "test": f"mean return {mean} with a spread of {spread} over {count(test['episodes'], 'new episode')}",
        "steps": f"{summary['env_steps']:,} in the environment, {summary['evaluations']:,} networks in "
        f"{count(summary['generations'], 'generation')}",
        "size": f"{count(summary['connections'], 'connection')} ({summary['recurrent_connections']} recurrent), "
        f"{count(summary['hidden_nodes'], 'hidden node')}",
        "time": f"{summary['seconds']:.1f} s",
        "network": summary["champion"],
        "play": f"propneat play {summary['champion']} --record episode.gif",
    }
    if "starts_balanced_of_625" in test:
        lines["test"] += f", {test['starts_balanced_of_625']} of 625 starts balanced for 1,000 steps"
    return "\n".join(f"{name:<11}{line}" for name, line in lines.items())


def figure(value: float | None) -> str:
    """Return a figure for people."""
    if value is None:
        return "undefined"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
