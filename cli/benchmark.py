"""`propneat benchmark`: train methods on data sets, keep every result, and report."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from propneat.cli.benchmark_view import BenchmarkView, count_workers, print_plan, show_steps
from propneat.cli.folder import FOLDER
from propneat.cli.main import LazyGroup
from propneat.cli.signals import stop_signals

if TYPE_CHECKING:
    from propneat.benchmark import BenchmarkConfig, Store
    from propneat.benchmark.executor import Executor
    from propneat.benchmark.task import Planned

__all__ = ["benchmark"]

_TOOLS = {
    "status": ("propneat.cli.benchmark_tools:status", "Say how far a run is."),
    "report": ("propneat.cli.benchmark_tools:report", "Write statistics, tables and pictures of a run."),
    "export": ("propneat.cli.benchmark_tools:export", "Write the results as CSV, Parquet or JSON."),
    "merge": ("propneat.cli.benchmark_tools:merge", "Join the results of several folders, such as shards."),
    "methods": ("propneat.cli.benchmark_tools:methods", "List methods and suites."),
    "native": ("propneat.cli.native:native", "Run a paper's method on the paper's own problem."),
    "speed": ("propneat.cli.benchmark_speed:speed", "Measure how fast everything is."),
    "control": ("propneat.cli.benchmark_control:control", "Compare networks that act, at equal steps."),
}
_GRACE_SECONDS = 30.0
_FAILED = ("error", "crashed")
_LIMITED = ("timeout", "memory")
"""Statuses that --retry failed and --retry timeout forget."""


class _Pairs(click.ParamType):
    """METHOD.OPTION=VALUE, the value in JSON, or a plain text."""

    name = "METHOD.OPTION=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[str, str, Any]:
        """Return method, option and value."""
        if isinstance(value, tuple):
            return value
        left, equals, text = value.partition("=")
        method, dot, option = left.rpartition(".")
        if not (equals and dot and method and option.isidentifier()):
            self.fail(f"expected METHOD.OPTION=VALUE, such as propneat.generations=20, not {value!r}", param, context)
        try:
            return method, option, json.loads(text)
        except ValueError:
            return method, option, text


class _Shard(click.ParamType):
    """I/N, two whole numbers."""

    name = "I/N"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[int, int]:
        """Return both numbers."""
        if isinstance(value, tuple):
            return value
        first, slash, second = value.partition("/")
        if not (slash and first.isdigit() and second.isdigit() and 1 <= int(first) <= int(second)):
            self.fail(f"expected I/N with I from 1 to N, such as 3/10, not {value!r}", param, context)
        return int(first), int(second)


@click.group(cls=LazyGroup, lazy=_TOOLS, invoke_without_command=True, context_settings={"auto_envvar_prefix": "PROPNEAT"})
@click.option("--suite", default="embedded", show_default=True, help="Data sets; see propneat benchmark methods.")
@click.option("--datasets", metavar="NAME,NAME,...", help="Names, or files; houses.csv:price predicts that column.")
@click.option("--target", metavar="COLUMN", help="Column to predict in files that name none.  [default: target or class]")
@click.option("--methods", metavar="NAME,NAME,...", help="Also your own, as package.module:attribute.  [default: core]")
@click.option("--set", "settings", type=_Pairs(), multiple=True, help="An option of a method; repeatable.")
@click.option(
    "--protocol", default="cv", show_default=True, metavar="NAME", help="How rows are divided; see propneat benchmark methods."
)
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True, help="Folds of protocol cv.")
@click.option(
    "--repeats", type=click.IntRange(1), help="Repeats, runs or splits.  [default: 1; paper: 5, srbench: 10, srbench-2025: 30]"
)
@click.option("--workers", type=click.IntRange(1), help="Worker processes.  [default: one a core]")
@click.option("--threads", type=click.IntRange(1), help="Threads of each worker.  [default: 1]")
@click.option("--time-limit", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Longest a task may take.")
@click.option("--memory-limit", type=click.FloatRange(0, min_open=True), metavar="MIB", help="Most memory a worker may hold.")
@click.option("--executor", type=click.Choice(["local", "dask"]), default="local", show_default=True, help="Who runs tasks.")
@click.option("--address", metavar="tcp://HOST:PORT", help="Of the dask scheduler.")
@click.option("--shard", type=_Shard(), help="Do the I-th of N parts; join their folders with merge.")
@click.option("--retry", type=click.Choice(["failed", "timeout", "all"]), help="Do failed tasks again that are stored as such.")
@click.option("--data-dir", type=click.Path(file_okay=False), allow_from_autoenv=False, help="Folder of PMLB files.")
@click.option("--out", type=FOLDER, metavar="DIR", help="[default: results/benchmark-SUITE-PROTOCOL]")
@click.option("--dry-run", is_flag=True, allow_from_autoenv=False, help="List the tasks with an estimate of time, and stop.")
@click.option("--no-report", is_flag=True, help="Do not write the report at the end.")
@click.option("--json", "as_json", is_flag=True, allow_from_autoenv=False, help="Print the result as JSON.")
@click.option("--quiet", is_flag=True, help="Print nothing but the result.")
@click.pass_context
def benchmark(context: click.Context, **options: Any) -> None:
    """Train methods on data sets under one protocol, keep every result, and report statistics.

    \b
    Examples:
      propneat benchmark
      propneat benchmark --suite pmlb58 --protocol paper --workers 4 --time-limit 600
      propneat benchmark --datasets monk1,my_table.csv --methods propneat,random-forest
      propneat benchmark --datasets houses.csv,flats.csv --target price
      propneat benchmark --methods propneat --set propneat.generations=20 --dry-run
      propneat benchmark --shard 3/10 --out shards/3
      propneat benchmark status results/benchmark-embedded-cv
      propneat benchmark report results/benchmark-embedded-cv

    The same command again goes on where it stopped: what is stored is not done again, and other methods, data sets or
    options are added. Ctrl-C stops after the tasks in flight, a second one at once. A task that fails, runs out of time or
    memory, or takes its worker down is a stored row with its reason; then the exit code is 1.
    """
    if context.invoked_subcommand is not None:
        return
    _refuse_conflicts(context, options)
    config = _configure(options)
    left_out: list[str] = []
    plan = _plan(config, options, left_out)
    if options["dry_run"]:
        _show_plan(plan, options)
        return
    from propneat.benchmark import select_shard
    from propneat.benchmark.store import create_store

    folder = options["out"] or _default_folder(options)
    with closing(_executor(options)) as executor, create_store(folder) as store:
        _settle(store, config, plan, left_out, options)
        code = _run(store, config, select_shard(plan, options["shard"]), executor, options)
        _finish(store, folder, options)
    context.exit(code)


def _refuse_conflicts(context: click.Context, options: dict[str, Any]) -> None:
    """Refuse options that would be passed over in silence."""
    typed = {name for name in options if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    if (options["executor"] == "dask") != bool(options["address"]):
        raise click.UsageError("--executor dask and --address tcp://HOST:PORT go together.")
    if options["target"] and not options["datasets"]:
        raise click.UsageError("--target is for files: name them with --datasets.")
    if {"suite", "datasets"} <= typed:
        raise click.UsageError("--datasets comes instead of --suite: give one of them.")
    if "folds" in typed and options["protocol"] != "cv":
        raise click.UsageError(f"--folds goes with --protocol cv, and the protocol is {options['protocol']}.")


def _configure(options: dict[str, Any]) -> "BenchmarkConfig":
    from propneat.benchmark import BenchmarkConfig, Protocol
    from propneat.cli.benchmark_tools import read_names

    if ":" in (options["methods"] or ""):
        # modules beside which the command is typed are found, as by python -m
        sys.path.insert(0, str(Path.cwd()))
    chosen: dict[str, dict[str, Any]] = {}
    for method, option, value in options["settings"]:
        chosen.setdefault(method, {})[option] = value
    names = [_with_target(name, options["target"]) for name in read_names("--datasets", options["datasets"])]
    repeats = options["repeats"] or (5 if options["protocol"] == "paper" else None)
    return BenchmarkConfig(
        suite=options["suite"],
        datasets=tuple(names),
        methods=read_names("--methods", options["methods"]),
        protocol=Protocol(options["protocol"], options["folds"], repeats),
        options=chosen,
        data_dir=options["data_dir"],
    )


def _with_target(name: str, target: str | None) -> str:
    """Return the name of a file with its target behind a colon, where one is asked for and it has none."""
    from propneat.data.table import is_file_name, split_target

    return f"{name}:{target}" if target and split_target(name)[1] is None and is_file_name(name) else name


def _default_folder(options: dict[str, Any]) -> Path:
    name = "chosen" if options["datasets"] else options["suite"]
    return Path("results") / f"benchmark-{name}-{options['protocol']}"


def _plan(config: "BenchmarkConfig", options: dict[str, Any], left_out: list[str]) -> "list[Planned]":
    """Return the tasks, having said what is left out and put it into the list given."""
    from propneat.benchmark import make_plan
    from propneat.cli.data_notes import say_unchecked

    if not options["quiet"]:
        say_unchecked(config.datasets, config.data_dir)
    with show_steps("reading data sets", quiet=options["quiet"]) as progress:
        plan = make_plan(config, progress, left_out.append)
    for line in () if options["quiet"] else left_out:
        click.echo(line, err=True)
    return plan


def _show_plan(plan: "list[Planned]", options: dict[str, Any]) -> None:
    from propneat.benchmark import select_shard

    plan = select_shard(plan, options["shard"])
    if options["as_json"]:
        rows = [{"key": entry.task.key, **vars(entry.task), "estimate_seconds": entry.estimate} for entry in plan]
        click.echo(json.dumps([{name: row[name] for name in row if name != "options"} for row in rows], indent=2))
    else:
        print_plan(plan, count_workers(options["workers"], options["threads"])[0])


def _settle(
    store: "Store", config: "BenchmarkConfig", plan: "list[Planned]", left_out: list[str], options: dict[str, Any]
) -> None:
    """Check that the folder is one of this protocol, these data and this version, and write down what is to be done."""
    from propneat.base.errors import RunError
    from propneat.benchmark.plan import options_of
    from propneat.benchmark.states import check_one_state, states_of

    label, folder = config.protocol.label, store.path.parent
    known = store.configuration()
    if known and known["protocol"] != label:
        raise RunError(f"{folder} holds results of protocol {known['protocol']}, and {label} is asked for: give another --out")
    unwanted = {"failed": _FAILED, "timeout": _LIMITED, "all": (*_FAILED, *_LIMITED), None: ()}[options["retry"]]
    states = states_of(plan)
    check_one_state(f"{folder} would hold", [*store.states(ignoring=unwanted), *states], "give another --out")
    store.discard(unwanted)
    methods = {entry.task.method: options_of(config, entry.task.method) for entry in plan}
    suites = sorted({*(known or {}).get("suites", []), "chosen" if config.datasets else config.suite})
    limits = {"seconds": options["time_limit"], "memory_mb": options["memory_limit"]}
    methods = {**(known or {}).get("methods", {}), **methods}
    noted = {"protocol": label, "suites": suites, "methods": methods, "limits": limits}
    store.note("configuration", noted | ({"left_out": left_out} if left_out else {}))
    store.forget_plan(states)
    store.add_plan(plan)


def _executor(options: dict[str, Any]) -> "Executor":
    """Return what runs the tasks."""
    from propneat.benchmark.executor import Limits

    limits = Limits(options["time_limit"], options["memory_limit"])
    if options["executor"] == "dask":
        from propneat.benchmark.dask_executor import DaskExecutor

        return DaskExecutor(options["address"], limits)
    from propneat.benchmark.local_executor import LocalExecutor

    return LocalExecutor(*count_workers(options["workers"], options["threads"]), limits)


def _run(
    store: "Store", config: "BenchmarkConfig", plan: "list[Planned]", executor: "Executor", options: dict[str, Any]
) -> int:
    """Run what is left and return the exit code."""
    from propneat.benchmark import run_benchmark
    from propneat.benchmark.environment import describe_environment
    from propneat.benchmark.plan import options_of

    n_threads = options["threads"] or 1
    environment = store.add_environment(describe_environment(executor.name, executor.n_free(), n_threads))
    folder = store.path.parent
    again = f"Continue with the same command; what is done is kept in {folder}."
    with BenchmarkView(folder, quiet=options["quiet"]) as view, _stop_on_signal(view, again) as received:
        progress = run_benchmark(
            plan,
            store,
            executor,
            environment=environment,
            options={entry.task.method: options_of(config, entry.task.method) for entry in plan},
            data_dir=config.data_dir,
            n_threads=n_threads,
            watch=view,
            stopping=lambda: None if not received else (_GRACE_SECONDS if len(received) == 1 else 0.0),
        )
    if received:
        if not options["quiet"]:
            click.echo(f"Stopped with {progress.n_remaining} tasks left. {again}", err=True)
        return 128 + received[0]
    return 1 if progress.n_failed else 0


@contextmanager
def _stop_on_signal(view: "BenchmarkView", again: str) -> Iterator[list[int]]:
    """Collect the signals that ask to stop in the list given."""
    received: list[int] = []

    def note(number: int) -> None:
        received.append(number)
        words = f"Stopping: up to {_GRACE_SECONDS:g} s for the tasks in flight; once more to quit at once ..."
        view.say(words if len(received) == 1 else f"Quit. {again}")

    with stop_signals(note):
        yield received


def _finish(store: "Store", folder: Path, options: dict[str, Any]) -> None:
    """Write the report and print the table of methods."""
    from propneat.cli.benchmark_tools import print_summary, write_the_report

    print_summary(store, as_json=options["as_json"], quiet=options["quiet"])
    if not options["no_report"]:
        write_the_report(store, folder, options["quiet"])
