"""The CPU engine: one native call trains the whole population, one genome per task, rows innermost.

A genome is walked node by node in slot order with a tile of rows held in cache; the backward pass gathers over outgoing
edges. A batch is worked off tile by tile with the gradients added up. Tiles of inputs are made once and read by all genomes,
where they are many window by window (`kernel_windows`), so that they come from memory once for all genomes of a thread.
"""

from itertools import pairwise

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.native import bare, outer, share_out, thread_count
from propneat.base.words import count
from propneat.compiler import PopulationPlan
from propneat.training.float_mode import FLUSHING, float_mode, set_float_mode
from propneat.training.kernel_loop import EPOCHS, JUDGED, TRAIN, first_notes, train_one
from propneat.training.kernel_losses import output_loss
from propneat.training.kernel_parts import Learning, Packed, Scratch, StepSettings, Tiles
from propneat.training.kernel_tile import LANES, ROWS, aligned, tile_rows
from propneat.training.kernel_walk import backward, forward, slice_plan
from propneat.training.kernel_windows import cut_into_windows
from propneat.training.settings import LOSSES, OPTIMISERS, Samples, TrainedPopulation, TrainingConfig, make_schedule

__all__ = ["check_budget", "predict_population", "train"]

_F = np.float32


@bare
def _add_tiles(plan, numbers, samples, first, last, share, loss, total, scratch, sums):
    """Return `total` plus the loss of some tiles, and add gradients to `sums` if it has room for any."""
    X, tile, gradients, slopes = samples.X, scratch.values, scratch.gradients, scratch.slopes
    for t in range(first, last):
        forward(plan, numbers, X[t], tile, slopes, X.shape[1])
        total += output_loss(loss, tile, gradients, plan.outputs, samples.targets[t], samples.weights[t], share)
        if sums.shape[0] > 0:
            backward(plan, numbers, X[t], tile, slopes, gradients, sums)
    return total


@outer
def _train_some(genomes, packed, learning, number_start, windows, train, validation, order, settings, scratch, sums, sums_start,
                losses, counts):  # fmt: skip
    """Train the genomes of one share in place, window after window. The sums of genome `genomes[k]` begin at `sums_start[k]`."""
    mode = float_mode()
    set_float_mode(mode | FLUSHING)
    for w in range(windows.shape[0]):
        for k in range(genomes.shape[0]):
            g = genomes[k]
            a, b = number_start[g], number_start[g + 1]
            own = Learning(learning.numbers[a:b], learning.first[a:b], learning.second[a:b], learning.best[a:b])
            own_sums = sums[sums_start[k] : sums_start[k] + b - a]
            train_one(
                _add_tiles, slice_plan(packed, g), own, losses[g], counts[g], windows[w], train, validation, order, settings,
                scratch, own_sums,
            )  # fmt: skip
    set_float_mode(mode)


@outer
def _predict_some(genomes, packed, numbers, number_start, X, scratch, answers):
    tile, slopes = scratch.values, scratch.slopes
    mode = float_mode()
    set_float_mode(mode | FLUSHING)
    for g in genomes:
        plan = slice_plan(packed, g)
        own = numbers[number_start[g] : number_start[g + 1]]
        for t in range(X.shape[0]):
            forward(plan, own, X[t], tile, slopes, X.shape[1])
            for k in range(answers.shape[1]):
                for i in range(min(ROWS, answers.shape[2] - t * ROWS)):
                    answers[g, k, t * ROWS + i] = tile[plan.outputs[k], i]
    set_float_mode(mode)


def _pack(plan: PopulationPlan) -> tuple[Packed, np.ndarray, np.ndarray]:
    """Return the plan's arrays for the kernels, every genome's numbers (weights, biases, room for a vector), and their starts."""
    sizes = _sizes(plan)
    number_start = np.concatenate([[0], sizes.sum(axis=1).cumsum()])
    numbers, kind = np.zeros(number_start[-1], np.float32), _kinds(sizes)
    numbers[kind == 0] = plan.weights
    numbers[kind == 1] = plan.biases[plan.depth > 0]
    packed = Packed(
        plan.n_inputs, plan.slot_start, plan.genome_edge_start, plan.activation, plan.aggregation, plan.edge_start, plan.edge_source,
        plan.output_slot,
    )  # fmt: skip
    return packed, numbers, number_start


def _sizes(plan: PopulationPlan) -> np.ndarray:
    """Return for every genome how many weights and biases it has, and the room after them, (n_genomes, 3)."""
    n_edges, n_biases = np.diff(plan.genome_edge_start), np.diff(plan.slot_start) - plan.n_inputs
    return np.stack([n_edges, n_biases, np.full_like(n_edges, LANES)], axis=1)


def _kinds(sizes: np.ndarray) -> np.ndarray:
    """Tell weights, 0, from biases, 1, and room, 2, among all genomes' numbers."""
    return np.repeat(np.tile(np.arange(3, dtype=np.int8), len(sizes)), sizes.ravel())


