"""From a table to a learning problem: preprocessing fitted, rows made canonical, divided, and laid out for training."""

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng
from propneat.data import ColumnPlan, EncodingOptions, Preprocessor, TablePlan, TargetScale, encode_target, plan_table
from propneat.data.encoded import EncodedRows
from propneat.data.encounter import describe_training
from propneat.data.sequence_rows import SequenceColumns
from propneat.data.split import join_rows
from propneat.genome import Genome
from propneat.model.model import Model
from propneat.search import Problem
from propneat.training import Samples

__all__ = ["MOST_INPUTS", "PreparedProblem", "class_factors", "make_targets", "prepare_problem", "with_positive"]

_LIGHTEST = 1e-9
MOST_INPUTS = 200
"""Indicators of whole numbers are given up, those of most numbers first, before there are more network inputs than this."""


@dataclass(frozen=True, eq=False)
class PreparedProblem:
    """A problem, and what turns its champion into a model."""

    problem: Problem
    preprocessor: Preprocessor
    classes: tuple[Any, ...] | None
    target_scale: TargetScale | None
    sequence: SequenceColumns | None = None
    """What tells sequences apart, where the problem is one of sequences."""

    def describe(self, features: Any, target: Any) -> list[str]:
        """Return one line for everything in the encoding of the training rows, and their target, that was not plain."""
        lines = describe_training(self.preprocessor, features)
        if self.target_scale is not None and self.target_scale.log:
            lines.append("target: its logarithm is learnt, of which a linear model tells more on rows left out")
        if self.target_scale is not None:
            values = encode_target(target, "regression")[1]
            if n_far := int((self.target_scale.clip(values) != values).sum()):
                low, high = self.target_scale.low, self.target_scale.high
                lines.append(
                    f"target: {n_far} of {len(values)} values lie far outside the rest and count as {low:.6g} or {high:.6g}, "
                    "between which all answers lie"
                )
        return lines

    def model(
        self,
        genome: Genome,
        *,
        target_name: str = "target",
        target_plan: ColumnPlan | None = None,
        about: dict[str, Any] | None = None,
    ) -> Model:
        """Return the model that applies `genome` to tables like the one prepared."""
        return Model(
            genome,
            self.problem.task,
            self.preprocessor,
            self.classes,
            self.target_scale,
            target_name,
            about or {},
            target_plan,
            self.sequence,
        )


def prepare_problem(
    features: Any,
    target: Any,
    task: str,
    *,
    seed: int,
    validation_fraction: float = 0.4,
    weights: np.ndarray | None = None,
    class_weight: str | dict[Any, float] | None = None,
    positive: str | None = None,
    one_hot_integers: int = 0,
    max_levels: int = 20,
    plan: TablePlan | None = None,
) -> PreparedProblem:
    """Fit the preprocessing to training rows and divide them, by class, into a part to train on and a part to judge by.

    `features` is a DataFrame or an array (n_rows, n_columns), whose columns are read by `plan`, by default one decided on these
    rows; `target` has shape (n_rows,), `weights` likewise. `class_weight`
    "balanced" makes classes weigh the same in total; a dict gives the weight of each class. `positive` names the class of two
    whose probability is told. Columns of at most
    `one_hot_integers` distinct whole numbers get an input per number too, fewer of them where inputs would become too many;
    categories one for each of their `max_levels` heaviest levels. Rows that are equal are joined before the division. When too
    few rows are left to judge by, all rows do both. Raises DataError or ConfigError for unusable input.
    """
    if not 0 < validation_fraction < 1:
        raise ConfigError(f"validation_fraction must lie between 0 and 1, not {validation_fraction}")
    classes, values = with_positive(*encode_target(target, task), task, positive)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    plan = plan_table(features).plan if plan is None else plan
    scale = TargetScale.fit(values, weights) if task == "regression" else None
    targets = make_targets(values, task, classes, scale)
    names = ["target"] if classes is None else [str(label) for label in (classes[1:] if task == "binary" else classes)]
    options = EncodingOptions(max_levels, one_hot_integers, tuple(names), MOST_INPUTS)

    def encode(learnt: np.ndarray) -> tuple[Preprocessor, EncodedRows, np.ndarray, np.ndarray]:
        fitted, encoded = Preprocessor.fit_encoded(features, weights, plan=plan, targets=learnt, options=options)

        def column(number: int) -> np.ndarray:
            return values if number == 0 else encoded.column(number - 1)

        return fitted, encoded, *join_rows(column, 1 + len(fitted.rules), weights)

    # means of levels are learnt in the target's own units, or their logarithm
    preprocessor, encoded, joined, totals = encode(targets if scale is None else scale.clip(values)[:, None])
    if scale is not None and scale.may_be_logarithmic(values[joined]):
        logarithmic = scale.logarithmic(encoded.inputs()[joined] + 0.0, values[joined], totals)
        if logarithmic is not None:
            scale = logarithmic
            preprocessor, encoded, joined, totals = encode(np.log(scale.clip(values))[:, None])
    merged = values[joined]
    targets = make_targets(merged, task, classes, scale)
    if class_weight is not None:
        totals = totals * class_factors(class_weight, classes, merged, totals)
    if not _LIGHTEST < totals.mean() < 1 / _LIGHTEST:
        raise ConfigError(f"row weights must be near 1 on average, and these average {totals.mean():g}: divide them by that")
    samples = Samples.make(encoded.rows(joined), targets, totals)
    problem = Problem.divided(samples, merged, task, validation_fraction, make_rng(seed, "split"))
    return PreparedProblem(problem, preprocessor, classes, scale)


