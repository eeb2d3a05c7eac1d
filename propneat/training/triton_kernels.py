"""Triton kernels of the GPU engine: a walk forward, the loss, a walk back, and sums in a fixed order.

A work item is one genome and some tiles of a batch; a program takes items in turn and keeps a tile's values in scratch memory
of its own, [node, row], which stays in cache. Nothing is added up by atomic operations, so the same bits come out every time.
"""

import triton
import triton.language as tl

from propneat.settings.training import check_forms
from propneat.training.settings import LOSSES
from propneat.training.triton_nodes import MEAN, activate, join, place, share_of_term

__all__ = ["add_parts", "walk_population"]

check_forms(__name__, losses=("bce", "cross_entropy", "mse", "rmse"))

BCE = tl.constexpr(LOSSES.index("bce"))
CROSS_ENTROPY = tl.constexpr(LOSSES.index("cross_entropy"))


@triton.jit
def _forward(
    slot_start, n_slots, activation, aggregation, edge_start, edge_source, n_inputs, weights, biases, inputs, batch_rows,
    values, gradients, choices, ROWS: tl.constexpr,
):  # fmt: skip
    """Fill `values` with every node's tile, `gradients` with the slopes there, `choices` with the edges max and min took."""
    lanes = tl.arange(0, ROWS)
    for slot in range(n_inputs, n_slots):
        kind = tl.load(aggregation + slot_start + slot)
        first = tl.load(edge_start + slot_start + slot)
        last = tl.load(edge_start + slot_start + slot + 1)
        z, chosen = join(kind, first, last, weights, edge_source, n_inputs, inputs, batch_rows, values, ROWS)
        value, slope = activate(tl.load(activation + slot_start + slot), z + tl.load(biases + slot))
        node = (slot - n_inputs) * ROWS + lanes
        tl.store(values + node, value)
        tl.store(gradients + node, slope)
        if kind > MEAN:
            tl.store(choices + node, chosen)
        # another thread of the program may be the one to read what this one wrote
        tl.debug_barrier()


@triton.jit
def _cross_entropy(output_slot, n_outputs, n_inputs, values, targets, batch_rows, ROWS: tl.constexpr):
    """Return (loss, largest logit, 1 / sum of exponentials) of every row, each (ROWS,)."""
    lanes = tl.arange(0, ROWS)
    largest = tl.full((ROWS,), float("-inf"), tl.float32)
    for k in range(n_outputs):
        z = tl.load(values + (tl.load(output_slot + k) - n_inputs) * ROWS + lanes)
        largest = tl.maximum(largest, z)
    total = tl.full((ROWS,), 0.0, tl.float32)
    taken = tl.full((ROWS,), 0.0, tl.float32)
    normal = tl.full((ROWS,), 0.0, tl.float32)
    for k in range(n_outputs):
        z = tl.load(values + (tl.load(output_slot + k) - n_inputs) * ROWS + lanes)
        y = tl.load(targets + k * batch_rows + lanes)
        normal += tl.exp(z - largest)
        total += y
        taken += y * (z - largest)
    return total * tl.log(normal) - taken, largest, 1.0 / normal


@triton.jit
def _loss_of_rows(
    output_slot, n_outputs, n_inputs, values, targets, batch_rows, LOSS: tl.constexpr, ROWS: tl.constexpr
):  # fmt: skip
    """Return the loss of every row, and two tiles that `_seed` needs for cross entropy; "rmse" counts as "mse" here."""
    lanes = tl.arange(0, ROWS)
    losses = tl.full((ROWS,), 0.0, tl.float32)
    largest = losses
    inverse = losses
    if LOSS == CROSS_ENTROPY:
        losses, largest, inverse = _cross_entropy(output_slot, n_outputs, n_inputs, values, targets, batch_rows, ROWS)
    else:
        for k in range(n_outputs):
            z = tl.load(values + (tl.load(output_slot + k) - n_inputs) * ROWS + lanes)
            y = tl.load(targets + k * batch_rows + lanes)
            if LOSS == BCE:
                losses += tl.maximum(z, 0.0) - z * y + tl.log(1.0 + tl.exp(-tl.abs(z)))
            else:
                losses += (z - y) * (z - y)
        losses = losses / n_outputs
    return losses, largest, inverse


@triton.jit
def _seed(z, y, share, n_outputs, largest, inverse, LOSS: tl.constexpr):
    """Return the derivative of the loss in an output's tile z; `share` is every row's part of the batch's weight."""
    if LOSS == CROSS_ENTROPY:
        return share * (tl.exp(z - largest) * inverse - y)
    if LOSS == BCE:
        return share / n_outputs * (tl.sigmoid(z) - y)
    return 2.0 * share / n_outputs * (z - y)


@triton.jit
def _leaving_edges(
    own, slot, gradient, is_later, slot_start, aggregation, edge_start, edge_source, out_start, out_target, out_edge, n_inputs,
    weights, inputs, batch_rows, values, gradients, choices, parts, ROWS: tl.constexpr,
):  # fmt: skip
    """Add what comes back along the edges that leave a slot to its gradient, and return that; write the weights' gradients."""
    lanes = tl.arange(0, ROWS)
    for k in range(tl.load(out_start + slot_start + slot), tl.load(out_start + slot_start + slot + 1)):
        edge = tl.load(out_edge + k)
        target = tl.load(out_target + k)
        kind = tl.load(aggregation + slot_start + target)
        node = (target - n_inputs) * ROWS
        back = tl.load(gradients + node + lanes)
        if kind > MEAN:
            first = tl.load(edge_start + slot_start + target)
            last = tl.load(edge_start + slot_start + target + 1)
            back *= share_of_term(
                kind, edge, first, last, choices + node, weights, edge_source, n_inputs, inputs, batch_rows, values, ROWS
            )
        earlier = tl.load(parts + edge, mask=is_later, other=0.0)
        tl.store(parts + edge, earlier + tl.sum(back * own, axis=0))
        gradient += tl.load(weights + edge) * back
    return gradient


