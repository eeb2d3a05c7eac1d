"""The main loop: ask, compile, train, write back, score, tell; then the champion, fine-tuned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng
from propneat.base.setting_types import shown
from propneat.compiler import compile_genome, compile_pool, evaluate, write_back_pool
from propneat.data.split import split_rows
from propneat.evolution import GenerationReport, Population, PopulationState
from propneat.genome import GenePool, Genome
from propneat.search.averaging import average_genomes
from propneat.search.densify import densify
from propneat.search.scores import score_outputs
from propneat.search.vote import vote_weights
from propneat.settings.evolve_config import EvolveConfig, checked_loss
from propneat.training import Samples, TrainedPopulation, train_population

__all__ = ["HISTORY_COLUMNS", "EvolveResult", "EvolveState", "Finished", "Problem", "Trainer", "evolve"]


@dataclass(frozen=True, eq=False)
class Problem:
    """What to learn: rows to train on, rows to judge by, and the task, "binary", "multiclass" or "regression".

    The judging rows choose among genomes; they are the same object as the training rows where there are too few to divide.
    """

    train: Samples
    validation: Samples
    task: str

    def all_rows(self) -> Samples:
        """Return training and judging rows together."""
        if self.validation is self.train:
            return self.train
        parts = (self.train, self.validation)
        return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("X", "targets", "weights")))

    def divided_anew(self, rng: np.random.Generator) -> "Problem":
        """Return the problem with other rows to judge by, as many of each class."""
        if self.validation is self.train:
            return self
        rows, fraction = self.all_rows(), len(self.validation) / (len(self.train) + len(self.validation))
        labels = rows.targets[:, 0] if self.task == "binary" else np.argmax(rows.targets, axis=1)
        parts = split_rows(labels, fraction, self.task != "regression", rng)
        samples = (Samples.make(rows.X[part], rows.targets[part], rows.weights[part]) for part in parts)
        return Problem(*samples, self.task)


@dataclass(frozen=True, eq=False)
class Finished:
    """What a population came to that others followed: its champion, trained on all rows, with its figures when chosen."""

    champion: Genome
    validation_loss: float
    validation_score: float


@dataclass(frozen=True, eq=False)
class EvolveState:
    """A run between two generations: with the same problem and configuration, `evolve` goes on from it to the same end."""

    population: PopulationState
    champion: Genome
    champion_loss: float
    leaders: GenePool
    """The best genome of every species of the last generation, its numbers trained, best first."""
    history: tuple[dict[str, Any], ...]
    finished: tuple[Finished, ...] = ()
    """The populations before this one."""


@dataclass(frozen=True, eq=False)
class EvolveResult:
    """What a run found."""

    champion: Genome
    """The genome of lowest validation loss, size penalty included, trained on all rows after it was chosen; of several
    populations the mean of theirs."""
    validation_loss: float
    """The champion's when it was chosen, before it was trained on validation rows too; of several populations the mean."""
    validation_score: float
    """Likewise its AUC or R squared on validation rows; see `score_outputs`."""
    finalists: tuple[Genome, ...]
    """All genomes that were fine-tuned, the champion first; of several populations the champion alone."""
    finalist_losses: tuple[float, ...]
    """Their validation losses, as for the champion."""
    finalist_votes: tuple[float, ...]
    """How much each counts when they answer together, by validation rows; see `vote_weights`."""
    history: tuple[dict[str, Any], ...]
    """One row per generation: see `_history_row`."""
    interrupted: bool
    """Whether a callback ended the run before its last generation."""


Callback = Callable[[EvolveState], bool | None]
"""Called after every generation with the state reached; True ends the run there, cleanly, False and None do not."""

Trainer = Callable[..., TrainedPopulation]
"""Called like `train_population`, and returns the same; it decides only where the work is done."""


