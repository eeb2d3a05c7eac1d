"""The way back: trained numbers return into exactly the genes they came from."""

import numpy as np

from propneat.compiler.plan import LayerPlan, PopulationPlan
from propneat.genome import GenePool, Genome, frozen

__all__ = ["fixed_numbers", "write_back", "write_back_pool"]


def write_back(genome: Genome, plan: LayerPlan, weights: np.ndarray, biases: np.ndarray) -> Genome:
    """Return the genome with trained numbers in the genes that `plan` names; every other gene stays as it is, to the bit.

    `weights` has shape (n_edges,), `biases` (n_slots - n_inputs,), both in plan order; float32 values keep their exact
    value. Raises ValueError when a shape does not fit the plan.
    """
    if weights.shape != plan.weights.shape or biases.shape != plan.biases.shape:
        raise ValueError(
            f"expected {plan.weights.shape} weights and {plan.biases.shape} biases, got {weights.shape} and {biases.shape}"
        )
    nodes, connections = genome.nodes.copy(), genome.connections.copy()
    edges, slots = (~fixed for fixed in fixed_numbers(plan))
    connections["weight"][plan.edge_gene[edges]] = weights[edges]
    slots = slots[plan.n_inputs :]
    nodes["bias"][plan.slot_gene[plan.n_inputs :][slots]] = biases[slots]
    return Genome(frozen(nodes), frozen(connections))


def write_back_pool(pool: GenePool, plan: PopulationPlan, weights: np.ndarray, biases: np.ndarray) -> GenePool:
    """Return the pool with trained numbers in place, all genomes at once.

    `weights` has shape (all edges,), `biases` (all slots,) with unused entries for inputs, as in PopulationPlan.
    Raises ValueError when a shape does not fit the plan.
    """
    if weights.shape != plan.weights.shape or biases.shape != plan.biases.shape:
        raise ValueError(
            f"expected {plan.weights.shape} weights and {plan.biases.shape} biases, got {weights.shape} and {biases.shape}"
        )
    nodes, connections = pool.nodes.copy(), pool.connections.copy()
    edges, slots = (~fixed for fixed in fixed_numbers(plan))
    rows = plan.edge_gene + np.repeat(pool.connection_start[:-1], np.diff(plan.genome_edge_start))
    connections["weight"][rows[edges]] = weights[edges]
    node_rows = plan.slot_gene + np.repeat(pool.node_start[:-1], np.diff(plan.slot_start))
    trained = (plan.depth > 0) & slots
    nodes["bias"][node_rows[trained]] = biases[trained]
    return GenePool(frozen(nodes), pool.node_start, frozen(connections), pool.connection_start)


def fixed_numbers(plan: LayerPlan | PopulationPlan) -> tuple[np.ndarray, np.ndarray]:
    """Return which edges and which slots have a weight and a bias that no gene holds, bool (n_edges,) and (n_slots,)."""
    edges, slots = plan.edge_gene < 0, np.zeros(len(plan.slot_gene), bool)
    if edges.any():
        starts = getattr(plan, "slot_start", np.array([0, len(slots)]))
        genome = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        # of the two slots of a node that which computes comes first
        slots[:] = True
        slots[np.unique(np.stack([genome, plan.slot_gene]), axis=1, return_index=True)[1]] = False
    return edges, slots
