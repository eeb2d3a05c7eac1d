"""Fixed point: every number of a model as a whole number, in units chosen node by node from rows that the model has met.

A value v of slot s is stored as v / unit[s], at most 15 bits and a sign. A node adds weight * value in 32 bits that cannot
overflow, for the unit of its weights is chosen so; one shift brings the sum to the unit of its argument, where it saturates.
"""

from dataclasses import dataclass

import numpy as np

from propneat.compiler import LayerPlan
from propneat.export.c_columns import Layout
from propneat.export.c_fixed_functions import COMPUTED, TOP, function_of
from propneat.export.c_fixed_inputs import FixedInputs, plan_inputs
from propneat.export.error_bound import float_rounding, running_errors
from propneat.genome import ACTIVATIONS, AGGREGATIONS, check_functions
from propneat.model import Model

__all__ = ["FixedModel", "FixedNode", "WEIGHT_BITS", "quantise"]

check_functions(__name__, aggregations=("sum", "mean", "product", "max", "min"))

WEIGHT_BITS = {"int16": 16, "int8": 8}
"""Bits of a weight; values have 16 either way."""
_SUM = 2**31 - 1
_FEW = 3
"""Up to so many sigmoids are computed as probabilities are: one costs a thousand cycles on AVR, a table 200 bytes."""
_LARGEST_LOGIT = 2.0**12
_MARGIN = 2.0
"""How many times as far as on the rows a value may go before it saturates."""


@dataclass(frozen=True)
class FixedNode:
    """A node in whole numbers: activation((join(weight * value) + bias) >> shift), with the extra shift `more`.

    `weights` (n_edges,) of a product hold the weight of all first, then for each further edge the shift after its value.
    The argument z counts units of `unit_z`, a partial product those of `partial_units` (n_edges,), the sum those of `unit_sum`.
    A negative shift multiplies the saturated sum. `is_computed` takes a sigmoid without a table.
    """

    sources: tuple[int, ...]
    weights: tuple[int, ...]
    bias: int
    shift: int
    more: int
    activation: str
    is_computed: bool
    join: str
    unit_sum: float
    unit_z: float
    partial_units: tuple[float, ...] = ()


@dataclass(frozen=True)
class FixedModel:
    """A model in whole numbers; `units` (n_slots,) of the values of all slots, unused inputs NaN."""

    model: Model
    layout: Layout
    numbers: str
    inputs: FixedInputs
    nodes: tuple[FixedNode, ...]
    units: np.ndarray


def quantise(model: Model, layout: Layout, numbers: str, X: np.ndarray) -> FixedModel:
    """Choose the units of a model on rows of network inputs, float64 (n_rows, n_inputs), and round its numbers to them."""
    plan = model.plan
    inputs = plan_inputs(model, layout)
    units, largest = np.full(plan.n_slots, np.nan), np.full(plan.n_slots, TOP)
    units[list(layout.slots)], largest[list(layout.slots)] = inputs.units, inputs.largest
    values, arguments = _walk(plan, X)
    is_computed = (
        model.task == "binary" and sum(ACTIVATIONS[code] in COMPUTED for code in plan.activation[plan.n_inputs :]) <= _FEW
    )
    nodes, logits = [], set(plan.output_slot.tolist()) if model.task != "regression" else set()
    for slot in range(plan.n_inputs, plan.n_slots):
        at_most = _LARGEST_LOGIT if slot in logits else np.inf
        reach = min(arguments[slot], at_most), min(_reach(values[slot]), at_most)
        node, unit = _node(plan, slot, units, largest, values, reach, 2 ** (WEIGHT_BITS[numbers] - 1) - 1, is_computed)
        units[slot] = unit
        nodes.append(node)
    return FixedModel(model, layout, numbers, inputs, tuple(nodes), units)


