"""A whole model as an ONNX graph: an input for each column, preprocessing, the network layer by layer, and the answer."""

import json
from typing import Any

import numpy as np
from onnx import TensorProto, checker, helper

from propneat import __version__
from propneat.compiler import LayerPlan
from propneat.data import TargetScale
from propneat.export.onnx_graph import Graph, activate
from propneat.export.onnx_inputs import column_inputs, is_plain, plain_inputs
from propneat.formula.making import columns_of
from propneat.genome import ACTIVATIONS, AGGREGATIONS, check_functions
from propneat.model import Model

__all__ = ["OPSET", "add_model", "to_onnx"]

check_functions(__name__, aggregations=("sum", "mean", "product", "max", "min"))

OPSET, _IR_VERSION = 20, 9
"""Of ai.onnx: the first with operators on texts. Runtimes of 2024 and later have it."""


def to_onnx(model: Model) -> Any:
    """Return an onnx.ModelProto, checked.

    Inputs have shape (n_rows, 1) and the names of the used columns: float64 for numbers, truth values (1 or 0) and dates
    (seconds since 1970), NaN where missing; texts for categories, "" where missing. Outputs are `label` (n_rows,) and
    `probabilities` (n_rows, n_classes), or `prediction` (n_rows, 1). All is computed in float64. A model that uses no column
    takes one named "rows", of which only the length counts.
    """
    g, columns, names = Graph(), columns_of(model.preprocessor), list(model.used_features)
    kinds = {name: TensorProto.STRING if columns[name].kind == "text" else TensorProto.DOUBLE for name in names}
    inputs = [
        helper.make_tensor_value_info(name, kinds.get(name, TensorProto.DOUBLE), ["rows", 1]) for name in names or ["rows"]
    ]
    outputs = ("prediction",) if model.task == "regression" else ("label", "probabilities")
    answers = add_model(g, model, {name: name for name in names}, inputs[0].name, outputs)
    graph = helper.make_graph(g.nodes, "propneat", inputs, answers, list(g.constants.values()))
    opsets = [helper.make_opsetid("", OPSET)]
    made = helper.make_model(
        graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="propneat", producer_version=__version__
    )
    helper.set_model_props(made, _facts(model))
    checker.check_model(made, full_check=True)
    return made


def add_model(g: Graph, model: Model, given: dict[str, str], some: str, names: tuple[str, ...]) -> list[Any]:
    """Add a model to a graph and return the descriptions of its outputs.

    `given` has the value (n_rows, 1) of every used column, float64 or text; `some` is any value of as many rows. `names` are
    those of the label and the probabilities, or of the prediction alone.
    """
    columns, used = columns_of(model.preprocessor), set(model.row_plan("a model in ONNX").edge_source.tolist())
    rules = {k: rule for k, rule in enumerate(model.preprocessor.rules) if k in used}
    numbers = [k for k, rule in rules.items() if is_plain(rule, columns[rule.feature])]
    pieces = [plain_inputs(g, [given[rules[k].feature] for k in numbers], [rules[k] for k in numbers])] if numbers else []
    for name in model.used_features:
        others = [(k, rule) for k, rule in rules.items() if rule.feature == name and not is_plain(rule, columns[name])]
        if others:
            found, values = column_inputs(g, given[name], columns[name], others)
            numbers += found
            pieces += values
    if not pieces or (np.diff(model.plan.edge_start)[model.plan.n_inputs :] == 0).any():
        shape = g("Concat", g("Shape", some, start=0, end=1), g.constant([1], np.int64), axis=0)
        pieces.append(g("Expand", g.constant([[0.0]]), shape))
        numbers.append(_ZERO)
    return _answers(g, model, _network_outputs(g, model.plan, numbers, pieces), names)


_ZERO = -1
"""The number of an input that is 0, which stands for what nodes without connections add up."""


