"""Laws of genomes and pools: order, equality to the bit, views without copies, and every rule of the format."""

import numpy as np
import pytest
from random_genomes import random_genome

from propneat.base.errors import GenomeError
from propneat.genome import (
    ACTIVATIONS,
    AGGREGATIONS,
    MAX_IDENTIFIER,
    GenePool,
    Genome,
    NodeKind,
    activation_code,
    aggregation_code,
    make_genome,
    validate,
)

NODES = [(0, 0.0, 0, 0, 0), (1, 0.0, 0, 0, 0), (2, 0.5, 1, 3, 0), (3, -0.5, 2, 4, 1)]
GENES = [(0, 0, 3, 1.0, True), (1, 1, 3, -1.0, True), (2, 3, 2, 2.0, True), (3, 0, 2, 0.25, False)]


def replaced(genes: list[tuple], index: int, field: int, value: object) -> list[tuple]:
    gene = list(genes[index])
    gene[field] = value
    return [*genes[:index], tuple(gene), *genes[index + 1 :]]


def test_genes_are_sorted_and_counted():
    genome = validate(make_genome(NODES[::-1], GENES[::-1]))
    assert genome.nodes["id"].tolist() == [0, 1, 2, 3]
    assert genome.connections["innovation"].tolist() == [0, 1, 2, 3]
    assert (genome.n_inputs, genome.n_outputs, genome.n_hidden, genome.n_enabled) == (2, 1, 1, 3)
    assert genome == make_genome(NODES, GENES)
    assert repr(genome) == "Genome(inputs=2, outputs=1, hidden=1, connections=4, enabled=3)"


def test_genomes_are_equal_if_and_only_if_every_gene_is_equal_to_the_bit():
    genome = make_genome(NODES, GENES)
    others = [make_genome(replaced(NODES, 3, k, v), GENES) for k, v in ((0, 4), (1, np.nextafter(-0.5, 0)), (3, 5), (4, 0))]
    others += [make_genome(NODES, replaced(GENES, 3, k, v)) for k, v in ((0, 9), (1, 1), (2, 3), (3, 0.5), (4, True))]
    others += [make_genome(NODES, GENES[:3]), make_genome(NODES[:3], GENES[3:])]
    assert len({genome, *others}) == 1 + len(others)
    assert all(genome != other for other in others)
    zeros = [make_genome(replaced(NODES, 2, 1, zero), GENES) for zero in (0.0, -0.0)]
    assert zeros[0] != zeros[1]
    assert genome != "genome" and hash(genome) == hash(make_genome(NODES, GENES))


def test_genomes_and_pools_cannot_be_written_to():
    pool = GenePool.pack([make_genome(NODES, GENES)])
    for array in (pool[0].nodes, pool[0].connections, pool.node_start, make_genome(NODES, GENES).nodes):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[0]


def test_a_pool_is_the_sequence_of_its_genomes():
    rng = np.random.default_rng(0)
    genomes = [random_genome(rng) for _ in range(20)] + [make_genome(NODES, [])]
    pool = GenePool.pack(genomes)
    assert len(pool) == 21 and list(pool) == genomes
    assert pool[-1] == genomes[-1] and pool[np.int64(4)] == genomes[4]
    assert list(pool[3:12:2]) == genomes[3:12:2] and list(pool[::-1]) == genomes[::-1]
    assert np.shares_memory(pool[3].nodes, pool.nodes) and np.shares_memory(pool[3].connections, pool.connections)
    assert len(GenePool.pack([])) == 0 and list(GenePool.pack([])) == []
    for position in (21, -22):
        with pytest.raises(IndexError):
            pool[position]


def test_names_have_the_codes_of_their_places():
    assert [activation_code(name) for name in ACTIVATIONS] == list(range(len(ACTIVATIONS)))
    assert [aggregation_code(name) for name in AGGREGATIONS] == list(range(len(AGGREGATIONS)))
    with pytest.raises(ValueError):
        activation_code("sigmoidal")


def test_random_genomes_keep_every_rule():
    rng = np.random.default_rng(1)
    for _ in range(200):
        genome = random_genome(rng)
        assert validate(genome) is genome


BROKEN = {
    "no input": (NODES[2:3], [], "at least one input node"),
    "no output": (NODES[:2], [], "at least one output node"),
    "twin node": ([*NODES, NODES[3]], GENES, "node id 3 appears twice"),
    "negative id": ([*NODES, (-1, 0.0, 2, 1, 0)], GENES, "node id -1 lies outside"),
    "huge id": ([*NODES, (MAX_IDENTIFIER + 1, 0.0, 2, 1, 0)], GENES, "lies outside"),
    "kind": (replaced(NODES, 3, 2, 3), GENES, "node 3 has an unknown kind code 3"),
    "activation": (replaced(NODES, 3, 3, 126), GENES, "unknown activation code"),
    "negative activation": (replaced(NODES, 3, 3, -1), GENES, "unknown activation code -1"),
    "aggregation": (replaced(NODES, 3, 4, 126), GENES, "unknown aggregation code"),
    "nan bias": (replaced(NODES, 2, 1, np.nan), GENES, "node 2 has a bias that is not a finite number"),
    "input bias": (replaced(NODES, 0, 1, 0.5), GENES, "an input node passes its value on"),
    "input activation": (replaced(NODES, 0, 3, 1), GENES, "an input node passes its value on"),
    "input aggregation": (replaced(NODES, 0, 4, 2), GENES, "an input node passes its value on"),
    "twin innovation": (NODES, replaced(GENES, 3, 0, 2), "innovation number 2 appears twice"),
    "negative innovation": (NODES, replaced(GENES, 0, 0, -2), "innovation number -2 lies outside"),
    "dangling source": (NODES, replaced(GENES, 3, 1, 9), "connection 3 has source 9, which is not a node"),
    "dangling target": (NODES, replaced(GENES, 3, 2, 9), "connection 3 has target 9, which is not a node"),
    "into input": (NODES, replaced(GENES, 3, 2, 1), "connection 3 enters input node 1"),
    "infinite weight": (NODES, replaced(GENES, 1, 3, -np.inf), "connection 1 has a weight that is not a finite number"),
    "twin connection": (NODES, replaced(GENES, 3, 2, 3), "nodes 0 and 3 are joined by two connections"),
    "loop": (NODES, [*GENES, (4, 3, 3, 1.0, True)], "form a cycle through or before node"),
    "cycle": (NODES, [*GENES, (4, 2, 3, 1.0, True)], "form a cycle through or before node"),
    "disabled cycle": (NODES, [*GENES, (4, 2, 3, 1.0, False)], "only recurrent ones may close one"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_every_broken_rule_is_named(what):
    nodes, genes, message = BROKEN[what]
    with pytest.raises(GenomeError, match=message) as caught:
        validate(make_genome(nodes, genes))
    assert "\n" not in str(caught.value) and caught.value.exit_code == 2


def test_unsorted_genes_are_named():
    genome = make_genome(NODES, GENES)
    for shuffled in (Genome(genome.nodes[::-1], genome.connections), Genome(genome.nodes, genome.connections[::-1])):
        with pytest.raises(GenomeError, match="genes must be sorted by"):
            validate(shuffled)


def test_node_kinds_keep_their_codes():
    assert [(kind.name, int(kind)) for kind in NodeKind] == [("INPUT", 0), ("OUTPUT", 1), ("HIDDEN", 2)]
