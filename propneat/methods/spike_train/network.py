"""Networks of spiking layers: what they are made of, how they are drawn, and how they run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from propneat.base.errors import ConfigError
from propneat.methods.spike_train.kernel import post_synaptic, simulate
from propneat.methods.spike_train.neuron import Neuron

__all__ = [
    "Activity",
    "Layer",
    "Network",
    "calibrate",
    "count_spikes",
    "effects_between",
    "lateral_inhibition",
    "make_layer",
    "run_layer",
    "run_network",
]

_N_BISECTIONS = 12
_GAINS = (0.01, 100.0)
_MOST_GAIN = 6.0


@dataclass(frozen=True, eq=False)
class Layer:
    """Cells with their incoming weights; a trainer writes into the arrays, nobody else does.

    A weight leads from the cell of its row to the cell of its column.
    """

    weights: np.ndarray
    """(n_inputs, n_cells), of the network's precision."""
    recurrent: np.ndarray | None
    """(n_cells, n_cells), 0 where not connected; None for a layer whose cells do not see each other."""
    connected: np.ndarray | None
    """bool (n_cells, n_cells): where the recurrent weights are."""
    threshold: float
    trains_weights: bool = True
    trains_recurrent: bool = True

    @property
    def n_cells(self) -> int:
        """How many cells the layer has."""
        return self.weights.shape[1]

    @property
    def n_parameters(self) -> int:
        """How many weights the layer has."""
        return self.weights.size + (0 if self.connected is None else int(self.connected.sum()))


@dataclass(frozen=True, eq=False)
class Network:
    """Layers of one kind of cell, the lowest first."""

    layers: tuple[Layer, ...]
    neuron: Neuron


@dataclass(frozen=True, eq=False)
class Activity:
    """What a network did."""

    trains: tuple[np.ndarray, ...]
    """The inputs' spike trains, then those of every layer: uint8 (n_rows, n_steps, n_cells)."""
    potentials: np.ndarray
    """Mean potential of every cell of the last layer, in thresholds, (n_rows, n_cells)."""

    @property
    def counts(self) -> np.ndarray:
        """How often every cell of the last layer fired, (n_rows, n_cells)."""
        return count_spikes(self.trains[-1])


def count_spikes(trains: np.ndarray) -> np.ndarray:
    """Return how many spikes every train has, int64 (n_rows, n_cells)."""
    return trains.sum(axis=1, dtype=np.int64)


def make_layer(
    n_inputs: int,
    n_cells: int,
    threshold: float,
    rng: np.random.Generator,
    connected: np.ndarray | None = None,
    recurrent_scale: float = 1.0,
    dtype: type = np.float32,
) -> Layer:
    """Return a layer with weights uniform between -1 and 1, recurrent ones between -`recurrent_scale` and `recurrent_scale`.

    `connected`, bool (n_cells, n_cells), says where recurrent weights are, None that there are none. Raises ConfigError for
    another shape or a threshold that is not positive.
    """
    if not 0 < threshold < float("inf"):
        raise ConfigError(f"threshold must be positive, not {threshold}")
    weights = rng.uniform(-1, 1, (n_inputs, n_cells)).astype(dtype)
    recurrent = None
    if connected is not None:
        if connected.shape != (n_cells, n_cells):
            raise ConfigError(f"connections among {n_cells} cells must have shape {(n_cells, n_cells)}, not {connected.shape}")
        recurrent = (rng.uniform(-recurrent_scale, recurrent_scale, (n_cells, n_cells)) * connected).astype(dtype)
    return Layer(weights, recurrent, connected, threshold)


def lateral_inhibition(layer: Layer, weight: float = -1.0) -> Layer:
    """Return the layer with a fixed weight from every cell to every other."""
    connected = ~np.eye(layer.n_cells, dtype=bool)
    recurrent = (weight * connected).astype(layer.weights.dtype)
    return replace(layer, recurrent=recurrent, connected=connected, trains_recurrent=False)


def run_layer(layer: Layer, neuron: Neuron, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return spike trains (n_rows, n_steps, n_cells) and mean potentials (n_rows, n_cells) for input trains."""
    dtype = layer.weights.dtype
    spikes = np.empty((*inputs.shape[:2], layer.n_cells), np.uint8)
    potentials = np.empty((len(inputs), layer.n_cells), dtype)
    recurrent = layer.recurrent if layer.recurrent is not None else np.empty((0, layer.n_cells), dtype)
    constants = neuron.constants(layer.threshold, dtype)
    simulate(layer.weights, recurrent, constants, neuron.n_rest, inputs, spikes, potentials)
    return spikes, potentials


def run_network(network: Network, inputs: np.ndarray) -> Activity:
    """Run a network on spike trains, uint8 (n_rows, n_steps, n_inputs)."""
    trains, potentials = [inputs], np.empty(0)
    for layer in network.layers:
        spikes, potentials = run_layer(layer, network.neuron, trains[-1])
        trains.append(spikes)
    return Activity(tuple(trains), potentials / network.layers[-1].threshold)


def effects_between(neuron: Neuron, pre: np.ndarray, post: np.ndarray, dtype: np.dtype | type) -> np.ndarray:
    """Return e of all pairs, (n_rows, n_post, n_pre), for trains (n_rows, n_steps, n_pre) and (n_rows, n_steps, n_post)."""
    effects = np.empty((len(pre), post.shape[2], pre.shape[2]), dtype)
    post_synaptic(pre, post, neuron.constants(1.0, dtype), neuron.n_rest, effects)
    return effects


def calibrate(layers: Sequence[Layer], neuron: Neuron, inputs: np.ndarray, mean_counts: Sequence[float]) -> Network:
    """Return a network whose feed-forward weights are scaled so that cells fire about `mean_counts` times on average.

    `inputs`, uint8 (n_rows, n_steps, n_inputs), are typical trains. Layers are scaled one after the other, from below, and by 6
    at most: cells whose weights are mostly negative cannot be made to fire by more of them.
    """
    scaled = []
    for layer, wanted in zip(layers, mean_counts, strict=True):
        low, high = _GAINS
        for _ in range(_N_BISECTIONS):
            middle = float(np.sqrt(low * high))
            spikes, _ = run_layer(_amplified(layer, middle), neuron, inputs)
            low, high = (low, middle) if count_spikes(spikes).mean() > wanted else (middle, high)
        scaled.append(_amplified(layer, min(float(np.sqrt(low * high)), _MOST_GAIN)))
        inputs, _ = run_layer(scaled[-1], neuron, inputs)
    return Network(tuple(scaled), neuron)


def _amplified(layer: Layer, gain: float) -> Layer:
    return replace(layer, weights=(layer.weights * gain).astype(layer.weights.dtype))
