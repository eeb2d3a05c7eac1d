"""What a benchmark report is made of: one row per planned task, where it ran, and what was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from propneat.errors import DataError

if TYPE_CHECKING:
    import pandas

__all__ = ["COLUMNS", "FAILED", "MEASURES", "STATUSES", "Results"]

STATUSES = ("ok", "error", "timeout", "memory", "crashed", "skipped", "missing")
"""How a task can stand: done, four ways to fail, not applicable, and planned without a stored result."""

FAILED = ("error", "timeout", "memory", "crashed")

_REFERENCE = "propneat"

MEASURES = (
    "auc", "balanced_accuracy", "accuracy", "log_loss", "brier", "fit_seconds", "predict_seconds", "cpu_seconds",
    "peak_memory_mb", "n_parameters", "depth",
)  # fmt: skip
"""What is averaged over the folds of a data set; times in seconds, memory in MiB."""

COLUMNS = (
    "method", "dataset", "family", "task", "protocol", "repeat", "fold", "status", "reason", "n_train", "n_test", "n_features",
    "n_classes", *MEASURES,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Results:
    """Everything a report says comes from here.

    `rows` has one row per planned task and at least the columns COLUMNS: `status` is one of STATUSES, `reason` text or None,
    measures are NaN where there are none. Data sets of one `family` are versions of one problem; a missing family is the data
    set's own. `provenance` lists plain facts about each environment that computed results. `configuration` holds what was
    asked for; the order of its "methods" (a list of names, or a mapping from name to options) is that of the colours.
    """

    rows: "pandas.DataFrame"
    provenance: Sequence[Mapping[str, Any]] = ()
    configuration: Mapping[str, Any] = field(default_factory=dict)
    title: str = "Benchmark"

    def __post_init__(self) -> None:
        """Raise DataError for rows that cannot be reported: columns missing, unknown statuses, two results of one fold."""
        absent = [name for name in COLUMNS if name not in self.rows]
        if absent:
            raise DataError(f"the rows of a benchmark report need the columns {', '.join(absent)}: take them from the store")
        if not len(self.rows):
            raise DataError("there is no planned task to report: plan a benchmark first")
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
    def protocol(self) -> str:
        """How rows were divided into training and test rows."""
        return str(self.rows["protocol"].iloc[0])

    @property
    def methods(self) -> tuple[str, ...]:
        """The reference, then methods in the order of the configuration, then others by name."""
        present = set(self.rows["method"].astype(str))
        asked = self.configuration.get("methods") or ()
        first = [_REFERENCE, *map(str, asked)] if not isinstance(asked, str) else [_REFERENCE, asked]
        return tuple(dict.fromkeys([*(name for name in first if name in present), *sorted(present)]))

    @property
    def reference(self) -> str:
        """The method that the primary comparisons are about, fixed before any score is seen: propneat, else the first."""
        return self.methods[0]
