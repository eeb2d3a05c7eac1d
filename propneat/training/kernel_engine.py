"""The CPU engine: one native call trains the whole population, one genome per task, rows innermost.

A genome is walked node by node in slot order with a tile of rows held in cache; the backward pass gathers over outgoing
edges. A batch is worked off tile by tile with the gradients added up. Tiles of inputs are made once and read by all genomes.
"""

import math
from itertools import pairwise

import numpy as np

from propneat.compiler import PopulationPlan
from propneat.errors import ConfigError
from propneat.native import bare, inlined, outer, share_out, thread_count
from propneat.training.float_mode import FLUSHING, float_mode, set_float_mode
from propneat.training.kernel_losses import loss_of_mean, output_loss
from propneat.training.kernel_steps import adadelta, adam, finish_gradient
from propneat.training.kernel_tile import LANES, ROWS
from propneat.training.kernel_walk import backward, forward, slice_plan
from propneat.training.settings import BETA1, BETA2, LOSSES, OPTIMISERS, Samples, TrainedPopulation, TrainingConfig, make_schedule

__all__ = ["predict_population", "train"]

_F = np.float32
_LINE = 16
_ADAM = OPTIMISERS.index("adam")


@bare
def _batch_loss(plan, numbers, samples, batch, loss, l2, scratch, gradient):
    """Return the loss of a batch, its weight, and whether all is finite of `gradient`, which is set if it has room for one.

    Rows without any weight have loss 0.
    """
    X, targets, weights, tile_start, batch_weight = samples
    tile, gradients, slopes, sums = scratch
    weight, total = batch_weight[batch], 0.0
    if weight <= 0:
        return 0.0, weight, True
    share = _F(1.0 / weight)
    for t in range(tile_start[batch], tile_start[batch + 1]):
        forward(plan, numbers, X[t], tile, slopes)
        total += output_loss(loss, tile, gradients, plan[4], targets[t], weights[t], share)
        if gradient.shape[0] > 0:
            backward(plan, numbers, X[t], tile, slopes, gradients, sums)
    value, factor = loss_of_mean(loss, total / weight)
    if gradient.shape[0] == 0:
        return value, weight, True
    n_edges = plan[3].shape[0]
    return value, weight, finish_gradient(sums, gradient, gradient.shape[0], factor, numbers, n_edges, l2) == _F(0)


@bare
def _step(optimiser, learning_rate, time, numbers, gradient, first, second):
    """One optimiser step on all numbers. A number that its step would take out of range stays as it is."""
    n = gradient.shape[0]
    if optimiser == _ADAM:
        corrections = _F(1 / (1 - BETA1**time)), _F(1 / (1 - BETA2**time))
        adam(numbers, gradient, first, second, n, learning_rate, corrections[0], corrections[1])
    else:
        adadelta(numbers, gradient, first, second, n, learning_rate)


