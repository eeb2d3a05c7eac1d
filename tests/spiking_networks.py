"""Small spiking networks, and trains that make them fire."""

import numpy as np

from propneat.methods.spike_train.connectivity import random_connections
from propneat.methods.spike_train.network import Network, make_layer
from propneat.methods.spike_train.neuron import Neuron

NEURON = Neuron()


def random_trains(rng: np.random.Generator, *shape: int, rate: float = 0.2) -> np.ndarray:
    return (rng.random(shape) < rate).view(np.uint8)


def make_network(seed: int = 0, lift: float = 0.2, dtype=np.float64) -> tuple[Network, np.ndarray]:
    """A recurrent layer, a feed-forward one, and trains that make them fire."""
    rng = np.random.default_rng(seed)
    layers = (
        make_layer(9, 8, 3.0, rng, random_connections(8, 0.7, rng), 0.6, dtype),
        make_layer(8, 3, 2.0, rng, dtype=dtype),
    )
    for layer in layers:
        layer.weights[...] += lift
    return Network(layers, NEURON), random_trains(rng, 6, 70, 9)
