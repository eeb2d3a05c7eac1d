"""Families of lower sets that a strategy may be made of, and the quantities of every member in arrays."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from propneat.base.errors import ConfigError
from propneat.recompute.graph import Graph, bits

__all__ = ["Family", "all_lower_sets", "articulation_sets", "pruned_lower_sets"]


def all_lower_sets(graph: Graph, most: int = 200_000) -> list[int]:
    """Return every lower set of a graph, the empty and the whole one included.

    Raises ConfigError when there are more than `most`, whose square the exact programme's time is proportional to.
    """
    seen, waiting = {0}, [0]
    ready_after = _ready_after(graph)
    for lower in waiting:
        # a node becomes ready when one of those it comes after has been added: look at these alone
        ready = graph.whole & ~lower
        for node in bits(ready & ready_after(lower)):
            if graph.needed_masks[node] & ~lower == 0:
                larger = lower | 1 << node
                if larger not in seen:
                    seen.add(larger)
                    waiting.append(larger)
        if len(seen) > most:
            raise ConfigError(f"the graph has more than {most} lower sets: take the pruned family")
    return waiting


def _ready_after(graph: Graph):
    """Return a function from a lower set to a superset of the nodes that can be added to it."""
    roots = 0
    for node, needed in enumerate(graph.needed_masks):
        roots |= (needed == 0) << node
    followers = [0] * len(graph)
    for node, needed in enumerate(graph.needed_masks):
        for other in bits(needed):
            followers[other] |= 1 << node

    def candidates(lower: int) -> int:
        found = roots
        for node in bits(lower):
            if followers[node] & ~lower:
                found |= followers[node]
        return found

    return candidates


def pruned_lower_sets(graph: Graph) -> list[int]:
    """Return the empty and the whole set and the smallest lower set that holds each node, without repetition."""
    return list(dict.fromkeys((0, *(graph.closure(node) for node in range(len(graph))), graph.whole)))


def articulation_sets(graph: Graph) -> list[int]:
    """Return the lower sets of one boundary node, and the empty and the whole one.

    These are what Chen et al. (2016) may cut at: the rest of the network sees such a set through one value alone. A lower
    set whose one boundary node is v is the closure of v, or it holds nodes that nothing outside reads, as a side output's
    loss, besides; only closures are taken.
    """
    found = (closure for closure in pruned_lower_sets(graph) if graph.boundary(closure).bit_count() == 1)
    return list(dict.fromkeys((0, *found, graph.whole)))


@dataclass(frozen=True, eq=False)
class Family:
    """Lower sets of a graph, sorted so that a subset comes before its supersets, with what the programme needs of each.

    Arrays have one entry per set: `words` uint64 (n_sets, n_words), the set's bits; `memory` int64, M(L) in bytes; `time`
    int64, T(L); `incoming` int64, `Graph.incoming_memory`. The boundary of set j is
    `boundary_node[boundary_start[j]:boundary_start[j + 1]]`.
    """

    graph: Graph
    masks: tuple[int, ...]
    words: np.ndarray
    memory: np.ndarray
    time: np.ndarray
    incoming: np.ndarray
    boundary_start: np.ndarray
    boundary_node: np.ndarray

    @classmethod
    def make(cls, graph: Graph, masks: Iterable[int]) -> "Family":
        """Sort lower sets, which include the empty and the whole one, and measure them."""
        masks = list(masks)
        member = _membership(masks, len(graph))
        node_memory, node_time = (np.array(values, np.int64) for values in (graph.memory, graph.time))
        memory, size = member @ node_memory, member.sum(axis=1)
        order = np.lexsort((size, memory))
        member, memory = member[order], memory[order]
        successors, predecessors = graph.successors, graph.predecessors
        boundary, reads = np.zeros_like(member), np.zeros_like(member)
        for node in range(len(graph)):
            if successors[node]:
                boundary[:, node] = member[:, node] & ~member[:, successors[node]].all(axis=1)
            if predecessors[node]:
                reads[:, node] = ~member[:, node] & member[:, predecessors[node]].any(axis=1)
        read = np.zeros_like(member)
        for node in range(len(graph)):
            if successors[node]:
                read[:, node] = ~member[:, node] & reads[:, successors[node]].any(axis=1)
        starts = np.concatenate([[0], np.cumsum(boundary.sum(axis=1))])
        return cls(
            graph=graph,
            masks=tuple(masks[k] for k in order),
            words=_words([masks[k] for k in order], len(graph)),
            memory=memory,
            time=member @ node_time,
            incoming=reads @ node_memory + read @ node_memory,
            boundary_start=starts.astype(np.int64),
            boundary_node=np.nonzero(boundary)[1].astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.masks)


def _words(masks: list[int], n_nodes: int) -> np.ndarray:
    n_words = max(1, -(-n_nodes // 64))
    text = b"".join(mask.to_bytes(8 * n_words, "little") for mask in masks)
    return np.frombuffer(text, "<u8").reshape(len(masks), n_words).astype(np.uint64)


def _membership(masks: list[int], n_nodes: int) -> np.ndarray:
    octets = _words(masks, n_nodes).astype("<u8").view(np.uint8)
    return np.unpackbits(octets, axis=1, bitorder="little")[:, :n_nodes].astype(bool)
