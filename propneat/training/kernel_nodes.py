"""Compiled passes over one node: join inputs, apply the activation, and the backward step of both.

A tile is a float32 array of shape (n_slots, n_rows): a row of it is one node's values for some data rows. Every
function works on the first `n` data rows of a tile.
"""

import numpy as np

from propneat.genome import activation_code, aggregation_code
from propneat.native import FAST_MATH, inlined
from propneat.training.kernel_math import cosine, exponential, logarithm, sigmoid, sine

__all__ = ["accumulate", "activate", "backward_extreme", "backward_product", "dot_edges", "join_inputs", "scale_by_slope"]

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


@inlined(fastmath=FAST_MATH, inline="always")
def accumulate(out, start, factors, factor_index, tile, row_index, first, last, n):
    """out[b] = start + sum over k in first..last of factors[factor_index[k]] * tile[row_index[k], b]; four edges a pass.

    With `start` NaN, `out` keeps what it holds and is added to.
    """
    k = first
    fresh = start == start
    if fresh:
        if last - k >= 4:
            a, b, c, d = (
                factors[factor_index[k]], factors[factor_index[k + 1]], factors[factor_index[k + 2]], factors[factor_index[k + 3]]
            )  # fmt: skip
            A, B, C, D = tile[row_index[k]], tile[row_index[k + 1]], tile[row_index[k + 2]], tile[row_index[k + 3]]
            for i in range(n):
                out[i] = start + a * A[i] + b * B[i] + c * C[i] + d * D[i]
            k += 4
        elif last - k >= 1:
            a = factors[factor_index[k]]
            A = tile[row_index[k]]
            for i in range(n):
                out[i] = start + a * A[i]
            k += 1
        else:
            for i in range(n):
                out[i] = start
    while k + 4 <= last:
        a, b, c, d = (
            factors[factor_index[k]], factors[factor_index[k + 1]], factors[factor_index[k + 2]], factors[factor_index[k + 3]]
        )  # fmt: skip
        A, B, C, D = tile[row_index[k]], tile[row_index[k + 1]], tile[row_index[k + 2]], tile[row_index[k + 3]]
        for i in range(n):
            out[i] += a * A[i] + b * B[i] + c * C[i] + d * D[i]
        k += 4
    while k + 2 <= last:
        a, b = factors[factor_index[k]], factors[factor_index[k + 1]]
        A, B = tile[row_index[k]], tile[row_index[k + 1]]
        for i in range(n):
            out[i] += a * A[i] + b * B[i]
        k += 2
    if k < last:
        a = factors[factor_index[k]]
        A = tile[row_index[k]]
        for i in range(n):
            out[i] += a * A[i]


@inlined(fastmath=FAST_MATH, inline="always")
def dot_edges(gradient, g, tile, source, first, last, n):
    """gradient[k] += sum over b of g[b] * tile[source[k], b] for the edges k in first..last; four edges a pass."""
    k = first
    while k + 4 <= last:
        A, B, C, D = tile[source[k]], tile[source[k + 1]], tile[source[k + 2]], tile[source[k + 3]]
        a, b, c, d = _F(0), _F(0), _F(0), _F(0)
        for i in range(n):
            a += g[i] * A[i]
            b += g[i] * B[i]
            c += g[i] * C[i]
            d += g[i] * D[i]
        gradient[k] += a
        gradient[k + 1] += b
        gradient[k + 2] += c
        gradient[k + 3] += d
        k += 4
    while k < last:
        A = tile[source[k]]
        a = _F(0)
        for i in range(n):
            a += g[i] * A[i]
        gradient[k] += a
        k += 1


@inlined(fastmath=FAST_MATH)
def join_inputs(out, aggregation, bias, weights, edge_index, tile, source, first, last, n):
    """out[b] = aggregation over edges of weights[e] * tile[source[e], b], plus the bias; no edges join to 0."""
    if aggregation < _PRODUCT or first == last:
        is_mean = aggregation == _MEAN and first < last
        accumulate(out, _F(0) if is_mean else bias, weights, edge_index, tile, source, first, last, n)
        if is_mean:
            share = _F(1) / _F(last - first)
            for i in range(n):
                out[i] = share * out[i] + bias
        return
    for i in range(n):
        out[i] = weights[first] * tile[source[first], i]
    for k in range(first + 1, last):
        w, row = weights[k], tile[source[k]]
        if aggregation == _PRODUCT:
            for i in range(n):
                out[i] *= w * row[i]
        elif aggregation == _MAX:
            for i in range(n):
                out[i] = max(out[i], w * row[i])
        else:
            for i in range(n):
                out[i] = min(out[i], w * row[i])
    for i in range(n):
        out[i] += bias


