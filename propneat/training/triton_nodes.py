"""Triton functions of one node on one tile of rows: activations with their slopes, and the joining of weighted inputs.

A tile is a vector of ROWS float32 values, one per row of data. Scalars (codes, edge numbers, weights) are the same for all rows.
"""

import math

import triton
import triton.language as tl

from propneat.genome import activation_code, aggregation_code, check_functions

__all__ = ["MEAN", "activate", "join", "place", "share_of_term"]

IDENTITY = tl.constexpr(activation_code("identity"))
SIGMOID = tl.constexpr(activation_code("sigmoid"))
STEEP_SIGMOID = tl.constexpr(activation_code("steep_sigmoid"))
TANH = tl.constexpr(activation_code("tanh"))
RELU = tl.constexpr(activation_code("relu"))
LEAKY_RELU = tl.constexpr(activation_code("leaky_relu"))
ELU = tl.constexpr(activation_code("elu"))
GELU = tl.constexpr(activation_code("gelu"))
SILU = tl.constexpr(activation_code("silu"))
SOFTPLUS = tl.constexpr(activation_code("softplus"))
SIN = tl.constexpr(activation_code("sin"))
GAUSS = tl.constexpr(activation_code("gauss"))
ABS = tl.constexpr(activation_code("abs"))

MEAN = tl.constexpr(aggregation_code("mean"))
PRODUCT = tl.constexpr(aggregation_code("product"))
MAX = tl.constexpr(aggregation_code("max"))

# gauss, square and min are whatever is none of the others of their branch
check_functions(
    __name__,
    activations=(
        "identity", "sigmoid", "steep_sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sin", "gauss",
        "abs", "square",
    ),
    aggregations=("sum", "mean", "product", "max", "min"),
)  # fmt: skip

# the interpreter multiplies a tensor by one of these, but not one of these by a tensor
STEEPNESS = tl.constexpr(4.9)
LEAK = tl.constexpr(0.01)
GELU_LINEAR = tl.constexpr(2.0 * math.sqrt(2.0 / math.pi))
GELU_CUBIC = tl.constexpr(0.044715)
GELU_BOUND = tl.constexpr(12.0)


@triton.jit
def _gelu(z):
    # beyond the bound the function is its own asymptote, and the cube would overflow to a slope of NaN
    c = tl.minimum(tl.maximum(z, -GELU_BOUND), GELU_BOUND)
    s = tl.sigmoid((c + c * c * c * GELU_CUBIC) * GELU_LINEAR)
    return z * s, s + c * s * (1.0 - s) * GELU_LINEAR * (1.0 + c * c * 3.0 * GELU_CUBIC)


@triton.jit
def _bounded(code, z):
    """Sigmoids, tanh, sin and gauss; see `activate`."""
    if code == TANH:
        e = tl.exp(-2.0 * tl.abs(z))
        t = (1.0 - e) / (1.0 + e)
        value = tl.where(z >= 0.0, t, -t)
        slope = 1.0 - value * value
    elif code == SIGMOID:
        value = tl.sigmoid(z)
        slope = value * (1.0 - value)
    elif code == STEEP_SIGMOID:
        value = tl.sigmoid(z * STEEPNESS)
        slope = value * (1.0 - value) * STEEPNESS
    elif code == SIN:
        value = tl.sin(z)
        slope = tl.cos(z)
    else:
        value = tl.exp(-z * z)
        slope = -2.0 * z * value
    return value, slope


@triton.jit
def _curved(code, z):
    """ELU, GELU, SiLU, softplus and square; see `activate`."""
    if code == ELU:
        e = tl.exp(tl.minimum(z, 0.0))
        value = tl.where(z <= 0.0, e - 1.0, z)
        slope = tl.where(z > 0.0, 1.0, e)
    elif code == GELU:
        value, slope = _gelu(z)
    elif code == SILU:
        slope = tl.sigmoid(z)
        value = z * slope
        slope = slope + value * (1.0 - slope)
    elif code == SOFTPLUS:
        value = tl.maximum(z, 0.0) + tl.log(1.0 + tl.exp(-tl.abs(z)))
        slope = tl.sigmoid(z)
    else:
        value = z * z
        slope = 2.0 * z
    return value, slope


