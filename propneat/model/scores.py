"""How good a model's answers are on rows whose truth is known."""

from typing import Any

import numpy as np

from propneat.base.errors import DataError
from propneat.data import encode_target
from propneat.data.targets import read_labels
from propneat.model.answers import class_probabilities
from propneat.model.model import Model
from propneat.search.scores import score_outputs

__all__ = ["answer", "class_codes", "read_truth", "score_answers", "score_model"]


def answer(model: Model, table: Any) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Return a model's predictions, shape (n_rows,), class probabilities (n_rows, n_classes), and the rows without an answer.

    The probabilities are None for a regression. The network overflows on rows without an answer, bool (n_rows,): their
    prediction is None or NaN, their probabilities are NaN.
    """
    outputs = model.outputs(table)
    broken = ~np.isfinite(outputs).all(axis=1)
    if model.task == "regression":
        predictions = model.scale.invert(np.where(broken, 0.0, outputs[:, 0]))
        broken |= ~np.isfinite(predictions)
        return np.where(broken, np.nan, predictions), None, broken
    probabilities = class_probabilities(model.task, np.where(broken[:, None], 0.0, outputs))
    predictions = np.array(model.labels, dtype=object)[np.argmax(probabilities, axis=1)]
    predictions[broken], probabilities[broken] = None, np.nan
    return predictions, probabilities, broken


def read_truth(model: Model, target: Any) -> Any:
    """Return the true answers (n_rows,) as labels or numbers, None or NaN where missing, read as in training."""
    if model.target_plan is None:
        return target
    return read_labels(model.target_plan, target, model.preprocessor.plan.missing)


def score_model(model: Model, table: Any, target: Any) -> dict[str, float]:
    """Score a model on a table and its true target, shape (n_rows,); one number per score, all rows counting the same.

    Classification: `auc` (for several classes the unweighted mean over one-against-rest questions, NaN with rows of one
    class), `balanced_accuracy` (mean over the classes present of the share answered right) and `log_loss` (nats per row,
    probabilities cut at the float64 epsilon). Regression: `r2` and `rmse`, in the units of the target.
    All are NaN when an output is not finite. Raises DataError for a target that the model cannot speak of.
    """
    return score_answers(model, model.outputs(table), target)


def score_answers(model: Model, outputs: np.ndarray, target: Any) -> dict[str, float]:
    """Score raw outputs of a model's network, float64 (n_rows, n_outputs), as `score_model` does."""
    if not np.isfinite(outputs).all():
        names = ("r2", "rmse") if model.task == "regression" else ("auc", "balanced_accuracy", "log_loss")
        return dict.fromkeys(names, float("nan"))
    target = read_truth(model, target)
    if model.task == "regression":
        truth = encode_target(target, "regression")[1]
        answers = model.scale.invert(outputs[:, 0])
        with np.errstate(over="ignore"):
            rmse = _root_mean_square(answers - truth)
            # in units of the scale, so that huge numbers have finite squares
            scaled = [(values - model.scale.center) / model.scale.scale for values in (answers, truth)]
            score = score_outputs("regression", scaled[0][:, None], scaled[1][:, None], np.ones(len(truth)))
        return {"r2": score, "rmse": rmse}
    codes = class_codes(model, target)
    hot = np.eye(len(model.labels))[codes]
    with np.errstate(over="ignore"):
        probabilities = class_probabilities(model.task, outputs)
    right = np.argmax(probabilities, axis=1) == codes
    targets = hot[:, 1:] if model.task == "binary" else hot
    return {
        "auc": score_outputs(model.task, outputs, targets, np.ones(len(codes))),
        "balanced_accuracy": float(np.mean([right[codes == code].mean() for code in np.unique(codes)])),
        "log_loss": float(-np.mean(np.log(np.maximum(probabilities[np.arange(len(codes)), codes], np.finfo(float).eps)))),
    }


def _root_mean_square(gaps: np.ndarray) -> float:
    """Return the root of the mean square of gaps (n_rows,), in units of the largest where squares would leave float64."""
    square, largest = float(np.mean(gaps**2)), float(np.abs(gaps).max())
    if np.finfo(float).tiny <= square < np.inf or not 0 < largest < np.inf:
        return float(np.sqrt(square))
    return float(largest * np.sqrt(np.mean((gaps / largest) ** 2)))


def class_codes(model: Model, target: Any) -> np.ndarray:
    """Return the position of every label among the model's classes, int64 (n_rows,); numbers match texts that spell them."""
    position: dict[Any, int] = {str(label): code for code, label in enumerate(model.labels)}
    position |= {label: code for code, label in enumerate(model.labels)}

    def code_of(label: Any) -> int:
        plain = label.item() if isinstance(label, np.generic) else label
        code = position.get(plain, position.get(str(plain)))
        if code is None:
            known = ", ".join(map(str, model.labels[:10]))
            raise DataError(f"the target holds {str(plain)[:60]!r}, and the model's classes are {known}")
        return code

    labels = np.asarray(target)
    if labels.dtype == object:
        return np.array([code_of(label) for label in labels], np.int64)
    distinct, places = np.unique(labels, return_inverse=True)
    return np.array([code_of(label) for label in distinct], np.int64)[places]
