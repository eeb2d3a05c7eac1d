"""Compiled loops of one dense VSML layer: the fused LSTM over all weight positions, its episode, and the way back in time.

Positions are innermost so that the compiler turns every loop into vector code; a layer of A inputs and B outputs has
A*B positions, padded to whole vectors with positions that nobody reads.
"""

import numpy as np

from propneat.base.native import FAST_MATH, inlined, outer
from propneat.methods.vsml.parameters import MESSAGE, UNITS
from propneat.training.kernel_math import exponential_of as exponential
from propneat.training.kernel_math import logarithm_of as logarithm
from propneat.training.kernel_math import sigmoid_of as sigmoid

__all__ = ["LANES", "ROWS", "TICKS", "episode", "episode_gradient", "frozen_logits", "tick", "tick_gradient"]

_F = np.float32
LANES = 16
"""Positions are padded to a multiple of this."""
ROWS = UNITS + 4
"""Rows of what a tick reads: h, then the forward message, the error, the label, and 1 for the bias."""
TICKS = 4
"""Ticks per example: two in the forward sweep, two in the backward sweep."""
_X, _E, _Y, _ONE = UNITS, UNITS + 1, UNITS + 2, UNITS + 3
_CLIP = _F(100.0)
_EPSILON = _F(1e-5)


@inlined
def _tanh(x):
    return _F(2.0) * sigmoid(x + x) - _F(1.0)


@inlined
def tick(cell, inputs, c, gates, squashed, inputs_next, c_next):
    """Advance every position by one LSTM step.

    cell (4 UNITS, ROWS), inputs (ROWS, P), c (UNITS, P); sets gates (4 UNITS, P) to the activations of the input,
    candidate, forget and output gates, squashed (UNITS, P) to tanh(c_next), c_next (UNITS, P), and the first UNITS rows of
    inputs_next (ROWS, P) to the new h.
    """
    n = inputs.shape[1]
    np.dot(cell, inputs, gates)
    # few arrays per loop: the compiler makes vector code only where it can check that they do not overlap
    for k in range(4 * UNITS):
        if UNITS <= k < 2 * UNITS:
            for p in range(n):
                gates[k, p] = _tanh(gates[k, p])
        else:
            for p in range(n):
                gates[k, p] = sigmoid(gates[k, p])
    for k in range(UNITS):
        for p in range(n):
            c_next[k, p] = gates[2 * UNITS + k, p] * c[k, p] + gates[k, p] * gates[UNITS + k, p]
        for p in range(n):
            squashed[k, p] = _tanh(c_next[k, p])
        for p in range(n):
            inputs_next[k, p] = gates[3 * UNITS + k, p] * squashed[k, p]


@inlined
def tick_gradient(cell_columns, c, gates, squashed, inputs_grad, c_grad):
    """Take the gradient of one LSTM step.

    inputs_grad (ROWS, P), whose first UNITS rows are the gradient by the new h, and c_grad (UNITS, P), by the new c, are
    replaced by the gradients by what the step read; gates (4 UNITS, P) by that of its values before activation.
    cell_columns is the transposed cell, (ROWS, 4 UNITS).
    """
    n = c.shape[1]
    for k in range(UNITS):
        i, g, f, o = gates[k], gates[UNITS + k], gates[2 * UNITS + k], gates[3 * UNITS + k]
        for p in range(n):
            c_grad[k, p] += inputs_grad[k, p] * o[p] * (_F(1.0) - squashed[k, p] * squashed[k, p])
        for p in range(n):
            o[p] = inputs_grad[k, p] * squashed[k, p] * o[p] * (_F(1.0) - o[p])
        for p in range(n):
            by_candidate = c_grad[k, p] * i[p] * (_F(1.0) - g[p] * g[p])
            i[p] = c_grad[k, p] * g[p] * i[p] * (_F(1.0) - i[p])
            g[p] = by_candidate
        for p in range(n):
            by_c = c_grad[k, p] * f[p]
            f[p] = c_grad[k, p] * c[k, p] * f[p] * (_F(1.0) - f[p])
            c_grad[k, p] = by_c
    np.dot(cell_columns, gates, inputs_grad)


@inlined
def _output_message(head, n_in, n_out, h, b, mean, message):
    """Set mean (UNITS,) and message (MESSAGE,) of output b before normalisation; returns message mean and 1/deviation."""
    for k in range(UNITS):
        total = _F(0.0)
        for a in range(n_in):
            total += h[k, a * n_out + b]
        mean[k] = total / _F(n_in)
    centre = _F(0.0)
    for m in range(MESSAGE):
        total = head[m, UNITS]
        for k in range(UNITS):
            total += head[m, k] * mean[k]
        message[m] = total
        centre += total
    centre /= _F(MESSAGE)
    spread = _F(0.0)
    for m in range(MESSAGE):
        spread += (message[m] - centre) ** 2
    return centre, _F(1.0) / np.sqrt(spread / _F(MESSAGE) + _EPSILON)


