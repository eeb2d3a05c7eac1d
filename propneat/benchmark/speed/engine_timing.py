"""Every training engine that can be used here, timed on one task in turns."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.native import thread_count
from propneat.benchmark.speed.networks import made_up_rows, multiply_adds, random_population
from propneat.benchmark.speed.timing import Note, ratio, spread, take_turns
from propneat.compiler import PopulationPlan, compile_pool
from propneat.genome import GenePool, Genome
from propneat.training import Samples, TrainingConfig, train_population

__all__ = ["BASELINE", "Place", "Workload", "time_engines", "usable_places"]

BASELINE = "numba"
"""The engine that the others are compared with."""

_ONE_BY_ONE = ("layered", "naive")
"""Engines that take the same time for a genome however many there are; for the rest a few genomes would be mostly overhead."""
_FEWEST, _STEP = 2, 8
_GAIN_OF_THREADS = 0.8
_MOST_EPOCHS = 10


@dataclass(frozen=True)
class Place:
    """An engine on a device."""

    engine: str
    device: str

    @property
    def label(self) -> str:
        """What it is called in tables; the CPU goes without saying."""
        return self.engine if self.device == "cpu" else f"{self.engine} on {self.device}"


@dataclass(frozen=True, eq=False)
class Workload:
    """A population and the rows and mini-batches that it is trained on."""

    genomes: Sequence[Genome]
    samples: Samples
    batch_size: int

    def plan(self, n_genomes: int) -> PopulationPlan:
        """Return the plan of the first genomes."""
        return compile_pool(GenePool.pack(self.genomes[:n_genomes]))


@dataclass(frozen=True, eq=False)
class _Trial:
    """How one engine is timed: on how many genomes of the population, for how many epochs, with how many threads."""

    place: Place
    n_genomes: int
    epochs: int
    threads: int


def usable_places(engines: Sequence[str]) -> list[Place]:
    """Return the engines, each on the CPU and on a CUDA device, that train a small population here without refusing."""
    import torch

    devices = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
    rng = np.random.default_rng(0)
    tiny = Workload(random_population(2, 4, 4, rng), made_up_rows(8, 4, rng), 8)
    found = []
    for place in (Place(engine, device) for engine in engines for device in devices):
        # the engines that train genomes one by one gain nothing from a GPU, which waits for their every small step
        if place.device == "cuda" and place.engine in ("layered", "naive"):
            continue
        # on the CPU, triton has an interpreter only, for finding mistakes
        if place.device == "cpu" and place.engine == "triton":
            continue
        try:
            _seconds(place, tiny.plan(2), tiny, epochs=1)
        except ConfigError:
            continue
        found.append(place)
    return found


def time_engines(
    workload: Workload, places: Sequence[Place], n_rounds: int, turn: float, note: Note, what: str
) -> dict[str, Any]:
    """Time an epoch of the whole population on every engine; see `SpeedSize` for rounds and the seconds of a turn.

    An engine that trains genomes one by one and is too slow for the turn trains the first of them only, and its time is scaled
    by their share of the connections. Useful work is that of `multiply_adds`, two operations each.
    """
    whole = workload.plan(len(workload.genomes))
    n_connections, n_rows, n_adds = len(whole.weights), len(workload.samples), multiply_adds(whole)
    trials = {}
    for place in places:
        note(f"{what}: {place.label}, how many genomes fit into a turn", 0, n_rounds)
        trials[place.label] = _choose_trial(place, workload, turn)
    jobs = {label: _job(trial, workload, n_connections) for label, trial in trials.items()}
    taken = take_turns(jobs, n_rounds, note, what)
    rows = [
        {
            "engine": trial.place.engine,
            "device": trial.place.device,
            "label": label,
            "genomes_timed": trial.n_genomes,
            "epochs_timed": trial.epochs,
            "threads": trial.threads,
            "rounds": taken[label],
            "seconds_per_epoch": spread(taken[label]),
            "gflops": 2e-9 * n_adds * n_rows / float(np.median(taken[label])),
            "ratio": ratio(taken[label], taken[BASELINE]) if BASELINE in taken else None,
        }
        for label, trial in trials.items()
    ]
    return {
        "genomes": len(workload.genomes),
        "inputs": workload.samples.X.shape[1],
        "connections": n_connections / len(workload.genomes),
        "multiply_adds": n_adds,
        "rows": n_rows,
        "batch_size": workload.batch_size,
        "engines": rows,
    }


def _seconds(place: Place, plan: PopulationPlan, workload: Workload, epochs: int) -> float:
    """Train once and return the seconds of an epoch."""
    config = TrainingConfig(epochs=epochs, batch_size=workload.batch_size, learning_rate=0.01)
    begin = time.perf_counter()
    train_population(plan, workload.samples, config, np.random.default_rng(0), engine=place.engine, device=place.device)
    return (time.perf_counter() - begin) / epochs


def _choose_trial(place: Place, workload: Workload, turn: float) -> _Trial:
    """Find by growing samples what fits into a turn; the first call, which may compile, is not counted.

    A sample grows until it overruns, not until it would if time were proportional: what an engine takes once for all genomes
    then counts for little.
    """
    total = len(workload.genomes)
    fewest = min(_FEWEST, total) if place.engine in _ONE_BY_ONE else total
    n_genomes = fewest
    with _torch_threads(1):
        _seconds(place, workload.plan(n_genomes), workload, epochs=1)
        while True:
            plan = workload.plan(n_genomes)
            # the better of two, for one hiccup would leave a fast engine with a sample that is all overhead
            seconds = min(_seconds(place, plan, workload, epochs=1) for _ in range(2))
            if n_genomes == total or seconds > turn:
                break
            n_genomes = min(total, _STEP * n_genomes)
    if seconds > turn:
        n_genomes = max(fewest, int(n_genomes * turn / seconds))
    epochs = min(_MOST_EPOCHS, max(1, int(turn / seconds))) if n_genomes == total else 1
    return _Trial(place, n_genomes, epochs, _best_threads(place, workload, n_genomes))


def _best_threads(place: Place, workload: Workload, n_genomes: int) -> int:
    """Return the number of threads an engine is fastest with: small products lose by more than one, large ones gain."""
    if place.engine == BASELINE:
        return thread_count(n_genomes)
    plan, most = workload.plan(n_genomes), os.cpu_count() or 1
    seconds: dict[int, list[float]] = {1: [], most: []}
    for _ in range(2):
        for threads, taken in seconds.items():
            with _torch_threads(threads):
                taken.append(_seconds(place, plan, workload, epochs=1))
    # beside other work, threads that wait for each other may take many times as long as one: they have to gain every time
    return most if max(seconds[most]) < _GAIN_OF_THREADS * min(seconds[1]) else 1


def _job(trial: _Trial, workload: Workload, n_connections: int) -> Callable[[], float]:
    plan = workload.plan(trial.n_genomes)

    def job() -> float:
        with _torch_threads(trial.threads):
            seconds = _seconds(trial.place, plan, workload, trial.epochs)
        return seconds * n_connections / len(plan.weights)

    return job


@contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    """Have torch work with so many threads for a while."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
