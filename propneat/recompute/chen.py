"""The baseline of Chen et al. (2016): cut where the rest of the network sees one value, at about equal strides of memory."""

from propneat.recompute.families import articulation_sets
from propneat.recompute.graph import Graph
from propneat.recompute.programme import Strategy

__all__ = ["chen_strategy"]


def chen_strategy(graph: Graph) -> Strategy:
    """Return the square-root strategy: a cut whenever the bytes since the last one reach a stride.

    With n lower sets of a single boundary node to choose from, the stride is M(V) / sqrt(n). Source: Chen et al. (2016),
    algorithm 3, with the stride that Kusumoto et al. (2019) compare with; schedule and liveness are those of any canonical
    strategy. A network without such cuts is recomputed as a whole.
    """
    candidates = sorted(articulation_sets(graph), key=lambda lower: (graph.memory_of(lower), lower.bit_count()))
    stride = graph.total_memory / len(candidates) ** 0.5
    lowers, last = [], 0
    for lower in candidates[1:-1]:
        memory = graph.memory_of(lower)
        if memory - last >= stride:
            lowers.append(lower)
            last = memory
    return Strategy(graph, (*lowers, graph.whole))