def _walk(plan: LayerPlan, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values (n_slots, n_rows) and the largest argument of every slot (n_slots,), over finite ones."""
    values = running_errors(plan, X, np.zeros_like(X), float_rounding(plan))[0]
    arguments = np.zeros(plan.n_slots)
    for slot in range(plan.n_inputs, plan.n_slots):
        edges = slice(plan.edge_start[slot], plan.edge_start[slot + 1])
        terms = plan.weights[edges, None] * values[plan.edge_source[edges]]
        bias = plan.biases[slot - plan.n_inputs]
        z = bias + (_join(AGGREGATIONS[plan.aggregation[slot]], terms) if len(terms) else np.zeros(len(X)))
        arguments[slot] = _reach(z)
    return values, arguments


def _join(join: str, terms: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        joins = {"sum": np.sum, "mean": np.mean, "product": np.prod, "max": np.max, "min": np.min}
        return joins[join](terms, axis=0)


def _reach(values: np.ndarray) -> float:
    """Return the largest size among finite values, 2**-20 at least."""
    sizes = np.abs(values[np.isfinite(values)])
    return max(float(sizes.max(initial=0.0)), 2.0**-20)


def _bits_for(reach: float) -> int:
    """Return the most bits after the point with which numbers up to `reach`, and a margin, have 15 bits."""
    return int(np.floor(np.log2(TOP / (_MARGIN * reach))))


def _node(
    plan: LayerPlan,
    slot: int,
    units: np.ndarray,
    largest: np.ndarray,
    values: np.ndarray,
    reach: tuple[float, float],
    top_weight: int,
    is_computed: bool,
) -> tuple[FixedNode, float]:
    """Return a node in whole numbers and the unit of its value; `reach` is that of its argument and of its value."""
    edges = slice(plan.edge_start[slot], plan.edge_start[slot + 1])
    sources, weights = plan.edge_source[edges], plan.weights[edges]
    name, join = ACTIVATIONS[plan.activation[slot]], AGGREGATIONS[plan.aggregation[slot]]
    bits_z, more, bits = _argument_bits(name, *reach, is_computed)
    factor, bias = function_of(name, is_computed).factor, plan.biases[slot - plan.n_inputs]
    shifts, partial_units = (), ()
    if join == "product" and len(sources) > 1:
        shifts, partial_units = _product_shifts(values[sources], units[sources])
        weights, term_units, tops = np.array([np.prod(weights)]), np.array([partial_units[-1]]), np.array([TOP])
    else:
        term_units, tops = units[sources], largest[sources]
        weights = weights / len(weights) if join == "mean" else weights
    steps = weights * term_units * factor
    bits_sum, whole, whole_bias = _round_sum(steps, tops, bias * factor, bits_z, top_weight, join in ("max", "min"))
    stored = (*whole, *shifts)
    node = FixedNode(
        tuple(map(int, sources)), tuple(map(int, stored)), whole_bias, bits_sum - bits_z, more, name, is_computed and name in COMPUTED, join,
        2.0**-bits_sum / factor, 2.0**-bits_z / factor, partial_units,
    )  # fmt: skip
    return node, 2.0**-bits


def _argument_bits(name: str, reach_z: float, reach: float, is_computed: bool) -> tuple[int, int, int]:
    """Return the bits after the point of a node's argument, its extra shift, and the bits after the point of its value."""
    function = function_of(name, is_computed)
    if function.shape == "bounded":
        return function.bits_of_table, 0, 15
    if function.shape == "curved":
        bits = int(np.clip(_bits_for(reach_z), function.bits_of_table - 15, function.bits_of_table))
        return bits, function.bits_of_table - bits, bits
    if function.shape == "square":
        bits_z = _bits_for(reach_z)
        more = int(np.clip(2 * bits_z - _bits_for(reach), 0, 30))
        return bits_z, more, 2 * bits_z - more
    bits = _bits_for(max(reach_z, reach))
    return bits, 0, bits


def _product_shifts(values: np.ndarray, units: np.ndarray) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the shift after each further factor of a product, and the unit of the product so far."""
    shifts, partial_units, partial = [], [float(units[0])], values[0]
    for value, unit in zip(values[1:], units[1:], strict=True):
        with np.errstate(over="ignore", invalid="ignore"):
            partial = partial * value
        raw = partial_units[-1] * float(unit)
        shift = int(np.clip(np.ceil(np.log2(_MARGIN * _reach(partial) / (raw * TOP))), 0, 30))
        shifts.append(shift)
        partial_units.append(raw * 2.0**shift)
    return tuple(shifts), tuple(partial_units)


def _round_sum(
    steps: np.ndarray, tops: np.ndarray, bias: float, bits_z: int, top_weight: int, one_of: bool
) -> tuple[int, list[int], int]:
    """Return the bits after the point of a sum, its weights and its bias, with the half that makes the shift round.

    `steps` (n_edges,) are what one unit of each source adds. The bits are the most with which no weight is larger than
    `top_weight` and no sum overflows.
    """
    sizes = np.abs(steps)
    total = float((sizes * tops).max(initial=0.0) if one_of else (sizes * tops).sum()) + abs(bias)
    limits = [np.log2(top_weight / sizes.max())] if sizes.max(initial=0.0) > 0 else []
    limits += [np.log2(_SUM / total)] if total > 0 else []
    bits = int(np.floor(min(limits, default=bits_z)))
    bits = min(bits, bits_z + 30)
    while True:
        whole = np.rint(steps * 2.0**bits)
        shift = bits - bits_z
        half = 2 ** (shift - 1) if shift > 0 else 0
        whole_bias = np.rint(bias * 2.0**bits) + half
        reached = np.abs(whole) * tops
        reached = (reached.max(initial=0.0) if one_of else reached.sum()) + abs(whole_bias)
        if reached <= _SUM and np.abs(whole).max(initial=0.0) <= top_weight:
            return bits, whole.astype(np.int64).tolist(), int(whole_bias)
        bits -= 1
