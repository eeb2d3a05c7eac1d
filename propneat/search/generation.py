"""One generation: compile, train, write back, score, tell, and keep the best genome seen."""

from dataclasses import replace
from typing import Any

import numpy as np

from propneat.base.rng import make_rng
from propneat.compiler import PopulationPlan, compile_pool, compile_structure, write_back_pool
from propneat.evolution import GenerationReport, Population
from propneat.genome import GenePool, Genome
from propneat.search.descent import descent_of
from propneat.search.front import Front, connection_counts
from propneat.search.judging import penalised, score_genome
from propneat.search.problem import Problem
from propneat.search.states import EvolveState, Trainer
from propneat.settings.evolve_config import EvolveConfig

__all__ = ["HISTORY_COLUMNS", "report_row", "run_generation", "size_row"]

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


def run_generation(
    population: Population, problem: Problem, config: EvolveConfig, train: Trainer, state: EvolveState | None
) -> EvolveState:
    """Train, score and breed one generation."""
    pool, generation = population.ask(), population.generation
    rng = make_rng(config.seed, "train", generation)
    plan = compile_pool(pool)
    trained, validation_losses, losses = _train_and_score(pool, plan, problem, config, train, rng)
    cost = _cost(np.where(np.isfinite(losses), losses, np.nan), pool, problem, config)
    fitness = cost if config.evolution.direction == "minimise" else -cost
    report = population.tell(fitness, trained if config.write_back else pool)
    leaders = _leaders(trained, cost, report.species)
    champion, champion_loss, score = leaders[0], float("inf"), float("nan")
    if state is not None:
        champion, champion_loss, score = state.champion, state.champion_loss, state.history[-1]["validation_score"]
    contender = float(validation_losses[int(np.nanargmin(cost))]) if np.isfinite(cost).any() else float("nan")
    rivals = _cost(np.array([contender, champion_loss]), GenePool.pack([leaders[0], champion]), problem, config)
    is_new = bool(rivals[0] < rivals[1])
    if is_new:
        champion, champion_loss = leaders[0], contender
        score = score_genome(champion, problem)
    row = _history_row(report, champion, champion_loss, score)
    history, finished, front = ((*state.history, row), state.finished, state.front) if state else ((row,), (), Front.make())
    sizes = connection_counts(trained) if (plan.edge_gene < 0).any() else np.diff(plan.genome_edge_start)
    front = front.joined(trained, validation_losses, sizes)
    kept = descent_of(report, sizes, validation_losses, int(np.nanargmin(cost)) if is_new else None)
    descent = (*(state.descent if state else ()), kept)
    return EvolveState(population.state, champion, champion_loss, leaders, history, finished, front, descent=descent)


def _cost(losses: np.ndarray, pool: GenePool, problem: Problem, config: EvolveConfig) -> np.ndarray:
    sizes = np.array([genome.n_enabled for genome in pool])
    return penalised(losses, sizes, float(problem.train.judged()[1].sum()), config.training.loss, config.size_penalty)


def _leaders(pool: GenePool, cost: np.ndarray, species: np.ndarray) -> GenePool:
    """The genome of lowest cost of every species, lowest first; NaN counts as highest."""
    order = np.argsort(cost, kind="stable")
    _, first = np.unique(species[order], return_index=True)
    return GenePool.pack(pool[int(position)] for position in order[np.sort(first)])


def _train_and_score(
    pool: GenePool, plan: PopulationPlan, problem: Problem, config: EvolveConfig, train: Trainer, rng: np.random.Generator
) -> tuple[GenePool, np.ndarray, np.ndarray]:
    """Return the trained pool, every genome's validation loss, and the loss it is selected by, float64 (n_genomes,)."""
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
    return report_row(report) | {"validation_loss": champion_loss, "validation_score": score} | size_row(champion)


def report_row(report: GenerationReport) -> dict[str, Any]:
    """Return what a population was told, as the part of a row of the history that every search has."""
    return {
        "generation": report.generation,
        "best_fitness": report.best_fitness,
        "mean_fitness": report.mean_fitness,
        "n_species": report.n_species,
        "n_unusable": report.n_unusable,
        "threshold": report.threshold,
    }


def size_row(champion: Genome) -> dict[str, Any]:
    """Return the size of a champion, as the part of a row of the history that every search has."""
    plan = compile_structure(champion)
    return {
        "n_connections": plan.n_edges,
        "n_hidden": plan.n_slots - plan.n_inputs - plan.n_outputs,
        "n_layers": plan.n_layers,
    }
