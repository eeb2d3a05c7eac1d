"""Compiled losses: the value and the gradient at the outputs, over one tile of rows."""

import numpy as np

from propneat.native import FAST_MATH, bare
from propneat.training.kernel_math import exponential, logarithm
from propneat.training.kernel_tiles import ROWS
from propneat.training.settings import LOSSES

__all__ = ["loss_of_mean", "output_loss"]

_F = np.float32
_BCE, _CROSS_ENTROPY, _MSE, _RMSE = (LOSSES.index(name) for name in ("bce", "cross_entropy", "mse", "rmse"))


@bare(fastmath=FAST_MATH)
def _binary_cross_entropy(z, g, y, weights, share):
    total = _F(0)
    for i in range(ROWS):
        e = exponential(-abs(z[i]))
        r = _F(1) / (_F(1) + e)
        p = r if z[i] >= _F(0) else e * r
        g[i] = share * weights[i] * (p - y[i])
        total += weights[i] * (max(z[i], _F(0)) - z[i] * y[i] + logarithm(_F(1) + e))
    return total


@bare(fastmath=FAST_MATH)
def _squared_error(z, g, y, weights, share):
    total = _F(0)
    for i in range(ROWS):
        difference = z[i] - y[i]
        g[i] = _F(2) * share * weights[i] * difference
        total += weights[i] * difference * difference
    return total


@bare(fastmath=FAST_MATH)
def _cross_entropy(tile, gradients, outputs, targets, weights, share, work):
    """Softmax over the outputs; `work` holds the largest logit, then the sum of exponentials, of every row."""
    n_outputs = outputs.shape[0]
    largest, normal = work[0], work[1]
    for i in range(ROWS):
        largest[i] = tile[outputs[0], i]
        normal[i] = _F(0)
    for k in range(1, n_outputs):
        z = tile[outputs[k]]
        for i in range(ROWS):
            largest[i] = max(largest[i], z[i])
    for k in range(n_outputs):
        z, g = tile[outputs[k]], gradients[outputs[k]]
        for i in range(ROWS):
            g[i] = exponential(z[i] - largest[i])
            normal[i] += g[i]
    total = _F(0)
    for i in range(ROWS):
        total += weights[i] * (logarithm(normal[i]) + largest[i])
        normal[i] = _F(1) / normal[i]
    for k in range(n_outputs):
        z, g, y = tile[outputs[k]], gradients[outputs[k]], targets[k]
        for i in range(ROWS):
            total -= weights[i] * y[i] * z[i]
            g[i] = share * weights[i] * (g[i] * normal[i] - y[i])
    return total


@bare(fastmath=FAST_MATH)
def output_loss(loss, tile, gradients, outputs, targets, weights, share, work):
    """Write share * weight * d loss / d output into the output rows of `gradients`; return the weighted sum of losses.

    `targets` has shape (n_outputs, ROWS), `weights` shape (ROWS,); `share` is one over the sum of weights of the whole batch. Losses of several outputs are averaged, cross entropy is joint.
    "rmse" is treated as "mse" here: the root is taken over the batch, by `loss_of_mean`.
    """
    if loss == _CROSS_ENTROPY:
        return _cross_entropy(tile, gradients, outputs, targets, weights, share, work)
    per_output = _F(1) / _F(outputs.shape[0])
    total = _F(0)
    for k in range(outputs.shape[0]):
        z, g = tile[outputs[k]], gradients[outputs[k]]
        if loss == _BCE:
            total += _binary_cross_entropy(z, g, targets[k], weights, share * per_output)
        else:
            total += _squared_error(z, g, targets[k], weights, share * per_output)
    return total * per_output


@bare
def loss_of_mean(loss, mean):
    """Return the loss of a batch and the factor for its gradients, from the mean that `output_loss` leads to."""
    if loss != _RMSE:
        return mean, _F(1)
    root = np.sqrt(mean)
    return root, _F(0.5 / root) if root > 0 else _F(0)
