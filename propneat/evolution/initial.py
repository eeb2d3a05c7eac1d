"""The first generation: minimal networks, or offspring of genomes that were given."""

from collections.abc import Sequence

import numpy as np

from propneat.base.errors import ConfigError, GenomeError
from propneat.base.setting_types import as_setting, shown
from propneat.evolution.breeding import Mating, breed
from propneat.evolution.config import EvolutionConfig, part_of
from propneat.evolution.innovation import InnovationTracker
from propneat.genome import (
    CONNECTION_DTYPE,
    NODE_DTYPE,
    GenePool,
    Genome,
    NodeKind,
    activation_code,
    aggregation_code,
    frozen,
    validate,
)

__all__ = ["first_generation", "minimal_generation"]


def first_generation(
    n_inputs: int, n_outputs: int, config: EvolutionConfig, rng: np.random.Generator, start: Sequence[Genome]
) -> tuple[GenePool, InnovationTracker]:
    """Return the first genomes and the tracker of their innovation numbers.

    Without `start` they are minimal: inputs have ids 0..n_inputs-1, outputs the next ones, then hidden nodes. With `start`, its
    genomes, `population_size` at most, come first, unchanged, and mutated copies of them in turn fill the population. Raises
    ConfigError or GenomeError for what cannot start a population.
    """
    n_inputs, n_outputs = as_setting("n_inputs", n_inputs, int), as_setting("n_outputs", n_outputs, int)
    if n_inputs < 1 or n_outputs < 1:
        raise ConfigError(f"a network needs at least one input and one output, not {n_inputs} and {n_outputs}")
    if not isinstance(start, Sequence):
        raise ConfigError(f"start must be a sequence of genomes, not {shown(start)}")
    if len(start) > 0:
        return _from_given(n_inputs, n_outputs, config, rng, start)
    n_fixed = n_inputs + n_outputs
    tracker = InnovationTracker(n_fixed)
    return minimal_generation(np.arange(n_inputs), np.arange(n_inputs, n_fixed), config, rng, tracker), tracker


def minimal_generation(
    inputs: np.ndarray, outputs: np.ndarray, config: EvolutionConfig, rng: np.random.Generator, tracker: InnovationTracker
) -> GenePool:
    """Return a population of minimal genomes between input nodes and output nodes with the ids given.

    Each joins inputs to outputs directly, and to and from at most `initial_hidden` hidden nodes, whose ids are new in the run;
    weights and biases come from N(0, weight_sigma^2).
    """
    hidden = tracker.new_nodes(config.initial_hidden)
    return GenePool.pack(_minimal(inputs, outputs, hidden, tracker, config, rng) for _ in range(config.population_size))


def _minimal(
    inputs: np.ndarray,
    outputs: np.ndarray,
    hidden: np.ndarray,
    tracker: InnovationTracker,
    config: EvolutionConfig,
    rng: np.random.Generator,
) -> Genome:
    n_inputs, n_fixed = len(inputs), len(inputs) + len(outputs)
    n_hidden = int(rng.integers(len(hidden) + 1))
    nodes = np.zeros(n_fixed + n_hidden, NODE_DTYPE)
    ids = np.concatenate([inputs, outputs, hidden[:n_hidden]])
    nodes["id"] = ids
    nodes["kind"][n_inputs:n_fixed] = NodeKind.OUTPUT
    nodes["kind"][n_fixed:] = NodeKind.HIDDEN
    nodes["bias"][n_inputs:] = config.weight_sigma * rng.standard_normal(len(outputs) + n_hidden)
    nodes["activation"][n_inputs:n_fixed] = activation_code(config.output_activation)
    nodes["activation"][n_fixed:] = rng.choice([activation_code(name) for name in config.activations], size=n_hidden)
    nodes["aggregation"][n_fixed:] = rng.choice([aggregation_code(name) for name in config.aggregations], size=n_hidden)
    nodes.sort(order="id")
    n_drawn = part_of(config.initial_connection_fraction, n_inputs)
    pairs = [(source, target) for target in range(n_inputs, len(ids)) for source in rng.permutation(n_inputs)[:n_drawn].tolist()]
    pairs += [(source, target) for source in range(n_fixed, len(ids)) for target in range(n_inputs, n_fixed)]
    ends = ids[np.array(pairs, np.int64).reshape(-1, 2)]
    connections = np.zeros(len(ends), CONNECTION_DTYPE)
    connections["innovation"] = [tracker.link(source, target) for source, target in ends.tolist()]
    connections["source"], connections["target"] = ends.T
    connections["weight"] = config.weight_sigma * rng.standard_normal(len(ends))
    connections["enabled"] = True
    connections.sort(order="innovation")
    return Genome(frozen(nodes), frozen(connections))


def _from_given(
    n_inputs: int, n_outputs: int, config: EvolutionConfig, rng: np.random.Generator, start: Sequence[Genome]
) -> tuple[GenePool, InnovationTracker]:
    n_start, size = len(start), config.population_size
    if n_start > size:
        raise ConfigError(f"start must hold at most as many genomes as population_size, which is {size}, not {n_start}")
    for genome in start:
        if not isinstance(genome, Genome):
            raise ConfigError(f"start must hold genomes, not {shown(genome)}")
        validate(genome)
        if (genome.n_inputs, genome.n_outputs) != (n_inputs, n_outputs):
            raise GenomeError(
                f"a starting genome has {genome.n_inputs} inputs and {genome.n_outputs} outputs, "
                f"and the task needs {n_inputs} and {n_outputs}"
            )
    given = GenePool.pack(start)
    tracker = InnovationTracker.following(given)
    n_more = size - n_start
    mother = np.arange(n_more) % n_start
    mating = Mating(mother, np.full(n_more, -1), np.zeros(n_more, bool), np.ones(n_more, bool))
    return GenePool.pack([*given, *breed(given, mating, tracker, config, rng)]), tracker