@inlined(fastmath=FAST_MATH)
def backward_product(gradient, g, weights, tile, source, gradients, first, last, n_inputs, n):
    """Pass a product node's gradient on: each factor gets g times the product of the others."""
    for k in range(first, last):
        row, w = tile[source[k]], weights[k]
        total = _F(0)
        for i in range(n):
            others = g[i]
            for j in range(first, last):
                if j != k:
                    others *= weights[j] * tile[source[j], i]
            total += others * row[i]
            if source[k] >= n_inputs:
                gradients[source[k], i] += w * others
        gradient[k] += total


@inlined(fastmath=FAST_MATH)
def backward_extreme(gradient, g, largest, weights, tile, source, gradients, first, last, n_inputs, n):
    """Pass a max or min node's gradient on to the one edge that attained the extreme, the first in edge order on ties."""
    sign = _F(1) if largest else _F(-1)
    for i in range(n):
        chosen = first
        best = sign * weights[first] * tile[source[first], i]
        for k in range(first + 1, last):
            term = sign * weights[k] * tile[source[k], i]
            if term > best:
                chosen, best = k, term
        gradient[chosen] += g[i] * tile[source[chosen], i]
        if source[chosen] >= n_inputs:
            gradients[source[chosen], i] += g[i] * weights[chosen]


@inlined(fastmath=FAST_MATH)
def _tanh(z):
    e = exponential(_F(-2) * abs(z))
    t = (_F(1) - e) / (_F(1) + e)
    return t if z >= _F(0) else -t


@inlined(fastmath=FAST_MATH)
def _activate_bounded(code, h, slope, n):
    """Sigmoids, tanh and gauss; see `activate`."""
    if code == _TANH:
        for i in range(n):
            t = _tanh(h[i])
            slope[i] = _F(1) - t * t
            h[i] = t
    elif code == _SIGMOID:
        for i in range(n):
            s = sigmoid(h[i])
            slope[i] = s * (_F(1) - s)
            h[i] = s
    elif code == _STEEP:
        for i in range(n):
            s = sigmoid(_STEEPNESS * h[i])
            slope[i] = _STEEPNESS * s * (_F(1) - s)
            h[i] = s
    elif code == _GAUSS:
        for i in range(n):
            z = h[i]
            e = exponential(-z * z)
            slope[i] = _F(-2) * z * e
            h[i] = e
    else:
        for i in range(n):
            z = h[i]
            slope[i] = cosine(z)
            h[i] = sine(z)


@inlined(fastmath=FAST_MATH)
def _activate_rectifier(code, h, slope, n):
    """Leaky ReLU, ELU, GELU, SiLU, softplus; see `activate`."""
    if code == _LEAKY:
        for i in range(n):
            slope[i] = _F(1) if h[i] > _F(0) else _LEAK
            h[i] *= slope[i]
    elif code == _ELU:
        for i in range(n):
            z = h[i]
            e = exponential(min(z, _F(0)))
            slope[i] = _F(1) if z > _F(0) else e
            h[i] = z if z > _F(0) else e - _F(1)
    elif code == _GELU:
        for i in range(n):
            z = h[i]
            s = sigmoid(_GELU_LINEAR * (z + _GELU_CUBIC * z * z * z))
            slope[i] = s + z * s * (_F(1) - s) * _GELU_LINEAR * (_F(1) + _F(3) * _GELU_CUBIC * z * z)
            h[i] = z * s
    elif code == _SILU:
        for i in range(n):
            z = h[i]
            s = sigmoid(z)
            slope[i] = s + z * s * (_F(1) - s)
            h[i] = z * s
    else:
        for i in range(n):
            z = h[i]
            slope[i] = sigmoid(z)
            h[i] = max(z, _F(0)) + logarithm(_F(1) + exponential(-abs(z)))


@inlined(fastmath=FAST_MATH)
def activate(code, h, slope, n):
    """Replace z in `h` by activation(z) and write the derivative at z into `slope` (left alone by identity and ReLU)."""
    if code == _IDENTITY:
        return
    if code == _RELU:
        for i in range(n):
            h[i] = max(h[i], _F(0))
    elif code == _ABS:
        for i in range(n):
            slope[i] = _F(1) if h[i] > _F(0) else (_F(-1) if h[i] < _F(0) else _F(0))
            h[i] = abs(h[i])
    elif code == _SQUARE:
        for i in range(n):
            slope[i] = _F(2) * h[i]
            h[i] *= h[i]
    elif code == _TANH or code == _SIGMOID or code == _STEEP or code == _GAUSS or code == _SIN:
        _activate_bounded(code, h, slope, n)
    else:
        _activate_rectifier(code, h, slope, n)


@inlined(fastmath=FAST_MATH, inline="always")
def scale_by_slope(code, g, h, slope, n):
    """Turn the gradient at a node's value into the gradient at its z, and return its sum, the bias gradient."""
    total = _F(0)
    if code == _IDENTITY:
        for i in range(n):
            total += g[i]
    elif code == _RELU:
        for i in range(n):
            g[i] = g[i] if h[i] > _F(0) else _F(0)
            total += g[i]
    else:
        for i in range(n):
            g[i] *= slope[i]
            total += g[i]
    return total
