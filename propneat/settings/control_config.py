"""Settings of the evolution of networks that act, and those that suit a method and an environment."""

from dataclasses import MISSING, dataclass, field, replace
from typing import Any

from propneat.base.errors import ConfigError
from propneat.settings.evolution import EvolutionConfig
from propneat.settings.evolve_config import METHODS
from propneat.settings.fields import check_settings, notes_of, setting
from propneat.settings.training import TrainingConfig

__all__ = ["CONTROL_NOTES", "ControlConfig", "default_control"]


@dataclass(frozen=True)
class ControlConfig:
    """Every setting of a run in an environment; `default_control` gives those of a method."""

    env: str = setting(MISSING, 'The environment: one of our own, one of gymnasium, or "package.module:NAME".')
    method: str = setting(
        "neat",
        '"neat" mutates weights alone, "propneat" trains every network between generations on what all have met as well.',
        words=METHODS,
    )
    generations: int = setting(1000, "Most generations.", least=1)
    env_steps: int | None = setting(
        None, 'Steps in the environment after which no generation begins; "none" for any number.', least=1
    )
    episodes: int = setting(3, "Episodes of every genome in a generation, the same for all; one where all are alike.", least=1)
    judge_episodes: int = setting(
        20, "Episodes that the best of a generation is judged by, others than those it was chosen by.", least=1
    )
    test_episodes: int = setting(100, "Episodes that the champion is tested in at the end.", least=1)
    max_steps: int | None = setting(
        None, 'Steps after which an episode ends; "none" for the limit of the environment.', least=1
    )
    solved_at: float | None = setting(
        None, 'Mean return that counts as solved and ends the run; "none" for that of the environment.'
    )
    normalise: bool | None = setting(
        None, 'Whether observations are scaled by mean and spread of all seen; "none" leaves it to the environment.'
    )
    biases: bool = setting(
        True, "Whether nodes have biases; where mirrored states ask for mirrored actions they are of no use."
    )
    step_decades: float = setting(
        0.0,
        "Steps of mutation are perturb_sigma or, drawn for every generation, up to so many powers of ten smaller.",
        least=0,
        most=10,
    )
    restart_after: int | None = setting(
        None, 'Generations without progress of 1 % after which new genomes begin; "none" for never.', least=1
    )
    seed: int = setting(0, "Everything random follows from this number.", least=0)
    discount: float = setting(0.99, "What a reward a step later counts, in advantages.", least=0, most=1)
    learning: str = setting(
        "gradient",
        '"gradient", a policy gradient, weighted by the advantage, or "regression", weighted by exp(advantage / beta).',
        words=("gradient", "regression"),
    )
    beta: float = setting(
        1.0, "Temperature of the weights exp(advantage / beta), in standard deviations of the advantage.", above=0
    )
    most_weight: float = setting(20.0, "Largest weight of a step; of a policy gradient the least is minus that.", above=0)
    rows: int = setting(
        4096, "Steps that all genomes are trained on between two generations, drawn from all that were met.", least=1
    )
    learning_share: float = setting(
        1.0, "Share of the genomes of a generation that are trained, drawn at random; the elite never is.", least=0, most=1
    )
    evolution: EvolutionConfig = field(default_factory=EvolutionConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        check_settings(self)
        if own := self.evolution.own_functions:
            raise ConfigError(f"networks that act are compiled, and {own[0]}, has no such form")
        if self.evolution.direction != "maximise":
            raise ConfigError("direction must be 'maximise' for returns, not 'minimise'")


CONTROL_NOTES: dict[str, str] = notes_of(ControlConfig)
"""A line on every key of the table [control] of a configuration file."""

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
