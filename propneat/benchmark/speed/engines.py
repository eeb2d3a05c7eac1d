"""An epoch of training a population, on every engine, for four shapes of task."""

from typing import Any

from propneat.base.rng import make_rng
from propneat.benchmark.speed.engine_timing import Workload, time_engines, usable_places
from propneat.benchmark.speed.networks import made_up_rows, random_population
from propneat.benchmark.speed.size import SpeedSize
from propneat.benchmark.speed.timing import Note

__all__ = ["measure"]


def measure(size: SpeedSize, seed: int, note: Note) -> dict[str, Any]:
    """Time all engines on all shapes; every result of `time_engines` in "shapes"."""
    places = usable_places(size.engines)
    found = []
    for shape in size.shapes:
        rng = make_rng(seed, "speed", "engines", shape.n_inputs, shape.n_hidden, shape.n_rows)
        genomes = random_population(size.population, shape.n_inputs, shape.n_hidden, rng)
        workload = Workload(genomes, made_up_rows(shape.n_rows, shape.n_inputs, rng), shape.batch_size)
        what = f"engines, {shape.n_inputs} inputs, {shape.n_rows} rows"
        found.append(time_engines(workload, places, size.n_rounds, size.seconds_per_turn, note, what))
    return {"shapes": found}
