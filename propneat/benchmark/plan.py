"""From what is asked for to tasks: every method on every split of every data set."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from propneat import __version__
from propneat.base.errors import ConfigError, DataError
from propneat.benchmark.registry import core_methods, find_method
from propneat.benchmark.splits import Protocol
from propneat.benchmark.suites import suite_names
from propneat.benchmark.tables import BenchmarkTable, read_benchmark_table
from propneat.benchmark.task import Planned, Task, format_options
from propneat.data.catalogue import find_suggestion
from propneat.data.named import is_at_hand
from propneat.data.pmlb_source import UnreachableError, find_cache
from propneat.methods import Method

__all__ = ["BenchmarkConfig", "make_plan", "options_of", "select_shard"]


@dataclass(frozen=True)
class BenchmarkConfig:
    """What a benchmark is made of. Data sets named one by one come instead of the suite's."""

    suite: str = "embedded"
    datasets: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    """Empty for the core methods."""
    protocol: Protocol = field(default_factory=Protocol)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Method name -> options that come over the method's own."""
    data_dir: str | None = None


def options_of(config: BenchmarkConfig, method: str) -> dict[str, Any]:
    """Return the options a method is run with."""
    return {**find_method(method).options, **config.options.get(method, {})}


def make_plan(
    config: BenchmarkConfig,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Planned]:
    """Return all tasks, longest estimate first; `progress` is told which data set is loaded, and how many of how many.

    Methods are planned on data sets of their tasks alone, and data sets of a suite whose files are not at hand and cannot be
    downloaded are left out; `say` gets a line of each that was left out, core methods excepted. Raises ConfigError for methods,
    options and suites that do not exist, and for methods that none of the data sets is for; DataError for data sets that
    cannot be had.
    """
    methods = list(dict.fromkeys(config.methods)) or core_methods(say)
    for name in config.options:
        if name not in methods:
            raise ConfigError(f"there are options for {name!r}, which is not among the methods {', '.join(methods)}")
    made = {name: (find_method(name), format_options(options_of(config, name))) for name in methods}
    names = list(dict.fromkeys(config.datasets)) or suite_names(config.suite)
    plan, kinds = [], set()
    for table in _read_tables(config, names, progress, say):
        name = table.name
        if config.protocol.name == "cv" and config.protocol.n_folds > len(table.codes):
            raise ConfigError(f"{name} has {len(table.codes)} rows, too few for {config.protocol.n_folds} folds")
        if table.task not in kinds:
            kinds.add(table.task)
            _try_options(config, [method for method, (entry, _) in made.items() if table.task in entry.tasks], table.task)
        shape = (len(table.codes), table.features.shape[1], table.n_classes)
        for method, (entry, options) in made.items():
            if table.task not in entry.tasks:
                continue
            plan += [
                Planned(
                    Task(method, options, name, table.data_hash, config.protocol.label, repeat, fold, __version__),
                    table.family,
                    table.task,
                    *shape,
                    estimate=_estimate(entry, (config.protocol.most_rows(shape[0]), *shape[1:])),
                )
                for repeat, fold in config.protocol.parts()
            ]
    _check_tasks(config, made, kinds, say)
    return sorted(plan, key=lambda planned: (-planned.estimate, planned.task.key))


def _estimate(method: Method, shape: tuple[int, int, int]) -> float:
    """Return the rough seconds of a fit; raises ConfigError for what is no number of seconds."""
    n_rows, n_features, n_classes = shape
    found = method.seconds(n_rows, n_features, max(n_classes, 1))
    try:
        seconds = float(found)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ConfigError(f"the method {method.name!r} estimates {found!r} seconds: it must be a number, 0 or more")
    return seconds


def _read_tables(
    config: BenchmarkConfig,
    names: Sequence[str],
    progress: Callable[[str, int, int], None],
    say: Callable[[str], None],
) -> Iterator[BenchmarkTable]:
    """Give the data sets one by one, without those of a suite that are not at hand where the server cannot be reached."""
    absent: list[str] = []
    is_reachable, reason = True, None
    for number, name in enumerate(names):
        if not name.isprintable():
            raise ConfigError(f"the data set {name!r} has a name that cannot be written down: rename the file")
        progress(name, number, len(names))
        if not is_reachable and not is_at_hand(name, config.data_dir):
            # a server that did not answer once is not asked again
            absent.append(name)
            continue
        try:
            table = read_benchmark_table(name, config.data_dir)
        except DataError as error:
            if config.datasets or is_at_hand(name, config.data_dir):
                raise
            absent, reason, is_reachable = [*absent, name], error, not isinstance(error, UnreachableError)
            continue
        yield table
    progress("", len(names), len(names))
    if len(absent) == len(names) and reason is not None:
        raise reason
    if absent:
        say(
            f"{len(absent)} of {len(names)} data sets of the suite {config.suite} left out: their files are not in the cache "
            f"{find_cache(config.data_dir)} and could not be downloaded ({', '.join(absent)})"
        )


def _check_tasks(
    config: BenchmarkConfig, made: Mapping[str, tuple[Method, str]], kinds: set[str], say: Callable[[str], None]
) -> None:
    """Say which of the methods asked for are not for some of the tasks there are; raise ConfigError where for none."""
    for name, (entry, _) in made.items():
        others = sorted(kinds - set(entry.tasks))
        if not config.methods or not others:
            continue
        if len(others) == len(kinds):
            raise ConfigError(
                f"the method {name!r} is for {' and '.join(entry.tasks)} tasks, and no data set here is one: leave it out"
            )
        say(f"{name} is not for {' and '.join(others)} tasks: left out on those data sets")


def _try_options(config: BenchmarkConfig, methods: list[str], task: str) -> None:
    """Make every method that is given options once, so that one that cannot be used is told before anything runs."""
    for name in methods:
        if name in config.options:
            make = find_method(name).maker(task)
            try:
                _check_parameters(make(random_state=0, **options_of(config, name)))
            except (TypeError, ValueError) as error:
                unknown = _find_unknown(find_method(name), make, config.options[name]) if isinstance(error, TypeError) else None
                raise ConfigError(f"the options of {name} cannot be used: {unknown or error}") from error


def _find_unknown(method: Method, make: Callable[..., Any], options: Mapping[str, Any]) -> str | None:
    """Say which of some options a method does not have, and which it has; None where that is not what is wrong."""
    try:
        estimator = make(random_state=0, **method.options)
    except TypeError:
        return None
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    # options may belong to an estimator within the last, whose parameters have a prefix
    known = sorted({name.rpartition("__")[2] for name in last.get_params()} - {"random_state"})
    for option in options:
        if option not in known:
            close = find_suggestion(option, known)
            hint = f"did you mean {close!r}?" if close else f"the options are {', '.join(known)}"
            return f"there is no option {option!r}: {hint}"
    return None


def _check_parameters(estimator: Any) -> None:
    """Have an estimator check its parameters without fitting, where it can: propneat's own way, or scikit-learn's."""
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    if hasattr(last, "check_parameters"):
        last.check_parameters()
    elif hasattr(last, "_parameter_constraints"):
        last._validate_params()


def select_shard(plan: list[Planned], shard: tuple[int, int] | None) -> list[Planned]:
    """Return the tasks of shard (number, total), by the hash of the task; raises ConfigError unless 1 <= number <= total."""
    if shard is None:
        return plan
    number, total = shard
    if not 1 <= number <= total:
        raise ConfigError(f"a shard is I/N with I from 1 to N, not {number}/{total}")
    return [planned for planned in plan if int(planned.task.key, 16) % total == number - 1]