@inlined
def _train_one(plan, numbers, train, validation, order, settings, scratch):
    """Train one genome's numbers in place; returns (train loss, validation loss, epochs run).

    `numbers` has room for a vector more than there are, set to 0. One loop takes batches and judgements in turn, so that the
    code that computes either is compiled into it once.
    """
    loss, optimiser, learning_rate, l2, patience = settings
    n_batches, n_judges = order.shape[1], validation[0].shape[0]
    n_steps = order.shape[0] * n_batches
    n_numbers = numbers.shape[0] - LANES
    gradient, first, second = np.zeros_like(numbers)[:n_numbers], np.zeros_like(numbers), np.zeros_like(numbers)
    best, no_gradient = numbers.copy(), np.zeros(0, numbers.dtype)
    train_loss, best_loss, total = np.nan, np.inf, 0.0
    step, epoch, time, n_taken, waited = 0, 0, 0, 0, 0
    judging = n_judges > 0 and (patience > 0 or n_steps == 0)
    while step < n_steps or judging:
        if judging:
            samples, batch, wanted = validation, 0, no_gradient
        else:
            samples, batch, wanted = train, order[step // n_batches, step % n_batches], gradient
        value, weight, is_finite = _batch_loss(plan, numbers, samples, batch, loss, l2, scratch, wanted)
        if judging:
            judging = False
            waited += epoch > 0
            if patience == 0:
                best_loss = value
            elif value < best_loss:
                best_loss, waited = value, 0
                for k in range(numbers.shape[0]):
                    best[k] = numbers[k]
            if patience > 0 and waited >= patience:
                break
            continue
        if weight > 0:
            if not is_finite:
                n_steps = step
                judging = n_judges > 0 and patience == 0
                continue
            time += 1
            n_taken += 1
            total += value
            _step(optimiser, learning_rate, time, numbers, gradient, first, second)
        step += 1
        if step % n_batches == 0:
            train_loss, total, n_taken = total / n_taken, 0.0, 0
            epoch += 1
            judging = n_judges > 0 and (patience > 0 or step == n_steps)
    if patience > 0:
        for k in range(numbers.shape[0]):
            numbers[k] = best[k]
    return train_loss, best_loss if n_judges > 0 else np.nan, epoch


@outer
def _train_some(genomes, packed, numbers, number_start, train, validation, order, settings, scratch, report):
    """Train the genomes of one share in place; `report` is (train loss, validation loss, epochs) of all genomes."""
    mode = float_mode()
    set_float_mode(mode | FLUSHING)
    for g in genomes:
        own = numbers[number_start[g] : number_start[g + 1]]
        roomy = np.zeros(own.shape[0] + LANES, own.dtype)
        roomy[: own.shape[0]] = own
        result = _train_one(slice_plan(packed, g), roomy, train, validation, order, settings, scratch)
        own[:] = roomy[: own.shape[0]]
        report[0][g], report[1][g], report[2][g] = result
    set_float_mode(mode)


@outer
def _predict_some(genomes, packed, numbers, number_start, X, scratch, answers):
    tile, _, slopes, _ = scratch
    mode = float_mode()
    set_float_mode(mode | FLUSHING)
    for g in genomes:
        plan = slice_plan(packed, g)
        own = numbers[number_start[g] : number_start[g + 1]]
        for t in range(X.shape[0]):
            forward(plan, own, X[t], tile, slopes)
            for k in range(answers.shape[1]):
                for i in range(min(ROWS, answers.shape[2] - t * ROWS)):
                    answers[g, k, t * ROWS + i] = tile[plan[4][k], i]
    set_float_mode(mode)


def _pack(plan: PopulationPlan) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    """Return the plan's arrays for the kernels, every genome's numbers (weights, then biases), and their starts."""
    number_start = plan.slot_start + plan.genome_edge_start - plan.n_inputs * np.arange(len(plan) + 1)
    numbers = np.empty(number_start[-1], np.float32)
    is_weight = _is_weight(plan)
    numbers[is_weight] = plan.weights
    numbers[~is_weight] = plan.biases[plan.depth > 0]
    packed = (
        plan.n_inputs, plan.slot_start, plan.genome_edge_start, plan.activation, plan.aggregation, plan.edge_start, plan.edge_source,
        plan.output_slot,
    )  # fmt: skip
    return packed, numbers, number_start


def _is_weight(plan: PopulationPlan) -> np.ndarray:
    """Tell weights from biases among all genomes' numbers."""
    n_edges, n_biases = np.diff(plan.genome_edge_start), np.diff(plan.slot_start) - plan.n_inputs
    return np.repeat(np.tile([True, False], len(plan)), np.stack([n_edges, n_biases], axis=1).ravel())


def _unpack(plan: PopulationPlan, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split trained numbers into weights and biases in plan order, inputs' unused biases set to 0."""
    is_weight = _is_weight(plan)
    biases = np.zeros(len(plan.biases), _F)
    biases[plan.depth > 0] = numbers[~is_weight]
    return numbers[is_weight], biases


def _aligned(*shape: int) -> np.ndarray:
    """Return zeros, float32, that begin where a cache line does, so that no vector of a tile straddles two."""
    n = math.prod(shape)
    buffer = np.zeros(n + _LINE, _F)
    start = -buffer.ctypes.data % (4 * _LINE) // 4
    return buffer[start : start + n].reshape(shape)


def _scratch(plan: PopulationPlan) -> tuple[np.ndarray, ...]:
    """Tiles of values, gradients and slopes with room for every genome, and the sums of products."""
    n_slots, n_edges = int(np.diff(plan.slot_start).max()), int(np.diff(plan.genome_edge_start).max())
    return *(_aligned(n_slots, ROWS) for _ in range(3)), _aligned(n_edges + n_slots + LANES, LANES)


def _check_budget(plan: PopulationPlan, memory_budget: int) -> None:
    """Raise ConfigError where even the tiles that all threads hold at a time take more bytes than there may be."""
    needed = thread_count(len(plan)) * sum(part.nbytes for part in _scratch(plan))
    if needed > memory_budget:
        raise ConfigError(f"training within {memory_budget} bytes is not possible: the numba engine needs {needed} bytes")


def _fill_tiles(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return rows of (n_rows, n_columns) as tiles (n_tiles, n_columns, ROWS); `rows` has shape (n_tiles, ROWS)."""
    tiles = _aligned(len(rows), values.shape[1], ROWS)
    for tile, chosen in zip(tiles, rows, strict=True):
        tile[:] = values[chosen].T
    return tiles


def _tile_rows(rows: np.ndarray) -> np.ndarray:
    """Divide row numbers into tiles, (n_tiles, ROWS), the last one filled up with its last row."""
    n_tiles = -(-len(rows) // ROWS)
    return rows[np.minimum(np.arange(n_tiles * ROWS), len(rows) - 1)].reshape(n_tiles, ROWS)


def _tile_samples(samples: Samples, rows: np.ndarray, batch_start: np.ndarray) -> tuple[np.ndarray, ...]:
    """Tile every batch by itself.

    Returns X (n_tiles, n_inputs, ROWS), targets (n_tiles, n_outputs, ROWS), weights (n_tiles, ROWS), each batch's first tile,
    and each batch's weight. A row that fills a tile up is one of its batch, so its values are no less finite, without weight.
    """
    batches = [rows[a:b] for a, b in pairwise(batch_start)]
    parts = [_tile_rows(batch) for batch in batches]
    tile_start = np.cumsum([0, *map(len, parts)])
    tiled = np.concatenate(parts)
    weights = np.zeros(tiled.shape, _F)
    for batch, first in zip(batches, tile_start, strict=False):
        weights[first:].reshape(-1)[: len(batch)] = samples.weights[batch]
    totals = np.array([samples.weights[batch].sum(dtype=np.float64) for batch in batches])
    return _fill_tiles(samples.X, tiled), _fill_tiles(samples.targets, tiled), weights, tile_start, totals


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
        _check_budget(plan, memory_budget)
    rows, batch_start, order = make_schedule(len(train), config, rng)
    packed, numbers, number_start = _pack(plan)
    nothing = Samples(train.X[:0], train.targets[:0], train.weights[:0])
    judge = nothing if validation is None else validation
    settings = (
        LOSSES.index(config.loss), OPTIMISERS.index(config.optimiser), _F(config.learning_rate), _F(config.l2 / train.weights.sum()), config.patience or 0
    )  # fmt: skip
    learnt = _tile_samples(train, rows, batch_start)
    judged = _tile_samples(judge, np.arange(len(judge)), np.array([0, len(judge)]))
    report = np.empty(len(plan)), np.empty(len(plan)), np.empty(len(plan), np.int64)

    def work(genomes: np.ndarray) -> None:
        _train_some(genomes, packed, numbers, number_start, learnt, judged, order, settings, _scratch(plan), report)

    share_out(work, np.diff(plan.genome_edge_start))
    weights, biases = _unpack(plan, numbers)
    return TrainedPopulation(weights, biases, *report)


def predict_population(plan: PopulationPlan, X: np.ndarray) -> np.ndarray:
    """Compute every genome on rows `X`, shape (n_rows, n_inputs), in float32.

    Returns float32 of shape (n_genomes, n_rows, n_outputs).
    """
    packed, numbers, number_start = _pack(plan)
    X = np.asarray(X, np.float32)
    answers = np.empty((len(plan), plan.n_outputs, len(X)), np.float32)
    tiles = _fill_tiles(X, _tile_rows(np.arange(len(X))))

    def work(genomes: np.ndarray) -> None:
        _predict_some(genomes, packed, numbers, number_start, tiles, _scratch(plan), answers)

    share_out(work, np.diff(plan.genome_edge_start))
    return answers.transpose(0, 2, 1)
