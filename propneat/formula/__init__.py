"""The formula of a network: a small expression form of a whole model, its size, and sympy's form of it."""

from propneat.formula.counting import count_nodes
from propneat.formula.form import (
    Apply,
    Clip,
    Column,
    Equals,
    Extreme,
    Formula,
    Linear,
    Lookup,
    Missing,
    Node,
    Number,
    Product,
    Quantity,
    Shift,
)
from propneat.formula.making import make_formula, network_answers
from propneat.formula.rounding import round_formula

__all__ = [
    "Apply",
    "Clip",
    "Column",
    "Equals",
    "Extreme",
    "Formula",
    "Linear",
    "Lookup",
    "Missing",
    "Node",
    "Number",
    "Product",
    "Quantity",
    "Shift",
    "count_nodes",
    "make_formula",
    "network_answers",
    "round_formula",
]
