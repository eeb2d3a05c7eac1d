"""Carries out parts of the control benchmark, in this process or in several others."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import cache
from typing import Any

from propneat.base.errors import ClusterError
from propneat.base.processes import limit_threads
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

    Raises ClusterError when a worker dies.
    """
    if n_workers == 1:
        for done, part in enumerate(parts):
            note(part.label, done, len(parts))
            store.keep(part, run_part(part))
        return
    limit_threads(1)
    with ProcessPoolExecutor(n_workers, multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(run_part, part): part for part in parts}
        try:
            for done, future in enumerate(as_completed(waiting), 1):
                store.keep(waiting[future], future.result())
                note(waiting[future].label, done, len(parts))
        except BrokenProcessPool as error:
            raise ClusterError(
                "a worker died: the same command goes on where it stopped, perhaps with fewer workers"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


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
