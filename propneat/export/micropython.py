"""A model as a MicroPython module: one function in plain Python, with `math` and nothing else."""

import numpy as np

from propneat.data import TargetScale
from propneat.data.input_rule import InputRule
from propneat.export.c_columns import Column, Layout, plan_columns
from propneat.export.c_float import is_plain, level_number
from propneat.export.c_header import card_lines
from propneat.export.float32_limits import check_float32
from propneat.genome import ACTIVATIONS, AGGREGATIONS, check_functions
from propneat.model import Model

__all__ = ["micropython_text"]

_SIGMOID = """def _sigmoid(z):
    e = math.exp(-abs(z))
    return (1.0 if z >= 0 else e) / (1.0 + e)
"""

_FUNCTIONS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "identity": ("{z}", (), ""),
    "sigmoid": ("_sigmoid({z})", (), _SIGMOID),
    "steep_sigmoid": ("_sigmoid(4.9 * ({z}))", ("sigmoid",), ""),
    "tanh": ("_tanh({z})", ("sigmoid",), "def _tanh(z):\n    return 2.0 * _sigmoid(2.0 * z) - 1.0\n"),
    "relu": ("max({z}, 0.0)", (), ""),
    "leaky_relu": ("_leaky_relu({z})", (), "def _leaky_relu(z):\n    return z if z > 0 else 0.01 * z\n"),
    "elu": ("_elu({z})", (), "def _elu(z):\n    return z if z > 0 else math.exp(z) - 1.0\n"),
    "gelu": (
        "_gelu({z})",
        ("sigmoid",),
        "def _gelu(z):\n    return z * _sigmoid(1.5957691216057308 * (z + 0.044715 * z * z * z))\n",
    ),
    "silu": ("_silu({z})", ("sigmoid",), "def _silu(z):\n    return z * _sigmoid(z)\n"),
    "softplus": ("_softplus({z})", (), "def _softplus(z):\n    return max(z, 0.0) + math.log(1.0 + math.exp(-abs(z)))\n"),
    "sin": ("math.sin({z})", (), ""),
    "gauss": ("_gauss({z})", (), "def _gauss(z):\n    return math.exp(-z * z)\n"),
    "abs": ("abs({z})", (), ""),
    "square": ("_square({z})", (), "def _square(z):\n    return z * z\n"),
}
"""For each activation its call, the helpers that this needs, and its own helper; MicroPython's math lacks expm1 and log1p."""

_JOINS = {"sum": " + ", "mean": " + ", "product": " * ", "max": "max", "min": "min"}

check_functions(__name__, activations=_FUNCTIONS, aggregations=_JOINS)


def micropython_text(model: Model) -> str:
    """Return a module with COLUMNS, LEVELS, CLASSES, and predict(x) -> (class or number, probabilities).

    Raises ConfigError for columns and targets beyond float32, which is what most boards compute with.
    """
    layout, plan = plan_columns(model), model.row_plan("the module that propneat writes")
    check_float32(model, layout)
    wanted = {ACTIVATIONS[code] for code in plan.activation[plan.n_inputs :].tolist()}
    wanted |= {helper for key in wanted for helper in _FUNCTIONS[key][1]} | ({"sigmoid"} if model.task == "binary" else set())
    helpers = [text for key, (_, _, text) in _FUNCTIONS.items() if key in wanted and text]
    helpers += ["def _within(x, low, high):\n    return low if x < low else high if x > high else x\n"]
    lines = [
        f"    i{slot} = {_input_text(rule, layout.columns[place], f'x[{place}]')}"
        for slot, rule, place in zip(layout.slots, layout.rules, layout.places, strict=True)
    ]
    lines += [f"    n{slot} = {_node_text(model, slot)}" for slot in range(plan.n_inputs, plan.n_slots)]
    outputs = [f"{'i' if slot < plan.n_inputs else 'n'}{slot}" for slot in plan.output_slot.tolist()]
    return "\n".join([*_head(model, layout), "", *helpers, "def predict(x):", *lines, *_answer_lines(model, outputs), ""])