def evolve(
    problem: Problem,
    config: EvolveConfig,
    *,
    callbacks: Sequence[Callback] = (),
    state: EvolveState | None = None,
    train: Trainer = train_population,
) -> EvolveResult:
    """Evolve networks for a problem and return the best, chosen on validation rows.

    Each generation is compiled, trained for `config.training.epochs` epochs (none for "neat"), scored, and bred. Fitness is
    minus the validation loss, or minus the training loss for "neat", less the size penalty. The champion is the genome of
    lowest penalised validation loss ever seen. `config.populations` populations follow each other, of `config.generations` each,
    which the history counts through. At the end of each it and the species' best are trained on until their validation
    loss no longer falls, the best of them is chosen, and trained on all rows; those of all populations become one network.

    The result depends on the problem, the configuration and nothing else: not on threads, callbacks, whether the run
    was continued from `state`, or who trains.
    """
    train = partial(train, **config.place)
    n_inputs, n_outputs = problem.train.X.shape[1], problem.train.targets.shape[1]
    config = replace(config, training=replace(config.training, loss=checked_loss(config.loss, problem.task)))
    if state is None:
        population = Population(n_inputs, n_outputs, config.evolution, seed=config.seed)
    else:
        population = Population.restore(state.population, config.evolution, config.seed)
    interrupted = False

    @cache
    def part(number: int) -> Problem:
        """Return the problem as the population of a number sees it: the first as it is given, each other divided anew."""
        return problem if number == 0 else problem.divided_anew(make_rng(config.seed, "division", number))

    while population.generation < config.n_generations and not interrupted:
        number = population.generation // config.generations
        if state is not None and number > len(state.finished):
            state = _begin_anew(population, state, part(len(state.finished)), problem, config, train)
        state = _run_generation(population, part(number), config, train, state)
        stops = [_wants_to_stop(callback(state)) for callback in callbacks]
        interrupted = any(stops) and population.generation < config.n_generations
    last = part(len(state.finished))
    chosen, losses = _fine_tune(state, last, config, train)
    score, votes = _score(chosen[0], last), _vote(chosen, last)
    finalists = tuple(_refit(chosen, problem, config, train))
    if state.finished:
        return _joined([*state.finished, Finished(finalists[0], losses[0], score)], state, interrupted)
    return EvolveResult(finalists[0], losses[0], score, finalists, losses, votes, state.history, interrupted)


def _begin_anew(
    population: Population, state: EvolveState, part: Problem, problem: Problem, config: EvolveConfig, train: Trainer
) -> EvolveState:
    """Finish a population, which saw the problem as `part`, and fill it with new genomes."""
    chosen, losses = _fine_tune(state, part, config, train)
    score = _score(chosen[0], part)
    champion = _refit(GenePool.pack([chosen[0]]), problem, config, train)[0]
    population.begin_anew()
    finished = (*state.finished, Finished(champion, losses[0], score))
    return replace(state, champion_loss=float("inf"), finished=finished)


def _joined(parts: Sequence[Finished], state: EvolveState, interrupted: bool) -> EvolveResult:
    champion = average_genomes([part.champion for part in parts])
    loss, score = (
        float(np.mean([getattr(part, name) for part in parts])) for name in ("validation_loss", "validation_score")
    )
    return EvolveResult(champion, loss, score, (champion,), (loss,), (1.0,), state.history, interrupted)


def _wants_to_stop(answer: Any) -> bool:
    """Read what a callback returned."""
    if answer is None or isinstance(answer, bool | np.bool_):
        return bool(answer)
    raise ConfigError(f"a callback returns True to end the run, and else False or None, not {shown(answer)}")


def _vote(pool: GenePool, problem: Problem) -> tuple[float, ...]:
    """Weigh genomes against each other on the validation rows."""
    judge = problem.validation
    outputs = np.stack([evaluate(compile_genome(genome), judge.X) for genome in pool])
    return tuple(vote_weights(problem.task, outputs, judge.targets, judge.weights).tolist())


def _score(genome: Genome, problem: Problem) -> float:
    """Score a genome on the validation rows."""
    judge = problem.validation
    return score_outputs(problem.task, evaluate(compile_genome(genome), judge.X), judge.targets, judge.weights)


def _run_generation(
    population: Population, problem: Problem, config: EvolveConfig, train: Trainer, state: EvolveState | None
) -> EvolveState:
    """Train, score and breed one generation."""
    pool, generation = population.ask(), population.generation
    rng = make_rng(config.seed, "train", generation)
    trained, validation_losses, losses = _train_and_score(pool, problem, config, train, rng)
    cost = _penalised(np.where(np.isfinite(losses), losses, np.nan), pool, problem, config)
    fitness = cost if config.evolution.direction == "minimise" else -cost
    report = population.tell(fitness, trained if config.write_back else pool)
    leaders = _leaders(trained, cost, report.species)
    champion, champion_loss, score = leaders[0], float("inf"), float("nan")
    if state is not None:
        champion, champion_loss, score = state.champion, state.champion_loss, state.history[-1]["validation_score"]
    contender = float(validation_losses[int(np.nanargmin(cost))]) if np.isfinite(cost).any() else float("nan")
    rivals = _penalised(np.array([contender, champion_loss]), GenePool.pack([leaders[0], champion]), problem, config)
    if rivals[0] < rivals[1]:
        champion, champion_loss = leaders[0], contender
        score = _score(champion, problem)
    row = _history_row(report, champion, champion_loss, score)
    return EvolveState(population.state, champion, champion_loss, leaders, (*(state.history if state else ()), row), state.finished if state else ())