@triton.jit
def activate(code, z):
    """Return the activation with a code at z, and its derivative there; at their kinks as `compiler.network` has them."""
    if code == IDENTITY:
        value = z
        slope = tl.full(z.shape, 1.0, tl.float32)
    elif code == RELU:
        # a comparison lets NaN through, which a maximum would not
        value = tl.where(z <= 0.0, 0.0, z)
        slope = tl.where(z > 0.0, 1.0, 0.0)
    elif code == LEAKY_RELU:
        slope = tl.where(z > 0.0, 1.0, LEAK)
        value = z * slope
    elif code == ABS:
        value = tl.abs(z)
        slope = tl.where(z > 0.0, 1.0, tl.where(z < 0.0, -1.0, 0.0))
    elif (code <= TANH) | (code == SIN) | (code == GAUSS):
        value, slope = _bounded(code, z)
    else:
        value, slope = _curved(code, z)
    return value, slope


@triton.jit
def place(slot, n_inputs, inputs, batch_rows, values, ROWS: tl.constexpr):
    """Return where a slot's tile stands: an input's in the batch, which all genomes read, all others in the program's scratch."""
    return tl.where(slot < n_inputs, inputs + slot * batch_rows, values + (slot - n_inputs) * ROWS)


@triton.jit
def _term(edge, weights, edge_source, n_inputs, inputs, batch_rows, values, ROWS: tl.constexpr):
    """Return weight * value of an edge, float32 (ROWS,)."""
    source = place(tl.load(edge_source + edge), n_inputs, inputs, batch_rows, values, ROWS)
    return tl.load(weights + edge) * tl.load(source + tl.arange(0, ROWS))


@triton.jit
def join(kind, first, last, weights, edge_source, n_inputs, inputs, batch_rows, values, ROWS: tl.constexpr):
    """Join the terms of edges first..last-1 by the aggregation `kind`; no edges at all join to 0.

    Returns two of float32 (ROWS,): the joined value, and for max and min which edge attained it, counted from `first`, the
    earliest of several.
    """
    chosen = tl.full((ROWS,), 0.0, tl.float32)
    if kind <= MEAN:
        joined = tl.full((ROWS,), 0.0, tl.float32)
        for edge in range(first, last):
            joined += _term(edge, weights, edge_source, n_inputs, inputs, batch_rows, values, ROWS)
        if kind == MEAN:
            joined = joined / tl.maximum(last - first, 1)
    elif kind == PRODUCT:
        joined = tl.full((ROWS,), 1.0, tl.float32)
        for edge in range(first, last):
            joined *= _term(edge, weights, edge_source, n_inputs, inputs, batch_rows, values, ROWS)
    else:
        sign = tl.where(kind == MAX, 1.0, -1.0)
        joined = tl.full((ROWS,), float("-inf"), tl.float32)
        for edge in range(first, last):
            term = sign * _term(edge, weights, edge_source, n_inputs, inputs, batch_rows, values, ROWS)
            # NaN is taken too, so that it is seen and stops the genome
            taken = (term > joined) | (term != term)
            joined = tl.where(taken, term, joined)
            chosen = tl.where(taken, edge - first, chosen)
        joined = sign * joined
    return tl.where(last > first, joined, 0.0), chosen


@triton.jit
def share_of_term(
    kind, own, first, last, choices, weights, edge_source, n_inputs, inputs, batch_rows, values, ROWS: tl.constexpr
):
    """Return the derivative of a product, max or min over edges first..last-1 in the term of edge `own`, (ROWS,).

    `choices` points at the tile that `join` returned as its second.
    """
    share = tl.full((ROWS,), 1.0, tl.float32)
    if kind == PRODUCT:
        for edge in range(first, last):
            if edge != own:
                share *= _term(edge, weights, edge_source, n_inputs, inputs, batch_rows, values, ROWS)
    else:
        share = tl.where(tl.load(choices + tl.arange(0, ROWS)) == own - first, 1.0, 0.0)
    return share
