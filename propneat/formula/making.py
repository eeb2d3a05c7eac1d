"""From a plan and the rules of its inputs to expressions, with constants folded and scaling folded into weights."""

from collections.abc import Collection, Sequence

import numpy as np

from propneat.compiler import LayerPlan, apply_activation, without_past
from propneat.data import ColumnPlan, InputRule, Preprocessor, TargetScale
from propneat.data.numbers import NumberForm, spelled_number
from propneat.formula.form import (
    Apply,
    Clip,
    Column,
    Equals,
    Extreme,
    Formula,
    Leaf,
    Linear,
    Lookup,
    Missing,
    Node,
    Number,
    Product,
    Quantity,
    Shift,
    parts_of,
    walk,
)
from propneat.genome import ACTIVATIONS, AGGREGATIONS, check_functions

__all__ = ["columns_of", "input_of", "make_formula", "network_answers"]

check_functions(__name__, aggregations=("sum", "mean", "product", "max", "min"))

_MOST_CANCELLED = 64.0
"""Centers of more spreads than this stay differences: multiplied out, they would cost as many units in the last place."""


_SOME_CENTER, _SOME_SCALE = 0.3137, 1.7321


def make_formula(
    plan: LayerPlan,
    node_ids: Sequence[int],
    preprocessor: Preprocessor,
    task: str,
    classes: Sequence[object] | None,
    target_scale: TargetScale | None,
    target: str,
) -> Formula:
    """Return the formula of a model from its parts; `node_ids` has the id of every slot's node."""
    without_past(plan, "a formula")
    columns = columns_of(preprocessor)
    inputs = [input_of(rule, columns[rule.feature]) for rule in preprocessor.rules]
    shared: set[int] = set()
    values = _values(plan, inputs, shared)
    outputs = [values[slot] for slot in plan.output_slot.tolist()]
    if task == "regression":
        answers = ((target, invert_target(target_scale, outputs[0])),)
    elif task == "binary":
        answers = ((str(classes[1]), _applied("sigmoid", outputs[0])),)
    else:
        answers = tuple((str(label), _share(outputs, k, shared)) for k, label in enumerate(classes))
    used = list(walk([answer for _, answer in answers]))
    names: dict[int, str] = {}
    for slot in range(plan.n_inputs, plan.n_slots):
        names.setdefault(id(_without_factor(values[slot])), f"h{node_ids[slot]}")
    steps = tuple((names[id(node)], node) for node in used if id(node) in names and parts_of(node))
    named = {column.name for column in map(_column_of, used) if column is not None}
    return Formula(task, target, tuple(columns[name] for name in columns if name in named), steps, answers)


def network_answers(plan: LayerPlan, is_logarithm: bool = False) -> list[Node]:
    """Return an expression for each output of a network whose scaling is not known, in columns x0, x1, ...

    It has the size of that with the scaling: some center and scale stand for those of each input and of the answer. With
    `is_logarithm` the network tells the answer's logarithm.
    """
    inputs: list[Node] = []
    for k in range(without_past(plan, "a formula").n_inputs):
        quantity = Quantity(Column(f"x{k}", "number"), None, 0.0, None, None, 1.0)
        inputs.append(_linear(_SOME_CENTER, [(_SOME_SCALE, quantity)]))
    values = _values(plan, inputs, set())
    scale = TargetScale(_SOME_CENTER, _SOME_SCALE, log=is_logarithm)
    return [invert_target(scale, values[slot]) for slot in plan.output_slot.tolist()]


def columns_of(preprocessor: Preprocessor) -> dict[str, Column]:
    """Return the columns that are read, by name."""
    return {column.name: _column(column, preprocessor.plan.missing) for column in preprocessor.plan.used}


def _without_factor(node: Node) -> Node:
    return node.terms[0][1] if isinstance(node, Linear) and node.constant == 0.0 and len(node.terms) == 1 else node


def _column_of(node: Node) -> Column | None:
    return node.column if isinstance(node, Leaf) else None


