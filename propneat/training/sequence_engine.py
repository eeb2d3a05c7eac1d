"""The CPU engine for sequences: population-wide backpropagation through time, one genome per task, rows innermost.

Backpropagation through time after Werbos (1990), truncated as by Williams and Peng (1990), with values computed again where
they do not fit into memory, segment by segment (Chen et al. 2016). Each step is walked by the kernels of `kernel_engine`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.native import outer, share_out, thread_count
from propneat.base.words import count
from propneat.compiler import PopulationPlan, fixed_numbers, unfold
from propneat.training.float_mode import FLUSHING, float_mode, set_float_mode
from propneat.training.kernel_loop import EPOCHS, JUDGED, TRAIN, first_notes, train_one
from propneat.training.kernel_parts import Fixed, Learning, Packed, SequencePlan, SequenceScratch, SequenceTiles, StepSettings
from propneat.training.kernel_tile import LANES, ROWS, aligned, tile_rows
from propneat.training.kernel_walk import slice_steps
from propneat.training.sequence_walk import add_sequences
from propneat.training.sequences import Sequences
from propneat.training.settings import LOSSES, OPTIMISERS, TrainedPopulation, TrainingConfig, make_schedule

__all__ = ["train"]

_F = np.float32
_TILE_BYTES = ROWS * np.dtype(_F).itemsize
_WEIGHT, _KEPT, _BIAS, _ROOM = range(4)
"""What a number of a genome is: slots of kept values have one too, in the place of a bias, that nothing reads."""


@dataclass(frozen=True, eq=False)
class _Steps:
    """The plans of one step of all genomes, end to end as in PopulationPlan, with the kept slots of each."""

    packed: Packed
    kept: np.ndarray
    kept_start: np.ndarray
    kinds: np.ndarray
    """What every number is, int8."""
    number_start: np.ndarray
    fixed: np.ndarray
    """The numbers that stand for time constants, each counted in its genome, int64."""
    fixed_start: np.ndarray

    @classmethod
    def of(cls, plan: PopulationPlan) -> "_Steps":
        steps, n = [unfold(own) for own in plan], plan.n_inputs
        kept = [step.output_slot[plan.n_outputs :] for step in steps]
        n_kept = np.array([len(own) for own in kept])
        n_biases = np.diff(plan.slot_start) - n
        sizes = np.stack([np.diff(plan.genome_edge_start), n_kept, n_biases, np.full(len(plan), LANES)], axis=1)

        def joined(name: str) -> np.ndarray:
            return np.concatenate([getattr(step, name) for step in steps])

        output_slot = np.stack([step.output_slot[: plan.n_outputs] for step in steps])
        packed = Packed(
            n, _starts([step.n_slots for step in steps]), plan.genome_edge_start, joined("activation"), joined("aggregation"),
            joined("edge_start"), joined("edge_source"), output_slot,
        )  # fmt: skip
        kinds = np.repeat(np.tile(np.arange(4, dtype=np.int8), len(sizes)), sizes.ravel())
        starts, (edges, slots) = _starts(sizes.sum(axis=1)), fixed_numbers(plan)
        places, is_fixed = np.arange(starts[-1]), np.zeros(starts[-1], bool)
        is_fixed[kinds == _WEIGHT], is_fixed[kinds == _BIAS] = edges, slots[plan.depth > 0]
        fixed = places - np.repeat(starts[:-1], sizes.sum(axis=1))
        n_fixed = np.add.reduceat(is_fixed.astype(np.int64), starts[:-1])
        return cls(packed, np.concatenate(kept), _starts(n_kept), kinds, starts, fixed[is_fixed], _starts(n_fixed))

    def numbers(self, plan: PopulationPlan) -> np.ndarray:
        numbers = np.zeros(len(self.kinds), _F)
        numbers[self.kinds == _WEIGHT] = plan.weights
        numbers[self.kinds == _BIAS] = plan.biases[plan.depth > 0]
        return numbers

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The most slots, kept values and numbers of a genome."""
        starts = (self.packed.slot_start, self.kept_start, self.number_start)
        return tuple(int(np.diff(start).max()) for start in starts)


