"""The layered engine: PropNEAT as published, one layered torch module per genome, trained one after another."""

import numpy as np

from propneat.compiler import PopulationPlan
from propneat.compiler.network import CompiledNetwork
from propneat.training.settings import Samples, TrainedPopulation, TrainingConfig
from propneat.training.torch_loop import train_one_by_one

__all__ = ["train"]


def train(
    plan: PopulationPlan,
    train: Samples,
    validation: Samples | None,
    config: TrainingConfig,
    rng: np.random.Generator,
    device: str,
) -> TrainedPopulation:
    """Train every genome as a CompiledNetwork in float32 on a torch device; see `train_population`.

    Source: Merry, Riddle and Warren, PropNEAT (GECCO 2025), with the departures named at CompiledNetwork and with
    the trained numbers returned. Raises ConfigError when the device cannot be used.
    """
    return train_one_by_one(CompiledNetwork, plan, train, validation, config, rng, device)
