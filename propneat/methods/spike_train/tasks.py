"""What networks are to tell apart: digits as pictures and row by row, and words made of the same sounds in other orders."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from sklearn.datasets import load_digits

from propneat.base.errors import ConfigError
from propneat.data.real_sets import japanese_vowels
from propneat.methods.spike_train.encoding import with_bias

__all__ = ["Rates", "Words", "digit_pictures", "digit_rows", "spoken_vowels"]

_BIAS_RATE = 0.3


@dataclass(frozen=True, eq=False)
class Rates:
    """Spike probabilities per step, float32 (n_rows, n_bins, n_channels), and labels, whole numbers of shape (n_rows,)."""

    rates: np.ndarray
    labels: np.ndarray

    def chosen(self, rows: np.ndarray) -> "Rates":
        """Return the rows of these numbers."""
        return Rates(self.rates[rows], self.labels[rows])


def digit_pictures(largest: float = 0.3) -> Rates:
    """Return scikit-learn's 1,797 digits as one bin of 64 pixels, the darkest at `largest`, and a constant channel."""
    pixels, labels = load_digits(return_X_y=True)
    return Rates(with_bias((pixels * largest / 16).astype(np.float32), _BIAS_RATE)[:, None], labels)


def digit_rows(largest: float = 0.5) -> Rates:
    """Return the digits as 8 bins, one per row from the top, of 8 pixels each and a constant channel."""
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels * largest / 16).astype(np.float32).reshape(-1, 8, 8)
    return Rates(with_bias(images, _BIAS_RATE), labels)


def spoken_vowels(largest: float = 0.5) -> Rates:
    """Return 640 utterances of nine speakers as 29 bins, silent before they begin, of 24 channels and a constant one.

    Every one of the 12 coefficients, standardised, has a channel for what lies above its mean and one for what lies below;
    two standard deviations are the rate `largest`.
    """
    parts = [japanese_vowels(part) for part in ("TRAIN", "TEST")]
    series = [one for part in parts for one in part[0]]
    every = np.concatenate(series)
    longest = max(map(len, series))
    rates = np.zeros((len(series), longest, 2 * every.shape[1]), np.float32)
    for row, one in enumerate(series):
        standard = (one - every.mean(0)) / every.std(0)
        both = np.concatenate([np.maximum(standard, 0), np.maximum(-standard, 0)], axis=1)
        rates[row, longest - len(one) :] = np.minimum(both / 2, 1) * largest
    return Rates(with_bias(rates, _BIAS_RATE), np.concatenate([labels for _, labels in parts]))


@dataclass(frozen=True)
class Words:
    """Utterances of words that a made-up cochlea of `n_channels` hears: every word is the same sounds in another order.

    A sound is a spectrum of two formants: two Gaussian bumps over the channels. A word is an order of the `n_sounds` sounds,
    so the mean rate of every channel is the same for all words, and only order tells them apart. A speaker shifts the
    spectrum by up to one channel in twenty, is louder or less loud by up to 30 %, and gives every sound a length of its own,
    0.6 to 1.4 times the mean. This stands in for the licensed recordings of spoken digits, TI46 and N-TIDIGITS, which cannot
    be shipped.
    """

    n_words: int = 10
    n_sounds: int = 4
    n_channels: int = 40
    n_steps: int = 100
    largest: float = 0.3

    def __post_init__(self) -> None:
        """Raise ConfigError where there are fewer orders than words."""
        if not 2 <= self.n_words <= len(list(permutations(range(self.n_sounds)))):
            raise ConfigError(f"{self.n_sounds} sounds do not make {self.n_words} words")

    def draw(self, n_rows: int, vocabulary: np.random.Generator, rng: np.random.Generator) -> Rates:
        """Return utterances, words in turn: `vocabulary` draws sounds and words, `rng` the speakers; a bin is a step."""
        spectra = self._spectra(vocabulary)
        orders = np.array(list(permutations(range(self.n_sounds))))
        words = orders[vocabulary.permutation(len(orders))[: self.n_words]]
        labels = np.arange(n_rows) % self.n_words
        rates = np.zeros((n_rows, self.n_steps, self.n_channels), np.float32)
        for row, label in enumerate(labels):
            lengths = rng.uniform(0.6, 1.4, self.n_sounds)
            ends = np.cumsum(lengths) / lengths.sum() * self.n_steps
            sounding = words[label][np.searchsorted(ends[:-1], np.arange(self.n_steps), side="right")]
            centres = np.arange(self.n_channels) + rng.uniform(-0.05, 0.05) * self.n_channels
            loudness = rng.uniform(0.7, 1.3)
            heard = np.stack([np.interp(centres, np.arange(self.n_channels), spectrum) for spectrum in spectra])
            rates[row] = np.minimum(loudness * heard[sounding], 1)
        return Rates(with_bias(rates, _BIAS_RATE), labels)

    def _spectra(self, rng: np.random.Generator) -> np.ndarray:
        """Return the sounds' spectra, (n_sounds, n_channels)."""
        centres = rng.permutation(np.linspace(0.1, 0.9, 2 * self.n_sounds))
        channels = np.linspace(0, 1, self.n_channels)
        bumps = np.exp(-((channels - centres[:, None]) ** 2) / (2 * 0.06**2))
        return self.largest * (bumps[: self.n_sounds] + bumps[self.n_sounds :])