def _network_outputs(g: Graph, plan: LayerPlan, numbers: list[int], pieces: list[str]) -> str:
    """Return the outputs of a network, float64 (n_rows, n_outputs).

    `pieces` are network inputs side by side, `numbers` those inputs in that order, `_ZERO` among them where a node has no
    connections. Nodes of one depth that sum or average and share an activation are one product of matrices.
    """
    values = g.joined(pieces)
    position = {number: place for place, number in enumerate(numbers)}
    layers = plan.depth[plan.n_inputs :]
    for depth in np.unique(layers):
        groups: dict[tuple[str, str, int], list[int]] = {}
        for slot in (np.flatnonzero(layers == depth) + plan.n_inputs).tolist():
            activation, join = ACTIVATIONS[plan.activation[slot]], AGGREGATIONS[plan.aggregation[slot]]
            is_matrix = join in ("sum", "mean") or plan.edge_start[slot + 1] - plan.edge_start[slot] < 2
            groups.setdefault((activation, "" if is_matrix else join, 0 if is_matrix else slot), []).append(slot)
        made = []
        for (activation, join, _), slots in groups.items():
            z = _joined(g, plan, slots[0], join, values, position) if join else _summed(g, plan, slots, values, position)
            made.append(activate(g, activation, g("Add", z, g.constant([plan.biases[np.array(slots) - plan.n_inputs]]))))
        first = len(position)
        position |= {slot: first + place for place, slot in enumerate(slot for slots in groups.values() for slot in slots)}
        values = g.joined([values, *made])
    return g.columns(values, np.array([position[slot] for slot in plan.output_slot.tolist()]))


def _edges(plan: LayerPlan, slot: int) -> slice:
    return slice(int(plan.edge_start[slot]), int(plan.edge_start[slot + 1]))


def _summed(g: Graph, plan: LayerPlan, slots: list[int], values: str, position: dict[int, int]) -> str:
    sources = sorted({position[source] for slot in slots for source in plan.edge_source[_edges(plan, slot)].tolist()})
    sources = sources or [position[_ZERO]]
    row = {place: k for k, place in enumerate(sources)}
    weights = np.zeros((len(sources), len(slots)))
    for column, slot in enumerate(slots):
        edges = _edges(plan, slot)
        share = 1.0 / max(edges.stop - edges.start, 1) if AGGREGATIONS[plan.aggregation[slot]] == "mean" else 1.0
        for source, weight in zip(plan.edge_source[edges].tolist(), plan.weights[edges].tolist(), strict=True):
            weights[row[position[source]], column] = weight * share
    drawn_on = values if len(sources) == len(position) else g.columns(values, np.array(sources))
    return g("MatMul", drawn_on, g.constant(weights))


def _joined(g: Graph, plan: LayerPlan, slot: int, join: str, values: str, position: dict[int, int]) -> str:
    edges = _edges(plan, slot)
    places = np.array([position[source] for source in plan.edge_source[edges].tolist()])
    terms = g("Mul", g.columns(values, places), g.constant([plan.weights[edges]]))
    operator = {"product": "ReduceProd", "max": "ReduceMax", "min": "ReduceMin"}[join]
    return g(operator, terms, g.constant([1], np.int64))


def _answers(g: Graph, model: Model, outputs: str, names: tuple[str, ...]) -> list[Any]:
    """Add what makes answers of raw outputs, and return the descriptions of the graph's outputs."""
    if model.task == "regression":
        _inverted(g, model.target_scale, outputs, names[0])
        return [helper.make_tensor_value_info(names[0], TensorProto.DOUBLE, ["rows", 1])]
    logits = outputs
    if model.task == "binary":
        logits = g("Concat", g("Mul", outputs, g.constant(0.0)), outputs, axis=1)
    g("Softmax", logits, axis=1, name=names[1])
    are_numbers = all(isinstance(label, int) and not isinstance(label, bool) for label in model.classes)
    labels = g.constant(list(model.classes), np.int64) if are_numbers else g.constant(list(map(str, model.classes)), object)
    g("Gather", labels, g("ArgMax", logits, axis=1, keepdims=0), name=names[0])
    kind = TensorProto.INT64 if are_numbers else TensorProto.STRING
    probabilities = helper.make_tensor_value_info(names[1], TensorProto.DOUBLE, ["rows", len(model.classes)])
    return [helper.make_tensor_value_info(names[0], kind, ["rows"]), probabilities]


def _inverted(g: Graph, scale: TargetScale, output: str, name: str) -> str:
    """Return the prediction in the units of the target, as `TargetScale.invert` does."""
    answer = g("Add", g("Mul", output, g.constant(scale.scale)), g.constant(scale.center))
    if scale.log:
        answer = g("Exp", answer)
    if scale.low is None:
        return g("Identity", answer, name=name)
    return g("Min", g("Max", answer, g.constant(scale.low)), g.constant(scale.high), name=name)


def _facts(model: Model) -> dict[str, str]:
    """Return what is known of a model as the metadata of its graph."""
    facts = {"task": model.task, "target": model.target_name, "columns": json.dumps(list(model.used_features))}
    if model.classes:
        facts["classes"] = json.dumps(list(model.classes))
    return facts | {"about": json.dumps(dict(model.about))}
