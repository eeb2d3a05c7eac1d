"""Pruning: connections are taken away from a network one after another, those first that are missed least."""

from dataclasses import replace

import numpy as np

from propneat.compiler import apply_activation, compile_pool, compile_structure, write_back_pool
from propneat.genome import AGGREGATIONS, GenePool, Genome, frozen
from propneat.search.states import Trainer
from propneat.training import Samples, Sequences, TrainingConfig

__all__ = ["prune"]

_SUM = AGGREGATIONS.index("sum")
_MOST_ROWS, _MOST_TRIED = 2048, 256
_SHARE = 12
"""One connection in so many is taken away at a time, one at least."""


def prune(
    genome: Genome, rows: Samples | Sequences, training: TrainingConfig, epochs: int, rng: np.random.Generator, train: Trainer
) -> GenePool:
    """Return what is left of a network on the way to its last connection, the largest first, its genes taken out.

    Each step tries every connection, or the lightest 256, by the loss on the rows without it, takes those away whose absence
    costs least, and trains what is left for some epochs. Of more than 2,048 rows as many are drawn.
    """
    if len(rows) > _MOST_ROWS:
        drawn = np.sort(rng.choice(len(rows), _MOST_ROWS, replace=False))
        rows = rows.take(drawn)
    training = replace(training, batch_size=None, patience=None)
    left: list[Genome] = []
    while len(genes := _genes_in_use(genome)) > 1:
        weights = np.abs(genome.connections["weight"][genes])
        tried = genes[np.argsort(weights, kind="stable")[:_MOST_TRIED]]
        without = GenePool.pack(_without(genome, [gene]) for gene in tried)
        missed = train(compile_pool(without), rows, replace(training, epochs=0), rng, validation=rows).validation_loss
        least = np.argsort(np.where(np.isfinite(missed), missed, np.inf), kind="stable")
        pool = GenePool.pack([_in_use(_without(genome, tried[least[: max(1, len(genes) // _SHARE)]]))])
        plan = compile_pool(pool)
        result = train(plan, rows, replace(training, epochs=epochs), rng)
        genome = write_back_pool(pool, plan, result.weights, result.biases)[0]
        left.append(genome)
    return GenePool.pack(left)


def _genes_in_use(genome: Genome) -> np.ndarray:
    """Return the rows of the connections that take part in an output, int64."""
    return np.sort(compile_structure(genome).edge_gene)


def _in_use(genome: Genome) -> Genome:
    """Return the genome without genes that take no part in an output; nodes without inputs go into the biases they lead to."""
    plan = compile_structure(genome)
    ids, biases = genome.nodes["id"][plan.slot_gene], np.zeros(plan.n_slots)
    biases[plan.n_inputs :] = plan.biases
    sums = plan.aggregation == _SUM
    # what follows slowly is not the same at every step
    is_slow = genome.nodes["time_constant"][plan.slot_gene] > 0
    n_edges, kept = np.diff(plan.edge_start), np.ones(plan.n_edges, bool)
    for slot in range(plan.n_inputs, plan.n_slots):
        if n_edges[slot] or slot in plan.output_slot or is_slow[slot]:
            continue
        value = apply_activation(int(plan.activation[slot]), biases[slot])
        for edge in np.flatnonzero((plan.edge_source == slot) & sums[plan.edge_target] & ~plan.edge_recurrent):
            target = plan.edge_target[edge]
            biases[target] += plan.weights[edge] * value
            kept[edge] = False
            n_edges[target] -= 1
    nodes = genome.nodes[np.sort(plan.slot_gene)].copy()
    order = np.argsort(ids)
    nodes["bias"] = biases[order]
    smaller = Genome(frozen(nodes), frozen(genome.connections[np.sort(plan.edge_gene[kept])]))
    left = compile_structure(smaller)
    return smaller if kept.all() else Genome(frozen(nodes[np.sort(left.slot_gene)]), smaller.connections)


def _without(genome: Genome, genes: np.ndarray | list[int]) -> Genome:
    return Genome(genome.nodes, frozen(np.delete(genome.connections, genes)))
