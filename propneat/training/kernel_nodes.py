"""Compiled passes over one node that does not add up its inputs but takes their product, max or min, and its step back.

A tile is a float32 array of shape (n_slots, ROWS): a row of it is one node's values for some data rows. Inputs stand
in a tile of their own, which all networks read.
"""

import numpy as np

from propneat.base.native import FAST_MATH, bare
from propneat.genome import aggregation_code, check_functions
from propneat.training.kernel_tile import ROWS

__all__ = ["backward_extreme", "backward_product", "is_linear", "join_inputs"]

_F = np.float32
_PRODUCT, _MAX = (aggregation_code(name) for name in ("product", "max"))

# up to the mean the vector code adds, and min is whatever is none of the others
check_functions(__name__, aggregations=("sum", "mean", "product", "max", "min"))


@bare
def is_linear(aggregation):
    """Tell whether an aggregation is the sum or the mean."""
    return aggregation < _PRODUCT


@bare(inline="always")
def _row(inputs, tile, slot):
    """Return the values of a slot: an input's stand in the tile of inputs, all others in that of the network."""
    return inputs[slot] if slot < inputs.shape[0] else tile[slot]


@bare(fastmath=FAST_MATH)
def join_inputs(tile, slot, aggregation, bias, weights, inputs, source, first, last):
    """tile[slot, b] = product, max or min over edges of weights[e] * value[source[e], b], plus the bias; there is an edge."""
    out = tile[slot]
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
