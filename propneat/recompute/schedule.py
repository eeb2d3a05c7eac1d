"""Schedules: what is computed, differentiated and freed when, and how many bytes are there meanwhile."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from propneat.base.errors import ConfigError
from propneat.recompute.graph import Graph, bits, mask_of
from propneat.recompute.programme import Strategy

__all__ = ["Action", "Step", "canonical_schedule", "plain_schedule", "profile", "replay", "with_liveness"]


class Action(IntEnum):
    """What a step does to its node."""

    COMPUTE = 0
    """Compute the value from the predecessors' values."""
    DIFFERENTIATE = 1
    """Compute the gradient by the value, from the gradients of all successors and the values that these read backward."""
    FREE_VALUE = 2
    FREE_GRADIENT = 3


Step = tuple[Action, int]


def plain_schedule(graph: Graph) -> list[Step]:
    """Return ordinary backpropagation: every value computed once, every gradient in reverse, nothing freed before the end."""
    nodes = range(len(graph))
    return [*((Action.COMPUTE, node) for node in nodes), *((Action.DIFFERENTIATE, node) for node in reversed(nodes))]


def canonical_schedule(strategy: Strategy) -> list[Step]:
    """Return the schedule of a canonical strategy, values freed at the ends of parts only.

    Forward, part by part: compute V_i, then keep the boundaries of all lower sets so far, U_i. Backward, from the last
    part: recompute what of V_i is not cached, differentiate V_i, then keep of the values U_{i-1} and what the gradients that
    enter L_{i-1} need from outside it, and of the gradients those of its readers. Source: Kusumoto et al. (2019). The last
    part is recomputed like any other, as in the paper's overhead. Where an operation reads its own output on the way back, as a
    rectifier does, that is kept too: such a schedule's peak may pass `strategy_peak` by those outputs.
    """
    graph, parts = strategy.graph, strategy.parts
    steps: list[Step] = []
    values = gradients = kept = 0
    for lower, part in zip(strategy.lowers, parts, strict=True):
        steps += [(Action.COMPUTE, node) for node in bits(part)]
        kept |= graph.boundary(lower)
        steps += [(Action.FREE_VALUE, node) for node in bits((values | part) & ~kept)]
        values = (values | part) & kept
    for number in reversed(range(len(parts))):
        part, before = parts[number], strategy.lowers[number - 1] if number else 0
        steps += [(Action.COMPUTE, node) for node in bits(part & ~values)]
        steps += [(Action.DIFFERENTIATE, node) for node in reversed(list(bits(part)))]
        values, gradients = values | part, gradients | part
        entering = mask_of(other for reader in bits(graph.readers(before)) for other in graph.backward_reads[reader])
        stay = (kept & before) | graph.read_outside(before) | (entering & ~before)
        steps += [(Action.FREE_VALUE, node) for node in bits(values & ~stay)]
        steps += [(Action.FREE_GRADIENT, node) for node in bits(gradients & ~graph.readers(before))]
        values, gradients = values & stay, gradients & graph.readers(before)
    return steps


def with_liveness(graph: Graph, steps: Iterable[Step]) -> list[Step]:
    """Move every free to right after the last use of what it frees; what nothing uses is freed where it was made."""
    work = [step for step in steps if step[0] in (Action.COMPUTE, Action.DIFFERENTIATE)]
    last_use: dict[tuple[Action, int], int] = {}
    made: dict[tuple[Action, int], int] = {}
    freed_after: list[list[Step]] = [[] for _ in work]

    def close(thing: tuple[Action, int]) -> None:
        freed_after[last_use.get(thing, made[thing])].append((Action(thing[0] + 2), thing[1]))

    for place, step in enumerate(work):
        for used in _used(graph, step):
            last_use[used] = place
        if step in made:
            close(step)
            last_use.pop(step, None)
        made[step] = place
    for thing in made:
        close(thing)
    return [each for place, step in enumerate(work) for each in (step, *freed_after[place])]


def _used(graph: Graph, step: Step) -> list[tuple[Action, int]]:
    """What a step reads: values as (COMPUTE, node), gradients as (DIFFERENTIATE, node)."""
    action, node = step
    if action is Action.COMPUTE:
        return [(Action.COMPUTE, other) for other in graph.predecessors[node]]
    readers = graph.successors[node]
    read = dict.fromkeys(other for reader in readers for other in graph.backward_reads[reader])
    return [*((Action.DIFFERENTIATE, reader) for reader in readers), *((Action.COMPUTE, other) for other in read)]


@dataclass(frozen=True)
class Replay:
    """What following a schedule costs: bytes at the worst moment, and units of time beyond computing every value once."""

    peak: int
    overhead: int


def replay(graph: Graph, steps: Iterable[Step]) -> Replay:
    """Follow a schedule without computing anything; see `profile`."""
    steps = list(steps)
    time = sum(graph.time[node] for action, node in steps if action is Action.COMPUTE)
    return Replay(max(profile(graph, steps), default=0), time - graph.total_time)


def profile(graph: Graph, steps: Iterable[Step]) -> list[int]:
    """Return the bytes of all values and gradients that are there after each step of a schedule.

    Raises ConfigError for a schedule that reads or frees what is not there, makes what is there already, or differentiates
    not exactly once by every value.
    """
    live: set[tuple[Action, int]] = set()
    total, bytes_after, n_differentiated = 0, [], 0
    for action, node in steps:
        if action in (Action.COMPUTE, Action.DIFFERENTIATE):
            missing = [used for used in _used(graph, (action, node)) if used not in live]
            if missing or (action, node) in live:
                what = f"reads a dead {_KIND[missing[0][0]]}" if missing else f"makes a {_KIND[action]} that is there"
                raise ConfigError(f"a step at {graph.names[node]!r} of the schedule {what}")
            live.add((action, node))
            total += graph.memory[node]
            n_differentiated += action is Action.DIFFERENTIATE
        else:
            thing = (Action(action - 2), node)
            if thing not in live:
                raise ConfigError(f"the schedule frees a {_KIND[thing[0]]} of {graph.names[node]!r} that is not there")
            live.remove(thing)
            total -= graph.memory[node]
        bytes_after.append(total)
    if n_differentiated != len(graph):
        raise ConfigError(f"the schedule differentiates by {n_differentiated} of {len(graph)} values")
    return bytes_after


_KIND = {Action.COMPUTE: "value", Action.DIFFERENTIATE: "gradient"}
