"""Results that others published, read from a file, to be ranked beside those of a run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from propneat.base.errors import ConfigError, DataError
from propneat.data.catalogue import find_suggestion
from propneat.settings.reading import DelimitedForm

if TYPE_CHECKING:
    import pandas

    from propneat.report.benchmark import Results
    from propneat.report.benchmark.metric import Metric

__all__ = ["MARK", "PublishedValue", "rank_beside", "read_published", "select_published"]

MARK = " (published)"
"""What follows the name of a published method."""

_DATASET, _METHOD = ("dataset", "data set"), ("method", "algorithm")
_SCORES = {
    "score": None, "r2": "r2", "r2_test": "r2", "auc": "auc", "rmse": "rmse", "mae": "mae", "log_loss": "log_loss",
    "brier": "brier", "ece": "ece", "accuracy": "accuracy", "balanced_accuracy": "balanced_accuracy",
}  # fmt: skip
"""Columns of scores, and the score that each is, None for the headline of the results they stand beside."""
_SIZE, _SECONDS = ("size", "model_size", "n_nodes"), ("seconds", "fit_seconds", "training time (s)")
_EXPECTED = (
    "expected the columns dataset, method and score (or r2_test, auc, ...), and if known size and seconds, or a column "
    "dataset and one of scores for each method"
)


@dataclass(frozen=True)
class PublishedValue:
    """One score of one method on one data set; `metric` is None where the file does not say which it is."""

    dataset: str
    method: str
    score: float
    metric: str | None = None
    size: float | None = None
    seconds: float | None = None


def read_published(path: Path | str) -> list[PublishedValue]:
    """Read a file of published scores: one value a row (SRBench's shape), or a column for each method (TabMini's).

    A row has the columns dataset, method, a score, and if known size and seconds; empty scores are left out. Raises DataError,
    one sentence, for a file that cannot be read, has other columns, holds scores that are no numbers, or one twice.
    """
    from propneat.data.files import read_table_file

    frame = read_table_file(str(path), DelimitedForm()).frame
    frame = frame.set_axis([str(name).strip() for name in frame.columns], axis=1)
    known = {name.lower(): name for name in frame.columns}
    dataset = next((known[name] for name in _DATASET if name in known), None)
    if dataset is None:
        raise DataError(f"{path} has the columns {_listed(frame.columns)}: {_EXPECTED}")
    method = next((known[name] for name in _METHOD if name in known), None)
    values = _read_wide(frame, dataset, path) if method is None else _read_long(frame, dataset, method, known, path)
    seen: set[tuple[str, str]] = set()
    for value in values:
        if (value.dataset, value.method) in seen:
            raise DataError(f"{path} has two scores of {value.method} on {value.dataset}: keep one of them")
        seen.add((value.dataset, value.method))
    if not values:
        raise DataError(f"{path} holds no score: {_EXPECTED}")
    return values


def _read_long(
    frame: "pandas.DataFrame", dataset: str, method: str, known: Mapping[str, str], path: Path | str
) -> list[PublishedValue]:
    score = next((known[name] for name in _SCORES if name in known), None)
    if score is None:
        raise DataError(f"{path} has the columns {_listed(frame.columns)}, none of them a score: {_EXPECTED}")
    size, seconds = (next((known[name] for name in names if name in known), None) for names in (_SIZE, _SECONDS))
    columns = [_numbers(frame, name, path) if name else np.full(len(frame), np.nan) for name in (score, size, seconds)]
    return [
        PublishedValue(str(name).strip(), str(by).strip(), float(value), _SCORES[score.lower()], _known(nodes), _known(time))
        for name, by, value, nodes, time in zip(frame[dataset], frame[method], *columns, strict=True)
        if np.isfinite(value)
    ]


def _read_wide(frame: "pandas.DataFrame", dataset: str, path: Path | str) -> list[PublishedValue]:
    methods = [name for name in frame.columns if name != dataset]
    columns = {name: _numbers(frame, name, path) for name in methods}
    return [
        PublishedValue(str(name).strip(), method, float(value))
        for method, values in columns.items()
        for name, value in zip(frame[dataset], values, strict=True)
        if np.isfinite(value)
    ]


def _numbers(frame: "pandas.DataFrame", name: str, path: Path | str) -> np.ndarray:
    """Return a column of numbers, NaN where a cell is empty."""
    import pandas

    cells = frame[name]
    blank = cells.isna() | cells.astype(str).str.strip().isin(("", "-", "–"))
    numbers = pandas.to_numeric(cells.where(~blank), errors="coerce").astype("float64")
    if (odd := numbers.isna() & ~blank).any():
        raise DataError(f"{path} holds {str(cells[odd].iloc[0])[:60]!r} in the column {name!r}: {_EXPECTED}")
    return numbers.to_numpy()


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) and value >= 0 else None


def _listed(names: Iterable[object], most: int = 10) -> str:
    texts = [str(name)[:40] for name in names]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")


def select_published(values: list[PublishedValue], methods: Iterable[str]) -> list[PublishedValue]:
    """Return the values of some methods, of all where none is named; raises ConfigError for one that the file does not have."""
    wanted, known = list(methods), sorted({value.method for value in values}, key=str.lower)
    for name in wanted:
        if name not in known:
            close = find_suggestion(name, known)
            hint = f"did you mean {close!r}?" if close else f"they are {_listed(known, 40)}"
            raise ConfigError(f"there is no published method {name!r} in the file: {hint}")
    return [value for value in values if not wanted or value.method in wanted]


def rank_beside(results: "Results", values: Sequence[PublishedValue]) -> tuple["Results", str]:
    """Return measured and published results on the data sets that have both, and a line that says how many.

    Published values of another score than methods are compared by are left out. Raises DataError where no data set has both.
    """
    import pandas

    rows, facts, metrics = results.rows, {}, {}
    for part in results.parts():
        for name, own in part.rows.drop_duplicates("dataset").set_index("dataset").iterrows():
            facts[name], metrics[name] = own, part.metric
    usable = [value for value in values if value.dataset in facts and _is_of(value, metrics[value.dataset])]
    if not usable:
        wanted = " or ".join(sorted({metric.label for metric in metrics.values()}))
        raise DataError(f"the file has no {wanted} of a data set of this run, which has {_listed(sorted(facts))}")
    shared = {value.dataset for value in usable}
    added = pandas.DataFrame([_row(value, facts[value.dataset], metrics[value.dataset]) for value in usable])
    own = rows[rows["dataset"].isin(shared)].assign(published=False)
    line = f"{added['method'].nunique()} methods on {len(shared)} data sets, by their authors' protocol"
    if left := len(facts) - len(shared):
        line += f"; the other {left} data sets of this run have no published value and are left out"
    joined = pandas.concat([own, added.reindex(columns=own.columns).astype({"published": bool})], ignore_index=True)
    return replace(results, rows=joined), line


def _is_of(value: PublishedValue, metric: "Metric") -> bool:
    return value.metric in (None, metric.name, metric.column)


def _row(value: PublishedValue, facts: "pandas.Series", metric: "Metric") -> dict[str, object]:
    """Return a published value as a row of results."""
    return {
        **facts[["family", "task", "protocol"]],
        "dataset": value.dataset,
        "method": value.method + MARK,
        "repeat": 0,
        "fold": 0,
        "status": "ok",
        metric.column or metric.name: value.score,
        "n_nodes": np.nan if value.size is None else value.size,
        "fit_seconds": np.nan if value.seconds is None else value.seconds,
        "published": True,
    }
