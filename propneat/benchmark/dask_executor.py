"""Workers of a dask cluster, wherever they are. Needs the optional extra `propneat[dask]`."""

import multiprocessing
import threading
import time
from typing import Any

from propneat.base.cluster import connect
from propneat.base.processes import limit_threads
from propneat.benchmark.executor import Job, Limits
from propneat.benchmark.slot import Slot
from propneat.benchmark.task import Outcome, Task

__all__ = ["DaskExecutor"]

_CONNECT_SECONDS = 20
_own = threading.local()


def _run_watched(job: Job, limits: Limits) -> Outcome:
    """Run a job on a dask worker, in a process beside it, so that the limits hold there as they do on one machine."""
    if getattr(_own, "slot", None) is None or _own.slot.limits != limits:
        # dask's workers are daemonic, which forbids processes of their own, but this one ends with the worker
        multiprocessing.current_process()._config["daemon"] = False
        limit_threads(job.n_threads)
        _own.slot = Slot(limits)
    _own.slot.begin(job)
    return _own.slot.finish()


class DaskExecutor:
    """An `Executor` on the workers of an existing cluster, which may come and go; one job per worker thread at a time.

    A job whose worker dies is given by the scheduler to another worker, and only one whose workers die again and again
    (dask's `allowed-failures`, 3 by default) ends as "crashed". Raises ConfigError as `propneat.base.cluster.connect` does.
    """

    name = "dask"

    def __init__(self, address: str, limits: Limits) -> None:
        self._client = connect(address, seconds=_CONNECT_SECONDS)
        self._limits = limits
        self._jobs: dict[Any, tuple[Job, float]] = {}
        self._n_submitted = 0

    def n_free(self) -> int:
        """Return how many worker threads have no job."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return max(0, sum(worker["nthreads"] for worker in workers) - len(self._jobs))

    def submit(self, job: Job) -> None:
        """Hand a job to the scheduler; it is never retried behind the runner's back, nor taken for one done before."""
        self._n_submitted += 1
        future = self._client.submit(
            _run_watched, job, self._limits, pure=False, retries=0, key=f"propneat-{job.task.key}-{self._n_submitted}"
        )
        self._jobs[future] = (job, time.monotonic())

    def poll(self, seconds: float) -> list[tuple[Task, Outcome]]:
        """Return the tasks that ended, after at most `seconds`."""
        from distributed import wait

        if self._jobs:
            try:
                with self._client.as_current():
                    wait(list(self._jobs), timeout=seconds, return_when="FIRST_COMPLETED")
            except TimeoutError:
                return []
        ended = [future for future in self._jobs if future.done()]
        return [(self._jobs.pop(future)[0].task, _read(future)) for future in ended]

    def running(self) -> list[tuple[Task, float]]:
        """Return the tasks handed out, and for how many seconds."""
        return [(job.task, time.monotonic() - began) for job, began in self._jobs.values()]

    def close(self) -> None:
        """Take back what is under way and leave the cluster as it was."""
        self._client.cancel(list(self._jobs))
        self._jobs = {}
        self._client.close()


def _read(future: Any) -> Outcome:
    if future.status == "finished":
        return future.result()
    error = future.exception()
    killed = type(error).__name__ == "KilledWorker"
    return Outcome("crashed" if killed else "error", f"on the cluster: {type(error).__name__}: {error}")
