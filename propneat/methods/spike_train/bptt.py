"""The rival: backpropagation through every step in time, the spike's derivative replaced by a smooth one."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from propneat.methods.spike_train.network import Layer, Network
from propneat.methods.spike_train.neuron import Neuron
from propneat.methods.spike_train.training import Gradients, Learner, Targets

__all__ = ["bptt_learner"]


class _Past(NamedTuple):
    """What a layer did, step by step: the first axis is time, the second rows."""

    inputs: np.ndarray
    """0 and 1 of the network's precision, (n_steps, n_rows, n_inputs)."""
    spikes: np.ndarray
    """Likewise, (n_steps, n_rows, n_cells)."""
    slopes: np.ndarray
    """The derivative that stands in for that of a spike by the potential, (n_steps, n_rows, n_cells)."""
    awake: np.ndarray
    """0 where a cell rested, else 1, (n_steps, n_rows, n_cells)."""


def bptt_learner(sharpness: float = 5.0) -> Learner:
    """Return what the trainer needs to learn by BPTT with a surrogate derivative.

    The cell is the same to the step. Where x is the potential's distance from the threshold in thresholds, the derivative of a
    spike by x is 1 / (1 + sharpness |x|)^2 (SuperSpike; Zenke and Ganguli 2018). The reset and the rest pass no gradient.
    """

    def learn(
        network: Network, inputs: np.ndarray, labels: np.ndarray, targets: Targets
    ) -> tuple[np.ndarray, Callable[[np.ndarray], Gradients]]:
        pasts: list[_Past] = []
        trains = np.ascontiguousarray(inputs.swapaxes(0, 1), network.layers[0].weights.dtype)
        for layer in network.layers:
            pasts.append(_run(layer, network.neuron, trains, sharpness))
            trains = pasts[-1].spikes
        counts = trains.sum(axis=0).astype(np.int64)
        return counts, lambda errors: _gradients(network, pasts, errors)

    return learn


def _run(layer: Layer, neuron: Neuron, inputs: np.ndarray, sharpness: float) -> _Past:
    n_steps, n_rows, _ = inputs.shape
    dtype = layer.weights.dtype
    keep_potential, keep_current, gain, threshold = neuron.constants(layer.threshold, dtype)
    received = inputs @ layer.weights
    above, awake = np.full_like(received, -layer.threshold), np.ones_like(received)
    spikes = np.zeros_like(received)
    current, potential = np.zeros_like(received[0]), np.zeros_like(received[0])
    rest = np.zeros((n_rows, layer.n_cells), np.int64)
    for t in range(1, n_steps):
        current *= keep_current
        current += received[t - 1]
        if layer.recurrent is not None:
            current += spikes[t - 1] @ layer.recurrent
        awake[t] = rest <= 0
        potential *= keep_potential
        potential += gain * current
        potential *= awake[t]
        np.subtract(potential, threshold, out=above[t])
        fired = above[t] > 0
        spikes[t] = fired
        potential[fired] = 0
        rest -= 1
        rest[fired] = neuron.n_rest
    slopes = 1 / (1 + sharpness / layer.threshold * np.abs(above)) ** 2 / layer.threshold
    return _Past(inputs, spikes, slopes.astype(dtype), awake)


def _gradients(network: Network, pasts: list[_Past], errors: np.ndarray) -> Gradients:
    """Return every layer's gradients, summed over rows; `errors` (n_rows, n_outputs) are by the output counts."""
    by_spikes = np.broadcast_to(errors.astype(network.layers[0].weights.dtype), pasts[-1].spikes.shape)
    found: Gradients = []
    for layer, past in zip(network.layers[::-1], pasts[::-1], strict=True):
        by_current = _back(layer, network.neuron, past, by_spikes)
        by_weights = np.tensordot(past.inputs[:-1], by_current[1:], ((0, 1), (0, 1)))
        by_recurrent = None
        if layer.recurrent is not None:
            by_recurrent = np.tensordot(past.spikes[:-1], by_current[1:], ((0, 1), (0, 1))) * layer.connected
        found.append((by_weights, by_recurrent))
        if len(found) < len(pasts):
            by_spikes = np.zeros_like(past.inputs)
            by_spikes[:-1] = by_current[1:] @ layer.weights.T
    return found[::-1]


def _back(layer: Layer, neuron: Neuron, past: _Past, by_spikes: np.ndarray) -> np.ndarray:
    """Return the derivative by what a layer's currents gain at every step, (n_steps, n_rows, n_cells)."""
    keep_potential, keep_current, gain, _ = neuron.constants(layer.threshold, layer.weights.dtype)
    kept = keep_potential * (1 - past.spikes)
    by_current, by_potential = np.zeros_like(past.spikes), np.zeros_like(past.spikes[0])
    for t in range(len(past.spikes) - 1, 0, -1):
        by_spike = by_spikes[t]
        if t + 1 < len(past.spikes):
            by_current[t] = keep_current * by_current[t + 1]
            if layer.recurrent is not None:
                by_spike = by_spike + by_current[t + 1] @ layer.recurrent.T
        by_potential *= kept[t]
        by_potential += past.slopes[t] * by_spike
        by_potential *= past.awake[t]
        by_current[t] += gain * by_potential
    return by_current
