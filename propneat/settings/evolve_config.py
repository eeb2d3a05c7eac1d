"""Settings of a run of evolution, and those that suit a method."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

from propneat.base.errors import ConfigError
from propneat.base.setting_types import check_settings
from propneat.evolution import EvolutionConfig
from propneat.settings.picking import check_pick
from propneat.training import TrainingConfig, check_engine

__all__ = ["METHODS", "PRESETS", "SEQUENCE_RECURRENT_RATE", "EvolveConfig", "checked_loss", "default_config"]

METHODS = ("propneat", "neat")
"""With gradients, and the original without."""

PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"generations": 25, "populations": 1, "pick": "one-standard-error"},
    "default": {},
    "best": {"populations": 8},
}
"""How much is searched, by a word: what differs from the defaults of a method."""

SEQUENCE_RECURRENT_RATE = 0.5
"""The recurrent_rate of runs on sequences that name none."""

_LOSSES_OF_TASK = {"binary": ("bce",), "multiclass": ("cross_entropy",), "regression": ("mse", "rmse")}

_POPULATIONS = {4: 2500, 2: 5000}
"""Number of populations by default -> the most training rows it is taken for."""

_LEAST = {
    "generations": 1,
    "populations": 1,
    "n_finalists": 0,
    "fine_tune_epochs": 0,
    "refit_epochs": 0,
    "prune_epochs": 0,
    "fine_tune_patience": 1,
    "patience": 1,
    "size_penalty": 0,
}


@dataclass(frozen=True)
class EvolveConfig:
    """Every setting of a run; `default_config` gives those of a method."""

    method: str = "propneat"
    preset: str = "default"
    """The word that stands for the settings not given, one of PRESETS."""
    generations: int = 100
    populations: int | str = 1
    """How many populations evolve one after another, each from new genomes and with a division of its own of the rows into those
    to train on and those to judge by; one network is taught the mean of their champions' answers. "auto" leaves it to `for_rows`."""
    seed: int = 0
    target_fitness: float | None = None
    """The best fitness of a generation at which a population has evolved enough, in the direction of fitness: it stops there."""
    patience: int | None = None
    """Generations without a better best fitness after which a population stops, None for never."""
    start: str | None = None
    """File of a network, bare or as a model: it and mutations of it are the first generation of the first population."""
    write_back: bool = True
    """Whether offspring inherit trained numbers (Lamarckian) or only the fitness they led to (Baldwinian)."""
    retrain: bool = False
    """Whether the champion's layers are filled to a dense network, drawn anew and trained long (the paper's retrain arm)."""
    size_penalty: float = 0.0
    """Fitness lost for each enabled connection gene, in units of the log likelihood summed over rows: 1 is Akaike's criterion."""
    n_finalists: int = 10
    """How many species' best genomes of the last generation are fine-tuned beside the champion, to choose the final one from."""
    fine_tune_epochs: int = 500
    """Most epochs of the final training, 0 for none."""
    fine_tune_patience: int = 50
    """Epochs without a better validation loss after which final training stops."""
    prune_epochs: int = 20
    """Epochs after each step of pruning the best network, which finds smaller ones for the front; 0 for no pruning."""
    pick: str | int = "best"
    """Which network of the front is the champion: "best", the lowest validation loss with the size penalty,
    "one-standard-error", the smallest as good but for the error of the loss, "1%", that whose every connection is worth 1 % of
    the error, or the best of at most a number of connections; see `propneat.search.front.pick`."""
    refit_epochs: int = 300
    """Epochs that the chosen genomes are trained on, after the choice, on training and validation rows together."""
    loss: str | None = None
    """Loss to train on; None takes the task's own: "bce", "cross_entropy" or "mse". Regression may take "rmse" instead."""
    engine: str = "numba"
    device: str = "cpu"
    memory_budget: int | None = None
    """Most bytes for intermediate values and gradients of a training step, None for any number; see `train_population`."""
    evolution: EvolutionConfig = field(default_factory=EvolutionConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        check_settings(self)
        if self.method not in METHODS:
            raise ConfigError(f"method must be one of {', '.join(METHODS)}, not {self.method!r}")
        check_preset(self.preset)
        check_engine(self.engine)
        if self.seed < 0:
            raise ConfigError(f"seed must be 0 or more, not {self.seed}")
        check_pick(self.pick)
        if self.memory_budget is not None and self.memory_budget < 1:
            raise ConfigError(f"memory_budget must be 1 byte or more, not {self.memory_budget}")
        if isinstance(self.populations, str) and self.populations != "auto":
            raise ConfigError(f"populations must be 'auto' or 1 or more, not {self.populations!r}")
        if self.target_fitness is not None and not math.isfinite(self.target_fitness):
            raise ConfigError(f"target_fitness must be a finite number, not {self.target_fitness}")
        if self._has_limits and self.populations not in ("auto", 1):
            reason = "hold for each of several populations, and not for the network that they teach together"
            raise ConfigError(
                f"max_connections and max_hidden {reason}: leave populations at 1, or 'auto', not {self.populations}"
            )
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, str) and not least <= value < float("inf"):
                raise ConfigError(f"{name} must be {least} or more, not {value}")

    def for_rows(self, n_rows: int) -> "EvolveConfig":
        """Return the configuration with what is "auto" decided for so many training rows: 4 `populations`, and 2 or 1 of many.

        The fewer rows there are, the more a champion owes to chance, and the less time a population takes. With a limit of
        connections or hidden nodes it is 1, since the network that several teach is larger than theirs. See
        `EvolutionConfig.for_rows` for the `initial_hidden`.
        """
        evolution = self.evolution.for_rows(n_rows)
        if self.populations != "auto":
            return replace(self, evolution=evolution)
        few = next((count for count, most in _POPULATIONS.items() if n_rows <= most), 1)
        return replace(self, evolution=evolution, populations=1 if self._has_limits else few)

    @property
    def _has_limits(self) -> bool:
        return self.evolution.max_connections is not None or self.evolution.max_hidden is not None

    @property
    def n_generations(self) -> int:
        """Number of generations of all populations together, whose number is decided."""
        return self.populations * self.generations

    @property
    def final_training(self) -> TrainingConfig:
        """The training of what a population came to: all rows at once, unless a size of batches was asked for."""
        return replace(self.training, batch_size=None) if self.training.batch_size == "auto" else self.training

    @property
    def place(self) -> dict[str, Any]:
        """The engine, the device and the memory that training takes, as keywords of `train_population`."""
        return {"engine": self.engine, "device": self.device, "memory_budget": self.memory_budget}


