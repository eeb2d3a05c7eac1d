"""Backpropagation at the level of spike trains: errors cross layers by how trains affect trains, not step by step."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from propneat.base.errors import ConfigError
from propneat.methods.spike_train.network import Activity, Layer, Network, count_spikes, effects_between
from propneat.methods.spike_train.neuron import Neuron, post_count_slopes

__all__ = ["Equations", "Rule", "layer_equations", "network_gradients", "solve_adjoint"]

_SILENT_RATIO = 0.5
_LEAST_COMPENSATION = 1e-4


@dataclass(frozen=True)
class Rule:
    """Which terms the rule keeps; the defaults are the rule, all else is for comparison.

    `n_hops` None solves the linear system of a recurrent layer exactly; a number truncates the sum over paths after that many
    recurrent synapses. `compensates` keeps the term for how a cell's count changes the effects on itself. `weight_path` is
    "adjoint", where a weight is told also what its cell does through recurrent synapses, or "direct", as in the authors'
    program, where only what goes on to the layer below is. `least_compensation` is the least C; None keeps C's sign and its
    size at 1e-4 or more, as in the authors' program. A C near 0 makes one row outweigh all others, and a stable cell has none.
    """

    n_hops: int | None = None
    compensates: bool = True
    weight_path: str = "adjoint"
    least_compensation: float | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError for a term that does not exist."""
        if self.weight_path not in ("adjoint", "direct"):
            raise ConfigError(f"weight_path must be adjoint or direct, not {self.weight_path}")
        if self.n_hops is not None and self.n_hops < 0:
            raise ConfigError(f"n_hops must be None or 0 or more, not {self.n_hops}")
        if self.least_compensation is not None and not 0 < self.least_compensation <= 1:
            raise ConfigError(f"least_compensation must be None or lie between 0 and 1, not {self.least_compensation}")


class Equations(NamedTuple):
    """What links the total potentials a of a layer's cells, their weights, and the counts of the cells before them."""

    effects: np.ndarray
    """e, (n_rows, n_cells, n_inputs)."""
    recurrent_effects: np.ndarray | None
    """e among the layer's cells, (n_rows, n_cells, n_cells)."""
    ratios: np.ndarray
    """phi, the derivative of e by the pre count, (n_rows, n_cells, n_inputs)."""
    compensation: np.ndarray
    """C, (n_rows, n_cells)."""
    coupling: np.ndarray | None
    """Theta, the derivative of a by a through recurrent synapses, (n_rows, n_cells, n_cells)."""


def layer_equations(
    layer: Layer, neuron: Neuron, rule: Rule, pre: np.ndarray, post: np.ndarray, lent: np.ndarray | None = None
) -> Equations:
    """Return the equations of a layer that received the trains `pre` and fired `post`, (n_rows, n_steps, n_cells).

    `lent`, if given, are the trains that effects are taken from instead of `post`; C is that of what was fired: a silent cell
    which is lent spikes has a negative drive and would get a C of the wrong sign by their count.
    """
    dtype = layer.weights.dtype
    pre_counts, counts = count_spikes(pre).astype(dtype), count_spikes(post).astype(dtype)
    drive = pre_counts @ layer.weights
    fired_counts = counts
    if lent is not None:
        post, counts = lent, count_spikes(lent).astype(dtype)
    effects = effects_between(neuron, pre, post, dtype)
    recurrent_effects = coupling = None
    if layer.recurrent is not None:
        drive += fired_counts @ layer.recurrent
        recurrent_effects = effects_between(neuron, post, post, dtype)
        coupling = layer.recurrent.T * _ratios(recurrent_effects, counts, counts) / dtype.type(layer.threshold)
    compensation = np.ones_like(drive)
    if rule.compensates:
        slopes = post_count_slopes(neuron, pre.shape[1]).astype(dtype)
        at = np.minimum(fired_counts.astype(np.int64), len(slopes) - 1)
        compensation -= slopes[at] * drive / dtype.type(layer.threshold)
        compensation = _bounded(compensation, rule.least_compensation)
    return Equations(effects, recurrent_effects, _ratios(effects, pre_counts, counts), compensation, coupling)


def _bounded(compensation: np.ndarray, least: float | None) -> np.ndarray:
    if least is not None:
        return np.maximum(compensation, compensation.dtype.type(least))
    small = np.abs(compensation) < _LEAST_COMPENSATION
    compensation[small] = np.where(compensation[small] < 0, -_LEAST_COMPENSATION, _LEAST_COMPENSATION)
    return compensation


def _ratios(effects: np.ndarray, pre_counts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return e per pre spike; a half where either cell is silent, so that errors still pass."""
    ratios = effects / np.maximum(pre_counts, 1)[:, None, :]
    ratios[(pre_counts == 0)[:, None, :] | (counts == 0)[:, :, None]] = _SILENT_RATIO
    return ratios


def solve_adjoint(equations: Equations, delta: np.ndarray, n_hops: int | None = None) -> np.ndarray:
    """Return g, the derivative of the loss by what is added to a from outside, for `delta`, that by a itself; both
    (n_rows, n_cells).

    (diag(C) - Theta)^T g = delta, solved row by row; or, with `n_hops`, C g = delta + Theta^T g iterated that often.
    """
    if equations.coupling is None:
        return delta / equations.compensation
    turned = equations.coupling.swapaxes(1, 2)
    if n_hops is None:
        system = -turned
        cells = np.arange(delta.shape[1])
        system[:, cells, cells] += equations.compensation
        return np.linalg.solve(system, delta[:, :, None])[:, :, 0]
    found = delta / equations.compensation
    for _ in range(n_hops):
        found = (delta + (turned @ found[:, :, None])[:, :, 0]) / equations.compensation
    return found


def network_gradients(
    network: Network, activity: Activity, errors: np.ndarray, rule: Rule, lent: np.ndarray | None = None
) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Return for every layer the gradients by its weights (n_inputs, n_cells) and its recurrent ones (None without).

    `errors` (n_rows, n_outputs) is the derivative of the loss by the output counts. Gradients are summed over rows; those of
    weights that are not connected are 0. `lent` replaces the output trains where effects are taken, see `layer_equations`.

    Zhang and Li (2019), spike-train level RSBP. Departures: the linear system is solved in its adjoint form, once per row for
    one vector instead of for every input; and weights are told the whole effect, see `Rule`. Inhibition among outputs is
    solved like any recurrent layer, where the authors' program uses the second-order approximation of the inverse's diagonal.
    """
    gradients: list[tuple[np.ndarray, np.ndarray | None]] = []
    for layer, pre, post in zip(network.layers[::-1], activity.trains[-2::-1], activity.trains[::-1], strict=False):
        delta = (errors / layer.threshold).astype(layer.weights.dtype)
        equations = layer_equations(layer, network.neuron, rule, pre, post, None if gradients else lent)
        found = solve_adjoint(equations, delta, rule.n_hops)
        told = found if rule.weight_path == "adjoint" else delta / equations.compensation
        by_recurrent = None
        if layer.connected is not None and equations.recurrent_effects is not None:
            by_recurrent = _by_weights(told, equations.recurrent_effects) * layer.connected
        gradients.append((_by_weights(told, equations.effects), by_recurrent))
        if len(gradients) < len(network.layers):
            errors = ((equations.ratios * layer.weights.T) * found[:, :, None]).sum(axis=1)
    return gradients[::-1]


def _by_weights(told: np.ndarray, effects: np.ndarray) -> np.ndarray:
    return np.einsum("bi,bij->ji", told, effects)
