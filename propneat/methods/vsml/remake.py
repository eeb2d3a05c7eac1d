"""Makes the parameters in the package anew: the whole curriculum, with a checkpoint to go on from after an interruption."""

import io
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from propneat.base.errors import CheckpointError, DamagedCheckpointError
from propneat.base.records import write_atomic
from propneat.methods.vsml.meta_training import CURRICULUM, MetaState, Stage, first_state, meta_train
from propneat.methods.vsml.parameters import N_PARAMETERS, MetaParameters, plain_numbers, save_parameters

__all__ = ["COMMAND", "make_parameters", "recipe_of"]

COMMAND = "propneat benchmark native vsml --meta-train"
_SEED = 0
_CHECKPOINT = "meta-training.npz"
_EVERY = 25


def recipe_of(seed: int, curriculum: tuple[Stage, ...]) -> dict[str, Any]:
    """Return all that meta-training depends on, as plain JSON."""
    return {
        "seed": seed,
        "method": "backpropagation through time over whole episodes, Adam, gradient norm at most 1",
        "curriculum": [asdict(stage) for stage in curriculum],
    }


def make_parameters(
    folder: Path,
    progress: Callable[[str, int, int], None],
    seed: int = _SEED,
    curriculum: tuple[Stage, ...] = CURRICULUM,
) -> tuple[MetaParameters, Path]:
    """Meta-train, write parameters.json into the folder, and return its content and its path.

    Every 25 meta-steps the state is written into the folder too; a run of the same recipe goes on from there to the same
    end. The result depends on recipe and processor kind, not on threads. Raises CheckpointError for another recipe's state.
    """
    recipe, checkpoint = recipe_of(seed, curriculum), folder / _CHECKPOINT
    state, ends = _read(checkpoint, recipe) if checkpoint.exists() else (first_state(seed), [])
    n_steps = sum(stage.steps for stage in curriculum)
    last_steps = np.cumsum([stage.steps for stage in curriculum])

    def callback(state: MetaState) -> None:
        if state.step in last_steps:
            ends.append(plain_numbers(state.values))
        if state.step % _EVERY == 0:
            _write(checkpoint, recipe, state, ends)
        progress("meta-training", state.step, n_steps)

    state = meta_train(seed, curriculum, state, callback)
    losses = tuple(round(loss, 6) for loss in state.losses)
    parameters = MetaParameters(state.values, COMMAND, recipe, tuple(ends), losses)
    save_parameters(folder / "parameters.json", parameters)
    checkpoint.unlink(missing_ok=True)
    return parameters, folder / "parameters.json"


def _write(path: Path, recipe: dict[str, Any], state: MetaState, ends: list[tuple[float, ...]]) -> None:
    content = io.BytesIO()
    np.savez(
        content,
        recipe=np.array(json.dumps(recipe)),
        values=state.values,
        mean=state.mean,
        square=state.square,
        losses=np.array(state.losses),
        ends=np.array(ends, dtype=np.float32),
    )
    write_atomic(path, content.getvalue())


def _read(path: Path, recipe: dict[str, Any]) -> tuple[MetaState, list[tuple[float, ...]]]:
    """Return the state of a file and the parameters after each stage that was done; nothing in it is believed unseen."""
    try:
        with path.open("rb") as file, np.load(file) as content:
            parts = {name: content[name] for name in content.files}
        is_same = str(parts["recipe"]) == json.dumps(recipe)
        state = MetaState(parts["values"], parts["mean"], parts["square"], tuple(map(float, parts["losses"])))
        numbers = (state.values, state.mean, state.square)
        types = (np.float32, np.float64, np.float64)
        is_whole = all(part.shape == (N_PARAMETERS,) and np.isfinite(part).all() for part in numbers)
        is_whole &= all(part.dtype == dtype for part, dtype in zip(numbers, types, strict=True))
        ends = [plain_numbers(values) for values in parts["ends"]]
        is_whole &= all(len(end) == N_PARAMETERS for end in ends)
    except Exception as error:
        # foreign bytes make their readers raise anything, also MemoryError for what they claim to hold
        raise DamagedCheckpointError(f"{path} is damaged or no state of a meta-training; move it away to begin anew") from error
    if not is_same:
        raise CheckpointError(f"{path} holds another meta-training than this one; move it away to begin anew")
    if not is_whole:
        raise DamagedCheckpointError(f"{path} holds numbers that no meta-training can have reached; move it away to begin anew")
    return state, ends
