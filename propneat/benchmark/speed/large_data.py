"""Many rows: an epoch of mini-batches in a process of its own, whose memory is watched."""

import resource
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from propneat.base.rng import make_rng
from propneat.benchmark.speed.networks import made_up_rows, multiply_adds, random_population
from propneat.benchmark.speed.size import SpeedSize
from propneat.benchmark.speed.timing import Note, spread
from propneat.compiler import compile_pool
from propneat.genome import GenePool
from propneat.training import TrainingConfig, train_population

__all__ = ["measure"]

_HIDDEN_OF_50_INPUTS = 17
"""Most hidden nodes of a random network with about 75 connections when there are 50 inputs."""
_ROUNDS = 3


def measure(size: SpeedSize, seed: int, note: Note) -> dict[str, Any]:
    """Train a population on made-up rows, an epoch at a time, in a child process; returns seconds and peak memory."""
    note(f"large data: {size.large_rows} rows", 0, _ROUNDS)
    # at Ctrl-C, which all processes get, the child has nothing to say
    silent = {"initializer": signal.signal, "initargs": (signal.SIGINT, signal.SIG_DFL)}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), **silent) as child:
        found = child.submit(_train, size, seed).result()
    seconds = found["seconds_per_epoch"]["median"]
    work = found["connections"] * found["genomes"] * found["rows"]
    gflops = 2e-9 * found["multiply_adds"] * found["rows"] / seconds
    return {**found, "rows_times_connections_per_second": work / seconds, "gflops": gflops}


def _train(size: SpeedSize, seed: int) -> dict[str, Any]:
    """What the child does; the first call, on few rows, loads the compiled kernels."""
    rng = make_rng(seed, "speed", "large data")
    plan = compile_pool(GenePool.pack(random_population(size.population, size.large_features, _HIDDEN_OF_50_INPUTS, rng)))
    config = TrainingConfig(epochs=1, batch_size=size.large_batch_size)
    train_population(plan, made_up_rows(10, size.large_features, rng), config, rng)
    before = _peak_mib()
    samples = made_up_rows(size.large_rows, size.large_features, rng)
    rounds = []
    for _ in range(_ROUNDS):
        begin = time.perf_counter()
        train_population(plan, samples, config, np.random.default_rng(0))
        rounds.append(time.perf_counter() - begin)
    return {
        "rows": size.large_rows,
        "features": size.large_features,
        "genomes": size.population,
        "connections": len(plan.weights) / size.population,
        "multiply_adds": multiply_adds(plan),
        "batch_size": size.large_batch_size,
        "rounds": rounds,
        "seconds_per_epoch": spread(rounds),
        "data_mib": (samples.X.nbytes + samples.targets.nbytes + samples.weights.nbytes) / 2**20,
        "before_mib": before,
        "peak_mib": _peak_mib(),
    }


def _peak_mib() -> float:
    """Return the most memory this process ever held, in MiB.

    Linux counts what a process held before it became another program in `ru_maxrss`, but not in VmHWM.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