def _starts(sizes: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


@outer
def _train_some(genomes, packed, kept, kept_start, fixed, learning, number_start, span, train, validation, order, settings,
                scratch, losses, counts):  # fmt: skip
    """Train the genomes of one share in place. `span` is the units of time there are, and the steps of a window."""
    mode = float_mode()
    set_float_mode(mode | FLUSHING)
    for g in genomes:
        a, b = number_start[g], number_start[g + 1]
        own = Learning(learning.numbers[a:b], learning.first[a:b], learning.second[a:b], learning.best[a:b])
        step, own_kept = slice_steps(packed, kept, kept_start, g)
        c, d = fixed.start[g], fixed.start[g + 1]
        own_fixed = Fixed(fixed.places[c:d], fixed.values[c:d], fixed.start)
        plan = SequencePlan(step, own_kept, span[1], step.edge_source, own_fixed)
        whole = np.array([0, span[0], 0, max(train.X.shape[0], validation.X.shape[0])])
        own_sums = scratch.sums[: b - a]
        train_one(add_sequences, plan, own, losses[g], counts[g], whole, train, validation, order, settings, scratch, own_sums)
    set_float_mode(mode)


def _segment_steps(steps: _Steps, n_steps: int, n_threads: int, budget: int | None) -> int:
    """Return how many steps have their values kept at a time: all, or as many as fit into a budget of bytes.

    Raises ConfigError where not even the best number does.
    """
    if budget is None:
        return n_steps
    n_slots, n_kept, _ = steps.sizes
    sizes = np.arange(1, n_steps + 1)
    needed = n_threads * (_TILE_BYTES * ((2 * sizes + 1) * n_slots + (2 - (-n_steps // sizes)) * n_kept + 1))
    fitting = np.flatnonzero(needed <= budget)
    if not len(fitting):
        raise ConfigError(
            f"training within {count(budget, 'byte')} is not possible: "
            f"for these networks and {n_steps} steps the numba engine needs {int(needed.min())} bytes"
        )
    # of the sizes that cut into as many segments the smallest
    return int(-(-n_steps // -(-n_steps // sizes[fitting[-1]])))


def _scratch(steps: _Steps, n_steps: int, size: int) -> SequenceScratch:
    """Return room for every genome, and for a segment of `size` steps."""
    n_slots, n_kept, n_numbers = steps.sizes
    n_states = -(-n_steps // size) + 1
    return SequenceScratch(
        aligned(size, n_slots, ROWS), aligned(size, n_slots, ROWS), aligned(n_slots, ROWS), aligned(n_numbers),
        aligned(n_kept, ROWS), aligned(n_states, n_kept, ROWS), aligned(ROWS), aligned(n_numbers, LANES),
    )  # fmt: skip


def _tile_sequences(samples: Sequences, rows: np.ndarray, batch_start: np.ndarray) -> SequenceTiles:
    """Tile every batch by itself, sequences of like length together. One that fills a tile up is of its batch, without weight."""
    batches = [rows[a:b][np.argsort(samples.lengths[rows[a:b]], kind="stable")] for a, b in pairwise(batch_start)]
    parts = [tile_rows(batch) for batch in batches]
    tile_start = _starts([len(part) for part in parts])
    tiled = np.concatenate(parts)
    weights = np.zeros(tiled.shape, _F)
    for batch, first in zip(batches, tile_start, strict=False):
        weights[first:].reshape(-1)[: len(batch)] = samples.weights[batch]
    totals = [(np.abs(samples.weights[batch]).astype(np.float64) * samples.n_judged[batch]).sum() for batch in batches]
    n_steps = samples.X.shape[1]
    starts = n_steps - samples.lengths[tiled]
    X = _right_aligned(samples.X, tiled, starts)
    targets = samples.targets if samples.at_every_step else samples.targets[:, None]
    targets = _right_aligned(targets, tiled, starts if samples.at_every_step else np.zeros_like(starts))
    begins = starts.min(axis=1, initial=n_steps)
    return SequenceTiles(X, targets, weights, tile_start, np.array(totals), starts, begins)


def _right_aligned(values: np.ndarray, tiled: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return steps (n_rows, n_steps, n_columns) as tiles (n_tiles, n_steps, n_columns, ROWS), moved to where they start."""
    n_steps = values.shape[1]
    tiles = aligned(len(tiled), n_steps, values.shape[2], ROWS)
    step = np.arange(n_steps)
    for tile, rows, start in zip(tiles, tiled, starts, strict=True):
        # what comes before a sequence's start is what stands after its end: zeros
        tile[:] = values[rows[:, None], (step - start[:, None]) % n_steps].transpose(1, 2, 0)
    return tiles


def train(
    plan: PopulationPlan,
    train: Sequences,
    validation: Sequences | None,
    config: TrainingConfig,
    rng: np.random.Generator,
    memory_budget: int | None = None,
) -> TrainedPopulation:
    """Train every genome on sequences in float32 on the CPU; see `propneat.training.train_population`.

    Raises ConfigError for a memory budget that not even few steps at a time fit into.
    """
    rows, batch_start, order = make_schedule(len(train), config, rng)
    steps = _Steps.of(plan)
    judge = train.take(np.zeros(0, np.int64)) if validation is None else validation
    n_steps = train.X.shape[1]
    window = n_steps if config.window is None else min(config.window, n_steps)
    size = _segment_steps(steps, window, thread_count(len(plan)), memory_budget)
    numbers = steps.numbers(plan)
    places = steps.fixed + np.repeat(steps.number_start[:-1], np.diff(steps.fixed_start))
    fixed = Fixed(steps.fixed, numbers[places], steps.fixed_start)
    learning = Learning(numbers, np.zeros_like(numbers), np.zeros_like(numbers), numbers.copy())
    total = float((np.abs(train.weights).astype(np.float64) * train.n_judged).sum())
    settings = StepSettings(
        LOSSES.index(config.loss), OPTIMISERS.index(config.optimiser), _F(config.learning_rate), _F(config.l2 / total),
        config.patience or 0,
    )  # fmt: skip
    learnt = _tile_sequences(train, rows, batch_start)
    judged = _tile_sequences(judge, np.arange(len(judge)), np.array([0, len(judge)]))
    losses, counts = first_notes(len(plan))
    span = order.shape[0] * (order.shape[1] + 1) + 1, window

    def work(genomes: np.ndarray) -> None:
        _train_some(
            genomes, steps.packed, steps.kept, steps.kept_start, fixed, learning, steps.number_start, span, learnt, judged, order,
            settings, _scratch(steps, window, size), losses, counts,
        )  # fmt: skip

    share_out(work, np.diff(plan.genome_edge_start))
    found = numbers if config.patience is None else learning.best
    found[places] = fixed.values
    biases = np.zeros(len(plan.biases), _F)
    biases[plan.depth > 0] = found[steps.kinds == _BIAS]
    validation_loss = losses[:, JUDGED] if len(judge) else np.full(len(plan), np.nan)
    return TrainedPopulation(
        found[steps.kinds == _WEIGHT], biases, losses[:, TRAIN].copy(), validation_loss.copy(), counts[:, EPOCHS].copy()
    )
