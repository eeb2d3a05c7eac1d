"""A simple cochlea: from a sound wave to how strongly each of a row of frequency channels is driven over time."""

import numpy as np
from scipy.signal import gammatone, lfilter

from propneat.base.errors import DataError

__all__ = ["channel_frequencies", "hear"]

_LOWEST_HZ = 100.0
_HIGHEST_SHARE = 0.45


def channel_frequencies(n_channels: int, sample_rate: float) -> np.ndarray:
    """Return centre frequencies in Hz, shape (n_channels,), evenly spaced on the scale of equivalent rectangular bandwidths.

    They reach from 100 Hz to 45 % of the sample rate (Glasberg and Moore 1990).
    """
    low, high = (21.4 * np.log10(1 + 0.00437 * hz) for hz in (_LOWEST_HZ, _HIGHEST_SHARE * sample_rate))
    return (10 ** (np.linspace(low, high, n_channels) / 21.4) - 1) / 0.00437


def hear(wave: np.ndarray, sample_rate: float, n_channels: int, frame_seconds: float) -> np.ndarray:
    """Return how strongly channels are driven, float32 (n_frames, n_channels) between 0 and 1, 1 being the loudest of the wave.

    Gammatone filters of fourth order, half-wave rectification, the mean over frames, and the cube root. The paper uses Lyon's
    passive ear model, which adds gain control; a wave of silence gives 0. Raises DataError for a wave, shape (n_samples,), that
    is shorter than a frame.
    """
    n_frame = round(frame_seconds * sample_rate)
    n_frames = len(wave) // max(n_frame, 1)
    if n_frame < 1 or n_frames < 1:
        raise DataError(f"a wave must last a frame of {frame_seconds} s or more, not {len(wave)} samples at {sample_rate} Hz")
    frames = np.empty((n_frames, n_channels))
    for channel, frequency in enumerate(channel_frequencies(n_channels, sample_rate)):
        rectified = np.maximum(lfilter(*gammatone(frequency, "iir", fs=sample_rate), wave.astype(np.float64)), 0)
        frames[:, channel] = rectified[: n_frames * n_frame].reshape(n_frames, n_frame).mean(axis=1)
    # the recursive filters leave a ringing below rounding; a true silence has none
    loudest = frames.max()
    return np.cbrt(frames / loudest if loudest > 0 else frames).astype(np.float32)
