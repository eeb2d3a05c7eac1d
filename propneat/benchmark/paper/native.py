"""The native study of PropNEAT's own paper."""

from dataclasses import dataclass
from pathlib import Path

import propneat
from propneat.benchmark.paper.champions import champion_claims, champion_sizes
from propneat.benchmark.paper.ranking import COMMITTED, ranking, ranking_claims
from propneat.benchmark.paper.training import depth_claims, time_by_depth, write_back_claims, written_back
from propneat.methods.contract import NativeOutcome, NativeRun

__all__ = ["FULL", "StudySize", "run", "run_sized"]


@dataclass(frozen=True)
class StudySize:
    """How large the study is."""

    n_populations: int = 5
    population_size: int = 150
    depths: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    n_rounds: int = 5
    turn: float = 0.1
    """About the most seconds that one turn of an engine may take."""
    datasets: tuple[str, ...] = ("breast_cancer_wisconsin", "xd6", "mofn_3_7_10", "monk3")
    n_seeds: int = 5
    generations: int | None = None
    """None for the default of `propneat-single`."""


FULL = StudySize(n_populations=20, n_rounds=15, turn=0.5, n_seeds=20)


def run(request: NativeRun) -> NativeOutcome:
    """Run the study, on the CPU.

    Departures from the paper: champions are those of this program's defaults with one population, on four data sets that come
    with it; ranks are those of the benchmark that is kept in the repository, and are left out where that is not at hand.
    """
    return run_sized(request, FULL if request.full else StudySize())


def run_sized(request: NativeRun, size: StudySize) -> NativeOutcome:
    """Run the study at any size; see `run`."""
    seed, progress = request.seed, request.progress
    numbers = request.part("numbers", lambda: written_back(seed, size.n_populations, size.population_size, progress))
    times = request.part("depth", lambda: time_by_depth(seed, size.depths, size.n_rounds, size.turn, progress))
    sizes = size.datasets, size.n_seeds, size.generations
    champions = request.part("champions", lambda: champion_sizes(seed, *sizes, progress))
    claims = [*write_back_claims(numbers), *depth_claims(times), *champion_claims(champions)]
    data = {"write_back": numbers, "depth": times, "champions": champions}
    store = Path(propneat.__file__).parents[1] / COMMITTED
    if store.is_dir():
        data["ranking"] = ranking(store)
        claims += ranking_claims(data["ranking"])
    else:
        data["ranking"] = f"left out: {COMMITTED} comes with a checkout, not with an installed package"
    return NativeOutcome(tuple(claims), (), data)
