"""The two walks over a run of nodes that add up or average their inputs, as vector code."""

from functools import reduce
from operator import add
from typing import Any

from propneat.training.kernel_activations import IDENTITY, activate
from propneat.training.kernel_tile import LANES, ROWS, load_row, store_row
from propneat.training.vector_code import Emitter, maximum, select, vector_function

__all__ = ["backward_run", "forward_run"]


def _either(emit: Emitter, index: Any, n_low: Any, low: Any, high: Any) -> Any:
    """Return a pointer to tile row `index`: of `low` for the first n_low rows, otherwise of `high`."""
    base = emit.builder.select(emit.builder.icmp_signed("<", index, n_low), low, high)
    return emit.row(base, index, ROWS)


def _add_weighed(emit: Emitter, totals: list[Any], weight: Any, row: Any) -> None:
    """Add a weight times a row to the variables that hold the parts of a sum."""
    weight = emit.splat(weight, LANES)
    for total, part in zip(totals, load_row(emit, row), strict=True):
        emit.put(total, part.times_plus(weight, emit.get(total)))


def _zeros(emit: Emitter) -> list[Any]:
    return [emit.variable(emit.splat(0.0, LANES)) for _ in range(0, ROWS, LANES)]


@vector_function
def forward_run(emit, slot_first, slot_last, numbers, n_edges, inputs, n_inputs, tile, slopes, edge_start, edge_source, share,
                least, left):  # fmt: skip
    """Fill rows slot_first..slot_last of `tile`: values of nodes with a sum or mean of their inputs.

    Value = max(share * sum over edges of weight * source + bias, least), to which the activation `left` is applied. Rows of
    sources up to n_inputs are those of `inputs`. `numbers` holds n_edges weights, then biases.
    """
    with emit.loop(slot_first, slot_last) as slot:
        totals = _zeros(emit)
        with emit.loop(emit.element(edge_start, slot), emit.element(edge_start, slot, 1)) as k:
            source = _either(emit, emit.element(edge_source, k), n_inputs, inputs, tile)
            _add_weighed(emit, totals, emit.element(numbers, k), source)
        bias = emit.splat(emit.element(numbers, n_edges, emit.builder.sub(slot, n_inputs)), LANES)
        factor, bound = (emit.splat(emit.element(array, slot), LANES) for array in (share, least))
        row = emit.row(tile, slot, ROWS)
        store_row(emit, [maximum(emit.get(total).times_plus(factor, bias), bound) for total in totals], row)
        code = emit.element(left, slot)
        with emit.unless(code, IDENTITY):
            activate.emit_call(emit.builder, code, row, emit.row(slopes, slot, ROWS))


@vector_function
def backward_run(emit, slot_first, slot_last, numbers, n_edges, inputs, n_inputs, tile, slopes, gradients, edge_start, edge_source,
                 share, adds, way, product_stop, out_start, out_target, out_edge, sums):  # fmt: skip
    """Take slots back from before slot_last down to slot_first: the gradient at each z, and those of bias and weights.

    The gradient at a value is the sum over outgoing edges of weight * the gradient at its target, and what stands in the row
    already if it `adds`. `way` says how to go on to z: 0 identity, 1 ReLU, 2 times the slope. The sum over rows, folded into
    LANES, is added to the bias's row of `sums`; times `share` it is left in the slot's row of `gradients`, and its products
    with the rows of sources, folded likewise, are added to the rows of `sums` of the edges up to `product_stop`.
    """
    with emit.countdown(slot_last, slot_first) as slot:
        own = emit.row(gradients, slot, ROWS)
        totals = _zeros(emit)
        with emit.when(emit.element(adds, slot), 1):
            for total, part in zip(totals, load_row(emit, own), strict=True):
                emit.put(total, part)
        with emit.loop(emit.element(out_start, slot), emit.element(out_start, slot, 1)) as k:
            weight = emit.element(numbers, emit.element(out_edge, k))
            _add_weighed(emit, totals, weight, emit.row(gradients, emit.element(out_target, k), ROWS))
        _pass_activation(emit, emit.element(way, slot), totals, emit.row(tile, slot, ROWS), emit.row(slopes, slot, ROWS))
        place = emit.row(sums, emit.builder.add(n_edges, emit.builder.sub(slot, n_inputs)), LANES)
        emit.store(emit.load(place, LANES) + reduce(add, map(emit.get, totals)), place)
        factor = emit.splat(emit.element(share, slot), LANES)
        results = [emit.get(total) * factor for total in totals]
        store_row(emit, results, own)
        with emit.loop(emit.element(edge_start, slot), emit.element(product_stop, slot)) as k:
            source, place = _either(emit, emit.element(edge_source, k), n_inputs, inputs, tile), emit.row(sums, k, LANES)
            product = emit.load(place, LANES)
            for result, part in zip(results, load_row(emit, source), strict=True):
                product = result.times_plus(part, product)
            emit.store(product, place)


def _pass_activation(emit: Emitter, way: Any, totals: list[Any], h: Any, slope: Any) -> None:
    """Turn the gradient at a value into that at z."""
    with emit.when(way, 1):
        for total, part in zip(totals, load_row(emit, h), strict=True):
            emit.put(total, select(part > 0.0, emit.get(total), 0.0))
    with emit.when(way, 2):
        for total, part in zip(totals, load_row(emit, slope), strict=True):
            emit.put(total, emit.get(total) * part)
