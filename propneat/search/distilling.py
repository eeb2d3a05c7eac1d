"""Several populations' champions as one small network, which is taught their mean answers."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from propneat.base.rng import make_rng
from propneat.compiler import compile_genome, evaluate
from propneat.genome import GenePool, Genome
from propneat.search.averaging import average_genomes
from propneat.search.finishing import some_sizes
from propneat.search.front import connection_counts, sized_front
from propneat.search.judging import mean_loss, penalised
from propneat.search.linear import linear_network
from propneat.search.problem import Problem
from propneat.search.pruning import prune
from propneat.search.scores import score_outputs
from propneat.search.states import EvolveResult, EvolveState, Finished, FrontMember, Trainer, pick_member
from propneat.search.training import train_pool
from propneat.search.vote import class_shares
from propneat.settings.evolve_config import EvolveConfig
from propneat.training import Samples, Sequences

__all__ = ["join"]

_LEAST_ROWS, _SHARE_MIXED = 2048, 0.25
_SHARE_OF_PENALTY = {"binary": 0.1, "multiclass": 0.1, "regression": 1.0}
"""How much of the size penalty a connection of a taught network costs, by task."""


def join(
    parts: Sequence[Finished], state: EvolveState, problem: Problem, config: EvolveConfig, train: Trainer, interrupted: bool
) -> EvolveResult:
    """Return the result of populations that followed each other.

    The mean of their champions and, where these do not lose by it, of a linear network is one network. It is pruned, and what is
    left is trained on the answers that the mean gives to all rows (distillation, Hinton et al. 2015). A connection costs the
    share of the size penalty that `_SHARE_OF_PENALTY` has. There are no rows that none of the populations has seen, so the loss of a
    network is the mean of the champions' validation losses, and what its answers to all rows lose against the mean's own as
    targets; its score is theirs, and what it gains or loses on the targets themselves.
    """
    rows, loss = problem.all_rows(), config.training.loss
    mean, share = _mean_network(parts, rows, config, train)
    soft = rows.with_targets(_targets(problem.task, rows.answers(compile_genome(mean))))
    pool = GenePool.pack([mean, *_taught(mean, soft, problem.task, config, train)])
    outputs = [rows.answers(compile_genome(genome)) for genome in pool]
    lost = np.array([mean_loss(loss, each, soft)[0] for each in outputs])
    errors = [mean_loss(loss, each, rows)[1] for each in outputs]
    scores = [score_outputs(problem.task, each, *rows.judged()) for each in outputs]
    base, score = (float(np.mean([getattr(part, name) for part in parts])) for name in ("validation_loss", "validation_score"))
    lost = np.maximum(lost - lost[0], 0.0)
    losses, sizes = np.hypot(base, lost) if loss == "rmse" else base + lost, connection_counts(pool)
    penalty = config.size_penalty * _SHARE_OF_PENALTY[problem.task]
    costs = penalised(losses, sizes, float(rows.judged()[1].sum()), loss, penalty)
    members = [
        FrontMember(pool[k], int(sizes[k]), float(losses[k]), errors[k], score + scores[k] - scores[0], float(costs[k]))
        for k in sized_front(sizes, losses)
    ]
    champion = members[pick_member(config.pick, members)]
    return EvolveResult(
        champion=champion.genome,
        validation_loss=champion.validation_loss,
        validation_score=champion.validation_score,
        finalists=(champion.genome,),
        finalist_losses=(champion.validation_loss,),
        finalist_votes=(1.0,),
        front=tuple(members),
        history=state.history,
        interrupted=interrupted,
        linear_share=share,
    )


def _mean_network(
    parts: Sequence[Finished], rows: Samples | Sequences, config: EvolveConfig, train: Trainer
) -> tuple[Genome, float]:
    """Return the mean of the champions and of a linear network, with the share of that: what it deserves beside them in the mean."""
    champions, count = [part.champion for part in parts], len(parts)
    share = float(np.mean([part.linear_share for part in parts]))
    linear = linear_network(rows, config, make_rng(config.seed, "linear"), train) if share else None
    if linear is None:
        return average_genomes(champions), 0.0
    return average_genomes([*champions, linear], [*[(1 - share) / count] * count, share]), share


def _targets(task: str, answers: np.ndarray) -> np.ndarray:
    """Return raw outputs as targets: the number itself, the probability of the second class, or that of every class."""
    shares = class_shares(task, answers)
    return shares[:, 1:] if task == "binary" else shares


def _taught(mean: Genome, soft: Samples | Sequences, task: str, config: EvolveConfig, train: Trainer) -> GenePool:
    """Return what pruning leaves of a network, some of all sizes, trained on its answers; nothing where it has none.

    Nothing holds the weights back, for there is no noise in what is taught.
    """
    if not config.prune_epochs or config.retrain or not np.isfinite(soft.targets).all():
        return GenePool.pack([])
    rng = make_rng(config.seed, "distil")
    rows = _with_mixed_rows(mean, soft, task, rng)
    whole = replace(config.final_training, epochs=config.refit_epochs, patience=None, l2=0.0)
    pruned = some_sizes(prune(mean, rows, whole, config.prune_epochs, rng, train))
    return train_pool(pruned, rows, whole, rng, train)[0] if len(pruned) else pruned


def _with_mixed_rows(mean: Genome, soft: Samples | Sequences, task: str, rng: np.random.Generator) -> Samples | Sequences:
    """Return rows with others made of them, up to 2,048, that a network answers too; the made ones weigh as much in total.

    Sequences are taken as they are. In a row that is made a quarter of the inputs are those of another row, so that few rows do
    not tell all that is taught.
    """
    n_made = _LEAST_ROWS - len(soft)
    if n_made <= 0 or isinstance(soft, Sequences):
        return soft
    first, other = (soft.X[rng.integers(len(soft), size=n_made)] for _ in range(2))
    made = np.where(rng.random(first.shape) < _SHARE_MIXED, other, first)
    answers = evaluate(compile_genome(mean), made)
    usable = np.isfinite(answers).all(axis=1)
    made, answers = made[usable], answers[usable]
    total = float(soft.weights.sum())
    return Samples.make(
        np.concatenate([soft.X, made]),
        np.concatenate([soft.targets, _targets(task, answers)]),
        0.5 * np.concatenate([soft.weights, np.full(len(made), total / max(len(made), 1))]),
    )