def with_positive(
    classes: tuple[Any, ...] | None, values: np.ndarray, task: str, positive: str | None
) -> tuple[tuple[Any, ...] | None, np.ndarray]:
    """Return classes and the positions of rows among them (n_rows,), that of `positive` second; raises ConfigError for none of two."""
    if positive is None:
        return classes, values
    if task != "binary" or classes is None:
        raise ConfigError(f"positive {positive!r} is one of two classes, and the task is {task}: leave it out")
    names = [str(label) for label in classes]
    if positive not in names:
        raise ConfigError(f"positive must be {names[0]!r} or {names[1]!r}, the classes of the target, not {positive!r}")
    return (classes, values) if positive == names[1] else (classes[::-1], 1 - values)


def make_targets(values: np.ndarray, task: str, classes: tuple[Any, ...] | None, scale: TargetScale | None) -> np.ndarray:
    """Return what outputs are to be: scaled numbers, 0 or 1, or an indicator of each class, float64 (n_rows, n_outputs)."""
    if scale is not None:
        return scale.apply(values)[:, None]
    return values.astype(np.float64)[:, None] if task == "binary" or classes is None else np.eye(len(classes))[values]


def class_factors(
    class_weight: str | dict[Any, float], classes: tuple[Any, ...] | None, codes: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Factor for the weight of every row, shape (n_rows,)."""
    if classes is None:
        raise ConfigError("class_weight is for classification, and the target is a number")
    if class_weight == "balanced":
        share = np.bincount(codes, weights=weights, minlength=len(classes))
        factors = weights.sum() / (len(classes) * np.maximum(share, np.finfo(float).tiny))
    elif isinstance(class_weight, dict):
        factors = _listed_factors(class_weight, classes)
    else:
        raise ConfigError(f"class_weight must be 'balanced', a dict or None, not {class_weight!r}")
    return factors[codes]


def _listed_factors(class_weight: dict[Any, float], classes: tuple[Any, ...]) -> np.ndarray:
    """Factor of every class, 1 where the dict has none, shape (n_classes,)."""
    unknown = [label for label in class_weight if label not in classes]
    if unknown and any(label not in class_weight for label in classes):
        known = ", ".join(map(repr, classes[:10]))
        raise ConfigError(f"class_weight has a weight for {unknown[0]!r}, and the classes are {known}")
    factors = [class_weight.get(label, 1.0) for label in classes]
    if not all(isinstance(factor, Real) and 0 < factor < float("inf") for factor in factors):
        raise ConfigError(f"class_weight must hold a positive number for each class, and gives them {factors[:10]}")
    return np.array(factors, dtype=np.float64)
