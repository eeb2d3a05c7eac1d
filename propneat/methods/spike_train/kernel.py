"""Compiled loops: cells that leak, fire and rest, and what a whole spike train does to a cell that fires when it does."""

import numpy as np

from propneat.base.native import outer

__all__ = ["post_synaptic", "simulate"]


@outer
def simulate(weights, recurrent, constants, n_rest, inputs, spikes, potentials):
    """Run a layer of leaky integrate-and-fire cells on every row.

    `weights` (n_inputs, n_cells) and `recurrent` (n_cells, n_cells), or (0, n_cells) for none, lead from the cell of their
    row to that of their column. `constants` (4,) are what is kept per step of the potential and of the current, the gain from
    current to potential, and the potential that must be passed to fire. `inputs` (n_rows, n_steps, n_inputs) holds 0 and 1.
    Sets `spikes` (n_rows, n_steps, n_cells) and `potentials` (n_rows, n_cells), the mean over steps of the potential.

    A spike is felt one step after it was sent. A cell that fires is held at 0 for the `n_rest` steps that follow; its current
    goes on. Numbers have the precision of `weights`.
    """
    n_rows, n_steps, n_inputs = inputs.shape
    n_cells = weights.shape[1]
    keep_potential, keep_current, gain, threshold = constants[0], constants[1], constants[2], constants[3]
    has_recurrent = recurrent.shape[0] > 0
    current, potential = np.empty(n_cells, weights.dtype), np.empty(n_cells, weights.dtype)
    rest, zero, one, none = np.empty(n_cells, np.int32), weights.dtype.type(0), np.int32(1), np.int32(0)
    fired = np.empty(n_cells, np.int64)
    for b in range(n_rows):
        current[:], potential[:], rest[:] = 0, 0, 0
        spikes[b], potentials[b] = 0, 0
        n_fired = 0
        for t in range(1, n_steps):
            for i in range(n_cells):
                current[i] *= keep_current
            for j in range(n_inputs):
                if inputs[b, t - 1, j]:
                    row = weights[j]
                    for i in range(n_cells):
                        current[i] += row[i]
            if has_recurrent:
                for k in range(n_fired):
                    row = recurrent[fired[k]]
                    for i in range(n_cells):
                        current[i] += row[i]
            # apart from the rare spikes, loops without branches: they become vector code
            for i in range(n_cells):
                value = potential[i] * keep_potential + current[i] * gain
                potential[i] = zero if rest[i] > 0 else value
                rest[i] = max(rest[i] - one, none)
            n_fired = 0
            for i in range(n_cells):
                if potential[i] > threshold:
                    potential[i] = 0
                    rest[i] = n_rest
                    spikes[b, t, i] = 1
                    fired[n_fired] = i
                    n_fired += 1
            for i in range(n_cells):
                potentials[b, i] += potential[i]
        for i in range(n_cells):
            potentials[b, i] /= n_steps


@outer
def post_synaptic(pre, post, constants, n_rest, effects):
    """Set `effects` (n_rows, n_post, n_pre) to the spike-train level post-synaptic potentials e of every pair of trains.

    `pre` (n_rows, n_steps, n_pre) and `post` (n_rows, n_steps, n_post) hold 0 and 1; `constants` is as for `simulate`. e is the
    sum over the spikes of post of the potential that pre alone, with weight 1, has built up since post last fired and rested.

    Where a potential is not reset it is a filtered train Q(t); reset at step r it is Q(t) - keep^(t - r) Q(r), so that a spike
    adds the difference of two rows of Q.
    """
    n_rows, n_steps, n_pre = pre.shape
    n_post = post.shape[2]
    keep_potential, keep_current, gain = constants[0], constants[1], constants[2]
    kept = np.empty(n_steps, effects.dtype)
    kept[0] = 1
    for t in range(1, n_steps):
        kept[t] = kept[t - 1] * keep_potential
    current, free = np.empty(n_pre, effects.dtype), np.zeros((n_steps, n_pre), effects.dtype)
    ready = np.empty(n_post, np.int64)
    for b in range(n_rows):
        current[:], ready[:] = 0, -1
        effects[b] = 0
        for t in range(1, n_steps):
            for j in range(n_pre):
                current[j] = current[j] * keep_current + pre[b, t - 1, j]
                free[t, j] = free[t - 1, j] * keep_potential + current[j] * gain
            for i in range(n_post):
                if post[b, t, i]:
                    row, r = effects[b, i], ready[i]
                    if r < 0:
                        for j in range(n_pre):
                            row[j] += free[t, j]
                    elif r < t:
                        factor = kept[t - r]
                        for j in range(n_pre):
                            row[j] += free[t, j] - factor * free[r, j]
                    ready[i] = t + n_rest
