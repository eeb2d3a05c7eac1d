"""What a benchmark report is made of: one row per planned task, where it ran, and what was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from propneat.base.errors import DataError
from propneat.report.benchmark.metric import CLASSES, NUMBERS, Metric, headline, kind_of, statistic_of

if TYPE_CHECKING:
    import pandas

__all__ = ["COLUMNS", "FAILED", "MEASURES", "STATUSES", "Results"]

STATUSES = ("ok", "error", "timeout", "memory", "crashed", "skipped", "missing")
"""How a task can stand: done, four ways to fail, not applicable, and planned without a stored result."""

FAILED = ("error", "timeout", "memory", "crashed")

_REFERENCE = "propneat"

_COSTS = ("fit_seconds", "predict_seconds", "cpu_seconds", "peak_memory_mb", "n_parameters", "depth")
_SCORES = {
    CLASSES: ("auc", "balanced_accuracy", "accuracy", "log_loss", "brier", "ece"),
    NUMBERS: ("r2", "rmse", "mae"),
}
MEASURES = (*_SCORES[CLASSES], *_SCORES[NUMBERS], *_COSTS, "n_nodes")
"""What is averaged over the folds of a data set; times in seconds, memory in MiB."""

_FACTS = (
    "method", "dataset", "family", "task", "protocol", "repeat", "fold", "status", "reason", "n_train", "n_test", "n_features",
    "n_classes",
)  # fmt: skip
COLUMNS = {kind: (*_FACTS, *scores, *_COSTS) for kind, scores in _SCORES.items()}
"""The columns that rows must have, by the kind of their tasks."""


@dataclass(frozen=True, eq=False)
class Results:
    """Everything a report says comes from here.

    `rows` has one row per planned task, all of one kind unless it is for `parts`, and at least the columns COLUMNS: `status`
    is one of STATUSES, `reason` text or None,
    measures are NaN where there are none. Data sets of one `family` are versions of one problem; a missing family is the data
    set's own. `provenance` lists plain facts about each environment that computed results. `configuration` holds what was
    asked for; the order of its "methods" (a list of names, or a mapping from name to options) is that of the colours.
    Rows with a true `published`, where there is that column, are results that others published, one for each data set and
    method. `score` is what methods are compared by, None for the headline of their kind.
    """

    rows: "pandas.DataFrame"
    provenance: Sequence[Mapping[str, Any]] = ()
    configuration: Mapping[str, Any] = field(default_factory=dict)
    title: str = "Benchmark"
    score: Metric | None = None

    def __post_init__(self) -> None:
        """Raise DataError for rows that cannot be reported: columns missing, unknown statuses, two results of one fold."""
        if not len(self.rows):
            raise DataError("there is no planned task to report: plan a benchmark first")
        absent = [name for kind in self.kinds for name in COLUMNS[kind] if name not in self.rows]
        if absent:
            raise DataError(f"the rows of a benchmark report need the columns {', '.join(absent)}: take them from the store")
        unknown = sorted({str(status) for status in self.rows["status"].unique()} - set(STATUSES))
        if unknown:
            raise DataError(f"a status must be one of {', '.join(STATUSES)}, not {', '.join(unknown)}")
        protocols = sorted(str(protocol) for protocol in self.rows["protocol"].unique())
        if len(protocols) > 1:
            raise DataError(f"results of the protocols {', '.join(protocols)} do not mix: write one report for each")
        self._check_folds()

    def _check_folds(self) -> None:
        doubled = self.rows.duplicated(["dataset", "method", "repeat", "fold"])
        if doubled.any():
            row = self.rows[doubled].iloc[0]
            raise DataError(
                f"there are two rows for {row['method']} on {row['dataset']}, repeat {row['repeat']}, fold {row['fold']}: "
                "report the results of one version and one set of options at a time"
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of tasks there are, classification first."""
        tasks = {str(task) for task in self.rows["task"].unique()} if "task" in self.rows else set()
        return tuple(kind for kind in (CLASSES, NUMBERS) if kind in map(kind_of, tasks or {CLASSES}))

    def parts(self) -> tuple["Results", ...]:
        """Return the results of each kind of task by themselves."""
        if len(self.kinds) == 1:
            return (self,)
        own = [self.rows[self.rows["task"].map(lambda task: kind_of(str(task))) == kind] for kind in self.kinds]
        chosen = [self.score if self.score and self.score.kind == kind else None for kind in self.kinds]
        return tuple(replace(self, rows=rows, score=score) for rows, score in zip(own, chosen, strict=True))

    @property
    def metric(self) -> Metric:
        """What methods are compared by."""
        return self.score or headline(self.kinds[0], self.protocol)

    @property
    def statistic(self) -> str:
        """How the folds and repeats of a data set are joined, "mean" or "median"."""
        return statistic_of(self.protocol)

    @property
    def is_published(self) -> "pandas.Series":
        """Whether a row is a result that others published, bool (n_rows,)."""
        from pandas import Series

        return self.rows["published"].astype(bool) if "published" in self.rows else Series(False, self.rows.index)

    @property
    def protocol(self) -> str:
        """How rows were divided into training and test rows."""
        return str(self.rows["protocol"].iloc[0])

    @property
    def methods(self) -> tuple[str, ...]:
        """The reference, then methods in the order of the configuration, then others by name, published ones last."""
        names = self.rows["method"].astype(str)
        present, published = set(names[~self.is_published]), set(names[self.is_published])
        asked = self.configuration.get("methods") or ()
        first = [_REFERENCE, *map(str, asked)] if not isinstance(asked, str) else [_REFERENCE, asked]
        return tuple(dict.fromkeys([*(name for name in first if name in present), *sorted(present), *sorted(published)]))

    @property
    def reference(self) -> str:
        """The method that the primary comparisons are about, fixed before any score is seen: propneat, else the first."""
        return self.methods[0]
