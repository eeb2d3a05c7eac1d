"""What fixed point costs: the answers before and after on rows, and how far they are apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from propneat.base.errors import DataError, ExportError
from propneat.base.words import count
from propneat.compiler import evaluate
from propneat.data import encode_target
from propneat.export.c_fixed import FixedModel
from propneat.export.c_fixed_run import fixed_errors, run_fixed
from propneat.model import Model, class_probabilities
from propneat.model.scores import class_codes, read_truth
from propneat.search.scores import SCORE_NAMES, score_outputs

__all__ = ["Cost", "check_tolerance", "measure_cost"]


@dataclass(frozen=True)
class Cost:
    """What whole numbers change on some rows.

    `difference` is the largest change of a probability, or of an answer as a share of the target's spread; `bound` how far no
    output of the network can be off on these rows where nothing saturates; `before` and `after` are AUC or R squared, None without a
    target; `same` is the share of rows with the same class.
    """

    n_rows: int
    difference: float
    bound: float
    saturated: int
    same: float | None
    score: str
    before: float | None
    after: float | None

    def lines(self, numbers: str) -> list[str]:
        """Return what is said of it."""
        what = "a probability" if self.same is not None else "an answer, as a share of the target's spread,"
        scored = "" if self.before is None else f", {self.score} {self.before:.4f} in float64 and {self.after:.4f} in {numbers}"
        same = "" if self.same is None else f", the same class on {self.same:.2%} of rows"
        first = f"{numbers} on {count(self.n_rows, 'row')}: largest difference of {what} {self.difference:.2g}{same}{scored}"
        sure = f"an output of the network is off by {self.bound:.2g} at most, by proof"
        beyond = (
            f"; on {count(self.saturated, 'row')} a value saturates, and there the proof does not hold"
            if self.saturated
            else ""
        )
        return [first, sure + beyond]


def measure_cost(fixed: FixedModel, x: np.ndarray, inputs: np.ndarray, target: Any = None) -> Cost:
    """Compare answers on rows given as `x` (n_rows, n_columns) and as exact inputs (n_rows, n_inputs); target (n_rows,)."""
    model = fixed.model
    outputs, run = evaluate(model.plan, inputs), run_fixed(fixed, x)
    sound = ~run.saturated & np.isfinite(outputs).all(axis=1)
    bound = float(fixed_errors(fixed, inputs)[sound].max(initial=0.0))
    if model.task == "regression":
        exact, same = model.target_scale.invert(outputs), None
        spread = (
            model.target_scale.scale
            if not model.target_scale.log
            else max(float(np.std(exact)), 2.0**-40 * float(np.abs(exact).max()))
        )
    else:
        exact, spread = class_probabilities(model.task, outputs), 1.0
        same = float(np.mean(np.argmax(exact, axis=1) == run.codes))
    finite = np.isfinite(exact).all(axis=1)
    difference = float(np.abs(run.answers - exact)[finite].max(initial=0.0)) / spread
    before, after = (None, None) if target is None else _scores(model, exact, run.answers, target)
    return Cost(len(x), difference, bound, int(run.saturated.sum()), same, SCORE_NAMES[model.task], before, after)


def _scores(model: Model, exact: np.ndarray, answers: np.ndarray, target: Any) -> tuple[float | None, float | None]:
    """Return AUC or R squared of both on the rows that have a target; None where none has one."""
    truth = read_truth(model, target)
    present = truth.notna().to_numpy() if hasattr(truth, "notna") else np.ones(len(exact), bool)
    if not present.any():
        return None, None
    if model.task == "regression":
        hot = encode_target(truth[present], "regression")[1][:, None]
        found = [values[present] for values in (exact, answers)]
    else:
        hot = np.eye(len(model.classes))[class_codes(model, truth[present])]
        found = [np.log(np.maximum(values[present], 2.0**-40)) for values in (exact, answers)]
        if model.task == "binary":
            hot, found = hot[:, 1:], [values[:, 1:] - values[:, :1] for values in found]
    before, after = (score_outputs(model.task, values, hot, np.ones(len(hot))) for values in found)
    return before, after


def check_tolerance(cost: Cost, tolerance: float, numbers: str) -> None:
    """Raise ExportError when answers differ by more than the tolerance, DataError for one that is none."""
    if not tolerance >= 0:
        raise DataError(f"--tolerance must be a number from 0 on, not {tolerance}")
    if cost.difference > tolerance:
        raise ExportError(
            f"{numbers} changes an answer by {cost.difference:.3g}, and --tolerance is {tolerance:g}: "
            "use wider numbers, or allow more; nothing was written"
        )
