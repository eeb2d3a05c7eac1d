"""A model as one web page that needs nothing else: a control for every column, the answer, and the network lit up by it."""

import json
import math
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from propneat.data.input_rule import FIRST_WORD, InputRule
from propneat.export.javascript import HELPERS, function_lines, helpers_for, to_javascript
from propneat.formula import Column, Formula
from propneat.formula.making import columns_of, input_of
from propneat.genome import ACTIVATIONS, AGGREGATIONS
from propneat.model import Model

__all__ = ["to_web_page"]

_DAY, _START_OF_2020 = 86_400.0, 18_262.0
_VALUES = """\
const activations = {identity: (z) => z, tanh: Math.tanh, sin: Math.sin, abs: Math.abs, @ACTIVATIONS@};
const joins = {
  sum: (terms) => terms.reduce((a, b) => a + b), mean: (terms) => terms.reduce((a, b) => a + b)/terms.length,
  product: (terms) => terms.reduce((a, b) => a*b), max: (terms) => Math.max(...terms), min: (terms) => Math.min(...terms),
};
export function valuesOf(row) {
  const values = inputsOf(row);
  for (const [bias, activation, aggregation, edges] of model.nodes) {
    const terms = edges.map((number) => model.edges[number][2]*values[model.edges[number][0]]);
    values.push(activations[activation]((terms.length ? joins[aggregation](terms) : 0) + bias));
  }
  return values;
}
"""


def to_web_page(model: Model, drawing: str) -> str:
    """Return a page of HTML; `drawing` is the network as `draw_network` draws it with `marked`.

    The answer is computed by the module that `to_javascript` writes, and what each node says from the network as it is.
    """
    page = (files("propneat.export") / "page.html").read_text("utf-8")
    parts = {"TITLE": escape(_title(model)), "FACTS": escape(_facts(model)), "DRAWING": drawing, "MODEL": _program(model)}
    for name, text in parts.items():
        page = page.replace(f"@{name}@", text)
    return page


def _title(model: Model) -> str:
    if model.task == "regression":
        return f"What {model.target_name} will it be?"
    return f"Which {model.target_name}?"


def _facts(model: Model) -> str:
    """Say what the model is and how good it was, as far as that is known."""
    plan, about = model.plan, model.about
    connections = f"{plan.n_edges} connection{'s' if plan.n_edges != 1 else ''}"
    facts = [f"A neural network of {connections}, {len(model.used_features)} columns"]
    if about.get("data"):
        facts.append(
            f"learnt from {about['data']}" + (f", {about['rows']:,} rows" if isinstance(about.get("rows"), int) else "")
        )
    names = {"auc": "AUC", "balanced_accuracy": "balanced accuracy", "log_loss": "log loss", "r2": "R\u00b2", "rmse": "RMSE"}
    scores = about.get("test") if isinstance(about.get("test"), dict) else {}
    found = [f"{names.get(name, name)} {value:.3g}" for name, value in scores.items() if isinstance(value, int | float)]
    if found:
        facts.append(f"on rows held out {', '.join(found)}")
    return "; ".join(facts) + "."


def _program(model: Model) -> str:
    """Return the script that computes: the data of the model, the answer, and the value of every node."""
    predict = to_javascript(model.formula)
    values = _inputs(model) + _VALUES.replace("@ACTIVATIONS@", ", ".join(name for name in ACTIVATIONS if name in HELPERS))
    called = values + "".join(f" {name}(" for name in ACTIVATIONS if name in HELPERS)
    data = json.dumps(_data(model), ensure_ascii=False).replace("<", "\\u003c")
    return f"export const model = {data};\n{predict}{helpers_for(called, known=predict)}{values}"


def _data(model: Model) -> dict[str, Any]:
    plan = model.plan
    targets = plan.edge_target.tolist()
    edges = [list(edge) for edge in zip(plan.edge_source.tolist(), targets, plan.weights.tolist(), strict=True)]
    nodes = [
        [
            float(plan.biases[slot - plan.n_inputs]),
            ACTIVATIONS[plan.activation[slot]],
            AGGREGATIONS[plan.aggregation[slot]],
            list(range(int(plan.edge_start[slot]), int(plan.edge_start[slot + 1]))),
        ]
        for slot in range(plan.n_inputs, plan.n_slots)
    ]
    classes = None if model.classes is None else [str(label) for label in model.classes]
    controls = [_control(model, name) for name in _by_weight(model)]
    return {
        "task": model.task,
        "target": model.target_name,
        "classes": classes,
        "controls": controls,
        "edges": edges,
        "nodes": nodes,
    }