@inlined
def _logit(head, centre, scale, message):
    """The output: channel 1 of the normalised message, softly clipped."""
    value = head[0, UNITS + 1] * (message[1] - centre) * scale + head[1, UNITS + 1]
    return _CLIP * _tanh(value / _CLIP)


@inlined
def _tell(inputs, n_out, n, x, error, label):
    """Write the messages of a sweep to every position: its input, its output's error and label."""
    for p in range(n):
        a, b = p // n_out, p % n_out
        inputs[_X, p], inputs[_E, p], inputs[_Y, p], inputs[_ONE, p] = x[a], error[b], label[b], _F(1.0)


@inlined
def _softmax_error(logits, label, error):
    """Set error to softmax(logits) - label; returns the cross-entropy."""
    top = logits.max()
    total, picked = _F(0.0), _F(0.0)
    for b in range(len(logits)):
        error[b] = exponential(logits[b] - top)
        total += error[b]
        picked += label[b] * (logits[b] - top)
    for b in range(len(logits)):
        error[b] = error[b] / total - label[b]
    return logarithm(total) - picked


@inlined
def _example(cell, head, x, label, work, logits, error, first):
    """Predict a row, then learn from it, in the slots from `first` on; returns its loss.

    One loop over all ticks, so that the compiled tick is there once: two of the forward sweep, which hears no error, then
    the output, then two of the backward sweep. Both ticks of a sweep read the same messages.
    """
    inputs, c, gates, squashed, mean, message, silence = work
    n_in, n_out = len(x), len(label)
    loss = _F(0.0)
    for j in range(TICKS):
        slot = first + j
        if j == 0:
            _tell(inputs[slot], n_out, n_in * n_out, x, silence, silence)
        elif j == 2:
            for b in range(n_out):
                centre, scale = _output_message(head, n_in, n_out, inputs[slot], b, mean, message)
                logits[b] = _logit(head, centre, scale, message)
            loss = _softmax_error(logits, label, error)
            _tell(inputs[slot], n_out, n_in * n_out, x, error, label)
        else:
            inputs[slot, UNITS:] = inputs[slot - 1, UNITS:]
        tick(cell, inputs[slot], c[slot], gates[slot], squashed[slot], inputs[slot + 1], c[slot + 1])
    return loss


@outer(fastmath=FAST_MATH)
def episode(cell, head, X, Y, h, c, logits):
    """Predict and learn row by row, changing the state in place.

    cell (4 UNITS, ROWS), head (MESSAGE, UNITS + 2), X (T, A), Y one-hot (T, B), h and c (UNITS, P) with P >= A*B a multiple
    of LANES; sets logits (T, B) to the outputs before each row's label was seen. All float32. Returns the mean
    cross-entropy in nats.
    """
    n = h.shape[1]
    inputs, cells = np.zeros((TICKS + 1, ROWS, n), np.float32), np.zeros((TICKS + 1, UNITS, n), np.float32)
    gates, squashed = np.zeros((TICKS, 4 * UNITS, n), np.float32), np.zeros((TICKS, UNITS, n), np.float32)
    mean, message = np.zeros(UNITS, np.float32), np.zeros(MESSAGE, np.float32)
    silence, error = np.zeros(Y.shape[1], np.float32), np.zeros(Y.shape[1], np.float32)
    work = inputs, cells, gates, squashed, mean, message, silence
    inputs[TICKS, :UNITS], cells[TICKS] = h, c
    total = 0.0
    for t in range(X.shape[0]):
        inputs[0, :UNITS], cells[0] = inputs[TICKS, :UNITS], cells[TICKS]
        total += _example(cell, head, X[t], Y[t], work, logits[t], error, 0)
    h[:], c[:] = inputs[TICKS, :UNITS], cells[TICKS]
    return total / X.shape[0]


@outer(fastmath=FAST_MATH)
def frozen_logits(cell, head, X, n_out, h, c, logits):
    """Set logits (n_rows, n_out) for X (n_rows, A) from the state h, c (UNITS, P), which stays as it is."""
    n = h.shape[1]
    inputs, cells = np.zeros((3, ROWS, n), np.float32), np.zeros((3, UNITS, n), np.float32)
    gates, squashed = np.zeros((2, 4 * UNITS, n), np.float32), np.zeros((2, UNITS, n), np.float32)
    mean, message, silence = np.zeros(UNITS, np.float32), np.zeros(MESSAGE, np.float32), np.zeros(n_out, np.float32)
    for t in range(X.shape[0]):
        inputs[0, :UNITS], cells[0] = h, c
        _tell(inputs[0], n_out, X.shape[1] * n_out, X[t], silence, silence)
        inputs[1, UNITS:] = inputs[0, UNITS:]
        for j in range(2):
            tick(cell, inputs[j], cells[j], gates[j], squashed[j], inputs[j + 1], cells[j + 1])
        for b in range(n_out):
            centre, scale = _output_message(head, X.shape[1], n_out, inputs[2], b, mean, message)
            logits[t, b] = _logit(head, centre, scale, message)


