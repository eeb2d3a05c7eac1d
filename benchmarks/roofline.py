"""How far the CPU engine is from what one core can do: measured arithmetic and load rates beside an epoch's time.

    NUMBA_NUM_THREADS=1 python benchmarks/roofline.py

For every edge and LANES rows an epoch takes three multiply-adds and reads three vectors of values or gradients; sums of
products, kept once per tile, add a read and a write of a quarter. Two bounds follow: all multiply-adds at the rate that
registers allow, and all reads at the rate of the cache that a network's tiles fit into. What is above them is what a node
costs (indices, jumps that are guessed wrong, activation, loss) and what a batch costs (sums, optimiser step).
"""

import time
from functools import partial

import numpy as np
from numba import types

from propneat.base.native import outer
from propneat.benchmark.speed.networks import made_up_rows, random_population
from propneat.benchmark.speed.size import FULL
from propneat.compiler import PopulationPlan, compile_pool
from propneat.genome import GenePool
from propneat.training import Samples, TrainingConfig, train_population
from propneat.training.kernel_tile import LANES, ROWS
from propneat.training.vector_code import vector_function

N_SUMS = 12
SIZES = (16, 40, 256, 1024, 8192)


@partial(vector_function, returns=types.float32)
def multiply_in_registers(emit, values, n, repeats):
    """As many multiply-adds as `multiply_from_memory` does, without its reads."""
    factor, term = emit.load(values, LANES), emit.load(emit.at(values, LANES), LANES)
    totals = [emit.variable(emit.splat(1.0 + k, LANES)) for k in range(N_SUMS)]
    with emit.loop(0, repeats), emit.loop(0, n, N_SUMS):
        for total in totals:
            emit.put(total, emit.get(total).times_plus(factor, term))
    return sum((emit.get(total) for total in totals[1:]), emit.get(totals[0])).sum()


@partial(vector_function, returns=types.float32)
def multiply_from_memory(emit, values, n, repeats):
    """A multiply-add with each of n vectors, on N_SUMS sums in turn, again and again."""
    factor = emit.load(values, LANES)
    totals = [emit.variable(emit.splat(1.0 + k, LANES)) for k in range(N_SUMS)]
    with emit.loop(0, repeats), emit.loop(0, n, N_SUMS) as start:
        row = emit.row(values, start, LANES)
        for k, total in enumerate(totals):
            emit.put(total, emit.load(emit.at(row, LANES * k), LANES).times_plus(factor, emit.get(total)))
    return sum((emit.get(total) for total in totals[1:]), emit.get(totals[0])).sum()


@outer
def repeat_in_registers(values, n, repeats):
    return multiply_in_registers(values, n, repeats)


@outer
def repeat_from_memory(values, n, repeats):
    return multiply_from_memory(values, n, repeats)


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
    """Best of several runs of about 0.1 s of processor time."""
    repeat(values, n, 1)
    repeats = 300_000_000 // n
    times = []
    for _ in range(7):
        begin = time.process_time()
        repeat(values, n, repeats)
        times.append(time.process_time() - begin)
    return n * repeats / min(times)


def main() -> None:
    arithmetic = vectors_per_second(repeat_in_registers, aligned(2), 12_000)
    print(f"multiply-adds in registers: {2 * LANES * arithmetic / 1e9:.0f} GFLOP/s")
    rates = {}
    for size in SIZES:
        n = size * 1024 // (4 * LANES) // N_SUMS * N_SUMS
        rates[size] = vectors_per_second(repeat_from_memory, aligned(n), n)
        gigabytes, gigaflops = 4 * LANES * rates[size] / 1e9, 2 * LANES * rates[size] / 1e9
        print(f"multiply-adds from {size:5} KiB: {gigabytes:.0f} GB/s, {gigaflops:.0f} GFLOP/s")
    print("inputs connections  rows | tiles of a network | epoch, ms | arithmetic | reads | share of the larger bound")
    for shape in FULL.shapes:
        rng = np.random.default_rng(0)
        genomes = random_population(FULL.population, shape.n_inputs, shape.n_hidden, rng)
        plan = compile_pool(GenePool.pack(genomes))
        measured = seconds_per_epoch(plan, made_up_rows(shape.n_rows, shape.n_inputs, rng), shape.batch_size)
        n_edges, n_slots = len(plan.weights), len(plan.depth)
        n_parts = -(-shape.n_rows // ROWS) * (ROWS // LANES)
        n_reads = n_parts * (3 * n_edges + n_edges // (ROWS // LANES))
        kibibytes = (4 * ROWS * (2 * n_slots / len(plan) - shape.n_inputs) + 4 * LANES * n_edges / len(plan)) / 1024
        cache = next((size for size in SIZES if size >= kibibytes), SIZES[-1])
        bounds = n_parts * 3 * n_edges / arithmetic, n_reads / rates[cache]
        print(
            f"{shape.n_inputs:6} {n_edges / len(plan):11.0f} {shape.n_rows:5} | {kibibytes:14.0f} KiB | {1e3 * measured:9.2f} | "
            f"{1e3 * bounds[0]:7.2f} ms | {1e3 * bounds[1]:.2f} ms | {max(bounds) / measured:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
