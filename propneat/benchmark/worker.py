"""What a worker process does: it takes up one job after the other, warms up once for each kind, ends with its coordinator."""

import ctypes
import os
import signal
import sys
import threading
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait

from propneat.benchmark.executor import Job, execute
from propneat.benchmark.task import Outcome

__all__ = ["LEFT_TO_COORDINATOR", "RUNNING", "WARMING", "end_with_parent", "serve"]

WARMING = "warming"
"""Sent when the worker has loaded what every job needs and takes up the one it was given."""
RUNNING = "running"
"""Sent when all is ready and the job's own time begins; its `Outcome` is what comes next."""

LEFT_TO_COORDINATOR = frozenset({signal.SIGINT, signal.SIGHUP})
"""Signals that a terminal sends to every process, and that are the coordinator's to answer."""
_PR_SET_PDEATHSIG = 1


def serve(connection: Connection) -> None:
    """Do the jobs that come through a connection until it is closed; what a worker process runs."""
    end_with_parent()
    for number in LEFT_TO_COORDINATOR:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, LEFT_TO_COORDINATOR)
    from propneat.benchmark.work import warm_up

    try:
        while True:
            job: Job = connection.recv()
            connection.send(WARMING)
            warm_up(job.task, job.options, job.data_dir, job.n_threads)
            connection.send(RUNNING)
            _answer(connection, execute(job))
    except (EOFError, OSError):
        # the coordinator has closed its end
        return


def _answer(connection: Connection, outcome: Outcome) -> None:
    try:
        connection.send(outcome)
    except (TypeError, ValueError, AttributeError) as error:
        # what a method put into it cannot be sent; nothing of it has been
        connection.send(Outcome("error", f"the answer did not come through: {type(error).__name__}: {error}"))


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
