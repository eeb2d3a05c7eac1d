"""Compiled walks in float64: one genome on one observation, step after step, and a table of rows in blocks.

Both take a genome's nodes in the order of its plan and add its terms in the same order, so a row's answer depends on that row
alone, to the bit, whatever other rows stand beside it and whichever of the two computes it.
"""

import numpy as np

from propneat.base.native import bare, inner, outer
from propneat.compiler.scalar_functions import activate_row, activated
from propneat.genome import aggregation_code, check_functions

__all__ = ["compute_block", "pack_programs", "step", "step_once", "walk_population", "walk_rows"]

_SUM, _MEAN, _PRODUCT, _MAX, _MIN = map(aggregation_code, ("sum", "mean", "product", "max", "min"))
check_functions(__name__, aggregations=("sum", "mean", "product", "max", "min"))


@inner
def _mark_kept(edge_source, edge_recurrent, kept):
    """Number the slots whose values the next step reads, in order; -1 for others. Returns how many there are."""
    kept[:] = -1
    for e in range(edge_source.shape[0]):
        if edge_recurrent[e]:
            kept[edge_source[e]] = 0
    n_kept = 0
    for slot in range(kept.shape[0]):
        if kept[slot] == 0:
            kept[slot] = n_kept
            n_kept += 1
    return n_kept


@inner
def _pack_one(n_inputs, output_slot, activation, aggregation, edge_start, edge_source, edge_recurrent, weights, biases, room):
    """Write one genome's program to the beginning of `room`; returns its numbers of codes, numbers and values."""
    code, numbers, kept = room
    n_slots, n_outputs = activation.shape[0], output_slot.shape[0]
    n_kept = _mark_kept(edge_source, edge_recurrent, kept[:n_slots])
    code[0], code[1], code[2], code[3] = n_inputs, n_kept, n_slots + n_kept, n_outputs
    c, d = 4, 0
    for k in range(n_outputs):
        code[c] = output_slot[k] + n_kept
        c += 1
    for slot in range(n_slots):
        if kept[slot] >= 0:
            code[c] = slot + n_kept
            c += 1
    for slot in range(n_inputs, n_slots):
        first, last = edge_start[slot], edge_start[slot + 1]
        code[c], code[c + 1], code[c + 2] = activation[slot], aggregation[slot], last - first
        numbers[d] = biases[slot]
        c, d = c + 3, d + 1
        for e in range(first, last):
            source = edge_source[e]
            if edge_recurrent[e]:
                code[c] = n_inputs + kept[source]
            else:
                code[c] = source if source < n_inputs else source + n_kept
            numbers[d] = weights[e]
            c, d = c + 1, d + 1
    return c, d, n_slots + n_kept


@outer
def pack_programs(
    n_inputs, output_slot, slot_start, genome_edge_start, activation, aggregation, edge_start, edge_source, edge_recurrent,
    weights, biases,
):  # fmt: skip
    """Pack the arrays of a PopulationPlan; returns (code, numbers, code_start, number_start, slot_start) of `Programs`."""
    n_genomes, n_outputs = output_slot.shape
    n_slots, n_edges = activation.shape[0], edge_source.shape[0]
    code = np.empty(n_genomes * (4 + n_outputs) + 4 * n_slots + n_edges, np.int32)
    numbers = np.empty(n_slots + n_edges)
    starts = np.zeros((3, n_genomes + 1), np.int64)
    kept = np.empty(n_slots, np.int64)
    for g in range(n_genomes):
        s, s_end = slot_start[g], slot_start[g + 1]
        e, e_end = genome_edge_start[g], genome_edge_start[g + 1]
        sizes = _pack_one(
            n_inputs, output_slot[g], activation[s:s_end], aggregation[s:s_end], edge_start[s + g : s_end + g + 1],
            edge_source[e:e_end], edge_recurrent[e:e_end], weights[e:e_end], biases[s:s_end],
            (code[starts[0, g] :], numbers[starts[1, g] :], kept),
        )  # fmt: skip
        for k in range(3):
            starts[k, g + 1] = starts[k, g] + sizes[k]
    n_codes, n_numbers = starts[0, n_genomes], starts[1, n_genomes]
    return code[:n_codes].copy(), numbers[:n_numbers].copy(), starts[0].copy(), starts[1].copy(), starts[2].copy()


@bare
def _joined(aggregation, code, numbers, values, c, d, n_edges):
    """Join the weighted values of a node's sources, which are `code[c : c + n_edges]`, their weights from `numbers[d]` on."""
    z = numbers[d] * values[code[c]]
    if aggregation == _PRODUCT:
        for e in range(1, n_edges):
            z *= numbers[d + e] * values[code[c + e]]
    elif aggregation == _MAX:
        for e in range(1, n_edges):
            term = numbers[d + e] * values[code[c + e]]
            z = term if term > z or term != term else z
    elif aggregation == _MIN:
        for e in range(1, n_edges):
            term = numbers[d + e] * values[code[c + e]]
            z = term if term < z or term != term else z
    else:
        for e in range(1, n_edges):
            z += numbers[d + e] * values[code[c + e]]
        if aggregation == _MEAN:
            z /= n_edges
    return z


