"""A formula as an expression of sympy."""

from collections.abc import Sequence
from typing import Any

import sympy

from propneat.formula.algebra import express
from propneat.formula.form import Formula, Leaf, symbol_name

__all__ = ["to_sympy"]

_CALLS = {
    "exp": sympy.exp,
    "log": sympy.log,
    "tanh": sympy.tanh,
    "sin": sympy.sin,
    "abs": sympy.Abs,
    "max": sympy.Max,
    "min": sympy.Min,
}


def to_sympy(formula: Formula) -> Any:
    """Return the one answer of a formula as a sympy expression, or a dict of them by class.

    A symbol has the name of its column; "colour=red", "size is missing", "month of sold" and "mean of town" stand for what
    `symbol_name` says, as numbers. The tree is that which `count_nodes` counts: sympy evaluates nothing on the way.
    """
    made = express([answer for _, answer in formula.answers], _Sympy())
    return made[0] if len(made) == 1 else {name: answer for (name, _), answer in zip(formula.answers, made, strict=True)}


class _Sympy:
    """Every expression is one of sympy's, built as it stands."""

    def number(self, value: float) -> sympy.Expr:
        return sympy.Integer(value) if isinstance(value, int) else sympy.Float(value, 17)

    def symbol(self, leaf: Leaf) -> sympy.Expr:
        return sympy.Symbol(symbol_name(leaf), real=True)

    def add(self, terms: Sequence[sympy.Expr]) -> sympy.Expr:
        return sympy.Add(*terms, evaluate=False)

    def multiply(self, factors: Sequence[sympy.Expr]) -> sympy.Expr:
        return sympy.Mul(*factors, evaluate=False)

    def power(self, base: sympy.Expr, exponent: int) -> sympy.Expr:
        return sympy.Pow(base, exponent, evaluate=False)

    def call(self, name: str, *arguments: sympy.Expr) -> sympy.Expr:
        return _CALLS[name](*arguments, evaluate=False)

    def where_positive(self, test: sympy.Expr, yes: sympy.Expr, no: sympy.Expr) -> sympy.Expr:
        positive = sympy.Gt(test, 0, evaluate=False)
        return sympy.Piecewise(sympy.functions.elementary.piecewise.ExprCondPair(yes, positive), (no, True), evaluate=False)
