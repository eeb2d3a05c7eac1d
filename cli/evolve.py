"""`propneat evolve`: from a table to a small trained network, in a folder of its own."""

import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from propneat.cli.evolve_run import run_shown
from propneat.cli.folder import FOLDER
from propneat.cli.reading import reading_options, reading_settings
from propneat.cli.result import describe_summary
from propneat.cli.talk import count, talk
from propneat.settings.notes import NOTES, PICKS

if TYPE_CHECKING:
    from propneat.run.folder import RunFolder
    from propneat.search import Problem, Trainer
    from propneat.settings.evolve_config import EvolveConfig
    from propneat.settings.file import Settings

__all__ = ["evolve"]


class _OrWord(click.ParamType):
    """A number, or one of some words."""

    def __init__(self, kind: click.ParamType, *words: str) -> None:
        self.kind, self.words = kind, words
        self.name = "|".join([kind.name, *words])

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if value in self.words:
            return value
        try:
            return self.kind.convert(value, parameter, context)
        except click.BadParameter as error:
            self.fail(f"{value!r} is neither {', nor '.join(self.words)}, nor: {error.message}", parameter, context)


class _Bytes(click.ParamType):
    """A number of bytes, with a binary unit or without."""

    name = "bytes"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        found = re.fullmatch(r"(\d+(?:\.\d+)?) *(KiB|MiB|GiB)?", value)
        if not found:
            self.fail(f"{value!r} is not a number of bytes such as 64000000, 512KiB, 256MiB or 1.5GiB", parameter, context)
        return int(Fraction(found[1]) * {None: 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[found[2]])


class _Seconds(click.ParamType):
    """A length of time in seconds, minutes or hours."""

    name = "time"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        found = re.fullmatch(r"(\d+(?:\.\d+)?) *(s|m|min|h)?", value)
        if not found or not float(found[1]) > 0:
            self.fail(f"{value!r} is not a length of time such as 90s, 5m or 1.5h", parameter, context)
        return float(found[1]) * {None: 1, "s": 1, "m": 60, "min": 60, "h": 3600}[found[2]]


_SETTINGS: dict[str, tuple[str, str]] = {
    "target": ("data", "target"),
    "task": ("data", "task"),
    "data_dir": ("data", "data_dir"),
    "test_fraction": ("data", "test_fraction"),
    "validation_fraction": ("data", "validation_fraction"),
    "class_weight": ("data", "class_weight"),
    "sequence_id": ("data", "sequence_id"),
    "time": ("data", "time"),
    "recurrent_rate": ("evolution", "recurrent_rate"),
    "method": ("", "method"),
    "generations": ("", "generations"),
    "populations": ("", "populations"),
    "population": ("evolution", "population_size"),
    "activations": ("evolution", "activations"),
    "epochs": ("training", "epochs"),
    "learning_rate": ("training", "learning_rate"),
    "batch_size": ("training", "batch_size"),
    "l2": ("training", "l2"),
    "loss": ("", "loss"),
    "size_penalty": ("", "size_penalty"),
    "fine_tune_epochs": ("", "fine_tune_epochs"),
    "refit_epochs": ("", "refit_epochs"),
    "prune_epochs": ("", "prune_epochs"),
    "pick": ("", "pick"),
    "write_back": ("", "write_back"),
    "retrain": ("", "retrain"),
    "engine": ("", "engine"),
    "device": ("", "device"),
    "memory_budget": ("", "memory_budget"),
    "seed": ("", "seed"),
}
"""Option -> table and key of the setting it is."""


def _setting(flag: str, kind: Any = str, **more: Any) -> Any:
    """Return an option that stands for a setting; its help is the setting's note."""
    section, key = _SETTINGS[flag.split("/")[0].removeprefix("--").replace("-", "_")]
    return click.option(flag, type=kind, default=None, help=NOTES[section][key], **more)


@click.command(context_settings={"auto_envvar_prefix": "PROPNEAT"})
@click.argument("data", required=False, metavar="[NAME|FILE]")
@_setting("--target", metavar="COLUMN")
@_setting("--task", metavar="TASK")
@_setting("--data-dir", click.Path(file_okay=False), allow_from_autoenv=False)
@_setting("--test-fraction", float)
@_setting("--validation-fraction", float)
@_setting("--class-weight", metavar="balanced|none")
@_setting("--sequence-id", metavar="COLUMN")
@_setting("--time", metavar="COLUMN")
@_setting("--recurrent-rate", float)
@_setting("--method", metavar="propneat|neat")
@_setting("--generations", int)
@_setting("--populations", _OrWord(click.INT, "auto"))
@_setting("--population", int)
@_setting("--activations", metavar="NAME,NAME,...")
@_setting("--epochs", int)
@_setting("--learning-rate", float)
@_setting("--batch-size", _OrWord(click.INT, "auto", "none"))
@_setting("--l2", float)
@_setting("--loss", metavar="LOSS")
@_setting("--size-penalty", float)
@_setting("--fine-tune-epochs", int)
@_setting("--refit-epochs", int)
@_setting("--prune-epochs", int)
@_setting("--pick", _OrWord(click.INT, *PICKS))
@_setting("--write-back/--no-write-back", bool)
@_setting("--retrain/--no-retrain", bool)
@_setting("--engine", metavar="ENGINE")
@_setting("--device", metavar="DEVICE")
@_setting("--memory-budget", _OrWord(_Bytes(), "none"), metavar="N[KiB|MiB|GiB]|none")
@_setting("--seed", click.IntRange(min=0))
@reading_options
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="TOML file of settings, see propneat init.")
@click.option("--out", type=FOLDER, metavar="DIR", help="Folder to write.  [default: results/NAME-seedN]")
@click.option("--resume", type=click.Path(path_type=Path), metavar="DIR", allow_from_autoenv=False, help="Run to continue.")
@click.option(
    "--time-budget", type=_Seconds(), metavar="N[s|m|h]", allow_from_autoenv=False, help="As many populations as fit into a time, or fewer generations of one."
)
@click.option("--force", is_flag=True, allow_from_autoenv=False, help="Replace the run that is in the folder.")
@click.option("--report/--no-report", default=True, allow_from_autoenv=False, help="Whether to train two baselines and write report.html.")
@click.option("--dry-run", is_flag=True, allow_from_autoenv=False, help="Show how the table is read, and train nothing.")
@click.option("--json", "as_json", is_flag=True, allow_from_autoenv=False, help="Print the result as one JSON object.")
@click.option("--quiet", is_flag=True, help="Print nothing but the result.")
@click.option("--executor", type=click.Choice(["local", "dask"]), default="local", show_default=True, help="Who trains networks.")
@click.option("--address", metavar="tcp://HOST:PORT", help="Of the dask scheduler.")
@click.pass_context
def evolve(context: click.Context, **options: Any) -> None:
    """Evolve and train a small network for a data set or a table of yours.

    \b
    Examples:
      propneat evolve breast_cancer_wisconsin
      propneat evolve patients.csv --target outcome
      propneat evolve monk1 --generations 30 --population 100 --seed 7
      propneat evolve patients.csv --target outcome --populations 8
      propneat evolve patients.csv --target outcome --time-budget 2m
      propneat evolve patients.csv --target outcome --pick 12
      propneat evolve patients.csv --config propneat.toml --out results/first
      propneat evolve houses.csv --target price --dry-run
      propneat evolve houses.csv --target price --categories zip --drop id --missing NA,-999
      propneat evolve walks.csv --target who --sequence-id walk --time second
      propneat evolve --resume results/monk1-seed7
      propneat evolve --resume results/monk1-seed7 --populations 8
      propneat evolve patients.csv --executor dask --address tcp://10.0.0.1:8786

    The folder written holds champion.json, which is all that propneat predict needs, pictures of the network and of the
    progress, the history, the settings, and a checkpoint. The same seed gives the same champion.json and history.csv,
    also when the run is interrupted and resumed, and whether this machine trains the networks or the workers of a dask
    cluster of like machines. Who trains is not a setting of the run: any run can be resumed with a cluster or without.

    An option comes before an environment variable PROPNEAT_<OPTION> (such as PROPNEAT_SEED), that before the --config
    file, and that before the defaults of the method. Ctrl-C stops after the generation in flight and keeps what is done.
    """
    from propneat.run import load_run_table, open_run_folder, resume, start

    folder_to_resume, as_json, quiet = options["resume"], options["as_json"], options["quiet"]
    if folder_to_resume and any(options[name] for name in ("out", "force", "config", "time_budget")):
        refused = "--config, --out, --force and --time-budget do not go with it."
        raise click.UsageError(f"--resume continues a run with its own settings: {refused}")
    if options["time_budget"] and options["populations"] is not None:
        raise click.UsageError("--time-budget decides how many populations there are: leave --populations out.")
    if (options["executor"] == "dask") != bool(options["address"]):
        raise click.UsageError("--executor dask and --address tcp://HOST:PORT go together.")
    folder = open_run_folder(folder_to_resume) if folder_to_resume else None
    settings = _settle(context, options, folder)
    if options["dry_run"]:
        from propneat.cli.reading import show_plan

        show_plan(load_run_table(settings.data), as_json)
        return
    with _trainer(options["address"], quiet) as train:
        shown = {"train": train, "perform": partial(run_shown, quiet=quiet, report=options["report"]), "warm": partial(_warm_up, quiet)}
        shown["say"] = partial(talk, quiet=quiet)
        if folder:
            summary = resume(folder, settings, **shown)
        else:
            summary = start(settings, options["out"], force=options["force"], seconds=options["time_budget"], **shown)
    click.echo(json.dumps(summary, indent=2, ensure_ascii=False) if as_json else describe_summary(summary))
    if summary.get("signal"):
        context.exit(128 + summary["signal"])


