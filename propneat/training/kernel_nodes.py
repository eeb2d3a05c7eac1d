"""Compiled passes over one node: join inputs, apply the activation, and the backward step of both.

A tile is a float32 array of shape (n_slots, ROWS): a row of it is one node's values for some data rows. Inputs stand
in a tile of their own, which all networks read.
"""

import numpy as np

from propneat.genome import activation_code, aggregation_code
from propneat.native import FAST_MATH, bare
from propneat.training.kernel_math import cosine, exponential, logarithm, sigmoid, sine
from propneat.training.kernel_tiles import ROWS, weigh_rows

__all__ = ["activate", "backward_extreme", "backward_product", "join_inputs", "scale_by_slope"]

_F = np.float32

_IDENTITY, _SIGMOID, _STEEP, _TANH, _RELU, _LEAKY, _ELU, _GELU, _SILU, _SOFTPLUS, _SIN, _GAUSS, _ABS, _SQUARE = (
    activation_code(name)
    for name in (
        "identity", "sigmoid", "steep_sigmoid", "tanh", "relu", "leaky_relu", "elu",
        "gelu", "silu", "softplus", "sin", "gauss", "abs", "square",
    )
)  # fmt: skip
_MEAN, _PRODUCT, _MAX = (aggregation_code(name) for name in ("mean", "product", "max"))

_STEEPNESS = _F(4.9)
_LEAK = _F(0.01)
_GELU_LINEAR = _F(2.0 * np.sqrt(2.0 / np.pi))
_GELU_CUBIC = _F(0.044715)


@bare(inline="always")
def _row(inputs, tile, slot):
    """Return the values of a slot: an input's stand in the tile of inputs, all others in that of the network."""
    return inputs[slot] if slot < inputs.shape[0] else tile[slot]


@bare(fastmath=FAST_MATH)
def join_inputs(out, aggregation, bias, weights, edge_index, inputs, tile, source, first, last):
    """out[b] = aggregation over edges of weights[e] * value[source[e], b], plus the bias; no edges join to 0."""
    if aggregation < _PRODUCT or first == last:
        is_mean = aggregation == _MEAN and first < last
        start = _F(0) if is_mean else bias
        weigh_rows(out, start, False, weights, edge_index, inputs, tile, source, first, last, inputs.shape[0])
        if is_mean:
            share = _F(1) / _F(last - first)
            for i in range(ROWS):
                out[i] = share * out[i] + bias
        return
    row = _row(inputs, tile, source[first])
    for i in range(ROWS):
        out[i] = weights[first] * row[i]
    for k in range(first + 1, last):
        w, row = weights[k], _row(inputs, tile, source[k])
        if aggregation == _PRODUCT:
            for i in range(ROWS):
                out[i] *= w * row[i]
        elif aggregation == _MAX:
            for i in range(ROWS):
                out[i] = max(out[i], w * row[i])
        else:
            for i in range(ROWS):
                out[i] = min(out[i], w * row[i])
    for i in range(ROWS):
        out[i] += bias


@bare(fastmath=FAST_MATH)
def backward_product(sums, g, weights, inputs, tile, source, gradients, first, last):
    """Pass a product node's gradient on: each factor gets g times the product of the others."""
    for k in range(first, last):
        row, w = _row(inputs, tile, source[k]), weights[k]
        total = _F(0)
        for i in range(ROWS):
            others = g[i]
            for j in range(first, last):
                if j != k:
                    others *= weights[j] * _row(inputs, tile, source[j])[i]
            total += others * row[i]
            if source[k] >= inputs.shape[0]:
                gradients[source[k], i] += w * others
        sums[k, 0] += total


@bare(fastmath=FAST_MATH)
def backward_extreme(sums, g, largest, weights, inputs, tile, source, gradients, first, last):
    """Pass a max or min node's gradient on to the one edge that attained the extreme, the first in edge order on ties."""
    sign = _F(1) if largest else _F(-1)
    for i in range(ROWS):
        chosen = first
        best = sign * weights[first] * _row(inputs, tile, source[first])[i]
        for k in range(first + 1, last):
            term = sign * weights[k] * _row(inputs, tile, source[k])[i]
            if term > best:
                chosen, best = k, term
        sums[chosen, 0] += g[i] * _row(inputs, tile, source[chosen])[i]
        if source[chosen] >= inputs.shape[0]:
            gradients[source[chosen], i] += g[i] * weights[chosen]


