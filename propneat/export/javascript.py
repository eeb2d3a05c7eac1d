"""A formula as one JavaScript module without dependencies."""

import json
import re

from propneat.export.python_text import column_notes, describe_answer, namer
from propneat.export.writing import SOFT, Language, identifiers, wrapped, write
from propneat.formula import Equals, Formula, Lookup, Missing, Quantity
from propneat.formula.form import Leaf
from propneat.genome import check_functions

__all__ = ["FUNCTIONS", "HELPERS", "function_lines", "helpers_for", "leaf_text", "to_javascript"]

FUNCTIONS = {name: f"{name}({{0}})" for name in (
    "sigmoid", "steep_sigmoid", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "gauss", "square",
)} | {
    "tanh": "Math.tanh({0})", "sin": "Math.sin({0})", "abs": "Math.abs({0})", "exp": "Math.exp(Math.min({0}, 700))",
    "reciprocal": "1/{z}",
}  # fmt: skip
HELPERS = {
    "gone": "(value) => value === null || value === undefined || Number.isNaN(value)",
    "number": '(value, ...absent) => gone(value) || value === "" || absent.includes(Number(value)) ? NaN : Number(value)',
    "iso": r"(text) => /^\s*(\d{4}-\d\d(?:-\d\d)?)(?:[ T](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?\s*(?:Z|[+-]\d\d:?\d\d)?)?\s*$/"
    ".exec(text)",
    "moment": '([, day, time = "00:00", part = "0"]) => Date.parse(day + "T" + time + "Z")/1000 + Number("0." + part)',
    "from_1970": '(value) => typeof value === "string" ? moment(iso(value) ?? []) : number(value)',
    "seconds": "(value) => value instanceof Date ? value.getTime()/1000 : from_1970(value)",
    "filled": "(x, other) => Number.isNaN(x) ? other : x",
    "kept": "(x, low, high) => x < low ? low : x > high ? high : x",
    "is": "(value, level) => value === level ? 1 : 0",
    "missing": "(value, ...absent) => gone(value) || absent.includes(value) ? 1 : 0",
    "mean": "(value, means, other) => new Map(means).get(value) ?? other",
    "first_word": '(value) => typeof value === "string" ? value.split(" ")[0] : value',
    "modulo": "(x, y) => x - y*Math.floor(x/y)",
    "days": "(s) => s/86400",
    "weekday": "(s) => modulo(Math.floor(s/86400) + 3, 7)",
    "hour": "(s) => modulo(Math.floor(s/3600), 24)",
    "month": "(s) => new Date(1000*s).getUTCMonth() + 1",
    "day": "(s) => new Date(1000*s).getUTCDate()",
    "sigmoid": "(z) => 1/(1 + Math.exp(-z))",
    "steep_sigmoid": "(z) => sigmoid(4.9*z)",
    "relu": "(z) => Math.max(z, 0)",
    "leaky_relu": "(z) => Math.max(z, 0.01*z)",
    "elu": "(z) => z > 0 ? z : Math.expm1(z)",
    "gelu": "(z) => z*sigmoid(1.5957691216057308*(z + 0.044715*z*z*z))",
    "silu": "(z) => z*sigmoid(z)",
    "softplus": "(z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)))",
    "gauss": "(z) => Math.exp(-z*z)",
    "square": "(z) => z*z",
}  # fmt: skip
"""Functions that the text of a formula may call."""
_RESERVED = {
    *HELPERS, *"""arguments await break case catch class const continue debugger default delete do else enum eval export extends
    false finally for function if implements import in instanceof interface let new null package private protected public return
    static super switch this throw true try typeof undefined var void while with yield row predict columns Math Number Map Date
    NaN Infinity value""".split(),
}  # fmt: skip
check_functions(__name__, activations=("identity", *FUNCTIONS))


