"""The main loop: generation after generation, population after population; then the champion, fine-tuned."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, cast

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng
from propneat.base.setting_types import shown
from propneat.evolution import Population
from propneat.genome import Genome
from propneat.search.distilling import join
from propneat.search.finishing import conclude, finish
from propneat.search.front import Front
from propneat.search.generation import run_generation
from propneat.search.problem import Problem
from propneat.search.states import Callback, EvolveResult, EvolveState, Trainer
from propneat.search.stopping import stop_reason
from propneat.settings.evolve_config import EvolveConfig, checked_loss
from propneat.training import Sequences, train_population

__all__ = ["evolve"]


def evolve(
    problem: Problem,
    config: EvolveConfig,
    *,
    callbacks: Sequence[Callback] = (),
    state: EvolveState | None = None,
    start: Sequence[Genome] = (),
    train: Trainer = train_population,
) -> EvolveResult:
    """Evolve networks for a problem and return the best, chosen on validation rows.

    Each generation is compiled, trained for `config.training.epochs` epochs (none for "neat"), scored, and bred. Fitness is
    minus the validation loss, or minus the training loss for "neat", less the size penalty. The champion is the genome of
    lowest penalised validation loss ever seen. `config.populations` populations follow each other, of `config.generations`
    each or fewer (see `stop_reason`), which the history counts through; the first begins with the genomes of `start` and
    mutations of them, if there are any, the others with new ones. At the end of each it, the species' best, the best of
    every size and what pruning leaves are trained on until their validation loss no longer falls; those on the front of
    size and loss are trained on all rows, and one is chosen. The champions of several populations teach one network; see
    `join`.

    The result depends on the problem, the configuration and nothing else: not on threads, callbacks, whether the run
    was continued from `state`, or who trains.
    """
    train = partial(train, **config.place)
    n_inputs, n_outputs = problem.train.X.shape[-1], problem.train.targets.shape[-1]
    _check_memory(problem, config)
    config = replace(config, training=replace(config.training, loss=checked_loss(config.loss, problem.task)))
    config = config.for_rows(len(problem.train))
    if state is None:
        population = Population(n_inputs, n_outputs, config.evolution, seed=config.seed, start=start)
    else:
        population = Population.restore(state.population, config.evolution, config.seed)
    interrupted, n_populations = False, cast(int, config.populations)

    @cache
    def part(number: int) -> Problem:
        """Return the problem as the population of a number sees it: the first as it is given, each other divided anew."""
        return problem if number == 0 else problem.divided_anew(make_rng(config.seed, "division", number))

    while not interrupted:
        if state is not None and stop_reason(state.own_history, config):
            if len(state.finished) + 1 >= n_populations:
                break
            finished = finish(state, part(len(state.finished)), problem, config, train)
            state = replace(state, champion_loss=float("inf"), finished=(*state.finished, finished), front=Front.make())
            population.begin_anew()
        state = run_generation(population, part(len(state.finished) if state else 0), config, train, state)
        stops = [_wants_to_stop(callback(state)) for callback in callbacks]
        is_last = len(state.finished) + 1 >= n_populations
        interrupted = any(stops) and not (is_last and stop_reason(state.own_history, config))
    state = cast(EvolveState, state)  # there is one generation at least
    last = part(len(state.finished))
    if not state.finished:
        result = conclude(state, last, config, train, interrupted)
    else:
        parts = [*state.finished, finish(state, last, problem, config, train)]
        result = join(parts, state, problem, config, train, interrupted)
    stopped = "callback" if interrupted else cast(str, stop_reason(state.own_history, config))
    return replace(result, stopped=stopped, descent=state.descent_by_population)


def _check_memory(problem: Problem, config: EvolveConfig) -> None:
    """Raise ConfigError for settings that rows, or sequences, have no use for."""
    is_of_sequences = isinstance(problem.train, Sequences)
    rate = config.evolution.recurrent_rate
    if rate > 0 and not is_of_sequences:
        raise ConfigError(f"a recurrent_rate of {rate} is for sequences, and single rows have no step before: leave it at 0")
    if config.evolution.time_constant_rate > 0 and not is_of_sequences:
        raise ConfigError("a time_constant_rate is for sequences, and single rows have no step before: leave it at 0")
    if config.retrain and is_of_sequences:
        raise ConfigError("retrain fills the layers of networks of single rows, and these are sequences: leave it out")


def _wants_to_stop(answer: Any) -> bool:
    """Read what a callback returned."""
    if answer is None or isinstance(answer, bool | np.bool_):
        return bool(answer)
    raise ConfigError(f"a callback returns True to end the run, and else False or None, not {shown(answer)}")
