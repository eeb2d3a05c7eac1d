"""The layered engine: PropNEAT as published, one layered torch module per genome, trained one after another."""

import numpy as np
import torch

from propneat.compiler import LayerPlan, PopulationPlan
from propneat.compiler.network import CompiledNetwork
from propneat.compiler.recurrent_network import RecurrentNetwork
from propneat.training.sequences import Sequences
from propneat.training.settings import Samples, TrainedPopulation, TrainingConfig
from propneat.training.torch_loop import train_one_by_one

__all__ = ["train"]


def train(
    plan: PopulationPlan,
    train: Samples | Sequences,
    validation: Samples | Sequences | None,
    config: TrainingConfig,
    rng: np.random.Generator,
    device: str,
    memory_budget: int | None = None,
) -> TrainedPopulation:
    """Train every genome as a CompiledNetwork in float32 on a torch device; see `train_population`.

    Source: Merry, Riddle and Warren, PropNEAT (GECCO 2025), with the departures named at CompiledNetwork and with
    the trained numbers returned. Under a memory budget every network trains by `train_under_budget`, with the same bits.
    On sequences every network is a RecurrentNetwork. Raises ConfigError when the device cannot be used, and for a network that
    cannot keep to the budget.
    """
    if isinstance(train, Sequences):
        return train_one_by_one(RecurrentNetwork, plan, train, validation, config, rng, device)
    if memory_budget is None:
        return train_one_by_one(CompiledNetwork, plan, train, validation, config, rng, device)
    from propneat.recompute import train_under_budget

    def make(own: LayerPlan, dtype: torch.dtype) -> torch.nn.Module:
        return train_under_budget(CompiledNetwork(own, dtype), memory_budget)

    return train_one_by_one(make, plan, train, validation, config, rng, device)
