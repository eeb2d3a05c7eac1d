"""The population: asked for genomes, told their fitness, it breeds the next generation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from propneat.base.rng import make_rng
from propneat.base.setting_types import as_setting
from propneat.compiler import evaluate_pool
from propneat.evolution.breeding import NO_PARENT, breed
from propneat.evolution.config import EvolutionConfig
from propneat.evolution.initial import first_generation
from propneat.evolution.innovation import InnovationTracker
from propneat.evolution.minimal import minimal_generation
from propneat.evolution.reproduction import allocate_offspring, plan_mating, rank_fitness
from propneat.evolution.speciation import Division, assign_species, next_threshold
from propneat.evolution.told import check_fitness, check_told
from propneat.genome import GenePool, Genome, NodeKind

__all__ = ["GenerationReport", "Population", "PopulationState", "Species"]


@dataclass(frozen=True)
class Species:
    """A species between two generations: its identity, its representative, and the best it ever reached."""

    id: int
    representative: Genome
    best_fitness: float
    improved: int
    """Generation in which `best_fitness` was last raised."""


@dataclass(frozen=True, eq=False)
class GenerationReport:
    """What `tell` found: figures of the generation just judged."""

    generation: int
    best: Genome
    """The best genome of this generation."""
    best_fitness: float
    """In the direction it was told; NaN when no fitness was finite."""
    mean_fitness: float
    """Over genomes with a finite fitness."""
    n_unusable: int
    """Number of fitness values that were not finite and counted as worst."""
    species: np.ndarray
    """Species id of every genome, int64, shape (population_size,)."""
    n_species: int
    n_stagnant: int
    """Number of species that had no offspring because they stagnated."""
    extinct: bool
    """Whether all species stagnated, so that the next generation starts afresh around the best genome ever."""
    threshold: float
    """Compatibility threshold that was used; for nearest representatives the largest distance of a genome to its own."""
    mothers: np.ndarray
    """Of every genome of the next generation the place of its mother, the fitter parent, in this one, int64, shape
    (population_size,); -1 for one begun anew."""


@dataclass(frozen=True, eq=False)
class PopulationState:
    """All that changes in a population; with the seed and the configuration it determines every later generation."""

    generation: int
    pool: GenePool
    species: tuple[Species, ...]
    next_species: int
    threshold: float
    tracker: dict[str, np.ndarray]
    best: Genome | None
    best_fitness: float


class Population:
    """Genomes under evolution, by `ask` and `tell`.

    The course of a run depends on the seed, the configuration, and the fitness told, and on nothing else. Random numbers of
    generation t come from a stream of its own, so a restored population goes on exactly as the saved one would have.
    Mutable: `tell` moves it on by one generation.
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        config: EvolutionConfig | None = None,
        *,
        seed: int = 0,
        start: Sequence[Genome] = (),
    ) -> None:
        """Make the first generation: minimal networks, or copies and mutations of the genomes in `start`."""
        self.config = config or EvolutionConfig()
        self.seed = as_setting("seed", seed, int)
        pool, self._tracker = first_generation(n_inputs, n_outputs, self.config, make_rng(self.seed, "first"), start)
        self._state = PopulationState(0, pool, (), 0, self.config.compatibility_threshold, {}, None, float("nan"))

    @property
    def generation(self) -> int:
        """Number of generations told so far."""
        return self._state.generation

    @property
    def best(self) -> Genome | None:
        """The best genome ever told, None before that."""
        return self._state.best

    @property
    def best_fitness(self) -> float:
        """Its fitness, in the direction it was told."""
        return self._sign * self._state.best_fitness

    @property
    def state(self) -> PopulationState:
        """Everything needed to continue elsewhere; see `restore`."""
        return replace(self._state, tracker=self._tracker.to_arrays())

    @classmethod
    def restore(cls, state: PopulationState, config: EvolutionConfig, seed: int) -> "Population":
        """Return a population that goes on where `state` was taken."""
        population = cls.__new__(cls)
        population.config, population.seed = config, seed
        population._tracker = InnovationTracker.from_arrays(state.tracker)
        population._state = state
        return population

    def __copy__(self) -> "Population":
        return Population.restore(self.state, self.config, self.seed)

    @property
    def _sign(self) -> float:
        return 1.0 if self.config.direction == "maximise" else -1.0

    def ask(self) -> GenePool:
        """Return the genomes of the current generation, exactly `population_size` of them."""
        return self._state.pool

    def evaluate(self, X: np.ndarray) -> np.ndarray:
        """Return what every genome asked for answers to rows X, (n_rows, n_inputs), all in one compiled call.

        The answers are float64 of shape (population_size, n_rows, n_outputs); of sequences, (n_sequences, n_steps, n_inputs), they
        are those at every step. Raises ValueError for rows of another width, and GenomeError, which is one, for single rows
        where a genome is recurrent.
        """
        return evaluate_pool(self.ask(), X)

    def tell(self, fitness: Sequence[float] | np.ndarray, genomes: GenePool | None = None) -> GenerationReport:
        """Take the fitness of every genome, in the order asked, breed the next generation, and report on this one.

        `genomes` replaces the asked ones, same order and structure, when training changed their numbers (Lamarckian
        inheritance). Values that are not finite count as worst. Raises ConfigError, and changes nothing, for values that are
        not numbers, or not one for each genome, and for other genomes than those asked for.
        """
        state = self._state
        told = check_fitness(fitness, len(state.pool))
        pool = state.pool if genomes is None else check_told(genomes, state.pool)
        usable = np.isfinite(told)
        score = np.where(usable, self._sign * told, -np.inf)
        rng = make_rng(self.seed, "breed", state.generation)
        species, labels, division = self._speciate(pool, score, rng)
        ranks = rank_fitness(score)
        alive = self._alive(species, labels, score)
        champion = int(np.argmax(score))
        # packed into arrays of their own, like the representatives: what the caller does to his genomes later changes nothing
        best = GenePool.pack([pool[champion]])[0]
        state = self._remember_best(best, float(score[champion]))
        if np.any(alive):
            next_pool, mothers = self._next_pool(pool, labels, ranks, alive, rng)
            survivors = tuple(entry for entry, keep in zip(species, alive, strict=True) if keep)
        else:
            next_pool, survivors = self._start_again(state.best, rng), ()
            mothers = np.full(len(next_pool), NO_PARENT)
        self._state = replace(
            state,
            generation=state.generation + 1,
            pool=next_pool,
            species=survivors,
            next_species=max([state.next_species, *(entry.id + 1 for entry in species)]),
            threshold=next_threshold(division, self.config),
        )
        return GenerationReport(
            generation=state.generation,
            best=best,
            best_fitness=float(told[champion]) if usable[champion] else float("nan"),
            mean_fitness=float(told[usable].mean()) if usable.any() else float("nan"),
            n_unusable=int(np.count_nonzero(~usable)),
            species=np.array([entry.id for entry in species])[labels],
            n_species=len(species),
            n_stagnant=int(np.count_nonzero(~alive)),
            extinct=not np.any(alive),
            threshold=division.threshold,
            mothers=mothers,
        )

    def begin_anew(self) -> None:
        """Put a first generation in the place of all genomes; innovation numbers and the count of generations go on."""
        pool = self._start_again(None, make_rng(self.seed, "first", self._state.generation))
        self._state = replace(
            self._state,
            pool=pool,
            species=(),
            threshold=self.config.compatibility_threshold,
            best=None,
            best_fitness=float("nan"),
        )

    def _speciate(
        self, pool: GenePool, score: np.ndarray, rng: np.random.Generator
    ) -> tuple[list[Species], np.ndarray, Division]:
        """Sort genomes into species, each with a new random representative.

        Returns the species, the index of each genome's, and how they were divided.
        """
        state = self._state
        known = GenePool.pack(entry.representative for entry in state.species)
        division = assign_species(pool, known, state.threshold, self.config, rng)
        ids = [entry.id for entry in state.species] + [state.next_species + k for k in range(division.n_new)]
        records = [(entry.best_fitness, entry.improved) for entry in state.species]
        records += division.n_new * [(-np.inf, state.generation)]
        present, labels = np.unique(division.species, return_inverse=True)
        chosen = GenePool.pack(pool[int(rng.choice(np.flatnonzero(labels == k)))] for k in range(len(present)))
        species = []
        for position, index in enumerate(present):
            best, record = float(score[labels == position].max()), records[index]
            best, improved = (best, state.generation) if best > record[0] else record
            species.append(Species(ids[index], chosen[position], best, improved))
        return species, labels, division

    def _alive(self, species: list[Species], labels: np.ndarray, score: np.ndarray) -> np.ndarray:
        """Which species may have offspring: those that improved of late, and those of the best members now.

        How good a species once was does not count, so that the best genome of the generation cannot go with its species.
        """
        age = np.array([self._state.generation - entry.improved for entry in species])
        best_first = np.argsort([-score[labels == k].max() for k in range(len(species))], kind="stable")
        alive = age < self.config.stagnation
        # a generation that stagnated as a whole begins anew around the best genome, which is not lost then either
        n_kept = max(self.config.species_elitism, int(self.config.elitism > 0 and alive.any()))
        alive[best_first[:n_kept]] = True
        return alive

    def _next_pool(
        self, pool: GenePool, labels: np.ndarray, ranks: np.ndarray, alive: np.ndarray, rng: np.random.Generator
    ) -> tuple[GenePool, np.ndarray]:
        """Return the next generation, and the place of everyone's mother in this one."""
        members = [np.flatnonzero(labels == index) for index in np.flatnonzero(alive)]
        shares = np.array([ranks[positions].mean() for positions in members])
        strongest = int(np.argmax([ranks[positions].max() for positions in members]))
        allocation = allocate_offspring(shares, self.config.population_size, strongest)
        mating = plan_mating(members, ranks, allocation, self.config, rng)
        return breed(pool, mating, self._tracker, self.config, rng), mating.mother

    def _remember_best(self, best: Genome, score: float) -> PopulationState:
        state = self._state
        if np.isfinite(score) and not score <= state.best_fitness:
            return replace(state, best=best, best_fitness=score)
        return state

    def _start_again(self, best: Genome | None, rng: np.random.Generator) -> GenePool:
        """A fresh first generation in which the best genome ever, if there is one, takes the first place."""
        nodes = self._state.pool[0].nodes
        inputs, outputs = (nodes["id"][nodes["kind"] == kind] for kind in (NodeKind.INPUT, NodeKind.OUTPUT))
        pool = minimal_generation(inputs, outputs, self.config, rng, self._tracker)
        return pool if best is None else GenePool.pack([best, *pool[1:]])
