"""The numbers that meta-training finds: one LSTM cell and two message maps, shared by every weight position."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from propneat.base.errors import DataError
from propneat.base.records import write_atomic

__all__ = [
    "GATE_CONSTANTS",
    "MESSAGE",
    "N_PARAMETERS",
    "SIZES",
    "UNITS",
    "MetaParameters",
    "draw_parameters",
    "load_parameters",
    "plain_numbers",
    "save_parameters",
]

UNITS = 16
"""Channels of the hidden state h and of the cell state c at every weight position (the paper's N)."""
MESSAGE = 8
"""Channels of a forward and of a backward message (the paper's M)."""

SIZES: Mapping[str, tuple[int, ...]] = {
    "forward_in": (4 * UNITS, MESSAGE),
    "backward_in": (4 * UNITS, MESSAGE),
    "recurrent": (4 * UNITS, UNITS),
    "bias": (4 * UNITS,),
    "forward_out": (MESSAGE, UNITS),
    "forward_bias": (MESSAGE,),
    "backward_out": (MESSAGE, UNITS),
    "backward_bias": (MESSAGE,),
    "forward_gain": (MESSAGE,),
    "forward_offset": (MESSAGE,),
    "backward_gain": (MESSAGE,),
    "backward_offset": (MESSAGE,),
}
"""Blocks of the parameter vector in order; rows of the first four are the gates input, candidate, forget, output."""

N_PARAMETERS = sum(int(np.prod(shape)) for shape in SIZES.values())
"""2,416: 2,112 of the LSTM, 272 of the two maps, 32 of their layer normalisations."""

GATE_CONSTANTS = np.repeat([-5.0, 0.0, 5.0, 0.0], UNITS)
"""What the cell adds to its bias, float64 (4 UNITS,): at first the input gate is nearly shut, the forget gate nearly open."""
GATE_CONSTANTS.setflags(write=False)

_FILE = "parameters.json"
_SCHEMA = 1


@dataclass(frozen=True, eq=False)
class MetaParameters:
    """Meta-trained numbers and where they come from."""

    values: np.ndarray
    """float32 (N_PARAMETERS,), not writable."""
    command: str
    """The command that made them."""
    recipe: Mapping[str, Any]
    """The settings they were made with, plain JSON."""
    stages: tuple[tuple[float, ...], ...]
    """The numbers at the end of every stage of the curriculum; the last are `values`."""
    losses: tuple[float, ...]
    """The mean loss of every meta-step's tasks, relative to the logarithm of the number of classes."""

    def block(self, name: str) -> np.ndarray:
        """Return one block of `SIZES` as a view in its shape."""
        return block_of(self.values, name)


def block_of(values: np.ndarray, name: str) -> np.ndarray:
    """Return the block `name` of a parameter vector (N_PARAMETERS,), as a view in the shape that `SIZES` gives."""
    start = 0
    for key, shape in SIZES.items():
        size = int(np.prod(shape))
        if key == name:
            return values[start : start + size].reshape(shape)
        start += size
    raise KeyError(name)


def draw_parameters(rng: np.random.Generator) -> np.ndarray:
    """Return float32 (N_PARAMETERS,) before meta-training: maps are normal, cut off at two deviations, 1/sqrt(fan in).

    Biases and offsets are 0 and gains 1; GATE_CONSTANTS are part of the cell.
    """
    values = np.zeros(N_PARAMETERS)
    for name in ("forward_in", "backward_in", "recurrent", "forward_out", "backward_out"):
        # the LSTM is one linear map of both messages and h, so all its columns share one fan-in
        fan_in = UNITS if name.endswith("_out") else UNITS + 2 * MESSAGE
        block_of(values, name)[...] = truncated_normal(rng, SIZES[name]) / np.sqrt(fan_in)
    for name in ("forward_gain", "backward_gain"):
        block_of(values, name)[...] = 1.0
    return values.astype(np.float32)


def truncated_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return standard normal numbers, float64, drawn anew where they are further than 2 from 0."""
    values = rng.standard_normal(shape)
    while (far := np.abs(values) > 2).any():
        values[far] = rng.standard_normal(int(far.sum()))
    return values


@cache
def load_parameters(path: Path | None = None) -> MetaParameters:
    """Read meta-trained parameters from a JSON file, by default the one in the package.

    Raises DataError for a file that is not of this kind.
    """
    file = path or resources.files(__package__).joinpath(_FILE)
    content = json.loads(file.read_text(encoding="utf-8"))
    if content.get("schema") != _SCHEMA:
        raise DataError(
            f"expected meta-parameters of schema {_SCHEMA} in {file}, got {content.get('schema')!r}; make them anew"
        )
    stages = tuple(tuple(stage) for stage in content["stages"])
    values = np.array(stages[-1], dtype=np.float32)
    if values.shape != (N_PARAMETERS,) or not np.isfinite(values).all():
        raise DataError(f"expected {N_PARAMETERS} finite numbers in {file}, got {values.size}; make them anew")
    values.setflags(write=False)
    return MetaParameters(values, content["command"], content["recipe"], stages, tuple(content["losses"]))


def save_parameters(path: Path, parameters: MetaParameters) -> None:
    """Write parameters as JSON that `load_parameters` reads back to the bit."""
    content = {
        "schema": _SCHEMA,
        "command": parameters.command,
        "recipe": dict(parameters.recipe),
        "losses": list(parameters.losses),
        "stages": [list(stage) for stage in parameters.stages],
    }
    write_atomic(path, json.dumps(content) + "\n")


def plain_numbers(values: np.ndarray) -> tuple[float, ...]:
    """Return float32 numbers with the fewest digits that give the same float32 again."""
    return tuple(float(str(value)) for value in values.astype(np.float32))