@bare(fastmath=FAST_MATH)
def _tanh(z):
    e = exponential(_F(-2) * abs(z))
    t = (_F(1) - e) / (_F(1) + e)
    return t if z >= _F(0) else -t


@bare(fastmath=FAST_MATH)
def _activate_bounded(code, h, slope):
    """Sigmoids, tanh and gauss; see `activate`."""
    if code == _TANH:
        for i in range(ROWS):
            t = _tanh(h[i])
            slope[i] = _F(1) - t * t
            h[i] = t
    elif code == _SIGMOID:
        for i in range(ROWS):
            s = sigmoid(h[i])
            slope[i] = s * (_F(1) - s)
            h[i] = s
    elif code == _STEEP:
        for i in range(ROWS):
            s = sigmoid(_STEEPNESS * h[i])
            slope[i] = _STEEPNESS * s * (_F(1) - s)
            h[i] = s
    elif code == _GAUSS:
        for i in range(ROWS):
            z = h[i]
            e = exponential(-z * z)
            slope[i] = _F(-2) * z * e
            h[i] = e
    else:
        for i in range(ROWS):
            z = h[i]
            slope[i] = cosine(z)
            h[i] = sine(z)


@bare(fastmath=FAST_MATH)
def _activate_rectifier(code, h, slope):
    """Leaky ReLU, ELU, GELU, SiLU, softplus; see `activate`."""
    if code == _LEAKY:
        for i in range(ROWS):
            slope[i] = _F(1) if h[i] > _F(0) else _LEAK
            h[i] *= slope[i]
    elif code == _ELU:
        for i in range(ROWS):
            z = h[i]
            e = exponential(min(z, _F(0)))
            slope[i] = _F(1) if z > _F(0) else e
            h[i] = z if z > _F(0) else e - _F(1)
    elif code == _GELU:
        for i in range(ROWS):
            z = h[i]
            s = sigmoid(_GELU_LINEAR * (z + _GELU_CUBIC * z * z * z))
            slope[i] = s + z * s * (_F(1) - s) * _GELU_LINEAR * (_F(1) + _F(3) * _GELU_CUBIC * z * z)
            h[i] = z * s
    elif code == _SILU:
        for i in range(ROWS):
            z = h[i]
            s = sigmoid(z)
            slope[i] = s + z * s * (_F(1) - s)
            h[i] = z * s
    else:
        for i in range(ROWS):
            z = h[i]
            slope[i] = sigmoid(z)
            h[i] = max(z, _F(0)) + logarithm(_F(1) + exponential(-abs(z)))


@bare(fastmath=FAST_MATH)
def activate(code, h, slope):
    """Replace z in `h` by activation(z) and write the derivative at z into `slope` (left alone by identity and ReLU)."""
    if code == _IDENTITY:
        return
    if code == _RELU:
        for i in range(ROWS):
            h[i] = max(h[i], _F(0))
    elif code == _ABS:
        for i in range(ROWS):
            slope[i] = _F(1) if h[i] > _F(0) else (_F(-1) if h[i] < _F(0) else _F(0))
            h[i] = abs(h[i])
    elif code == _SQUARE:
        for i in range(ROWS):
            slope[i] = _F(2) * h[i]
            h[i] *= h[i]
    elif code == _TANH or code == _SIGMOID or code == _STEEP or code == _GAUSS or code == _SIN:
        _activate_bounded(code, h, slope)
    else:
        _activate_rectifier(code, h, slope)


@bare(fastmath=FAST_MATH, inline="always")
def scale_by_slope(code, g, h, slope):
    """Turn the gradient at a node's value into the gradient at its z, and return its sum, the bias gradient."""
    total = _F(0)
    if code == _IDENTITY:
        for i in range(ROWS):
            total += g[i]
    elif code == _RELU:
        for i in range(ROWS):
            g[i] = g[i] if h[i] > _F(0) else _F(0)
            total += g[i]
    else:
        for i in range(ROWS):
            g[i] *= slope[i]
            total += g[i]
    return total
