"""Settings of the evolution of networks that act, and those that suit a method and an environment."""

from dataclasses import dataclass, field, replace
from typing import Any

from propneat.base.errors import ConfigError
from propneat.base.setting_types import check_settings
from propneat.evolution import EvolutionConfig
from propneat.settings.evolve_config import METHODS
from propneat.training import TrainingConfig

__all__ = ["LEARNING", "ControlConfig", "default_control"]

LEARNING = ("regression", "gradient")
"""What networks learn by between generations: advantage-weighted regression, or a policy gradient."""

_LEAST = {"generations": 1, "episodes": 1, "judge_episodes": 1, "test_episodes": 1, "seed": 0, "rows": 1}


@dataclass(frozen=True)
class ControlConfig:
    """Every setting of a run in an environment; `default_control` gives those of a method. See `CONTROL_NOTES`."""

    env: str
    method: str = "neat"
    generations: int = 1000
    env_steps: int | None = None
    episodes: int = 3
    judge_episodes: int = 20
    test_episodes: int = 100
    max_steps: int | None = None
    solved_at: float | None = None
    normalise: bool | None = None
    biases: bool = True
    step_decades: float = 0.0
    restart_after: int | None = None
    seed: int = 0
    discount: float = 0.99
    learning: str = "regression"
    beta: float = 1.0
    most_weight: float = 20.0
    rows: int = 4096
    learning_share: float = 1.0
    evolution: EvolutionConfig = field(default_factory=EvolutionConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        check_settings(self)
        if self.method not in METHODS:
            raise ConfigError(f"method must be one of {', '.join(METHODS)}, not {self.method!r}")
        if self.learning not in LEARNING:
            raise ConfigError(f"learning must be one of {', '.join(LEARNING)}, not {self.learning!r}")
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be {least} or more, not {getattr(self, name)}")
        for name in ("env_steps", "max_steps", "restart_after"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ConfigError(f"{name} must be 1 or more, not {getattr(self, name)}")
        for name in ("discount", "learning_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must be a share between 0 and 1, not {getattr(self, name)}")
        if not 0 <= self.step_decades <= 10:
            raise ConfigError(f"step_decades must lie between 0 and 10, not {self.step_decades}")
        for name in ("beta", "most_weight"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} must be a positive number, not {getattr(self, name)}")
        if own := self.evolution.own_activations:
            raise ConfigError(f"networks that act are compiled, and {own[0]!r}, an activation of your own, has no such form")
        if self.evolution.direction != "maximise":
            raise ConfigError("direction must be 'maximise' for returns, not 'minimise'")


_GENERAL: dict[str, Any] = {
    "population_size": 50,
    "add_connection_rate": 0.3,
    "add_node_rate": 0.1,
    "replace_fraction": 0.05,
    "perturb_sigma": 2.0,
    "weight_sigma": 2.0,
    "activations": ("tanh",),
    "output_activation": "tanh",
    "crossover_rate": 0.5,
    "average_rate": 0.8,
    "survival": 0.5,
    "speciation": "nearest",
    "target_species": 5,
    "initial_hidden": 1,
    "elitism_species_size": 1,
    "weight_coefficient": 1.0,
}
"""Found on double poles without velocities, seeds from 1000 on."""

_DOUBLE: dict[str, dict[str, Any]] = {
    "double-pole": {
        "population_size": 30,
        "add_connection_rate": 0.1,
        "perturb_sigma": 0.8,
        "activations": ("tanh", "relu"),
        "crossover_rate": 0.75,
        "stagnation": 10,
        "target_species": 3,
        "bias_mutation_rate": 0.0,
    },
    "double-pole-no-velocities": {
        "population_size": 100,
        "initial_hidden": 3,
        "recurrent_rate": 0.8,
        "bias_mutation_rate": 0.0,
    },
}


def default_control(env: str, method: str = ControlConfig.method) -> ControlConfig:
    """Return the settings that suit a method in an environment."""
    evolution = EvolutionConfig(**(_GENERAL | _DOUBLE.get(env, {})))
    training = TrainingConfig(epochs=4, learning_rate=0.01, batch_size=512)
    config = ControlConfig(env=env, method=method, step_decades=3.0, evolution=evolution, training=training)
    if env == "double-pole":
        return replace(config, biases=False, step_decades=0.0)
    if env == "double-pole-no-velocities":
        return replace(config, biases=False, restart_after=15)
    return config
