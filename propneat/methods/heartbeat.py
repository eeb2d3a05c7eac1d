"""Progress while one long piece of work is under way that cannot tell any itself."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from threadpoolctl import threadpool_limits

__all__ = ["with_heartbeat"]

Result = TypeVar("Result")
_SECONDS = 1.0


def with_heartbeat(progress: Callable[[], None], work: Callable[[], Result]) -> Result:
    """Return what `work` returns, done in a thread of its own with one torch thread; call `progress` at once and every second.

    What `work` raises is raised here.
    """

    import torch

    def run() -> Result:
        # the limit belongs to the thread that asks for it, and torch sets its own in a thread that first asks for the number
        torch.get_num_threads()
        with threadpool_limits(1, "openmp"):
            return work()

    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(run)
        progress()
        while not wait([future], _SECONDS).done:
            progress()
        return future.result()
