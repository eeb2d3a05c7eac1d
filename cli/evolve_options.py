"""The options of `propneat evolve`, in groups, and the settings that they stand for."""

from pathlib import Path

import click

from propneat.cli.evolve_control import CONTROL_OPTIONS
from propneat.cli.folder import FOLDER
from propneat.cli.kinds import Bytes, OrWord, Pick, Seconds
from propneat.cli.reading import READING_KEYS, reading_option
from propneat.cli.setting_options import SettingOption, default_words, setting_option

__all__ = ["DEFAULTS", "EVOLVE_OPTIONS", "SETTINGS", "GroupedCommand"]

_GROUPS: dict[str, tuple[click.Option, ...]] = {
    "The table": (
        setting_option("--target", metavar="COLUMN"),
        setting_option("--task", metavar="TASK"),
        setting_option("--positive", metavar="CLASS"),
        setting_option("--class-weight"),
        setting_option("--id", metavar="COLUMN"),
        setting_option("--sequence-id", metavar="COLUMN"),
        setting_option("--time", metavar="COLUMN"),
        setting_option("--next-step", metavar="COLUMN"),
        setting_option("--answer"),
        setting_option("--test-fraction"),
        setting_option("--validation-fraction"),
        setting_option("--data-dir", type=click.Path(file_okay=False), allow_from_autoenv=False),
    ),
    "How its columns are read": tuple(map(reading_option, READING_KEYS)),
    "The search": (
        setting_option("--method"),
        setting_option("--preset"),
        setting_option("--generations"),
        setting_option("--populations"),
        setting_option("--population", "population_size"),
        setting_option("--target-fitness"),
        setting_option("--patience"),
        setting_option("--start", metavar="FILE"),
        setting_option("--activations", metavar="NAME,NAME,..."),
        setting_option("--aggregations", metavar="NAME,NAME,..."),
        setting_option("--recurrent-rate"),
        setting_option("--seed", type=click.IntRange(min=0)),
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
        setting_option("--max-connections"),
        setting_option("--max-hidden"),
        setting_option("--size-penalty"),
        setting_option("--prune-epochs"),
        setting_option("--pick", type=Pick()),
    ),
    "Training": (
        setting_option("--epochs"),
        setting_option("--learning-rate"),
        setting_option("--batch-size"),
        setting_option("--l2"),
        setting_option("--loss", metavar="LOSS"),
        setting_option("--fine-tune-epochs"),
        setting_option("--refit-epochs"),
        setting_option("--write-back/--no-write-back"),
        setting_option("--retrain/--no-retrain"),
        setting_option("--engine", metavar="ENGINE"),
        setting_option("--device", metavar="DEVICE"),
        setting_option("--memory-budget", type=OrWord(Bytes(), "none"), metavar="N[KiB|MiB|GiB]|none"),
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
        setting_option("--report/--no-report", allow_from_autoenv=False),
    ),
    "What is shown": (
        click.Option(
            ["--dry-run"],
            is_flag=True,
            allow_from_autoenv=False,
            help="Show how the table is read, refuse what a run would refuse, and write nothing.",
        ),
        click.Option(
            ["--json", "as_json"], is_flag=True, allow_from_autoenv=False, help="Print the result as one JSON object."
        ),
        click.Option(["--quiet"], is_flag=True, help="Print nothing but the result."),
    ),
    "Who does the work": (
        click.Option(
            ["--executor"],
            type=click.Choice(["local", "dask"]),
            default="local",
            show_default=True,
            help="Who trains networks, or plays the episodes of an environment in Python.",
        ),
        click.Option(["--address"], metavar="tcp://HOST:PORT", help="Of the dask scheduler."),
        click.Option(
            ["--workers"],
            type=click.IntRange(min=1),
            metavar="N",
            allow_from_autoenv=False,
            help="Processes that play the episodes of an environment in Python.  [default: 1]",
        ),
    ),
}
"""Heading -> options under it."""


EVOLVE_OPTIONS: tuple[click.Option, ...] = tuple(option for group in _GROUPS.values() for option in group)
"""All of them, in order."""


_PLACES = {
    str(option.name): option.place
    for option in EVOLVE_OPTIONS
    if isinstance(option, SettingOption) and option not in CONTROL_OPTIONS
}

SETTINGS: dict[str, tuple[str, str]] = {name: place for name, place in _PLACES.items() if name not in READING_KEYS}
"""Option -> table and key of the setting it is, without those that say how columns are read."""

DEFAULTS: dict[str, str] = default_words(_PLACES)
"""What the settings are by default, as words."""


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
