"""The scores that methods can be compared by: what each is called, which way is better, and what a constant predictor gets."""

from collections.abc import Iterable
from dataclasses import dataclass

from propneat.base.errors import ConfigError

__all__ = ["CLASSES", "METRICS", "NUMBERS", "Metric", "find_metric", "headline", "kind_of", "statistic_of"]

CLASSES, NUMBERS = "classification", "regression"
"""The two kinds of tasks, whose results are never in one comparison."""


@dataclass(frozen=True)
class Metric:
    """A score, by the name of its column in the results."""

    name: str
    label: str
    kind: str
    is_lower_better: bool = False
    constant: float | None = None
    """What a predictor that says the same of every row gets; None where that depends on the data."""
    rope: float = 0.0
    """Half the width of the region of practical equivalence."""
    column: str | None = None
    """The column it is computed from, where that has another name."""
    axis_low: float | None = None
    """Pictures show anything below at this value."""
    about: tuple[str, ...] = ()
    """Sentences that say how to read it."""

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1: scores times this are better the higher they are."""
        return -1 if self.is_lower_better else 1

    @property
    def constant_text(self) -> str:
        """What an empty cell counts as, in words."""
        if self.constant is None:
            return f"the worst {self.label} of its data set"
        return f"a constant predictor, {self.label} {self.constant:g}"


_AUC = (
    "AUC: the chance that a row of the positive class gets a higher score than one of the other; 0.5 is guessing, 1 is "
    "perfect; with several classes the mean over classes. It can be below 0.5 and is never turned round.",
)
_R2 = (
    "R²: 1 minus the squared error over that of the test rows' own mean; 1 is perfect, a constant predictor has 0 at best, and "
    "there is no lower bound.",
)
METRICS = {
    metric.name: metric
    for metric in (
        Metric("auc", "AUC", CLASSES, constant=0.5, rope=0.01, about=_AUC),
        Metric("balanced_accuracy", "balanced accuracy", CLASSES, rope=0.01),
        Metric("accuracy", "accuracy", CLASSES, rope=0.01),
        Metric("log_loss", "log loss", CLASSES, is_lower_better=True, rope=0.01),
        Metric("brier", "Brier score", CLASSES, is_lower_better=True, rope=0.01),
        Metric("ece", "calibration error", CLASSES, is_lower_better=True, rope=0.01),
        Metric("r2", "R²", NUMBERS, constant=0.0, rope=0.01, axis_low=0.0, about=_R2),
        Metric(
            "r2_area",
            "R² area",
            NUMBERS,
            constant=0.0,
            rope=0.01,
            column="r2",
            about=(*_R2, "R² area: the area under the share of runs with an R² of at least t, for t from 0 to 1."),
        ),
        Metric("rmse", "RMSE", NUMBERS, is_lower_better=True),
        Metric("mae", "MAE", NUMBERS, is_lower_better=True),
    )
}
"""Every score by its name."""


def kind_of(task: str) -> str:
    """Return the kind of a task: "binary" and "multiclass" are classifications."""
    return NUMBERS if task == NUMBERS else CLASSES


def headline(kind: str, protocol: str) -> Metric:
    """Return the score that tasks of a kind are compared by unless another is asked for."""
    if kind == CLASSES:
        return METRICS["auc"]
    return METRICS["r2_area" if protocol == "srbench-2025" else "r2"]


def find_metric(name: str, kinds: Iterable[str]) -> Metric:
    """Return a score by name; raises ConfigError unless there is one, of one of the kinds of task at hand."""
    known = [metric.name for metric in METRICS.values() if metric.kind in kinds]
    if name not in known:
        raise ConfigError(f"there is no score {name!r} in these results: the scores are {', '.join(known)}")
    return METRICS[name]


def statistic_of(protocol: str) -> str:
    """Return how the folds and repeats of a data set are joined: "mean", or "median" as SRBench does with its trials."""
    return "median" if protocol == "srbench" else "mean"
