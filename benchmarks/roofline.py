"""How far the CPU engine is from what one core can do: measured arithmetic and load rates beside an epoch's time.

    NUMBA_NUM_THREADS=1 python benchmarks/roofline.py

The work is what an epoch cannot do without: for every edge and row one multiply-add forward, one for the gradient of the weight,
and one more that passes the gradient on to the source, unless that is an input. Two bounds follow: all multiply-adds at the
peak of the core, from registers, and all of their vectors at the rate that a block as large as a network's tiles is read at
(sums of products, kept once per tile, add a read and a write of a quarter). Either rate is the best of several numbers of sums
kept at a time, for a core of 16 registers spills where one of 32 does not. What is above the bounds is what a node costs
(indices, jumps that are guessed wrong, activation, loss), rows that fill up a tile, and what a batch costs (sums, optimiser
step).
"""

import time
from functools import partial

import numpy as np
from numba import types

from propneat.base.native import outer
from propneat.benchmark.speed.networks import made_up_rows, multiply_adds, random_population
from propneat.benchmark.speed.size import FULL, Shape
from propneat.compiler import PopulationPlan, compile_pool
from propneat.genome import GenePool
from propneat.training import Samples, TrainingConfig, train_population
from propneat.training.kernel_tile import LANES, ROWS
from propneat.training.vector_code import vector_function

SUMS = (4, 6, 8, 12)
"""Sums that are kept at a time; the best depends on how many registers of which width a core has."""
STEP = 24
"""Vectors that every number of sums divides."""
SIZES = (16, 256, 1024, 8192)


def emit_sums(emit, n, repeats, n_sums, add):
    """Emit, for every number of sums, the loop that adds to them in turn what `add(start, k, total)` gives, and their sum."""
    found = emit.variable(emit.splat(0.0, LANES))

    def branch(count):
        def body():
            totals = [emit.variable(emit.splat(1.0 + k, LANES)) for k in range(count)]
            with emit.loop(0, repeats), emit.loop(0, n, STEP) as start:
                for k in range(STEP):
                    total = totals[k % count]
                    emit.put(total, add(start, k, emit.get(total)))
            emit.put(found, sum((emit.get(total) for total in totals[1:]), emit.get(totals[0])))

        return body

    emit.choose(n_sums, {count: branch(count) for count in SUMS})
    return emit.get(found).sum()


@partial(vector_function, returns=types.float32)
def multiply_in_registers(emit, values, n, repeats, n_sums):
    """As many multiply-adds as `multiply_from_memory` does, without its reads."""
    factor, term = emit.load(values, LANES), emit.load(emit.at(values, LANES), LANES)
    return emit_sums(emit, n, repeats, n_sums, lambda start, k, total: total.times_plus(factor, term))


@partial(vector_function, returns=types.float32)
def multiply_from_memory(emit, values, n, repeats, n_sums):
    """A multiply-add with each of n vectors, on n_sums sums in turn, again and again."""
    factor = emit.load(values, LANES)

    def add(start, k, total):
        return emit.load(emit.at(emit.row(values, start, LANES), LANES * k), LANES).times_plus(factor, total)

    return emit_sums(emit, n, repeats, n_sums, add)


@outer
def repeat_in_registers(values, n, repeats, n_sums):
    return multiply_in_registers(values, n, repeats, n_sums)


@outer
def repeat_from_memory(values, n, repeats, n_sums):
    return multiply_from_memory(values, n, repeats, n_sums)


def seconds_per_epoch(plan: PopulationPlan, samples: Samples, batch_size: int) -> float:
    """Processor time of an epoch, best of several runs."""
    times = []
    for n_epochs in (1, 5, 5, 5, 5):
        config = TrainingConfig(epochs=n_epochs, batch_size=batch_size, learning_rate=0.01)
        begin = time.process_time()
        train_population(plan, samples, config, np.random.default_rng(0))
        times.append((time.process_time() - begin) / n_epochs)
    return min(times[1:])


def aligned(n: int) -> np.ndarray:
    """n vectors, each in one cache line, as the engine's tiles are."""
    buffer = np.full((n + 1) * LANES, 0.5, np.float32)
    start = -buffer.ctypes.data % (4 * LANES) // 4
    return buffer[start : start + n * LANES].reshape(n, LANES)


def vectors_per_second(repeat, values: np.ndarray, n: int) -> float:
    """Multiply-adds of vectors in a second of processor time, the best of several runs of about 0.03 s for any number of sums."""
    repeats = 100_000_000 // n
    best = 0.0
    for n_sums in SUMS:
        repeat(values, n, 1, n_sums)
        for _ in range(5):
            begin = time.process_time()
            repeat(values, n, repeats, n_sums)
            best = max(best, n * repeats / (time.process_time() - begin))
    return best


def read_rate(kibibytes: float) -> float:
    """Vectors read in a second, a multiply-add with each, from a block of some size."""
    n = max(1, round(kibibytes * 1024 / (4 * LANES * STEP))) * STEP
    return vectors_per_second(repeat_from_memory, aligned(n), n)


def rate(shape: Shape, peak: float) -> str:
    """Time an epoch of one shape; returns its line of the table."""
    rng = np.random.default_rng(0)
    plan = compile_pool(GenePool.pack(random_population(FULL.population, shape.n_inputs, shape.n_hidden, rng)))
    measured = seconds_per_epoch(plan, made_up_rows(shape.n_rows, shape.n_inputs, rng), shape.batch_size)
    n_edges, n_vectors, n_adds = len(plan.weights), shape.n_rows / LANES, multiply_adds(plan)
    slots = 2 * len(plan.depth) / len(plan) - shape.n_inputs
    kibibytes = (4 * ROWS * slots + 4 * LANES * n_edges / len(plan)) / 1024
    arithmetic = n_vectors * n_adds / peak
    reads = n_vectors * (n_adds + n_edges / (ROWS // LANES)) / read_rate(kibibytes)
    return (
        f"{shape.n_inputs:6} {n_edges / len(plan):11.0f} {shape.n_rows:5} | {n_adds / n_edges:9.2f} | {kibibytes:5.0f} KiB | "
        f"{1e3 * measured:9.2f} | {2 * LANES * n_vectors * n_adds / measured / 1e9:7.1f} | {1e3 * arithmetic:7.2f} ms | "
        f"{1e3 * reads:6.2f} ms | {arithmetic / measured:4.0%} | {max(arithmetic, reads) / measured:4.0%}"
    )


def main() -> None:
    peak = vectors_per_second(repeat_in_registers, aligned(2), 12_000)
    print(f"multiply-adds in registers: {2 * LANES * peak / 1e9:.0f} GFLOP/s")
    for size in SIZES:
        vectors = read_rate(size)
        print(f"multiply-adds from {size:5} KiB: {4 * LANES * vectors / 1e9:.0f} GB/s, {2 * LANES * vectors / 1e9:.0f} GFLOP/s")
    print("inputs connections  rows | adds/edge |     tiles | epoch, ms | GFLOP/s | arithmetic |     reads | peak | bound")
    for shape in FULL.shapes:
        print(rate(shape, peak), flush=True)


if __name__ == "__main__":
    main()
