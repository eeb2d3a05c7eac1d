"""The dynamic programme: strategies of least or most overhead that keep to a budget, and the least budget of all."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.words import count
from propneat.recompute.families import Family, all_lower_sets, pruned_lower_sets
from propneat.recompute.graph import Graph
from propneat.recompute.kernel import cheapest_caches, pareto_fronts

__all__ = ["FAMILIES", "OBJECTIVES", "Strategy", "best_strategy", "least_budget", "make_family", "strategy_peak"]

OBJECTIVES = ("time", "memory")
"""Time-centric: the least overhead. Memory-centric: the most overhead, whose coarse parts gain most from liveness."""
FAMILIES = ("exact", "pruned")
"""All lower sets, or the smallest of each node alone (the approximate programme)."""


@dataclass(frozen=True)
class Strategy:
    """A canonical strategy: increasing lower sets L_1, ..., L_k of a graph, the last of which is the whole."""

    graph: Graph
    lowers: tuple[int, ...]

    @property
    def parts(self) -> tuple[int, ...]:
        """The sets V_i = L_i without L_{i-1}, computed and recomputed as one."""
        return tuple(large & ~small for small, large in zip((0, *self.lowers), self.lowers, strict=False))

    @cached_property
    def cached(self) -> int:
        """U_k, the nodes whose values are kept from the forward to the backward pass: the boundaries of all sets."""
        mask = 0
        for lower in self.lowers:
            mask |= self.graph.boundary(lower)
        return mask

    @property
    def overhead(self) -> int:
        """Units of time of all recomputation, T(V without U_k)."""
        return self.graph.time_of(self.graph.whole & ~self.cached)

    @property
    def peak(self) -> int:
        """Peak bytes without liveness analysis; see `strategy_peak`."""
        return strategy_peak(self)


def strategy_peak(strategy: Strategy) -> int:
    """Return the peak bytes of a canonical strategy that frees values at the end of each part only.

    In part i the cached values of earlier parts, U_{i-1}, values and gradients of V_i, and what enters from outside L_i are
    there together: M(U_{i-1}) + 2 M(V_i) + M(d+(L_i) \\ L_i) + M(d-(d+(L_i) \\ L_i) \\ L_i). Source: Kusumoto et al. (2019).
    """
    graph, cached, peak = strategy.graph, 0, 0
    for lower, part in zip(strategy.lowers, strategy.parts, strict=True):
        peak = max(peak, graph.memory_of(cached) + 2 * graph.memory_of(part) + graph.incoming_memory(lower))
        cached |= graph.boundary(lower)
    return peak


def make_family(graph: Graph, name: str) -> Family:
    """Return the family of lower sets of a name in FAMILIES; raises ConfigError for another, or for too many sets."""
    if name not in FAMILIES:
        raise ConfigError(f"family must be one of {', '.join(FAMILIES)}, not {name!r}")
    return Family.make(graph, all_lower_sets(graph) if name == "exact" else pruned_lower_sets(graph))


def least_budget(family: Family, upper: int | None = None) -> int:
    """Return the smallest budget, in bytes, that any strategy of a family keeps to.

    `upper` is a budget known to suffice, such as that of a smaller family. A bisection over whole bytes, in which every
    answer also moves the bound that it did not ask about: a strategy found lowers the upper one to its own peak, and a
    failure raises the lower one to what the cheapest refused step asked for.
    """
    low, high = 0, int(2 * family.memory[-1]) if upper is None else upper
    while low < high:
        peak, needed = _cheapest(family, (low + high) // 2)
        if peak >= 0:
            high = peak
        else:
            low = max(needed, (low + high) // 2 + 1)
    return high


def _cheapest(family: Family, budget: int) -> tuple[int, int]:
    arrays = (family.words, family.memory, family.incoming, family.boundary_start, family.boundary_node)
    peak, needed = cheapest_caches(*arrays, np.array(family.graph.memory, np.int64), budget)
    return int(peak), int(needed)


def best_strategy(family: Family, budget: int, objective: str = "time") -> Strategy:
    """Return the strategy of a family that keeps to a budget, in bytes, with the least overhead, or with the most.

    States are (set, overhead) with the fewest cached bytes, and only those stay that none beats in both; ties go to the
    first found, so the same input gives the same strategy. Source: Kusumoto et al. (2019), the exact programme where the
    family holds all lower sets, the approximate one where it is pruned. Departure: states are pulled from subsets that the
    budget can reach instead of pushed to all supersets. Raises ConfigError for an unknown objective, and when no strategy of
    the family keeps to the budget.
    """
    if objective not in OBJECTIVES:
        raise ConfigError(f"objective must be one of {', '.join(OBJECTIVES)}, not {objective!r}")
    node_memory, node_time = (np.array(values, np.int64) for values in (family.graph.memory, family.graph.time))
    sets, _ = pareto_fronts(
        family.words, family.memory, family.time, family.incoming, family.boundary_start, family.boundary_node,
        node_memory, node_time, min(budget, 2**62), objective == "memory",
    )  # fmt: skip
    if not len(sets):
        raise ConfigError(f"no strategy keeps to {count(budget, 'byte')}: the least budget is {least_budget(family)} bytes")
    return Strategy(family.graph, tuple(family.masks[position] for position in sets[-2::-1]))
