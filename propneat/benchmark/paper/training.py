"""Trained numbers and the genes they return to, and the time of an epoch by the depth of networks."""

from collections.abc import Callable
from typing import Any

import numpy as np

from propneat.base.rng import make_rng
from propneat.benchmark.speed.engine_timing import Place, Workload, time_engines
from propneat.benchmark.speed.networks import ladder_network, made_up_rows, random_population
from propneat.benchmark.speed.timing import fit_line
from propneat.compiler import compile_pool, write_back_pool
from propneat.genome import GenePool
from propneat.methods.claims import ahead, near
from propneat.methods.contract import Claim
from propneat.search.densify import densify
from propneat.training import TrainingConfig, train_population

__all__ = ["depth_claims", "time_by_depth", "write_back_claims", "written_back"]

Progress = Callable[[str, int, int], None]
_NAMES = {"numba": "this program's own way", "layered": "the layered way", "naive": "node by node"}
_N_INPUTS, _N_HIDDEN, _ROWS, _BATCH_SIZE, _POPULATION = 16, 64, 512, 128, 4
_SLOTS_OF = 10


def written_back(seed: int, n_populations: int, population_size: int, progress: Progress) -> list[dict[str, int]]:
    """Train populations, write back, compile again; returns for each how many numbers were trained and how many were lost.

    A number is lost where the gene that it belongs to does not hold the trainer's last value, to the bit. `published` counts
    those of the released code of the paper, which writes neither weights nor biases back, so that a genome keeps what it had;
    `phantoms` are numbers that it trains though no gene holds them, in the first ten networks: every slot of a layer's matrix.
    """
    found = []
    for number in range(n_populations):
        rng = make_rng(seed, "paper", "write back", number)
        genomes = random_population(population_size, 10, 20, rng)
        pool, rows = GenePool.pack(genomes), made_up_rows(256, 10, rng)
        plan = compile_pool(pool)
        trained = train_population(plan, rows, TrainingConfig(epochs=3, batch_size=64, learning_rate=0.01), rng)
        again = compile_pool(write_back_pool(pool, plan, trained.weights, trained.biases))
        own = plan.depth > 0
        pairs = ((trained.weights, again.weights, plan.weights), (trained.biases[own], again.biases[own], plan.biases[own]))
        slots = [len(densify(genome, rng).connections) for genome in genomes[:_SLOTS_OF]]
        genes = [int(genome.connections["enabled"].sum()) for genome in genomes[:_SLOTS_OF]]
        found.append(
            {
                "trained": sum(len(after) for after, _, _ in pairs),
                "lost": sum(int((after != kept).sum()) for after, kept, _ in pairs),
                "published": sum(int((after != before).sum()) for after, _, before in pairs),
                "phantoms": sum(slots) - sum(genes),
                "genes": sum(genes),
            }
        )
        progress("numbers written back", number + 1, n_populations)
    return found


def write_back_claims(found: list[dict[str, int]]) -> list[Claim]:
    """Say that no number is lost, and how many the released code of the paper loses and adds."""
    trained, lost, published, phantoms, genes = (
        sum(one[name] for one in found) for name in ("trained", "lost", "published", "phantoms", "genes")
    )
    n = len(found)
    return [
        Claim(f"numbers lost of {trained:,} trained and written back", "0", lost, lost == 0, n_runs=n),
        Claim(
            f"share of the same numbers lost the published way, which writes none back ({published:,})",
            "above 0.99: all that training moved",
            published / trained,
            published / trained > 0.99,
            n_runs=n,
        ),
        Claim(
            f"numbers that the published way trains without a gene, per gene ({phantoms:,} beside {genes:,})",
            "above 0: its layers have no mask",
            phantoms / genes,
            phantoms > 0,
            n_runs=n,
        ),
    ]


def time_by_depth(seed: int, depths: tuple[int, ...], n_rounds: int, turn: float, progress: Progress) -> dict[str, Any]:
    """Return seconds of an epoch of four networks by depth, engine and round, engines in turns, and lines through medians."""
    places = [Place(engine, "cpu") for engine in _NAMES]
    seconds: dict[str, dict[str, list[float]]] = {engine: {} for engine in _NAMES}
    for depth in depths:
        rng = make_rng(seed, "paper", "depth", depth)
        genomes = [ladder_network(depth, _N_INPUTS, _N_HIDDEN, rng) for _ in range(_POPULATION)]
        workload = Workload(genomes, made_up_rows(_ROWS, _N_INPUTS, rng), _BATCH_SIZE)
        timed = time_engines(workload, places, n_rounds, turn, progress, f"depth {depth}")
        for row in timed["engines"]:
            seconds[row["engine"]][str(depth)] = row["rounds"]
    medians = {engine: [float(np.median(rounds)) for rounds in by_depth.values()] for engine, by_depth in seconds.items()}
    return {"seconds": seconds, "line": {engine: fit_line(depths, values) for engine, values in medians.items()}}


def depth_claims(found: dict[str, Any]) -> list[Claim]:
    """Hold the time of an epoch against the paper, where it is linear in the depth and far below that of a naive way."""
    seconds, line = found["seconds"], found["line"]["layered"]
    depths = list(seconds["layered"])
    claims = [
        Claim(
            f"the layered way: R^2 of a straight line through seconds by depth {depths[0]} to {depths[-1]}",
            "0.95 or more: linear, as the paper has it",
            line["r_squared"],
            line["r_squared"] >= 0.95,
        )
    ]
    # logarithms, for on a busy machine one round may take many times as long as another
    logs = {engine: {depth: np.log10(rounds) for depth, rounds in by_depth.items()} for engine, by_depth in seconds.items()}
    for depth in (depths[0], depths[-1]):
        what = f"depth {depth}, log10 of the seconds of an epoch:"
        for slow, fast, note in (("naive", "layered", ", as the paper has it"), ("layered", "numba", "")):
            claims.append(ahead(f"{what} {_NAMES[slow]} less {_NAMES[fast]}", logs[slow][depth], logs[fast][depth], note))
    growth = logs["numba"][depths[-1]] - logs["numba"][depths[0]]
    name = f"{_NAMES['numba']}, log10 of the seconds: depth {depths[-1]} less {depths[0]}, with as many connections"
    return [*claims, near(name, growth, 0, 0.3)]
