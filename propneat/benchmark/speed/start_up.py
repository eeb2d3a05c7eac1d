"""How long a start takes: the bare interpreter, the import, the help, and `propneat evolve` to its first generation."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from propneat.base.errors import RunError
from propneat.benchmark.speed.size import SpeedSize
from propneat.benchmark.speed.timing import Note, spread, take_turns

__all__ = ["measure"]

_COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "python -c 'import propneat'": ("-c", "import propneat"),
    "propneat --help": ("-m", "propneat", "--help"),
}
_EVOLVE = ("-m", "propneat", "evolve", "breast_cancer_wisconsin", "--generations", "2", "--populations", "1", "--out")
_FIRST_GENERATION = "generation 1/2"


def measure(size: SpeedSize, seed: int, note: Note) -> dict[str, Any]:
    """Time every command in processes of their own, from the start to the end or to the first generation's line.

    A cold start begins with an empty folder of compiled code, and leaves it filled for the warm ones; without one, they
    use the installation's own folder, after a first start that is not counted.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        found = {}
        if size.cold_start:
            environment["NUMBA_CACHE_DIR"] = str(place / "compiled")
        note("start-up: first generation" + (", nothing compiled" if size.cold_start else ""), 0, size.n_rounds)
        first = _until_first_generation(place / "first", environment)
        if size.cold_start:
            found["propneat evolve, first generation, nothing compiled"] = [first]
        runs = iter(range(size.n_rounds))
        jobs: dict[str, Callable[[], float]] = {
            label: lambda arguments=arguments: _until_end(arguments, environment) for label, arguments in _COMMANDS.items()
        }
        jobs["propneat evolve, first generation"] = lambda: _until_first_generation(place / str(next(runs)), environment)
        found |= take_turns(jobs, size.n_rounds, note, "start-up")
    return {"commands": [{"label": label, "rounds": taken, "seconds": spread(taken)} for label, taken in found.items()]}


def _until_end(arguments: tuple[str, ...], environment: dict[str, str]) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def _until_first_generation(folder: Path, environment: dict[str, str]) -> float:
    """Start `propneat evolve` into a folder, and end it when its first generation is told."""
    begin = time.perf_counter()
    told = []
    with subprocess.Popen(
        [sys.executable, *_EVOLVE, str(folder)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        for line in process.stderr:
            told.append(line)
            if line.startswith(_FIRST_GENERATION):
                seconds = time.perf_counter() - begin
                process.kill()
                return seconds
    raise RunError(f"propneat evolve ended before its first generation: {''.join(told).strip()[-500:]}")
