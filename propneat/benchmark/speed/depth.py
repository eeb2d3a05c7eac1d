"""What depth costs: an epoch of networks with equally many connections in ever more layers."""

from typing import Any

from propneat.base.rng import make_rng
from propneat.benchmark.speed.engine_timing import Workload, time_engines, usable_places
from propneat.benchmark.speed.networks import ladder_network, made_up_rows
from propneat.benchmark.speed.size import SpeedSize
from propneat.benchmark.speed.timing import Note, fit_line

__all__ = ["measure"]

_N_INPUTS, _N_HIDDEN, _BATCH_SIZE = 16, 64, 128


def measure(size: SpeedSize, seed: int, note: Note) -> dict[str, Any]:
    """Time engines at every depth, and fit the seconds of an epoch with a straight line in the depth.

    Merry, Riddle and Warren (2025) state that the time of a pass is linear in the number of layers. The naive engine is left
    out: it knows no layers.
    """
    places = usable_places([engine for engine in size.engines if engine != "naive"])
    depths = []
    for depth in size.depths:
        rng = make_rng(seed, "speed", "depth", depth)
        genomes = [ladder_network(depth, _N_INPUTS, _N_HIDDEN, rng) for _ in range(size.population)]
        workload = Workload(genomes, made_up_rows(size.depth_rows, _N_INPUTS, rng), _BATCH_SIZE)
        timed = time_engines(workload, places, size.n_rounds, size.seconds_per_turn, note, f"depth {depth}")
        depths.append({"depth": depth, **timed})
    medians = {
        place.label: [
            row["seconds_per_epoch"]["median"] for entry in depths for row in entry["engines"] if row["label"] == place.label
        ]
        for place in places
    }
    return {"depths": depths, "line": {label: fit_line(size.depths, seconds) for label, seconds in medians.items()}}
