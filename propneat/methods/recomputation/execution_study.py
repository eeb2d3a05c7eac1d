"""Schedules of the paper's networks, followed with real tensors on small images."""

from collections.abc import Callable
from functools import partial
from typing import Any

from propneat.methods.heartbeat import with_heartbeat
from propneat.methods.recomputation.architectures import PAPER_NETWORKS
from propneat.methods.recomputation.execution import Execution, Instance, execute, run_plainly
from propneat.recompute.chen import chen_strategy
from propneat.recompute.programme import OBJECTIVES, best_strategy, least_budget, make_family
from propneat.recompute.schedule import canonical_schedule, plain_schedule, profile, replay, with_liveness

__all__ = ["execution_table"]


def execution_table(
    names: tuple[str, ...], times_rows: int, seed: int, progress: Callable[[str, int, int], None]
) -> list[dict[str, Any]]:
    """Return predicted and measured bytes, in float64, of every network and planner, and differences from backpropagation.

    Every network is run on its `small_rows`, so many times over, of images of its `small_side`.
    """
    rows: list[dict[str, Any]] = []

    def tell(done: int) -> None:
        progress("following schedules with real tensors", done, len(names))

    for number, name in enumerate(names):
        rows += with_heartbeat(partial(tell, number), lambda name=name: _network_rows(name, times_rows, seed))
    tell(len(names))
    return rows


def _network_rows(name: str, times_rows: int, seed: int) -> list[dict[str, Any]]:
    paper = PAPER_NETWORKS[name]
    network = paper.make(times_rows * paper.small_rows, paper.small_side)
    graph, instance = network.graph("float64"), Instance.make(network, seed)
    plain = run_plainly(instance)
    family = make_family(graph, "pruned")
    least = least_budget(family)
    strategies = {f"{objective}-centric": best_strategy(family, least, objective) for objective in OBJECTIVES}
    strategies["chen"] = chen_strategy(graph)
    vanilla = replay(graph, with_liveness(graph, plain_schedule(graph))).peak
    rows = []
    for planner, strategy in strategies.items():
        steps = with_liveness(graph, canonical_schedule(strategy))
        predicted, execution = profile(graph, steps), execute(instance, steps)
        rows.append(
            {
                "network": name,
                "planner": planner,
                "predicted": max(predicted),
                "measured": execution.peak,
                "n_steps": len(steps),
                "n_steps_that_differ": sum(a != b for a, b in zip(predicted, execution.live, strict=True)),
                "gradient_difference": _difference(plain, execution),
                "vanilla_predicted": vanilla,
                "vanilla_measured": plain.peak,
                "measured_within_steps": execution.peak_within,
            }
        )
    return rows


def _difference(plain: Execution, other: Execution) -> float:
    """The largest difference of any number's gradient or the loss; 0 means the same bits, but for the sign of zero."""
    pairs = [(a[name], b[name]) for a, b in zip(plain.gradients, other.gradients, strict=True) for name in a]
    worst = max((float((a - b).abs().max()) for a, b in pairs), default=0.0)
    return max(worst, abs(plain.loss - other.loss))
