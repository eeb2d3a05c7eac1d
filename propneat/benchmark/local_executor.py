"""Workers on this machine."""

from multiprocessing.connection import wait

from propneat.base.processes import limit_threads
from propneat.benchmark.executor import Job, Limits
from propneat.benchmark.slot import Slot
from propneat.benchmark.task import Outcome, Task

__all__ = ["LocalExecutor"]

_LOOK_EVERY = 0.2


class LocalExecutor:
    """An `Executor` of `n_workers` processes of `n_threads` threads each; nothing starts before the first job."""

    name = "local"

    def __init__(self, n_workers: int, n_threads: int, limits: Limits) -> None:
        self._limits = limits
        self._n_workers = n_workers
        self._idle: list[Slot] = []
        self._busy: list[Slot] = []
        limit_threads(n_threads)

    def n_free(self) -> int:
        """Return how many jobs could start now."""
        return self._n_workers - len(self._busy)

    def submit(self, job: Job) -> None:
        """Start a job in a worker that is free, or in a new one."""
        slot = self._idle.pop() if self._idle else Slot(self._limits)
        slot.begin(job)
        self._busy.append(slot)

    def poll(self, seconds: float) -> list[tuple[Task, Outcome]]:
        """Return the tasks that ended, after at most `seconds`."""
        wait([handle for slot in self._busy for handle in slot.handles()], timeout=min(seconds, _LOOK_EVERY))
        ended = []
        for slot in list(self._busy):
            task = slot.job.task
            if (outcome := slot.look()) is not None:
                ended.append((task, outcome))
                self._busy.remove(slot)
                self._idle.append(slot)
        return ended

    def running(self) -> list[tuple[Task, float]]:
        """Return the tasks under way, and for how many seconds."""
        return [(slot.job.task, slot.seconds()) for slot in self._busy]

    def close(self) -> None:
        """Stop all workers now."""
        for slot in (*self._idle, *self._busy):
            slot.close()
        self._idle, self._busy = [], []
