"""The paper's table: least peak memory of its networks by three planners, and time against memory."""

from collections.abc import Callable
from functools import partial
from time import process_time
from typing import Any

from propneat.methods.heartbeat import with_heartbeat
from propneat.methods.recomputation.architectures import PAPER_NETWORKS
from propneat.methods.recomputation.networks import BYTES
from propneat.recompute.chen import chen_strategy
from propneat.recompute.graph import Graph
from propneat.recompute.programme import (
    FAMILIES,
    OBJECTIVES,
    Strategy,
    best_strategy,
    least_budget,
    make_family,
    strategy_peak,
)
from propneat.recompute.schedule import canonical_schedule, plain_schedule, replay, with_liveness

__all__ = ["frontier", "network_row", "paper_table"]

_MULTIPLES = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0)


def paper_table(
    names: tuple[str, ...], n_rows: int | None, most_sets: int, progress: Callable[[str, int, int], None]
) -> dict[str, Any]:
    """Return `network_row` of every network named, at the paper's batch sizes or at `n_rows`."""

    def tell(done: int) -> None:
        progress("planning the paper's networks", done, len(names))

    # compiles the programme, which would count as the first network's time
    with_heartbeat(partial(tell, 0), lambda: network_row(Graph(("only",), ((),), (1,), (1,)), 0, most_sets))
    table = {}
    for number, name in enumerate(names):
        paper = PAPER_NETWORKS[name]
        network = paper.make(n_rows or paper.n_rows, paper.side)
        graph, parameters = network.graph(), BYTES["float32"] * network.n_parameters()
        beat = partial(tell, number)
        table[name] = with_heartbeat(beat, lambda graph=graph, own=parameters: network_row(graph, own, most_sets))
        table[name] |= {"batch": n_rows or paper.n_rows, "frontier": frontier(graph)}
        tell(number + 1)
    return table


def network_row(graph: Graph, parameter_bytes: int, most_sets: int) -> dict[str, Any]:
    """Return what every planner makes of a graph, peaks in bytes without parameters.

    The exact programme is left out, but for the number of lower sets, where there are more than `most_sets`.
    """
    row: dict[str, Any] = {
        "n_nodes": len(graph),
        "value_bytes": graph.total_memory,
        "parameter_bytes": parameter_bytes,
        "vanilla": replay(graph, with_liveness(graph, plain_schedule(graph))).peak,
        "chen": _outcome(chen_strategy(graph)),
    }
    least = None
    for name in reversed(FAMILIES):
        start = process_time()
        family = make_family(graph, name)
        if len(family) > most_sets:
            row[name] = {"n_sets": len(family)}
            continue
        least = least_budget(family, least)
        found = {objective: _outcome(best_strategy(family, least, objective)) for objective in OBJECTIVES}
        row[name] = {"n_sets": len(family), "least_budget": least, "seconds": process_time() - start, **found}
    return row


def _outcome(strategy: Strategy) -> dict[str, Any]:
    graph, steps = strategy.graph, canonical_schedule(strategy)
    return {
        "peak": replay(graph, with_liveness(graph, steps)).peak,
        "peak_without_liveness": replay(graph, steps).peak,
        "formula": strategy_peak(strategy),
        "overhead": strategy.overhead / graph.total_time,
        "n_parts": len(strategy.lowers),
    }


def frontier(graph: Graph) -> list[dict[str, float]]:
    """Return budget and peak, both as shares of the vanilla peak, and overhead of the approximate programme's quickest."""
    family = make_family(graph, "pruned")
    least = least_budget(family)
    vanilla = replay(graph, with_liveness(graph, plain_schedule(graph))).peak
    points = []
    for multiple in _MULTIPLES:
        outcome = _outcome(best_strategy(family, int(multiple * least), "time"))
        points.append(
            {
                "multiple": multiple,
                "budget": multiple * least / vanilla,
                "peak": outcome["peak"] / vanilla,
                "overhead": outcome["overhead"],
            }
        )
    return points
