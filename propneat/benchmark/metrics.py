"""Scores of class probabilities and of predicted numbers."""

import numpy as np

__all__ = ["one_class_reason", "one_value_reason", "score_numbers", "score_probabilities"]

_N_BINS = 15
_LEAST = float(np.finfo(np.float64).eps)


def one_class_reason(codes: np.ndarray) -> str | None:
    """Say why a test fold has no AUC; None when it has one."""
    return "one class: the test rows are all of one class, so there is no AUC" if len(np.unique(codes)) < 2 else None


def one_value_reason(target: np.ndarray) -> str | None:
    """Say why a test fold has no R squared; None when it has one."""
    return "one value: the test rows all have the same target, so there is no R²" if np.ptp(target) == 0 else None


def score_numbers(target: np.ndarray, answers: np.ndarray) -> dict[str, float]:
    """Score predicted numbers against true ones, both float (n_rows,).

    `r2`: 1 minus the squared error over that of the test rows' own mean, at most 1. `rmse` and `mae`: root of the mean squared
    error, and mean absolute error, in the target's units. Raises ValueError for answers that are not finite numbers, and for
    errors beyond float64.
    """
    answers = np.asarray(answers, dtype=np.float64)
    if answers.shape != target.shape or not np.isfinite(answers).all():
        raise ValueError("the method gave answers that are not finite, or not one for every row")
    errors, spread = answers - target, target - target.mean()
    # in units of the largest error, whose square is finite
    most = max(float(np.abs(errors).max()), float(np.abs(spread).max()))
    squared, total = np.square(errors / most).mean(), np.square(spread / most).mean()
    scores = {
        "r2": float(1.0 - squared / total) if total > 0 else float("-inf"),
        "rmse": float(most * np.sqrt(squared)),
        "mae": float(np.abs(errors).mean()),
    }
    if not np.isfinite(list(scores.values())).all():
        raise ValueError("the method's answers are so far off that their errors are no finite numbers")
    return scores


def score_probabilities(codes: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Score probabilities, float (n_rows, n_classes), against true class numbers, int (n_rows,).

    `auc`: of two classes the area under the ROC curve of the second's probability, of several the unweighted mean over the
    one-against-rest questions that have both answers among the rows. `accuracy` and `balanced_accuracy` of the most
    probable class. `log_loss` in nats per row, probabilities cut at the float64 epsilon. `brier`: of two classes the mean
    squared error of the second's probability, of several its sum over classes. `ece`, the expected calibration error (Guo et
    al. 2017): how far the probability of the most probable class is from the share of rows that it is right for, in 15 bins of
    equal width, weighted by their rows. Raises ValueError for probabilities that
    are not finite, negative, or do not add up to 1.
    """
    from sklearn.metrics import roc_auc_score

    probabilities = np.asarray(probabilities, dtype=np.float64)
    if not np.isfinite(probabilities).all() or (probabilities < -1e-9).any():
        raise ValueError("the method gave probabilities that are negative or not finite")
    if not np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-3):
        raise ValueError("the method gave probabilities that do not add up to 1")
    n_classes = probabilities.shape[1]
    asked = [1] if n_classes == 2 else [k for k in range(n_classes) if 0 < np.count_nonzero(codes == k) < len(codes)]
    right = np.argmax(probabilities, axis=1) == codes
    errors = np.square(probabilities - np.eye(n_classes)[codes])
    return {
        "auc": float(np.mean([roc_auc_score(codes == k, probabilities[:, k]) for k in asked])),
        "balanced_accuracy": float(np.mean([right[codes == code].mean() for code in np.unique(codes)])),
        "accuracy": float(right.mean()),
        "log_loss": float(-np.mean(np.log(np.maximum(probabilities[np.arange(len(codes)), codes], _LEAST)))),
        "brier": float(errors[:, 1].mean() if n_classes == 2 else errors.sum(axis=1).mean()),
        "ece": _calibration_error(probabilities.max(axis=1), right),
    }


def _calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    bins = np.minimum((confidence * _N_BINS).astype(np.int64), _N_BINS - 1)
    return float(np.abs(np.bincount(bins, right - confidence)).sum() / len(right))
