"""Laws of the first generation: the genomes that plain numpy draws one by one, to the bit, at a cost that does not show."""

import time

import numpy as np
import pytest

from propneat.evolution import EvolutionConfig, InnovationTracker, Population
from propneat.evolution.config import part_of
from propneat.evolution.minimal import minimal_generation
from propneat.genome import ACTIVATIONS, AGGREGATIONS, NodeKind, validate


def drawn_one_by_one(inputs, outputs, config, rng, tracker):
    """Node genes and connection genes of every genome, drawn in plain Python."""
    hidden = tracker.new_nodes(config.initial_hidden)
    n_inputs, n_fixed = len(inputs), len(inputs) + len(outputs)
    for _ in range(config.population_size):
        n_hidden = int(rng.integers(len(hidden) + 1))
        ids = [*inputs.tolist(), *outputs.tolist(), *hidden[:n_hidden].tolist()]
        biases = [0.0] * n_inputs + (config.weight_sigma * rng.standard_normal(len(outputs) + n_hidden)).tolist()
        kinds = [NodeKind.INPUT] * n_inputs + [NodeKind.OUTPUT] * len(outputs) + [NodeKind.HIDDEN] * n_hidden
        activations = [0] * n_inputs + [ACTIVATIONS.index(config.output_activation)] * len(outputs)
        activations += rng.choice([ACTIVATIONS.index(name) for name in config.activations], size=n_hidden).tolist()
        aggregations = [0] * n_fixed + rng.choice(
            [AGGREGATIONS.index(name) for name in config.aggregations], size=n_hidden
        ).tolist()
        n_drawn = part_of(config.initial_connection_fraction, n_inputs)
        pairs = [(s, t) for t in range(n_inputs, len(ids)) for s in rng.permutation(n_inputs)[:n_drawn].tolist()]
        pairs += [(s, t) for s in range(n_fixed, len(ids)) for t in range(n_inputs, n_fixed)]
        numbers = [tracker.link(ids[s], ids[t]) for s, t in pairs]
        weights = (config.weight_sigma * rng.standard_normal(len(pairs))).tolist()
        genes = [(n, ids[s], ids[t], w, True, False) for n, (s, t), w in zip(numbers, pairs, weights, strict=True)]
        yield sorted(zip(ids, biases, kinds, activations, aggregations, strict=True)), sorted(genes)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"initial_connection_fraction": 0.5},
        {"initial_connection_fraction": 0.0, "initial_hidden": 2},
        {
            "initial_hidden": 4, "activations": ("tanh", "relu", "sin"), "aggregations": ("sum", "max"), "weight_sigma": 0.3,
            "initial_connection_fraction": 0.6,
        },
    ],
)  # fmt: skip
def test_first_genomes_are_those_that_numpy_draws_one_by_one(settings):
    config = EvolutionConfig(population_size=20, **settings)
    inputs, outputs = np.array([0, 3, 4, 9, 12]), np.array([1, 2, 20])
    trackers = [InnovationTracker(40, 7), InnovationTracker(40, 7)]
    generators = [np.random.default_rng(5), np.random.default_rng(5)]
    # the second time all connections are known but those of new hidden nodes
    for _ in range(2):
        pool = minimal_generation(inputs, outputs, config, generators[0], trackers[0])
        expected = list(drawn_one_by_one(inputs, outputs, config, generators[1], trackers[1]))
        assert [([gene[:-1] for gene in genome.nodes.tolist()], genome.connections.tolist()) for genome in pool] == expected
        for genome in pool:
            validate(genome)
    memories = [tracker.to_arrays() for tracker in trackers]
    for name, known in memories[0].items():
        np.testing.assert_array_equal(known, memories[1][name])
    assert generators[0].random() == generators[1].random()


def test_a_large_first_generation_costs_little():
    """1.2 million genes, which plain Python numbers in 4 s."""
    Population(2, 1, EvolutionConfig(population_size=2))
    start = time.process_time()
    population = Population(784, 10, EvolutionConfig())
    assert time.process_time() - start < 1.0
    assert len(population.ask().connections) == 150 * 7840
