"""Population training: one call, several engines, the same mathematics."""

from propneat.training.population import ENGINES, check_engine, check_training, train_population
from propneat.training.sequences import Sequences
from propneat.training.settings import LOSSES, OPTIMISERS, Samples, TrainedPopulation, TrainingConfig, make_schedule

__all__ = [
    "ENGINES",
    "LOSSES",
    "OPTIMISERS",
    "Samples",
    "Sequences",
    "TrainedPopulation",
    "TrainingConfig",
    "check_engine",
    "check_training",
    "make_schedule",
    "train_population",
]