def check_preset(preset: object) -> None:
    """Raise ConfigError for what is no preset."""
    if not isinstance(preset, str) or preset not in PRESETS:
        raise ConfigError(f"preset must be one of {', '.join(PRESETS)}, not {preset!r}")


def default_config(method: str = "propneat", preset: str = "default") -> EvolveConfig:
    """Return the settings that suit a method: for "neat" those of the NEAT paper, no gradients, many generations.

    A preset searches less, for the smallest network, or more. Raises ConfigError for one that is not known.
    """
    check_preset(preset)
    return replace(_of_method(method), preset=preset, **PRESETS[preset])


def _of_method(method: str) -> EvolveConfig:
    if method == "neat":
        evolution = EvolutionConfig(add_connection_rate=0.3, add_node_rate=0.1, activations=("tanh",), target_species=10)
        return EvolveConfig(
            method="neat", generations=500, fine_tune_epochs=0, prune_epochs=0, refit_epochs=0, evolution=evolution
        )
    evolution = EvolutionConfig(
        add_connection_rate=0.5,
        delete_connection_rate=0.3,
        add_node_rate=0.3,
        delete_node_rate=0.15,
        weight_mutation_rate=0.0,
        bias_mutation_rate=0.0,
        activation_mutation_rate=0.1,
        weight_sigma=0.7,
        activations=("tanh", "relu", "sin", "gauss"),
        initial_hidden="auto",
        speciation="nearest",
        compatibility_threshold=1.5,
        target_species=10,
    )
    training = TrainingConfig(epochs=20, learning_rate=0.02, batch_size="auto", l2=1.0)
    return EvolveConfig(
        method=method, generations=50, populations="auto", size_penalty=0.5, evolution=evolution, training=training
    )


def checked_loss(loss: str | None, task: str) -> str:
    """Return the loss to train on for a task; raises ConfigError for one that is not for it."""
    known = _LOSSES_OF_TASK[task]
    if loss is not None and loss not in known:
        raise ConfigError(f"the loss of a {task} task is {' or '.join(known)}, not {loss!r}")
    return loss or known[0]
