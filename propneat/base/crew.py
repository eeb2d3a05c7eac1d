"""Work shared out over processes of this machine: functions of modules, called with one argument each."""

import pickle
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from propneat.base.errors import ClusterError
from propneat.base.processes import WorkerProcess, limited_threads

__all__ = ["Crew", "ProcessCrew"]

_ATTEMPTS = 3
_ANSWER, _ERROR = "answer", "error"


class Crew(Protocol):
    """Whoever can be given work."""

    @property
    def n_workers(self) -> int:
        """How many tasks are done at the same time."""

    def carry_out(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> list[Any]:
        """Return what a function of a module gives for every task, in their order; raises what it raises."""


class ProcessCrew:
    """A `Crew` of worker processes of one thread each, which start with the first work and stay for the next. Mutable.

    A task whose worker dies goes to another one. `close` ends the workers, and they end with this process, however that ends.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self._idle: list[WorkerProcess] = []

    def carry_out(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> list[Any]:
        """See `Crew`; raises ClusterError when workers die of a task again and again."""
        found = dict(self.as_completed(function, tasks))
        return [found[k] for k in range(len(tasks))]

    def as_completed(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Give the number of every task and its answer as soon as there is one; see `carry_out`."""
        waiting, n_deaths = deque(range(len(tasks))), [0] * len(tasks)
        busy: dict[WorkerProcess, int] = {}
        self._start(min(self.n_workers, len(tasks)))
        try:
            while waiting or busy:
                while waiting and len(busy) < self.n_workers:
                    if not self._idle:
                        self._start(1)
                    worker = self._idle.pop()
                    busy[worker] = waiting.popleft()
                    # one that has just died is found below
                    with suppress(OSError):
                        worker.connection.send((function, tasks[busy[worker]]))
                ready = set(wait([worker.connection for worker in busy]))
                for worker in [worker for worker in busy if worker.connection in ready]:
                    k = busy.pop(worker)
                    try:
                        kind, value = worker.connection.recv()
                    except (EOFError, OSError):
                        code = worker.died()
                        n_deaths[k] += 1
                        if n_deaths[k] == _ATTEMPTS:
                            raise ClusterError(_deaths(code)) from None
                        waiting.appendleft(k)
                        continue
                    self._idle.append(worker)
                    if kind == _ERROR:
                        raise value
                    yield k, value
        finally:
            # what is still at work here would answer a question that nobody asks any more
            for worker in busy:
                worker.close()

    def close(self) -> None:
        """End the workers; others start with the next work."""
        while self._idle:
            self._idle.pop().close()

    def _start(self, n_workers: int) -> None:
        """Start so many at once, since each takes seconds to be ready, and nothing is received before."""
        with limited_threads(1):
            while len(self._idle) < n_workers:
                self._idle.append(WorkerProcess(_serve))


def _deaths(code: int | None) -> str:
    last = f"the last with exit code {code}"
    return f"{_ATTEMPTS} worker processes died of the same work, {last}: give fewer workers, or none, or more memory"


def _serve(connection: Connection) -> None:
    """Answer what comes through a connection: a function and its argument."""
    while True:
        function, task = connection.recv()
        connection.send_bytes(_answer(function, task))


def _answer(function: Callable[[Any], Any], task: Any) -> bytes:
    try:
        return pickle.dumps((_ANSWER, function(task)))
    except Exception as error:
        error.add_note(f"in a worker process:\n{traceback.format_exc()}")
        with suppress(Exception):
            whole = pickle.dumps((_ERROR, error))
            pickle.loads(whole)
            return whole
        return pickle.dumps((_ERROR, RuntimeError(f"{type(error).__name__}: {error}\n{traceback.format_exc()}")))
