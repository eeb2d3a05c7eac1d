"""Time one training epoch of a whole population: numba engine against the layered and the naive torch engines.

    python benchmarks/engines.py            # the four shapes, a sample of genomes for the slow engines
    python benchmarks/engines.py --full     # every genome for every engine

Prints milliseconds per population-epoch and ratios; compare ratios, not milliseconds, across machines. "Useful" work is
6 x connections x rows (forward, and two products backward).
"""

import argparse
import time

import numpy as np
import torch

from propneat.compiler import PopulationPlan, compile_pool
from propneat.genome import GenePool, Genome, NodeKind, activation_code, make_genome
from propneat.training import Samples, TrainingConfig, train_population

POPULATION = 150
# inputs, most hidden nodes, rows, batch size
SHAPES = [(10, 10, 1024, 128), (30, 20, 569, 128), (57, 30, 4601, 256), (14, 50, 16384, 512)]


def random_network(n_inputs: int, n_hidden: int, rng: np.random.Generator) -> Genome:
    """A NEAT-like graph: half the inputs to the output, hidden nodes with three sources each and one target."""
    output = n_inputs + n_hidden
    pairs = {(i, output) for i in range(n_inputs) if rng.random() < 0.5}
    for hidden in range(n_inputs, output):
        pairs |= {(int(source), hidden) for source in rng.choice(hidden, size=3, replace=False)}
        pairs.add((hidden, int(rng.integers(hidden + 1, output + 1))))
    relu = activation_code("relu")
    nodes = [(i, 0.0, NodeKind.INPUT, 0, 0) for i in range(n_inputs)]
    nodes += [(i, 0.0, NodeKind.HIDDEN, relu, 0) for i in range(n_inputs, output)] + [(output, 0.0, NodeKind.OUTPUT, 0, 0)]
    return make_genome(nodes, [(k, *pair, 0.3 * rng.standard_normal(), True) for k, pair in enumerate(sorted(pairs))])


def seconds_per_epoch(engine: str, plan: PopulationPlan, samples: Samples, batch_size: int, epochs: int, repeats: int) -> float:
    """Best of several runs, after one to warm up."""
    config = TrainingConfig(epochs=epochs, batch_size=batch_size, learning_rate=0.01)
    times = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        train_population(plan, samples, config, np.random.default_rng(0), engine=engine)
        times.append((time.perf_counter() - begin) / epochs)
    return min(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="train every genome with the slow engines too")
    full = parser.parse_args().full
    # such small products gain nothing from more threads, and lose much on a busy machine
    torch.set_num_threads(1)
    print("inputs connections  rows batch |  numba ms  GFLOP/s | layered ms   naive ms | layered/numba naive/numba")
    for n_inputs, n_hidden, n_rows, batch_size in SHAPES:
        rng = np.random.default_rng(1)
        genomes = [random_network(n_inputs, int(rng.integers(n_hidden // 2, n_hidden + 1)), rng) for _ in range(POPULATION)]
        X = rng.standard_normal((n_rows, n_inputs))
        samples = Samples.make(X, X[:, 0] * X[:, 1] > 0)
        plan = compile_pool(GenePool.pack(genomes))
        fast = seconds_per_epoch("numba", plan, samples, batch_size, epochs=10, repeats=5)
        n_slow = POPULATION if full else 5
        some = compile_pool(GenePool.pack(genomes[:n_slow]))
        share = len(some.weights) / len(plan.weights)
        layered, naive = (
            seconds_per_epoch(engine, some, samples, batch_size, epochs=1, repeats=1) / share for engine in ("layered", "naive")
        )
        work = 6 * len(plan.weights) * n_rows / fast / 1e9
        print(
            f"{n_inputs:6} {len(plan.weights) / POPULATION:11.0f} {n_rows:5} {batch_size:5} | {1e3 * fast:9.2f} {work:8.1f} | "
            f"{1e3 * layered:10.0f} {1e3 * naive:10.0f} | {layered / fast:13.0f} {naive / fast:11.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
