"""A torch module as a computation graph: one node per tensor that is stored, views and changes in place merged with it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_leaves

from propneat.recompute.graph import Graph

__all__ = ["Traced", "trace"]

# batch normalisation changes these without saying so in its schema
_STATISTICS = ("running_mean", "running_var")
_SLOW = ("mm", "conv", "attention")


@dataclass(frozen=True, eq=False)
class Traced:
    """The forward pass of a module on inputs of one shape as single torch operations, and as a graph for the planner.

    `calls` are the fx nodes of the operations in the order of the module; `groups[v]` are the positions in `calls` of those
    that make up node v of `graph`. `sources` maps the fx placeholder of a parameter or buffer to its name, that of the input
    to None. `output` is the fx node of the result. `random` and `stored` are the positions of the operations that draw random
    numbers and of those that take up memory of their own; `mutated` maps positions to the placeholders they change.
    """

    graph: Graph
    calls: tuple[torch.fx.Node, ...]
    groups: tuple[tuple[int, ...], ...]
    sources: dict[torch.fx.Node, str | None]
    output: torch.fx.Node
    random: frozenset[int]
    stored: frozenset[int]
    mutated: dict[int, tuple[torch.fx.Node, ...]]
    constants: torch.fx.GraphModule


def trace(module: torch.nn.Module, example: torch.Tensor) -> Traced:
    """Trace a module of one input and one output tensor, without computing anything or touching its numbers.

    The graph has order edges where an order decides about bits: between operations that draw random numbers, between those
    that meet at a buffer one of them changes, and between the readers of a value when there are three or more, because
    backpropagation adds up their gradients in the order of the readers. Raises whatever the module raises on the example.
    """
    numbers = {**dict(module.named_parameters()), **dict(module.named_buffers())}

    def forward(values: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(module, values, (x,))

    with torch.enable_grad():
        traced = make_fx(forward, tracing_mode="fake", _allow_non_fake_inputs=True)(numbers, example)
    _drop_unread(traced.graph)
    nodes = list(traced.graph.nodes)
    places = [node for node in nodes if node.op == "placeholder"]
    sources: dict[torch.fx.Node, str | None] = dict(zip(places, (*numbers, None), strict=True))
    return _Grouping(nodes, sources, traced).result()


def _drop_unread(graph: torch.fx.Graph) -> None:
    """Remove operations whose results nobody reads, unless they change something in place or draw random numbers."""
    for node in reversed(graph.nodes):
        schema = getattr(node.target, "_schema", None)
        if node.op == "call_function" and not node.users and not _is_random(node) and not (schema and schema.is_mutable):
            graph.erase_node(node)


def _storages(node: torch.fx.Node) -> dict[int, int]:
    """Bytes of every storage that a node's result lies in, by its identity."""
    tensors = [leaf for leaf in tree_leaves(node.meta.get("val")) if isinstance(leaf, torch.Tensor)]
    return {tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() for tensor in tensors}


