"""Random genomes for property tests: skips, dead ends, disabled genes, bias-only nodes, unordered ids, several outputs."""

import numpy as np

from propneat.genome import ACTIVATIONS, AGGREGATIONS, Genome, NodeKind, make_genome

PLAIN_AGGREGATIONS = (0,)


def random_genome(
    rng: np.random.Generator,
    *,
    n_inputs: int | None = None,
    n_outputs: int | None = None,
    max_hidden: int = 12,
    aggregations: tuple[int, ...] = tuple(range(len(AGGREGATIONS))),
    scale: float = 0.7,
) -> Genome:
    """Draw a valid genome whose graph is as irregular as the format allows."""
    n_inputs = int(rng.integers(1, 6)) if n_inputs is None else n_inputs
    n_outputs = int(rng.integers(1, 4)) if n_outputs is None else n_outputs
    n_hidden = int(rng.integers(0, max_hidden + 1))
    kinds = [NodeKind.INPUT] * n_inputs + [NodeKind.OUTPUT] * n_outputs + [NodeKind.HIDDEN] * n_hidden
    ids = rng.choice(10 * len(kinds), size=len(kinds), replace=False).tolist()
    nodes = [
        (i, 0.0, kind, 0, 0)
        if kind == NodeKind.INPUT
        else (i, scale * rng.standard_normal(), kind, rng.integers(len(ACTIVATIONS)), rng.choice(aggregations))
        for i, kind in zip(ids, kinds, strict=True)
    ]
    inner = [i for i, kind in zip(ids, kinds, strict=True) if kind != NodeKind.INPUT]
    order = ids[:n_inputs] + rng.permutation(inner).tolist()
    pairs = [(s, t) for k, t in enumerate(order) if k >= n_inputs for s in order[:k]]
    density = rng.choice([0.0, 0.2, 0.5, 0.9], p=[0.05, 0.35, 0.4, 0.2])
    chosen = [pair for pair in pairs if rng.random() < density]
    innovations = rng.choice(5 * len(chosen) + 1, size=len(chosen), replace=False).tolist()
    connections = [
        (number, s, t, scale * rng.standard_normal(), rng.random() < 0.8)
        for number, (s, t) in zip(innovations, chosen, strict=True)
    ]
    return make_genome(nodes, connections)


def random_recurrent_genome(rng: np.random.Generator, **options) -> Genome:
    """Draw a genome as `random_genome` does, and add recurrent connections between any of its nodes but from or to inputs."""
    genome = random_genome(rng, **options)
    inner = genome.nodes["id"][genome.nodes["kind"] != NodeKind.INPUT].tolist()
    chosen = [(s, t) for s in inner for t in inner if rng.random() < rng.choice([0.1, 0.5])]
    first = int(genome.connections["innovation"].max(initial=-1)) + 1
    scale = options.get("scale", 0.7)
    late = [(first + k, s, t, scale * rng.standard_normal(), rng.random() < 0.8, True) for k, (s, t) in enumerate(chosen)]
    return make_genome(genome.nodes.tolist(), [*genome.connections.tolist(), *late])
