"""The reference evaluator: a plain float64 walk over a plan, one node at a time, every row at once."""

from collections.abc import Callable
from functools import reduce

import numpy as np

from propneat.compiler.plan import LayerPlan, without_past
from propneat.compiler.unfolding import unfold
from propneat.genome import ACTIVATIONS, AGGREGATIONS, check_functions

__all__ = ["apply_activation", "evaluate"]

_ROWS_AT_ONCE = 16_384
_NUMBERS_AT_ONCE = 2**27
"""Most values of nodes in memory, 1 GiB of them; networks beyond 8,192 nodes take fewer rows at once."""
_TERMS_AT_ONCE = 64


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
    return _FUNCTIONS[ACTIVATIONS[code]](z)


def evaluate(plan: LayerPlan, X: np.ndarray) -> np.ndarray:
    """Compute the network on rows `X`, shape (n_rows, n_inputs); returns float64 of shape (n_rows, n_outputs).

    Or on sequences, shape (n_rows, n_steps, n_inputs), each of which begins without a past; returns the outputs at every step,
    (n_rows, n_steps, n_outputs). A row's answer depends on that row alone, to the bit, whatever other rows stand beside it.
    Raises ValueError when the number of columns is not the number of inputs, and GenomeError, which is one, for rows without
    steps where the network is recurrent.
    """
    X = np.asarray(X, dtype=np.float64)
    if X.ndim not in (2, 3) or X.shape[-1] != plan.n_inputs:
        raise ValueError(f"expected rows of {plan.n_inputs} inputs, got an array of shape {X.shape}")
    if X.ndim == 3:
        return _evaluate_steps(plan, X)
    without_past(plan, "a single row")
    answers = np.empty((len(X), plan.n_outputs))
    rows_at_once = max(1, min(_ROWS_AT_ONCE, _NUMBERS_AT_ONCE // plan.n_slots))
    values = np.empty((plan.n_slots, min(rows_at_once, len(X))))
    for first in range(0, len(X), rows_at_once):
        rows = slice(first, first + rows_at_once)
        answers[rows] = _evaluate_block(plan, X[rows], values[:, : len(X[rows])]).T
    return answers


def _evaluate_steps(plan: LayerPlan, X: np.ndarray) -> np.ndarray:
    step = unfold(plan)
    answers = np.empty((len(X), X.shape[1], plan.n_outputs))
    state = np.zeros((len(X), step.n_inputs - plan.n_inputs))
    for t in range(X.shape[1]):
        outputs = evaluate(step, np.concatenate([X[:, t], state], axis=1))
        answers[:, t], state = outputs[:, : plan.n_outputs], outputs[:, plan.n_outputs :]
    return answers


def _evaluate_block(plan: LayerPlan, X: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Fill `values`, shape (n_slots, n_rows), and return the rows of it that are outputs."""
    values[: plan.n_inputs] = X.T
    with np.errstate(over="ignore", invalid="ignore"):
        for slot in range(plan.n_inputs, plan.n_slots):
            edges = slice(plan.edge_start[slot], plan.edge_start[slot + 1])
            z = np.full(len(X), plan.biases[slot - plan.n_inputs])
            if edges.stop > edges.start:
                z += _joined(AGGREGATIONS[plan.aggregation[slot]], plan.weights[edges], values, plan.edge_source[edges])
            values[slot] = apply_activation(plan.activation[slot], z)
        return values[plan.output_slot]


def _joined(name: str, weights: np.ndarray, values: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Join the weighted values of a node's sources by an aggregation; some terms at once, so that many need no more memory."""
    joined = None
    for first in range(0, len(weights), _TERMS_AT_ONCE):
        some = slice(first, first + _TERMS_AT_ONCE)
        terms = weights[some, None] * values[sources[some]]
        # term by term, because the order in which numpy sums an axis depends on the number of rows
        joined = reduce(_JOINS[name], terms if joined is None else [joined, *terms])
    return joined / len(weights) if name == "mean" else joined  # type: ignore[operator,return-value]  # there is a source