def _settle(context: click.Context, options: dict[str, Any], folder: "RunFolder | None") -> "Settings":
    """Lay the options over the configuration file; on resuming, only those typed, over the configuration of the run."""
    from propneat.run.life import rooted, settings_of_run
    from propneat.settings.file import read_settings_file, resolve_settings

    given: dict[str, Any] = {"data": {}, "evolution": {}, "training": {}}
    for option, (section, key) in _SETTINGS.items():
        typed = context.get_parameter_source(option) is ParameterSource.COMMANDLINE
        if options[option] is None or (folder and not typed):
            continue
        value = None if options[option] == "none" else options[option]
        if option == "activations":
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


def _warm_up(quiet: bool, config: "EvolveConfig", problem: "Problem", train: "Trainer") -> None:
    """Have compiled what has to be, and say why that takes long."""
    from propneat.cli.run_view import say_why_it_takes_long
    from propneat.run import warm_up

    with say_why_it_takes_long(config.engine, quiet=quiet):
        warm_up(config, problem, train)


@contextmanager
def _trainer(address: str | None, quiet: bool) -> "Iterator[Trainer]":
    """Give what trains populations: this machine, or the cluster at the address, which is left again at the end."""
    from propneat.cli.run_view import say_when_slow
    from propneat.training import train_population

    if address is None:
        yield train_population
        return
    from propneat.base.cluster import without_log
    from propneat.training.dask_training import DaskTrainer

    with say_when_slow(f"Waiting for the cluster at {address} ...", seconds=2.0, quiet=quiet):
        trainer = DaskTrainer(address)
    # what dask logs stays out from here on, its own closing included
    with without_log(), closing(trainer):
        talk(f"Training on the cluster at {address}, {count(trainer.n_threads, 'thread')}", quiet)
        yield trainer
