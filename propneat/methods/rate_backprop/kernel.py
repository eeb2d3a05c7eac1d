"""Compiled float32 loops over time of leaky integrate-and-fire neurons: spikes with traces, and both passes of BPTT.

Neurons are innermost so that loops become vector code, in blocks that stay in the nearest cache while time runs. Arrays are
(n_steps, n_neurons); currents may have one step alone, which then holds for all. `hard` and `attached` are 0 or 1: reset to
zero instead of by the threshold, and whether derivatives pass through the reset. With q = threshold + hard * (u - threshold), a
spike lowers u by q, and what a membrane owes to its past is decay * (1 - hard * s - attached * g * q).
"""

import numpy as np

from propneat.base.native import inlined, outer
from propneat.training.kernel_math import sigmoid_of as sigmoid

__all__ = ["membrane_gradient", "membranes", "spikes_and_traces"]

_F = np.float32
_ONE = _F(1.0)
_BLOCK = 1024


@inlined
def _surrogate(u, threshold, slope):
    s = sigmoid(slope * (u - threshold))
    return slope * s * (_ONE - s)


@inlined
def _spike(u, threshold):
    return _ONE if u >= threshold else _F(0.0)


@inlined
def _drop(u, threshold, hard):
    return threshold + hard * (u - threshold)


@inlined
def _carry(u, g, threshold, hard, attached):
    return _ONE - hard * _spike(u, threshold) - attached * g * _drop(u, threshold, hard)


@outer
def spikes_and_traces(currents, spikes, membrane, sensitivity, derivative_sum, spike_sum, lif):
    """Let time run: set spikes, and advance in place the state (n_neurons,) that is left of the past.

    `lif` holds float32 decay, threshold, slope, hard, attached. `membrane` is that after the reset.
    """
    decay, threshold, slope, hard, attached = lif[0], lif[1], lif[2], lif[3], lif[4]
    # few arrays per loop: the compiler makes vector code only where it can check that they do not overlap
    for start in range(0, membrane.size, _BLOCK):
        stop = min(start + _BLOCK, membrane.size)
        u, rho = membrane[start:stop], sensitivity[start:stop]
        total, count = derivative_sum[start:stop], spike_sum[start:stop]
        for t in range(spikes.shape[0]):
            x, s = currents[min(t, currents.shape[0] - 1), start:stop], spikes[t, start:stop]
            for i in range(stop - start):
                u[i] = decay * u[i] + x[i]
            for i in range(stop - start):
                s[i] = _spike(u[i], threshold)
                count[i] += s[i]
            for i in range(stop - start):
                g = _surrogate(u[i], threshold, slope)
                total[i] += rho[i] * g
                rho[i] = _ONE + decay * rho[i] * _carry(u[i], g, threshold, hard, attached)
            for i in range(stop - start):
                u[i] -= _spike(u[i], threshold) * _drop(u[i], threshold, hard)


@outer
def membranes(currents, before_reset, spikes, lif):
    """Let time run from rest: set the membranes before their reset, and spikes."""
    decay, threshold, hard = lif[0], lif[1], lif[3]
    scratch = np.empty(_BLOCK, np.float32)
    for start in range(0, spikes.shape[1], _BLOCK):
        stop = min(start + _BLOCK, spikes.shape[1])
        scratch[:] = _F(0.0)
        for t in range(spikes.shape[0]):
            x, u = currents[min(t, currents.shape[0] - 1), start:stop], before_reset[t, start:stop]
            s = spikes[t, start:stop]
            for i in range(stop - start):
                u[i] = decay * scratch[i] + x[i]
            for i in range(stop - start):
                s[i] = _spike(u[i], threshold)
            for i in range(stop - start):
                scratch[i] = u[i] - _spike(u[i], threshold) * _drop(u[i], threshold, hard)


@outer
def membrane_gradient(before_reset, spikes_gradient, currents_gradient, lif):
    """Let time run backwards: add to the gradient by currents, zero at first, what comes from that by spikes."""
    decay, threshold, slope, hard, attached = lif[0], lif[1], lif[2], lif[3], lif[4]
    scratch = np.empty(_BLOCK, np.float32)
    for start in range(0, before_reset.shape[1], _BLOCK):
        stop = min(start + _BLOCK, before_reset.shape[1])
        scratch[:] = _F(0.0)
        for t in range(before_reset.shape[0] - 1, -1, -1):
            u, to_spikes = before_reset[t, start:stop], spikes_gradient[t, start:stop]
            to_currents = currents_gradient[min(t, currents_gradient.shape[0] - 1), start:stop]
            for i in range(stop - start):
                g = _surrogate(u[i], threshold, slope)
                carried = decay * _carry(u[i], g, threshold, hard, attached)
                scratch[i] = to_spikes[i] * g + carried * scratch[i]
            for i in range(stop - start):
                to_currents[i] += scratch[i]
