"""One worker process, watched from outside: its time, its memory, its death."""

import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from typing import Any

import psutil

from propneat.benchmark.executor import Job, Limits
from propneat.benchmark.task import Outcome
from propneat.benchmark.worker import LEFT_TO_COORDINATOR, RUNNING, serve

__all__ = ["Slot", "limit_threads"]

_LOOK_EVERY = 0.2
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_SPAWN = multiprocessing.get_context("spawn")
_WHILE_WARMING = " while warming up"


def limit_threads(n_threads: int) -> None:
    """Set the thread counts that processes started from here will read when they load numeric libraries."""
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(n_threads)))


class Slot:
    """A place for one worker process, which starts with the first job, stays for the next, and is replaced when it dies."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.job: Job | None = None
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._end: Finalize | None = None
        self._began: float | None = None
        self._is_running = False

    def begin(self, job: Job) -> None:
        """Give the worker a job; its time counts from when the worker is up, and again from when it is warm."""
        self.job, self._began, self._is_running = job, None, False
        if self._process is None or not self._process.is_alive():
            self.close()
            self._start()
        try:
            self._connection.send(job)
        except OSError:
            # it has just died, which the next look finds
            pass

    def _start(self) -> None:
        """Start a worker, deaf from its first moment to the signals that are not its own to answer."""
        self._connection, its_end = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=serve, args=(its_end,), name="propneat worker")
        before = signal.pthread_sigmask(signal.SIG_BLOCK, LEFT_TO_COORDINATOR)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            # once the worker alone has it, its death closes the connection
            its_end.close()
        # a process that ends waits for those it has started, so this one is ended before
        self._end = Finalize(self, _kill, args=(self._process, self._connection), exitpriority=10)

    def seconds(self) -> float:
        """Return how long the job has been running."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def handles(self) -> Sequence[Any]:
        """Return what becomes ready when there is something new to `look` at."""
        return (self._connection, self._process.sentinel)

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
            while self._connection.poll():
                message = self._connection.recv()
                if isinstance(message, Outcome):
                    return message
                self._began, self._is_running = time.monotonic(), message == RUNNING
        except (EOFError, OSError):
            return self._died()
        return None

    def _died(self) -> Outcome:
        process, when = self._process, "" if self._is_running else _WHILE_WARMING if self._began else " while starting"
        # one that has closed its end is as good as dead
        process.join(_LOOK_EVERY)
        self.close()
        return Outcome("crashed", f"the worker process died with exit code {process.exitcode}{when}")

    def _limit(self) -> Outcome | None:
        if self._began is None:
            return None
        when, limits = "" if self._is_running else _WHILE_WARMING, self.limits
        if limits.seconds is not None and self.seconds() > limits.seconds:
            self.close()
            return Outcome("timeout", f"stopped at the time limit of {limits.seconds:g} s{when}")
        if limits.memory_mb is not None and (held := _held_mb(self._process.pid)) > limits.memory_mb:
            self.close()
            reason = f"stopped at {held:.0f} MiB, above the limit of {limits.memory_mb:g} MiB{when}"
            return Outcome("memory", reason, peak_memory_mb=held)
        return None

    def close(self) -> None:
        """Stop the worker now."""
        if self._end is not None:
            self._end()
        self._process = self._connection = self._end = None


def _held_mb(pid: int) -> float:
    """Return the resident memory of a process and those below it, in MiB; 0 when it is gone."""
    try:
        worker = psutil.Process(pid)
        return sum(process.memory_info().rss for process in (worker, *worker.children(recursive=True))) / 2**20
    except psutil.Error:
        return 0.0


def _kill(process: BaseProcess, connection: Connection) -> None:
    process.kill()
    process.join()
    connection.close()
