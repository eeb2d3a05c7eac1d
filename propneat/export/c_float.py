"""A model as float32 C: helper functions that it uses, and one function of straight code, node by node."""

import numpy as np

from propneat.data.input_rule import InputRule
from propneat.export.c_answer import answer_code
from propneat.export.c_columns import Column, Layout
from propneat.export.c_names import comment, float_literal, wrap
from propneat.genome import ACTIVATIONS, AGGREGATIONS, check_functions
from propneat.model import Model

__all__ = ["FINE", "FUNCTIONS", "float_functions", "float_predict", "is_plain", "level_number"]

_SIGMOID = """static float sigmoid(float z) {
    const float e = expf(-fabsf(z));
    return (z >= 0.0f ? 1.0f : e) / (1.0f + e);
}"""

FUNCTIONS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "identity": ("{z}", (), ""),
    "sigmoid": ("sigmoid({z})", (), _SIGMOID),
    "steep_sigmoid": ("sigmoid(4.9f * ({z}))", ("sigmoid",), ""),
    "tanh": ("tanhf({z})", (), ""),
    "relu": ("relu({z})", (), "static float relu(float z) { return z < 0.0f ? 0.0f : z; }"),
    "leaky_relu": ("leaky_relu({z})", (), "static float leaky_relu(float z) { return z > 0.0f ? z : 0.01f * z; }"),
    "elu": (
        "elu({z})",
        (),
        """static float elu(float z) {
    const float u = expf(z < 0.0f ? z : 0.0f); /* exp(z) - 1 by Kahan's formula, exact near 0 */
    if (!(z <= 0.0f)) return z;
    return u == 1.0f ? z : u == 0.0f ? -1.0f : (u - 1.0f) * z / logf(u);
}""",
    ),
    "gelu": (
        "gelu({z})",
        ("sigmoid",),
        "static float gelu(float z) { return z * sigmoid(1.59576912f * (z + 0.044715f * z * z * z)); }",
    ),
    "silu": ("silu({z})", ("sigmoid",), "static float silu(float z) { return z * sigmoid(z); }"),
    "softplus": (
        "softplus({z})",
        (),
        """static float softplus(float z) {
    const float e = expf(-fabsf(z)), u = 1.0f + e; /* log(1 + e) by Kahan's formula, exact near 0 */
    return (z < 0.0f ? 0.0f : z) + (u == 1.0f ? e : logf(u) * e / (u - 1.0f));
}""",
    ),
    "sin": ("sinf({z})", (), ""),
    "gauss": ("gauss({z})", (), "static float gauss(float z) { return expf(-(z * z)); }"),
    "abs": ("fabsf({z})", (), ""),
    "square": ("square({z})", (), "static float square(float z) { return z * z; }"),
}
"""For each activation its call, the helpers that this needs, and its own helper in C."""

_JOINS = {"sum": "", "mean": "", "product": "", "max": "larger", "min": "smaller"}

check_functions(__name__, activations=FUNCTIONS, aggregations=_JOINS)

_COMPARE = """static float {name}(float a, float b) {{ return a {sign} b || a != a ? a : b; }}"""

FINE = 2.0**-20
"""Share of its spread by which rounding may move the centre of a column."""


def float_functions(model: Model, layout: Layout, in_tables: bool = False) -> list[str]:
    """Return the static helper functions that the model calls, as straight code or in tables."""
    plan = model.plan
    wanted = {ACTIVATIONS[code] for code in plan.activation[plan.n_inputs :].tolist()}
    wanted |= {helper for name in wanted for helper in FUNCTIONS[name][1]}
    code = [text for name, (_, _, text) in FUNCTIONS.items() if name in wanted and text]
    counts = np.diff(plan.edge_start)[plan.n_inputs :]
    joins = {
        AGGREGATIONS[code] for code, count in zip(plan.aggregation[plan.n_inputs :].tolist(), counts, strict=True) if count > 1
    }
    code += [_COMPARE.format(name=_JOINS[join], sign=">" if join == "max" else "<") for join in sorted(joins) if _JOINS[join]]
    if not in_tables and any(is_plain(rule) and rule.low is not None for rule in layout.rules):
        code.append(
            "static float within(float value, float low, float high) {\n"
            "    return value < low ? low : value > high ? high : value;\n}"
        )
    return code


def float_predict(model: Model, layout: Layout, prefix: str) -> list[str]:
    """Return the lines of the body of NAME_predict: inputs, nodes in order, answer."""
    plan = model.plan
    lines = [] if layout.columns else ["(void)x;"]
    for slot, rule, place in zip(layout.slots, layout.rules, layout.places, strict=True):
        lines += _input_lines(f"i{slot}", rule, layout.columns[place], f"x[{prefix}_{layout.columns[place].name}]")
    for slot in range(plan.n_inputs, plan.n_slots):
        lines += _node_lines(model, slot)
    outputs = [_value_name(plan.n_inputs, int(slot)) for slot in plan.output_slot]
    return lines + answer_code(model, outputs)


