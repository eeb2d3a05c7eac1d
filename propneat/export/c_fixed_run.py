"""What the C of a fixed-point model answers, computed by numpy to the same bits, and how far that can be from exact."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from propneat.compiler import apply_activation
from propneat.export.c_fixed import FixedModel, FixedNode
from propneat.export.c_fixed_answer import answer_rows, plan_answer
from propneat.export.c_fixed_functions import TOP, apply_fixed, saturate
from propneat.export.c_fixed_inputs import fix_rows
from propneat.export.error_bound import Rounding, running_errors
from propneat.genome import activation_code, check_functions

__all__ = ["FixedRun", "fixed_errors", "run_fixed"]

check_functions(__name__, aggregations=("sum", "mean", "product", "max", "min"))


@dataclass(frozen=True)
class FixedRun:
    """Answers of a fixed-point model: `codes` (n_rows,), `out` (n_rows, n_out) in whole numbers, and as numbers, `answers`.

    `saturated` (n_rows,) marks rows on which a value went beyond its range.
    """

    codes: np.ndarray
    out: np.ndarray
    answers: np.ndarray
    outputs: np.ndarray
    saturated: np.ndarray


def run_fixed(fixed: FixedModel, x: np.ndarray) -> FixedRun:
    """Answer rows of `x`, float32 (n_rows, n_columns), NaN where missing."""
    plan, whole = fixed.model.plan, fix_rows(x, fixed.inputs)
    values = np.zeros((plan.n_slots, len(x)), np.int64)
    for slot, maker in zip(fixed.layout.slots, fixed.inputs.makers, strict=True):
        values[slot] = maker.apply(whole[:, maker.place])
    saturated = np.zeros(len(x), bool)
    for slot, node in enumerate(fixed.nodes, plan.n_inputs):
        values[slot], beyond = _node_values(node, values)
        saturated |= beyond
    outputs = values[plan.output_slot].T
    answer = plan_answer(fixed)
    codes, out = answer_rows(fixed, answer, outputs)
    return FixedRun(codes, out, out * 2.0**-answer.bits, outputs * fixed.units[plan.output_slot], saturated)


def _node_values(node: FixedNode, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the value of a node on every row, and whether it went beyond its range there."""
    total, beyond = _joined(node, values)
    total = total + node.bias
    z = total >> node.shift if node.shift >= 0 else saturate(total) << min(-node.shift, 15)
    value = apply_fixed(node.activation, z, node.more, node.is_computed)
    free = ("identity", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "abs", "square")
    return value, beyond | ((np.abs(z) >= TOP) | (np.abs(value) >= TOP) if node.activation in free else node.shift < 0)


def _joined(node: FixedNode, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n_rows = values.shape[1]
    never = np.zeros(n_rows, bool)
    if not node.sources:
        return np.zeros(n_rows, np.int64), never
    v = values[list(node.sources)]
    if node.join == "product" and len(node.sources) > 1:
        product = v[0]
        for value, shift in zip(v[1:], node.weights[1:], strict=True):
            product = saturate((product * value + ((1 << shift) >> 1)) >> shift)
            never = never | (np.abs(product) >= TOP)
        return product * node.weights[0], never
    terms = np.array(node.weights)[:, None] * v
    if node.join in ("max", "min"):
        return (terms.max(axis=0) if node.join == "max" else terms.min(axis=0)), never
    return terms.sum(axis=0), never


def fixed_errors(fixed: FixedModel, X: np.ndarray) -> np.ndarray:
    """Return a bound of the error of every output on exact inputs `X` (n_rows, n_inputs), float64 (n_rows, n_outputs).

    It holds on rows where nothing saturates.
    """
    plan = fixed.model.plan
    inputs = np.zeros(plan.n_inputs)
    inputs[list(fixed.layout.slots)] = fixed.inputs.errors
    errors = running_errors(plan, X, np.broadcast_to(inputs, X.shape), _rounding(fixed))[1]
    return errors[plan.output_slot].T


def _rounding(fixed: FixedModel) -> Rounding:
    plan = fixed.model.plan
    weights, partial = np.zeros(plan.n_edges), np.zeros(plan.n_edges)
    product, before, after = np.zeros(plan.n_slots), np.zeros(plan.n_slots), np.zeros(plan.n_slots)
    for slot, node in enumerate(fixed.nodes, plan.n_inputs):
        edges = slice(plan.edge_start[slot], plan.edge_start[slot + 1])
        exact, count = plan.weights[edges], len(node.sources)
        if node.join == "product" and count > 1:
            partial[edges] = [0.0, *(0.5 * unit for unit in node.partial_units[1:])]
            product[slot] = abs(node.weights[0] * node.unit_sum / node.partial_units[-1] - np.prod(exact))
        elif count:
            stored = np.array(node.weights) * node.unit_sum / fixed.units[list(node.sources)]
            weights[edges] = np.abs(stored * (count if node.join == "mean" else 1) - exact)
        before[slot] = 0.5 * node.unit_sum + (0.5 * node.unit_z if node.shift > 0 else 0.0)
        after[slot] = _activation_error(node.activation, node.is_computed, node.more, node.unit_z, float(fixed.units[slot]))
        product[slot] = product[slot] if node.join != "product" or count > 1 else weights[edges].sum()
    return Rounding(weights, partial, product, before, after)


@cache
def _activation_error(name: str, is_computed: bool, more: int, unit_z: float, unit: float) -> float:
    """Return the largest error of an activation over all arguments that do not saturate, and far beyond for bounded ones."""
    z = np.arange(-TOP, TOP + 1)
    exact = apply_activation(activation_code(name), z * unit_z)
    inside = np.abs(exact) <= TOP * unit
    error = np.abs(apply_fixed(name, z, more, is_computed) * unit - exact)[inside].max()
    if name in ("sigmoid", "steep_sigmoid", "tanh", "gauss"):
        ends = apply_activation(activation_code(name), np.array([-1e3, 1e3]))
        error = max(error, np.abs(apply_fixed(name, np.array([-TOP, TOP]), 0, is_computed) * unit - ends).max())
    return float(error)