def _column(plan: ColumnPlan, markers: Sequence[str]) -> Column:
    if plan.kind == "category" and not plan.has_number_levels:
        return Column(plan.name, "text", tuple(markers))
    if plan.kind == "date":
        return Column(plan.name, "date")
    spelled = [number for number in (spelled_number(marker, NumberForm()) for marker in markers) if np.isfinite(number)]
    absent = tuple(dict.fromkeys([*spelled, *([] if plan.sentinel is None else [plan.sentinel])]))
    return Column(plan.name, "truth" if plan.kind == "truth" else "number", absent)


def input_of(rule: InputRule, column: Column) -> Node:
    """Return the network input that a rule makes of a column."""
    if rule.missing:
        leaf: Leaf = Missing(column)
    elif rule.means is not None:
        leaf = Lookup(column, rule.part, rule.means, rule.default)
    elif rule.level is not None:
        # a level that is read as missing is never there
        if rule.level in column.absent:
            return Number((0.0 - rule.center) / rule.scale)
        leaf = Equals(column, rule.part, rule.level)
    else:
        return _number_input(rule, column)
    return _linear(-rule.center / rule.scale, [(1.0 / rule.scale, leaf)])


def _number_input(rule: InputRule, column: Column) -> Node:
    center, scale = float(rule.center), float(rule.scale)
    low, high = (None, None) if rule.low is None else (float(rule.low), float(rule.high))
    quantity = Quantity(column, rule.part, center, low, high, scale)
    if abs(center) <= _MOST_CANCELLED * scale:
        return _linear(-center / scale, [(1.0 / scale, quantity)])
    return _linear(0.0, [(1.0 / scale, Shift(quantity, center))])


def _values(plan: LayerPlan, inputs: list[Node], shared: set[int]) -> list[Node]:
    """Return the expression of every slot, and put those sums into `shared`, by id, that are used more than once."""
    # each of several outputs is used once for every answer
    n_uses = np.bincount(plan.edge_source, minlength=plan.n_slots)
    n_uses += plan.n_outputs * np.bincount(plan.output_slot, minlength=plan.n_slots)
    values: list[Node] = list(inputs)
    for slot in range(plan.n_inputs, plan.n_slots):
        edges = range(int(plan.edge_start[slot]), int(plan.edge_start[slot + 1]))
        terms = [(float(plan.weights[e]), values[plan.edge_source[e]]) for e in edges]
        joined = _joined(AGGREGATIONS[plan.aggregation[slot]], terms, shared) if terms else Number(0.0)
        biased = _linear(float(plan.biases[slot - plan.n_inputs]), [(1.0, joined)], shared)
        value = _unscaled(ACTIVATIONS[plan.activation[slot]], biased, shared)
        if n_uses[slot] > 1 and isinstance(value, Linear) and len(value.terms) > 1:
            shared.add(id(value))
        values.append(value)
    return values


def _joined(name: str, terms: list[tuple[float, Node]], shared: set[int]) -> Node:
    if name in ("sum", "mean"):
        share = 1.0 / len(terms) if name == "mean" else 1.0
        return _linear(0.0, [(weight * share, node) for weight, node in terms], shared)
    if name == "product":
        return _product(terms, shared)
    return _extreme(name == "max", [_linear(0.0, [term], shared) for term in terms])


def _linear(constant: float, terms: Sequence[tuple[float, Node]], shared: Collection[int] = ()) -> Node:
    """Add up, multiplying out sums that are used nowhere else and joining equal terms."""
    weights: dict[object, float] = {}
    nodes: dict[object, Node] = {}
    for outer, node in terms:
        inlined = isinstance(node, Linear) and id(node) not in shared
        if isinstance(node, Number) or inlined:
            constant += outer * (node.value if isinstance(node, Number) else node.constant)
        for weight, part in node.terms if inlined else () if isinstance(node, Number) else ((1.0, node),):
            key = part if isinstance(part, Leaf) else id(part)
            nodes[key] = part
            weights[key] = weights.get(key, 0.0) + outer * weight
    kept = tuple((weights[key], nodes[key]) for key in nodes if weights[key] != 0.0)
    if not kept:
        return Number(constant)
    return kept[0][1] if constant == 0.0 and len(kept) == 1 and kept[0][0] == 1.0 else Linear(constant, kept)


