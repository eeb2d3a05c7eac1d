"""A population plan with its slots and edges numbered through, as engines need it that compute all genomes side by side."""

from dataclasses import dataclass

import numpy as np

from propneat.compiler import PopulationPlan

__all__ = ["FlatPlan", "number_through"]


@dataclass(frozen=True, eq=False)
class FlatPlan:
    """Slots and edges of all genomes in plan order, counted from the beginning of the population.

    The numbers of a population are one array: the weight of every edge, then a bias per slot (unused for inputs).
    """

    slot_genome: np.ndarray
    """Genome of every slot, int64, shape (n_slots,)."""
    edge_start: np.ndarray
    """First edge of every slot, int64, shape (n_slots + 1,)."""
    edge_source: np.ndarray
    """Source slot of every edge, int64, shape (n_edges,)."""
    edge_target: np.ndarray
    """Target slot of every edge, int64, shape (n_edges,)."""

    @property
    def n_slots(self) -> int:
        """Number of slots of all genomes."""
        return len(self.slot_genome)

    @property
    def n_edges(self) -> int:
        """Number of edges of all genomes."""
        return len(self.edge_source)

    @property
    def number_genome(self) -> np.ndarray:
        """Genome of every number, int64, shape (n_edges + n_slots,)."""
        return np.concatenate([self.slot_genome[self.edge_target], self.slot_genome])


def number_through(plan: PopulationPlan) -> FlatPlan:
    """Return the flat form of a plan, in time linear in its slots and edges."""
    slot_genome = np.repeat(np.arange(len(plan)), np.diff(plan.slot_start))
    # edge_start begins anew with every genome, so a genome's last entry is followed by no slot
    own_start = np.arange(len(slot_genome)) + slot_genome
    n_terms = plan.edge_start[own_start + 1] - plan.edge_start[own_start]
    edge_target = np.repeat(np.arange(len(slot_genome)), n_terms)
    return FlatPlan(
        slot_genome=slot_genome,
        edge_start=np.concatenate([[0], np.cumsum(n_terms)]),
        edge_source=plan.edge_source + plan.slot_start[slot_genome[edge_target]],
        edge_target=edge_target,
    )
