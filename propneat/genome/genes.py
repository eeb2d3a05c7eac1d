"""Gene layouts and the names that genes use: node kinds, activations and aggregations, each with a stable code."""

from collections.abc import Collection
from enum import IntEnum

import numpy as np

from propneat.genome.own_functions import Activation, Aggregation, FunctionNames

__all__ = [
    "ACTIVATIONS",
    "AGGREGATIONS",
    "CONNECTION_DTYPE",
    "MAX_IDENTIFIER",
    "NODE_DTYPE",
    "NodeKind",
    "activation_code",
    "aggregation_code",
    "check_functions",
    "find_activation",
    "find_aggregation",
    "register_activation",
    "register_aggregation",
]


class NodeKind(IntEnum):
    """What a node is: fed by the data, read as an answer, or evolved in between."""

    INPUT = 0
    OUTPUT = 1
    HIDDEN = 2


ACTIVATIONS = FunctionNames(
    (
        "identity",
        "sigmoid",
        "steep_sigmoid",
        "tanh",
        "relu",
        "leaky_relu",
        "elu",
        "gelu",
        "silu",
        "softplus",
        "sin",
        "gauss",
        "abs",
        "square",
    ),
    Activation,
)
"""Activation names; the position is the code. `steep_sigmoid` is 1 / (1 + exp(-4.9 z)) (Stanley and Miikkulainen 2002),
`leaky_relu` has slope 0.01, `elu` has alpha 1, `gelu` is the tanh form, `gauss` is exp(-z^2). See `FunctionNames` for those of
one's own."""

register_activation, find_activation = ACTIVATIONS.register, ACTIVATIONS.find

AGGREGATIONS = FunctionNames(("sum", "mean", "product", "max", "min"), Aggregation)
"""How a node joins its weighted inputs; the position is the code. The bias is added after; no inputs at all join to 0."""

register_aggregation, find_aggregation = AGGREGATIONS.register, AGGREGATIONS.find

NODE_DTYPE = np.dtype(
    [
        ("id", np.int64),
        ("bias", np.float64),
        ("kind", np.int8),
        ("activation", np.int8),
        ("aggregation", np.int8),
        ("time_constant", np.float64),
    ],
    align=True,
)
"""One node gene. Input nodes have bias 0, activation identity, aggregation sum and no time constant.

A time constant of 0 is none. One of 1 step or more makes the node follow what it computes: y[t] = y[t-1] + (f - y[t-1]) / tau."""

CONNECTION_DTYPE = np.dtype(
    [
        ("innovation", np.int64),
        ("source", np.int64),
        ("target", np.int64),
        ("weight", np.float64),
        ("enabled", np.bool_),
        ("recurrent", np.bool_),
    ],
    align=True,
)
"""One connection gene; `source` and `target` are node ids. A recurrent one carries its source's value of the step before."""

MAX_IDENTIFIER = 2**31 - 1
"""Largest node id and innovation number."""


def check_functions(
    where: str, *, activations: Collection[str] | None = None, aggregations: Collection[str] | None = None
) -> None:
    """Raise ImportError unless a module has formulas for the names that have codes; whatever computes nodes calls it on import.

    A code without a formula of its own would otherwise compute whatever stands last. None is what a module leaves to others.
    """
    for what, known, formulas in (("activation", ACTIVATIONS, activations), ("aggregation", AGGREGATIONS, aggregations)):
        lacking = [name for name in known if name not in formulas] if formulas is not None else []
        if lacking:
            raise ImportError(f"{where} has no formula for the {what} {lacking[0]!r}")


def activation_code(name: str) -> int:
    """Return the code of an activation name; raises ValueError for an unknown one."""
    return ACTIVATIONS.index(name)


def aggregation_code(name: str) -> int:
    """Return the code of an aggregation name; raises ValueError for an unknown one."""
    return AGGREGATIONS.index(name)
