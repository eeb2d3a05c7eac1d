"""Compiled passes over one genome: its slice of the population plan, the walk forward, and the walk back."""

import numpy as np

from propneat.base.native import bare, inlined
from propneat.genome import aggregation_code
from propneat.training.kernel_activations import IDENTITY, RELU, activate
from propneat.training.kernel_nodes import backward_extreme, backward_product, is_linear, join_inputs
from propneat.training.kernel_parts import GenomePlan, Outgoing, Ways
from propneat.training.kernel_sums import backward_run, forward_run
from propneat.training.kernel_tile import ROWS

__all__ = ["backward", "forward", "slice_plan", "slice_steps"]

_F = np.float32
_MEAN, _PRODUCT, _MAX = (aggregation_code(name) for name in ("mean", "product", "max"))
_LEAST = _F(-np.inf)


@inlined
def _outgoing(n_slots, aggregation, edge_start, edge_source):
    """Transpose the edges into sum and mean nodes."""
    start = np.zeros(n_slots + 1, np.int64)
    scattered = np.zeros(n_slots, np.bool_)
    for slot in range(n_slots):
        for edge in range(edge_start[slot], edge_start[slot + 1]):
            if is_linear(aggregation[slot]):
                start[edge_source[edge] + 1] += 1
            else:
                scattered[edge_source[edge]] = True
    for slot in range(n_slots):
        start[slot + 1] += start[slot]
    fill = start[:-1].copy()
    target = np.empty(start[n_slots], np.int32)
    leaving = np.empty(start[n_slots], np.int32)
    for slot in range(n_slots):
        if is_linear(aggregation[slot]):
            for edge in range(edge_start[slot], edge_start[slot + 1]):
                place = fill[edge_source[edge]]
                fill[edge_source[edge]] += 1
                target[place] = slot
                leaving[place] = edge
    return Outgoing(start, target, leaving, scattered)


@inlined
def _ways(n_inputs, activation, aggregation, edge_start, output_slot, scattered):
    """Decide once per genome what the walks would otherwise ask at every tile."""
    n_slots = activation.shape[0]
    is_other, adds, cleared = np.zeros(n_slots, np.bool_), np.zeros(n_slots, np.int8), np.zeros(n_slots, np.bool_)
    least, share = np.full(n_slots, _LEAST), np.ones(n_slots, np.float32)
    way, left, product_stop = np.zeros(n_slots, np.int8), activation.copy(), np.zeros(n_slots, np.int64)
    for slot in range(n_inputs, n_slots):
        n_terms, code = edge_start[slot + 1] - edge_start[slot], activation[slot]
        adds[slot] = cleared[slot] = scattered[slot]
        way[slot] = 0 if code == IDENTITY else (1 if code == RELU else 2)
        is_other[slot] = not is_linear(aggregation[slot]) and n_terms > 0
        product_stop[slot] = edge_start[slot] if is_other[slot] else edge_start[slot + 1]
        if code == RELU and not is_other[slot]:
            least[slot], left[slot] = _F(0), IDENTITY
        if aggregation[slot] == _MEAN and n_terms > 0:
            share[slot] = _F(1) / _F(n_terms)
    for slot in output_slot:
        adds[slot], cleared[slot] = 1, False
    return Ways(np.flatnonzero(is_other), share, least, left, adds, way, product_stop, np.flatnonzero(cleared))


@inlined
def slice_plan(packed, g):
    """Genome g's part of the packed plan, with its outgoing edges, and per slot what the walks do there."""
    return _slice(packed, packed.output_slot[g], g)


@inlined
def _slice(packed, held, g):
    """Genome g's part, of which the slots `held` have gradients that are not summed up from 0."""
    s, t = packed.slot_start[g], packed.slot_start[g + 1]
    e, f = packed.genome_edge_start[g], packed.genome_edge_start[g + 1]
    activation, aggregation, source = packed.activation[s:t], packed.aggregation[s:t], packed.edge_source[e:f]
    starts = packed.edge_start[s + g : t + g + 1]
    outgoing = _outgoing(t - s, aggregation, starts, source)
    ways = _ways(packed.n_inputs, activation, aggregation, starts, held, outgoing.scattered)
    return GenomePlan(activation, aggregation, starts, source, packed.output_slot[g], outgoing, ways)


@inlined
def slice_steps(packed, kept, kept_start, g):
    """Genome g's part of the plan of one step, as from `slice_plan`, and the slots that the next step reads.

    The gradients of these, like those of the outputs, are not summed up from 0: they begin with what comes from later steps.
    """
    own = kept[kept_start[g] : kept_start[g + 1]]
    return _slice(packed, np.concatenate((packed.output_slot[g], own)), g), own


@bare
def forward(plan, numbers, inputs, tile, slopes, begin):
    """Fill a tile with the values of the slots from `begin` on; those of inputs are in `inputs`, shape (n_inputs, ROWS)."""
    activation, edge_start, edge_source, ways = plan.activation, plan.edge_start, plan.edge_source, plan.ways
    n_edges, n_inputs, n_slots = edge_source.shape[0], inputs.shape[0], activation.shape[0]
    for k in range(ways.others.shape[0] + 1):
        end = ways.others[k] if k < ways.others.shape[0] else n_slots
        forward_run(
            begin,
            end,
            numbers,
            n_edges,
            inputs,
            n_inputs,
            tile,
            slopes,
            edge_start,
            edge_source,
            ways.share,
            ways.least,
            ways.left,
        )
        if end < n_slots:
            bias, first, last = numbers[n_edges + end - n_inputs], edge_start[end], edge_start[end + 1]
            join_inputs(tile, end, plan.aggregation[end], bias, numbers, inputs, edge_source, first, last)
            activate(activation[end], tile[end], slopes[end])
        begin = end + 1


@bare
def backward(plan, numbers, inputs, tile, slopes, gradients, sums):
    """Add the gradients of all numbers over one tile to `sums`, (n_numbers, LANES).

    `gradients` holds those of the outputs already.
    """
    edge_start, edge_source, outgoing, ways = plan.edge_start, plan.edge_source, plan.outgoing, plan.ways
    n_inputs, n_edges, end = inputs.shape[0], edge_source.shape[0], plan.activation.shape[0]
    for slot in ways.cleared:
        for i in range(ROWS):
            gradients[slot, i] = _F(0)
    for k in range(ways.others.shape[0], -1, -1):
        begin = ways.others[k - 1] if k > 0 else n_inputs
        backward_run(
            begin, end, numbers, n_edges, inputs, n_inputs, tile, slopes, gradients, edge_start, edge_source, ways.share, ways.adds,
            ways.way, ways.product_stop, outgoing.start, outgoing.target, outgoing.edge, sums,
        )  # fmt: skip
        if k > 0:
            first, last, g = edge_start[begin], edge_start[begin + 1], gradients[begin]
            if plan.aggregation[begin] == _PRODUCT:
                backward_product(sums, g, numbers, inputs, tile, edge_source, gradients, first, last)
            else:
                backward_extreme(
                    sums, g, plan.aggregation[begin] == _MAX, numbers, inputs, tile, edge_source, gradients, first, last
                )
        end = begin
