"""One worker process, watched from outside: its time, its memory, its death."""

import multiprocessing
import os
import signal
import time
from concurrent.futures import FIRST_COMPLETED, Future, TimeoutError, wait

import psutil
from pebble import ProcessExpired, ProcessPool

from propneat.benchmark.executor import Job, Limits, execute
from propneat.benchmark.task import Outcome

__all__ = ["Slot", "limit_threads"]

_LOOK_EVERY = 0.2
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def limit_threads(n_threads: int) -> None:
    """Set the thread counts that processes started from here will read when they load numeric libraries."""
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(n_threads)))


def _warm() -> None:
    """Load in the worker what its first task would otherwise be charged for; Ctrl-C is the coordinator's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import propneat.benchmark.work  # noqa: F401


class Slot:
    """A pool of one persistent worker process, which is replaced when it is killed."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.job: Job | None = None
        self._pool = ProcessPool(max_workers=1, context=multiprocessing.get_context("spawn"), initializer=_warm)
        self._pid: Future | None = None
        self._answer: Future | None = None
        self._began: float | None = None
        self._too_large: float | None = None

    def begin(self, job: Job) -> None:
        """Give the worker a job; its time counts from when the worker is up."""
        self.job, self._began, self._too_large = job, None, None
        self._pid = self._pool.schedule(os.getpid)
        self._answer = self._pool.schedule(execute, args=[job], timeout=self.limits.seconds)

    def seconds(self) -> float:
        """Return how long the job has been running."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def future(self) -> Future:
        """Return what becomes done when the job ends."""
        return self._answer

    def look(self) -> Outcome | None:
        """Return how the job ended, None while it goes on; a worker that holds too much memory is killed here."""
        if self._answer.done():
            outcome, self.job = self._read(), None
            return outcome
        if self._pid.done() and self._pid.exception() is None:
            if self._began is None:
                self._began = time.monotonic()
            self._watch_memory(self._pid.result())
        return None

    def finish(self) -> Outcome:
        """Wait for the job to end, watching it."""
        while (outcome := self.look()) is None:
            wait([self._answer], timeout=_LOOK_EVERY, return_when=FIRST_COMPLETED)
        return outcome

    def _watch_memory(self, pid: int) -> None:
        if self.limits.memory_mb is None or self._too_large is not None:
            return
        try:
            worker = psutil.Process(pid)
            held = sum(process.memory_info().rss for process in (worker, *worker.children(recursive=True))) / 2**20
        except psutil.Error:
            return
        if held > self.limits.memory_mb:
            self._too_large = held
            worker.kill()

    def _read(self) -> Outcome:
        try:
            return self._answer.result()
        except TimeoutError:
            return Outcome("timeout", f"stopped at the time limit of {self.limits.seconds:g} s")
        except ProcessExpired as error:
            if self._too_large is not None:
                limit = f"the limit of {self.limits.memory_mb:g} MiB"
                return Outcome("memory", f"stopped at {self._too_large:.0f} MiB, above {limit}", peak_memory_mb=self._too_large)
            return Outcome("crashed", f"the worker process died with exit code {error.exitcode}")
        except Exception as error:
            return Outcome("error", f"the answer did not come through: {type(error).__name__}: {error}")

    def close(self) -> None:
        """Stop the worker now."""
        self._pool.stop()
        self._pool.join()
