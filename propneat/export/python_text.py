"""A formula as one Python function without dependencies, for scalars and for numpy arrays."""

import re
from collections import Counter
from collections.abc import Callable

from propneat.export.writing import SOFT, Language, Names, Written, identifiers, wrapped, write
from propneat.formula import Column, Equals, Formula, Lookup, Missing, Node, Quantity
from propneat.formula.form import Leaf, walk
from propneat.genome import check_functions

__all__ = ["column_notes", "describe_answer", "to_python"]

_FUNCTIONS = {name: f"{name}({{0}})" for name in (
    "sigmoid", "steep_sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sin", "gauss", "square",
)} | {"abs": "abs({0})", "exp": "exp(least({0}, 700.0))", "reciprocal": "1.0/{z}"}  # fmt: skip

_HELPERS = {
    "kept": "lambda x, low, high: least(most(x, low), high)",
    "filled": "lambda x, default: where(x == x, x, default)",
    "missing": "lambda value, *absent: number(each(lambda one: one is None or one != one or one in absent, value))",
    "mean": "lambda value, means, other: number(each(lambda one: means.get(one, other), value))",
    "sigmoid": "lambda z: 1.0/(1.0 + exp(least(-z, 700.0)))",
    "steep_sigmoid": "lambda z: sigmoid(4.9*z)",
    "relu": "lambda z: most(z, 0.0)",
    "leaky_relu": "lambda z: most(z, 0.01*z)",
    "elu": "lambda z: most(z, 0.0) + expm1(least(z, 0.0))",
    "gelu": "lambda z: z*sigmoid(1.5957691216057308*(z + 0.044715*z*z*z))",
    "silu": "lambda z: z*sigmoid(z)",
    "softplus": "lambda z: most(z, 0.0) + log1p(exp(-abs(z)))",
    "gauss": "lambda z: exp(-z*z)",
    "square": "lambda z: z*z",
    "weekday": "lambda s: (s//86400 + 3) % 7",
    "hour": "lambda s: s//3600 % 24",
    "days": "lambda s: s/86400",
    "day_of_year": "lambda d: d - (365*year_of(d) + year_of(d)//4 - year_of(d)//100)",
    "year_of": "lambda d: (d - d//1460 + d//36524 - d//146096)//365",
    "since_march": "lambda s: day_of_year((s//86400 + 719468) % 146097)",
    "month": "lambda s: ((5*since_march(s) + 2)//153 + 2) % 12 + 1",
    "day": "lambda s: since_march(s) - (153*((5*since_march(s) + 2)//153) + 2)//5 + 1",
    "first_word": 'lambda value: value.split(" ", 1)[0] if isinstance(value, str) else value',
}
_NEEDS = {
    "steep_sigmoid": ("sigmoid",), "gelu": ("sigmoid",), "silu": ("sigmoid",), "since_march": ("year_of", "day_of_year"),
    "month": ("since_march",), "day": ("since_march",)
}  # fmt: skip
_SCALARS = """\
        from math import exp, expm1, log1p, sin, tanh
        least, most = min, max
        where = lambda test, yes, no: yes if test else no
        each = lambda function, value: function(value)
        number = lambda value, *absent: float("nan") if value is None or value in absent else float(value)
        text = lambda value: value
"""
_ARRAYS = """\
        import numpy as np
        exp, expm1, log1p, sin, tanh = np.exp, np.expm1, np.log1p, np.sin, np.tanh
        least = lambda first, *others: np.minimum(first, least(*others)) if others else first
        most = lambda first, *others: np.maximum(first, most(*others)) if others else first
        where = np.where
        each = lambda function, values: np.array([function(one) for one in np.ravel(values)], object).reshape(np.shape(values))
        number = lambda values, *absent: np.where(np.isin(values, absent), np.nan, np.asarray(values, float))
        text = lambda values: np.asarray(values, object)
"""
_SECONDS = '''\
    def seconds(moment):
        """Seconds since 1970 of a datetime, a date, numpy's datetime64, or such a number."""
        if hasattr(moment, "dtype") and moment.dtype.kind == "M":
            return where(moment == moment, moment.astype("M8[us]").astype(float)/1e6, float("nan"))
        def one(value):
            if value is None or value != value or not hasattr(value, "timetuple"):
                return number(value)
            import calendar
            return calendar.timegm(value.timetuple()) + getattr(value, "microsecond", 0)/1e6
        return number(each(one, moment))
'''
_RESERVED = {
    *_HELPERS, "abs", "any", "calendar", "dict", "each", "exp", "expm1", "float", "getattr", "hasattr", "isinstance", "least",
    "locals", "log1p", "max", "min", "most", "np", "number", "object", "predict", "seconds", "sin", "str", "tanh", "text",
    "tuple", "value", "where",
}  # fmt: skip
check_functions(__name__, activations=("identity", *_FUNCTIONS))


def _extreme(largest: bool, terms: list[str]) -> str:
    name = "most" if largest else "least"
    return f"{name}({f',{SOFT}'.join(terms)})"


def to_python(formula: Formula) -> str:
    """Return the source of a function `predict` with a parameter for every column of a formula.

    It takes numbers, texts and dates, or numpy arrays of them of shape (n_rows,), and returns the answer of the formula: a
    number, the probability of the second of two classes, or a dict of probabilities by class.
    """
    own = identifiers([column.name for column in formula.columns], _RESERVED)
    language = Language(
        "python", repr, lambda leaf: _leaf_text(leaf, own[leaf.column.name]), _FUNCTIONS, _extreme,
        products=("reciprocal",), long_leaves=(Quantity, Missing, Lookup),
    )  # fmt: skip
    written = write(formula, language, namer(formula, own, _RESERVED), all_steps=True)
    return _source(formula, own, written)


