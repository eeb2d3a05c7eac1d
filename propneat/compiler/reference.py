"""The reference evaluator, which everything that computes networks is judged by: a plain float64 walk, one node at a time."""

from collections.abc import Callable
from functools import reduce

import numpy as np

from propneat.compiler.plan import LayerPlan
from propneat.compiler.unfolding import unfold
from propneat.genome import ACTIVATIONS, AGGREGATIONS, check_functions

__all__ = ["apply_activation", "evaluate"]


def _sigmoid(z: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


_FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda z: z,
    "sigmoid": _sigmoid,
    "steep_sigmoid": lambda z: _sigmoid(4.9 * z),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0.0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0.0))),
    "gelu": lambda z: z * _sigmoid(2.0 * np.sqrt(2.0 / np.pi) * (z + 0.044715 * z**3)),
    "silu": lambda z: z * _sigmoid(z),
    "softplus": lambda z: np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z))),
    "sin": np.sin,
    "gauss": lambda z: np.exp(-(z**2)),
    "abs": np.abs,
    "square": np.square,
}

_JOINS = {"sum": np.add, "mean": np.add, "product": np.multiply, "max": np.maximum, "min": np.minimum}

check_functions(__name__, activations=_FUNCTIONS, aggregations=_JOINS)


def apply_activation(code: int, z: np.ndarray) -> np.ndarray:
    """Apply the activation with a code (its position in ACTIVATIONS) to every element of `z`."""
    if own := ACTIVATIONS.own(code):
        return np.asarray(own.function(np.asarray(z, np.float64)), np.float64)
    return _FUNCTIONS[ACTIVATIONS[code]](z)


def evaluate(plan: LayerPlan, X: np.ndarray) -> np.ndarray:
    """Compute a network as `propneat.compiler.evaluate` does, on rows or sequences, with all values in memory."""
    X = np.asarray(X, dtype=np.float64)
    return _evaluate_steps(plan, X) if X.ndim == 3 else _evaluate_rows(plan, X)


def _evaluate_steps(plan: LayerPlan, X: np.ndarray) -> np.ndarray:
    step = unfold(plan)
    answers = np.empty((len(X), X.shape[1], plan.n_outputs))
    state = np.zeros((len(X), step.n_inputs - plan.n_inputs))
    for t in range(X.shape[1]):
        outputs = _evaluate_rows(step, np.concatenate([X[:, t], state], axis=1))
        answers[:, t], state = outputs[:, : plan.n_outputs], outputs[:, plan.n_outputs :]
    return answers


def _evaluate_rows(plan: LayerPlan, X: np.ndarray) -> np.ndarray:
    values = np.empty((plan.n_slots, len(X)))
    values[: plan.n_inputs] = X.T
    with np.errstate(over="ignore", invalid="ignore"):
        for slot in range(plan.n_inputs, plan.n_slots):
            edges = slice(plan.edge_start[slot], plan.edge_start[slot + 1])
            z = np.full(len(X), plan.biases[slot - plan.n_inputs])
            if edges.stop > edges.start:
                z += _joined(plan.aggregation[slot], plan.weights[edges], values, plan.edge_source[edges])
            values[slot] = apply_activation(plan.activation[slot], z)
        return values[plan.output_slot].T


def _joined(code: int, weights: np.ndarray, values: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Join the weighted values of a node's sources by the aggregation with a code."""
    if own := AGGREGATIONS.own(code):
        return np.asarray(own.function(weights[:, None] * values[sources]), np.float64)
    name = AGGREGATIONS[code]
    # term by term, because the order in which numpy sums an axis depends on the number of rows
    joined = reduce(_JOINS[name], weights[:, None] * values[sources])
    return joined / len(weights) if name == "mean" else joined
