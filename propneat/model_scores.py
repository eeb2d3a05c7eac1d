"""How good a model's answers are on rows whose truth is known."""

from typing import Any

import numpy as np

from propneat.data.columns import as_numbers
from propneat.errors import DataError, GenomeError
from propneat.model import Model, class_probabilities
from propneat.scores import score_outputs

__all__ = ["answer", "score_model"]


def answer(model: Model, table: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a model's predictions, shape (n_rows,), and class probabilities (n_rows, n_classes), None for a regression.

    Raises GenomeError when the network overflows on a row, where there is no answer to give.
    """
    outputs = model.outputs(table)
    with np.errstate(over="ignore"):
        if model.task == "regression":
            predictions, probabilities = model.target_scale.invert(outputs[:, 0]), None
            is_usable = np.isfinite(predictions)
        else:
            is_usable = np.isfinite(outputs).all(axis=1)
            probabilities = class_probabilities(model.task, np.where(is_usable[:, None], outputs, 0.0))
            predictions = np.array(model.classes, dtype=object)[np.argmax(probabilities, axis=1)]
    if not is_usable.all():
        row = int(np.argmin(is_usable)) + 1
        raise GenomeError(f"the network overflows on row {row} of the table: its weights are too large for these values")
    return predictions, probabilities


def score_model(model: Model, table: Any, target: Any) -> dict[str, float]:
    """Score a model on a table and its true target, shape (n_rows,); one number per score, all rows counting the same.

    Classification: `auc` (for several classes the unweighted mean over one-against-rest questions, NaN with rows of one
    class), `balanced_accuracy` (mean over the classes present of the share answered right) and `log_loss` (nats per row,
    probabilities cut at the float64 epsilon). Regression: `r2` and `rmse`, in the units of the target.
    All are NaN when an output is not finite. Raises DataError for a target that the model cannot speak of.
    """
    outputs = model.outputs(table)
    if not np.isfinite(outputs).all():
        names = ("r2", "rmse") if model.task == "regression" else ("auc", "balanced_accuracy", "log_loss")
        return dict.fromkeys(names, float("nan"))
    if model.task == "regression":
        truth = as_numbers(target, model.target_name)
        if np.isnan(truth).any():
            raise DataError(f"the target {model.target_name!r} is missing in some rows: remove those rows to score the others")
        with np.errstate(over="ignore"):
            rmse = np.sqrt(np.mean((model.target_scale.invert(outputs[:, 0]) - truth) ** 2))
            score = score_outputs("regression", outputs, model.target_scale.apply(truth)[:, None], np.ones(len(truth)))
        return {"r2": score, "rmse": float(rmse)}
    codes = _class_codes(model, target)
    hot = np.eye(len(model.classes))[codes]
    with np.errstate(over="ignore"):
        probabilities = class_probabilities(model.task, outputs)
    right = np.argmax(probabilities, axis=1) == codes
    targets = hot[:, 1:] if model.task == "binary" else hot
    return {
        "auc": score_outputs(model.task, outputs, targets, np.ones(len(codes))),
        "balanced_accuracy": float(np.mean([right[codes == code].mean() for code in np.unique(codes)])),
        "log_loss": float(-np.mean(np.log(np.maximum(probabilities[np.arange(len(codes)), codes], np.finfo(float).eps)))),
    }


def _class_codes(model: Model, target: Any) -> np.ndarray:
    """Return the position of every label among the model's classes, int64 (n_rows,); numbers match texts that spell them."""
    position: dict[Any, int] = {str(label): code for code, label in enumerate(model.classes)}
    position |= {label: code for code, label in enumerate(model.classes)}
    codes = []
    for label in target:
        plain = label.item() if isinstance(label, np.generic) else label
        code = position.get(plain, position.get(str(plain)))
        if code is None:
            known = ", ".join(map(str, model.classes[:10]))
            raise DataError(f"the target holds {str(plain)[:60]!r}, and the model's classes are {known}")
        codes.append(code)
    return np.array(codes, np.int64)