def _value_name(n_inputs: int, slot: int) -> str:
    return f"{'i' if slot < n_inputs else 'n'}{slot}"


def is_plain(rule: InputRule) -> bool:
    """Say whether a rule takes the number itself."""
    return rule.level is None and not rule.missing and rule.means is None


def _scaled(rule: InputRule, number: float) -> str:
    return float_literal((number - rule.center) / rule.scale)


def _input_lines(name: str, rule: InputRule, column: Column, x: str) -> list[str]:
    """Return what computes one network input from its column."""
    told = f" /* {comment(rule.name)} */"
    if rule.means is not None:
        return _means_lines(name, rule, column, x, told)
    if rule.missing or rule.level is not None:
        asked = f"{x} == {float_literal(level_number(rule, column))}" if not rule.missing else _is_missing(column, x)
        return [f"const float {name} = {asked} ? {_scaled(rule, 1.0)} : {_scaled(rule, 0.0)};{told}"]
    value = x if rule.low is None else f"within({x}, {float_literal(rule.low)}, {float_literal(rule.high)})"
    rest = rule.center - float(np.float32(rule.center))
    less = f" - {float_literal(rule.center)}" if rule.center else ""
    value = f"({value}{less})" if less else value
    if abs(rest) > FINE * rule.scale:
        value = f"({value} - {float_literal(rest)})"
    times = f" * {float_literal(1.0 / rule.scale)}" if rule.scale != 1.0 else ""
    return [f"const float {name} = {x} != {x} ? 0.0f : {value}{times};{told}"]


def _is_missing(column: Column, x: str) -> str:
    return f"({x} != {x} || {x} == -1.0f)" if column.is_text else f"{x} != {x}"


def level_number(rule: InputRule, column: Column) -> float:
    """Return the number of x at which a rule's level is met."""
    return float(column.levels.index(rule.level)) if column.is_text else float(rule.level)


def _means_lines(name: str, rule: InputRule, column: Column, x: str, told: str) -> list[str]:
    """Look the mean of a level up: by its code, or by searching the numbers."""
    default = _scaled(rule, rule.default)
    known = dict(rule.means)
    if column.is_text:
        table = [_scaled(rule, known.get(level, rule.default)) for level in column.levels]
        asked = f"{x} >= 0.0f && {x} < {float_literal(len(table))} ? {name}_means[(int){x}] : {default}"
        return (
            _table(f"{name}_means", table) + [f"const float {name} = {asked};{told}"]
            if table
            else [f"const float {name} = {default};{told}"]
        )
    pairs = sorted((float(level), mean) for level, mean in rule.means)
    if not pairs:
        return [f"const float {name} = {default};{told}"]
    return [
        *_table(f"{name}_levels", [float_literal(level) for level, _ in pairs]),
        *_table(f"{name}_means", [_scaled(rule, mean) for _, mean in pairs]),
        f"float {name} = {default};{told}",
        "{",
        "    int k;",
        f"    for (k = 0; k < {len(pairs)}; k++)",
        f"        if ({x} == {name}_levels[k]) {name} = {name}_means[k];",
        "}",
    ]


def _table(name: str, items: list[str]) -> list[str]:
    return [f"static const float {name}[{len(items)}] = {{", *wrap(items).split("\n"), "};"]


def _node_lines(model: Model, slot: int) -> list[str]:
    """Return what computes one node; terms are joined in the order of the edges, and the bias is added last of all."""
    plan = model.plan
    edges = range(plan.edge_start[slot], plan.edge_start[slot + 1])
    terms = [
        f"{float_literal(plan.weights[edge])} * {_value_name(plan.n_inputs, int(plan.edge_source[edge]))}" for edge in edges
    ]
    bias = float(plan.biases[slot - plan.n_inputs])
    z = joined(AGGREGATIONS[plan.aggregation[slot]], terms)
    z = z + (f" + {float_literal(bias)}" if bias or not z else "") if z else float_literal(bias)
    call = FUNCTIONS[ACTIVATIONS[plan.activation[slot]]][0].format(z=z)
    return _broken_lines(f"const float n{slot} = {call};")


def joined(join: str, terms: list[str]) -> str:
    """Return the expression that joins terms by an aggregation; no terms give an empty text."""
    if not terms:
        return ""
    if join in ("max", "min"):
        text = terms[0]
        for term in terms[1:]:
            text = f"{_JOINS[join]}({text}, {term})"
        return text
    text = (" * " if join == "product" else " + ").join(terms)
    return f"({text}) / {float_literal(len(terms))}" if join == "mean" and len(terms) > 1 else text


def _broken_lines(text: str, width: int = 118) -> list[str]:
    """Break a long expression at its blanks; later lines are indented."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) + 1 > width:
            lines.append(line)
            line = "    " + word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]
