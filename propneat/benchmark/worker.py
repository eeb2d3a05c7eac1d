"""What a worker process does: it takes up one job after the other, and warms up once for each kind."""

from multiprocessing.connection import Connection

from propneat.benchmark.executor import Job, execute
from propneat.benchmark.task import Outcome

__all__ = ["RUNNING", "WARMING", "serve"]

WARMING = "warming"
"""Sent when the worker has loaded what every job needs and takes up the one it was given."""
RUNNING = "running"
"""Sent when all is ready and the job's own time begins; its `Outcome` is what comes next."""


def serve(connection: Connection) -> None:
    """Do the jobs that come through a connection; what a `WorkerProcess` of the benchmark runs."""
    from propneat.benchmark.work import warm_up

    while True:
        job: Job = connection.recv()
        connection.send(WARMING)
        warm_up(job.task, job.options, job.data_dir, job.n_threads)
        connection.send(RUNNING)
        _answer(connection, execute(job))


def _answer(connection: Connection, outcome: Outcome) -> None:
    try:
        connection.send(outcome)
    except (TypeError, ValueError, AttributeError) as error:
        # what a method put into it cannot be sent; nothing of it has been
        connection.send(Outcome("error", f"the answer did not come through: {type(error).__name__}: {error}"))
