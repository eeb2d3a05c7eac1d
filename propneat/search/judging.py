"""How genomes are judged on validation rows: losses with the size penalty, scores, and votes."""

import numpy as np

from propneat.compiler import compile_genome, evaluate
from propneat.genome import GenePool, Genome
from propneat.search.problem import Problem
from propneat.search.scores import score_outputs
from propneat.search.vote import vote_weights
from propneat.settings.evolve_config import EvolveConfig

__all__ = ["penalised", "score_genome", "weigh_votes"]


def penalised(losses: np.ndarray, pool: GenePool, problem: Problem, config: EvolveConfig) -> np.ndarray:
    """Losses plus the size penalty of every genome, as a mean over training rows."""
    sizes = np.array([genome.n_enabled for genome in pool])
    return losses + config.size_penalty / float(problem.train.weights.sum()) * sizes


def score_genome(genome: Genome, problem: Problem) -> float:
    """Score a genome on the validation rows."""
    judge = problem.validation
    return score_outputs(problem.task, evaluate(compile_genome(genome), judge.X), judge.targets, judge.weights)


def weigh_votes(pool: GenePool, problem: Problem) -> tuple[float, ...]:
    """Weigh genomes against each other on the validation rows."""
    judge = problem.validation
    outputs = np.stack([evaluate(compile_genome(genome), judge.X) for genome in pool])
    return tuple(vote_weights(problem.task, outputs, judge.targets, judge.weights).tolist())
