"""The first generation: minimal networks, or offspring of genomes that were given."""

from collections.abc import Sequence

import numpy as np

from propneat.base.errors import ConfigError, GenomeError
from propneat.base.setting_types import as_setting, shown
from propneat.evolution.breeding import Mating, breed
from propneat.evolution.config import EvolutionConfig
from propneat.evolution.innovation import InnovationTracker
from propneat.evolution.minimal import minimal_generation
from propneat.genome import GenePool, Genome, validate

__all__ = ["first_generation"]


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
        for name, limit, found in (
            ("max_connections", config.max_connections, genome.n_enabled), ("max_hidden", config.max_hidden, genome.n_hidden)
        ):  # fmt: skip
            if limit is not None and found > limit:
                raise ConfigError(
                    f"a starting genome has {found} of what {name} allows {limit} of: raise it, or start with another"
                )
    given = GenePool.pack(start)
    tracker = InnovationTracker.following(given)
    n_more = size - n_start
    mother = np.arange(n_more) % n_start
    mating = Mating(mother, np.full(n_more, -1), np.zeros(n_more, bool), np.ones(n_more, bool))
    return GenePool.pack([*given, *breed(given, mating, tracker, config, rng)]), tracker
