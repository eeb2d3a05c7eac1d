"""Processes of our own beside this one: how one starts, what it leaves to this one, and that it ends with it."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from typing import Any

__all__ = ["WorkerProcess", "end_with_parent", "limit_threads", "limited_threads"]

_SPAWN = multiprocessing.get_context("spawn")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_LEFT_TO_PARENT = frozenset({signal.SIGINT, signal.SIGHUP})
"""Signals that a terminal sends to every process, and that are the first one's to answer."""
_PR_SET_PDEATHSIG = 1
_JOIN_SECONDS = 0.2


def limit_threads(n_threads: int) -> None:
    """Set the thread counts that processes started from here will read when they load numeric libraries."""
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(n_threads)))


@contextmanager
def limited_threads(n_threads: int) -> Iterator[None]:
    """As `limit_threads`, for processes that are started meanwhile alone."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    limit_threads(n_threads)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class WorkerProcess:
    """A process that answers what it is sent. Mutable: `close` ends it, and it ends with this process, however that ends.

    `serve` is a function of a module, given the process's end of the connection. It reads and writes there until an EOFError
    or OSError says that the other end is closed.
    """

    def __init__(self, serve: Callable[[Connection], None]) -> None:
        self.connection, its_end = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_begin, args=(serve, its_end), name="propneat worker")
        # deaf from its first moment to the signals that are not its own to answer
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _LEFT_TO_PARENT)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            # once the process alone has it, its death closes the connection
            its_end.close()
        # a process that ends waits for those it has started, so this one is ended before
        self._end = Finalize(self, _kill, args=(self._process, self.connection), exitpriority=10)

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    @property
    def handles(self) -> Sequence[Any]:
        """What becomes ready when there is something to receive, or when it has ended."""
        return (self.connection, self._process.sentinel)

    def died(self) -> int | None:
        """Return the exit code of one whose connection has closed; one that has closed its end is as good as dead."""
        self._process.join(_JOIN_SECONDS)
        self.close()
        return self._process.exitcode

    def close(self) -> None:
        """End it now."""
        self._end()


def _begin(serve: Callable[[Connection], None], connection: Connection) -> None:
    end_with_parent()
    for number in _LEFT_TO_PARENT:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _LEFT_TO_PARENT)
    with suppress(EOFError, OSError):
        serve(connection)


def _kill(process: BaseProcess, connection: Connection) -> None:
    process.kill()
    process.join()
    connection.close()


def end_with_parent() -> None:
    """Have this process killed when the one that started it ends, in whatever way; on Linux with the thread that started it."""
    if sys.platform == "linux" and ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) == 0:
        # it may have ended before it was asked for
        if not parent_process().is_alive():
            os._exit(1)
        return
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    wait([parent_process().sentinel])
    os._exit(1)
