"""The end of a population: its champion and rivals trained on, one chosen, and trained on all rows."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from propneat.base.rng import make_rng
from propneat.compiler import compile_pool, write_back_pool
from propneat.genome import GenePool
from propneat.search.averaging import average_genomes
from propneat.search.densify import densify
from propneat.search.judging import penalised
from propneat.search.problem import Problem
from propneat.search.states import EvolveResult, EvolveState, Finished, Trainer
from propneat.settings.evolve_config import EvolveConfig

__all__ = ["fine_tune", "joined", "refit"]


def fine_tune(
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
    order = np.argsort(penalised(losses, tuned, problem, config), kind="stable")
    return GenePool.pack(tuned[int(k)] for k in order), tuple(float(losses[k]) for k in order)


def refit(pool: GenePool, problem: Problem, config: EvolveConfig, train: Trainer) -> GenePool:
    """Train chosen genomes on all rows; nothing is judged any more, so what holds them back is `training.l2` alone."""
    plan = compile_pool(pool)
    rng = make_rng(config.seed, "refit")
    whole = replace(config.training, epochs=config.refit_epochs, patience=None)
    result = train(plan, problem.all_rows(), whole, rng)
    return write_back_pool(pool, plan, result.weights, result.biases)


def joined(parts: Sequence[Finished], state: EvolveState, interrupted: bool) -> EvolveResult:
    """Return the result of populations that followed each other: the mean of their champions, as one network."""
    champion = average_genomes([part.champion for part in parts])
    loss, score = (
        float(np.mean([getattr(part, name) for part in parts])) for name in ("validation_loss", "validation_score")
    )
    return EvolveResult(champion, loss, score, (champion,), (loss,), (1.0,), state.history, interrupted)