def _unpack(plan: PopulationPlan, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split trained numbers into weights and biases in plan order, inputs' unused biases set to 0."""
    kind = _kinds(_sizes(plan))
    biases = np.zeros(len(plan.biases), _F)
    biases[plan.depth > 0] = numbers[kind == 1]
    return numbers[kind == 0], biases


def _scratch(plan: PopulationPlan) -> Scratch:
    """Return room for every genome."""
    n_slots, most_numbers = int(np.diff(plan.slot_start).max()), int(_sizes(plan).sum(axis=1).max())
    return Scratch(*(aligned(n_slots, ROWS) for _ in range(3)), aligned(most_numbers))


def check_budget(plan: PopulationPlan, memory_budget: int) -> None:
    """Raise ConfigError where even the tiles that all threads hold at a time take more bytes than there may be."""
    needed = thread_count(len(plan)) * sum(part.nbytes for part in _scratch(plan))
    if needed > memory_budget:
        raise ConfigError(
            f"training within {count(memory_budget, 'byte')} is not possible: "
            f"for networks of this size the numba engine needs {needed} bytes"
        )


def _fill_tiles(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return rows of (n_rows, n_columns) as tiles (n_tiles, n_columns, ROWS); `rows` has shape (n_tiles, ROWS)."""
    tiles = aligned(len(rows), values.shape[1], ROWS)
    for tile, chosen in zip(tiles, rows, strict=True):
        tile[:] = values[chosen].T
    return tiles


def _tile_samples(samples: Samples, rows: np.ndarray, batch_start: np.ndarray) -> Tiles:
    """Tile every batch by itself. A row that fills a tile up is one of its batch, so its values are no less finite, without weight."""
    batches = [rows[a:b] for a, b in pairwise(batch_start)]
    parts = [tile_rows(batch) for batch in batches]
    tile_start = np.cumsum([0, *map(len, parts)])
    tiled = np.concatenate(parts)
    weights = np.zeros(tiled.shape, _F)
    for batch, first in zip(batches, tile_start, strict=False):
        weights[first:].reshape(-1)[: len(batch)] = samples.weights[batch]
    totals = np.array([np.abs(samples.weights[batch]).sum(dtype=np.float64) for batch in batches])
    return Tiles(_fill_tiles(samples.X, tiled), _fill_tiles(samples.targets, tiled), weights, tile_start, totals)


def train(
    plan: PopulationPlan,
    train: Samples,
    validation: Samples | None,
    config: TrainingConfig,
    rng: np.random.Generator,
    device: str,
    memory_budget: int | None = None,
) -> TrainedPopulation:
    """Train every genome in float32 on the CPU; see `propneat.training.train_population`.

    Raises ConfigError for a memory budget that the tiles of all threads do not fit into.
    """
    if memory_budget is not None:
        check_budget(plan, memory_budget)
    rows, batch_start, order = make_schedule(len(train), config, rng)
    packed, numbers, number_start = _pack(plan)
    nothing = Samples(train.X[:0], train.targets[:0], train.weights[:0])
    judge = nothing if validation is None else validation
    settings = StepSettings(
        LOSSES.index(config.loss), OPTIMISERS.index(config.optimiser), _F(config.learning_rate), _F(config.l2 / np.abs(train.weights).sum()), config.patience or 0
    )  # fmt: skip
    learnt = _tile_samples(train, rows, batch_start)
    judged = _tile_samples(judge, np.arange(len(judge)), np.array([0, len(judge)]))
    learning = Learning(numbers, np.zeros_like(numbers), np.zeros_like(numbers), numbers.copy())
    losses, counts = first_notes(len(plan))
    tile_bytes = sum(part[:1].nbytes for part in learnt[:3])
    windows = cut_into_windows(order, np.diff(learnt.first_tile), len(judged.X), config.patience is not None, tile_bytes)

    def work(genomes: np.ndarray) -> None:
        rooms = np.diff(number_start)[genomes]
        # sums outlast a genome's turn only where windows cut batches
        sums_start = np.cumsum(rooms) - rooms if len(windows) > 1 else np.zeros_like(rooms)
        sums = aligned(int((sums_start + rooms).max()), LANES)
        _train_some(
            genomes, packed, learning, number_start, windows, learnt, judged, order, settings, _scratch(plan), sums, sums_start,
            losses, counts,
        )  # fmt: skip

    share_out(work, np.diff(plan.genome_edge_start))
    weights, biases = _unpack(plan, numbers if config.patience is None else learning.best)
    validation_loss = losses[:, JUDGED] if len(judge) else np.full(len(plan), np.nan)
    return TrainedPopulation(weights, biases, losses[:, TRAIN].copy(), validation_loss.copy(), counts[:, EPOCHS].copy())


def predict_population(plan: PopulationPlan, X: np.ndarray) -> np.ndarray:
    """Compute every genome on rows `X`, shape (n_rows, n_inputs), in float32.

    Returns float32 of shape (n_genomes, n_rows, n_outputs).
    """
    packed, numbers, number_start = _pack(plan)
    X = np.asarray(X, np.float32)
    answers = np.empty((len(plan), plan.n_outputs, len(X)), np.float32)
    tiles = _fill_tiles(X, tile_rows(np.arange(len(X))))

    def work(genomes: np.ndarray) -> None:
        _predict_some(genomes, packed, numbers, number_start, tiles, _scratch(plan), answers)

    share_out(work, np.diff(plan.genome_edge_start))
    return answers.transpose(0, 2, 1)
