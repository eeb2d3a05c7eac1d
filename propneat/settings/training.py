"""Every setting of backpropagation, and what trains."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from propneat.base.errors import ConfigError
from propneat.base.extras import check_needs
from propneat.base.setting_types import LARGEST_FLOAT32
from propneat.settings.fields import check_settings, setting

__all__ = ["ENGINES", "LOSSES", "OPTIMISERS", "TrainingConfig", "check_engine", "check_forms", "check_own"]

ENGINES = ("numba", "padded", "triton", "layered", "naive")
"""What trains a population; `propneat.training` has a module for each."""

LOSSES = ("bce", "cross_entropy", "mse", "rmse")
OPTIMISERS = ("adam", "adadelta")
"""Names of losses and optimisers; the position is the code in compiled loops. `check_forms` finds what lacks one."""

_LEAST_BATCH, _MOST_BATCHES = 1024, 20


@dataclass(frozen=True)
class TrainingConfig:
    """How to run backpropagation.

    `loss` is "bce" (binary cross entropy of logits, mean over outputs), "cross_entropy" (of softmax over outputs), "mse" or
    "rmse" (mean over outputs of the squared error, and its root over the batch). `l2` adds l2 * weight / (total weight of the
    training rows) to the gradient of every connection weight, not of biases: 1 is what C = 1 is in scikit-learn's logistic
    regression. `batch_size` None means all rows at once, "auto" what `for_rows` makes of it. `patience` None trains for
    `epochs`; a number keeps the numbers of the best validation loss, untrained ones included, and stops after that many epochs
    without a better one. `window` is for sequences, whose steps, counted from the end, are divided into windows of so many,
    which gradients do not leave (truncated backpropagation through time); None lets them go back to the first step. Adam uses
    betas 0.9 and 0.999 and epsilon 1e-8 (Kingma and Ba 2015), Adadelta rho 0.9 and epsilon 1e-6 (Zeiler 2012).
    """

    loss: str = setting("bce", words=LOSSES)
    epochs: int = setting(10, "Epochs of training in every generation.", least=0)
    optimiser: str = setting("adam", '"adam" or "adadelta".', words=OPTIMISERS)
    learning_rate: float = setting(0.02, "Step size of the optimiser.", above=0, most=LARGEST_FLOAT32)
    batch_size: int | str | None = setting(
        None,
        'Rows in a mini-batch, "none" for all; "auto" takes 1,024 or more, and as many fewer epochs as there are batches.',
        least=1,
        words=("auto",),
    )
    l2: float = setting(
        0.0,
        "Pull of all connection weights towards 0, on the scale of 1/C in logistic regression.",
        least=0,
        most=LARGEST_FLOAT32,
    )
    patience: int | None = setting(
        None, 'Epochs without a better validation loss after which a genome stops training; "none" for never.', least=1
    )
    window: int | None = setting(
        None, 'Steps of a sequence that gradients go back through at most; "none" goes back to the first.', least=1
    )

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        check_settings(self)

    def for_rows(self, n_rows: int) -> "TrainingConfig":
        """Return the configuration with a `batch_size` of "auto" decided for so many training rows; others are as they are.

        Rows are divided into batches of at least 1,024, 20 batches at most, and the epochs and the patience by the number of
        batches, so that the optimiser takes about as many steps on far fewer passes over the rows; two epochs remain, where
        there were as many.
        """
        if self.batch_size != "auto":
            return self
        n_batches = min(n_rows // _LEAST_BATCH, _MOST_BATCHES)
        if n_batches < 2:
            return replace(self, batch_size=None)
        epochs = max(-(-self.epochs // n_batches), min(self.epochs, 2))
        patience = None if self.patience is None else -(-self.patience // n_batches)
        return replace(self, batch_size=-(-n_rows // n_batches), epochs=epochs, patience=patience)


def check_own(engine: str, own: Sequence[str], memory_budget: int | None) -> None:
    """Raise ConfigError where there are functions of one's own, in words, and the engine is compiled or keeps to a budget."""
    if own and engine in ("numba", "triton"):
        raise ConfigError(f"the engine {engine!r} has no code for {own[0]}: choose engine 'layered', which takes it as it is")
    if own and engine == "layered" and memory_budget is not None:
        raise ConfigError(f"the engine 'layered' keeps to no memory budget with {own[0]}: leave memory_budget out")


def check_engine(engine: str) -> None:
    """Raise ConfigError for an engine that is unknown, or whose package is not installed."""
    if engine not in ENGINES:
        raise ConfigError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
    if engine != "numba":
        check_needs(("torch",), f"the engine {engine!r}")


def check_forms(where: str, *, losses: Collection[str] | None = None, optimisers: Collection[str] | None = None) -> None:
    """Raise ImportError unless a module has forms of all losses and optimisers; whatever computes them calls it on import.

    One without a form of its own would otherwise be computed as whatever stands last. None is what a module leaves to others.
    """
    for what, known, forms in (("loss", LOSSES, losses), ("optimiser", OPTIMISERS, optimisers)):
        lacking = [name for name in known if name not in forms] if forms is not None else []
        if lacking:
            raise ImportError(f"{where} has no form of the {what} {lacking[0]!r}")
