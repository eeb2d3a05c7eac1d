"""Carries out parts of the control benchmark, in this process or in several others."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from typing import Any

from propneat.base.crew import ProcessCrew
from propneat.base.errors import ClusterError
from propneat.benchmark.control.methods import METHODS, version_of
from propneat.benchmark.control.parts import Part
from propneat.benchmark.control.store import PartStore
from propneat.control.finding import find_world

__all__ = ["carry_out", "run_part"]

_WARMING = "CartPole-v1"

Note = Callable[[str, int, int], None]
"""Is told what was just done or begins, how many parts are done, and how many there are."""


def carry_out(parts: Sequence[Part], store: PartStore, n_workers: int, note: Note) -> None:
    """Do parts, and store each as soon as it is finished; what was finished is not lost when this is interrupted.

    Raises ClusterError when workers die of a part again and again.
    """
    if n_workers == 1:
        for done, part in enumerate(parts):
            note(part.label, done, len(parts))
            store.keep(part, run_part(part))
        return
    with closing(ProcessCrew(n_workers)) as crew:
        try:
            for done, (k, row) in enumerate(crew.as_completed(run_part, parts), 1):
                store.keep(parts[k], row)
                note(parts[k].label, done, len(parts))
        except ClusterError as error:
            raise ClusterError(f"{error}; the same command goes on where it stopped") from error


@cache
def _warm_up(method: str) -> None:
    """Have a method loaded and compiled, once in a process."""
    METHODS[method].run(find_world(_WARMING), 0, 1)


def run_part(part: Part) -> dict[str, Any]:
    """Do a part and return what came of it, plain values; loading and compiling is not in its seconds."""
    method, world = METHODS[part.method], find_world(part.environment)
    _warm_up(part.method)
    begin, cpu = time.perf_counter(), time.process_time()
    with closing(world):
        result = method.run(world, part.seed, part.budget)
    return {
        "version": version_of(method),
        "solved_after": result.solved_after,
        "steps": result.steps,
        "returns": list(result.returns),
        "curve": [list(point) for point in result.curve],
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "seconds": round(time.perf_counter() - begin, 3),
    }
