"""The rules a genome must keep, each checked with a one-sentence complaint."""

import numpy as np

from propneat.base.errors import GenomeError
from propneat.genome.genes import ACTIVATIONS, AGGREGATIONS, MAX_IDENTIFIER, NodeKind
from propneat.genome.genome import Genome

__all__ = ["validate"]


def validate(genome: Genome) -> Genome:
    """Return the genome if it keeps every rule of the format, else raise GenomeError naming the first rule broken.

    Node ids and innovation numbers are unique, sorted and within 0..2^31-1; there is at least one input and one output; every
    connection joins two existing nodes, none enters an input, no recurrent one leaves an input, no pair is joined twice by
    connections of one kind; all connections that are not recurrent, disabled ones included, are acyclic together; every number
    is finite; codes are known; a time constant is 0 or 1 step or more, of an input 0.
    """
    _check_nodes(genome.nodes)
    _check_connections(genome)
    _check_acyclic(genome)
    return genome


def _check_nodes(nodes: np.ndarray) -> None:
    _check_identifiers(nodes["id"], "node id")
    kinds = nodes["kind"]
    for kind in (NodeKind.INPUT, NodeKind.OUTPUT):
        if not np.any(kinds == kind):
            raise GenomeError(f"a genome needs at least one {kind.name.lower()} node, and this one has none")
    for field, most in (("kind", len(NodeKind)), ("activation", ACTIVATIONS.n_codes), ("aggregation", AGGREGATIONS.n_codes)):
        unknown = np.flatnonzero((nodes[field] < 0) | (nodes[field] >= most))
        if len(unknown):
            raise GenomeError(f"node {nodes['id'][unknown[0]]} has an unknown {field} code {nodes[field][unknown[0]]}")
    broken = np.flatnonzero(~np.isfinite(nodes["bias"]))
    if len(broken):
        raise GenomeError(f"node {nodes['id'][broken[0]]} has a bias that is not a finite number")
    steps = nodes["time_constant"]
    wrong = np.flatnonzero((steps != 0) & ~((steps >= 1) & np.isfinite(steps)))
    if len(wrong):
        found = f"node {nodes['id'][wrong[0]]} has a time constant of {steps[wrong[0]]}"
        raise GenomeError(f"{found}, and it is a finite number of steps, 1 or more, or 0 for none")
    inputs = nodes[kinds == NodeKind.INPUT]
    if np.any(inputs["time_constant"]):
        raise GenomeError("an input node passes its value on as it is, without a time constant")
    if np.any(inputs["bias"] != 0) or np.any(inputs["activation"]) or np.any(inputs["aggregation"]):
        raise GenomeError("an input node passes its value on: bias 0, activation identity and aggregation sum are required")


def _check_identifiers(identifiers: np.ndarray, what: str) -> None:
    outside = np.flatnonzero((identifiers < 0) | (identifiers > MAX_IDENTIFIER))
    if len(outside):
        raise GenomeError(f"{what} {identifiers[outside[0]]} lies outside 0..{MAX_IDENTIFIER}")
    steps = np.diff(identifiers)
    if np.any(steps == 0):
        raise GenomeError(f"{what} {identifiers[1:][steps == 0][0]} appears twice")
    if np.any(steps < 0):
        raise GenomeError(f"genes must be sorted by {what}, and {identifiers[1:][steps < 0][0]} is out of order")


def _check_connections(genome: Genome) -> None:
    connections, nodes = genome.connections, genome.nodes
    _check_identifiers(connections["innovation"], "innovation number")
    for end in ("source", "target"):
        missing = np.flatnonzero(~np.isin(connections[end], nodes["id"]))
        if len(missing):
            gene = connections[missing[0]]
            raise GenomeError(f"connection {gene['innovation']} has {end} {gene[end]}, which is not a node of this genome")
    into_input = np.flatnonzero(np.isin(connections["target"], nodes["id"][nodes["kind"] == NodeKind.INPUT]))
    if len(into_input):
        gene = connections[into_input[0]]
        raise GenomeError(f"connection {gene['innovation']} enters input node {gene['target']}, and inputs take no connections")
    broken = np.flatnonzero(~np.isfinite(connections["weight"]))
    if len(broken):
        raise GenomeError(f"connection {connections['innovation'][broken[0]]} has a weight that is not a finite number")
    is_input = np.isin(connections["source"], nodes["id"][nodes["kind"] == NodeKind.INPUT])
    from_input = np.flatnonzero(is_input & connections["recurrent"])
    if len(from_input):
        gene = connections[from_input[0]]
        what = f"connection {gene['innovation']} is recurrent and leaves input node {gene['source']}"
        raise GenomeError(f"{what}, which has no past")
    _check_pairs(connections)


def _check_pairs(connections: np.ndarray) -> None:
    links = connections[["source", "target", "recurrent"]].tolist()
    if len(set(links)) < len(links):
        ordered = sorted(links)
        twice = next(link for link, following in zip(ordered, ordered[1:], strict=False) if link == following)
        kind = "recurrent connections" if twice[2] else "connections"
        raise GenomeError(f"nodes {twice[0]} and {twice[1]} are joined by two {kind} in the same direction")


def _check_acyclic(genome: Genome) -> None:
    """Kahn's algorithm: take away nodes nobody waits for; what remains lies on, or behind, a cycle."""
    waiting = dict.fromkeys(genome.nodes["id"].tolist(), 0)
    targets: dict[int, list[int]] = {}
    forward = genome.connections[~genome.connections["recurrent"]]
    for source, target in forward[["source", "target"]].tolist():
        waiting[target] += 1
        targets.setdefault(source, []).append(target)
    ready = [node for node, count in waiting.items() if count == 0]
    for node in ready:
        for target in targets.get(node, ()):
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    if len(ready) < len(waiting):
        stuck = min(node for node, count in waiting.items() if count > 0)
        raise GenomeError(f"the connections form a cycle through or before node {stuck}, and only recurrent ones may close one")
