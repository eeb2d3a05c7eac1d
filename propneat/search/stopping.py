"""When a population has evolved enough."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from propneat.settings.evolve_config import EvolveConfig

__all__ = ["stop_reason"]


def stop_reason(history: Sequence[Mapping[str, Any]], config: EvolveConfig) -> str | None:
    """Return what ends a population of this history: "target_fitness", "patience" or "generations"; None where it goes on.

    It depends on the history and the configuration alone, so a run that is continued stops where it would have.
    """
    if not history:
        return None
    sign = 1.0 if config.evolution.direction == "maximise" else -1.0
    fitness = [-math.inf if math.isnan(row["best_fitness"]) else sign * row["best_fitness"] for row in history]
    if config.target_fitness is not None and fitness[-1] >= sign * config.target_fitness:
        return "target_fitness"
    if config.patience is not None and len(fitness) - 1 - fitness.index(max(fitness)) >= config.patience:
        return "patience"
    return "generations" if len(fitness) >= config.generations else None