def to_javascript(formula: Formula) -> str:
    """Return an ES module: `predict(row)` takes an object with a value for each of `columns`, by its name.

    A number that is null, undefined, NaN or "" is missing. A date is a Date, read by UTC, a text of ISO 8601, whose offset is
    left off, or seconds since 1970; any other text is missing. The answer is a number, the probability of the second of two classes, or an object of probabilities by class.
    """
    lines, answers = function_lines(formula)
    if len(answers) == 1:
        lines.append(wrapped("  return ", f"{answers[0]};", indent=" " * 6))
    else:
        labels = (quoted(label) for label, _ in formula.answers)
        pairs = [wrapped(f"    [{label}]: ", f"{text},", indent=" " * 8) for label, text in zip(labels, answers, strict=True)]
        lines += ["  return {", *pairs, "  };"]
    notes = [_comment(note) for _, note in column_notes(formula)]
    names = ", ".join(quoted(column.name) for column in formula.columns)
    head = [_comment(f"{describe_answer(formula)} of a row with"), *notes, f"export const columns = [{names}];", ""]
    text = "\n".join(lines)
    return "\n".join([*head, helpers_for(text) + "export function predict(row) {", text, "}"]) + "\n"


def _comment(text: str) -> str:
    """Return a text as a comment on one line that may also stand in a page's script."""
    return "// " + " ".join(text.split()).replace("</", "< /").replace("<!--", "< !--")


def function_lines(formula: Formula) -> tuple[list[str], list[str]]:
    """Return the lines of a function of `row` up to its answers, and the text of each answer."""
    own = identifiers([column.name for column in formula.columns], _RESERVED)
    language = Language(
        "javascript", repr, leaf_text, FUNCTIONS,
        lambda largest, terms: f"Math.{'max' if largest else 'min'}({f',{SOFT}'.join(terms)})",
        products=("reciprocal",), long_leaves=(Quantity, Equals, Missing, Lookup),
    )  # fmt: skip
    written = write(formula, language, namer(formula, own, _RESERVED), all_steps=True)
    lines = [wrapped(f"  const {name} = ", f"{text};", indent=" " * 6) for name, text in written.named]
    return lines, [text.replace(SOFT, " ") for text in written.answers] if len(written.answers) > 1 else written.answers


def helpers_for(text: str, known: str = "") -> str:
    """Return the definitions of the functions that a text calls, and of those that these call, but for those in `known`."""
    wanted: list[str] = []
    waiting = [text]
    while waiting:
        calling = waiting.pop()
        for name in HELPERS:
            if name not in wanted and re.search(rf"(?<![\w.]){name}\(", calling):
                wanted.append(name)
                waiting.append(HELPERS[name])
    return "".join(
        f"const {name} = {HELPERS[name]};\n" for name in HELPERS if name in wanted and f"const {name} = " not in known
    )


def quoted(text: str) -> str:
    """Return a text as a literal that may also stand in a page's script."""
    return json.dumps(text).replace("</", "<\\/").replace("<!--", "<\\!--")


def leaf_text(leaf: Leaf) -> str:
    """Return the text of a leaf, its column taken from an object `row`."""
    value = f"row[{quoted(leaf.column.name)}]"
    part = getattr(leaf, "part", None)
    if leaf.column.kind == "text":
        taken = value if part is None else f"first_word({value})"
    else:
        absent = "".join(f", {one!r}" for one in leaf.column.absent)
        number = f"seconds({value})" if leaf.column.kind == "date" else f"number({value}{absent})"
        taken = number if part is None or isinstance(leaf, Missing) else f"{part}({number})"
    match leaf:
        case Quantity():
            kept = taken if leaf.low is None else f"kept({taken}, {leaf.low!r}, {leaf.high!r})"
            return f"filled({kept}, {leaf.default!r})"
        case Equals():
            return f"is({taken}, {_level(leaf.level)})"
        case Missing():
            absent = "".join(f", {quoted(one)}" for one in leaf.column.absent) if leaf.column.kind == "text" else ""
            return f"missing({taken}{absent})"
    pairs = ", ".join(f"[{_level(level)}, {mean!r}]" for level, mean in leaf.pairs)
    return f"mean({taken}, [{pairs}], {leaf.default!r})"


def _level(level: str | int | float) -> str:
    return quoted(level) if isinstance(level, str) else repr(level)
