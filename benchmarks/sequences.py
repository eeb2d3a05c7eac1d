"""How fast recurrent networks are trained on sequences, beside torch with one network after another.

    NUMBA_NUM_THREADS=2 python benchmarks/sequences.py --size full

An epoch of a population on sequences is timed, the least of some runs, with the useful work of it: for every
connection, sequence and step a multiply-add forward and one or, where the source is no input, two back. The layered engine trains a few of the
networks, from which the time for all is reckoned. Then the number of steps is doubled again and again, and the memory that an
epoch takes and its time are shown, without a budget and with a small one.
"""

import argparse
import time
from dataclasses import dataclass, replace

import numpy as np

from propneat.benchmark.speed.networks import multiply_adds, random_population
from propneat.compiler import PopulationPlan, compile_pool
from propneat.genome import GenePool, Genome, NodeKind, activation_code, make_genome
from propneat.training import Sequences, TrainingConfig, train_population
from propneat.training.sequence_engine import _scratch, _segment_steps, _Steps


@dataclass(frozen=True)
class Shape:
    """A population and sequences to train it on."""

    n_genomes: int
    n_inputs: int
    n_hidden: int
    n_sequences: int
    n_steps: int


SHAPES = {
    "small": [Shape(20, 4, 6, 64, 20), Shape(20, 12, 12, 64, 20)],
    "full": [
        Shape(150, 3, 8, 256, 50),
        Shape(150, 12, 16, 270, 29),
        Shape(150, 30, 30, 512, 100),
        Shape(150, 10, 10, 1024, 20),
    ],
}


def recurrent(genome: Genome, rng: np.random.Generator) -> Genome:
    """Give every hidden node tanh and, to half of them, a loop or a connection back from another node."""
    nodes = genome.nodes.copy()
    inner = nodes["kind"] != NodeKind.INPUT
    nodes["activation"][inner & (nodes["kind"] == NodeKind.HIDDEN)] = activation_code("tanh")
    ids = nodes["id"][inner]
    pairs = {(int(rng.choice(ids[k:])), int(ids[k])) for k in range(len(ids)) if rng.random() < 0.5}
    first = len(genome.connections)
    late = [(first + k, *pair, 0.3 * rng.standard_normal(), True, True) for k, pair in enumerate(sorted(pairs))]
    return make_genome(nodes.tolist(), [*genome.connections.tolist(), *late])


def make(shape: Shape) -> tuple[PopulationPlan, Sequences]:
    """Return the networks, compiled, and the sequences of a shape; the answer is the sign of the first input's sum."""
    rng = np.random.default_rng(0)
    genomes = random_population(shape.n_genomes, shape.n_inputs, shape.n_hidden, rng)
    plan = compile_pool(GenePool.pack(recurrent(genome, rng) for genome in genomes))
    X = rng.standard_normal((shape.n_sequences, shape.n_steps, shape.n_inputs), dtype=np.float32)
    return plan, Sequences.make(X, X[:, :, 0].sum(axis=1) > 0)


def seconds(
    plan: PopulationPlan, sequences: Sequences, repeats: int, engine: str = "numba", budget: int | None = None
) -> float:
    """Return how long an epoch takes: the least of some runs, what a run without epochs takes left out."""
    found = {}
    for epochs in (0, 3 if engine == "numba" else 1):
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            config, rng = TrainingConfig(epochs=epochs), np.random.default_rng(0)
            train_population(plan, sequences, config, rng, engine=engine, memory_budget=budget)
            times.append(time.perf_counter() - start)
        found[epochs] = min(times)
    (_, none), (epochs, some) = found.items()
    return (some - none) / epochs


def compare(shape: Shape, repeats: int, n_layered: int) -> None:
    """Print a line on one shape."""
    plan, sequences = make(shape)
    few, _ = make(replace(shape, n_genomes=n_layered))
    steps = shape.n_sequences * shape.n_steps
    n_edges, n_few = len(plan.edge_source), len(few.edge_source)
    own = seconds(plan, sequences, repeats)
    torch = seconds(few, sequences, 2, "layered") * shape.n_genomes / n_layered
    print(
        f"{shape.n_genomes} genomes of {n_edges / shape.n_genomes:.0f} connections "
        f"({plan.edge_recurrent.sum() / shape.n_genomes:.0f} recurrent, {n_few / n_layered:.0f} where torch was timed), "
        f"{shape.n_inputs} inputs, {shape.n_sequences} x {shape.n_steps} steps: {1e3 * own:.1f} ms an epoch, "
        f"{2 * multiply_adds(plan) * steps / own / 1e9:.2f} GFLOP/s useful; layered {torch:.1f} s, ratio {torch / own:.0f}",
        flush=True,
    )


def grow(repeats: int, most_steps: int) -> None:
    """Print what an epoch takes for more and more steps."""
    n_steps = 25
    while n_steps <= most_steps:
        plan, sequences = make(Shape(20, 6, 10, 64, n_steps))
        steps = _Steps.of(plan)
        whole = sum(part.nbytes for part in _scratch(steps, n_steps, n_steps))
        budget = whole // 4
        size = _segment_steps(steps, n_steps, 1, budget)
        free = seconds(plan, sequences, repeats)
        # the budget is for all threads together
        tight = seconds(plan, sequences, repeats, budget=2 * budget)
        print(
            f"{n_steps} steps: {whole / 2**20:.2f} MiB a thread, {1e3 * free:.1f} ms an epoch; "
            f"in {budget / 2**20:.2f} MiB, {size} steps at a time, {1e3 * tight:.1f} ms",
            flush=True,
        )
        n_steps *= 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=list(SHAPES), default="small")
    size = parser.parse_args().size
    for shape in SHAPES[size]:
        compare(shape, repeats=3, n_layered=3 if size == "full" else 2)
    grow(3, 400 if size == "full" else 50)


if __name__ == "__main__":
    main()
