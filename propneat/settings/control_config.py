"""Settings of the evolution of networks that act, and those that suit a method and an environment."""

from dataclasses import dataclass, field
from typing import Any

from propneat.base.errors import ConfigError
from propneat.base.setting_types import check_settings
from propneat.evolution import EvolutionConfig
from propneat.settings.evolve_config import METHODS
from propneat.training import TrainingConfig

__all__ = ["ControlConfig", "default_control"]

_LEAST = {"generations": 1, "episodes": 1, "judge_episodes": 1, "test_episodes": 1, "seed": 0, "rows": 1}


@dataclass(frozen=True)
class ControlConfig:
    """Every setting of a run in an environment; `default_control` gives those of a method. See `CONTROL_NOTES`."""

    env: str
    method: str = "neat"
    generations: int = 1000
    env_steps: int | None = None
    episodes: int = 5
    judge_episodes: int = 20
    test_episodes: int = 100
    max_steps: int | None = None
    solved_at: float | None = None
    normalise: bool | None = None
    biases: bool = True
    step_decades: float = 0.0
    seed: int = 0
    discount: float = 0.99
    beta: float = 1.0
    most_weight: float = 20.0
    rows: int = 4096
    evolution: EvolutionConfig = field(default_factory=EvolutionConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        check_settings(self)
        if self.method not in METHODS:
            raise ConfigError(f"method must be one of {', '.join(METHODS)}, not {self.method!r}")
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be {least} or more, not {getattr(self, name)}")
        for name in ("env_steps", "max_steps"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ConfigError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if not 0 <= self.discount <= 1:
            raise ConfigError(f"discount must be a share between 0 and 1, not {self.discount}")
        if not 0 <= self.step_decades <= 10:
            raise ConfigError(f"step_decades must lie between 0 and 10, not {self.step_decades}")
        for name in ("beta", "most_weight"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} must be a positive number, not {getattr(self, name)}")
        if self.evolution.direction != "maximise":
            raise ConfigError("direction must be 'maximise' for returns, not 'minimise'")


def default_control(env: str, method: str = "neat") -> ControlConfig:
    """Return the settings that suit a method in an environment."""
    evolution: dict[str, Any] = {
        "population_size": 150,
        "add_connection_rate": 0.3,
        "add_node_rate": 0.1,
        "activations": ("tanh",),
        "target_species": 10,
    }
    biases = not env.startswith("double-pole")
    if env == "double-pole-no-velocities":
        evolution |= {"recurrent_rate": 0.5}
    training = TrainingConfig(epochs=4, learning_rate=0.01, batch_size=512)
    return ControlConfig(env=env, method=method, biases=biases, evolution=EvolutionConfig(**evolution), training=training)
