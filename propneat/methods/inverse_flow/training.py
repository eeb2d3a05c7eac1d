"""Likelihood of images with grey levels, and training of a flow by it under watch of its stability."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, log, pi

import numpy as np
import torch

from propneat.base.errors import ConfigError
from propneat.methods.inverse_flow.flow import Flow, log_normal

__all__ = ["Epoch", "FlowTraining", "bits_per_dimension", "dequantise", "evaluate", "train_flow"]


@dataclass(frozen=True)
class FlowTraining:
    """Adam with a rate that falls by half a cosine, on shuffled batches, gradients clipped to a norm.

    Departure from Nagar and Varma 2025: they divide the rate by 10 after 50 epochs.
    """

    n_epochs: int = 40
    batch_size: int = 100
    learning_rate: float = 3e-3
    largest_norm: float = 5.0

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        if min(self.n_epochs, self.batch_size) < 1 or not min(self.learning_rate, self.largest_norm) > 0:
            raise ConfigError("n_epochs and batch_size must be 1 or more, learning_rate and largest_norm positive")


@dataclass(frozen=True)
class Epoch:
    """What an epoch of training left."""

    train_bits: float
    """Mean over its batches, in bits per dimension, each taken before its update."""
    test_bits: float
    gain: float
    """The largest max|x| / max|y| that any inverse convolution met, in training and in the judgement after it."""
    reconstruction: float
    """Largest difference of images after encoding and decoding."""


def dequantise(levels: np.ndarray, n_levels: int, rng: np.random.Generator) -> torch.Tensor:
    """Return (grey level + uniform noise) / n_levels, float32 in [0, 1), for whole numbers below n_levels."""
    values = (levels + rng.random(levels.shape)) / n_levels
    # rounding to float32 may reach 1
    return torch.from_numpy(np.minimum(values.astype(np.float32), np.float32(1 - 2**-24)))


def bits_per_dimension(log_density: torch.Tensor | float, n_dimensions: int, n_levels: int) -> torch.Tensor | float:
    """Return the bits per dimension of grey levels, from the log density in nats of values scaled to [0, 1].

    A level is a cube of volume n_levels^-n_dimensions, so uniform values need log2(n_levels) bits.
    """
    return (n_dimensions * log(n_levels) - log_density) / (n_dimensions * log(2))


@torch.no_grad()
def evaluate(flow: Flow, levels: np.ndarray, n_levels: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return bits per dimension of images, (n, C, H, W), and the largest error after encoding and decoding."""
    flow.eval()
    u = dequantise(levels, n_levels, rng).to(next(flow.parameters()).device)
    latents, log_det = flow.encode(u)
    density = log_det + sum(log_normal(latent) for latent in latents)
    bits = bits_per_dimension(float(density.double().mean()), u[0].numel(), n_levels)
    return bits, float((flow.decode(latents) - u).abs().max())


def train_flow(
    flow: Flow,
    levels: np.ndarray,
    test_levels: np.ndarray,
    n_levels: int,
    training: FlowTraining,
    rng: np.random.Generator,
    after_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> list[Epoch]:
    """Train a flow in place on grey levels (n_images, C, H, W), with fresh noise in every epoch; return its epochs.

    `test_levels` are looked at after every epoch, and have no influence.
    """
    optimiser = torch.optim.Adam(flow.parameters(), training.learning_rate)
    device, n_images = next(flow.parameters()).device, len(levels)
    n_batches = max(1, n_images // training.batch_size)
    noise = np.random.Generator(np.random.PCG64(rng.integers(2**63)))
    epochs, n_done = [], 0
    for _ in range(training.n_epochs):
        flow.train()
        for layer in flow.inverse_convs():
            layer.largest_gain = 0.0
        total = 0.0
        for rows in np.array_split(rng.permutation(n_images), n_batches):
            u = dequantise(levels[rows], n_levels, rng).to(device)
            bits = bits_per_dimension(flow.log_prob(u).mean(), u[0].numel(), n_levels)
            optimiser.param_groups[0]["lr"] = training.learning_rate * _fall(n_done / (training.n_epochs * n_batches))
            optimiser.zero_grad()
            bits.backward()
            torch.nn.utils.clip_grad_norm_(flow.parameters(), training.largest_norm)
            optimiser.step()
            total += float(bits.detach()) / n_batches
            n_done += 1
        test_bits, reconstruction = evaluate(flow, test_levels, n_levels, noise)
        gain = max(layer.largest_gain for layer in flow.inverse_convs())
        epochs.append(Epoch(total, test_bits, gain, reconstruction))
        after_epoch(epochs[-1])
    return epochs


def _fall(share: float) -> float:
    return 0.5 * (1 + cos(pi * share))