def _leaders(pool: GenePool, cost: np.ndarray, species: np.ndarray) -> GenePool:
    """The genome of lowest cost of every species, lowest first; NaN counts as highest."""
    order = np.argsort(cost, kind="stable")
    _, first = np.unique(species[order], return_index=True)
    return GenePool.pack(pool[int(position)] for position in order[np.sort(first)])


def _train_and_score(
    pool: GenePool, problem: Problem, config: EvolveConfig, train: Trainer, rng: np.random.Generator
) -> tuple[GenePool, np.ndarray, np.ndarray]:
    """Return the trained pool, every genome's validation loss, and the loss it is selected by, float64 (n_genomes,)."""
    plan = compile_pool(pool)
    if config.method == "neat":
        untrained = replace(config.training, epochs=0)
        validation_losses, losses = (
            train(plan, problem.train, untrained, rng, validation=samples).validation_loss
            for samples in (problem.validation, problem.train)
        )
        return pool, validation_losses, losses
    result = train(plan, problem.train, config.training, rng, validation=problem.validation)
    trained = write_back_pool(pool, plan, result.weights, result.biases)
    return trained, result.validation_loss, result.validation_loss


def _history_row(report: GenerationReport, champion: Genome, champion_loss: float, score: float) -> dict[str, Any]:
    """One generation in plain numbers: fitness as told, losses and sizes of the champion so far."""
    plan = compile_genome(champion)
    return {
        "generation": report.generation,
        "best_fitness": report.best_fitness,
        "mean_fitness": report.mean_fitness,
        "n_species": report.n_species,
        "n_unusable": report.n_unusable,
        "threshold": report.threshold,
        "validation_loss": champion_loss,
        "validation_score": score,
        "n_connections": plan.n_edges,
        "n_hidden": plan.n_slots - plan.n_inputs - plan.n_outputs,
        "n_layers": plan.n_layers,
    }


HISTORY_COLUMNS = {
    "generation": int,
    "best_fitness": float,
    "mean_fitness": float,
    "n_species": int,
    "n_unusable": int,
    "threshold": float,
    "validation_loss": float,
    "validation_score": float,
    "n_connections": int,
    "n_hidden": int,
    "n_layers": int,
}
"""Keys of a row of the history and the types of their values, in order."""


def _fine_tune(
    state: EvolveState, problem: Problem, config: EvolveConfig, train: Trainer
) -> tuple[GenePool, tuple[float, ...]]:
    """Train the champion and its rivals on, together; returns them with their validation losses, best first."""
    number = len(state.finished)
    rng = make_rng(config.seed, "finish", *([number] if number else []))
    pool = GenePool.pack([state.champion, *list(state.leaders)[: config.n_finalists]])
    if config.retrain:
        pool = GenePool.pack([densify(state.champion, rng)])
    plan = compile_pool(pool)
    final = replace(config.training, epochs=config.fine_tune_epochs, patience=config.fine_tune_patience)
    result = train(plan, problem.train, final, rng, validation=problem.validation)
    tuned = write_back_pool(pool, plan, result.weights, result.biases)
    losses = np.where(np.isfinite(result.validation_loss), result.validation_loss, np.inf)
    order = np.argsort(_penalised(losses, tuned, problem, config), kind="stable")
    return GenePool.pack(tuned[int(k)] for k in order), tuple(float(losses[k]) for k in order)


def _penalised(losses: np.ndarray, pool: GenePool, problem: Problem, config: EvolveConfig) -> np.ndarray:
    """Losses plus the size penalty of every genome, as a mean over training rows."""
    sizes = np.array([genome.n_enabled for genome in pool])
    return losses + config.size_penalty / float(problem.train.weights.sum()) * sizes


def _refit(pool: GenePool, problem: Problem, config: EvolveConfig, train: Trainer) -> GenePool:
    """Train chosen genomes on all rows; nothing is judged any more, so what holds them back is `training.l2` alone."""
    plan = compile_pool(pool)
    rng = make_rng(config.seed, "refit")
    whole = replace(config.training, epochs=config.refit_epochs, patience=None)
    result = train(plan, problem.all_rows(), whole, rng)
    return write_back_pool(pool, plan, result.weights, result.biases)
