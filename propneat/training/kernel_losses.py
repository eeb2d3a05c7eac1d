"""The losses, their values and the gradients at the outputs over one tile of rows, as vector code."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba.core import types

from propneat.base.native import bare
from propneat.settings.training import check_forms
from propneat.training.kernel_math import exponential, log_one_plus, logarithm
from propneat.training.kernel_tile import LANES, ROWS
from propneat.training.settings import LOSSES
from propneat.training.vector_code import Lanes, maximum, select, vector_function

__all__ = ["loss_of_mean", "output_loss"]

check_forms(__name__, losses=("bce", "cross_entropy", "mse", "rmse"))

_F = np.float32
_BCE, _CROSS_ENTROPY, _RMSE = (LOSSES.index(name) for name in ("bce", "cross_entropy", "rmse"))


def _binary_cross_entropy(z: Lanes, y: Lanes) -> tuple[Lanes, Lanes]:
    e = exponential(-abs(z))
    r = 1.0 / (1.0 + e)
    return maximum(z, 0.0) - z * y + log_one_plus(e), select(z >= 0.0, r, e * r) - y


def _squared_error(z: Lanes, y: Lanes) -> tuple[Lanes, Lanes]:
    difference = z - y
    return difference * difference, 2.0 * difference


@partial(vector_function, returns=types.float32)
def _row_loss(emit, is_bce, z, g, y, weights, share):
    """g = share * weight * d loss / d z; returns the weighted sum of losses."""
    share, total = emit.splat(share, LANES), emit.variable(emit.splat(0.0, LANES))

    def apply(formula: Callable[[Lanes, Lanes], tuple[Lanes, Lanes]]) -> None:
        with emit.loop(0, ROWS, LANES) as start:
            weight, value, target = (emit.load(emit.at(row, start), LANES) for row in (weights, z, y))
            loss, slope = formula(value, target)
            emit.store(share * weight * slope, emit.at(g, start))
            emit.put(total, weight.times_plus(loss, emit.get(total)))

    emit.choose(is_bce, {1: partial(apply, _binary_cross_entropy), 0: partial(apply, _squared_error)})
    return emit.get(total).sum()


@partial(vector_function, returns=types.float32)
def _cross_entropy(emit, tile, gradients, outputs, n_outputs, targets, weights, share):
    """Softmax over the outputs: gradients as in `output_loss`; returns the weighted sum of losses."""
    share = emit.splat(share, LANES)
    total, largest, normal = (emit.variable(emit.splat(0.0, LANES)) for _ in range(3))

    def at(rows: Any, index: Any) -> Any:
        return emit.at(emit.row(rows, index, ROWS), start)

    with emit.loop(0, ROWS, LANES) as start:
        emit.put(largest, emit.load(at(tile, emit.element(outputs)), LANES))
        with emit.loop(1, n_outputs) as k:
            emit.put(largest, maximum(emit.load(at(tile, emit.element(outputs, k)), LANES), emit.get(largest)))
        emit.put(normal, emit.splat(0.0, LANES))
        with emit.loop(0, n_outputs) as k:
            slot = emit.element(outputs, k)
            e = exponential(emit.load(at(tile, slot), LANES) - emit.get(largest))
            emit.store(e, at(gradients, slot))
            emit.put(normal, emit.get(normal) + e)
        weight = emit.load(emit.at(weights, start), LANES)
        emit.put(total, weight.times_plus(logarithm(emit.get(normal)) + emit.get(largest), emit.get(total)))
        with emit.loop(0, n_outputs) as k:
            slot = emit.element(outputs, k)
            y, z, e = (emit.load(at(*place), LANES) for place in ((targets, k), (tile, slot), (gradients, slot)))
            emit.put(total, emit.get(total) - weight * y * z)
            emit.store(share * weight * (e / emit.get(normal) - y), at(gradients, slot))
    return emit.get(total).sum()


@bare
def output_loss(loss, tile, gradients, outputs, targets, weights, share):
    """Write share * weight * d loss / d output into the output rows of `gradients`; return the weighted sum of losses.

    `targets` has shape (n_outputs, ROWS), `weights` shape (ROWS,); `share` is one over the sum of weights of the whole batch.
    Losses of several outputs are averaged, cross entropy is joint. "rmse" is treated as "mse" here: the root is taken over
    the batch, by `loss_of_mean`.
    """
    if loss == _CROSS_ENTROPY:
        return _cross_entropy(tile, gradients, outputs, outputs.shape[0], targets, weights, share)
    per_output = _F(1) / _F(outputs.shape[0])
    total = _F(0)
    for k in range(outputs.shape[0]):
        slot = outputs[k]
        total += _row_loss(loss == _BCE, tile[slot], gradients[slot], targets[k], weights, share * per_output)
    return total * per_output


@bare
def loss_of_mean(loss, mean):
    """Return the loss of a batch and the factor for its gradients, from the mean that `output_loss` leads to."""
    if loss != _RMSE:
        return mean, _F(1)
    root = np.sqrt(mean)
    return root, _F(0.5 / root) if root > 0 else _F(0)
