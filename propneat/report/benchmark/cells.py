"""From folds to cells: one number per data set and method, and what is missing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from propneat.report.benchmark.results import FAILED, MEASURES, STATUSES, Results

if TYPE_CHECKING:
    import pandas

__all__ = ["CONSTANT_AUC", "Cells", "Dataset", "FailureGroup", "Folds", "gather_cells", "group_failures"]

CONSTANT_AUC = 0.5
"""The area under the curve of a predictor that says the same of every row."""

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
    auc: np.ndarray
    test_fraction: np.ndarray
    """Share of the data set's rows that were tested on, NaN where unknown."""


@dataclass(frozen=True, eq=False)
class Cells:
    """A benchmark averaged over folds and repeats; arrays have the shape (n_datasets, n_methods).

    A fold is usable when its status is "ok" and its AUC is a number. `counts[status]` are numbers of tasks, `planned` their
    sum. `means[measure]` are means over a cell's usable folds, NaN where there is none.
    """

    datasets: tuple[Dataset, ...]
    methods: tuple[str, ...]
    reference: int
    counts: dict[str, np.ndarray]
    planned: np.ndarray
    usable: np.ndarray
    means: dict[str, np.ndarray]
    folds: Folds

    @property
    def auc(self) -> np.ndarray:
        """Mean AUC over usable folds, NaN where there is none."""
        return self.means["auc"]

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
        return (self.usable > 0) & (self.usable < self.planned)

    @property
    def is_measured(self) -> np.ndarray:
        """Whether any method has a usable fold on the data set, shape (n_datasets,)."""
        return (self.usable > 0).any(axis=1)


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
    table = results.rows.astype(numbers)
    methods, datasets = results.methods, _describe_datasets(table)
    column = {name: number for number, name in enumerate(methods)}
    row = {dataset.name: number for number, dataset in enumerate(datasets)}
    rows = table.assign(column=table["method"].astype(str).map(column), row=table["dataset"].astype(str).map(row))
    rows = rows.sort_values(["row", "column", "repeat", "fold"])
    method, dataset = rows["column"].to_numpy(np.int64), rows["row"].to_numpy(np.int64)
    place, shape = dataset * len(methods) + method, (len(datasets), len(methods))
    status, auc = rows["status"].astype(str).to_numpy(), rows["auc"].to_numpy(np.float64)
    usable = (status == "ok") & np.isfinite(auc)
    counts = {name: _count(place[status == name], shape) for name in STATUSES}
    means = {name: _mean(place[usable], rows[name].to_numpy(np.float64)[usable], shape) for name in MEASURES}
    n_train, n_test = (rows[name].to_numpy(np.float64) for name in ("n_train", "n_test"))
    folds = Folds(
        dataset[usable],
        method[usable],
        rows["repeat"].to_numpy(np.int64)[usable],
        rows["fold"].to_numpy(np.int64)[usable],
        auc[usable],
        (n_test / (n_train + n_test))[usable],
    )
    planned = sum(counts.values())
    return Cells(
        datasets, methods, methods.index(results.reference), counts, planned, _count(place[usable], shape), means, folds
    )


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


def _mean(place: np.ndarray, values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return means of the finite values at each place, NaN where there is none."""
    known = np.isfinite(values)
    count = _count(place[known], shape)
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
