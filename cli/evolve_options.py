"""The options of `propneat evolve`, in groups, and the settings that they stand for."""

from pathlib import Path
from typing import Any

import click

from propneat.cli.evolve_control import CONTROL_OPTIONS
from propneat.cli.folder import FOLDER
from propneat.cli.kinds import Bytes, OrWord, Pick, Seconds
from propneat.cli.reading import READING_KEYS, reading_option
from propneat.settings.notes import NOTES

__all__ = ["DEFAULTS", "EVOLVE_OPTIONS", "SETTINGS", "GroupedCommand"]

SETTINGS: dict[str, tuple[str, str]] = {
    "target": ("data", "target"),
    "task": ("data", "task"),
    "data_dir": ("data", "data_dir"),
    "test_fraction": ("data", "test_fraction"),
    "validation_fraction": ("data", "validation_fraction"),
    "class_weight": ("data", "class_weight"),
    "sequence_id": ("data", "sequence_id"),
    "time": ("data", "time"),
    "next_step": ("data", "next_step"),
    "answer": ("data", "answer"),
    "id": ("data", "id"),
    "positive": ("data", "positive"),
    "recurrent_rate": ("evolution", "recurrent_rate"),
    "method": ("", "method"),
    "preset": ("", "preset"),
    "generations": ("", "generations"),
    "populations": ("", "populations"),
    "target_fitness": ("", "target_fitness"),
    "patience": ("", "patience"),
    "start": ("", "start"),
    "population": ("evolution", "population_size"),
    "max_connections": ("evolution", "max_connections"),
    "max_hidden": ("evolution", "max_hidden"),
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


def _setting(flag: str, kind: Any = str, **more: Any) -> click.Option:
    """Return an option that stands for a setting; its help is the setting's note."""
    section, key = SETTINGS[_name(flag)]
    return click.Option([flag], type=kind, default=None, help=NOTES[section][key], **more)


def _name(flag: str) -> str:
    return flag.split("/")[0].removeprefix("--").replace("-", "_")


_GROUPS: dict[str, tuple[click.Option, ...]] = {
    "The table": (
        _setting("--target", metavar="COLUMN"),
        _setting("--task", metavar="TASK"),
        _setting("--positive", metavar="CLASS"),
        _setting("--class-weight", metavar="balanced|none"),
        _setting("--id", metavar="COLUMN"),
        _setting("--sequence-id", metavar="COLUMN"),
        _setting("--time", metavar="COLUMN"),
        _setting("--next-step", metavar="COLUMN"),
        _setting("--answer", metavar="last|mean"),
        _setting("--test-fraction", float),
        _setting("--validation-fraction", float),
        _setting("--data-dir", click.Path(file_okay=False), allow_from_autoenv=False),
    ),
    "How its columns are read": tuple(map(reading_option, READING_KEYS)),
    "The search": (
        _setting("--method", metavar="propneat|neat"),
        _setting("--preset", metavar="tiny|default|best"),
        _setting("--generations", int),
        _setting("--populations", OrWord(click.INT, "auto")),
        _setting("--population", int),
        _setting("--target-fitness", OrWord(click.FLOAT, "none")),
        _setting("--patience", OrWord(click.INT, "none")),
        _setting("--start", metavar="FILE"),
        _setting("--activations", metavar="NAME,NAME,..."),
        _setting("--recurrent-rate", float),
        _setting("--seed", click.IntRange(min=0)),
        click.Option(
            ["--time-budget"],
            type=Seconds(),
            metavar="N[s|m|h]",
            allow_from_autoenv=False,
            help="As many populations as fit into a time, or fewer generations of one.",
        ),
        click.Option(
            ["--seeds"],
            type=click.IntRange(min=1),
            metavar="N",
            allow_from_autoenv=False,
            help="N runs, of this seed and those after it, in one folder; their mean and spread.",
        ),
        click.Option(
            ["--cv"],
            type=click.IntRange(min=2),
            metavar="N",
            allow_from_autoenv=False,
            help="N runs, each with another Nth of the rows held out, in one folder; their mean and spread.",
        ),
    ),
    "The size of the network": (
        _setting("--max-connections", OrWord(click.INT, "none")),
        _setting("--max-hidden", OrWord(click.INT, "none")),
        _setting("--size-penalty", float),
        _setting("--prune-epochs", int),
        _setting("--pick", Pick()),
    ),
    "Training": (
        _setting("--epochs", int),
        _setting("--learning-rate", float),
        _setting("--batch-size", OrWord(click.INT, "auto", "none")),
        _setting("--l2", float),
        _setting("--loss", metavar="LOSS"),
        _setting("--fine-tune-epochs", int),
        _setting("--refit-epochs", int),
        _setting("--write-back/--no-write-back", bool),
        _setting("--retrain/--no-retrain", bool),
        _setting("--engine", metavar="ENGINE"),
        _setting("--device", metavar="DEVICE"),
        _setting("--memory-budget", OrWord(Bytes(), "none"), metavar="N[KiB|MiB|GiB]|none"),
    ),
    "An environment instead of a table": CONTROL_OPTIONS,
    "The folder": (
        click.Option(
            ["--config"], type=click.Path(path_type=Path), metavar="FILE", help="TOML file of settings, see propneat init."
        ),
        click.Option(["--out"], type=FOLDER, metavar="DIR", help="Folder to write.  [default: results/NAME-seedN]"),
        click.Option(
            ["--resume"],
            type=click.Path(path_type=Path),
            metavar="DIR",
            allow_from_autoenv=False,
            help="Run, or runs, to continue.",
        ),
        click.Option(["--force"], is_flag=True, allow_from_autoenv=False, help="Replace the run that is in the folder."),
        click.Option(
            ["--report/--no-report"],
            default=True,
            allow_from_autoenv=False,
            show_default=True,
            help="Whether to train two baselines and write report.html.",
        ),
    ),
    "What is shown": (
        click.Option(
            ["--dry-run"], is_flag=True, allow_from_autoenv=False, help="Show how the table is read, and train nothing."
        ),
        click.Option(
            ["--json", "as_json"], is_flag=True, allow_from_autoenv=False, help="Print the result as one JSON object."
        ),
        click.Option(["--quiet"], is_flag=True, help="Print nothing but the result."),
    ),
    "Who trains": (
        click.Option(
            ["--executor"],
            type=click.Choice(["local", "dask"]),
            default="local",
            show_default=True,
            help="Who trains networks.",
        ),
        click.Option(["--address"], metavar="tcp://HOST:PORT", help="Of the dask scheduler."),
    ),
}
"""Heading -> options under it."""


EVOLVE_OPTIONS: tuple[click.Option, ...] = tuple(option for group in _GROUPS.values() for option in group)
"""All of them, in order."""


DEFAULTS: dict[str, str] = {
    "test_fraction": "0.25",
    "validation_fraction": "0.4",
    "answer": "last",
    "recurrent_rate": "0.0",
    "method": "propneat",
    "preset": "default",
    "generations": "50",
    "populations": "auto",
    "population": "150",
    "activations": "tanh,relu,sin,gauss",
    "epochs": "20",
    "learning_rate": "0.02",
    "batch_size": "auto",
    "l2": "1.0",
    "size_penalty": "0.5",
    "fine_tune_epochs": "500",
    "refit_epochs": "300",
    "prune_epochs": "20",
    "pick": "best",
    "write_back": "yes",
    "retrain": "no",
    "engine": "numba",
    "device": "cpu",
    "seed": "0",
    "missing": "?,NA,N/A,#N/A,NaN,nan,NULL,null,<NA>",
    "max_levels": "20",
    "odd_cells": "0.05",
}
"""What the settings are by default, as words, for a help that loads no settings; a test holds them to these."""


class GroupedCommand(click.Command):
    """A command whose help has options under headings, each with its default."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group."""
        for heading, options in _GROUPS.items():
            rows = [record for option in options if (record := option.get_help_record(context))]
            told = [(flag, _with_default(text, option.name)) for (flag, text), option in zip(rows, options, strict=True)]
            with formatter.section(heading):
                formatter.write_dl(told)
        others = [
            option for option in self.get_params(context) if isinstance(option, click.Option) and option not in EVOLVE_OPTIONS
        ]
        with formatter.section("Help"):
            formatter.write_dl([record for option in others if (record := option.get_help_record(context))])


def _with_default(text: str, option: str | None) -> str:
    return f"{text}  [default: {DEFAULTS[option]}]" if option in DEFAULTS else text
