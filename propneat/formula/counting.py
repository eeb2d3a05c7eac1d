"""The size of a formula as SRBench counts it: every operator, constant and variable of the tree that sympy would hold."""

from collections.abc import Sequence

from propneat.formula.algebra import express
from propneat.formula.form import Leaf, Node

__all__ = ["count_nodes"]


def count_nodes(roots: Sequence[Node]) -> int:
    """Return the nodes of the trees of some expressions, those that are used twice counted twice (La Cava et al. 2021).

    Sums and products of any number of terms are one operator, 1 / x and x^2 are a power and its exponent. Written out, a deep
    network that shares its nodes grows beyond any number; 2^53 - 1 stands for that and more.
    """
    return min(sum(express(roots, _Counting())), _MOST)


_MOST = 2**53 - 1


class _Counting:
    """Every expression is the number of its nodes."""

    def number(self, value: float) -> int:
        return 1

    def symbol(self, leaf: Leaf) -> int:
        return 1

    def add(self, terms: Sequence[int]) -> int:
        return min(1 + sum(terms), _MOST)

    multiply = add

    def power(self, base: int, exponent: int) -> int:
        return 2 + base

    def call(self, name: str, *arguments: int) -> int:
        return 1 + sum(arguments)

    def where_positive(self, test: int, yes: int, no: int) -> int:
        # Piecewise, two pairs, the comparison with 0, and the condition that is always true
        return 1 + (1 + yes + (1 + test + 1)) + (1 + no + 1)
