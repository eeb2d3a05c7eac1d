"""The coordinator: hands out tasks, keeps what comes back, and shows how far it is."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from propneat.benchmark.executor import Executor, Job
from propneat.benchmark.store import Store
from propneat.benchmark.task import FAILURES, Outcome, Planned, Task

__all__ = ["Progress", "run_benchmark"]

_POLL_SECONDS = 0.5
_MOST_ATTEMPTS = 2


@dataclass(frozen=True)
class Progress:
    """How far a run is; counts are tasks of this invocation, those stored before included."""

    n_done: int
    """Ended well or skipped."""
    n_failed: int
    n_remaining: int
    n_stored_before: int
    running: tuple[tuple[Task, float], ...]
    """Tasks under way, and for how many seconds."""
    seconds_left: float | None
    """By the estimates of the plan, corrected by what tasks took so far; None before anything has ended."""
    last: tuple[Task, Outcome] | None
    """The task that ended last."""


def run_benchmark(
    plan: Sequence[Planned],
    store: Store,
    executor: Executor,
    *,
    environment: int,
    options: dict[str, dict[str, Any]],
    data_dir: str | None = None,
    n_threads: int = 1,
    watch: Callable[[Progress], None] = lambda progress: None,
    stopping: Callable[[], float | None] = lambda: None,
) -> Progress:
    """Run every task of a plan that the store has no result for, in the plan's order, and store each as it ends.

    A worker that dies costs its task one more try on a fresh one; the second death is its result. Nothing else is retried.
    `stopping` is asked often; once it returns a number, nothing more is handed out, and what has not ended within
    that many seconds, or dies meanwhile, is abandoned. Returns the last progress.
    """
    known = store.statuses()
    state = _State(plan, known)
    waiting = [planned.task for planned in reversed(plan) if planned.task.key not in known]
    attempts: dict[str, int] = {}
    deadline: float | None = None
    watch(state.progress(executor))
    while waiting or executor.running():
        if deadline is None and (grace := stopping()) is not None:
            deadline, waiting = time.monotonic() + grace, []
        if deadline is not None and time.monotonic() >= deadline:
            break
        while waiting and executor.n_free() > 0:
            task = waiting.pop()
            attempts[task.key] = attempts.get(task.key, 0) + 1
            executor.submit(Job(task, options[task.method], data_dir, n_threads))
        for task, outcome in executor.poll(_POLL_SECONDS):
            if outcome.status == "crashed" and stopping() is not None:
                # what stops a run may reach its workers first, and says nothing of their tasks
                continue
            if outcome.status == "crashed" and attempts[task.key] < _MOST_ATTEMPTS:
                waiting.append(task)
                continue
            store.add_result(task.key, outcome, environment)
            state.note(task, outcome)
        watch(state.progress(executor))
    return state.progress(executor)


class _State:
    """Counts of a run under way."""

    def __init__(self, plan: Sequence[Planned], known: dict[str, str]) -> None:
        self._estimates = {planned.task.key: planned.estimate for planned in plan}
        before = [known[key] for key in self._estimates if key in known]
        self._n_before = len(before)
        self._n_failed = sum(status in FAILURES for status in before)
        self._n_done = len(before) - self._n_failed
        self._left = sum(estimate for key, estimate in self._estimates.items() if key not in known)
        self._took, self._began = 0.0, time.monotonic()
        self._last: tuple[Task, Outcome] | None = None

    def note(self, task: Task, outcome: Outcome) -> None:
        failed = outcome.status in FAILURES
        self._n_failed += failed
        self._n_done += not failed
        self._left -= self._estimates[task.key]
        self._took += self._estimates[task.key]
        self._last = (task, outcome)

    def progress(self, executor: Executor) -> Progress:
        running = tuple(executor.running())
        elapsed = time.monotonic() - self._began
        left = self._left * elapsed / self._took if self._took else None
        n_remaining = len(self._estimates) - self._n_done - self._n_failed
        return Progress(self._n_done, self._n_failed, n_remaining, self._n_before, running, left, self._last)
