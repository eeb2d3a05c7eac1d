"""A computation graph as the planner sees it: which value needs which, what a value weighs, and what computing it takes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from propneat.base.errors import ConfigError

__all__ = ["Graph", "bits", "mask_of"]


@dataclass(frozen=True)
class Graph:
    """A directed acyclic graph of intermediate values; inputs and parameters of the computation are not in it.

    Node v needs the values of `predecessors[v]`, all of lower number. Its value weighs `memory[v]` bytes, and its gradient as
    much; computing it takes `time[v]` units, a whole number. `after[v]` are further nodes that have to be computed before v
    although it does not read them; what they bring is a fixed order, for instance of draws from one random stream. `reads[v]`
    are the nodes whose values the backward pass through v reads: its predecessors unless told otherwise, and possibly v
    itself. The paper's formulas know nothing of `reads`; the frees that liveness analysis moves, and so its peaks, do.

    A set of nodes is an int whose bit v says whether node v is in it. Raises ConfigError where numbers do not fit.
    """

    names: tuple[str, ...]
    predecessors: tuple[tuple[int, ...], ...]
    memory: tuple[int, ...]
    time: tuple[int, ...]
    after: tuple[tuple[int, ...], ...] = ()
    reads: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        """Check lengths, order and signs."""
        parts = (self.predecessors, self.memory, self.time, self.after or self.names, self.reads or self.names)
        if any(len(part) != len(self) for part in parts):
            raise ConfigError(f"a graph of {len(self)} nodes needs as many predecessors, bytes and times")
        for node, before in enumerate(zip(self.predecessors, self.after or self.predecessors, strict=True)):
            if any(not 0 <= other < node for others in before for other in others):
                raise ConfigError(f"node {self.names[node]!r} must come after the nodes it needs: sort the graph topologically")
        for quantity, values in (("bytes", self.memory), ("units of time", self.time)):
            if any(value < 0 or value != int(value) for value in values):
                raise ConfigError(f"{quantity} of a node must be whole numbers of 0 or more")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def whole(self) -> int:
        """The set of all nodes."""
        return (1 << len(self)) - 1

    @cached_property
    def predecessor_masks(self) -> tuple[int, ...]:
        """For every node the set of nodes whose values it needs."""
        return tuple(mask_of(nodes) for nodes in self.predecessors)

    @cached_property
    def needed_masks(self) -> tuple[int, ...]:
        """For every node the set of nodes that come before it, read or not."""
        after = self.after or ((),) * len(self)
        return tuple(mask | mask_of(nodes) for mask, nodes in zip(self.predecessor_masks, after, strict=True))

    @property
    def backward_reads(self) -> tuple[tuple[int, ...], ...]:
        """For every node the nodes whose values the backward pass through it reads."""
        return self.reads or self.predecessors

    @cached_property
    def successors(self) -> tuple[tuple[int, ...], ...]:
        """For every node those that need its value, ascending."""
        found: list[list[int]] = [[] for _ in self.names]
        for node, others in enumerate(self.predecessors):
            for other in sorted(set(others)):
                found[other].append(node)
        return tuple(map(tuple, found))

    @cached_property
    def successor_masks(self) -> tuple[int, ...]:
        """For every node the set of nodes that need its value."""
        return tuple(mask_of(nodes) for nodes in self.successors)

    @property
    def total_memory(self) -> int:
        """Bytes of all values together, M(V)."""
        return sum(self.memory)

    @property
    def total_time(self) -> int:
        """Units of time of computing every value once, T(V)."""
        return sum(self.time)

    def memory_of(self, nodes: int) -> int:
        """Return the bytes of a set of values."""
        return sum(self.memory[node] for node in bits(nodes))

    def time_of(self, nodes: int) -> int:
        """Return the units of time of computing a set of values."""
        return sum(self.time[node] for node in bits(nodes))

    def is_lower(self, nodes: int) -> bool:
        """Say whether a set is a lower set: it holds whatever its nodes come after."""
        return all(self.needed_masks[node] & ~nodes == 0 for node in bits(nodes))

    def closure(self, node: int) -> int:
        """Return the smallest lower set that holds a node."""
        return self._closures[node]

    @cached_property
    def _closures(self) -> tuple[int, ...]:
        found: list[int] = []
        for node, needed in enumerate(self.needed_masks):
            mask = 1 << node
            for other in bits(needed):
                mask |= found[other]
            found.append(mask)
        return tuple(found)

    def boundary(self, lower: int) -> int:
        """Return bd(L): the nodes of a lower set that some node outside reads."""
        outside = self.whole & ~lower
        return mask_of(node for node in bits(lower) if self.successor_masks[node] & outside)

    def readers(self, lower: int) -> int:
        """Return the nodes outside a lower set that read one inside: those whose gradients enter it in the backward pass."""
        return mask_of(node for node in bits(self.whole & ~lower) if self.predecessor_masks[node] & lower)

    def read_outside(self, lower: int) -> int:
        """Return the nodes outside a lower set whose values its readers read, and so the gradients that enter it need."""
        read = 0
        for node in bits(self.readers(lower)):
            read |= self.predecessor_masks[node]
        return read & ~lower

    def incoming_memory(self, lower: int) -> int:
        """Return the bytes that the backward pass of a lower set receives: gradients of readers, and values these read."""
        return self.memory_of(self.readers(lower)) + self.memory_of(self.read_outside(lower))


def bits(nodes: int) -> Iterator[int]:
    """Yield the nodes of a set, ascending."""
    while nodes:
        lowest = nodes & -nodes
        yield lowest.bit_length() - 1
        nodes ^= lowest


def mask_of(nodes: Iterable[int]) -> int:
    """Return the set that holds some nodes."""
    mask = 0
    for node in nodes:
        mask |= 1 << node
    return mask
