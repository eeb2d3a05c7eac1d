"""How long one answer, one generation of ask and tell, a first generation and a million rows take.

    python benchmarks/answers.py [--size small|full]

Times are the least of several rounds, on one thread. neat-python and scikit-learn's logistic regression stand beside where they
can be imported: `pip install neat-python`.
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
import pandas
from sklearn.linear_model import LogisticRegression

from propneat import Controller, EvolutionConfig, Population, PropNEATClassifier
from propneat.benchmark.neat_python import neat_python_config
from propneat.compiler import compile_genome, evaluate
from propneat.compiler.reference import evaluate as by_reference
from propneat.genome import Genome, NodeKind, activation_code, make_genome

XOR_ROWS, XOR_TRUTH = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0.0, 1, 1, 0])
XOR_RATES = {"conn_add_prob": 0.5, "conn_delete_prob": 0.5, "node_add_prob": 0.2, "node_delete_prob": 0.2}
"""Those of neat-python's own XOR example."""


def least(work: Callable[[], Any], seconds: float) -> float:
    """Seconds that one call takes: the least of many short rounds within some seconds."""
    work()
    start = time.perf_counter()
    work()
    n_calls = max(1, int(1e-3 / max(time.perf_counter() - start, 1e-7)))
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(n_calls):
            work()
        best = min(best, (time.perf_counter() - start) / n_calls)
    return best


def show(what: str, seconds: float) -> None:
    unit, factor = next(
        (unit, factor) for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)) if seconds * factor >= 1 or unit == "us"
    )
    print(f"{what:<66}{seconds * factor:10.3g} {unit}", flush=True)


def fifty_connections() -> Genome:
    """4 inputs to 10 tanh nodes to an output: 50 connections."""
    rng, tanh = np.random.default_rng(0), activation_code("tanh")
    nodes = [(k, 0.0, NodeKind.INPUT, 0, 0) for k in range(4)] + [(4, 0.1, NodeKind.OUTPUT, 0, 0)]
    nodes += [(5 + k, 0.1, NodeKind.HIDDEN, tanh, 0) for k in range(10)]
    pairs = [(s, 5 + k) for k in range(10) for s in range(4)] + [(5 + k, 4) for k in range(10)]
    return make_genome(nodes, [(k, s, t, rng.normal(), True) for k, (s, t) in enumerate(pairs)])


def neat_python(inputs: int, hidden: int, connection: str) -> tuple[Any, Any]:
    """neat-python and a configuration of it; raises ImportError where it is not installed."""
    import neat

    return neat, neat_python_config(inputs, num_hidden=hidden, initial_connection=connection, **XOR_RATES)


def one_answer(seconds: float) -> None:
    genome = fifty_connections()
    plan, controller, x = compile_genome(genome), Controller(genome), np.array([0.1, -0.2, 0.3, 0.4])
    show("one row, 50 connections: the reference evaluator", least(lambda: by_reference(plan, x[None]), seconds))
    show("  evaluate", least(lambda: evaluate(plan, x[None]), seconds))
    show("  Controller", least(lambda: controller(x), seconds))
    try:
        neat, config = neat_python(4, 10, "full_nodirect")
    except ImportError:
        return
    # a population numbers the connections of its genomes, which a genome alone cannot
    other = next(iter(neat.Population(config).population.values()))
    network, inputs = neat.nn.FeedForwardNetwork.create(other, config), x.tolist()
    show("  neat-python's activate, 4 inputs, 10 hidden nodes", least(lambda: network.activate(inputs), seconds))


def xor_generation(n_generations: int) -> None:
    """Mean time of a generation of XOR."""
    population = Population(2, 1, EvolutionConfig(), seed=1)
    population.tell(4 - np.abs(population.evaluate(XOR_ROWS)[:, :, 0] - XOR_TRUTH).sum(axis=1))
    start = time.perf_counter()
    for _ in range(n_generations):
        population.tell(4 - np.abs(population.evaluate(XOR_ROWS)[:, :, 0] - XOR_TRUTH).sum(axis=1))
    show("ask, population.evaluate and tell: a generation of XOR", (time.perf_counter() - start) / n_generations)
    population = Population(2, 1, EvolutionConfig(), seed=1)
    start = time.perf_counter()
    for _ in range(n_generations):
        answers = [evaluate(compile_genome(genome), XOR_ROWS)[:, 0] for genome in population.ask()]
        population.tell([4 - np.abs(answer - XOR_TRUTH).sum() for answer in answers])
    show("  genome by genome", (time.perf_counter() - start) / n_generations)
    try:
        neat, config = neat_python(2, 0, "full")
    except ImportError:
        return

    def judge(genomes: Any, config: Any) -> None:
        for _, genome in genomes:
            network = neat.nn.FeedForwardNetwork.create(genome, config)
            genome.fitness = 4 - sum(
                abs(network.activate(row)[0] - t) for row, t in zip(XOR_ROWS.tolist(), XOR_TRUTH, strict=True)
            )

    other = neat.Population(config)
    start = time.perf_counter()
    other.run(judge, n_generations)
    show("  neat-python", (time.perf_counter() - start) / n_generations)


def first_generation(seconds: float) -> None:
    shapes = (("784 inputs, 10 outputs", 784, 10, {}), ("2,000 inputs", 2000, 1, {}), ("50 inputs, 100 outputs", 50, 100, {}))
    for name, n_inputs, n_outputs, changes in (*shapes, ("population 10,000, 10 inputs", 10, 1, {"population_size": 10_000})):
        config = EvolutionConfig(**changes)
        show(f"first generation: {name}", least(lambda: Population(n_inputs, n_outputs, config), seconds))  # noqa: B023


def estimator(n_rows: int, seconds: float) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 20))
    y = (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int)
    brief = {"generations": 8, "populations": 1, "fine_tune_epochs": 20, "random_state": 1}
    network, linear = PropNEATClassifier(**brief).fit(X, y), LogisticRegression().fit(X, y)
    frame = pandas.DataFrame(X).add_prefix("column ")
    named = PropNEATClassifier(**brief).fit(frame, y)
    show(
        f"predict_proba of one row of an array, {network.model_.plan.n_edges} connections",
        least(lambda: network.predict_proba(X[:1]), seconds),
    )
    show("  predict", least(lambda: network.predict(X[:1]), seconds))
    show("  of a DataFrame", least(lambda: named.predict_proba(frame[:1]), seconds))
    show("  logistic regression, of an array", least(lambda: linear.predict_proba(X[:1]), seconds))
    many = rng.standard_normal((n_rows, 20))
    times = [least(lambda: model.predict_proba(many), 2 * seconds) for model in (network, linear)]  # noqa: B023
    show(f"predict_proba of {n_rows:,} rows of 20 numbers", times[0])
    show("  logistic regression", times[1])
    print(f"  ratio {times[0] / times[1]:.2f}")


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("small", "full"), default="small")
    is_full = parser.parse_args().size == "full"
    seconds = 2.0 if is_full else 0.3
    one_answer(seconds)
    xor_generation(100 if is_full else 10)
    first_generation(seconds)
    estimator(1_000_000 if is_full else 100_000, seconds)


if __name__ == "__main__":
    main()
