"""Innovation numbers: the same structural event gets the same number, everywhere in a run."""

from collections import Counter

import numpy as np

from propneat.base.errors import GenomeError
from propneat.base.native import inner, outer
from propneat.genome import MAX_IDENTIFIER, GenePool, NodeKind, frozen

__all__ = ["LINK_TARGET", "InnovationTracker", "link_innovation", "link_keys", "split_node"]

_NEXT_INNOVATION, _NEXT_NODE, _N_LINKS, _N_SPLITS = range(4)
LINK_TARGET = 2**31 - 1
"""The bits of a connection's key that are its target."""
_RECURRENT = np.int64(2**31)
_FREE = -1
_CAPACITY = 1024


@inner
def _find(table, key):
    """Row of `key` in an open-addressing table, or of the free row where it belongs; rows are (key, value)."""
    mask = table.shape[0] - 1
    # Fibonacci hashing: multiply by 2^64 / golden ratio, keep the high bits
    row = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & mask
    while table[row, 0] != _FREE and table[row, 0] != key:
        row = (row + 1) & mask
    return row


@inner
def link_key(source, target, recurrent):
    """What a connection is remembered by: its two node ids, and in the bit that they leave free whether it is recurrent."""
    return (source << 32) | (recurrent * _RECURRENT) | target


@inner
def _set(rows, row, key, value):
    rows[row, 0] = key
    rows[row, 1] = value


@outer
def link_innovation(state, links, source, target, recurrent):
    """Number of the connection source -> target, of this step or the one before, new if this run never had it."""
    table, entries = links
    key = link_key(source, target, recurrent)
    row = _find(table, key)
    if table[row, 0] == _FREE:
        _set(table, row, key, state[_NEXT_INNOVATION])
        _set(entries, state[_N_LINKS], key, state[_NEXT_INNOVATION])
        state[_NEXT_INNOVATION] += 1
        state[_N_LINKS] += 1
    return table[row, 1]


@outer
def split_node(state, splits, innovation, occurrence):
    """Id of the node that splits connection `innovation` for the `occurrence`-th time in one genome, new if need be."""
    table, entries = splits
    key = (innovation << 32) | occurrence
    row = _find(table, key)
    if table[row, 0] == _FREE:
        _set(table, row, key, state[_NEXT_NODE])
        _set(entries, state[_N_SPLITS], key, state[_NEXT_NODE])
        state[_NEXT_NODE] += 1
        state[_N_SPLITS] += 1
    return table[row, 1]


@outer
def _enter(entries, table):
    """Put rows of (key, value) into a table that has room for them."""
    for row in range(entries.shape[0]):
        _set(table, _find(table, entries[row, 0]), entries[row, 0], entries[row, 1])


def _check_shared_nodes(pool: GenePool) -> None:
    """Raise GenomeError unless all genomes have the same inputs and outputs, and no id that is hidden in one and not in another."""
    known = np.unique(pool.nodes[["id", "kind"]])
    n_fixed = np.count_nonzero(known["kind"] != NodeKind.HIDDEN)
    one_kind_each = len(np.unique(known["id"])) == len(known)
    if not one_kind_each or np.count_nonzero(pool.nodes["kind"] != NodeKind.HIDDEN) != n_fixed * len(pool):
        raise GenomeError("these genomes have different input or output nodes, so they cannot share a population")


def link_keys(genes: np.ndarray) -> np.ndarray:
    """Return the key of every connection gene, int64, shape (n_genes,): what `links` of a tracker is sorted into."""
    return link_key.py_func(genes["source"], genes["target"], genes["recurrent"])


