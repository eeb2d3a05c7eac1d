"""The evolution of networks that act: roll out, judge, breed, and, for "propneat", learn from what was met."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from propneat.base.rng import make_rng
from propneat.compiler import compile_pool, compile_programs
from propneat.control.judging import Verdict, judge
from propneat.control.learning import learn
from propneat.control.moments import Moments
from propneat.control.rollouts import World
from propneat.evolution import EvolutionConfig, GenerationReport, Population, PopulationState
from propneat.genome import GenePool, Genome, frozen
from propneat.search import EvolveState
from propneat.search.generation import report_row, size_row
from propneat.settings.control_config import ControlConfig

__all__ = ["CONTROL_COLUMNS", "evolve_control", "is_done", "is_normalised"]

_PROGRESS = 0.01
"""Share of the best fitness by which a better one is progress."""

CONTROL_COLUMNS = {
    "generation": int,
    "best_fitness": float,
    "mean_fitness": float,
    "n_species": int,
    "n_unusable": int,
    "threshold": float,
    "evaluations": int,
    "env_steps": int,
    "champion_return": float,
    "n_connections": int,
    "n_hidden": int,
    "n_layers": int,
}
"""Keys of a row of the history and the types of their values, in order."""


def evolve_control(
    world: World,
    config: ControlConfig,
    *,
    callbacks: Sequence[Callable[[EvolveState], bool | None]] = (),
    state: EvolveState | None = None,
) -> EvolveState:
    """Evolve networks that act in a world, until one has solved it or generations or steps are used up.

    Every genome acts in the same `config.episodes` episodes of a generation, and its fitness is its mean return. The best is
    judged in other episodes; the champion is the one that was judged best. `state.extra` holds what a run needs beyond a
    population: "moments" of observations, "evaluations" (genomes times generations) and "env_steps" so far, judging included,
    "solved", the champion's "return", "spread" and "scaling", and the "peak" of the fitness and when it "improved".

    Callbacks are called after every generation; one that returns True ends the run. The result depends on world, configuration
    and nothing else: not on threads, callbacks, or whether the run was continued from `state`.
    """
    environment = world.environment
    config = replace(config, episodes=1, judge_episodes=1, test_episodes=1) if environment.is_fixed else config
    while state is None or not is_done(state, config):
        if state is None:
            n_outputs = environment.action.n_outputs
            population = Population(environment.n_observations, n_outputs, config.evolution, seed=config.seed)
            told = _fitted(population.state, config)
        else:
            told = state.population
        population = Population.restore(told, _stepping(config, told.generation), config.seed)
        state = _run_generation(world, population, config, state)
        stops = [callback(state) for callback in callbacks]
        if any(stops):
            break
    return state


def is_done(state: EvolveState, config: ControlConfig) -> bool:
    """Say whether nothing is left to do."""
    used_up = config.env_steps is not None and state.extra["env_steps"] >= config.env_steps
    return state.extra["solved"] or len(state.history) >= config.generations or used_up


def is_normalised(world: World, config: ControlConfig) -> bool:
    """Say whether observations are scaled by their mean and spread; those on a common scale already are not, by default."""
    return not world.environment.is_scaled if config.normalise is None else config.normalise


def _stepping(config: ControlConfig, generation: int) -> EvolutionConfig:
    """Return the evolution of a generation, with a size of its own for steps of mutation: fine ones after coarse ones."""
    if not config.step_decades:
        return config.evolution
    smaller = 10.0 ** (-config.step_decades * make_rng(config.seed, "steps", generation).random())
    return replace(config.evolution, perturb_sigma=config.evolution.perturb_sigma * smaller)


def _fitted(state: PopulationState, config: ControlConfig) -> PopulationState:
    """Return a state whose genomes have no biases, where they are to have none."""
    if config.biases:
        return state
    nodes = state.pool.nodes.copy()
    nodes["bias"] = 0.0
    return replace(state, pool=replace(state.pool, nodes=frozen(nodes)))


def _run_generation(world: World, population: Population, config: ControlConfig, state: EvolveState | None) -> EvolveState:
    pool, generation = population.ask(), population.generation
    programs = compile_programs(compile_pool(pool))
    extra = state.extra if state else {"evaluations": 0, "env_steps": 0, "return": float("-inf")}
    n_steps = extra["env_steps"]
    moments = None
    if is_normalised(world, config):
        if state:
            moments = Moments.from_dict(extra["moments"])
        else:
            first = world.roll_out(programs, _seeds(config, "first", 0, len(pool), 1), None)
            moments, n_steps = first.seen, n_steps + first.n_steps
    learns = config.method == "propneat"
    seeds = _seeds(config, "episodes", generation, len(pool), config.episodes)
    rollouts = world.roll_out(programs, seeds, moments, keep=learns)
    report = population.tell(rollouts.returns.mean(axis=1))
    if state and world.environment.is_fixed and moments is None and report.best == state.champion:
        # where all episodes, and what is seen of them, are alike, the champion would be judged as it was
        verdict = Verdict(extra["return"], extra["spread"], 0, False)
    else:
        verdict = judge(world, report.best, config, generation, moments, rollouts)
    seen = rollouts.seen if moments is None else moments.joined(rollouts.seen)
    is_better = verdict.solved or verdict.mean > extra["return"]
    champion = report.best if is_better or state is None else state.champion
    extra = {
        "return": verdict.mean if is_better else extra["return"],
        "spread": verdict.spread if is_better or state is None else extra["spread"],
        "scaling": (moments and moments.to_dict()) if is_better or state is None else extra["scaling"],
        "moments": seen.to_dict(),
        "evaluations": extra["evaluations"] + len(pool),
        "env_steps": n_steps + rollouts.n_steps + verdict.n_steps,
        "solved": verdict.solved,
    }
    extra |= _progress(state, report)
    if config.restart_after and generation - extra["improved"] >= config.restart_after and not verdict.solved:
        population.begin_anew()
        extra |= {"peak": float("-inf"), "improved": generation + 1}
        learns = False
    told = _fitted(population.state, config)
    if learns and not verdict.solved:
        rng = make_rng(config.seed, "learn", generation)
        learnt = learn(told.pool, pool, rollouts, world.environment, config, rng)
        told = _fitted(replace(told, pool=learnt), config)
    history = (*(state.history if state else ()), _history_row(report, champion, extra))
    return EvolveState(told, champion, -extra["return"], GenePool.pack([report.best]), history, extra=extra)


def _progress(state: EvolveState | None, report: GenerationReport) -> dict[str, Any]:
    """Return the best fitness of this population as far as it counts as progress, and the generation that reached it."""
    before = state.extra if state else {"peak": float("-inf"), "improved": 0}
    peak, best = before["peak"], report.best_fitness
    if best > peak and not best <= peak + _PROGRESS * abs(peak):
        return {"peak": best, "improved": report.generation}
    return {"peak": peak, "improved": before["improved"]}


def _seeds(config: ControlConfig, what: str, generation: int, n_genomes: int, n_episodes: int) -> np.ndarray:
    """Return the seeds of a generation's episodes, the same for every genome, uint64 (n_genomes, n_episodes)."""
    drawn = make_rng(config.seed, what, generation).integers(0, 2**63, n_episodes, dtype=np.uint64)
    return np.tile(drawn, (n_genomes, 1))


def _history_row(report: GenerationReport, champion: Genome, extra: dict[str, Any]) -> dict[str, Any]:
    own = {"evaluations": extra["evaluations"], "env_steps": extra["env_steps"], "champion_return": extra["return"]}
    return report_row(report) | own | size_row(champion)