def namer(formula: Formula, own: dict[str, str], taken: set[str]) -> Callable[[Node, str | None], str]:
    """Return what names expressions: hidden nodes as they are called, what is taken of a column after it.

    The only thing that is taken of a column has the column's own name.
    """
    names = Names({*own.values(), *taken})
    found = walk([answer for _, answer in formula.answers])
    n_leaves = Counter(leaf.column.name for leaf in {leaf for leaf in found if isinstance(leaf, Leaf)})

    def name(node: Node, step: str | None) -> str:
        wanted = step or "v"
        if isinstance(node, Leaf):
            wanted, part = own[node.column.name], getattr(node, "part", None)
            if n_leaves[node.column.name] == 1:
                return wanted
            wanted += f"_{part or _WORDS[type(node)]}"
        return names.give(wanted)

    return name


_WORDS = {Quantity: "number", Equals: "is", Missing: "missing", Lookup: "mean"}


def _leaf_text(leaf: Leaf, own: str) -> str:
    """Return the text of a leaf, its column read under its own name."""
    part = getattr(leaf, "part", None)
    taken = own if part is None else f"each(first_word, {own})" if part == "first word" else f"{part}({own})"
    match leaf:
        case Quantity():
            kept = taken if leaf.low is None else f"kept({taken}, {leaf.low!r}, {leaf.high!r})"
            return f"filled({kept}, {leaf.default!r})"
        case Equals():
            return f"1.0*({taken} == {leaf.level!r})"
        case Missing():
            absent = "".join(f", {marker!r}" for marker in leaf.column.absent if isinstance(marker, str))
            return f"missing({own}{absent})"
    return f"mean({taken}, {dict(leaf.pairs)!r}, {leaf.default!r})"


def _source(formula: Formula, own: dict[str, str], written: Written) -> str:
    parameters = f",{SOFT}".join(own[column.name] for column in formula.columns)
    lines = [wrapped("def predict(", f"{parameters}):", indent=" " * 8), f'    """{_escaped(describe_answer(formula))}.', ""]
    lines += [f"    {own[column.name]}: {_escaped(note)}" for column, note in column_notes(formula)]
    lines += ['    Each is one value, or a numpy array of values, one a row.\n    """']
    lines += ['    if any(hasattr(value, "__array__") for value in tuple(locals().values())):']
    body = [line for column in formula.columns for line in _reading(column, own[column.name])]
    body += [wrapped(f"    {name} = ", text, indent=" " * 8, brackets=("(", ")")) for name, text in written.named]
    if len(written.answers) == 1:
        body.append(wrapped("    return ", written.answers[0], indent=" " * 8, brackets=("(", ")")))
    else:
        entries = (f"        {label!r}: " for label, _ in formula.answers)
        pairs = [wrapped(start, text, indent=" " * 12) for start, text in zip(entries, written.answers, strict=True)]
        body += ["    return {", *(f"{pair}," for pair in pairs), "    }"]
    helpers = _helpers("\n".join(body))
    seconds = _SECONDS if any(column.kind == "date" for column in formula.columns) else ""
    return "\n".join(lines) + "\n" + _ARRAYS + "    else:\n" + _SCALARS + seconds + helpers + "\n".join(body) + "\n"


def _reading(column: Column, own: str) -> list[str]:
    """Return the line that reads a column: numbers as floats, NaN where they are missing."""
    if column.kind == "text":
        return [f"    {own} = text({own})"]
    absent = "".join(f", {value!r}" for value in column.absent)
    return [f"    {own} = {'seconds' if column.kind == 'date' else 'number'}({own}{absent})"]


def _helpers(body: str) -> str:
    """Return the definitions of the functions that a text calls."""
    wanted: list[str] = []
    waiting = [name for name in _HELPERS if re.search(rf"\b{name}\b[(,]", body)]
    while waiting:
        name = waiting.pop()
        wanted.append(name)
        waiting += [need for need in _NEEDS.get(name, ()) if need not in wanted]
    return "".join(f"    {name} = {text}\n" for name, text in _HELPERS.items() if name in wanted)


def describe_answer(formula: Formula) -> str:
    """Say in a few words what a formula gives."""
    if formula.task == "regression":
        return f"Return the predicted {formula.target}"
    if formula.task == "binary":
        return f"Return the probability that {formula.target} is {formula.answers[0][0]}"
    return f"Return the probability of each class of {formula.target}"


def column_notes(formula: Formula) -> list[tuple[Column, str]]:
    """Say of every column what it is and what stands for a missing value."""
    found: dict[str, list[Leaf]] = {column.name: [] for column in formula.columns}
    for leaf in walk([answer for _, answer in formula.answers]):
        if isinstance(leaf, Leaf):
            found[leaf.column.name].append(leaf)
    return [(column, _note(column, found[column.name])) for column in formula.columns]


def _note(column: Column, leaves: list[Leaf]) -> str:
    kinds = {"number": "a number", "truth": "true or false, or 1 or 0", "date": "a date or time", "text": "a text"}
    note = f"{column.name}, {kinds[column.kind]}"
    defaults = sorted({leaf.default for leaf in leaves if isinstance(leaf, Quantity) and leaf.part is None})
    if defaults:
        note += f"; {defaults[0]:.6g} stands for a missing one"
    return note


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
