"""What rounding a formula costs, measured on rows, and the fewest digits that cost nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from propneat.base.errors import DataError
from propneat.base.words import count
from propneat.data import encode_target
from propneat.export.python_text import to_python
from propneat.formula import Formula, round_formula
from propneat.model import Model
from propneat.model.scores import class_codes, read_truth
from propneat.search.scores import SCORE_NAMES, score_outputs

__all__ = ["Rounding", "fewest_digits", "formula_answers", "measure_rounding"]

_KEPT = 0.0005
"""A score that changes by no more is the same in the three digits that are shown."""


@dataclass(frozen=True)
class Rounding:
    """A formula of some digits beside the exact one, on rows with a target; scores are AUC or R squared."""

    formula: Formula
    digits: int
    n_rows: int
    score: str
    before: float
    after: float
    difference: float

    @property
    def keeps_score(self) -> bool:
        """Whether the score is as good as before; it is not where it does not exist."""
        return self.after >= self.before - _KEPT

    def line(self) -> str:
        """Return what is said of it."""
        return (
            f"Rounded to {self.digits} significant digits: {self.score} {self.after:.4f} on {count(self.n_rows, 'row')}, "
            f"{self.before:.4f} with all digits, largest difference of an answer {self.difference:.2g}"
        )


def formula_answers(formula: Formula, model: Model, table: Any) -> np.ndarray:
    """Compute a formula by its Python text on a table, cells read as in training; returns (n_rows, n_answers)."""
    names = [column.name for column in formula.columns]
    read = model.preprocessor.plan.read(table, names)
    values = []
    for column in formula.columns:
        found = read[column.name]
        levels = found.numbers
        if found.codes is not None:
            none = None if column.kind == "text" else np.nan
            levels = np.array([*found.levels, none], dtype=object if column.kind == "text" else np.float64)[found.codes]
        values.append(levels)
    compiled: dict[str, Any] = {}
    exec(compile(to_python(formula), "formula", "exec"), compiled)
    with np.errstate(over="ignore", invalid="ignore"):
        answers = compiled["predict"](*values)
    columns = list(answers.values()) if isinstance(answers, dict) else [answers]
    return np.stack([np.broadcast_to(column, len(table)) for column in columns], axis=1)


def measure_rounding(model: Model, digits: int, table: Any) -> Rounding:
    """Round the formula of a model and compare answers on rows with their target; raises DataError where none has one."""
    if model.target_name not in table.columns:
        raise DataError(f"the rows have no column {model.target_name!r}: what rounding costs is measured by the true answers")
    truth = read_truth(model, table[model.target_name])
    present = truth.notna().to_numpy()
    if not present.any():
        raise DataError(f"the rows have no value in the column {model.target_name!r}: what rounding costs is measured by it")
    rows, formula = table[present], round_formula(model.formula, digits)
    exact, rounded = (formula_answers(one, model, rows) for one in (model.formula, formula))
    before, after = (_score(model, answers, truth[present]) for answers in (exact, rounded))
    difference = float(np.abs(exact - rounded).max())
    return Rounding(formula, digits, int(present.sum()), SCORE_NAMES[model.task], before, after, difference)


def fewest_digits(model: Model, table: Any) -> Rounding:
    """Return the rounding of the fewest digits, 2 to 12, that keeps the score on rows with their target."""
    tried = (measure_rounding(model, digits, table) for digits in range(2, 13))
    found = None
    for found in tried:
        if found.keeps_score:
            break
    return found


def _score(model: Model, answers: np.ndarray, truth: Any) -> float:
    """Return AUC or R squared of answers (n_rows, n_answers)."""
    if model.task == "regression":
        targets = encode_target(truth, "regression")[1][:, None]
        return score_outputs("regression", answers, targets, np.ones(len(targets)))
    hot = np.eye(len(model.classes))[class_codes(model, truth)]
    targets, answers = (hot[:, 1:], answers) if model.task == "binary" else (hot, np.log(np.maximum(answers, 1e-300)))
    return score_outputs(model.task, answers, targets, np.ones(len(hot)))
