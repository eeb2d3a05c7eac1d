"""`propneat evolve`: from a table to a small trained network, in a folder of its own."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from propneat.base.second_process import compiling_beside
from propneat.base.words import count
from propneat.cli.cluster import joined
from propneat.cli.evolve_control import check_executor, evolve_control, is_control
from propneat.cli.evolve_options import EVOLVE_OPTIONS, SETTINGS, GroupedCommand
from propneat.cli.evolve_run import run_shown
from propneat.cli.reading import reading_settings
from propneat.cli.result import describe_series, describe_summary
from propneat.cli.talk import talk

if TYPE_CHECKING:
    from propneat.run.folder import RunFolder
    from propneat.run.series import Series
    from propneat.search import Problem, Trainer
    from propneat.settings.evolve_config import EvolveConfig
    from propneat.settings.file import Settings

__all__ = ["evolve"]

_LATER_KERNELS = "propneat.evolution.later_kernels"


@click.command(cls=GroupedCommand, params=[*EVOLVE_OPTIONS], context_settings={"auto_envvar_prefix": "PROPNEAT"})
@click.argument("data", required=False, metavar="[NAME|FILE|-]")
@click.pass_context
def evolve(context: click.Context, **options: Any) -> None:
    """Evolve and train a small network for a data set or a table of yours.

    \b
    Examples:
      propneat evolve breast_cancer_wisconsin
      propneat evolve patients.csv --target outcome
      propneat evolve monk1 --generations 30 --population 100 --seed 7
      propneat evolve patients.csv --target outcome --preset best
      propneat evolve patients.csv --target outcome --time-budget 2m
      propneat evolve patients.csv --target outcome --pick 12
      propneat evolve patients.csv --target outcome --max-connections 20 --patience 10
      propneat evolve patients.csv --target outcome --start results/patients-seed0/champion.json
      propneat evolve patients.csv --config propneat.toml --out results/first
      propneat evolve patients.csv --target outcome --positive ill --id patient
      propneat evolve patients.csv --target outcome --cv 5
      propneat evolve houses.csv --target price --dry-run
      propneat evolve houses.csv --target price --categories zip --drop id --missing NA,-999
      propneat evolve walks.csv --target who --sequence-id walk --time second
      propneat evolve sales.csv --next-step sold --time month
      propneat evolve --env CartPole-v1
      propneat evolve --resume results/monk1-seed7
      propneat evolve --resume results/monk1-seed7 --populations 8
      propneat evolve patients.csv --executor dask --address tcp://10.0.0.1:8786

    The folder written holds champion.json, which is all that propneat predict needs, report.html with all that is known of it,
    pictures of the network and of the progress, the history, the settings, and a checkpoint. The same seed gives the same
    champion.json and history.csv, also when the run is interrupted and resumed, and whether this machine trains the networks
    or the workers of a dask cluster of like machines. Who trains is not a setting of the run: any run can be resumed with a
    cluster or without.

    --seeds and --cv write a folder of runs instead, each in a folder of its own. A table from stdin, -, is kept beside the run.

    An option comes before an environment variable PROPNEAT_<OPTION> (such as PROPNEAT_SEED), that before the --config
    file, and that before the defaults of the method. Ctrl-C stops after the generation in flight and keeps what is done.
    """
    if is_control(options):
        evolve_control(context, options)
        return
    _check_together(options)
    # a dry run trains nothing, so that it needs few kernels
    with nullcontext(_nothing) if options["dry_run"] else compiling_beside(_LATER_KERNELS) as wait:
        _evolve(context, options, wait)


def _nothing() -> None:
    """Wait for nothing."""


def _evolve(context: click.Context, options: dict[str, Any], wait: Callable[[], None]) -> None:
    """Do what the command is asked for; `wait` waits for what is compiled in another process."""
    from propneat.run import open_run_folder
    from propneat.run.series import open_series

    resumed, quiet = options["resume"], options["quiet"]
    if options["data"] == "-":
        options["data"] = _keep_stdin(options["out"], quiet)
    series = open_series(resumed) if resumed else None
    folder = open_run_folder(resumed) if resumed and series is None else None
    if series is None:
        settings = _settle(context, options, folder)
    with _trainer(options["address"], quiet) as train:
        shown: dict[str, Any] = {"train": train, "warm": partial(_warm_up, quiet, wait)}
        if options["dry_run"]:
            _rehearse(context, options, folder, settings if series is None else series.settings, series, shown)
            return
        shown |= {"perform": partial(run_shown, quiet=quiet), "say": partial(talk, quiet=quiet)}
        if series is not None:
            result = _go_on(context, series, shown)
        elif options["seeds"] or options["cv"]:
            result = _several(options, settings, shown)
        else:
            result = _single(options, folder, settings, shown)
    describe = describe_series if "kind" in result else describe_summary
    click.echo(json.dumps(result, indent=2, ensure_ascii=False) if options["as_json"] else describe(result))
    if result.get("signal"):
        context.exit(128 + result["signal"])


def _check_together(options: dict[str, Any]) -> None:
    """Raise click.UsageError for options that do not go together."""
    if options["resume"] and any(options[name] for name in ("out", "force", "config", "time_budget", "seeds", "cv")):
        refused = "--config, --out, --force, --seeds, --cv and --time-budget do not go with it."
        raise click.UsageError(f"--resume continues a run with its own settings: {refused}")
    if options["time_budget"] and (options["seeds"] or options["cv"]):
        raise click.UsageError("--time-budget is for a single run: with --seeds or --cv say --populations and --generations.")
    if options["time_budget"] and options["populations"] is not None:
        raise click.UsageError("--time-budget decides how many populations there are: leave --populations out.")
    if options["seeds"] and options["cv"]:
        raise click.UsageError("--seeds and --cv are two ways to repeat a run: give one of them.")
    if options["workers"]:
        raise click.UsageError(
            "--workers is for environments in Python: networks of a table are trained by the threads of this process, one a core."
        )
    check_executor(options)


def _rehearse(
    context: click.Context,
    options: dict[str, Any],
    folder: "RunFolder | None",
    settings: "Settings",
    series: "Series | None",
    shown: dict[str, Any],
) -> None:
    """Refuse what the run would refuse, and show how its table is read."""
    from propneat.cli.reading import show_plan
    from propneat.run import load_run_table
    from propneat.run.life import rehearse
    from propneat.run.series import rehearse_series

    table = load_run_table(settings.data)
    shown |= {"table": table, "force": options["force"]}
    if options["address"] is None:
        shown["warm"] = partial(_check_beginning, options["quiet"])
    if series is not None:
        _check_untyped(context)
        rehearse_series(series, **shown)
    elif options["seeds"] or options["cv"]:
        rehearse_series(_series(options, settings, table.name), **shown)
    else:
        rehearse(settings, options["out"], folder=folder, **shown)
    show_plan(settings, table, options["as_json"])


def _single(options: dict[str, Any], folder: "RunFolder | None", settings: "Settings", shown: dict[str, Any]) -> dict[str, Any]:
    from propneat.run import resume, start

    if folder:
        return resume(folder, settings, **shown)
    return start(settings, options["out"], force=options["force"], seconds=options["time_budget"], **shown)


def _several(options: dict[str, Any], settings: "Settings", shown: dict[str, Any]) -> dict[str, Any]:
    from propneat.run import load_run_table
    from propneat.run.series import run_series

    table = load_run_table(settings.data)
    return run_series(_series(options, settings, table.name), force=options["force"], table=table, **shown)


def _series(options: dict[str, Any], settings: "Settings", name: str) -> "Series":
    """Plan the runs of a call in their folder."""
    from propneat.run.series import plan_series

    kind = "seeds" if options["seeds"] else "cv"
    path = options["out"] or Path("results") / f"{name}-{kind}{options[kind]}"
    return plan_series(settings, path, kind, options[kind], force=options["force"])


def _go_on(context: click.Context, series: "Series", shown: dict[str, Any]) -> dict[str, Any]:
    from propneat.run.series import run_series

    _check_untyped(context)
    return run_series(series, **shown)


def _check_untyped(context: click.Context) -> None:
    """Raise click.UsageError for settings that several runs are to go on with."""
    typed = [name for name in SETTINGS if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if typed:
        raise click.UsageError(
            f"--resume continues several runs with the settings they have: leave --{typed[0].replace('_', '-')} out."
        )


def _keep_stdin(out: Path | None, quiet: bool) -> str:
    """Write the table from stdin beside where the run goes, for --resume and the report, and return the path."""
    from propneat.base.errors import DataError
    from propneat.base.records import make_folder, sha256_hex, write_atomic

    content = sys.stdin.buffer.read()
    if not content.strip():
        raise DataError("stdin holds no table: pipe one in, as in cat table.csv | propneat evolve -")
    path = (Path("results") if out is None else out.parent) / f"stdin-{sha256_hex(content)[:12]}.csv"
    make_folder(path.parent)
    write_atomic(path, content)
    talk(f"The table from stdin is kept as {path}, which --resume and propneat report read.", quiet)
    return str(path)


def _settle(context: click.Context, options: dict[str, Any], folder: "RunFolder | None") -> "Settings":
    """Lay the options over the configuration file; on resuming, only those typed, over the configuration of the run."""
    from propneat.run.life import rooted, settings_of_run
    from propneat.settings.file import read_settings_file, resolve_settings

    given: dict[str, Any] = {"data": {}, "evolution": {}, "training": {}}
    for option, (section, key) in SETTINGS.items():
        typed = context.get_parameter_source(option) is ParameterSource.COMMANDLINE
        if options[option] is None or (folder and not typed):
            continue
        value = None if options[option] == "none" else options[option]
        if option in ("activations", "aggregations"):
            value = tuple(name.strip() for name in value.split(","))
        (given[section] if section else given)[key] = value
    read = reading_settings(options)
    typed = {key for key in read if context.get_parameter_source(key) is ParameterSource.COMMANDLINE}
    given["data"] |= {key: value for key, value in read.items() if not folder or key in typed}
    if options["data"]:
        given["data"]["source"] = options["data"]
    if folder:
        return settings_of_run(folder, given)
    return rooted(resolve_settings([*([read_settings_file(options["config"])] if options["config"] else []), given]))


def _warm_up(quiet: bool, wait: Callable[[], None], config: "EvolveConfig", problem: "Problem", train: "Trainer") -> None:
    """Have compiled what has to be, and say why that takes long."""
    from propneat.cli.run_view import say_why_it_takes_long
    from propneat.run import warm_up

    def train_and_wait(*arguments: Any, **options: Any) -> Any:
        trained = train(*arguments, **options)
        # from here on kernels are needed that the other process compiles
        wait()
        return trained

    with say_why_it_takes_long(config.engine, quiet=quiet):
        warm_up(config, problem, train_and_wait)


def _check_beginning(quiet: bool, config: "EvolveConfig", problem: "Problem", train: "Trainer") -> None:
    """Refuse what `_warm_up` would, and say why that takes long."""
    from propneat.cli.run_view import say_why_it_takes_long
    from propneat.run.session import check_beginning

    with say_why_it_takes_long(config.engine, quiet=quiet):
        check_beginning(config, problem)


@contextmanager
def _trainer(address: str | None, quiet: bool) -> "Iterator[Trainer]":
    """Give what trains populations: this machine, or the cluster at the address, which is left again at the end."""
    from propneat.training import train_population

    if address is None:
        yield train_population
        return
    from propneat.training.dask_training import DaskTrainer

    with joined(DaskTrainer, address, quiet) as trainer:
        talk(f"Training on the cluster at {address}, {count(trainer.n_threads, 'thread')}", quiet)
        yield trainer
