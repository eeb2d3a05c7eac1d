"""How networks are judged on rows: losses with their errors, the size penalty, scores and votes."""

import numpy as np

from propneat.compiler import compile_genome
from propneat.genome import GenePool, Genome
from propneat.search.problem import Problem
from propneat.search.scores import score_outputs
from propneat.search.vote import vote_weights
from propneat.settings.training import check_forms
from propneat.training import Samples, Sequences

__all__ = ["judge", "mean_loss", "penalised", "score_genome", "weigh_votes"]

check_forms(__name__, losses=("bce", "cross_entropy", "mse", "rmse"))

_LEAST = 1e-12


def penalised(losses: np.ndarray, sizes: np.ndarray, weight: float, loss: str, size_penalty: float) -> np.ndarray:
    """Return the cost of networks by their losses (n_genomes,) and numbers of connections, learnt from rows of a total weight.

    In units of the log likelihood of a row: the loss of a classification, and of a regression half the logarithm of its mean
    squared error (normal errors of unknown spread), so that a penalty of 1 is Akaike's criterion (1974) for both.
    """
    share = {"mse": 0.5, "rmse": 1.0}.get(loss)
    likelihood = losses if share is None else share * np.log(np.maximum(losses, _LEAST))
    return likelihood + size_penalty / weight * sizes


def mean_loss(loss: str, outputs: np.ndarray, rows: Samples | Sequences) -> tuple[float, float]:
    """Return the loss of raw outputs (n_rows, n_outputs) on rows, and its standard error, in float64."""
    targets, weights = (part.astype(np.float64) for part in rows.judged())
    losses = _row_losses(loss, outputs, targets)
    mean = float(losses @ weights / weights.sum())
    error = float(np.sqrt(np.square(weights * (losses - mean)).sum()) / weights.sum())
    if loss != "rmse":
        return mean, error
    root = float(np.sqrt(mean))
    return root, error / max(2 * root, _LEAST)


def _row_losses(loss: str, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the loss of every row, (n_rows,), as the engines define it; that of "rmse" before the root is taken."""
    if loss == "cross_entropy":
        top = outputs.max(axis=1, keepdims=True)
        normal = np.log(np.exp(outputs - top).sum(axis=1, keepdims=True)) + top
        return (targets * (normal - outputs)).sum(axis=1)
    if loss == "bce":
        return (np.logaddexp(0.0, outputs) - targets * outputs).mean(axis=1)
    return np.square(outputs - targets).mean(axis=1)


def judge(genome: Genome, problem: Problem, loss: str) -> tuple[float, float]:
    """Return the standard error of a genome's loss on the validation rows, and its score there; NaN where it overflows."""
    rows = problem.validation
    outputs = rows.answers(compile_genome(genome))
    if not np.isfinite(outputs).all():
        return float("nan"), float("nan")
    with np.errstate(over="ignore", invalid="ignore"):
        error = mean_loss(loss, outputs, rows)[1]
    return error, score_outputs(problem.task, outputs, *rows.judged())


def score_genome(genome: Genome, problem: Problem) -> float:
    """Score a genome on the validation rows."""
    rows = problem.validation
    return score_outputs(problem.task, rows.answers(compile_genome(genome)), *rows.judged())


def weigh_votes(pool: GenePool, problem: Problem) -> tuple[float, ...]:
    """Weigh genomes against each other on the validation rows."""
    rows = problem.validation
    outputs = np.stack([rows.answers(compile_genome(genome)) for genome in pool])
    return tuple(vote_weights(problem.task, outputs, *rows.judged()).tolist())
