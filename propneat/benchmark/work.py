"""What a worker does with a task: load, split, fit, predict, score. The only place where methods are fitted."""

import gc
import math
import resource
import sys
import time
import traceback
import warnings
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas

from propneat.benchmark.metrics import one_class_reason, one_value_reason, score_numbers, score_probabilities
from propneat.benchmark.predictions import pack, pack_numbers
from propneat.benchmark.registry import find_method
from propneat.benchmark.splits import Split, split
from propneat.benchmark.tables import BenchmarkTable, read_benchmark_table
from propneat.benchmark.task import Outcome, Task, format_options

__all__ = ["run_task", "warm_up"]

_REASON_LENGTH = 4000
_WARM_ROWS = 24
_warm: set[tuple[str, str, int]] = set()
_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def run_task(task: Task, options: dict[str, object], data_dir: str | None, n_threads: int) -> Outcome:
    """Fit a method on the training rows of a task and score it on its test rows; whatever it raises becomes an outcome."""
    _limit_torch(n_threads)
    reset = _reset_peak()
    cpu = time.process_time()
    try:
        outcome = _fit_and_score(task, options, data_dir)
    except MemoryError:
        outcome = Outcome("memory", "the method asked for more memory than there is")
    except Exception as error:
        outcome = Outcome("error", _describe(error))
    measured = {"cpu_seconds": time.process_time() - cpu, "peak_memory_mb": _peak_memory(reset)}
    gc.collect()
    return Outcome(**{**vars(outcome), **measured})


def warm_up(task: Task, options: dict[str, object], data_dir: str | None, n_threads: int) -> None:
    """Have what a task's fit needs at first use loaded and compiled, once per process, method, options and kind of task.

    The data set is read, and the method fitted once on made-up rows of 2 or 3 classes, or with a number to tell, with its
    `quick` options. What goes wrong here is passed over: the task itself will say it.
    """
    try:
        method, table = find_method(task.method), read_benchmark_table(task.dataset, data_dir)
        n_classes = min(table.n_classes, 3)
        known = (task.method, format_options(options), n_classes)
        if method.quick is None or known in _warm:
            return
        _warm.add(known)
        _limit_torch(n_threads)
        rng = np.random.default_rng(0)
        y = np.arange(_WARM_ROWS) % n_classes if n_classes else rng.standard_normal(_WARM_ROWS)
        X = pandas.DataFrame(y[:, None] + rng.standard_normal((_WARM_ROWS, 2)), columns=["first", "second"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = method.maker(table.task)(random_state=0, **{**options, **method.quick}).fit(X, y)
            fitted.predict_proba(X) if n_classes else fitted.predict(X)
    except Exception:
        return
    finally:
        gc.collect()


def _fit_and_score(task: Task, options: dict[str, object], data_dir: str | None) -> Outcome:
    table = read_benchmark_table(task.dataset, data_dir)
    if table.data_hash != task.data_hash:
        return Outcome(
            "error",
            f"data set {task.dataset} has other values here (hash {table.data_hash}) than when the run was planned "
            f"(hash {task.data_hash})",
        )
    method = find_method(task.method)
    rows = split(task.protocol, task.dataset, table.codes, task.repeat, task.fold)
    sizes = {"n_train": len(rows.train), "n_test": len(rows.test)}
    if table.task not in method.tasks:
        return Outcome("skipped", f"{task.method} is not for {table.task} tasks", **sizes)
    is_regression = table.task == "regression"
    if reason := (one_value_reason if is_regression else one_class_reason)(table.codes[rows.test]):
        return Outcome("skipped", reason, **sizes)
    if len(np.unique(table.codes[rows.train])) < 2:
        of = "have the same target" if is_regression else "are all of one class"
        return Outcome("skipped", f"one {'value' if is_regression else 'class'}: the training rows {of}", **sizes)
    X, y = table.features.iloc[rows.train], table.codes[rows.train]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        begin = time.perf_counter()
        estimator = method.maker(table.task)(random_state=task.seed, **options).fit(X, y)
        fitted = time.perf_counter()
        predict = estimator.predict if is_regression else estimator.predict_proba
        answers = np.asarray(predict(table.features.iloc[rows.test]), dtype=np.float64)
        predicted = time.perf_counter()
    metrics, packed = (_score_numbers if is_regression else _score_classes)(table, rows, estimator, answers)
    return Outcome(
        "ok",
        metrics=metrics,
        fit_seconds=fitted - begin,
        predict_seconds=predicted - fitted,
        predictions=packed,
        **{name: _checked(name, value) for name, value in method.size(estimator)._asdict().items()},
        **sizes,
    )


def _score_classes(table: BenchmarkTable, rows: Split, estimator: Any, shares: np.ndarray) -> tuple[dict[str, float], bytes]:
    """Return scores of probabilities (n_test, classes of the training rows), and these packed with all classes."""
    probabilities = np.zeros((len(rows.test), table.n_classes))
    probabilities[:, np.asarray(estimator.classes_, dtype=np.int64)] = shares
    truth = table.codes[rows.test]
    return score_probabilities(truth, probabilities), pack(rows.test, truth, probabilities)


def _score_numbers(table: BenchmarkTable, rows: Split, estimator: Any, answers: np.ndarray) -> tuple[dict[str, float], bytes]:
    """Return scores of predicted numbers (n_test,) or (n_test, 1), and these packed."""
    truth, answers = table.codes[rows.test], answers.reshape(len(answers))
    return score_numbers(truth, answers), pack_numbers(rows.test, truth, answers)


def _checked(name: str, value: object) -> float | None:
    """Return what a method says of its size; raises ValueError for what is no number that a table can hold."""
    if value is not None and not (isinstance(value, Real) and 0 <= value < math.inf):
        raise ValueError(f"the method gave {value!r} as its {name}, and a number of 0 or more, or None, is needed")
    return value


def _describe(error: Exception) -> str:
    """Return where an exception came from, and in the last line what it says."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{frames}{type(error).__name__}: {' '.join(str(error).split())}"[-_REASON_LENGTH:]


def _limit_torch(n_threads: int) -> None:
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(n_threads)


def _reset_peak() -> bool:
    """Set the process's peak memory back to what it holds now, so that a task is not charged for the one before; Linux only."""
    try:
        _CLEAR_REFS.write_text("5")
    except OSError:
        return False
    return True


def _peak_memory(was_reset: bool) -> float:
    """Return the largest resident memory in MiB since the reset, or of the process's life where there is no reset."""
    if was_reset:
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform != "darwin" else 1024**2)
