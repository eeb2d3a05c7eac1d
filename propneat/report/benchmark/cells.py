"""From folds to cells: one number per data set and method, and what is missing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from propneat.report.benchmark.metric import Metric
from propneat.report.benchmark.results import FAILED, MEASURES, STATUSES, Results

if TYPE_CHECKING:
    import pandas

__all__ = ["Cells", "Dataset", "FailureGroup", "Folds", "gather_cells", "group_failures"]

_REASON_CHARACTERS = 300


@dataclass(frozen=True)
class Dataset:
    """What a report says of a data set; counts are None where no task knows them."""

    name: str
    family: str
    task: str
    n_rows: int | None
    n_features: int | None
    n_classes: int | None


@dataclass(frozen=True, eq=False)
class Folds:
    """All usable folds, sorted by data set, method, repeat and fold; all arrays have the shape (n_folds,)."""

    dataset: np.ndarray
    method: np.ndarray
    repeat: np.ndarray
    fold: np.ndarray
    score: np.ndarray
    test_fraction: np.ndarray
    """Share of the data set's rows that were tested on, NaN where unknown."""


@dataclass(frozen=True, eq=False)
class Cells:
    """A benchmark averaged over folds and repeats; arrays have the shape (n_datasets, n_methods).

    A fold is usable when its status is "ok" and its `metric` is a number. `counts[status]` are numbers of tasks, `planned`
    their sum. `means[measure]` are means over a cell's usable folds, or medians where that is the `statistic`, NaN where
    there is none. Of a method that is `published`, (n_methods,), nothing is planned, and its one value for a data set is a
    usable cell without folds.
    """

    datasets: tuple[Dataset, ...]
    methods: tuple[str, ...]
    reference: int
    counts: dict[str, np.ndarray]
    planned: np.ndarray
    usable: np.ndarray
    means: dict[str, np.ndarray]
    folds: Folds
    metric: Metric
    statistic: str
    published: np.ndarray

    @property
    def score(self) -> np.ndarray:
        """The metric over usable folds, NaN where there is none."""
        return self.means[self.metric.name]

    @property
    def size(self) -> np.ndarray:
        """Nodes of the model's formula where these are known, else parameters."""
        return np.where(np.isfinite(self.means["n_nodes"]), self.means["n_nodes"], self.means["n_parameters"])

    @property
    def n_usable_tasks(self) -> int:
        """Tasks with a usable result."""
        return int(self.usable[:, ~self.published].sum())

    @property
    def failed(self) -> np.ndarray:
        """Numbers of tasks that failed, one way or another."""
        return sum(self.counts[status] for status in FAILED)

    @property
    def is_empty(self) -> np.ndarray:
        """Whether there is no usable fold."""
        return self.usable == 0

    @property
    def is_partial(self) -> np.ndarray:
        """Whether some planned folds are usable and some are not."""
        return (self.usable > 0) & (self.usable < self.planned) & ~self.published

    @property
    def is_measured(self) -> np.ndarray:
        """Whether any method of the run has a usable fold on the data set, shape (n_datasets,)."""
        return (self.usable[:, ~self.published] > 0).any(axis=1)


@dataclass(frozen=True)
class FailureGroup:
    """Tasks that ended alike: failures of one method, or skipped ones of any, since for those the reason lies in the data."""

    methods: tuple[str, ...]
    status: str
    reason: str
    n_tasks: int
    datasets: tuple[str, ...]


