"""A formula as LaTeX: one aligned equation for every named node and every answer."""

import itertools
import re

from propneat.export.writing import SOFT, Language, write
from propneat.formula import Equals, Formula, Lookup, Missing, Node, Quantity
from propneat.formula.form import Leaf, walk
from propneat.genome import check_functions

__all__ = ["to_latex"]

_FUNCTIONS = {
    "sigmoid": r"\sigma\left({0}\right)",
    "steep_sigmoid": r"\sigma\left(4.9\,{z}\right)",
    "tanh": r"\tanh\left({0}\right)",
    "relu": r"\max\left({0},\,0\right)",
    "leaky_relu": r"\max\left({0},\,0.01\,{z}\right)",
    "elu": r"\operatorname{{elu}}\left({0}\right)",
    "gelu": r"\operatorname{{gelu}}\left({0}\right)",
    "silu": r"\operatorname{{silu}}\left({0}\right)",
    "softplus": r"\ln\left(1 + e^{{{0}}}\right)",
    "sin": r"\sin\left({0}\right)",
    "gauss": r"e^{{-{z}^2}}",
    "abs": r"\left|{0}\right|",
    "square": r"{z}^2",
    "exp": r"e^{{{0}}}",
    "reciprocal": r"\frac{{1}}{{{0}}}",
}
_DEFINITIONS = {
    r"\sigma\left": r"\sigma(z) &= \frac{1}{1 + e^{-z}}",
    r"\operatorname{elu}": r"\operatorname{elu}(z) &= z \text{ if } z > 0 \text{, else } e^z - 1",
    r"\operatorname{gelu}": r"\operatorname{gelu}(z) &= z\,\sigma\left(\sqrt{8/\pi}\left(z + 0.044715\,z^3\right)\right)",
    r"\operatorname{silu}": r"\operatorname{silu}(z) &= z\,\sigma(z)",
    r"\operatorname{mean}": r"\operatorname{mean}(\cdot) &\text{ stands for the number learnt for a level}",
}
_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", **{c: f"\\{c}" for c in "&%$#_{}"},
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}", "\n": " ",
}  # fmt: skip


_WIDTH = 90
"""Characters of LaTeX after which a line is broken."""
check_functions(__name__, activations=("identity", *_FUNCTIONS))


def to_latex(formula: Formula) -> str:
    """Return an `align*` environment (package amsmath): hidden nodes, then the answers, then what a notation means.

    A bracket [colour = red] is 1 where that holds, else 0. A column that is said to lie within bounds counts as the nearer one
    beyond them; of what stands for missing values comments before the environment tell.
    """
    found = {leaf for leaf in walk([answer for _, answer in formula.answers]) if isinstance(leaf, Leaf)}
    leaves = sorted(found, key=lambda leaf: (leaf.column.name, str(leaf)))
    language = Language(
        "latex", _number, _leaf_text, _FUNCTIONS,
        lambda largest, terms: ("\\max" if largest else "\\min") + r"\left(" + r",\, ".join(terms) + r"\right)",
        times=r"\,", brackets=(r"\left(", r"\right)"), sums=(), products=("gauss", "exp", "square", "reciprocal"),
    )  # fmt: skip
    others = itertools.count(1)

    def name(node: Node, step: str | None) -> str:
        return f"h_{{{step[1:]}}}" if step else f"v_{{{next(others)}}}"

    written = write(formula, language, name, all_steps=True)
    lines = [f"{own} &= {_broken(text)}" for own, text in written.named]
    for (label, _), text in zip(formula.answers, written.answers, strict=True):
        lines.append(f"{_answer_name(formula, label)} &= {_broken(text)}")
    lines += [
        rf"{_symbol(leaf)} &\in \left[{_number(leaf.low)},\, {_number(leaf.high)}\right]"
        for leaf in leaves
        if isinstance(leaf, Quantity) and leaf.low is not None
    ]
    body = " \\\\\n".join(lines)
    body += "".join(f" \\\\\n{meaning}" for sign, meaning in _needed(body))
    return f"{_comments(leaves)}\\begin{{align*}}\n{body}\n\\end{{align*}}\n"


def _needed(body: str) -> list[tuple[str, str]]:
    needs_sigma = r"\operatorname{gelu}" in body or r"\operatorname{silu}" in body
    return [(sign, text) for sign, text in _DEFINITIONS.items() if sign in body or (needs_sigma and "sigma\\left" in sign)]


def _answer_name(formula: Formula, label: str) -> str:
    target = rf"\text{{{_escaped(formula.target)}}}"
    return target if formula.task == "regression" else rf"P({target} = \text{{{_escaped(label)}}})"


def _broken(text: str) -> str:
    """Break a long text into lines before terms that stand in no brackets."""
    lines, line = [], ""
    for piece in text.split(SOFT):
        whole = "".join(lines) + line
        if len(line) > _WIDTH and whole.count(r"\left") == whole.count(r"\right"):
            lines.append(line)
            line = ""
        line += f" {piece}" if line else piece
    return " \\\\\n&\\quad ".join([*lines, line])


def _comments(leaves: list[Leaf]) -> str:
    notes = [
        f"% {_comment(leaf)} counts as {leaf.default:.6g} where it is missing\n"
        for leaf in leaves
        if isinstance(leaf, Quantity)
    ]
    for leaf in leaves:
        if isinstance(leaf, Lookup):
            means = ", ".join(f"{' '.join(str(level).split())} {mean:.6g}" for level, mean in leaf.pairs)
            notes.append(f"% mean of {_comment(leaf)}: {means}, any other {leaf.default:.6g}\n")
    return "".join(notes)


def _comment(leaf: Quantity | Lookup) -> str:
    name = " ".join(leaf.column.name.split())
    return name if leaf.part is None else f"the {leaf.part} of {name}"


def _number(value: float) -> str:
    mantissa, _, exponent = repr(float(value)).removesuffix(".0").partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa


def _escaped(text: str) -> str:
    return re.sub(r'[\\~^&%$#_{}<>|"\n]', lambda found: _SPECIAL[found[0]], text)


def _symbol(leaf: Leaf) -> str:
    part = getattr(leaf, "part", None)
    name = rf"\text{{{_escaped(leaf.column.name)}}}"
    return name if part is None else rf"\text{{{part}}}({name})"


def _leaf_text(leaf: Leaf) -> str:
    symbol = _symbol(leaf)
    match leaf:
        case Quantity():
            return symbol
        case Missing():
            return rf"\left[{symbol} \text{{ is missing}}\right]"
        case Equals():
            return rf"\left[{symbol} = \text{{{_escaped(str(leaf.level))}}}\right]"
        case Lookup():
            return rf"\operatorname{{mean}}\left({symbol}\right)"
