"""The one figure shown beside the loss while a run goes on."""

import warnings

import numpy as np

__all__ = ["SCORE_NAMES", "score_outputs"]

SCORE_NAMES = {"binary": "AUC", "multiclass": "AUC", "regression": "R²"}


def score_outputs(task: str, outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """Score a network's raw outputs, shape (n_rows, n_outputs), against targets laid out as in `Samples`.

    Binary: area under the ROC curve. Multiclass: its unweighted mean over one-against-rest questions, asked of the softmax.
    Regression: R squared.
    NaN where the figure does not exist, as with rows of a single class or outputs that are not finite.
    """
    from scipy.special import softmax
    from sklearn.metrics import r2_score, roc_auc_score

    if not np.isfinite(outputs).all():
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if task == "regression":
            return float(r2_score(targets, outputs, sample_weight=weights)) if len(outputs) > 1 else float("nan")
        if task == "multiclass":
            outputs = softmax(outputs, axis=1)
        areas = [
            roc_auc_score(targets[:, k], outputs[:, k], sample_weight=weights)
            for k in range(targets.shape[1])
            if 0 < targets[:, k].sum() < len(targets)
        ]
    return float(np.mean(areas)) if areas else float("nan")