def gather_cells(results: Results) -> Cells:
    """Average rows over folds and repeats, the same numbers whatever the order of the rows."""
    numbers = dict.fromkeys([*MEASURES, "n_train", "n_test", "n_features", "n_classes"], "float64")
    metric, is_published = results.metric, results.is_published.to_numpy(bool)
    absent = {name: np.nan for name in MEASURES if name not in results.rows}
    table = results.rows.assign(**absent).astype(numbers)
    methods, datasets = results.methods, _describe_datasets(table[~is_published])
    column = {name: number for number, name in enumerate(methods)}
    row = {dataset.name: number for number, dataset in enumerate(datasets)}
    places = {"column": table["method"].astype(str).map(column), "row": table["dataset"].astype(str).map(row)}
    rows = table.assign(**places, others=is_published, **{metric.name: _scored(table, metric)})
    rows = rows[rows["row"].notna()].sort_values(["row", "column", "repeat", "fold"])
    measures = list(dict.fromkeys([*MEASURES, metric.name]))
    method, dataset = rows["column"].to_numpy(np.int64), rows["row"].to_numpy(np.int64)
    place, shape = dataset * len(methods) + method, (len(datasets), len(methods))
    status, score = rows["status"].astype(str).to_numpy(), rows[metric.name].to_numpy(np.float64)
    usable, others = (status == "ok") & np.isfinite(score), rows["others"].to_numpy(bool)
    counts = {name: _count(place[(status == name) & ~others], shape) for name in STATUSES}
    means = {name: _join(place, rows[name].to_numpy(np.float64), usable, shape, results.statistic) for name in measures}
    n_train, n_test = (rows[name].to_numpy(np.float64) for name in ("n_train", "n_test"))
    own = usable & ~others
    folds = Folds(
        dataset[own],
        method[own],
        rows["repeat"].to_numpy(np.int64)[own],
        rows["fold"].to_numpy(np.int64)[own],
        score[own],
        (n_test / (n_train + n_test))[own],
    )
    published = np.bincount(method[others], minlength=len(methods)) > 0
    return Cells(
        datasets,
        methods,
        methods.index(results.reference),
        counts,
        sum(counts.values()),
        _count(place[usable], shape),
        means,
        folds,
        metric,
        results.statistic,
        published,
    )


def _scored(table: "pandas.DataFrame", metric: Metric) -> "pandas.Series":
    """Return a metric of every row: its column, or what is computed from another's."""
    if metric.column is None:
        return table[metric.name]
    # the mean of R² brought between 0 and 1 is the area under the share of runs that have at least so much
    return table[metric.column].clip(0.0, 1.0)


def _describe_datasets(rows: "pandas.DataFrame") -> tuple[Dataset, ...]:
    """Return the data sets by name, regardless of case."""
    datasets = []
    rows = rows.assign(n_rows=rows["n_train"] + rows["n_test"], name=rows["dataset"].astype(str))
    rows = rows.sort_values(["name", "repeat", "fold", "method"])
    first = rows.groupby("name", sort=False)[["family", "task", "n_rows", "n_features", "n_classes"]].first()
    for name in sorted(first.index, key=lambda text: (text.casefold(), text)):
        facts = first.loc[name]
        family = str(facts["family"]) if isinstance(facts["family"], str) and facts["family"] else name
        numbers = (
            None if np.isnan(value := float(facts[key])) else int(value) for key in ("n_rows", "n_features", "n_classes")
        )
        datasets.append(Dataset(name, family, str(facts["task"]), *numbers))
    return tuple(datasets)


def _count(place: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.bincount(place, minlength=shape[0] * shape[1]).reshape(shape)


def _join(place: np.ndarray, values: np.ndarray, usable: np.ndarray, shape: tuple[int, int], statistic: str) -> np.ndarray:
    """Return means or medians of the usable finite values at each place, NaN where there is none."""
    known = usable & np.isfinite(values)
    count = _count(place[known], shape)
    if statistic == "median":
        joined = np.full(shape[0] * shape[1], np.nan)
        ordered, ends = values[known][np.argsort(place[known], kind="stable")], np.cumsum(count)
        for k in np.flatnonzero(count).tolist():
            joined[k] = np.median(ordered[ends[k] - count.flat[k] : ends[k]])
        return joined.reshape(shape)
    total = np.bincount(place[known], values[known], shape[0] * shape[1]).reshape(shape)
    return np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)


def group_failures(results: Results) -> tuple[FailureGroup, ...]:
    """Group failed tasks by method, status and the last line of the reason, and skipped ones by reason, most frequent first."""
    rows = results.rows[results.rows["status"].isin([*FAILED, "skipped"])]
    groups: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for method, status, reason, dataset in zip(rows["method"], rows["status"], rows["reason"], rows["dataset"], strict=True):
        key = ("" if status == "skipped" else str(method), str(status), _last_line(reason))
        groups.setdefault(key, []).append((str(method), str(dataset)))
    made = []
    for (_, status, reason), tasks in groups.items():
        methods, datasets = (tuple(sorted(set(names))) for names in zip(*tasks, strict=True))
        made.append(FailureGroup(methods, status, reason, len(tasks), datasets))
    return tuple(sorted(made, key=lambda group: (-group.n_tasks, group.methods, group.status, group.reason)))


def _last_line(reason: object) -> str:
    lines = [line.strip() for line in reason.splitlines() if line.strip()] if isinstance(reason, str) else []
    if not lines:
        return "no reason stored"
    return lines[-1] if len(lines[-1]) <= _REASON_CHARACTERS else lines[-1][: _REASON_CHARACTERS - 1] + "…"
