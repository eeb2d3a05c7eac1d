"""From a network's raw outputs to an answer, in float32 C: probabilities of classes, or a number in the target's units."""

from propneat.data import TargetScale
from propneat.export.c_names import float_literal
from propneat.model import Model

__all__ = ["answer_code"]


_SIGMOID_LINES = [
    "const float e = expf(-fabsf(z));",
    "const int yes = z > 0.0f;",
    "out[yes] = 1.0f / (1.0f + e);",
    "out[1 - yes] = e / (1.0f + e);",
    "return yes;",
]


def answer_code(model: Model, outputs: list[str]) -> list[str]:
    """Return the lines that fill `out` from the expressions of the outputs and return the class, or -1 without an answer."""
    if model.task == "regression":
        return [*_refuse_broken(["z"], 1, [f"const float z = {outputs[0]};"]), *_number_lines(model.target_scale), "return 0;"]
    if model.task == "binary":
        lines = _refuse_broken(["z"], 2, [f"const float z = {outputs[0]};"])
        return [*lines, *_SIGMOID_LINES]
    return _softmax_lines(outputs)


def _refuse_broken(names: list[str], n_out: int, lines: list[str]) -> list[str]:
    """Answer -1 and NaN where the network overflows."""
    broken = " || ".join(f"!({name} - {name} == 0.0f)" for name in names)
    spoiled = " = ".join([*(f"out[{place}]" for place in range(n_out)), "NAN"])
    return [*lines, f"if ({broken}) {{", f"    {spoiled};", "    return -1;", "}"]


def _number_lines(scale: TargetScale) -> list[str]:
    value = f"z * {float_literal(scale.scale)} + {float_literal(scale.center)}"
    lines = [f"out[0] = {f'expf({value})' if scale.log else value};"]
    if scale.low is not None:
        low, high = float_literal(scale.low), float_literal(scale.high)
        lines += [f"if (out[0] < {low}) out[0] = {low};", f"if (out[0] > {high}) out[0] = {high};"]
    return lines


def _softmax_lines(outputs: list[str]) -> list[str]:
    n = len(outputs)
    filled = [f"out[{place}] = {text};" for place, text in enumerate(outputs)]
    return [
        "int best = 0, broken = 0, k;",
        "float total = 0.0f, highest;",
        *filled,
        f"for (k = 0; k < {n}; k++) {{",
        "    if (!(out[k] - out[k] == 0.0f)) broken = 1;",
        "    if (out[k] > out[best]) best = k;",
        "}",
        "highest = out[best];",
        f"for (k = 0; k < {n}; k++) {{",
        "    out[k] = broken ? NAN : expf(out[k] - highest);",
        "    total += out[k];",
        "}",
        f"for (k = 0; k < {n}; k++) out[k] /= total;",
        "return broken ? -1 : best;",
    ]
