"""The paper's sequence tasks: delayed XOR, and handwritten digits read row by row."""

from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from propneat.base.errors import ConfigError

__all__ = ["DelayedXor", "Sequences", "digits_by_rows", "images_by_rows", "utterances"]


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences to classify: `inputs` float32 (n_steps, n_rows, n_inputs), `labels` whole numbers of shape (n_rows,)."""

    inputs: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class DelayedXor:
    """Two cues with a pause between them; the label, asked for at the last step, is 1 if both or neither were given.

    A trial is a cue of 100 ms on the first input, a delay, and a cue of 100 ms on the second. A given cue is a Gaussian bump of
    height 2 and standard deviation 25 ms in the middle of its time; on both inputs there is always a background of 0.02 and
    normal noise of standard deviation 0.01. The label is XOR's complement, as in the paper's code. That each cue has an input
    of its own is this module's reading of "two inputs".
    """

    step_ms: float = 10.0
    delay_ms: float = 700.0

    def __post_init__(self) -> None:
        """Raise ConfigError unless cue and delay are whole numbers of steps."""
        if self.step_ms <= 0 or 100 % self.step_ms or self.delay_ms < 0 or self.delay_ms % self.step_ms:
            raise ConfigError(f"100 ms and {self.delay_ms} ms must be whole numbers of steps of {self.step_ms} ms")

    @property
    def n_steps(self) -> int:
        """Number of steps of a trial."""
        return round((200 + self.delay_ms) / self.step_ms)

    def draw(self, rng: np.random.Generator, n_trials: int) -> Sequences:
        """Return trials whose cues are given or not with probability 1/2 each, independently."""
        given = rng.integers(0, 2, (n_trials, 2))
        n_cue = round(100 / self.step_ms)
        times = (np.arange(n_cue) + 0.5) * self.step_ms
        bump = 2 * np.exp(-((times - 50) ** 2) / (2 * 25**2))
        inputs = 0.02 + 0.01 * rng.standard_normal((self.n_steps, n_trials, 2), dtype=np.float32)
        inputs[:n_cue, :, 0] += bump[:, None] * given[:, 0]
        inputs[-n_cue:, :, 1] += bump[:, None] * given[:, 1]
        return Sequences(inputs.astype(np.float32), (given[:, 0] == given[:, 1]).astype(np.int64))


def digits_by_rows(rng: np.random.Generator, n_blank: int = 0, test_share: float = 0.2) -> tuple[Sequences, Sequences]:
    """Return training and test images of scikit-learn's digits, the 8 pixels of a row at a step, top row first.

    The images are divided at random; every pixel is standardised by its mean and standard deviation in the training images.
    `n_blank` steps of zeros follow the picture.
    """
    pixels, labels = load_digits(return_X_y=True)
    return images_by_rows(pixels.reshape(-1, 8, 8), labels, rng, n_blank, test_share)


def images_by_rows(
    pictures: np.ndarray, labels: np.ndarray, rng: np.random.Generator, n_blank: int = 0, test_share: float = 0.2
) -> tuple[Sequences, Sequences]:
    """Return training and test pictures (n_rows, height, width) as `digits_by_rows` does."""
    order = rng.permutation(len(labels))
    n_test, (height, width) = round(test_share * len(labels)), pictures.shape[1:]
    pixels = pictures.reshape(len(labels), -1).astype(np.float64)
    rows = StandardScaler().fit(pixels[order[n_test:]]).transform(pixels[order])
    images = np.zeros((height + n_blank, len(labels), width), np.float32)
    images[:height] = rows.reshape(-1, height, width).swapaxes(0, 1)
    labels = labels[order].astype(np.int64)
    return Sequences(images[:, n_test:], labels[n_test:]), Sequences(images[:, :n_test], labels[:n_test])


def utterances(
    train: tuple[list[np.ndarray], np.ndarray], test: tuple[list[np.ndarray], np.ndarray]
) -> tuple[Sequences, Sequences]:
    """Return series (n_steps, n_inputs) of many lengths with labels as sequences that end at the same step.

    Every input is standardised by all steps of the training series; steps before a series begins are 0.
    """
    scaler = StandardScaler().fit(np.concatenate(train[0]))
    longest = max(len(one) for one in (*train[0], *test[0]))
    parts = []
    for series, labels in (train, test):
        inputs = np.zeros((longest, len(series), series[0].shape[1]), np.float32)
        for row, one in enumerate(series):
            inputs[longest - len(one) :, row] = scaler.transform(one)
        parts.append(Sequences(inputs, labels))
    return parts[0], parts[1]
