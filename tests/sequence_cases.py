"""A recurrent network computed straight from its genes, and sequences, by which everything that computes steps is judged."""

import numpy as np
from test_compiler import JOINS, TEXTBOOK

from propneat.genome import ACTIVATIONS, AGGREGATIONS, Genome, NodeKind


def answers_of_genes(genome: Genome, steps: list[list[float]]) -> list[list[float]]:
    """The outputs at every step of one sequence, without any plan."""
    inputs = genome.nodes["id"][genome.nodes["kind"] == NodeKind.INPUT].tolist()
    outputs = genome.nodes["id"][genome.nodes["kind"] == NodeKind.OUTPUT].tolist()
    nodes = {gene[0]: gene for gene in genome.nodes.tolist()}
    before, answers = dict.fromkeys(nodes, 0.0), []
    for row in steps:
        values = dict(zip(inputs, row, strict=True))

        def value(node: int, values=values, before=before) -> float:
            if node not in values:
                _, bias, _, activation, aggregation = nodes[node]
                genes = [gene for gene in genome.connections.tolist() if gene[4] and gene[2] == node]
                terms = [w * (before[s] if late else value(s)) for _, s, _, w, _, late in genes]
                joined = JOINS[AGGREGATIONS[aggregation]](terms) if terms else 0.0
                values[node] = TEXTBOOK[ACTIVATIONS[activation]](joined + bias)
            return values[node]

        before = {node: value(node) for node in nodes}
        answers.append([before[node] for node in outputs])
    return answers
