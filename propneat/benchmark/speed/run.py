"""The speed benchmark: chosen parts, one after another, as one document."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from propneat.base.errors import ConfigError
from propneat.base.native import thread_count
from propneat.benchmark.environment import describe_environment
from propneat.benchmark.speed import depth, engines, generations, genetics, large_data, quality, start_up
from propneat.benchmark.speed.size import SpeedSize
from propneat.benchmark.speed.targets import find_targets
from propneat.benchmark.speed.timing import Note

__all__ = ["PARTS", "SCHEMA", "choose_parts", "run_speed"]

SCHEMA = "propneat.speed/1"

PARTS: dict[str, Callable[[SpeedSize, int, Note], dict[str, Any]]] = {
    "engines": engines.measure,
    "peers": generations.measure,
    "genetics": genetics.measure,
    "large-data": large_data.measure,
    "depth": depth.measure,
    "start-up": start_up.measure,
    "quality": quality.measure,
}
"""What can be measured, by name."""


def choose_parts(names: Sequence[str]) -> tuple[str, ...]:
    """Return the parts named, some perhaps as a list with commas, in the order of `PARTS`; all when none is named.

    Raises ConfigError for one that there is not.
    """
    names = [name.strip() for each in names for name in each.split(",")]
    for name in names:
        if name not in PARTS:
            raise ConfigError(f"the parts of the speed benchmark are {', '.join(PARTS)}, not {name!r}")
    return tuple(part for part in PARTS if part in names or not names)


def run_speed(size: SpeedSize, seed: int, note: Note, parts: Sequence[str] = ()) -> dict[str, Any]:
    """Measure the parts named, see `choose_parts`, and return all times as a plain JSON document.

    Its keys: "schema", "environment", "seed", "seconds" the whole took, "targets", and a key per part. All randomness follows
    from the seed, so another run measures the same work.
    """
    chosen = choose_parts(parts)
    begin = time.perf_counter()
    n_threads = thread_count(size.population)
    found = {part: PARTS[part](size, seed, note) for part in chosen}
    return {
        "schema": SCHEMA,
        "environment": describe_environment("none", n_workers=1, n_threads=n_threads),
        "seed": seed,
        "seconds": round(time.perf_counter() - begin, 1),
        "targets": find_targets(found),
        **found,
    }