def _head(model: Model, layout: Layout) -> list[str]:
    """Return the documentation and the names of columns, levels and classes."""
    card = "\n".join(card_lines(model)).replace("\\", "/").replace('"', "'")
    told = (
        "predict(x) takes a list with a value for each of COLUMNS, None where it is missing: a number, True or False as 1 or 0, a\n"
        "text as its place in LEVELS (their number for any other text). It returns the class and the probability of each class,\n"
        "or the number and None."
    )
    levels = {place: list(column.levels) for place, column in enumerate(layout.columns) if column.is_text}
    return [
        f'"""{card}\n\n{told}\n"""',
        "import math",
        "",
        f"COLUMNS = {[column.title for column in layout.columns]!r}",
        f"LEVELS = {levels!r}",
        f"CLASSES = {None if model.classes is None else list(model.classes)!r}",
    ]


def _scaled(rule: InputRule, number: float) -> str:
    return _number((number - rule.center) / rule.scale)


def _number(value: float) -> str:
    """Return the shortest text of the nearest float32, which is what most boards compute with."""
    with np.errstate(over="ignore"):
        nearest = np.float32(value)
    return repr(float(str(nearest))) if np.isfinite(nearest) else repr(float(value))


def _input_text(rule: InputRule, column: Column, x: str) -> str:
    """Return the expression of a network input."""
    if rule.means is not None:
        pairs = [(_level_number_of(level, column), _scaled(rule, mean)) for level, mean in rule.means]
        known = ", ".join(f"{level!r}: {mean}" for level, mean in pairs)
        return f"{{{known}}}.get({x}, {_scaled(rule, rule.default)})"
    if rule.missing:
        return f"{_scaled(rule, 1.0)} if {x} is None else {_scaled(rule, 0.0)}"
    if not is_plain(rule):
        return f"{_scaled(rule, 1.0)} if {x} == {_number(level_number(rule, column))} else {_scaled(rule, 0.0)}"
    value = x if rule.low is None else f"_within({x}, {_number(rule.low)}, {_number(rule.high)})"
    return f"0.0 if {x} is None else ({value} - {_number(rule.center)}) * {_number(1.0 / rule.scale)}"


def _level_number_of(level: object, column: Column) -> int | float:
    """Return the value of x that means a level."""
    return column.levels.index(level) if column.is_text else float(level)


def _node_text(model: Model, slot: int) -> str:
    plan = model.plan
    edges = range(plan.edge_start[slot], plan.edge_start[slot + 1])
    terms = [
        f"{_number(plan.weights[edge])} * {'i' if plan.edge_source[edge] < plan.n_inputs else 'n'}{plan.edge_source[edge]}"
        for edge in edges
    ]
    bias, join = _number(plan.biases[slot - plan.n_inputs]), AGGREGATIONS[plan.aggregation[slot]]
    if not terms:
        z = bias
    elif join in ("max", "min") and len(terms) > 1:
        z = f"{join}({', '.join(terms)}) + {bias}"
    elif join == "mean" and len(terms) > 1:
        z = f"({' + '.join(terms)}) / {len(terms)} + {bias}"
    else:
        z = f"{_JOINS[join].join(terms) if join not in ('max', 'min') else terms[0]} + {bias}"
    return _FUNCTIONS[ACTIVATIONS[plan.activation[slot]]][0].format(z=z)


def _answer_lines(model: Model, outputs: list[str]) -> list[str]:
    if model.task == "regression":
        return [f"    return {_number_text(model.target_scale, outputs[0])}, None"]
    if model.task == "binary":
        z = outputs[0]
        return [f"    return CLASSES[1 if {z} > 0 else 0], [_sigmoid(-({z})), _sigmoid({z})]"]
    return [
        f"    z = [{', '.join(outputs)}]",
        "    most = max(z)",
        "    e = [math.exp(value - most) for value in z]",
        "    return CLASSES[z.index(most)], [value / sum(e) for value in e]",
    ]


def _number_text(scale: TargetScale, output: str) -> str:
    """Return the expression of a number in the units of the target, within its bounds."""
    value = f"{output} * {_number(scale.scale)} + {_number(scale.center)}"
    if scale.log:
        # within bounds before the power, which would otherwise overflow
        return f"math.exp(_within({value}, {_number(np.log(scale.low))}, {_number(np.log(scale.high))}))"
    return value if scale.low is None else f"_within({value}, {_number(scale.low)}, {_number(scale.high)})"
