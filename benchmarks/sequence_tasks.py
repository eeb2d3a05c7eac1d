"""Tasks with a closed answer that need memory: networks with recurrent connections beside networks without.

    NUMBA_NUM_THREADS=2 python benchmarks/sequence_tasks.py --size full

For every task and seed a population is evolved on some sequences and its champion asked about new ones: the share of right
answers, or R squared. Both arms have the same settings but for the recurrent rate.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from propneat import PropNEATClassifier, PropNEATRegressor

SIZES = {
    "small": {"seeds": 1, "sequences": 150, "generations": 10, "population_size": 50},
    "full": {"seeds": 5, "sequences": 400, "generations": 60, "population_size": 150},
}
N_NEW = 2000
LEAST = 0.99

Task = Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def bits(n: int, n_steps: int, rng: np.random.Generator) -> np.ndarray:
    return (rng.random((n, n_steps, 1)) > 0.5).astype(float)


def delayed_xor(n_steps: int) -> Task:
    """Whether the first and the last bit differ."""

    def make(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        X = bits(n, n_steps, rng)
        return X, (X[:, 0, 0] != X[:, -1, 0]).astype(int)

    return make


def recall(n_back: int) -> Task:
    """The bit of some steps before."""

    def make(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        X = bits(n, n_back + 3, rng)
        return X, X[:, -1 - n_back, 0].astype(int)

    return make


def parity(most_steps: int) -> Task:
    """Whether the number of ones is odd, in sequences of any length up to the most."""

    def make(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        X = bits(n, most_steps, rng)
        X[np.arange(most_steps) >= rng.integers(1, most_steps + 1, n)[:, None]] = np.nan
        return X, (np.nansum(X, axis=(1, 2)) % 2).astype(int)

    return make


def adding(n_steps: int) -> Task:
    """The sum of the two values that are marked (Hochreiter and Schmidhuber 1997), one in each half."""

    def make(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        X = np.stack([rng.random((n, n_steps)), np.zeros((n, n_steps))], axis=2)
        row, half = np.arange(n), n_steps // 2
        marked = rng.integers(0, half, n), rng.integers(half, n_steps, n)
        for step in marked:
            X[row, step, 1] = 1.0
        return X, sum(X[row, step, 0] for step in marked)

    return make


TASKS: dict[str, Task] = {
    "delayed XOR, 3 steps": delayed_xor(3),
    "delayed XOR, 5 steps": delayed_xor(5),
    "recall 2 steps back": recall(2),
    "recall 4 steps back": recall(4),
    "parity, up to 5 steps": parity(5),
    "adding, 8 steps": adding(8),
}


def score(task: Task, seed: int, rate: float, size: dict[str, int]) -> float:
    """Return the share of right answers to new sequences, or R squared."""
    X, y = task(size["sequences"], np.random.default_rng(seed))
    kind = PropNEATClassifier if y.dtype == int else PropNEATRegressor
    settings = {"generations": size["generations"], "population_size": size["population_size"], "populations": 1}
    model = kind(**settings, size_penalty=0.0, random_state=seed, evolution={"recurrent_rate": rate})
    return model.fit(X, y).score(*task(N_NEW, np.random.default_rng(1000 + seed)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=list(SIZES), default="small")
    size = SIZES[parser.parse_args().size]
    for name, task in TASKS.items():
        arms = []
        for rate in (0.5, 0.0):
            start = time.perf_counter()
            scores = [score(task, seed, rate, size) for seed in range(size["seeds"])]
            seconds = (time.perf_counter() - start) / len(scores)
            solved = sum(value >= LEAST for value in scores)
            arms.append(f"{np.mean(scores):.3f} ({solved} of {len(scores)} solved, {seconds:.1f} s each)")
        print(f"{name}: with recurrent connections {arms[0]}, without {arms[1]}", flush=True)


if __name__ == "__main__":
    main()
