"""Time the training of a generation on a local dask cluster of two single-threaded workers beside one thread of one process.

    python benchmarks/cluster.py [--generations N]

Both train every generation of the same run, in turn, and must come to the same bytes. The rows with 0 epochs train nothing:
their time on the cluster is its overhead. "By CPU" is the CPU time of the one thread over that of the busier worker, all it
does for dask included: the speed-up there would be without waiting, which other programs on the machine hardly change.
"Rest" is all of a generation but training. Bytes are those written to sockets by client and scheduler; the first generation,
in which rows are sent, is shown apart and left out of all else.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

import numba
import numpy as np
from distributed import Client, LocalCluster
from distributed.comm.tcp import TCP

from propneat.search import Problem, evolve
from propneat.settings.evolve_config import default_config
from propneat.training import Samples, TrainedPopulation, train_population
from propneat.training.dask_training import DaskTrainer

# genomes, inputs, rows, epochs
SHAPES = [
    (150, 10, 100, 0),
    (1000, 10, 100, 0),
    (150, 10, 1000, 20),
    (150, 57, 5000, 20),
    (150, 14, 16000, 20),
    (1000, 14, 16000, 20),
]


@contextmanager
def counted_bytes() -> Iterator[list[int]]:
    """Count the bytes that client and scheduler, both in this process, write to sockets."""
    written, write = [0], TCP.write

    async def counting(comm: TCP, *arguments: Any, **options: Any) -> int:
        n_bytes = await write(comm, *arguments, **options)
        written[0] += n_bytes
        return n_bytes

    TCP.write = counting
    try:
        yield written
    finally:
        TCP.write = write


def make_problem(n_inputs: int, n_rows: int) -> Problem:
    """Rows to train on, and half as many to judge by."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n_rows + n_rows // 2, n_inputs))
    y = X[:, 0] * X[:, 1] + X[:, 2] > 0
    return Problem(Samples.make(X[:n_rows], y[:n_rows]), Samples.make(X[n_rows:], y[n_rows:]), "binary")


def same_bytes(one: TrainedPopulation, other: TrainedPopulation) -> bool:
    """Whether two results are equal to the bit."""
    names = [field.name for field in fields(TrainedPopulation)]
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in names)


def worker_cpu(client: Client) -> np.ndarray:
    """CPU seconds that every worker has taken, shape (n_workers,)."""
    return np.array(list(client.run(time.process_time).values()))


def measure(
    client: Client, trainer: DaskTrainer, written: list[int], shape: tuple[int, int, int, int], n_generations: int
) -> str:
    """Run some generations of a shape; returns a line of the table, medians over all generations but the first."""
    n_genomes, n_inputs, n_rows, epochs = shape
    config = default_config()
    config = replace(
        config,
        generations=n_generations + 1,
        fine_tune_epochs=0,
        refit_epochs=0,
        evolution=replace(config.evolution, population_size=n_genomes),
        training=replace(config.training, epochs=epochs),
    )
    rows: list[tuple[float, ...]] = []
    ended = [time.perf_counter()]

    def train_twice(plan: Any, samples: Samples, settings: Any, rng: np.random.Generator, **options: Any) -> TrainedPopulation:
        state = rng.bit_generator.state
        begin, begin_cpu = time.perf_counter(), time.thread_time()
        here = train_population(plan, samples, settings, rng, **options)
        here_s, here_cpu = time.perf_counter() - begin, time.thread_time() - begin_cpu
        rng.bit_generator.state = state
        cpu, begin, n_before = worker_cpu(client), time.perf_counter(), written[0]
        there = trainer(plan, samples, settings, rng, **options)
        there_s, n_bytes = time.perf_counter() - begin, written[0] - n_before
        rows.append((here_s, there_s, here_cpu / (worker_cpu(client) - cpu).max(), n_bytes))
        if not same_bytes(here, there):
            raise SystemExit("the cluster came to other bytes than one process")
        return here

    problem = make_problem(n_inputs, n_rows)
    evolve(problem, config, train=train_twice, callbacks=[lambda _: ended.append(time.perf_counter())])
    own = np.array(rows[1 : n_generations + 1])
    rest = 1e3 * np.median(np.diff(ended)[1:] - own[:, 0] - own[:, 1])
    here, there, by_cpu, n_bytes = np.median(own, axis=0)
    speed_up = f"{np.median(own[:, 0] / own[:, 1]):8.2f} {by_cpu:6.2f}" if epochs else "       -      -"
    return (
        f"{n_genomes:7} {n_inputs:6} {n_rows:6} {epochs:6} | {1e3 * here:10.1f} {1e3 * there:11.1f} {speed_up} {rest:8.1f} | "
        f"{rows[0][3] / 1e3:8.0f} {n_bytes / 1e3:8.0f} {n_bytes / n_genomes / 1e3:10.1f}"
    )


def main() -> None:
    """Print one line for every shape."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generations", type=int, default=10)
    n_generations = parser.parse_args().generations
    numba.config.NUMBA_NUM_THREADS = 1
    with counted_bytes() as written, LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        trainer = DaskTrainer(cluster.scheduler_address)
        client = Client(cluster)
        measure(client, trainer, written, SHAPES[0], 1)
        print("genomes inputs   rows epochs | one thread two workers speed-up by CPU  rest ms | first KB next KB KB a genome")
        for shape in SHAPES:
            print(measure(client, trainer, written, shape, n_generations), flush=True)
        trainer.close()
        client.close()


if __name__ == "__main__":
    main()
