"""Several networks as one: its outputs are the mean of theirs."""

from collections.abc import Sequence

import numpy as np

from propneat.base.errors import GenomeError
from propneat.compiler import LayerPlan, compile_structure
from propneat.genome import ACTIVATIONS, AGGREGATIONS, Genome, NodeKind, make_genome

__all__ = ["average_genomes"]

_IDENTITY, _SUM = ACTIVATIONS.index("identity"), AGGREGATIONS.index("sum")


def average_genomes(genomes: Sequence[Genome], shares: Sequence[float] | None = None) -> Genome:
    """Return one genome whose every output is the mean of that output of all genomes, weighted by `shares` that add up to 1.

    Hidden nodes stand beside each other; what leads straight to a plain output (a sum, not bent and not used by other nodes)
    is added up, so that connections from inputs to outputs, which networks have in common, count once. Other outputs become
    hidden nodes. Genes that take no part in an output are left out, and innovation numbers count from 0, since the result
    belongs to no run. Raises GenomeError for no genomes, or different numbers of inputs or outputs.
    """
    if not genomes or len({(genome.n_inputs, genome.n_outputs) for genome in genomes}) > 1:
        raise GenomeError("only genomes with the same numbers of inputs and outputs, one or more of them, have a mean")
    shares = [1.0 / len(genomes)] * len(genomes) if shares is None else list(shares)
    first = compile_structure(genomes[0])
    ids = genomes[0].nodes["id"][first.slot_gene]
    inputs, outputs = ids[: first.n_inputs].tolist(), ids[first.output_slot].tolist()
    biases, links, nodes = (
        dict.fromkeys(outputs, 0.0),
        {},
        [(node, 0.0, NodeKind.INPUT, _IDENTITY, _SUM, 0.0) for node in inputs],
    )
    next_id = max([*inputs, *outputs]) + 1
    for genome, share in zip(genomes, shares, strict=True):
        plan, time_constants = compile_structure(genome), genome.nodes["time_constant"]
        place = dict(enumerate(inputs))
        plain = {
            slot: node
            for slot, node in zip(plan.output_slot.tolist(), outputs, strict=True)
            if _is_plain(plan, slot) and not time_constants[plan.slot_gene[slot]]
        }
        for slot in range(plan.n_inputs, plan.n_slots):
            if slot not in plain:
                place[slot], next_id = next_id, next_id + 1
                kind = (NodeKind.HIDDEN, int(plan.activation[slot]), int(plan.aggregation[slot]))
                time_constant = float(time_constants[plan.slot_gene[slot]])
                nodes.append((place[slot], float(plan.biases[slot - plan.n_inputs]), *kind, time_constant))
        for slot, node in zip(plan.output_slot.tolist(), outputs, strict=True):
            if slot in plain:
                biases[node] += share * plan.biases[slot - plan.n_inputs]
            else:
                links[place[slot], node, False] = share
        edges = (part.tolist() for part in (plan.edge_source, plan.edge_target, plan.weights, plan.edge_recurrent))
        for source, target, weight, late in zip(*edges, strict=True):
            link = (place[source], plain.get(target, place.get(target)), late)
            links[link] = links.get(link, 0.0) + (share * weight if target in plain else weight)
    nodes += [(node, float(biases[node]), NodeKind.OUTPUT, _IDENTITY, _SUM, 0.0) for node in outputs]
    genes = [(k, *ends, float(weight), True, late) for k, ((*ends, late), weight) in enumerate(sorted(links.items()))]
    return make_genome(nodes, genes)


def _is_plain(plan: LayerPlan, slot: int) -> bool:
    """Say whether a slot is a sum that is not bent and leads nowhere."""
    bent = plan.activation[slot] != _IDENTITY or plan.aggregation[slot] != _SUM
    return not bent and not np.isin(slot, plan.edge_source)
