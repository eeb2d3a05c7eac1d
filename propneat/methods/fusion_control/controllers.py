"""The controllers: open loop, PI and PID, linear feedback, and a neural network, each for one or many copies at once."""

from itertools import pairwise

import numpy as np
import torch

from propneat.methods.fusion_control.loop import DEVIATION_SCALE, N_SHOWN
from propneat.methods.fusion_control.scenarios import TRACKED

__all__ = ["LinearController", "NeuralController", "PIDController", "open_loop"]

_HAND_GAINS = (5.0, 0.1, 0.0)
_GAIN_UNITS = (10.0, 0.2, 2.0)


def open_loop(features: torch.Tensor) -> torch.Tensor:
    """Return answers of zero, (n_plants, 4): the controls stay as they are at the operating point."""
    return features.new_zeros(len(features), 4)


class PIDController(torch.nn.Module):
    """Three loops, from T_i to P_i, n_p to S_p and n_B to S_B, each with gains on the relative error, its integral and change.

    Electrons are not heated. Gains are held in units of 10, 0.2 per s and 2 s, so that one learning rate suits them all; those
    by hand are 5, 0.1 per s and 0. Without `derivative` it is a PI controller.
    """

    def __init__(self, derivative: bool = True) -> None:
        super().__init__()
        self.register_buffer("units", torch.tensor(_GAIN_UNITS, dtype=torch.float64)[:, None])
        self.register_buffer("tracked", torch.tensor(TRACKED))
        self.n_terms = 3 if derivative else 2
        hand = torch.tensor(_HAND_GAINS, dtype=torch.float64)[:, None] / self.units
        self.gains = torch.nn.Parameter(hand[: self.n_terms].repeat(1, 3))

    def named_gains(self) -> dict[str, list[float]]:
        """Return kp, ki in 1/s and kd in s, each for T_i, n_p and n_B, on relative errors, in the controls' scales."""
        values = (self.gains * self.units[: self.n_terms]).tolist()
        return dict(zip(("kp", "ki", "kd"), values, strict=False))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return answers (n_plants, 4) to features (n_plants, N_FEATURES)."""
        gains = self.gains * self.units[: self.n_terms]
        errors = (features[:, 5:8] - features.index_select(1, self.tracked)) / DEVIATION_SCALE
        answer = gains[0] * errors + gains[1] * features[:, 8:11]
        if self.n_terms == 3:
            answer = answer + gains[2] / DEVIATION_SCALE * features[:, 11:14]
        return torch.stack([answer[:, 0], torch.zeros_like(answer[:, 0]), answer[:, 1], answer[:, 2]], dim=1)


class LinearController(torch.nn.Module):
    """Constant gains on the features that networks are shown, from a design such as LQR.

    `gains` has shape (n_copies, 4, N_SHOWN); of plants, equal shares in order belong to the copies.
    """

    def __init__(self, gains: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("gains", torch.as_tensor(gains, dtype=torch.float64))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return answers (n_plants, 4) to features (n_plants, N_FEATURES)."""
        shown = features[:, :N_SHOWN].view(len(self.gains), -1, N_SHOWN)
        return torch.bmm(shown, self.gains.mT).view(-1, 4)


class NeuralController(torch.nn.Module):
    """A perceptron of two hidden tanh layers in several copies, each with numbers of its own.

    Of rows given, equal shares in order belong to the copies. Weights are drawn from N(0, 1 / fan-in), those of the last layer
    a tenth of that, so that an untrained controller does little; biases start at 0. All float64.
    """

    def __init__(self, widths: tuple[int, ...], rng: np.random.Generator, n_copies: int = 1) -> None:
        super().__init__()
        weights, biases = [], []
        for layer, (n_in, n_out) in enumerate(pairwise(widths)):
            scale = (0.1 if layer == len(widths) - 2 else 1.0) / np.sqrt(n_in)
            drawn = torch.from_numpy(scale * rng.standard_normal((n_in, n_out)))
            weights.append(torch.nn.Parameter(drawn.repeat(n_copies, 1, 1)))
            biases.append(torch.nn.Parameter(torch.zeros(n_copies, 1, n_out, dtype=torch.float64)))
        self.weights, self.biases = torch.nn.ParameterList(weights), torch.nn.ParameterList(biases)
        self.n_copies = n_copies

    def copies(self, n_copies: int) -> "NeuralController":
        """Return that many copies of the first copy."""
        made = NeuralController.__new__(NeuralController)
        torch.nn.Module.__init__(made)
        made.n_copies = n_copies
        for name in ("weights", "biases"):
            parts = [torch.nn.Parameter(part.detach()[:1].repeat(n_copies, 1, 1)) for part in getattr(self, name)]
            setattr(made, name, torch.nn.ParameterList(parts))
        return made

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return (n_rows, widths[-1]) for rows whose first widths[0] columns are read."""
        n_in = self.weights[0].shape[1]
        values = features[:, :n_in].reshape(self.n_copies, -1, n_in)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = torch.baddbmm(bias, values, weight)
            if layer < len(self.weights) - 1:
                values = torch.tanh(values)
        return values.reshape(len(features), -1)