def _inputs(model: Model) -> str:
    """Return a function of a row that gives the network inputs in order, 0 for those that feed nothing."""
    columns = columns_of(model.preprocessor)
    used = set(model.plan.edge_source.tolist())
    inputs = tuple(
        (rule.name, input_of(rule, columns[rule.feature])) for k, rule in enumerate(model.preprocessor.rules) if k in used
    )
    lines, answers = function_lines(Formula("inputs", "", tuple(columns.values()), (), inputs))
    given = iter(answers)
    texts = [next(given) if k in used else "0" for k in range(len(model.preprocessor.rules))]
    listed = "".join(f"    {text},\n" for text in texts)
    return "function inputsOf(row) {\n" + "".join(f"{line}\n" for line in lines) + f"  return [\n{listed}  ];\n}}\n"


def _by_weight(model: Model) -> list[str]:
    """Return the used columns, that with the heaviest connections first."""
    plan, heavy = model.plan, {}
    for source, weight in zip(plan.edge_source.tolist(), np.abs(plan.weights).tolist(), strict=True):
        if source < plan.n_inputs:
            name = model.preprocessor.rules[source].feature
            heavy[name] = heavy.get(name, 0.0) + weight
    return sorted(model.used_features, key=lambda name: -heavy[name])


def _control(model: Model, name: str) -> dict[str, Any]:
    """Return how a column is chosen on the page."""
    rules = [rule for rule in model.preprocessor.rules if rule.feature == name]
    column = columns_of(model.preprocessor)[name]
    if column.kind == "text":
        levels = next(plan.levels for plan in model.preprocessor.plan.used if plan.name == name)
        return {"name": name, "kind": "choice"} | _choices(rules, levels)
    if column.kind == "truth":
        share = next((rule.center for rule in rules if not rule.missing), 0.0)
        return {"name": name, "kind": "choice", "choices": ["no", "yes"], "values": [0, 1], "start": int(share > 0.5)}
    if column.kind == "date":
        days = next((rule.center for rule in rules if rule.part == "days"), _START_OF_2020)
        timed = any(rule.part == "hour" for rule in rules)
        return {"name": name, "kind": "date", "start": round(_DAY * days), "time": timed}
    return {"name": name, "kind": "number"} | _range(rules, column)


def _choices(rules: list[InputRule], levels: tuple[Any, ...]) -> dict[str, Any]:
    """Return the levels of a text, first words that no level has among them, and one that is none; the most frequent starts."""
    shares = {rule.level: rule.center for rule in rules if rule.level is not None and rule.part is None}
    known = list(
        dict.fromkeys([*levels, *shares, *(level for rule in rules if rule.means and not rule.part for level, _ in rule.means)])
    )
    words = [rule.level for rule in rules if rule.part == FIRST_WORD and rule.level is not None]
    words += [level for rule in rules if rule.part == FIRST_WORD for level, _ in rule.means or ()]
    known += [word for word in dict.fromkeys(words) if not any(level.split(" ", 1)[0] == word for level in known)]
    known.sort()
    start = max(range(len(known)), key=lambda k: shares.get(known[k], -1.0), default=0)
    other = "other"
    while other in known:
        other = f"({other})"
    return {"choices": [*known, other], "values": [*known, other], "start": start}


def _range(rules: list[InputRule], column: Column) -> dict[str, Any]:
    """Return the ends, the start and the steps of a slider: whole numbers where whole numbers have inputs of their own."""
    plain = next((rule for rule in rules if not rule.missing and rule.level is None and rule.means is None), None)
    levels = [rule.level for rule in rules if rule.level is not None] + [
        level for rule in rules for level, _ in rule.means or ()
    ]
    low, high, start = (0.0, 1.0, 0.5) if plain is None else (plain.low, plain.high, plain.center)
    if plain is not None and low is None:
        low, high = start - 3 * plain.scale, start + 3 * plain.scale
    if levels and all(float(level).is_integer() for level in levels):
        low, high = (min(levels), max(levels)) if plain is None else (math.ceil(low), math.floor(high))
        return {"low": low, "high": max(high, low + 1), "start": round(start if plain else low), "step": 1}
    if plain is None and levels:
        low, high, start = min(levels), max(levels), levels[0]
    step = 10.0 ** math.floor(math.log10(max(high - low, 1e-300) / 100))
    ends = {"low": math.floor(low / step), "high": math.ceil(high / step), "start": round(start / step)}
    return {name: _rounded(steps * step) for name, steps in ends.items()} | {"step": step}


def _rounded(value: float) -> float:
    return float(f"{value:.12g}")
