"""How well gradients foresee what weights do to spike counts: against finite differences and beside BPTT."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from propneat.base.rng import make_rng
from propneat.methods.spike_train.bptt import bptt_learner
from propneat.methods.spike_train.connectivity import random_connections
from propneat.methods.spike_train.network import Activity, Layer, Network, make_layer, run_network
from propneat.methods.spike_train.neuron import Neuron
from propneat.methods.spike_train.rule import Rule, layer_equations, network_gradients
from propneat.methods.spike_train.training import Gradients, Targets

__all__ = ["LINES", "RULES", "directions_study", "identity_gap", "solve_gaps"]

RULES: Mapping[str, Rule] = {
    "adjoint": Rule(),
    "direct weights": Rule(weight_path="direct"),
    "1 hop": Rule(n_hops=1),
    "no compensation": Rule(compensates=False),
    "neither term": Rule(compensates=False, n_hops=0),
}
"""The rule with all its terms, and without some."""

LINES = (*RULES, "BPTT")
_N_INPUTS, _N_CELLS, _N_STEPS, _THRESHOLD = 30, 20, 100, 4.0
_STEP = 0.03
_CHUNK = 250


def _draw_layer(seed: int, network: int, lift: float) -> tuple[Network, np.random.Generator]:
    """Return a recurrent layer in double precision: weights uniform within 1 about `lift`, recurrent ones within 1/2."""
    rng = make_rng("st-rsbp gradients", seed, network)
    layer = make_layer(_N_INPUTS, _N_CELLS, _THRESHOLD, rng, random_connections(_N_CELLS, 1.0, rng), 0.5, np.float64)
    layer.weights[...] += lift
    return Network((layer,), Neuron()), rng


def directions_study(
    seed: int, lift: float, n_networks: int, n_rows: int, n_directions: int, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Compare slopes of v . o, the sum over rows, along random directions of all weights with those that gradients foresee.

    v is random, o are a recurrent layer's counts for Bernoulli trains of rate 0.1, the same for both sides of a difference.
    Returned as plain values: "foreseen" and "found", lists of (network, direction), "correlation" and "scale" (how much larger
    what is found is, by least squares) of every line per network, and the "mean_count" and "silent_share" of cells.
    """
    found: dict[str, Any] = {"foreseen": {line: [] for line in LINES}, "found": [], "mean_count": [], "silent_share": []}
    for k in range(n_networks):
        network, rng = _draw_layer(seed, k, lift)
        inputs = (rng.random((n_rows, _N_STEPS, _N_INPUTS)) < 0.1).view(np.uint8)
        readout = rng.standard_normal(_N_CELLS)
        activity = run_network(network, inputs)
        gradients = _all_gradients(
            network, activity, readout, lambda k=k: progress(k * n_directions, n_networks * n_directions)
        )
        foreseen: dict[str, list[float]] = {line: [] for line in LINES}
        slopes = []
        for direction in range(n_directions):
            by_weights, by_recurrent = rng.standard_normal((_N_INPUTS, _N_CELLS)), rng.standard_normal((_N_CELLS, _N_CELLS))
            by_recurrent *= network.layers[0].connected
            ends = [_value(_moved(network, sign * _STEP, by_weights, by_recurrent), inputs, readout) for sign in (1, -1)]
            slopes.append((ends[0] - ends[1]) / (2 * _STEP))
            for line, (first, second) in gradients.items():
                foreseen[line].append(float((first * by_weights).sum() + (second * by_recurrent).sum()))
            progress(k * n_directions + direction + 1, n_networks * n_directions)
        found["found"].append(slopes)
        found["mean_count"].append(float(activity.counts.mean()))
        found["silent_share"].append(float((activity.counts == 0).mean()))
        for line in LINES:
            found["foreseen"][line].append(foreseen[line])
    return {**found, **_summary(found)}


def _summary(found: dict[str, Any]) -> dict[str, Any]:
    correlation, scale = {}, {}
    for line, foreseen in found["foreseen"].items():
        pairs = [(np.array(a), np.array(b)) for a, b in zip(foreseen, found["found"], strict=True)]
        correlation[line] = [float(np.corrcoef(a, b)[0, 1]) for a, b in pairs]
        scale[line] = [float(a @ b / (a @ a)) for a, b in pairs]
    return {"correlation": correlation, "scale": scale}


