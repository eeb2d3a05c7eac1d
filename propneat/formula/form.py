"""The expression form: what a formula is made of, before any language writes it down.

Expressions are graphs: an expression that is used twice is one object in two places, and is told from others by identity.
"""

from collections.abc import Iterator
from dataclasses import dataclass

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
    "parts_of",
    "symbol_name",
    "walk",
]

Level = str | int | float


@dataclass(frozen=True)
class Column:
    """A column of the table, as values that have been read.

    `kind` is "number", "truth" (1 or 0), "date" (seconds since 1970) or "text". A value is missing when it is none, NaN, or one
    of `absent`: numbers, or texts for a text.
    """

    name: str
    kind: str
    absent: tuple[Level, ...] = ()


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Quantity:
    """The number in a column, or the `part` of its date, kept from `low` to `high`; `default` where it is missing.

    `unit` is the spread of the number, by which rounding knows how exact its bounds must be.
    """

    column: Column
    part: str | None
    default: float
    low: float | None
    high: float | None
    unit: float


@dataclass(frozen=True)
class Equals:
    """1 where a column, the first word of its text or a part of its date equals a level, else 0, also where it is missing."""

    column: Column
    part: str | None
    level: Level


@dataclass(frozen=True)
class Missing:
    """1 where a column has no value, else 0."""

    column: Column


@dataclass(frozen=True)
class Lookup:
    """The number that stands for a column's level, `default` for any other and where it is missing."""

    column: Column
    part: str | None
    pairs: tuple[tuple[Level, float], ...]
    default: float


Leaf = Quantity | Equals | Missing | Lookup


@dataclass(frozen=True, eq=False)
class Shift:
    """A quantity less its center, kept as a difference where multiplying it out would cost digits."""

    quantity: Quantity
    center: float


@dataclass(frozen=True, eq=False)
class Linear:
    """constant + the sum of weight * expression; no weight is 0, and no expression a number."""

    constant: float
    terms: tuple[tuple[float, "Node"], ...]


@dataclass(frozen=True, eq=False)
class Product:
    """The product of two expressions or more."""

    factors: tuple["Node", ...]


@dataclass(frozen=True, eq=False)
class Extreme:
    """The largest, or the smallest, of two expressions or more."""

    largest: bool
    terms: tuple["Node", ...]


@dataclass(frozen=True, eq=False)
class Apply:
    """A function of an expression: an activation by its name, "exp" or "reciprocal"."""

    function: str
    argument: "Node"


@dataclass(frozen=True, eq=False)
class Clip:
    """An expression kept from `low` to `high`; `unit` as for a quantity."""

    argument: "Node"
    low: float
    high: float
    unit: float


Node = Number | Quantity | Equals | Missing | Lookup | Shift | Linear | Product | Extreme | Apply | Clip


@dataclass(frozen=True, eq=False)
class Formula:
    """A whole model as expressions in the columns of its table.

    `steps` names the hidden nodes of the network that are worth a name, each after those it draws from. `answers` has one
    expression for each answer: of a regression the number, of two classes the probability of the second, of more the
    probability of each.
    """

    task: str
    target: str
    columns: tuple[Column, ...]
    steps: tuple[tuple[str, Node], ...]
    answers: tuple[tuple[str, Node], ...]


def parts_of(node: Node) -> tuple[Node, ...]:
    """Return the expressions that an expression is made of, one entry for each place."""
    match node:
        case Linear():
            return tuple(part for _, part in node.terms)
        case Product():
            return node.factors
        case Extreme():
            return node.terms
        case Apply() | Clip():
            return (node.argument,)
        case Shift():
            return (node.quantity,)
    return ()


def walk(roots: list[Node]) -> Iterator[Node]:
    """Yield every expression under some roots once, parts before what is made of them."""
    seen: set[int] = set()
    waiting = [(root, False) for root in reversed(roots)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.append((node, True))
            waiting.extend((part, False) for part in reversed(parts_of(node)))


def symbol_name(leaf: Leaf) -> str:
    """Return the name of the symbol of a leaf: the column, or what is taken of it."""
    part = getattr(leaf, "part", None)
    of_what = leaf.column.name if part is None else f"{part} of {leaf.column.name}"
    match leaf:
        case Missing():
            return f"{of_what} is missing"
        case Equals():
            return f"{of_what}={leaf.level}"
        case Lookup():
            return f"mean of {of_what}"
    return of_what