@inlined
def _output_gradient(head, n_in, n_out, h, b, by_logit, logit, mean, message, h_grad, head_grad):
    """Send the gradient by one logit to h_grad (UNITS, P) and head_grad (MESSAGE, UNITS + 2), both increased."""
    centre, scale = _output_message(head, n_in, n_out, h, b, mean, message)
    by_value = by_logit * (_F(1.0) - (logit / _CLIP) ** 2)
    normal = (message[1] - centre) * scale
    head_grad[0, UNITS + 1] += by_value * normal
    head_grad[1, UNITS + 1] += by_value
    by_normal = by_value * head[0, UNITS + 1]
    for k in range(UNITS):
        total = _F(0.0)
        for m in range(MESSAGE):
            own = _F(1.0) if m == 1 else _F(0.0)
            by_message = by_normal * scale * (own - (_F(1.0) + (message[m] - centre) * scale * normal) / _F(MESSAGE))
            total += by_message * head[m, k]
            head_grad[m, k] += by_message * mean[k]
            if k == 0:
                head_grad[m, UNITS] += by_message
        total /= _F(n_in)
        for a in range(n_in):
            h_grad[k, a * n_out + b] += total


@inlined
def _error_gradient(probabilities_error, label, by_error, by_logits, share):
    """Gradient by logits of share * cross-entropy plus what came back through the error, itself softmax - label."""
    inner_product = _F(0.0)
    for b in range(len(label)):
        inner_product += by_error[b] * (probabilities_error[b] + label[b])
    for b in range(len(label)):
        p = probabilities_error[b] + label[b]
        by_logits[b] = share * probabilities_error[b] + p * (by_error[b] - inner_product)


@outer(fastmath=FAST_MATH)
def episode_gradient(cell, head, X, Y, state, weights, buffers, cell_grad, head_grad, logits):
    """Run an episode, then walk back through all its ticks (backpropagation through time, the error's path included).

    As `episode`, but weights (T,) says what each row's cross-entropy counts, state (2, UNITS, P) of h and c stays, and the
    caller brings the buffers inputs (T*TICKS + 1, ROWS, P), zero at padding positions, cells (T*TICKS + 1, UNITS, P), gates
    (T*TICKS, 4 UNITS, P) and squashed (T*TICKS, UNITS, P). Sets cell_grad, head_grad and logits, shaped like cell, head and
    (T, B). Returns the weighted sum of cross-entropies.
    """
    length, n_in, n_out, n = X.shape[0], X.shape[1], Y.shape[1], state.shape[2]
    inputs, cells, gates, squashed = buffers
    errors, silence = np.zeros((length, n_out), np.float32), np.zeros(n_out, np.float32)
    mean, message = np.zeros(UNITS, np.float32), np.zeros(MESSAGE, np.float32)
    work = inputs, cells, gates, squashed, mean, message, silence
    inputs[0, :UNITS], cells[0] = state[0], state[1]
    total = 0.0
    for t in range(length):
        total += weights[t] * _example(cell, head, X[t], Y[t], work, logits[t], errors[t], t * TICKS)
    columns = np.ascontiguousarray(cell.T)
    inputs_grad, c_grad = np.zeros((ROWS, n), np.float32), np.zeros((UNITS, n), np.float32)
    by_error, by_logits = np.zeros(n_out, np.float32), np.zeros(n_out, np.float32)
    part = np.zeros(cell.shape, np.float32)
    cell_grad[:], head_grad[:] = _F(0.0), _F(0.0)
    for slot in range(length * TICKS - 1, -1, -1):
        t, j = slot // TICKS, slot % TICKS
        if j == 1:
            _error_gradient(errors[t], Y[t], by_error, by_logits, weights[t])
            told = inputs[slot + 1]
            for b in range(n_out):
                _output_gradient(head, n_in, n_out, told, b, by_logits[b], logits[t, b], mean, message, inputs_grad, head_grad)
            by_error[:] = _F(0.0)
        tick_gradient(columns, cells[slot], gates[slot], squashed[slot], inputs_grad, c_grad)
        np.dot(gates[slot], inputs[slot].T, part)
        for row in range(part.shape[0]):
            for k in range(part.shape[1]):
                cell_grad[row, k] += part[row, k]
        if j >= 2:
            for p in range(n_in * n_out):
                by_error[p % n_out] += inputs_grad[_E, p]
    return total
