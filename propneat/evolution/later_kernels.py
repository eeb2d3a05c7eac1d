"""What a first run needs compiled once its first generation is trained: `python -m propneat.evolution.later_kernels` has it so.

A first run makes, plans and trains a generation meanwhile: what that takes is left to it.
"""

import numpy as np

from propneat.compiler import LayerPlan, evaluate
from propneat.evolution.config import EvolutionConfig
from propneat.evolution.population import Population
from propneat.genome import NodeKind, make_genome

__all__ = ["compile_later_kernels"]


def compile_later_kernels() -> None:
    """Breed two genomes, divide them into species, and compute a network on two rows."""
    nodes = [(0, 0.0, int(NodeKind.INPUT), 0, 0), (1, 0.0, int(NodeKind.OUTPUT), 0, 0)]
    genome = make_genome(nodes, [(0, 0, 1, 1.0, True)])
    population = Population(1, 1, EvolutionConfig(population_size=2, speciation="nearest", target_species=2), start=[genome])
    population.tell([0.0, 1.0])
    evaluate(_plan(), np.zeros((2, 1)))


def _plan() -> LayerPlan:
    """Return the plan of an input joined to an output, made by hand since planning is not compiled here."""
    return LayerPlan(
        n_inputs=1,
        slot_gene=np.arange(2),
        depth=np.arange(2, dtype=np.int32),
        activation=np.zeros(2, np.int8),
        aggregation=np.zeros(2, np.int8),
        edge_start=np.array([0, 0, 1]),
        edge_source=np.zeros(1, np.int32),
        edge_gene=np.zeros(1, np.int64),
        edge_recurrent=np.zeros(1, np.bool_),
        output_slot=np.ones(1, np.int32),
        weights=np.ones(1),
        biases=np.zeros(1),
    )


if __name__ == "__main__":
    compile_later_kernels()
