"""The compiled loop of one genome's training: batches, optimiser steps, judgements, and when to stop."""

import numpy as np

from propneat.base.native import bare, inlined
from propneat.settings.training import check_forms
from propneat.training.kernel_losses import loss_of_mean
from propneat.training.kernel_steps import adadelta, adam, finish_gradient
from propneat.training.kernel_tile import LANES
from propneat.training.settings import BETA1, BETA2, OPTIMISERS

__all__ = ["EPOCHS", "JUDGED", "TRAIN", "first_notes", "train_one"]

check_forms(__name__, optimisers=("adam", "adadelta"))

_F = np.float32
_ADAM = OPTIMISERS.index("adam")

_BATCH, _EPOCH, TRAIN, JUDGED = range(4)
"""Places among a genome's losses: of the batch and the epoch so far, of the last epoch, and of the best or last judgement."""
_STEPS, _TAKEN, _WAITED, EPOCHS, _STUCK, _STOPPED = range(6)
"""Places among a genome's counts: steps in all and in this epoch, judgements since the best, epochs, and whether it takes no
more steps, and is not judged any more either."""


def first_notes(n_genomes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return losses, float64 (n_genomes, 4), and counts, int64 (n_genomes, 6), before any training."""
    return np.tile([0.0, 0.0, np.nan, np.inf], (n_genomes, 1)), np.zeros((n_genomes, 6), np.int64)


@bare
def _step(optimiser, learning_rate, time, numbers, gradient, first, second):
    """One optimiser step on all numbers. A number that its step would take out of range stays as it is."""
    n = gradient.shape[0]
    if optimiser == _ADAM:
        corrections = _F(1 / (1 - BETA1**time)), _F(1 / (1 - BETA2**time))
        adam(numbers, gradient, first, second, n, learning_rate, corrections[0], corrections[1])
    else:
        adadelta(numbers, gradient, first, second, n, learning_rate)


@bare
def _judge(value, patience, numbers, best, losses, counts):
    """Take note of a judgement; with patience, keep the numbers if it is the best, and stop if none was for too long."""
    counts[_WAITED] += counts[EPOCHS] > 0
    if patience == 0:
        losses[JUDGED] = value
    elif value < losses[JUDGED]:
        losses[JUDGED], counts[_WAITED] = value, 0
        for k in range(numbers.shape[0]):
            best[k] = numbers[k]
    counts[_STOPPED] = patience > 0 and counts[_WAITED] >= patience


@inlined
def train_one(add_tiles, plan, learning, losses, counts, window, train, validation, order, settings, scratch, sums):
    """Go on training one genome through a window; see `kernel_windows`.

    `add_tiles` is a function like `_add_tiles`, which alone looks into plan and samples, but for plan[3], the sources of edges,
    the first tile of every batch, samples[3], its weight, samples[4], and room for a gradient, scratch[3].
    `learning` is its numbers, both moments and the best numbers, each with room for a vector more than there are, set to 0;
    `sums` has room likewise, and holds those of a batch of which the last window had the beginning, otherwise 0. One loop takes
    batches and judgements in turn, so that the code that computes either is compiled into it once.
    """
    numbers, first, second, best = learning
    loss, optimiser, learning_rate, l2, patience = settings
    n_epochs, n_batches = order.shape
    n_edges, n_judges = plan[3].shape[0], validation[0].shape[0]
    gradient, no_sums = scratch[3][: numbers.shape[0] - LANES], sums[:0]
    for unit in range(window[0], window[1]):
        if counts[_STOPPED]:
            break
        epoch, place = divmod(unit - 1, n_batches + 1)
        judging = place == n_batches
        if judging:
            samples, batch, wanted = validation, 0, no_sums
            due = n_judges > 0 and (patience > 0 or unit == n_epochs * (n_batches + 1))
        else:
            samples, batch, wanted = train, order[epoch, place], sums
            due = counts[_STUCK] == 0
        if not due:
            continue
        start, stop, weight = samples[3][batch], samples[3][batch + 1], samples[4][batch]
        last = min(start + window[3], stop)
        total, value = losses[_BATCH], 0.0
        if weight > 0:
            total = add_tiles(plan, numbers, samples, start + window[2], last, _F(1.0 / weight), loss, total, scratch, wanted)
        losses[_BATCH] = total if last < stop else 0.0
        if last < stop:
            continue
        if weight > 0:
            value, factor = loss_of_mean(loss, total / weight)
            if not judging:
                if finish_gradient(sums, gradient, gradient.shape[0], factor, numbers, n_edges, l2) != _F(0):
                    counts[_STUCK], counts[_STOPPED] = 1, patience > 0
                    continue
                counts[_STEPS] += 1
                counts[_TAKEN] += 1
                losses[_EPOCH] += value
                _step(optimiser, learning_rate, counts[_STEPS], numbers, gradient, first, second)
        if judging:
            _judge(value, patience, numbers, best, losses, counts)
        elif place == n_batches - 1:
            losses[TRAIN], losses[_EPOCH], counts[_TAKEN] = losses[_EPOCH] / counts[_TAKEN], 0.0, 0
            counts[EPOCHS] += 1
