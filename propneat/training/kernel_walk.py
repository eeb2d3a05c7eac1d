"""Compiled passes over one genome: its slice of the population plan, the walk forward, and the walk back."""

import numpy as np

from propneat.genome import aggregation_code
from propneat.native import FAST_MATH, bare, inlined
from propneat.training.kernel_nodes import (
    activate,
    backward_extreme,
    backward_product,
    join_inputs,
    scale_by_slope,
)
from propneat.training.kernel_tiles import ROWS, add_products, weigh_rows

__all__ = ["backward", "forward", "slice_plan"]

_F = np.float32
_MEAN, _PRODUCT, _MAX = (aggregation_code(name) for name in ("mean", "product", "max"))


@bare
def _is_linear(aggregation):
    return aggregation < _PRODUCT


@inlined
def _outgoing(n_slots, aggregation, edge_start, edge_source):
    """Transpose the edges into sum and mean nodes: those leaving slot s are `start[s]:start[s + 1]` of (target, edge).

    Also marks slots that feed another kind of node, whose gradients are scattered instead of gathered.
    """
    start = np.zeros(n_slots + 1, np.int64)
    scattered = np.zeros(n_slots, np.bool_)
    for slot in range(n_slots):
        for edge in range(edge_start[slot], edge_start[slot + 1]):
            if _is_linear(aggregation[slot]):
                start[edge_source[edge] + 1] += 1
            else:
                scattered[edge_source[edge]] = True
    for slot in range(n_slots):
        start[slot + 1] += start[slot]
    fill = start[:-1].copy()
    target = np.empty(start[n_slots], np.int64)
    leaving = np.empty(start[n_slots], np.int64)
    for slot in range(n_slots):
        if _is_linear(aggregation[slot]):
            for edge in range(edge_start[slot], edge_start[slot + 1]):
                place = fill[edge_source[edge]]
                fill[edge_source[edge]] += 1
                target[place] = slot
                leaving[place] = edge
    return start, target, leaving, scattered


@inlined
def slice_plan(packed, g):
    """Genome g's part of the packed plan, with its outgoing edges."""
    slot_start, genome_edge_start, activation, aggregation, edge_start, edge_source, output_slot, edge_index = packed
    s, t = slot_start[g], slot_start[g + 1]
    e, f = genome_edge_start[g], genome_edge_start[g + 1]
    starts = edge_start[s + g : t + g + 1]
    outgoing = _outgoing(t - s, aggregation[s:t], starts, edge_source[e:f])
    return activation[s:t], aggregation[s:t], starts, edge_source[e:f], edge_index, output_slot[g], outgoing


@bare
def forward(plan, numbers, inputs, tile, slopes):
    """Fill a tile with the values of every slot but the inputs', which are in `inputs`, shape (n_inputs, ROWS)."""
    activation, aggregation, edge_start, edge_source, edge_index, _, _ = plan
    n_edges = edge_source.shape[0]
    for slot in range(inputs.shape[0], activation.shape[0]):
        join_inputs(
            tile[slot], aggregation[slot], numbers[n_edges + slot], numbers, edge_index, inputs, tile, edge_source,
            edge_start[slot], edge_start[slot + 1],
        )  # fmt: skip
        activate(activation[slot], tile[slot], slopes[slot])


@bare(fastmath=FAST_MATH)
def backward(plan, numbers, inputs, tile, slopes, gradients, is_output, gradient, sums):
    """Add the gradients of all numbers over one tile: of biases to `gradient`, of weights to `sums`, (n_edges, LANES).

    `gradients` holds those of the outputs already.
    """
    activation, aggregation, edge_start, edge_source, _, _, outgoing = plan
    out_start, out_target, out_edge, scattered = outgoing
    n_inputs, n_edges, n_slots = inputs.shape[0], edge_source.shape[0], activation.shape[0]
    for slot in range(n_inputs, n_slots):
        if scattered[slot] and not is_output[slot]:
            for i in range(ROWS):
                gradients[slot, i] = _F(0)
    for slot in range(n_slots - 1, n_inputs - 1, -1):
        g = gradients[slot]
        adds = is_output[slot] or scattered[slot]
        weigh_rows(g, _F(0), adds, numbers, out_edge, gradients, gradients, out_target, out_start[slot], out_start[slot + 1], 0)
        gradient[n_edges + slot] += scale_by_slope(activation[slot], g, tile[slot], slopes[slot])
        first, last, kind = edge_start[slot], edge_start[slot + 1], aggregation[slot]
        if kind == _MEAN and last > first:
            share = _F(1) / _F(last - first)
            for i in range(ROWS):
                g[i] *= share
        if _is_linear(kind):
            add_products(sums, g, inputs, tile, edge_source, first, last, n_inputs)
        elif kind == _PRODUCT:
            backward_product(sums, g, numbers, inputs, tile, edge_source, gradients, first, last)
        elif last > first:
            backward_extreme(sums, g, kind == _MAX, numbers, inputs, tile, edge_source, gradients, first, last)