def _empty(capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """A table without rows, and room for half as many entries as the table has rows."""
    return np.full((capacity, 2), _FREE, np.int64), np.empty((capacity // 2, 2), np.int64)


def _filled(rows: np.ndarray, n_more: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A table and its entries that hold some rows of (key, value) and have room for more."""
    capacity = _CAPACITY
    while capacity < 2 * (len(rows) + n_more):
        capacity *= 2
    table, entries = _empty(capacity)
    entries[: len(rows)] = rows
    _enter(entries[: len(rows)], table)
    return table, entries


def _with_room(pair: tuple[np.ndarray, np.ndarray], n_used: int, n_more: int) -> tuple[np.ndarray, np.ndarray]:
    """The pair itself, or a larger one where `n_more` further rows would not fit."""
    return pair if n_used + n_more <= len(pair[1]) else _filled(pair[1][:n_used], n_more)


def _known_splits(links: np.ndarray, hidden: set[int]) -> np.ndarray:
    """Read from innovation numbers which splits made which nodes; returns rows of (key, node) as `split_node` keeps them.

    `links` holds every (innovation, source, target, recurrent) once, in order of innovation. A split gives the new node's first
    two connections, one in and one out, numbers in a row, above that of the connection between their ends, which it replaces
    and whose kind the one in is of.
    """
    number_of = {tuple(link): innovation for innovation, *link in links.tolist()}
    touching: dict[int, list[tuple[int, int, int, int]]] = {}
    for link in links.tolist():
        for end in link[1:3]:
            if end in hidden and len(touching.setdefault(end, [])) < 2:
                touching[end].append(link)
    splits: list[tuple[int, int]] = []
    n_splits: Counter[int] = Counter()
    for node in sorted(node for node, first in touching.items() if len(first) == 2):
        (way_in, source, middle, recurrent), (way_out, behind, target, late) = touching[node]
        split = number_of.get((source, target, recurrent), way_in)
        if middle == behind == node and way_out == way_in + 1 and split < way_in and not late:
            splits.append(((split << 32) | n_splits[split], node))
            n_splits[split] += 1
    return np.array(splits, np.int64).reshape(-1, 2)


class InnovationTracker:
    """The memory of a run: which connection has which innovation number, which split made which node.

    Rules: a connection's number depends on its two node ids, and on whether it is recurrent, alone. Splitting a connection
    gives the same node id in every genome and generation, except in a genome that still holds the node of its earlier split:
    there the second split has an id of its own, the same again for every genome that splits twice. Mutable; owned by one
    population.

    `state` (int64, 4) holds the counters. `links` and `splits` are each a hash table for compiled loops and the same rows in
    the order in which they came, both int64 of shape (capacity, 2); rows once entered never change.
    """

    def __init__(self, next_node: int, next_innovation: int = 0) -> None:
        self.state = np.array([next_innovation, next_node, 0, 0], np.int64)
        self.links, self.splits = _empty(_CAPACITY), _empty(_CAPACITY)

    @classmethod
    def following(cls, pool: GenePool) -> "InnovationTracker":
        """Return a tracker for a run that begins with these genomes: it knows their connections and the splits that made their
        nodes, and goes on above their ids.

        Raises GenomeError when two genomes give one innovation number to different connections, or one connection two
        numbers, or when they do not share their input and output nodes.
        """
        _check_shared_nodes(pool)
        tracker = cls(int(pool.nodes["id"].max()) + 1, int(pool.connections["innovation"].max(initial=-1)) + 1)
        known = np.unique(pool.connections[["innovation", "source", "target", "recurrent"]])
        for column in (known[["innovation"]], known[["source", "target", "recurrent"]]):
            if len(np.unique(column)) < len(known):
                raise GenomeError("these genomes disagree about innovation numbers, so they cannot share a population")
        splits = _known_splits(known, set(pool.nodes["id"][pool.nodes["kind"] == NodeKind.HIDDEN].tolist()))
        tracker.reserve(max(len(known), len(splits)))
        keys = link_keys(known)
        tracker.links, tracker.splits = _filled(np.column_stack([keys, known["innovation"]])), _filled(splits)
        tracker.state[_N_LINKS], tracker.state[_N_SPLITS] = len(known), len(splits)
        return tracker

    def reserve(self, n_events: int) -> None:
        """Make room for `n_events` more links and splits; raises GenomeError when identifiers would pass 2^31 - 1."""
        if max(self.state[_NEXT_INNOVATION], self.state[_NEXT_NODE]) + n_events > MAX_IDENTIFIER:
            raise GenomeError(f"this run has used up the {MAX_IDENTIFIER} innovation numbers a genome can hold")
        self.links = _with_room(self.links, int(self.state[_N_LINKS]), n_events)
        self.splits = _with_room(self.splits, int(self.state[_N_SPLITS]), n_events)

    def link(self, source: int, target: int, recurrent: bool = False) -> int:
        """Return the innovation number of the connection between two node ids."""
        self.reserve(1)
        return int(link_innovation(self.state, self.links, source, target, recurrent))

    def split(self, innovation: int, occurrence: int = 0) -> int:
        """Return the id of the node that splits a connection; `occurrence` counts earlier splits that are still in the genome."""
        self.reserve(1)
        return int(split_node(self.state, self.splits, innovation, occurrence))

    def new_nodes(self, n_nodes: int) -> np.ndarray:
        """Return node ids that this run never had, int64, shape (n_nodes,)."""
        self.reserve(n_nodes)
        first = int(self.state[_NEXT_NODE])
        self.state[_NEXT_NODE] += n_nodes
        return np.arange(first, first + n_nodes)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the whole memory as arrays that `from_arrays` restores: what is known so far, at a cost that does not grow."""
        n_links, n_splits = self.state[_N_LINKS], self.state[_N_SPLITS]
        arrays = {"state": self.state.copy(), "links": self.links[1][:n_links], "splits": self.splits[1][:n_splits]}
        return {name: frozen(array) for name, array in arrays.items()}

    def __copy__(self) -> "InnovationTracker":
        return InnovationTracker.from_arrays(self.to_arrays())

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> "InnovationTracker":
        """Restore a tracker from `to_arrays`."""
        tracker = cls(0)
        tracker.state = arrays["state"].copy()
        tracker.links, tracker.splits = _filled(arrays["links"]), _filled(arrays["splits"])
        return tracker
