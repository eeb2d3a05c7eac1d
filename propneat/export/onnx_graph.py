"""A small builder of ONNX graphs: operators by name, constants, and the activations of nodes in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from propneat.genome import check_functions

__all__ = ["Graph", "activate"]


class Graph:
    """Operators and constants in the order in which they were asked for; values are called by their names, texts.

    All names that the graph makes up begin with `prefix`.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.nodes: list[Any] = []
        self.constants: dict[tuple[str, ...], Any] = {}
        self._count = 0

    def __call__(self, operator: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Add an operator and return the name of its first output."""
        self._count += 1
        output = name or f"{self.prefix}{operator.lower()}_{self._count}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, value: Any, dtype: Any = np.float64) -> str:
        """Return the name of a constant: numbers, or texts with `dtype` object."""
        array = np.asarray(value, dtype=dtype)
        key = (str(array.dtype), str(array.shape), *map(repr, array.ravel().tolist()))
        if key not in self.constants:
            name = f"{self.prefix}constant_{len(self.constants) + 1}"
            if array.dtype == object:
                texts = [str(text).encode("utf-8") for text in array.ravel()]
                self.constants[key] = helper.make_tensor(name, helper.TensorProto.STRING, array.shape, texts)
            else:
                self.constants[key] = numpy_helper.from_array(array, name)
        return self.constants[key].name

    def columns(self, value: str, places: np.ndarray) -> str:
        """Return some columns of a value of shape (n_rows, n_columns)."""
        return self("Gather", value, self.constant(places, np.int64), axis=1)

    def joined(self, values: list[str]) -> str:
        """Return values side by side."""
        return values[0] if len(values) == 1 else self("Concat", *values, axis=1)


def _sigmoid(g: Graph, z: str) -> str:
    return g("Sigmoid", z)


def _steep_sigmoid(g: Graph, z: str) -> str:
    return g("Sigmoid", g("Mul", z, g.constant(4.9)))


def _elu(g: Graph, z: str) -> str:
    zero = g.constant(0.0)
    below = g("Sub", g("Exp", g("Min", z, zero)), g.constant(1.0))
    return g("Where", g("Greater", z, zero), z, below)


def _gelu(g: Graph, z: str) -> str:
    cube = g("Mul", g("Mul", z, z), g("Mul", z, g.constant(0.044715)))
    inner = g("Mul", g("Add", z, cube), g.constant(2.0 * np.sqrt(2.0 / np.pi)))
    return g("Mul", z, g("Sigmoid", inner))


def _softplus(g: Graph, z: str) -> str:
    small = g("Log", g("Add", g("Exp", g("Neg", g("Abs", z))), g.constant(1.0)))
    return g("Add", g("Max", z, g.constant(0.0)), small)


_FUNCTIONS: dict[str, Callable[[Graph, str], str]] = {
    "identity": lambda g, z: z,
    "sigmoid": _sigmoid,
    "steep_sigmoid": _steep_sigmoid,
    "tanh": lambda g, z: g("Tanh", z),
    "relu": lambda g, z: g("Max", z, g.constant(0.0)),
    "leaky_relu": lambda g, z: g("Max", z, g("Mul", z, g.constant(0.01))),
    "elu": _elu,
    "gelu": _gelu,
    "silu": lambda g, z: g("Mul", z, g("Sigmoid", z)),
    "softplus": _softplus,
    "sin": lambda g, z: g("Sin", z),
    "gauss": lambda g, z: g("Exp", g("Neg", g("Mul", z, z))),
    "abs": lambda g, z: g("Abs", z),
    "square": lambda g, z: g("Mul", z, z),
}
check_functions(__name__, activations=_FUNCTIONS)


def activate(g: Graph, name: str, z: str) -> str:
    """Apply an activation by its name."""
    return _FUNCTIONS[name](g, z)
