"""An expression in a small algebra, that of computer algebra systems: one walk counts nodes and makes sympy's form."""

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np

from propneat.formula.form import Apply, Clip, Extreme, Leaf, Linear, Node, Number, Product, Quantity, Shift, walk
from propneat.genome import check_functions

__all__ = ["Algebra", "express"]

T = TypeVar("T")


class Algebra(Protocol, Generic[T]):
    """What an expression is made of: numbers, symbols, sums, products, powers, named functions, and a choice."""

    def number(self, value: float) -> T: ...

    def symbol(self, leaf: Leaf) -> T: ...

    def add(self, terms: Sequence[T]) -> T: ...

    def multiply(self, factors: Sequence[T]) -> T: ...

    def power(self, base: T, exponent: int) -> T: ...

    def call(self, name: str, *arguments: T) -> T:
        """Apply one of exp, log, tanh, sin, abs, max and min, or an activation of one's own."""

    def where_positive(self, test: T, yes: T, no: T) -> T: ...


def express(roots: Sequence[Node], algebra: Algebra[T]) -> list[T]:
    """Return some expressions in an algebra; what is shared is made once."""
    made: dict[int, T] = {}

    def weighted(node: Node, factor: float) -> T:
        """Return factor * node, a sum being multiplied out."""
        if isinstance(node, Linear):
            return _linear(algebra, node, factor, made)
        return made[id(node)] if factor == 1.0 else algebra.multiply([algebra.number(factor), made[id(node)]])

    for node in walk(list(roots)):
        made[id(node)] = _applied(algebra, node, weighted) if isinstance(node, Apply) else _plain(algebra, node, made)
    return [made[id(root)] for root in roots]


def _applied(algebra: Algebra[T], node: Apply, weighted: "Weighted") -> T:
    """Return a function of an expression; activations of one's own have no other form than their name."""
    if known := _FUNCTIONS.get(node.function):
        return known(algebra, node.argument, weighted)
    return algebra.call(node.function, weighted(node.argument, 1.0))


def _plain(algebra: Algebra[T], node: Node, made: dict[int, T]) -> T:
    match node:
        case Number():
            return algebra.number(node.value)
        case Quantity():
            return _kept(algebra, algebra.symbol(node), node.low, node.high)
        case Shift():
            return algebra.add([algebra.number(-node.center), made[id(node.quantity)]])
        case Linear():
            return _linear(algebra, node, 1.0, made)
        case Product():
            return algebra.multiply([made[id(factor)] for factor in node.factors])
        case Extreme():
            return algebra.call("max" if node.largest else "min", *(made[id(term)] for term in node.terms))
        case Clip():
            return _kept(algebra, made[id(node.argument)], node.low, node.high)
    return algebra.symbol(node)


def _kept(algebra: Algebra[T], value: T, low: float | None, high: float | None) -> T:
    if low is None:
        return value
    return algebra.call("min", algebra.call("max", value, algebra.number(low)), algebra.number(high))


def _linear(algebra: Algebra[T], node: Linear, factor: float, made: dict[int, T]) -> T:
    terms = [] if node.constant == 0.0 else [algebra.number(factor * node.constant)]
    for weight, part in node.terms:
        if factor * weight == 1.0:
            terms.append(made[id(part)])
        elif isinstance(part, Product):
            terms.append(algebra.multiply([algebra.number(factor * weight), *(made[id(one)] for one in part.factors)]))
        else:
            terms.append(algebra.multiply([algebra.number(factor * weight), made[id(part)]]))
    return terms[0] if len(terms) == 1 else algebra.add(terms)


Weighted = Callable[[Node, float], T]


def _sigmoid(algebra: Algebra[T], z: Node, of: Weighted, steepness: float = 1.0) -> T:
    return algebra.power(algebra.add([algebra.number(1), algebra.call("exp", of(z, -steepness))]), -1)


def _gelu(algebra: Algebra[T], z: Node, of: Weighted) -> T:
    cube = algebra.multiply([algebra.number(0.044715), algebra.power(of(z, 1.0), 3)])
    inner = algebra.multiply([algebra.number(-2.0 * np.sqrt(2.0 / np.pi)), algebra.add([of(z, 1.0), cube])])
    share = algebra.power(algebra.add([algebra.number(1), algebra.call("exp", inner)]), -1)
    return algebra.multiply([of(z, 1.0), share])


_FUNCTIONS: dict[str, Callable[[Algebra[T], Node, Weighted], T]] = {
    "sigmoid": _sigmoid,
    "steep_sigmoid": lambda algebra, z, of: _sigmoid(algebra, z, of, 4.9),
    "tanh": lambda algebra, z, of: algebra.call("tanh", of(z, 1.0)),
    "relu": lambda algebra, z, of: algebra.call("max", of(z, 1.0), algebra.number(0)),
    "leaky_relu": lambda algebra, z, of: algebra.call("max", of(z, 1.0), of(z, 0.01)),
    "elu": lambda algebra, z, of: algebra.where_positive(
        of(z, 1.0), of(z, 1.0), algebra.add([algebra.number(-1), algebra.call("exp", of(z, 1.0))])
    ),
    "gelu": _gelu,
    "silu": lambda algebra, z, of: algebra.multiply([of(z, 1.0), _sigmoid(algebra, z, of)]),
    "softplus": lambda algebra, z, of: algebra.call("log", algebra.add([algebra.number(1), algebra.call("exp", of(z, 1.0))])),
    "sin": lambda algebra, z, of: algebra.call("sin", of(z, 1.0)),
    "gauss": lambda algebra, z, of: algebra.call("exp", algebra.multiply([algebra.number(-1), algebra.power(of(z, 1.0), 2)])),
    "abs": lambda algebra, z, of: algebra.call("abs", of(z, 1.0)),
    "square": lambda algebra, z, of: algebra.power(of(z, 1.0), 2),
    "exp": lambda algebra, z, of: algebra.call("exp", of(z, 1.0)),
    "reciprocal": lambda algebra, z, of: algebra.power(of(z, 1.0), -1),
}

check_functions(__name__, activations=("identity", *_FUNCTIONS))
