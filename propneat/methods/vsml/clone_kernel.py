"""Compiled loss and gradient of learning-algorithm cloning: two ticks forward, two back, at many positions at once."""

import numpy as np

from propneat.base.native import FAST_MATH, inlined, outer
from propneat.methods.vsml.kernel import ROWS, TICKS, tick, tick_gradient
from propneat.methods.vsml.parameters import UNITS

__all__ = ["clone_gradient"]

_F = np.float32
_X, _E, _Y, _ONE = UNITS, UNITS + 1, UNITS + 2, UNITS + 3


@inlined
def _read(head, h, out):
    """Set out (P,) to what a linear map (UNITS + 1,) with bias reads from h."""
    for p in range(out.shape[0]):
        out[p] = head[UNITS]
    for k in range(UNITS):
        for p in range(out.shape[0]):
            out[p] += head[k] * h[k, p]


@inlined
def _read_gradient(head, h, by_out, h_grad, head_grad):
    """Increase h_grad by the gradient through a linear map, and set that of the map."""
    for k in range(UNITS):
        total = _F(0.0)
        for p in range(by_out.shape[0]):
            h_grad[k, p] += head[k] * by_out[p]
        for p in range(by_out.shape[0]):
            total += by_out[p] * h[k, p]
        head_grad[k] = total
    head_grad[UNITS] = by_out.sum()


@outer(fastmath=FAST_MATH)
def clone_gradient(cell, heads, samples, targets, step_weight, inputs, gates, cell_grad, heads_grad):
    """Set the gradient of the cloning loss, and return its parts: squared error of y, of e', and of the steps of w and b.

    cell (4 UNITS, ROWS); heads (2, UNITS + 1) read y and e' from h; samples (4, P) are w, b, x, e; targets (4, P) are y,
    e', and the new w and b. The state is c_0 = w, c_1 = b, all else 0. The loss is the sum of the three parts, the last one
    times step_weight. inputs (TICKS + 1, ROWS, P) and gates (TICKS, 4 UNITS, P) are scratch.
    """
    n = samples.shape[1]
    cells = np.zeros((TICKS + 1, UNITS, n), np.float32)
    squashed = np.zeros((TICKS, UNITS, n), np.float32)
    inputs[0, :UNITS], cells[0, 0], cells[0, 1] = _F(0.0), samples[0], samples[1]
    for slot in range(TICKS):
        inputs[slot, _X], inputs[slot, _Y], inputs[slot, _ONE] = samples[2], _F(0.0), _F(1.0)
        inputs[slot, _E] = samples[3] if slot >= 2 else np.zeros(n, np.float32)
        tick(cell, inputs[slot], cells[slot], gates[slot], squashed[slot], inputs[slot + 1], cells[slot + 1])
    misses = np.empty((4, n), np.float32)
    _read(heads[0], inputs[2], misses[0])
    _read(heads[1], inputs[TICKS], misses[1])
    misses[2], misses[3] = cells[TICKS, 0], cells[TICKS, 1]
    misses -= targets
    parts = np.zeros(4)
    for k in range(4):
        for p in range(n):
            parts[k] += misses[k, p] * misses[k, p] / n
    # the loss counts the mean over both numbers of the state
    share = _F(2.0 / n)
    columns, part = np.ascontiguousarray(cell.T), np.zeros(cell.shape, np.float32)
    inputs_grad, c_grad = np.zeros((ROWS, n), np.float32), np.zeros((UNITS, n), np.float32)
    for p in range(n):
        c_grad[0, p] = share * _F(0.5 * step_weight) * misses[2, p]
        c_grad[1, p] = share * _F(0.5 * step_weight) * misses[3, p]
        misses[0, p] *= share
        misses[1, p] *= share
    _read_gradient(heads[1], inputs[TICKS], misses[1], inputs_grad, heads_grad[1])
    cell_grad[:] = _F(0.0)
    for slot in range(TICKS - 1, -1, -1):
        if slot == 1:
            _read_gradient(heads[0], inputs[2], misses[0], inputs_grad, heads_grad[0])
        tick_gradient(columns, cells[slot], gates[slot], squashed[slot], inputs_grad, c_grad)
        np.dot(gates[slot], inputs[slot].T, part)
        cell_grad += part
    return parts[0], parts[1], 0.5 * (parts[2] + parts[3])
