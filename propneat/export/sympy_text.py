"""A formula as a Python script that builds it with sympy."""

from propneat.export.writing import SOFT, Language, Names, identifiers, wrapped, write
from propneat.formula import Formula, Quantity
from propneat.formula.form import Leaf, symbol_name, walk
from propneat.genome import check_functions

__all__ = ["to_sympy_script"]

_FUNCTIONS = {
    "sigmoid": "1/(1 + exp(-{z}))",
    "steep_sigmoid": "1/(1 + exp(-4.9*{z}))",
    "tanh": "tanh({0})",
    "relu": "Max({0}, 0)",
    "leaky_relu": "Max({0}, 0.01*{z})",
    "elu": "Piecewise(({0}, {z} > 0), (exp({0}) - 1, True))",
    "gelu": "{z}/(1 + exp(-1.5957691216057308*({z} + 0.044715*{z}**3)))",
    "silu": "{z}/(1 + exp(-{z}))",
    "softplus": "log(1 + exp({0}))",
    "sin": "sin({0})",
    "gauss": "exp(-{z}**2)",
    "abs": "Abs({0})",
    "square": "{z}**2",
    "exp": "exp({0})",
    "reciprocal": "1/{z}",
}
_IMPORTED = ("Abs", "Max", "Min", "Piecewise", "Symbol", "evaluate", "exp", "log", "sin", "tanh")
check_functions(__name__, activations=("identity", *_FUNCTIONS))


def to_sympy_script(formula: Formula) -> str:
    """Return a script after which `formula` is the sympy expression that `Model.to_sympy` returns, or a dict of them by class.

    Symbols are called as `symbol_name` says. Nothing is evaluated on the way: sympy takes long to compare large expressions.
    """
    found = {leaf: symbol_name(leaf) for leaf in walk([answer for _, answer in formula.answers]) if isinstance(leaf, Leaf)}
    own = identifiers(list(dict.fromkeys(found.values())), (*_IMPORTED, "formula"))

    def leaf_text(leaf: Leaf) -> str:
        text = own[found[leaf]]
        return f"Min(Max({text}, {leaf.low!r}), {leaf.high!r})" if isinstance(leaf, Quantity) and leaf.low is not None else text

    names = Names({*own.values(), *_IMPORTED, "formula"})
    language = Language(
        "sympy", repr, leaf_text, _FUNCTIONS, lambda largest, terms: f"{'Max' if largest else 'Min'}({f',{SOFT}'.join(terms)})",
        products=("sigmoid", "steep_sigmoid", "gelu", "silu", "square", "reciprocal"), long_leaves=(Quantity,),
    )  # fmt: skip
    written = write(formula, language, lambda node, step: names.give(step or "v"), all_steps=True)
    lines = [f"from sympy import {', '.join(_IMPORTED)}", ""]
    lines += [f"{identifier} = Symbol({symbol!r}, real=True)" for symbol, identifier in own.items()]
    lines += ["with evaluate(False):"]
    lines += [wrapped(f"    {given} = ", text, indent=" " * 8, brackets=("(", ")")) for given, text in written.named]
    if len(written.answers) == 1:
        lines.append(wrapped("    formula = ", written.answers[0], indent=" " * 8, brackets=("(", ")")))
    else:
        labels = [repr(label) for label, _ in formula.answers]
        pairs = [
            wrapped(f"        {label}: ", text, indent=" " * 12) for label, text in zip(labels, written.answers, strict=True)
        ]
        lines += ["    formula = {", *(f"{pair}," for pair in pairs), "    }"]
    return "\n".join(lines) + "\n"
