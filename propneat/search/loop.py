"""The main loop: generation after generation, population after population; then the champion, fine-tuned."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng
from propneat.base.setting_types import shown
from propneat.evolution import Population
from propneat.genome import GenePool
from propneat.search.finishing import fine_tune, joined, refit
from propneat.search.generation import run_generation
from propneat.search.judging import score_genome, weigh_votes
from propneat.search.problem import Problem
from propneat.search.states import Callback, EvolveResult, EvolveState, Finished, Trainer
from propneat.settings.evolve_config import EvolveConfig, checked_loss
from propneat.training import train_population

__all__ = ["evolve"]


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
    lowest penalised validation loss ever seen. `config.populations` populations follow each other, of `config.generations`
    each, which the history counts through. At the end of each it and the species' best are trained on until their validation
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
        state = run_generation(population, part(number), config, train, state)
        stops = [_wants_to_stop(callback(state)) for callback in callbacks]
        interrupted = any(stops) and population.generation < config.n_generations
    last = part(len(state.finished))
    chosen, losses = fine_tune(state, last, config, train)
    score, votes = score_genome(chosen[0], last), weigh_votes(chosen, last)
    finalists = tuple(refit(chosen, problem, config, train))
    if state.finished:
        return joined([*state.finished, Finished(finalists[0], losses[0], score)], state, interrupted)
    return EvolveResult(finalists[0], losses[0], score, finalists, losses, votes, state.history, interrupted)


def _begin_anew(
    population: Population, state: EvolveState, part: Problem, problem: Problem, config: EvolveConfig, train: Trainer
) -> EvolveState:
    """Finish a population, which saw the problem as `part`, and fill it with new genomes."""
    chosen, losses = fine_tune(state, part, config, train)
    score = score_genome(chosen[0], part)
    champion = refit(GenePool.pack([chosen[0]]), problem, config, train)[0]
    population.begin_anew()
    finished = (*state.finished, Finished(champion, losses[0], score))
    return replace(state, champion_loss=float("inf"), finished=finished)


def _wants_to_stop(answer: Any) -> bool:
    """Read what a callback returned."""
    if answer is None or isinstance(answer, bool | np.bool_):
        return bool(answer)
    raise ConfigError(f"a callback returns True to end the run, and else False or None, not {shown(answer)}")
