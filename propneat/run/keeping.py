"""What a run leaves behind while it goes on: its checkpoint, and the seconds until every generation."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from propneat.run.checkpoint import CheckpointWriter
from propneat.run.folder import RunFolder
from propneat.search import EvolveState

__all__ = ["Keeper"]

_REST = 19.0
"""Times what writing a checkpoint took that pass before the next is written: a twentieth of a run goes into them at most."""


class Keeper:
    """A callback that saves the states reached, and counts seconds on from those of the run before it was continued.

    A checkpoint is written as soon as those before it have taken no more than a twentieth of the time: after every generation
    of ordinary length, after several where generations are as brief as writing is. As a context manager it writes the last
    state, however it is left. Mutable: `seconds` has the time until the end of every generation, by its position in the
    history. It counts what ended cleanly alone, and stands apart from the results, which do not depend on it.
    """

    def __init__(self, folder: RunFolder, identity: Mapping[str, Any], after: EvolveState | None) -> None:
        """Begin a run, or go on `after` a state; see `CheckpointWriter`, whose errors are raised."""
        self._checkpoints = CheckpointWriter(folder.checkpoint, identity, after=after)
        n_done = len(after.history) if after else 0
        self.seconds = {generation: value for generation, value in folder.read_timing().items() if generation < n_done}
        self._before, self._start = max(self.seconds.values(), default=0.0), time.perf_counter()
        self._unsaved: EvolveState | None = None
        self._due = self._start

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(self, *_: object) -> None:
        self.save()

    def __call__(self, reached: EvolveState) -> None:
        """Take a state, and write it if it is time to."""
        self._checkpoints.note(reached)
        self._unsaved = reached
        if time.perf_counter() >= self._due:
            self.save()
        self.seconds[len(reached.history) - 1] = self.elapsed

    def heeded(self, callback: Callable[[EvolveState], bool | None]) -> Callable[[EvolveState], bool | None]:
        """Return a callback that has the state on disk before it ends the run, which may take a while then."""

        def call(reached: EvolveState) -> bool | None:
            answer = callback(reached)
            if isinstance(answer, bool | np.bool_) and answer:
                self.save()
            return answer

        return call

    def save(self) -> None:
        """Write the last state taken unless it is written; what fails is not tried again."""
        state, self._unsaved = self._unsaved, None
        if state is not None:
            begin = time.perf_counter()
            self._checkpoints.save(state)
            end = time.perf_counter()
            self._due = end + _REST * (end - begin)

    @property
    def elapsed(self) -> float:
        """Seconds that the run has taken so far."""
        return self._before + time.perf_counter() - self._start
