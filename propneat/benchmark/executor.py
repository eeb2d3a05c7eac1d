"""What the runner asks of whatever runs tasks."""

from dataclasses import dataclass
from typing import Protocol

from propneat.benchmark.task import Outcome, Task

__all__ = ["Executor", "Job", "Limits", "execute"]


@dataclass(frozen=True)
class Limits:
    """What a task may use, enforced from outside its process; None for no limit."""

    seconds: float | None = None
    memory_mb: float | None = None


@dataclass(frozen=True)
class Job:
    """A task with all that running it takes; picklable."""

    task: Task
    options: dict[str, object]
    data_dir: str | None
    n_threads: int


def execute(job: Job) -> Outcome:
    """Run a job in this process; what workers call."""
    from propneat.benchmark.work import run_task

    return run_task(job.task, job.options, job.data_dir, job.n_threads)


class Executor(Protocol):
    """Runs jobs in worker processes, at most `n_free()` more at once; a worker's death is an outcome, not an exception."""

    name: str

    def n_free(self) -> int:
        """Return how many jobs could start now."""

    def submit(self, job: Job) -> None:
        """Start a job."""

    def poll(self, seconds: float) -> list[tuple[Task, Outcome]]:
        """Return the tasks that ended, waiting up to some seconds for the first; a killed worker gives status "crashed"."""

    def running(self) -> list[tuple[Task, float]]:
        """Return the tasks under way, and for how many seconds."""

    def close(self) -> None:
        """Stop all that is under way, now."""
