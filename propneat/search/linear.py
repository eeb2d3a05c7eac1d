"""The linear network that joins several populations' champions: every input leads straight to every output."""

from dataclasses import replace

import numpy as np

from propneat.compiler import compile_genome
from propneat.genome import ACTIVATIONS, AGGREGATIONS, GenePool, Genome, NodeKind, make_genome
from propneat.search.judging import mean_loss
from propneat.search.problem import Problem
from propneat.search.states import Trainer
from propneat.search.training import train_pool
from propneat.settings.evolve_config import EvolveConfig
from propneat.training import Samples, Sequences

__all__ = ["linear_network", "linear_share"]

_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
_L2 = 10.0
"""On the scale of 1/C in logistic regression: a tenth of scikit-learn's C, so that a few rows do not lead it astray."""
_MOST_CONNECTIONS = 1000


def linear_network(rows: Samples | Sequences, config: EvolveConfig, rng: np.random.Generator, train: Trainer) -> Genome | None:
    """Return the linear network of rows, trained with a strong l2; None where it has more than 1,000 connections."""
    n_inputs, n_outputs = rows.X.shape[-1], rows.targets.shape[-1]
    if not config.refit_epochs or n_inputs * n_outputs > _MOST_CONNECTIONS:
        return None
    plain = (ACTIVATIONS.index("identity"), AGGREGATIONS.index("sum"))
    kinds = [NodeKind.INPUT] * n_inputs + [NodeKind.OUTPUT] * n_outputs
    nodes = [(node, 0.0, kind, *plain) for node, kind in enumerate(kinds)]
    ends = [(source, n_inputs + target) for source in range(n_inputs) for target in range(n_outputs)]
    genome = make_genome(nodes, [(k, *pair, 0.0, True) for k, pair in enumerate(ends)])
    training = replace(config.final_training, epochs=config.refit_epochs, patience=None, l2=_L2)
    return train_pool(GenePool.pack([genome]), rows, training, rng, train)[0][0]


def linear_share(champion: Genome, problem: Problem, config: EvolveConfig, rng: np.random.Generator, train: Trainer) -> float:
    """Return the share that a linear network deserves beside a champion, 0 for a number as target.

    It is the largest with which both together lose on the judging rows at most a standard error more than the champion alone
    (Breiman et al. 1984), since a champion was chosen by these rows and a linear network was not. Both have been trained on the
    training rows alone.
    """
    linear = None if problem.task == "regression" else linear_network(problem.train, config, rng, train)
    if linear is None:
        return 0.0
    rows, loss = problem.validation, config.training.loss
    own, other = (rows.answers(compile_genome(genome)) for genome in (champion, linear))
    alone, error = mean_loss(loss, own, rows)
    together = [mean_loss(loss, (1 - share) * own + share * other, rows)[0] for share in _SHARES]
    return max((share for share, lost in zip(_SHARES, together, strict=True) if lost <= alone + error), default=0.0)
