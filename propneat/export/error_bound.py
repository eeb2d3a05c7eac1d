"""How far a network that rounds can be from the exact one: errors carried from node to node, row by row.

A running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, section 3.3): beside each value goes a bound
of its error, so the bound of an answer holds for its own row and needs no assumption but those of `Rounding`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from propneat.compiler import LayerPlan, apply_activation
from propneat.data import InputRule, TargetScale
from propneat.genome import ACTIVATIONS, AGGREGATIONS, check_functions

__all__ = ["UNIT", "Rounding", "answer_errors", "float_input_errors", "float_rounding", "running_errors"]

_SLOPES = {
    "identity": 1.0, "sigmoid": 0.25, "steep_sigmoid": 1.225, "tanh": 1.0, "relu": 1.0, "leaky_relu": 1.0, "elu": 1.0,
    "gelu": 1.13, "silu": 1.1, "softplus": 1.0, "sin": 1.0, "gauss": 0.86, "abs": 1.0, "square": 0.0,
}  # fmt: skip
"""The steepest slope of every activation; that of the square depends on its argument."""

check_functions(__name__, activations=_SLOPES, aggregations=("sum", "mean", "product", "max", "min"))

UNIT = 2.0**-24
"""Relative rounding error of float32."""


@dataclass(frozen=True)
class Rounding:
    """What rounding adds, as absolute errors in the units of the values, and `relative` to every intermediate result.

    `weights` (n_edges,) of the weights as stored, `partial` (n_edges,) of a product of values once this edge's value is in it,
    `product` (n_slots,) of the product of all weights of a node, `before` and `after` (n_slots,) of a node's sum and answer;
    `relative_after` multiplies 1 + |answer| of activations that are computed by a series.
    """

    weights: np.ndarray
    partial: np.ndarray
    product: np.ndarray
    before: np.ndarray
    after: np.ndarray
    relative: float = 0.0
    relative_after: float = 0.0


def float_rounding(plan: LayerPlan) -> Rounding:
    """Return the rounding of a network that is computed in float32, its mathematical functions right to four units."""
    edges, slots = np.zeros(plan.n_edges), np.zeros(plan.n_slots)
    return Rounding(UNIT * np.abs(plan.weights), edges, slots, slots, slots, UNIT, 8 * UNIT)


def float_input_errors(rules: Sequence[InputRule], X: np.ndarray) -> np.ndarray:
    """Return how far inputs that are made in float32 can be from exact ones `X`, both of shape (n_rows, n_inputs)."""
    reach = [8 + 4 * (abs(rule.center) + max(abs(rule.low or 0.0), abs(rule.high or 0.0))) / rule.scale for rule in rules]
    return UNIT * (np.array(reach) + 4 * np.abs(X))


def answer_errors(scale: TargetScale, answers: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Return how far numbers in the target's units can be off where the outputs of the network are, both (n_rows, 1)."""
    with np.errstate(over="ignore"):
        return np.abs(answers) * np.expm1(errors * scale.scale) if scale.log else errors * scale.scale


def running_errors(
    plan: LayerPlan, X: np.ndarray, input_errors: np.ndarray, rounding: Rounding
) -> tuple[np.ndarray, np.ndarray]:
    """Return all exact values, float64 (n_slots, n_rows), and a bound of the error of each, of the same shape.

    `X` and `input_errors` have the shape (n_rows, n_inputs).
    """
    values, errors = np.empty((plan.n_slots, len(X))), np.empty((plan.n_slots, len(X)))
    values[: plan.n_inputs], errors[: plan.n_inputs] = X.T, input_errors.T
    with np.errstate(over="ignore", invalid="ignore"):
        for slot in range(plan.n_inputs, plan.n_slots):
            z, error = _joined(plan, slot, values, errors, rounding)
            bias = plan.biases[slot - plan.n_inputs]
            z = z + bias
            error = error + rounding.before[slot] + rounding.relative * (2 * np.abs(bias) + np.abs(z))
            name = ACTIVATIONS[plan.activation[slot]]
            slope = 2 * np.abs(z) + error if name == "square" else _SLOPES[name]
            values[slot] = apply_activation(plan.activation[slot], z)
            series = 0.0 if name in ("identity", "relu", "abs") else rounding.relative_after * (1 + np.abs(values[slot]))
            errors[slot] = slope * error + rounding.after[slot] + series
    return values, errors


def _joined(
    plan: LayerPlan, slot: int, values: np.ndarray, errors: np.ndarray, rounding: Rounding
) -> tuple[np.ndarray, np.ndarray]:
    edges = np.arange(plan.edge_start[slot], plan.edge_start[slot + 1])
    if not len(edges):
        return np.zeros(values.shape[1]), np.zeros(values.shape[1])
    join = AGGREGATIONS[plan.aggregation[slot]]
    v, e = values[plan.edge_source[edges]], errors[plan.edge_source[edges]]
    if join == "product":
        return _multiplied(plan.weights[edges], v, e, rounding, edges, rounding.product[slot])
    terms = plan.weights[edges, None] * v
    term_errors = np.abs(plan.weights[edges, None]) * e + rounding.weights[edges, None] * (np.abs(v) + e)
    term_errors += rounding.relative * np.abs(terms)
    if join in ("max", "min"):
        return (terms.max(axis=0) if join == "max" else terms.min(axis=0)), term_errors.max(axis=0)
    count = len(edges) if join == "mean" else 1
    error = term_errors.sum(axis=0) + rounding.relative * (len(edges) + 2) * (np.abs(terms) + term_errors).sum(axis=0)
    return terms.sum(axis=0) / count, error / count


def _multiplied(
    weights: np.ndarray, v: np.ndarray, e: np.ndarray, rounding: Rounding, edges: np.ndarray, product_error: float
) -> tuple[np.ndarray, np.ndarray]:
    value, error = v[0], e[0] + rounding.partial[edges[0]]
    for k in range(1, len(edges)):
        error = np.abs(value) * e[k] + np.abs(v[k]) * error + error * e[k] + rounding.partial[edges[k]]
        value = value * v[k]
    weight = float(np.prod(weights))
    z = weight * value
    relative = 3 * len(edges) * rounding.relative
    return z, np.abs(weight) * error + product_error * (np.abs(value) + error) + relative * (np.abs(z) + np.abs(weight) * error)
