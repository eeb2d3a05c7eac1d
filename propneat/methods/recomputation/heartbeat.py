"""Progress while one long piece of work is under way that cannot tell any itself."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from threadpoolctl import threadpool_limits

__all__ = ["with_heartbeat"]

Result = TypeVar("Result")
_SECONDS = 1.0


def with_heartbeat(progress: Callable[[int], None], done: int, work: Callable[[], Result]) -> Result:
    """Do some work in a thread of its own, with one torch thread, and tell every second how much was done before it."""

    def run() -> Result:
        with threadpool_limits(1, "openmp"):
            return work()

    progress(done)
    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(run)
        while not wait([future], _SECONDS).done:
            progress(done)
        return future.result()
