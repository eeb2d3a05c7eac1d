"""The mean of networks as one network."""

import numpy as np
import pytest
from random_genomes import random_genome

from propneat.base.errors import GenomeError
from propneat.compiler import compile_genome, evaluate
from propneat.genome import make_genome, validate
from propneat.search.averaging import average_genomes


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_outputs_are_the_weighted_mean_of_outputs(n_outputs):
    rng = np.random.default_rng(n_outputs)
    X = rng.normal(size=(20, 4))
    for _ in range(50):
        genomes = [random_genome(rng, n_inputs=4, n_outputs=n_outputs, scale=0.5) for _ in range(rng.integers(1, 6))]
        shares = rng.dirichlet(np.ones(len(genomes)))
        expected = sum(share * evaluate(compile_genome(genome), X) for share, genome in zip(shares, genomes, strict=True))
        merged = average_genomes(genomes, shares)
        validate(merged)
        np.testing.assert_allclose(evaluate(compile_genome(merged), X), expected, rtol=1e-12, atol=1e-12)


def test_connections_from_inputs_to_plain_outputs_count_once():
    nodes = [(0, 0.0, 0, 0, 0), (1, 0.0, 0, 0, 0), (2, 0.5, 1, 0, 0)]
    genomes = [make_genome(nodes, [(0, 0, 2, weight, True), (1, 1, 2, 1.0, weight < 2)]) for weight in (1.0, 2.0)]
    merged = average_genomes(genomes)
    assert merged.connections[["source", "target", "weight"]].tolist() == [(0, 2, 1.5), (1, 2, 0.5)]
    assert merged.nodes["bias"].tolist() == [0, 0, 0.5] and merged.n_hidden == 0


def test_one_genome_is_its_own_mean_without_what_takes_no_part():
    rng = np.random.default_rng(0)
    genome = random_genome(rng, n_inputs=3, n_outputs=2, scale=1.0)
    once = average_genomes([genome])
    assert compile_genome(once).n_edges <= compile_genome(genome).n_edges + genome.n_outputs
    assert average_genomes([once]).n_enabled == once.n_enabled


def test_genomes_of_different_shape_have_no_mean():
    rng = np.random.default_rng(0)
    pair = [random_genome(rng, n_inputs=count, n_outputs=1) for count in (2, 3)]
    for genomes in ([], pair):
        with pytest.raises(GenomeError, match="mean"):
            average_genomes(genomes)
