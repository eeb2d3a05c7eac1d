"""Fewer digits: a formula whose constants are rounded."""

import math
from collections.abc import Callable
from dataclasses import replace

from propneat.formula.form import Apply, Clip, Extreme, Formula, Linear, Lookup, Node, Number, Product, Quantity, Shift, walk

__all__ = ["round_formula"]


def round_formula(formula: Formula, digits: int) -> Formula:
    """Return a formula with `digits` significant digits in every constant.

    Centers and bounds of a quantity are as exact as `digits` of its spread, which for a year or a date takes more.
    """
    made: dict[int, Node] = {}

    def new(node: Node) -> Node:
        return made[id(node)]

    for node in walk([answer for _, answer in formula.answers]):
        made[id(node)] = _rounded(node, digits, new)
    return replace(
        formula,
        steps=tuple((name, new(node)) for name, node in formula.steps),
        answers=tuple((name, new(node)) for name, node in formula.answers),
    )


def _rounded(node: Node, digits: int, new: Callable[[Node], Node]) -> Node:
    match node:
        case Number():
            return Number(_significant(node.value, digits))
        case Quantity():
            default, low, high = (_beside(value, node.unit, digits) for value in (node.default, node.low, node.high))
            return replace(node, default=default, low=low, high=high)
        case Lookup():
            pairs = tuple((level, _significant(mean, digits)) for level, mean in node.pairs)
            return replace(node, pairs=pairs, default=_significant(node.default, digits))
        case Shift():
            return Shift(new(node.quantity), _beside(node.center, node.quantity.unit, digits))
        case Linear():
            terms = tuple((_significant(weight, digits), new(part)) for weight, part in node.terms)
            return Linear(_significant(node.constant, digits), terms)
        case Product():
            return Product(tuple(map(new, node.factors)))
        case Extreme():
            return Extreme(node.largest, tuple(map(new, node.terms)))
        case Apply():
            return Apply(node.function, new(node.argument))
        case Clip():
            low, high = (_beside(value, node.unit, digits) for value in (node.low, node.high))
            return Clip(new(node.argument), low, high, node.unit)
    return node


def _significant(value: float, digits: int) -> float:
    return float(f"{value:.{digits - 1}e}")


def _beside(value: float | None, unit: float, digits: int) -> float | None:
    """Round to the last place that a number of the size of `unit` has."""
    # + 0.0 makes a negative zero a plain one
    return None if value is None else round(value, digits - 1 - math.floor(math.log10(unit))) + 0.0
