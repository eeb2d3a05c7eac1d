"""The end of a batch as vector code: sums of products become a gradient, and the optimiser takes its step.

Arrays of numbers have room for a whole vector beyond their length; what stands there is 0 and stays 0.
"""

from functools import partial
from typing import Any

import numpy as np
from numba.core import types

from propneat.training.kernel_tile import LANES
from propneat.training.settings import ADADELTA_EPSILON, ADAM_EPSILON, BETA1, BETA2, RHO
from propneat.training.vector_code import Emitter, Lanes, fold_pair, select, square_root, vector_function

__all__ = ["adadelta", "adam", "finish_gradient"]

_LARGEST = float(np.finfo(np.float32).max)


def _row_sums(rows: list[Lanes]) -> Lanes:
    """Return the sums over lanes of as many vectors as a vector has lanes, as one vector, by folding pairs in half."""
    size = len(rows)
    while len(rows) > 1:
        rows = [fold_pair(a, b, size) for a, b in zip(rows[0::2], rows[1::2], strict=True)]
        size //= 2
    return rows[0]


@partial(vector_function, returns=types.float32)
def finish_gradient(emit, sums, gradient, n, factor, numbers, n_edges, l2):
    """gradient[k] = factor * the sum of row k of `sums`, + l2 * numbers[k] for the first n_edges; sets the sums to 0.

    Returns 0 if every entry is finite, otherwise NaN.
    """
    factor, l2 = emit.splat(factor, LANES), emit.splat(l2, LANES)
    probe = emit.variable(emit.splat(0.0, LANES))
    with emit.loop(0, n, LANES) as start:
        block = emit.row(sums, start, LANES)
        places = [emit.at(block, LANES * k) for k in range(LANES)]
        total = _row_sums([emit.load(place, LANES) for place in places]) * factor
        for place in places:
            emit.store(emit.splat(0.0, LANES), place)
        is_weight = emit.first_lanes(emit.builder.sub(n_edges, start), LANES)
        total = total + select(is_weight, l2 * emit.load(emit.at(numbers, start), LANES), 0.0)
        emit.store(total, emit.at(gradient, start))
        emit.put(probe, total.times_plus(0.0, emit.get(probe)))
    return emit.get(probe).sum()


def _take(emit: Emitter, place: Any, number: Lanes, step: Lanes) -> None:
    """Store number - step, or the number itself where that would be out of range."""
    moved = number - step
    emit.store(select(abs(moved) <= _LARGEST, moved, number), place)


@vector_function
def adam(emit, numbers, gradient, first_moment, second_moment, n, learning_rate, correction1, correction2):
    """One step of Adam (Kingma and Ba 2015); the corrections are 1 / (1 - beta^time)."""
    rate, correction1, correction2 = (emit.splat(x, LANES) for x in (learning_rate, correction1, correction2))
    with emit.loop(0, n, LANES) as start:
        places = [emit.at(array, start) for array in (numbers, gradient, first_moment, second_moment)]
        number, g, first, second = (emit.load(place, LANES) for place in places)
        first = first.times_plus(BETA1, (1 - BETA1) * g)
        second = second.times_plus(BETA2, (1 - BETA2) * g * g)
        emit.store(first, places[2])
        emit.store(second, places[3])
        _take(emit, places[0], number, rate * (first * correction1) / (square_root(second * correction2) + ADAM_EPSILON))


@vector_function
def adadelta(emit, numbers, gradient, mean_step, mean_gradient, n, learning_rate):
    """One step of Adadelta (Zeiler 2012); the means are running ones of squares."""
    rate = emit.splat(learning_rate, LANES)
    with emit.loop(0, n, LANES) as start:
        places = [emit.at(array, start) for array in (numbers, gradient, mean_step, mean_gradient)]
        number, g, steps, gradients = (emit.load(place, LANES) for place in places)
        gradients = gradients.times_plus(RHO, (1 - RHO) * g * g)
        step = square_root(steps + ADADELTA_EPSILON) / square_root(gradients + ADADELTA_EPSILON) * g
        emit.store(steps.times_plus(RHO, (1 - RHO) * step * step), places[2])
        emit.store(gradients, places[3])
        _take(emit, places[0], number, rate * step)