@triton.jit
def _backward(
    is_later, slot_start, n_slots, aggregation, edge_start, edge_source, out_start, out_target, out_edge, output_number,
    n_inputs, n_outputs, weights, bias_parts, inputs, targets, share, batch_rows, largest, inverse, values, gradients, choices,
    parts, LOSS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Write the gradients of one tile, or add them where `is_later`; `gradients` holds slopes, then gradients at z."""
    lanes = tl.arange(0, ROWS)
    for k in range(n_slots):
        slot = n_slots - 1 - k
        own = tl.load(place(slot, n_inputs, inputs, batch_rows, values, ROWS) + lanes)
        gradient = tl.full((ROWS,), 0.0, tl.float32)
        output = tl.load(output_number + slot_start + slot)
        if output >= 0:
            gradient += _seed(own, tl.load(targets + output * batch_rows + lanes), share, n_outputs, largest, inverse, LOSS)
        gradient = _leaving_edges(
            own, slot, gradient, is_later, slot_start, aggregation, edge_start, edge_source, out_start, out_target, out_edge,
            n_inputs, weights, inputs, batch_rows, values, gradients, choices, parts, ROWS,
        )  # fmt: skip
        if slot >= n_inputs:
            node = (slot - n_inputs) * ROWS + lanes
            gradient *= tl.load(gradients + node)
            earlier = tl.load(bias_parts + slot, mask=is_later, other=0.0)
            tl.store(bias_parts + slot, earlier + tl.sum(gradient, axis=0))
            if tl.load(aggregation + slot_start + slot) == MEAN:
                n_terms = tl.load(edge_start + slot_start + slot + 1) - tl.load(edge_start + slot_start + slot)
                gradient = gradient / tl.maximum(n_terms, 1)
            tl.store(gradients + node, gradient)
        tl.debug_barrier()


@triton.jit(
    do_not_specialize=["n_genomes", "n_edges", "n_numbers", "n_tiles", "n_parts", "n_inputs", "n_outputs", "most_nodes"]
)
def walk_population(
    numbers, X, targets, shares, losses, parts, scratch, genome_order, slot_starts, activation, aggregation, edge_start,
    edge_source, out_start, out_target, out_edge, output_slot, output_number, n_genomes, n_edges, n_numbers, n_tiles, n_parts,
    n_inputs, n_outputs, most_nodes, LOSS: tl.constexpr, BACKWARD: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Compute every genome's loss on a batch and, if BACKWARD, the gradient of all its numbers, both in n_parts parts.

    Part p of n_parts takes tiles p, p + n_parts, ... and writes `losses[p, genome]` and `parts[p, number]`. `numbers` holds all
    weights, then a bias per slot. The batch is X (n_inputs, batch_rows), targets (n_outputs, batch_rows), shares (batch_rows,).
    `scratch` has room for 3 * most_nodes tiles per program.
    """
    lanes = tl.arange(0, ROWS)
    batch_rows = n_tiles * ROWS
    values = scratch + tl.program_id(0).to(tl.int64) * 3 * most_nodes * ROWS
    gradients = values + most_nodes * ROWS
    choices = gradients + most_nodes * ROWS
    for item in range(tl.program_id(0), n_genomes * n_parts, tl.num_programs(0)):
        genome = tl.load(genome_order + item // n_parts)
        part = item % n_parts
        slot_start = tl.load(slot_starts + genome)
        n_slots = tl.load(slot_starts + genome + 1) - slot_start
        biases = numbers + n_edges + slot_start
        own_parts = parts + part.to(tl.int64) * n_numbers
        loss = tl.full((ROWS,), 0.0, tl.float32)
        for tile in range(part, n_tiles, n_parts):
            inputs = X + tile * ROWS
            answers = targets + tile * ROWS
            share = tl.load(shares + tile * ROWS + lanes)
            _forward(
                slot_start, n_slots, activation, aggregation, edge_start, edge_source, n_inputs, numbers, biases, inputs,
                batch_rows, values, gradients, choices, ROWS,
            )  # fmt: skip
            outputs = output_slot + genome * n_outputs
            rows, largest, inverse = _loss_of_rows(outputs, n_outputs, n_inputs, values, answers, batch_rows, LOSS, ROWS)
            loss += share * rows
            tl.debug_barrier()
            if BACKWARD:
                _backward(
                    tile > part, slot_start, n_slots, aggregation, edge_start, edge_source, out_start, out_target, out_edge,
                    output_number, n_inputs, n_outputs, numbers, own_parts + n_edges + slot_start, inputs, answers, share,
                    batch_rows, largest, inverse, values, gradients, choices, own_parts, LOSS, ROWS,
                )  # fmt: skip
        tl.store(losses + part * n_genomes + genome, tl.sum(loss, axis=0))


@triton.jit(do_not_specialize=["n_numbers", "n_parts"])
def add_parts(parts, sums, n_numbers, n_parts, WIDTH: tl.constexpr):
    """sums[k] = parts[0, k] + parts[1, k] + ..., in this order, for all n_numbers columns."""
    columns = tl.program_id(0).to(tl.int64) * WIDTH + tl.arange(0, WIDTH)
    mask = columns < n_numbers
    total = tl.full((WIDTH,), 0.0, tl.float32)
    for _ in range(n_parts):
        total += tl.load(parts + columns, mask=mask, other=0.0)
        parts += n_numbers
    tl.store(sums + columns, total, mask=mask)
