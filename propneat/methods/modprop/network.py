"""The network that ModProp trains: leaky rate units behind a rectifier, some exciting and some inhibiting, read out linearly.

The state of a unit and its rate follow s_t = a s_{t-1} + (1 - a) (W z_{t-1} + W_in x_t), z_t = max(s_t, 0), from
s_0 = z_0 = 0, and outputs are y_t = W_out z_t + b. Dale's law: outgoing weights of a unit, in W and W_out, have its sign.
Several networks of one shape, the replicas, are held and computed together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from propneat.base.errors import ConfigError

__all__ = ["Cells", "Network", "make_cells", "make_network"]

_READOUTS = ("unit", "paper")


@dataclass(frozen=True, eq=False)
class Cells:
    """Who the units are: `signs`, +1 or -1, and `types`, 0 to n_types - 1, both of shape (n_cells,); a type has one sign.

    Raises ConfigError where a type is empty or holds both signs, or where one of the signs is missing.
    """

    signs: np.ndarray
    types: np.ndarray

    def __post_init__(self) -> None:
        """Check the partition."""
        if set(np.unique(self.signs)) != {-1, 1}:
            raise ConfigError("a network needs at least one exciting and one inhibiting unit")
        if not np.array_equal(np.unique(self.types), np.arange(self.types.max() + 1)):
            raise ConfigError("types must be numbered from 0 without gaps")
        if any(len(set(self.signs[self.types == kind])) > 1 for kind in range(self.n_types)):
            raise ConfigError("the units of a type must have one sign")

    @property
    def n_cells(self) -> int:
        """Number of units."""
        return len(self.signs)

    @property
    def n_types(self) -> int:
        """Number of types."""
        return int(self.types.max()) + 1

    @property
    def sizes(self) -> np.ndarray:
        """Number of units of each type, shape (n_types,)."""
        return np.bincount(self.types)


def make_cells(n_cells: int, excitatory_share: float = 0.8, types_per_sign: int = 1) -> Cells:
    """Return units of which a share excites, the first ones, each sign divided evenly into types.

    The share is rounded so that both signs have at least `types_per_sign` units. Raises ConfigError where there are too few.
    """
    if types_per_sign < 1 or n_cells < 2 * types_per_sign:
        raise ConfigError(f"{n_cells} units cannot be divided into {types_per_sign} types of either sign")
    n_exciting = min(max(round(excitatory_share * n_cells), types_per_sign), n_cells - types_per_sign)
    parts = [np.arange(n) * types_per_sign // n for n in (n_exciting, n_cells - n_exciting)]
    signs = np.repeat([1, -1], [n_exciting, n_cells - n_exciting])
    return Cells(signs, np.concatenate([parts[0], types_per_sign + parts[1]]))


@dataclass(frozen=True, eq=False)
class Network:
    """Replicas of a network as tensors of one type; a trainer changes the numbers in place.

    `strengths` (n_replicas, n_cells, n_cells), receiving unit first, and `out_strengths` (n_replicas, n_outputs, n_cells) are
    0 or more and become weights with the sign of the sending unit; no unit reaches itself. `w_in` has shape
    (n_replicas, n_cells, n_inputs) and any signs, `bias` shape (n_replicas, n_outputs). `leak` is a = exp(-dt / tau).
    """

    cells: Cells
    leak: float
    w_in: torch.Tensor
    strengths: torch.Tensor
    out_strengths: torch.Tensor
    bias: torch.Tensor

    @property
    def parameters(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """What is trained: `w_in`, `strengths`, `out_strengths`, `bias`."""
        return self.w_in, self.strengths, self.out_strengths, self.bias

    def weights(self) -> torch.Tensor:
        """Return W with signs, same shape as `strengths`, its diagonal 0."""
        return (
            self.strengths * self._signs() * (1 - torch.eye(self.cells.n_cells, dtype=self.bias.dtype, device=self.bias.device))
        )

    def readout_weights(self) -> torch.Tensor:
        """Return W_out with signs, same shape as `out_strengths`."""
        return self.out_strengths * self._signs()

    def readout(self, rates: torch.Tensor) -> torch.Tensor:
        """Return outputs (n_replicas, ..., n_outputs) for rates (n_replicas, ..., n_cells)."""
        flat = rates.reshape(rates.shape[0], -1, rates.shape[-1])
        outputs = torch.baddbmm(self.bias[:, None, :], flat, self.readout_weights().mT)
        return outputs.reshape(*rates.shape[:-1], -1)

    def _signs(self) -> torch.Tensor:
        return torch.as_tensor(self.cells.signs, dtype=self.bias.dtype, device=self.bias.device)


def make_network(
    rngs: Sequence[np.random.Generator],
    cells: Cells,
    n_inputs: int,
    n_outputs: int,
    leak: float,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    readout: str = "unit",
) -> Network:
    """Return untrained replicas, one for each generator, that require gradients.

    W_in is normal with standard deviation 1 / sqrt(n_inputs / 2). W and W_out are normal magnitudes, the inhibiting ones
    scaled so that the inputs of every receiving unit sum to 0. W is divided by its spectral radius, then its diagonal is
    emptied. W_out is divided by its largest singular value with `readout` "unit". The paper's code takes instead as many
    rows as there are outputs of another matrix like W, of radius 1, which `readout` "paper" does: rows of W_out then have a
    norm of 1.6 to 1.7, where those of 120 units and two outputs have 0.79. Raises ConfigError for a leak outside of 0 to 1
    and for another readout.
    """
    if not 0 <= leak < 1:
        raise ConfigError(f"the leak must be at least 0 and less than 1, not {leak}")
    if readout not in _READOUTS:
        raise ConfigError(f"readout must be one of {', '.join(_READOUTS)}, not {readout!r}")
    drawn = []
    for rng in rngs:
        w_in = rng.standard_normal((cells.n_cells, n_inputs)) / np.sqrt(n_inputs / 2)
        strengths = _balanced(rng, cells.n_cells, cells)
        out_strengths = _balanced(rng, cells.n_cells if readout == "paper" else n_outputs, cells)[:n_outputs]
        np.fill_diagonal(strengths, 0)
        drawn.append((w_in, strengths, out_strengths, np.zeros(n_outputs)))
    tensors = (
        torch.as_tensor(np.stack(part), dtype=dtype, device=device).requires_grad_() for part in zip(*drawn, strict=True)
    )
    return Network(cells, leak, *tensors)


def _balanced(rng: np.random.Generator, n_receiving: int, cells: Cells) -> np.ndarray:
    """Return magnitudes (n_receiving, n_cells) whose signed rows sum to 0, scaled to radius 1."""
    magnitudes = np.abs(rng.standard_normal((n_receiving, cells.n_cells)))
    inhibiting = cells.signs < 0
    balance = magnitudes[:, ~inhibiting].sum(axis=1) / magnitudes[:, inhibiting].sum(axis=1)
    magnitudes[:, inhibiting] *= balance[:, None]
    signed = magnitudes * cells.signs
    square = n_receiving == cells.n_cells
    return magnitudes / (np.abs(np.linalg.eigvals(signed)).max() if square else np.linalg.norm(signed, 2))
