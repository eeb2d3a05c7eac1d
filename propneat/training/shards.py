"""Parts of a population: a plan cut into shards that train apart, and their results put together again."""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from propneat.compiler import PopulationPlan
from propneat.training.settings import TrainedPopulation

__all__ = ["divide", "fresh", "join", "take"]


def fresh(plan: PopulationPlan) -> PopulationPlan:
    """Return a plan with arrays of its own, aligned and read-only, as `compile_pool` makes them.

    numba compiles a loop anew for arrays of any other kind, such as those that have come through a wire.
    """
    arrays = {name: np.array(value) for name, value in vars(plan).items() if isinstance(value, np.ndarray)}
    for array in arrays.values():
        array.flags.writeable = False
    return replace(plan, **arrays)


def take(plan: PopulationPlan, start: int, stop: int) -> PopulationPlan:
    """Return the plan of genomes `start` to `stop - 1` alone, as if no others had been compiled with them."""
    slots = slice(plan.slot_start[start], plan.slot_start[stop])
    edges = slice(plan.genome_edge_start[start], plan.genome_edge_start[stop])
    part = PopulationPlan(
        n_inputs=plan.n_inputs,
        slot_start=plan.slot_start[start : stop + 1] - slots.start,
        genome_edge_start=plan.genome_edge_start[start : stop + 1] - edges.start,
        slot_gene=plan.slot_gene[slots],
        depth=plan.depth[slots],
        activation=plan.activation[slots],
        aggregation=plan.aggregation[slots],
        edge_start=plan.edge_start[slots.start + start : slots.stop + stop],
        edge_source=plan.edge_source[edges],
        edge_gene=plan.edge_gene[edges],
        edge_recurrent=plan.edge_recurrent[edges],
        output_slot=plan.output_slot[start:stop],
        weights=plan.weights[edges],
        biases=plan.biases[slots],
    )
    return fresh(part)


def divide(plan: PopulationPlan, n_shards: int) -> list[PopulationPlan]:
    """Cut a plan into at most `n_shards` shards of neighbouring genomes, in order, each with about the same work.

    A row costs a genome as many steps as it has edges and slots. No shard costs more than an equal share and one genome.
    """
    cost = np.cumsum(np.diff(plan.genome_edge_start) + np.diff(plan.slot_start))
    shares = cost[-1] * np.arange(1, n_shards) / n_shards
    stops = np.unique([*np.searchsorted(cost, shares, side="right"), len(plan)])
    stops = stops[stops > 0]
    return [take(plan, start, stop) for start, stop in zip([0, *stops[:-1]], stops, strict=True)]


def join(parts: Sequence[TrainedPopulation]) -> TrainedPopulation:
    """Return what training the whole plan returns, from what training its shards has returned, in order."""
    names = [field.name for field in fields(TrainedPopulation)]
    return TrainedPopulation(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
