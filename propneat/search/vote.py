"""How much each of several networks counts when they answer together: greedy ensemble selection on validation rows."""

import numpy as np
import scipy

__all__ = ["class_shares", "vote_weights"]

_ROUNDS = 30
_LEAST = 1e-7


def class_shares(task: str, outputs: np.ndarray) -> np.ndarray:
    """Turn raw outputs (..., n_outputs) into probabilities (..., n_classes); those of a regression stay as they are."""
    if task == "regression":
        return outputs
    if task == "binary":
        outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=-1)
    return scipy.special.softmax(outputs, axis=-1)


def vote_weights(task: str, outputs: np.ndarray, targets: np.ndarray, row_weights: np.ndarray) -> np.ndarray:
    """Return the share of every network in the joint answer, float64 (n_networks,), adding up to 1.

    Networks are drawn one by one, with replacement, each time the one that lowers the loss of the mean answer most (Caruana et
    al. 2004); a network's share is how often it was drawn. So that a few validation rows do not decide alone, every
    usable network starts with one vote. `outputs` has shape (n_networks, n_rows, n_outputs), `targets` (n_rows, n_outputs)
    as in `Samples`, `row_weights` (n_rows,). Networks whose outputs are not finite get 0; with none usable the first gets all.
    """
    usable = np.isfinite(outputs).all(axis=(1, 2))
    votes = usable.astype(np.float64)
    if not usable.any():
        votes[0] = 1.0
        return votes
    answers = class_shares(task, np.where(usable[:, None, None], outputs, 0.0))
    wanted = np.concatenate([1 - targets, targets], axis=1) if task == "binary" else targets
    total = (votes[:, None, None] * answers).sum(axis=0)
    for _ in range(_ROUNDS):
        losses = _losses(task, (total + answers) / (votes.sum() + 1), wanted, row_weights)
        best = int(np.argmin(np.where(usable, losses, np.inf)))
        votes[best] += 1
        total += answers[best]
    return votes / votes.sum()


def _losses(task: str, answers: np.ndarray, wanted: np.ndarray, row_weights: np.ndarray) -> np.ndarray:
    """Weighted loss of every candidate answer, (n_candidates,): squared error, or log loss of the right class."""
    if task == "regression":
        rows = np.square(answers - wanted).mean(axis=2)
    else:
        rows = -(wanted * np.log(np.maximum(answers, _LEAST))).sum(axis=2)
    return rows @ row_weights
