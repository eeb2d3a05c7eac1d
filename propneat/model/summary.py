"""A network in words and numbers: its size, what it uses, and node by node what it computes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from propneat.compiler import LayerPlan, compile_genome, compile_structure, unfold
from propneat.formula import count_nodes, network_answers
from propneat.genome import ACTIVATIONS, AGGREGATIONS, Genome
from propneat.genome.presentation import node_names

__all__ = ["NetworkSummary", "NodeSummary", "n_nodes", "summarise"]


@dataclass(frozen=True)
class NodeSummary:
    """One node that computes: activation(aggregation of weight * source, for each term, + bias)."""

    name: str
    layer: int
    activation: str
    aggregation: str
    bias: float
    terms: tuple[tuple[str, float], ...]
    """Name of the source and weight of the connection, the heaviest first."""
    time_constant: float = 0.0
    """Steps in which the node follows what it computes, 0 for at once."""


@dataclass(frozen=True)
class NetworkSummary:
    """What a genome comes to; sizes count what takes part in an output, idle genes are the others."""

    n_inputs: int
    n_outputs: int
    n_hidden: int
    n_connections: int
    n_layers: int
    n_nodes: int
    """Operators, constants and variables of the network as a formula; see the function of the same name."""
    n_idle_nodes: int
    n_idle_connections: int
    activations: dict[str, int]
    """Number of hidden and output nodes by activation, most frequent first."""
    used_inputs: tuple[str, ...]
    """The inputs that an output depends on, in their order; what they are worth only rows can tell, see `permutation_importance`."""
    unused_inputs: tuple[str, ...]
    nodes: tuple[NodeSummary, ...]
    """Hidden and output nodes in order of evaluation."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def summarise(
    genome: Genome, input_names: Sequence[str] | None = None, output_names: Sequence[str] | None = None
) -> NetworkSummary:
    """Summarise a genome; hidden nodes are called h<id>. Raises ConfigError when there are not as many names as nodes."""
    plan = compile_structure(genome)
    given = node_names(genome, input_names, output_names)
    ids = genome.nodes["id"][plan.slot_gene].tolist()
    names = [given.get(node, f"h{node}") for node in ids]
    is_used = np.bincount(plan.edge_source, minlength=plan.n_slots) > 0
    inputs = range(plan.n_inputs)
    counts = Counter(ACTIVATIONS[code] for code in plan.activation[plan.n_inputs :].tolist())
    n_hidden = plan.n_slots - plan.n_inputs - plan.n_outputs
    return NetworkSummary(
        n_inputs=plan.n_inputs,
        n_outputs=plan.n_outputs,
        n_hidden=n_hidden,
        n_connections=plan.n_edges,
        n_layers=plan.n_layers,
        n_nodes=n_nodes(genome),
        n_idle_nodes=genome.n_hidden - n_hidden,
        n_idle_connections=len(genome.connections) - plan.n_edges,
        activations=dict(counts.most_common()),
        used_inputs=tuple(names[k] for k in inputs if is_used[k]),
        unused_inputs=tuple(names[k] for k in inputs if not is_used[k]),
        nodes=tuple(_node(genome, plan, slot, names) for slot in range(plan.n_inputs, plan.n_slots)),
    )


def _node(genome: Genome, plan: LayerPlan, slot: int, names: list[str]) -> NodeSummary:
    edges = range(int(plan.edge_start[slot]), int(plan.edge_start[slot + 1]))
    when = [" of the step before" if late else "" for late in plan.edge_recurrent.tolist()]
    terms = [(names[plan.edge_source[e]] + when[e], float(plan.weights[e])) for e in edges]
    terms.sort(key=lambda term: -abs(term[1]))
    return NodeSummary(
        name=names[slot],
        layer=int(plan.depth[slot]),
        activation=ACTIVATIONS[plan.activation[slot]],
        aggregation=AGGREGATIONS[plan.aggregation[slot]],
        bias=float(plan.biases[slot - plan.n_inputs]),
        terms=tuple(terms),
        time_constant=float(genome.nodes["time_constant"][plan.slot_gene[slot]]),
    )


def n_nodes(genome: Genome, is_logarithm: bool = False) -> int:
    """Count the operators, constants and variables of a network as a formula, the size of SRBench (La Cava et al. 2021).

    The scaling of inputs and of the answer goes into weights and biases where these are linear; bounds do not count. Several
    outputs count together, and of a recurrent network what a step keeps for the next one. With `is_logarithm` the network tells
    the answer's logarithm. See `propneat.formula.count_nodes`.
    """
    return count_nodes(network_answers(unfold(compile_genome(genome)), is_logarithm))
