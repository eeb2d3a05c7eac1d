"""The paper's retrain arm: a champion's layers filled to a dense network with numbers drawn anew."""

import numpy as np

from propneat.compiler import compile_genome
from propneat.genome import Genome, NodeKind, frozen, make_genome

__all__ = ["densify"]


def densify(genome: Genome, rng: np.random.Generator) -> Genome:
    """Return the layered network that the genome's compiled form sits in, every slot of every layer matrix a connection.

    Two layers are joined fully where the genome joins any of their nodes (PropNEAT, arm "retrain"). Weights are
    drawn from N(0, 1 / number of connections into the node) and biases are 0; innovation numbers count from 0, since the result
    belongs to no run. Nodes without a place in the network are left out.
    """
    plan = compile_genome(genome)
    ids = genome.nodes["id"][plan.slot_gene]
    joined = {(plan.depth[s], plan.depth[t]) for s, t in zip(plan.edge_source.tolist(), plan.edge_target.tolist(), strict=True)}
    connections = []
    for target in range(plan.n_inputs, plan.n_slots):
        sources = [s for s in range(target) if (plan.depth[s], plan.depth[target]) in joined]
        scale = 1.0 / np.sqrt(max(len(sources), 1))
        connections += [(int(ids[s]), int(ids[target]), scale * rng.standard_normal()) for s in sources]
    nodes = genome.nodes[np.sort(plan.slot_gene)].copy()
    nodes["bias"][nodes["kind"] != NodeKind.INPUT] = 0.0
    genes = [(number, source, target, weight, True) for number, (source, target, weight) in enumerate(connections)]
    return Genome(frozen(nodes), make_genome([], genes).connections)
