"""The `propneat` command: finds the command asked for, imports that one alone, and turns every error into one sentence."""

import contextlib
import difflib
import io
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from propneat import __version__
from propneat.base.errors import PropneatError, PropneatWarning
from propneat.base.extras import EXTRAS, describe_need

__all__ = ["COMMANDS", "LazyGroup", "main", "propneat"]

COMMANDS: dict[str, tuple[str, str]] = {
    "evolve": ("propneat.cli.evolve:evolve", "Evolve and train a network for a data set or a table of yours."),
    "predict": ("propneat.cli.predict:predict", "Apply a network to the rows of a table."),
    "play": ("propneat.cli.play:play", "Let a network act in its environment."),
    "pick": ("propneat.cli.pick:pick", "Choose another size for the network of a run."),
    "report": ("propneat.cli.report:report", "Write the page of a run anew: scores, baselines, charts."),
    "runs": ("propneat.cli.runs:runs", "List the runs in a folder."),
    "compare": ("propneat.cli.compare:compare", "Compare two runs."),
    "show": ("propneat.cli.show:show", "Describe a network and draw it."),
    "export": ("propneat.cli.export:export", "Write a network in another format."),
    "init": ("propneat.cli.init:init", "Write a commented configuration file."),
    "benchmark": ("propneat.cli.benchmark:benchmark", "Train methods on data sets and report statistics."),
    "datasets": ("propneat.cli.datasets:datasets", "List, describe and download data sets."),
}
"""Command names, where each command lives, and its line in the help."""


class LazyGroup(click.Group):
    """A group of commands that are imported when they are run, not when they are listed."""

    def __init__(self, *arguments: object, lazy: Mapping[str, tuple[str, str]] | None = None, **options: object) -> None:
        """Take `lazy`, command name -> ("module:attribute", help line), besides what click takes."""
        super().__init__(*arguments, **options)
        self.lazy = dict(lazy or {})

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the command names in the order of their table."""
        return [*self.lazy, *super().list_commands(context)]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import and return a command; None when there is no such command."""
        if name not in self.lazy:
            return super().get_command(context, name)
        module, attribute = self.lazy[name][0].split(":")
        return getattr(import_module(module), attribute)

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; one that does not exist is a usage error that names the nearest."""
        names = self.list_commands(context)
        if arguments[0] not in names and not arguments[0].startswith("-"):
            close = difflib.get_close_matches(arguments[0].lower(), names, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"The commands are {', '.join(names)}."
            context.fail(f"No such command {arguments[0]!r}. {hint}")
        return super().resolve_command(context, arguments)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        if not self.lazy:
            super().format_commands(context, formatter)
            return
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.lazy.items()])


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="propneat", message="%(prog)s %(version)s")
def propneat() -> None:
    """Evolve small, sparse neural networks with NEAT and train them by backpropagation.

    \b
    Examples:
      propneat evolve breast_cancer_wisconsin
      propneat evolve patients.csv --target outcome
      propneat predict results/patients-seed0/champion.json new_patients.csv
      propneat datasets list
      propneat benchmark
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 0 done, 1 failed, 2 wrong usage or input, 130 interrupted."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    """Run the command line and return its exit code; errors are told on stderr."""
    _open_streams()
    try:
        with _told_warnings():
            code = propneat.main(args=arguments, prog_name="propneat", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        if isinstance(error, click.BadParameter):
            _name_the_variable(error)
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort, SystemError) as error:
        # a SystemError is what compiled code makes of Ctrl-C
        if isinstance(error, SystemError) and not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        click.echo("Interrupted.", err=True)
        return 130
    except PropneatError as error:
        click.echo(f"Error: {error}", err=True)
        return error.exit_code
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        click.echo(f"Error: {describe_need(package)}", err=True)
        return 2
    except MemoryError as error:
        words = f" ({error})" if str(error) else ""
        click.echo(f"Error: there is not enough memory{words}: use fewer rows, columns or networks, or more of it", err=True)
        return 1
    except OSError as error:
        return _fail(error)


def _name_the_variable(error: click.BadParameter) -> None:
    """Let an error speak of the environment variable that a value came from, in the place of the option."""
    parameter, context = error.param, error.ctx
    if parameter is None or context is None or parameter.name is None:
        return
    if context.get_parameter_source(parameter.name) is click.core.ParameterSource.ENVIRONMENT:
        prefix = context.auto_envvar_prefix
        error.param_hint = f"the environment variable {parameter.envvar or f'{prefix}_{parameter.name.upper()}'}"


def _fail(error: OSError) -> int:
    """Say what the system refused, and for which file; nothing when the reader of stdout is gone. Returns the exit code."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    is_stdout = not error.filename and frame.f_globals["__name__"].partition(".")[0] in ("click", "rich")
    is_unread = not error.filename and isinstance(error, BrokenPipeError)
    if is_stdout or is_unread:
        with contextlib.suppress(OSError):
            # what could not be written may fail again when the interpreter ends, so it goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not is_unread:
        where = "stdout: " if is_stdout else f"{os.fsdecode(error.filename)}: " if error.filename else ""
        click.echo(f"Error: {where}{error.strerror or error or type(error).__name__}", err=True)
    return 1


def _open_streams() -> None:
    """Have streams that take whatever is written: what was closed leads nowhere, and what one cannot encode is escaped."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # takes the number that was closed, which else the next file would get, and with it what is written there
            setattr(sys, name, open(os.devnull, mode))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _told_warnings() -> Iterator[None]:
    """Show propneat's own warnings as one line of talk, which a quiet command leaves out, and others as usual."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def tell(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if not issubclass(category, PropneatWarning):
                show(message, category, *where, **more)
                return
            context = click.get_current_context(silent=True)
            if not (context and context.params.get("quiet")):
                click.echo(f"Note: {message}", err=True)

        warnings.showwarning = tell
        yield