def _all_gradients(
    network: Network, activity: Activity, readout: np.ndarray, progress: Callable[[], None]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the gradients of the summed v . o by both kinds of weights, for every line."""
    found = dict.fromkeys(LINES, (0.0, 0.0))
    for first in range(0, len(activity.trains[0]), _CHUNK):
        chunk = Activity(tuple(train[first : first + _CHUNK] for train in activity.trains), activity.potentials)
        errors = np.tile(readout, (len(chunk.trains[0]), 1))
        parts: dict[str, Gradients] = {name: network_gradients(network, chunk, errors, rule) for name, rule in RULES.items()}
        labels = np.zeros(len(errors), np.int64)
        parts["BPTT"] = bptt_learner()(network, chunk.trains[0], labels, Targets())[1](errors)
        for line, ((by_weights, by_recurrent),) in parts.items():
            found[line] = found[line][0] + by_weights, found[line][1] + by_recurrent
        progress()
    return found


def _moved(network: Network, step: float, by_weights: np.ndarray, by_recurrent: np.ndarray) -> Network:
    layer = network.layers[0]
    moved = Layer(layer.weights + step * by_weights, layer.recurrent + step * by_recurrent, layer.connected, layer.threshold)
    return Network((moved,), network.neuron)


def _value(network: Network, inputs: np.ndarray, readout: np.ndarray) -> float:
    return float((run_network(network, inputs).counts @ readout).sum())


def identity_gap(seed: int) -> dict[str, float]:
    """Return how far weights times e are from the potentials at the spikes, which are found by a plain loop over steps.

    "largest" is the largest relative difference over the cells of 20 rows, "overshoot" the mean of a / (threshold o).
    """
    network, rng = _draw_layer(seed, 0, 0.3)
    layer, neuron = network.layers[0], network.neuron
    inputs = (rng.random((20, _N_STEPS, _N_INPUTS)) < 0.1).view(np.uint8)
    activity = run_network(network, inputs)
    equations = layer_equations(layer, neuron, Rule(), *activity.trains)
    total = np.einsum("bij,ji->bi", equations.effects, layer.weights)
    total += np.einsum("bij,ji->bi", equations.recurrent_effects, layer.recurrent)
    spikes = activity.trains[1]
    reached, potential, current, rest = np.zeros_like(total), np.zeros_like(total), np.zeros_like(total), np.zeros_like(total)
    for t in range(1, _N_STEPS):
        current += inputs[:, t - 1] @ layer.weights + spikes[:, t - 1] @ layer.recurrent - current / neuron.tau_s
        potential += current / neuron.tau_s - potential / neuron.tau_m
        potential[rest > 0] = 0
        rest -= 1
        reached += np.where(spikes[:, t] > 0, potential, 0)
        potential[spikes[:, t] > 0] = 0
        rest[spikes[:, t] > 0] = neuron.n_rest
    fired = activity.counts > 0
    overshoot = reached[fired] / (_THRESHOLD * activity.counts[fired])
    return {"largest": float((np.abs(total - reached) / np.maximum(reached, 1)).max()), "overshoot": float(overshoot.mean())}


def solve_gaps(seed: int, most_hops: int = 8) -> dict[str, Any]:
    """Return how far gradients by truncated sums over paths are from those of the linear system, by the number of hops.

    "gaps" are relative norms of the difference in the recurrent weights' gradient for 0 to `most_hops` hops.
    """
    network, rng = _draw_layer(seed, 0, 0.3)
    inputs = (rng.random((50, _N_STEPS, _N_INPUTS)) < 0.1).view(np.uint8)
    activity, errors = run_network(network, inputs), rng.standard_normal((50, _N_CELLS))
    exact, *others = (network_gradients(network, activity, errors, Rule(n_hops=n))[0][1] for n in (None, *range(most_hops + 1)))
    return {"gaps": [float(np.linalg.norm(other - exact) / np.linalg.norm(exact)) for other in others]}
