"""`train_population`: one call that trains a whole population, whatever engine does the work."""

from collections.abc import Callable
from importlib import import_module

import numpy as np

from propneat.base.errors import ConfigError
from propneat.compiler import PopulationPlan
from propneat.genome import own_functions
from propneat.settings.training import ENGINES, check_engine, check_own
from propneat.training.sequences import Sequences
from propneat.training.settings import Samples, TrainedPopulation, TrainingConfig

__all__ = ["ENGINES", "check_engine", "check_training", "train_population"]

_HOMES = {
    "numba": "propneat.training.kernel_engine",
    "padded": "propneat.training.padded_engine",
    "triton": "propneat.training.triton_engine",
    "layered": "propneat.training.layered_engine",
    "naive": "propneat.training.naive_engine",
}
"""Engine names and the module, imported on use, whose `train` does the work.

Its arguments are `(plan, train, validation, config, rng, device, memory_budget)`.
"""

if tuple(_HOMES) != ENGINES:
    raise TypeError(f"{__name__} must have a module for each of {', '.join(ENGINES)}")


def train_population(
    plan: PopulationPlan,
    train: Samples | Sequences,
    config: TrainingConfig,
    rng: np.random.Generator,
    *,
    validation: Samples | Sequences | None = None,
    engine: str = "numba",
    device: str = "cpu",
    memory_budget: int | None = None,
) -> TrainedPopulation:
    """Train every genome of a plan by backpropagation on the same rows or sequences, each from its own numbers.

    All engines see the same mini-batches (`make_schedule`) and follow the same optimiser equations, so they end at the
    same numbers up to rounding, in float32. "numba" trains the population in one native call on the CPU, "padded" as batched
    matrix products on any torch device, "triton" by compiled kernels on a GPU; "layered" trains each genome as a layered
    torch module (PropNEAT, Merry et al. 2025) and "naive" each genome node by node, both on any torch device. The result
    does not depend on the number of threads.

    On `Sequences` networks are trained by backpropagation through time, each sequence without a past at its first step, by
    "numba" and "layered" alone. Recurrent networks need sequences.

    `memory_budget` is the most bytes that intermediate values and their gradients may take in a training step; parameters,
    their gradients and the rows come on top. For sequences "numba" keeps the values of as many steps as fit and computes
    the others again. "layered" computes values again on the way back where they do not fit, "numba"
    and "triton" work tile by tile, all to the same bits; "padded" trains the population in parts, and where it is parted
    may change the last bits.

    Raises ConfigError for an unknown engine, a patience without validation rows, samples that do not fit the plan, a budget
    that cannot be kept to, any budget with the engine "naive", or with "layered" on sequences, rows for a recurrent network,
    rows of negative weight with the loss "rmse", a function of one's own with "numba" or "triton" or a budget, and sequences for an
    engine that knows none.
    """
    check_training(plan, train, config, validation=validation, engine=engine, device=device, memory_budget=memory_budget)
    config = config.for_rows(len(train))
    if isinstance(train, Sequences):
        return _train_on_sequences(plan, train, validation, config, rng, engine, device, memory_budget)
    run: Callable[..., TrainedPopulation] = import_module(_HOMES[engine]).train
    return run(plan, train, validation, config, rng, device, memory_budget)


def check_training(
    plan: PopulationPlan,
    train: Samples | Sequences,
    config: TrainingConfig,
    *,
    validation: Samples | Sequences | None = None,
    engine: str = "numba",
    device: str = "cpu",
    memory_budget: int | None = None,
) -> None:
    """Raise what `train_population` would before it trains; what only other engines than "numba", or sequences, meet it does not."""
    check_engine(engine)
    if engine == "numba" and device != "cpu":
        raise ConfigError(
            f"the numba engine works on the CPU, not on {device!r}: choose engine 'triton' for a GPU, 'padded' for any device"
        )
    if config.patience is not None and validation is None:
        raise ConfigError("patience needs validation rows to judge progress by, and there are none")
    if memory_budget is not None and memory_budget < 1:
        raise ConfigError(f"memory_budget must be 1 byte or more, not {memory_budget}")
    for samples in (train,) if validation is None else (train, validation):
        if samples.X.shape[-1] != plan.n_inputs or samples.targets.shape[-1] != plan.n_outputs:
            raise ConfigError(
                f"expected rows of {plan.n_inputs} inputs and {plan.n_outputs} targets, "
                f"got {samples.X.shape[-1]} and {samples.targets.shape[-1]}"
            )
    if config.loss == "rmse" and np.any(train.weights < 0):
        raise ConfigError("the loss 'rmse' has no root for rows of negative weight: choose 'mse'")
    check_own(engine, own_functions(vars(plan)), memory_budget)
    if isinstance(train, Sequences):
        return
    if plan.is_recurrent:
        raise ConfigError("a recurrent network is trained on sequences, and rows without steps were given")
    if config.window is not None:
        raise ConfigError(f"a window of {config.window} steps is for sequences, and rows without steps were given")
    if engine == "numba" and memory_budget is not None:
        from propneat.training.kernel_engine import check_budget

        check_budget(plan, memory_budget)


def _train_on_sequences(
    plan: PopulationPlan,
    train: Sequences,
    validation: Sequences | None,
    config: TrainingConfig,
    rng: np.random.Generator,
    engine: str,
    device: str,
    memory_budget: int | None,
) -> TrainedPopulation:
    if validation is not None and not isinstance(validation, Sequences):
        raise ConfigError("networks trained on sequences are judged by sequences, and rows without steps were given")
    if engine == "numba":
        from propneat.training.sequence_engine import train as run

        return run(plan, train, validation, config, rng, memory_budget)
    if engine != "layered":
        raise ConfigError(f"the engine {engine!r} knows no sequences: choose 'numba', or 'layered' for one network at a time")
    if memory_budget is not None:
        raise ConfigError("the engine 'layered' keeps to no memory budget on sequences: choose engine 'numba', which does")
    return import_module(_HOMES[engine]).train(plan, train, validation, config, rng, device)
