"""Compiled walks over the steps of a tile of sequences: forward, back through time, and again where values were not kept.

Sequences of a tile end together, so that the last step is the same for all; those that begin later than others have a state of
0 until they do. A step is the plan of `propneat.compiler.unfold`, whose kept values stand in the slots after the inputs: they
are copied there from the step before instead of being computed, and the walk back leaves their gradients there.
"""

import numpy as np

from propneat.base.native import bare
from propneat.training.kernel_losses import output_loss
from propneat.training.kernel_tile import ROWS
from propneat.training.kernel_walk import backward, forward

__all__ = ["add_sequences"]

_F = np.float32


@bare
def _keep(kept, tile, starts, step, state):
    """Write what a step leaves to step `step` into `state`, (n_kept, ROWS): 0 for sequences that begin there or later."""
    for j in range(kept.shape[0]):
        row = tile[kept[j]]
        for i in range(ROWS):
            state[j, i] = row[i] if step > starts[i] else _F(0)


@bare
def _run(own, kept, numbers, X, starts, first, last, state, values, slopes):
    """Compute steps `first` to `last` - 1, of which `state` enters the first, into as many tiles of `values` and `slopes`."""
    n_inputs = X.shape[1]
    begin = n_inputs + kept.shape[0]
    for step in range(first, last):
        tile = values[step - first]
        if step == first:
            for j in range(kept.shape[0]):
                for i in range(ROWS):
                    tile[n_inputs + j, i] = state[j, i]
        else:
            _keep(kept, values[step - first - 1], starts, step, tile[n_inputs:begin])
        forward(own, numbers, X[step], tile, slopes[step - first], begin)


@bare
def _step_loss(own, loss, tile, gradients, targets, weights, starts, step, n_steps, share, at_step):
    """Return the loss of a step and write its gradients at the outputs; 0, and nothing written, where it has no targets."""
    every = targets.shape[0] == n_steps and n_steps > 1
    if not every and step < n_steps - 1:
        return _F(0)
    for i in range(ROWS):
        at_step[i] = weights[i] if step >= starts[i] else _F(0)
    return output_loss(loss, tile, gradients, own.outputs, targets[step if every else 0], at_step, share)


@bare
def _back(own, kept, numbers, X, targets, weights, starts, first, last, share, loss, total, values, slopes, scratch, sums):
    """Take steps back from `last` - 1 to `first`; returns `total` plus their loss, however steps are cut into segments.

    `future`, in the scratch, holds the gradients at what the steps left to later ones, and then at what entered them.
    """
    gradients, future, at_step = scratch.gradients, scratch.future, scratch.at_step
    n_steps, n_inputs = X.shape[0], X.shape[1]
    for step in range(last - 1, first - 1, -1):
        tile = values[step - first]
        for slot in own.outputs:
            for i in range(ROWS):
                gradients[slot, i] = _F(0)
        for slot in kept:
            for i in range(ROWS):
                gradients[slot, i] = _F(0)
        total += _step_loss(own, loss, tile, gradients, targets, weights, starts, step, n_steps, share, at_step)
        for j in range(kept.shape[0]):
            row = gradients[kept[j]]
            for i in range(ROWS):
                row[i] += future[j, i]
        backward(own, numbers, X[step], tile, slopes[step - first], gradients, sums)
        for j in range(kept.shape[0]):
            for i in range(ROWS):
                future[j, i] = gradients[n_inputs + j, i] if step > starts[i] else _F(0)
    return total


@bare
def _learn(plan, numbers, X, targets, weights, starts, first, share, loss, scratch, sums):
    """Return the loss of a tile of sequences that begin at step `first`, and add the gradients to `sums`.

    Steps are cut, from their end, into windows that no gradient leaves, and each window from its beginning into segments, of
    which one at a time has its values kept; those of the others are computed again from the state that entered them.
    """
    own, kept, window = plan.step, plan.kept, plan.window
    values, slopes, future, states = scratch.values, scratch.slopes, scratch.future, scratch.states
    n_steps, size = X.shape[0], values.shape[0]
    total, carry, a = _F(0), states[states.shape[0] - 1], first
    for j in range(kept.shape[0]):
        for i in range(ROWS):
            states[0, j, i] = _F(0)
    while a < n_steps:
        b = n_steps - (n_steps - a - 1) // window * window
        n_segments = (b - a + size - 1) // size
        for k in range(n_segments):
            begin, end = a + k * size, min(a + (k + 1) * size, b)
            _run(own, kept, numbers, X, starts, begin, end, states[k], values, slopes)
            _keep(kept, values[end - begin - 1], starts, end, states[k + 1] if end < b else carry)
        if b == n_steps or targets.shape[0] == n_steps:
            for j in range(kept.shape[0]):
                for i in range(ROWS):
                    future[j, i] = _F(0)
            for k in range(n_segments - 1, -1, -1):
                begin, end = a + k * size, min(a + (k + 1) * size, b)
                if end < b:
                    _run(own, kept, numbers, X, starts, begin, end, states[k], values, slopes)
                total = _back(
                    own,
                    kept,
                    numbers,
                    X,
                    targets,
                    weights,
                    starts,
                    begin,
                    end,
                    share,
                    loss,
                    total,
                    values,
                    slopes,
                    scratch,
                    sums,
                )
        for j in range(kept.shape[0]):
            for i in range(ROWS):
                states[0, j, i] = carry[j, i]
        a = b
    return total


@bare
def _judge(plan, numbers, X, targets, weights, starts, first, share, loss, scratch):
    """Return the loss of a tile of sequences that begin at step `first`."""
    own, kept, values, slopes = plan.step, plan.kept, scratch.values, scratch.slopes
    n_steps, state, total = X.shape[0], scratch.states[0], _F(0)
    for j in range(kept.shape[0]):
        for i in range(ROWS):
            state[j, i] = _F(0)
    for step in range(first, n_steps):
        _run(own, kept, numbers, X, starts, step, step + 1, state, values, slopes)
        total += _step_loss(
            own, loss, values[0], scratch.gradients, targets, weights, starts, step, n_steps, share, scratch.at_step
        )
        _keep(kept, values[0], starts, step + 1, state)
    return total


@bare
def add_sequences(plan, numbers, samples, first, last, share, loss, total, scratch, sums):
    """Return `total` plus the loss of some tiles of sequences, and add gradients to `sums` if it has room for any.

    Numbers that are fixed are what they were, whatever a step of the optimiser has made of them.
    """
    places, values = plan.fixed.places, plan.fixed.values
    for k in range(places.shape[0]):
        numbers[places[k]] = values[k]
    X, targets, weights, starts, begins = samples.X, samples.targets, samples.weights, samples.starts, samples.begins
    for t in range(first, last):
        if sums.shape[0] > 0:
            total += _learn(plan, numbers, X[t], targets[t], weights[t], starts[t], begins[t], share, loss, scratch, sums)
        else:
            total += _judge(plan, numbers, X[t], targets[t], weights[t], starts[t], begins[t], share, loss, scratch)
    return total