class _Grouping:
    """Merges operations into the nodes of a graph."""

    def __init__(self, nodes: list[torch.fx.Node], sources: dict[torch.fx.Node, str | None], traced: Any) -> None:
        self.sources, self.constants = sources, traced
        self.calls = [node for node in nodes if node.op == "call_function"]
        self.place = {node: k for k, node in enumerate(self.calls)}
        (self.output,) = next(node for node in nodes if node.op == "output").all_input_nodes
        outside = [node for node in nodes if node.op in ("placeholder", "get_attr")]
        self.outside = {storage: node for node in outside for storage in _storages(node)}
        self.storages = [_storages(node) for node in self.calls]
        self.inputs = [list(dict.fromkeys(node.all_input_nodes)) for node in self.calls]
        self.leader = list(range(len(self.calls)))
        self.tensors = {node: _storages(node) for node in (*outside, *self.calls)}

    def result(self) -> Traced:
        """Merge, sort and measure."""
        writes = [self._written(node) for node in self.calls]
        self._merge_storages(writes)
        ordered = list(self._ordered(writes))
        edges = [(self.place[other], k) for k, others in enumerate(self.inputs) for other in others if other in self.place]
        labels = self._strong_components([*edges, *ordered])
        members: dict[int, list[int]] = defaultdict(list)
        for k, label in enumerate(labels):
            members[label].append(k)
        groups = _sorted_groups(members, {(labels[a], labels[b]) for a, b in (*edges, *ordered)})
        number = {label: v for v, label in enumerate(groups)}
        own = [tuple(members[label]) for label in groups]
        at = [number[label] for label in labels]
        before, after = ([set() for _ in own] for _ in range(2))
        for found, pairs in ((before, edges), (after, ordered)):
            for a, b in pairs:
                if at[a] != at[b]:
                    found[at[b]].add(at[a])
        graph = Graph(
            names=tuple(self.calls[k[0]].name for k in own),
            predecessors=tuple(tuple(sorted(v)) for v in before),
            memory=tuple(self._bytes(k) for k in own),
            time=tuple(sum(self._time(position) for position in k) for k in own),
            after=tuple(tuple(sorted(v)) for v in after),
        )
        mutated = {k: tuple(self.outside[s] for s in written if s in self.outside) for k, written in enumerate(writes)}
        return Traced(
            graph=graph,
            calls=tuple(self.calls),
            groups=tuple(own),
            sources=self.sources,
            output=self.output,
            random=frozenset(k for k, node in enumerate(self.calls) if _is_random(node)),
            stored=frozenset(k for k in range(len(self.calls)) if self._is_stored(k)),
            mutated={k: found for k, found in mutated.items() if found},
            constants=self.constants,
        )

    def _written(self, node: torch.fx.Node) -> set[int]:
        """Storages that an operation changes in place."""
        schema = getattr(node.target, "_schema", None)
        if schema is None:
            return set()
        named = {argument.name: value for argument, value in zip(schema.arguments, node.args, strict=False)} | dict(node.kwargs)
        changed = [
            named.get(a.name) for a in schema.arguments if (a.alias_info and a.alias_info.is_write) or a.name in _STATISTICS
        ]
        return {storage for value in tree_leaves(changed) if value in self.tensors for storage in self.tensors[value]}

    def _merge_storages(self, writes: list[set[int]]) -> None:
        """Merge what shares memory, and whoever reads it before its last change."""
        owners: dict[int, list[int]] = defaultdict(list)
        for k, storages in enumerate(self.storages):
            for storage in {*storages, *writes[k]} - self.outside.keys():
                owners[storage].append(k)
        readers: dict[int, list[int]] = defaultdict(list)
        for k, others in enumerate(self.inputs):
            for storage in {s for other in others for s in self.tensors[other]}:
                readers[storage].append(k)
        for storage, own in owners.items():
            last_write = max((k for k in own if storage in writes[k]), default=-1)
            for k in (*own, *(k for k in readers[storage] if k < last_write)):
                self._merge(own[0], k)
        for k, node in enumerate(self.calls):
            users = [self.place[user] for user in node.users if user in self.place]
            # a view made after another reader would move before it with what it views, and gradients meet in another order
            last_view = max((user for user in users if self.storages[user].keys() & self.storages[k].keys()), default=-1)
            if len(users) > 2:
                for user in users:
                    if user < last_view:
                        self._merge(k, user)

    def _merge(self, a: int, b: int) -> None:
        self.leader[self._find(b)] = self._find(a)

    def _find(self, k: int) -> int:
        while self.leader[k] != k:
            self.leader[k] = self.leader[self.leader[k]]
            k = self.leader[k]
        return k

    def _ordered(self, writes: list[set[int]]) -> Iterable[tuple[int, int]]:
        """Pairs of operations that have to stay in order although neither reads the other."""
        yield from _chain(k for k, node in enumerate(self.calls) if _is_random(node))
        readers: dict[torch.fx.Node, list[int]] = defaultdict(list)
        touching: dict[int, list[int]] = defaultdict(list)
        for k, others in enumerate(self.inputs):
            for other in others:
                readers[other].append(k)
            for storage in {s for other in others for s in self.tensors[other]} | writes[k]:
                touching[storage].append(k)
        for found in readers.values():
            if len(found) > 2:
                yield from _chain(found)
        for storage in {s for written in writes for s in written} & self.outside.keys():
            yield from _chain(touching[storage])

    def _strong_components(self, edges: list[tuple[int, int]]) -> list[int]:
        """Number the groups so that what lies on a cycle between them is one group."""
        n = len(self.calls)
        joined = [(self._find(k), k) for k in range(n)]
        pairs = np.array([*edges, *joined, *((k, leader) for leader, k in joined)], np.int64).reshape(-1, 2)
        matrix = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
        return connected_components(matrix.tocsr(), connection="strong")[1].tolist()

    def _bytes(self, group: tuple[int, ...]) -> int:
        storages = {storage: size for k in group for storage, size in self.storages[k].items()}
        return sum(size for storage, size in storages.items() if storage not in self.outside)

    def _is_stored(self, k: int) -> bool:
        """Whether an operation's result is memory of its own, not a view of what its inputs hold."""
        given = {storage for other in self.inputs[k] for storage in self.tensors[other]}
        return bool(self.storages[k].keys() - given)

    def _time(self, k: int) -> int:
        if not self._is_stored(k):
            return 0
        return 10 if any(word in self.calls[k].name for word in _SLOW) else 1


def _is_random(node: torch.fx.Node) -> bool:
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())


def _chain(places: Iterable[int]) -> Iterable[tuple[int, int]]:
    return pairwise(places)


def _sorted_groups(members: dict[int, list[int]], edges: set[tuple[int, int]]) -> list[int]:
    """Sort groups topologically, the one of the earliest operation first where there is a choice."""
    n_before: dict[int, int] = dict.fromkeys(members, 0)
    followers: dict[int, list[int]] = defaultdict(list)
    for a, b in edges:
        if a != b:
            followers[a].append(b)
            n_before[b] += 1
    ready = [(members[label][0], label) for label, n in n_before.items() if n == 0]
    heapify(ready)
    found = []
    while ready:
        _, label = heappop(ready)
        found.append(label)
        for other in followers[label]:
            n_before[other] -= 1
            if n_before[other] == 0:
                heappush(ready, (members[other][0], other))
    return found
