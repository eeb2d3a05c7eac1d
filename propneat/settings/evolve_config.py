"""Settings of a run of evolution, and those that suit a method."""

from dataclasses import dataclass, field, replace
from typing import Any

from propneat.base.errors import ConfigError
from propneat.settings.evolution import EvolutionConfig
from propneat.settings.fields import check_settings, setting
from propneat.settings.picking import check_pick
from propneat.settings.training import TrainingConfig, check_engine, check_forms, check_own

__all__ = [
    "METHODS",
    "METHOD_DEFAULTS",
    "PRESETS",
    "SEQUENCE_RECURRENT_RATE",
    "EvolveConfig",
    "checked_loss",
    "default_config",
]

PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"generations": 25, "populations": 1, "pick": "one-standard-error"},
    "default": {},
    "best": {"populations": 8},
}
"""How much is searched, by a word: what differs from the defaults of a method."""

SEQUENCE_RECURRENT_RATE = 0.5
"""The recurrent_rate of runs on sequences that name none."""

METHOD_DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "propneat": {
        "": {"generations": 50, "populations": "auto", "size_penalty": 0.5},
        "evolution": {
            "add_connection_rate": 0.5,
            "delete_connection_rate": 0.3,
            "add_node_rate": 0.3,
            "delete_node_rate": 0.15,
            "weight_mutation_rate": 0.0,
            "bias_mutation_rate": 0.0,
            "activation_mutation_rate": 0.1,
            "weight_sigma": 0.7,
            "activations": ("tanh", "relu", "sin", "gauss"),
            "initial_hidden": "auto",
            "speciation": "nearest",
            "compatibility_threshold": 1.5,
            "target_species": 10,
        },
        "training": {"epochs": 20, "learning_rate": 0.02, "batch_size": "auto", "l2": 1.0},
    },
    "neat": {
        "": {"generations": 500, "fine_tune_epochs": 0, "prune_epochs": 0, "refit_epochs": 0},
        "evolution": {"add_connection_rate": 0.3, "add_node_rate": 0.1, "activations": ("tanh",), "target_species": 10},
        "training": {},
    },
}
"""What suits a method, table by table, where it differs from the defaults of the settings."""

METHODS = tuple(METHOD_DEFAULTS)
"""With gradients, and the original without."""

_LOSSES_OF_TASK = {"binary": ("bce",), "multiclass": ("cross_entropy",), "regression": ("mse", "rmse")}
check_forms(__name__, losses=[loss for losses in _LOSSES_OF_TASK.values() for loss in losses])

_POPULATIONS = {4: 2500, 2: 5000}
"""Number of populations by default -> the most training rows it is taken for."""


@dataclass(frozen=True)
class EvolveConfig:
    """Every setting of a run; `default_config` gives those of a method."""

    method: str = setting(
        "propneat", '"propneat" trains every network by gradients, "neat" is the original without.', words=METHODS
    )
    preset: str = setting(
        "default", 'How much is searched for where nothing else is said: "tiny", "default" or "best".', words=tuple(PRESETS)
    )
    generations: int = setting(100, "Number of generations, of each population.", least=1)
    populations: int | str = setting(
        1,
        'Populations one after another, each judged by other rows, that teach one network; "auto" is 4, 2 or 1 by rows.',
        least=1,
        words=("auto",),
    )
    """Each begins with new genomes and divides the rows anew into those to train on and those to judge by; the network is taught the
    mean of their champions' answers. `for_rows` decides what "auto" is."""
    target_fitness: float | None = setting(
        None, 'A best fitness at which a population stops; fitness is minus the loss; "none" for no target.'
    )
    patience: int | None = setting(
        None, 'Generations without a better best fitness after which a population stops; "none" for never.', least=1
    )
    start: str | None = setting(
        None, 'Genome file of a network that the first population starts from, with mutations of it; "none" starts small.'
    )
    seed: int = setting(0, "Everything random follows from this number.", least=0)
    write_back: bool = setting(
        True, "Whether offspring inherit trained numbers (Lamarckian) or only the fitness they led to (Baldwinian)."
    )
    retrain: bool = setting(False, "Whether the champion's layers are filled to a dense network, drawn anew and trained long.")
    """The paper's retrain arm."""
    size_penalty: float = setting(
        0.0, "Fitness lost for each enabled connection: this much summed loss, which is this / rows of mean loss.", least=0
    )
    """In units of the log likelihood summed over rows: 1 is Akaike's criterion."""
    n_finalists: int = setting(
        10, "How many of the last generation's best are fine-tuned beside the champion, to choose the final one from.", least=0
    )
    """Each is the best of its species."""
    fine_tune_epochs: int = setting(500, "Most epochs of the final training, 0 for none.", least=0)
    fine_tune_patience: int = setting(
        50, "Epochs without a better validation loss after which the final training stops.", least=1
    )
    prune_epochs: int = setting(
        20, "Epochs after each step of pruning the best network, which finds smaller ones; 0 for no pruning.", least=0
    )
    pick: str | int = setting(
        "best",
        'The champion among the best of every size: "best", "one-standard-error", "1%" (the least a connection must be worth), or a number.',
    )
    """"best" has the lowest validation loss with the size penalty, "one-standard-error" is the smallest as good but for the error of
    the loss, and of "1%" every connection is worth 1 % of the error; see `propneat.search.front.pick`."""
    refit_epochs: int = setting(
        300, "Epochs of a last training of the chosen network on training and validation rows together; 0 for none.", least=0
    )
    loss: str | None = setting(None, '"bce", "cross_entropy", "mse" or "rmse"; "none" takes the one of the task.')
    engine: str = setting(
        "numba", 'What trains: "numba" (CPU), "triton" (GPU), "padded" (torch, any device), or one by one "layered" or "naive".'
    )
    device: str = setting("cpu", 'Where engines other than "numba" work: "cpu", "cuda", ...')
    memory_budget: int | None = setting(
        None,
        'Most bytes for values and gradients of a training step, some computed twice to fit; "none" for any.',
        least=1,
        unit="bytes",
    )
    """See `train_population`."""
    report: bool = setting(True, "Whether a run trains two baselines as well, and writes report.html.")
    evolution: EvolutionConfig = field(default_factory=EvolutionConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        check_settings(self)
        check_engine(self.engine)
        check_own(self.engine, self.evolution.own_functions, self.memory_budget)
        check_pick(self.pick)
        if self._has_limits and self.populations not in ("auto", 1):
            reason = "hold for each of several populations, and not for the network that they teach together"
            raise ConfigError(
                f"max_connections and max_hidden {reason}: leave populations at 1, or 'auto', not {self.populations}"
            )

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
    own = METHOD_DEFAULTS[method if method in METHODS else METHODS[0]]
    evolution, training = EvolutionConfig(**own["evolution"]), TrainingConfig(**own["training"])
    return EvolveConfig(method=method, **own[""], evolution=evolution, training=training)


def checked_loss(loss: str | None, task: str) -> str:
    """Return the loss to train on for a task; raises ConfigError for one that is not for it."""
    known = _LOSSES_OF_TASK[task]
    if loss is not None and loss not in known:
        raise ConfigError(f"the loss of a {task} task is {' or '.join(known)}, not {loss!r}")
    return loss or known[0]
