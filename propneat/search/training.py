"""Training a pool of networks, numbers written back."""

import numpy as np

from propneat.compiler import compile_pool, write_back_pool
from propneat.genome import GenePool
from propneat.search.states import Trainer
from propneat.training import Samples, Sequences, TrainingConfig

__all__ = ["train_pool"]


def train_pool(
    pool: GenePool,
    rows: Samples | Sequences,
    training: TrainingConfig,
    rng: np.random.Generator,
    train: Trainer,
    validation: Samples | Sequences | None = None,
) -> tuple[GenePool, np.ndarray]:
    """Train a pool; returns it with its validation losses, infinite where they are not finite."""
    plan = compile_pool(pool)
    result = train(plan, rows, training, rng, validation=validation)
    losses = np.where(np.isfinite(result.validation_loss), result.validation_loss, np.inf)
    return write_back_pool(pool, plan, result.weights, result.biases), losses
