"""The plant as a gymnasium environment, for learners from outside; gymnasium is an optional dependency."""

from typing import Any

from propneat.base.errors import ConfigError
from propneat.base.extras import need

__all__ = ["make_environment"]


def make_environment(n_seconds: int = 300) -> Any:
    """Return a new `PlantEnv`, a `gymnasium.Env` of episodes of that many seconds.

    Raises ConfigError when gymnasium is not installed or `n_seconds` is below 1.
    """
    if n_seconds < 1:
        raise ConfigError(f"an episode lasts 1 second or more, not {n_seconds}")
    need("gymnasium", "the environment")
    from propneat.methods.fusion_control.gymnasium_form import PlantEnv

    return PlantEnv(n_seconds)
