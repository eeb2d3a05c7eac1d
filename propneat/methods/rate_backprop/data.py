"""Data of the native study: a synthetic stream of events, bars that move, and scikit-learn's digits as images."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

from propneat.base.errors import ConfigError
from propneat.data.real_sets import japanese_vowels

__all__ = ["Frames", "MovingBars", "digits_as_images", "vowels_as_frames"]


class Frames(NamedTuple):
    """Inputs (n_steps or 1, n_rows, n_channels, height, width) float32, and labels (n_rows,) int64."""

    inputs: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class MovingBars:
    """Events of a bar that moves over a square field in one of eight directions, as a camera of changes would see them.

    The bar stands across its direction, and is as long as the field is wide. A pixel that the bar comes to sends an event of
    the first channel, a pixel that it leaves one of the second; each is lost with probability `loss`, and every pixel of both
    channels sends an event of noise with probability `noise` per step. Speed (pixels per step), width and start are drawn for
    every trial. Without `polarity` both kinds share one channel, and which way a bar moves shows in the order of steps alone.
    Raises ConfigError for values that cannot be used.
    """

    side: int = 12
    n_steps: int = 10
    polarity: bool = True
    loss: float = 0.3
    noise: float = 0.05

    n_classes = 8

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        if self.side < 4 or self.n_steps < 1:
            raise ConfigError(f"side must be 4 or more and n_steps 1 or more, not {self.side} and {self.n_steps}")
        if not 0 <= self.loss <= 1 or not 0 <= self.noise <= 1:
            raise ConfigError(f"loss and noise must lie between 0 and 1, not {self.loss} and {self.noise}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a step."""
        return (2 if self.polarity else 1, self.side, self.side)

    def draw(self, rng: np.random.Generator, n_rows: int) -> Frames:
        """Draw trials; the label counts eighths of a turn."""
        labels = rng.integers(0, self.n_classes, n_rows)
        angle = labels * (2 * np.pi / self.n_classes)
        speed = rng.uniform(0.6, 1.4, n_rows)
        width = rng.uniform(1.5, 3.5, n_rows)
        # the middle of the way lies near the middle of the field, so that all trials cross it
        middle = rng.uniform(-2, 2, n_rows)
        pixels = np.arange(self.side) - (self.side - 1) / 2
        along = np.cos(angle)[:, None, None] * pixels[None, None, :] + np.sin(angle)[:, None, None] * pixels[None, :, None]
        times = np.arange(-1, self.n_steps) - (self.n_steps - 1) / 2
        place = middle + speed * times[:, None]
        covered = np.abs(along[None] - place[:, :, None, None]) <= width[:, None, None] / 2
        came, left = covered[1:] & ~covered[:-1], ~covered[1:] & covered[:-1]
        events = np.stack([came, left], axis=2)
        events &= rng.random(events.shape) >= self.loss
        events |= rng.random(events.shape) < self.noise
        if not self.polarity:
            events = events.any(axis=2, keepdims=True)
        return Frames(events.astype(np.float32), labels)


def digits_as_images() -> Frames:
    """Return scikit-learn's 1,797 digits as constant images (1, n_rows, 1, 8, 8) with values from 0 to 1."""
    images, labels = load_digits(return_X_y=True)
    return Frames((images / 16).astype(np.float32).reshape(1, -1, 1, 8, 8), labels.astype(np.int64))


def vowels_as_frames() -> Frames:
    """Return all 640 utterances of nine speakers as inputs (29, 640, 12) that end at the same step, standardised, 0 before."""
    parts = [japanese_vowels(part) for part in ("TRAIN", "TEST")]
    series = [one for part in parts for one in part[0]]
    every = np.concatenate(series)
    longest = max(map(len, series))
    inputs = np.zeros((longest, len(series), every.shape[1]), np.float32)
    for row, one in enumerate(series):
        inputs[longest - len(one) :, row] = (one - every.mean(0)) / every.std(0)
    return Frames(inputs, np.concatenate([labels for _, labels in parts]))