@inner
def step(code, numbers, x, values, out):
    """Compute one step of one genome; for compiled callers, as `step_once` is for Python.

    `code` and `numbers` begin with the genome's program and may go on beyond it. `x` holds n_inputs numbers. `values`, float64,
    has room for the genome's slots (`slot_start[g + 1] - slot_start[g]`) and is its memory: all 0 before the first step, and
    then left alone from one step to the next. Outputs are written to `out`, n_outputs numbers. Nothing is allocated.
    """
    n_inputs, n_kept, n_slots, n_outputs = code[0], code[1], code[2], code[3]
    for k in range(n_inputs):
        values[k] = x[k]
    c, d = 4 + n_outputs + n_kept, 0
    for slot in range(n_inputs + n_kept, n_slots):
        n_edges = code[c + 2]
        z = numbers[d]
        if n_edges > 0:
            z += _joined(code[c + 1], code, numbers, values, c + 3, d + 1, n_edges)
        values[slot] = activated(code[c], z)
        c, d = c + 3 + n_edges, d + 1 + n_edges
    for k in range(n_outputs):
        out[k] = values[code[4 + k]]
    for k in range(n_kept):
        values[n_inputs + k] = values[code[4 + n_outputs + k]]


step_once = outer(step.py_func)
"""`step` for callers in Python."""


@bare
def _join_row(aggregation, z, weight, row):
    """Join one more source's values, times a weight, to those of a node."""
    if aggregation == _PRODUCT:
        for i in range(z.shape[0]):
            z[i] *= weight * row[i]
    elif aggregation == _MAX:
        for i in range(z.shape[0]):
            term = weight * row[i]
            z[i] = term if term > z[i] or term != term else z[i]
    elif aggregation == _MIN:
        for i in range(z.shape[0]):
            term = weight * row[i]
            z[i] = term if term < z[i] or term != term else z[i]
    else:
        for i in range(z.shape[0]):
            z[i] += weight * row[i]


@bare
def _add_four(z, w, a, b, c, d):
    """Add four sources' values, times weights, in order."""
    w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
    for i in range(z.shape[0]):
        z[i] = (((z[i] + w0 * a[i]) + w1 * b[i]) + w2 * c[i]) + w3 * d[i]


@bare
def _compute_row(aggregation, code, numbers, values, z, c, d, n_edges):
    """Write what a node joins of every row, its bias included, to `z`, which is its row of `values`, (n_slots, n_rows)."""
    bias, n_rows = numbers[d], z.shape[0]
    if n_edges == 0:
        z[:] = bias
        return
    first, weight = values[code[c]], numbers[d + 1]
    for i in range(n_rows):
        z[i] = weight * first[i]
    e = 1
    if aggregation == _SUM or aggregation == _MEAN:
        while e + 4 <= n_edges:
            _add_four(
                z, numbers[d + 1 + e : d + 5 + e], values[code[c + e]], values[code[c + e + 1]], values[code[c + e + 2]],
                values[code[c + e + 3]],
            )  # fmt: skip
            e += 4
    while e < n_edges:
        _join_row(aggregation, z, numbers[d + 1 + e], values[code[c + e]])
        e += 1
    if aggregation == _MEAN:
        for i in range(n_rows):
            z[i] = z[i] / n_edges
    for i in range(n_rows):
        z[i] = bias + z[i]


@bare
def compute_block(code, numbers, values):
    """Fill `values`, (n_slots, n_rows), of a block of rows whose inputs and whatever was kept stand in it already."""
    n_first, n_slots = code[0] + code[1], code[2]
    c, d = 4 + code[3] + code[1], 0
    for slot in range(n_first, n_slots):
        n_edges = code[c + 2]
        z = values[slot]
        _compute_row(code[c + 1], code, numbers, values, z, c + 3, d, n_edges)
        activate_row(code[c], z)
        c, d = c + 3 + n_edges, d + 1 + n_edges


@bare
def _walk_block(code, numbers, cells, begin, strides, answers, values):
    """Compute every step of the rows whose values are the columns of `values`; their first cell is `cells[begin]`."""
    n_inputs, n_kept, n_outputs = code[0], code[1], code[3]
    n_rows = values.shape[1]
    values[n_inputs : n_inputs + n_kept] = 0.0
    for t in range(answers.shape[1]):
        for k in range(n_inputs):
            first = begin + t * strides[1] + k * strides[2]
            for i in range(n_rows):
                values[k, i] = cells[first + i * strides[0]]
        compute_block(code, numbers, values)
        for k in range(n_outputs):
            for i in range(n_rows):
                answers[i, t, k] = values[code[4 + k], i]
        for k in range(n_kept):
            for i in range(n_rows):
                values[n_inputs + k, i] = values[code[4 + n_outputs + k], i]


@outer
def walk_rows(code, numbers, cells, strides, answers, room):
    """Compute a genome on every row of a table, or every sequence of an array, each of which begins without a past.

    `code` and `numbers` as in `step`. The number of row i, step t and input k is
    `cells[i * strides[0] + t * strides[1] + k * strides[2]]`; `answers` is float64 (n_rows, n_steps, n_outputs). `room`,
    float64 (n_slots, n_rows_at_once), holds the values of the rows that are computed side by side.
    """
    n_rows, n_block = answers.shape[0], room.shape[1]
    for begin in range(0, n_rows, n_block):
        end = min(begin + n_block, n_rows)
        _walk_block(code, numbers, cells, begin * strides[0], strides, answers[begin:end], room[:, : end - begin])


@outer
def walk_population(code, numbers, code_start, number_start, slot_start, cells, strides, answers, room):
    """`walk_rows` for every genome; `answers` is (n_genomes, n_rows, n_steps, n_outputs), `room` that of the largest."""
    n_rows, n_block = answers.shape[1], room.shape[1]
    for g in range(answers.shape[0]):
        own, weights, n_slots = code[code_start[g] :], numbers[number_start[g] :], slot_start[g + 1] - slot_start[g]
        for begin in range(0, n_rows, n_block):
            end = min(begin + n_block, n_rows)
            values = room[:n_slots, : end - begin]
            _walk_block(own, weights, cells, begin * strides[0], strides, answers[g, begin:end], values)
