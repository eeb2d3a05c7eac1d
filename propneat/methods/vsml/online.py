"""Online baselines of the native study: a linear layer that takes one gradient step per row."""

import numpy as np

__all__ = ["RULES", "learn_linear"]

RULES = {"SGD": 0.05, "Adam": 0.01}
"""Online rules, and the step sizes that the specification of the study compares with."""


def learn_linear(rule: str, rate: float, X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Softmax regression from zero, one step of the rule "SGD" or "Adam" for every row X (T, A), Y one-hot (T, B).

    Returns the weights, float64 (A + 1, B), the last row the bias, and the outputs before each label was seen (T, B).
    """
    rows = np.column_stack([X, np.ones(len(X))]).astype(np.float64)
    weights = np.zeros((rows.shape[1], Y.shape[1]))
    mean, square, logits = np.zeros_like(weights), np.zeros_like(weights), np.empty(Y.shape)
    for t, row in enumerate(rows):
        logits[t] = row @ weights
        odds = np.exp(logits[t] - logits[t].max())
        gradient = np.outer(row, odds / odds.sum() - Y[t])
        if rule == "SGD":
            weights = weights - rate * gradient
            continue
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        weights = weights - rate * mean / (1 - 0.9 ** (t + 1)) / (np.sqrt(square / (1 - 0.999 ** (t + 1))) + 1e-8)
    return weights, logits
