"""What a run leaves behind after every generation: its checkpoint, and the seconds until there."""

import time
from collections.abc import Mapping
from typing import Any

from propneat.run.checkpoint import CheckpointWriter
from propneat.run.folder import RunFolder
from propneat.search import EvolveState

__all__ = ["Keeper"]


class Keeper:
    """A callback that saves every state reached, and counts seconds on from those of the run before it was continued.

    Mutable: `seconds` has the time until the end of every generation, by its position in the history. It counts what ended
    cleanly alone, and stands apart from the results, which do not depend on it.
    """

    def __init__(self, folder: RunFolder, identity: Mapping[str, Any], after: EvolveState | None) -> None:
        """Begin a run, or go on `after` a state; see `CheckpointWriter`, whose errors are raised."""
        self._checkpoints = CheckpointWriter(folder.checkpoint, identity, after=after)
        n_done = len(after.history) if after else 0
        self.seconds = {generation: value for generation, value in folder.read_timing().items() if generation < n_done}
        self._before, self._start = max(self.seconds.values(), default=0.0), time.perf_counter()

    def __call__(self, reached: EvolveState) -> None:
        """Save a state."""
        self._checkpoints.save(reached)
        self.seconds[len(reached.history) - 1] = self.elapsed

    @property
    def elapsed(self) -> float:
        """Seconds that the run has taken so far."""
        return self._before + time.perf_counter() - self._start
