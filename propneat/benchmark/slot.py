"""One worker process, watched from outside: its time, its memory, its death."""

import time
from collections.abc import Sequence
from multiprocessing.connection import wait
from typing import Any

import psutil

from propneat.base.processes import WorkerProcess
from propneat.benchmark.executor import Job, Limits
from propneat.benchmark.task import Outcome
from propneat.benchmark.worker import RUNNING, serve

__all__ = ["Slot"]

_LOOK_EVERY = 0.2
_WHILE_WARMING = " while warming up"


class Slot:
    """A place for one worker process, which starts with the first job, stays for the next, and is replaced when it dies."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.job: Job | None = None
        self._worker: WorkerProcess | None = None
        self._began: float | None = None
        self._is_running = False

    def begin(self, job: Job) -> None:
        """Give the worker a job; its time counts from when the worker is up, and again from when it is warm."""
        self.job, self._began, self._is_running = job, None, False
        if self._worker is None or not self._worker.is_alive:
            self.close()
            self._worker = WorkerProcess(serve)
        try:
            self._worker.connection.send(job)
        except OSError:
            # it has just died, which the next look finds
            pass

    def seconds(self) -> float:
        """Return how long the job has been running."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def handles(self) -> Sequence[Any]:
        """Return what becomes ready when there is something new to `look` at."""
        return self._worker.handles

    def look(self) -> Outcome | None:
        """Return how the job ended, None while it goes on; a worker that takes too long or too much is killed here."""
        outcome = self._hear() or self._limit()
        if outcome is not None:
            self.job = None
        return outcome

    def finish(self) -> Outcome:
        """Wait for the job to end, watching it."""
        while (outcome := self.look()) is None:
            wait(self.handles(), timeout=_LOOK_EVERY)
        return outcome

    def _hear(self) -> Outcome | None:
        try:
            while self._worker.connection.poll():
                message = self._worker.connection.recv()
                if isinstance(message, Outcome):
                    return message
                self._began, self._is_running = time.monotonic(), message == RUNNING
        except (EOFError, OSError):
            return self._died()
        return None

    def _died(self) -> Outcome:
        when = "" if self._is_running else _WHILE_WARMING if self._began else " while starting"
        code, self._worker = self._worker.died(), None
        return Outcome("crashed", f"the worker process died with exit code {code}{when}")

    def _limit(self) -> Outcome | None:
        if self._began is None:
            return None
        when, limits = "" if self._is_running else _WHILE_WARMING, self.limits
        if limits.seconds is not None and self.seconds() > limits.seconds:
            self.close()
            return Outcome("timeout", f"stopped at the time limit of {limits.seconds:g} s{when}")
        if limits.memory_mb is not None and (held := _held_mb(self._worker.pid)) > limits.memory_mb:
            self.close()
            reason = f"stopped at {held:.0f} MiB, above the limit of {limits.memory_mb:g} MiB{when}"
            return Outcome("memory", reason, peak_memory_mb=held)
        return None

    def close(self) -> None:
        """Stop the worker now."""
        if self._worker is not None:
            self._worker.close()
        self._worker = None


def _held_mb(pid: int) -> float:
    """Return the resident memory of a process and those below it, in MiB; 0 when it is gone."""
    try:
        worker = psutil.Process(pid)
        return sum(process.memory_info().rss for process in (worker, *worker.children(recursive=True))) / 2**20
    except psutil.Error:
        return 0.0
