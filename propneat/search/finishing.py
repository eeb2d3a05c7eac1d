"""The end of a population: its best networks of every size trained on, one chosen, and all trained on all rows."""

from dataclasses import replace

import numpy as np

from propneat.base.rng import make_rng
from propneat.genome import GenePool
from propneat.search.densify import densify
from propneat.search.front import connection_counts, sized_front, spread
from propneat.search.judging import judge, penalised, weigh_votes
from propneat.search.linear import linear_share
from propneat.search.problem import Problem
from propneat.search.pruning import prune
from propneat.search.states import EvolveResult, EvolveState, Finished, FrontMember, Trainer, pick_member
from propneat.search.training import train_pool
from propneat.settings.evolve_config import EvolveConfig

__all__ = ["conclude", "finish", "some_sizes"]

_MOST_SIZES = 16
"""Networks of the archive, and as many of those that pruning leaves, that are trained to the end."""


def finish(state: EvolveState, problem: Problem, whole: Problem, config: EvolveConfig, train: Trainer) -> Finished:
    """Return what a population came to, which saw the rows `whole` as `problem`, when others follow it."""
    pool, losses, _ = _tune(state, problem, config, train)
    members = _members(pool, losses, problem, config)
    best = members[min(members, key=lambda k: members[k].cost)]
    champion = _refit(GenePool.pack([best.genome]), whole, config, train)[0]
    rng = make_rng(config.seed, "linear", len(state.finished))
    share = linear_share(best.genome, problem, config, rng, train)
    return Finished(champion, best.validation_loss, best.validation_score, len(state.own_history), share)


def conclude(state: EvolveState, problem: Problem, config: EvolveConfig, train: Trainer, interrupted: bool) -> EvolveResult:
    """Return the result of a run of one population."""
    pool, losses, n_finalists = _tune(state, problem, config, train)
    members = _members(pool, losses, problem, config)
    chosen = list(members)[pick_member(config.pick, list(members.values()))]
    rivals = np.argsort(_costs(losses[:n_finalists], pool[:n_finalists], problem, config), kind="stable")
    finalists = [chosen, *(k for k in rivals.tolist() if k != chosen)]
    positions = sorted({*members, *finalists})
    refitted = _refit(GenePool.pack(pool[k] for k in positions), problem, config, train)
    trained = dict(zip(positions, refitted, strict=True))
    return EvolveResult(
        champion=trained[chosen],
        validation_loss=members[chosen].validation_loss,
        validation_score=members[chosen].validation_score,
        finalists=tuple(trained[k] for k in finalists),
        finalist_losses=tuple(float(losses[k]) for k in finalists),
        finalist_votes=weigh_votes(GenePool.pack(pool[k] for k in finalists), problem),
        front=tuple(replace(member, genome=trained[k]) for k, member in members.items()),
        history=state.history,
        interrupted=interrupted,
    )


def _tune(state: EvolveState, problem: Problem, config: EvolveConfig, train: Trainer) -> tuple[GenePool, np.ndarray, int]:
    """Train the champion, its rivals, the archive and what pruning leaves of the best of these until they no longer improve.

    Returns them with their validation losses, and how many of the first are finalists: the champion and its rivals.
    """
    number = len(state.finished)
    rng = make_rng(config.seed, "finish", *([number] if number else []))
    final = replace(config.final_training, epochs=config.fine_tune_epochs, patience=config.fine_tune_patience)
    finalists = [state.champion, *list(state.leaders)[: config.n_finalists]]
    archive = [state.front.genomes[k] for k in spread(state.front.sizes, _MOST_SIZES).tolist()]
    if config.retrain:
        finalists, archive = [densify(state.champion, rng)], []
    pool, losses = train_pool(GenePool.pack([*finalists, *archive]), problem.train, final, rng, train, problem.validation)
    if config.prune_epochs and not config.retrain:
        best = pool[int(np.argmin(losses))]
        pruned = prune(best, problem.train, config.training, config.prune_epochs, rng, train)
        pruned = some_sizes(pruned)
        if len(pruned):
            pruned, more = train_pool(pruned, problem.train, final, rng, train, problem.validation)
            pool, losses = GenePool.pack([*pool, *pruned]), np.concatenate([losses, more])
    return pool, losses, len(finalists)


def some_sizes(pruned: GenePool) -> GenePool:
    """Return some of what pruning left, the smallest first, spread over their sizes."""
    growing = pruned[::-1]
    return GenePool.pack(growing[k] for k in spread(connection_counts(growing), _MOST_SIZES).tolist())


def _members(pool: GenePool, losses: np.ndarray, problem: Problem, config: EvolveConfig) -> dict[int, FrontMember]:
    """Return the members of the front by their positions in the pool, the smallest first."""
    sizes, costs = connection_counts(pool), _costs(losses, pool, problem, config)
    members = {}
    for k in sized_front(sizes, losses):
        error, score = judge(pool[k], problem, config.training.loss)
        members[k] = FrontMember(pool[k], int(sizes[k]), float(losses[k]), error, score, float(costs[k]))
    return members


def _costs(losses: np.ndarray, pool: GenePool, problem: Problem, config: EvolveConfig) -> np.ndarray:
    weight = float(problem.train.judged()[1].sum())
    return penalised(losses, connection_counts(pool), weight, config.training.loss, config.size_penalty)


def _refit(pool: GenePool, problem: Problem, config: EvolveConfig, train: Trainer) -> GenePool:
    """Train chosen genomes on all rows; nothing is judged any more, so what holds them back is `training.l2` alone."""
    rng = make_rng(config.seed, "refit")
    whole = replace(config.final_training, epochs=config.refit_epochs, patience=None)
    return train_pool(pool, problem.all_rows(), whole, rng, train)[0]