def _product(terms: list[tuple[float, Node]], shared: set[int]) -> Node:
    factor, factors = 1.0, []
    for weight, node in terms:
        factor *= weight
        if isinstance(node, Number):
            factor *= node.value
        elif isinstance(node, Linear) and node.constant == 0.0 and len(node.terms) == 1:
            factor *= node.terms[0][0]
            factors.append(node.terms[0][1])
        else:
            factors.append(node)
    if not factors:
        return Number(factor)
    return _linear(0.0, [(factor, factors[0] if len(factors) == 1 else Product(tuple(factors)))], shared)


def _extreme(largest: bool, terms: list[Node]) -> Node:
    pick = max if largest else min
    numbers = [node.value for node in terms if isinstance(node, Number)]
    others = [node for node in terms if not isinstance(node, Number)]
    kept = [*others, *([Number(pick(numbers))] if numbers else [])]
    return kept[0] if len(kept) == 1 else Extreme(largest, tuple(kept))


def _applied(name: str, node: Node) -> Node:
    if name == "identity":
        return node
    if isinstance(node, Number) and name in ACTIVATIONS:
        return Number(float(apply_activation(ACTIVATIONS.index(name), np.array([node.value]))[0]))
    return Apply(name, node)


def _unscaled(name: str, node: Node, shared: Collection[int]) -> Node:
    """Apply an activation to a sum, one of whose weights goes into a factor outside where the activation lets it pass.

    |s y| = |s| |y|; the larger of s y and 0 is s times the larger of y and 0, or the smaller for a negative s; and
    exp(-(s y)^2) = exp(-s^2 y^2).
    """
    if name not in ("relu", "abs", "gauss") or not isinstance(node, Linear) or id(node) in shared:
        return _applied(name, node)
    scale = max((weight for weight, _ in node.terms), key=abs)
    # the weight that is taken out leaves exactly 1
    terms = [(1.0 if weight == scale else weight / scale, part) for weight, part in node.terms]
    rest = _linear(node.constant / scale, terms, shared)
    if name == "gauss":
        return Apply("exp", _linear(0.0, [(-scale * scale, Apply("square", rest))]))
    if name == "relu" and scale < 0:
        return _linear(0.0, [(scale, Extreme(False, (rest, Number(0.0))))])
    return _linear(0.0, [(abs(scale), Apply(name, rest))])


def _share(logits: list[Node], own: int, shared: set[int]) -> Node:
    """Return the softmax of one logit: 1 / (1 + the sum of exp(other - own))."""
    others = [_linear(0.0, [(1.0, logit), (-1.0, logits[own])], shared) for k, logit in enumerate(logits) if k != own]
    known = sum(np.exp(min(node.value, 700.0)) for node in others if isinstance(node, Number))
    terms = [(1.0, Apply("exp", node)) for node in others if not isinstance(node, Number)]
    total = _linear(1.0 + float(known), terms)
    return Number(1.0 / total.value) if isinstance(total, Number) else Apply("reciprocal", total)


def invert_target(scale: TargetScale, output: Node) -> Node:
    """Return the answer in the units of the target, as `TargetScale.invert` does."""
    answer = _linear(scale.center, [(scale.scale, output)])
    if scale.log:
        answer = Number(float(np.exp(answer.value))) if isinstance(answer, Number) else Apply("exp", answer)
    if scale.low is None:
        return answer
    if isinstance(answer, Number):
        return Number(min(max(answer.value, scale.low), scale.high))
    return Clip(answer, scale.low, scale.high, scale.low if scale.log else scale.scale)
