"""Clusters of dask.distributed: how one is reached, and what must hold before work is given to it. Needs `propneat[dask]`."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from propneat import __version__
from propneat.base.errors import ClusterError, ConfigError
from propneat.base.extras import need

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Cluster", "check_version", "connect", "without_log"]

_LOOK_SECONDS = 1.0
_LOGGERS = ("distributed", "distributed.client", "tornado.application", "asyncio")


def _version() -> str:
    return __version__


def connect(address: str, *, seconds: float = 20.0) -> "Client":
    """Return a client of the scheduler at an address, once it has a worker.

    Raises ConfigError when dask is not installed, the address has not the form of one, no scheduler answers within `seconds`,
    it has no worker for as long, or a process of the cluster has not this version of propneat.
    """
    need("distributed", "the dask executor")
    from distributed import Client
    from distributed.comm import connect as knock

    found = re.fullmatch(r"inproc://.+|[a-z]+://.+:(\d+)", address)
    if not found or (found[1] and not 0 < int(found[1]) < 2**16):
        raise ConfigError(f"a dask scheduler has an address of the form tcp://HOST:PORT, not {address!r}")
    try:
        # a client that fails to connect may deadlock the next one when it is collected, so none is made before one can
        asyncio.run(knock(address, timeout=seconds)).abort()
        client = Client(address, timeout=seconds, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ConfigError(f"no dask scheduler answers at {address!r}: start one with dask scheduler") from error
    try:
        _check(client, address, seconds)
    except BaseException:
        client.close()
        raise
    return client


class Cluster:
    """A `propneat.base.crew.Crew` of the threads of a cluster's workers, which may come and go. Mutable: `close` leaves it.

    Work whose worker dies is given to another. Raises ConfigError as `connect` does. What is done within `watched`, and
    `carry_out`, raises ClusterError when there has been no worker for `patience` seconds, the scheduler is gone, or workers die
    of the same work again and again.
    """

    def __init__(self, address: str, *, patience: float = 60.0) -> None:
        self.client: Client = connect(address)
        self.address, self.patience = address, patience

    @property
    def n_workers(self) -> int:
        """Number of threads that all workers have together."""
        return sum(self.client.nthreads().values())

    def carry_out(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> list[Any]:
        """See `propneat.base.crew.Crew`."""
        with self.watched():
            self.wait_for_workers()
            return self.results(self.client.map(function, tasks, pure=False, retries=0))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Turn what dask raises when it loses processes into ClusterError, and keep it from warning of large arguments."""
        import dask
        from distributed import KilledWorker
        from distributed.comm import CommClosedError

        try:
            with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
                yield
        except KilledWorker as error:
            raise ClusterError(f"work kills workers of the dask cluster at {self.address}: give them more memory") from error
        except (OSError, RuntimeError) as error:
            # the client takes a moment to see that its scheduler is gone
            if self.client.status == "running" and not isinstance(error, CommClosedError):
                raise
            raise ClusterError(f"the dask scheduler at {self.address} is gone") from error

    def wait_for_workers(self) -> int:
        """Return the number of threads there are, once there is one."""
        if not (n_threads := self.n_workers):
            try:
                self.client.wait_for_workers(1, timeout=self.patience)
            except TimeoutError as error:
                raise ClusterError(self._no_worker()) from error
        return n_threads or self.n_workers

    def results(self, futures: "list[Future]") -> list[Any]:
        """Return what futures come to, once all have."""
        gather = partial(self.client.gather, futures, asynchronous=True)
        while True:
            self._wait(futures)
            try:
                return self.client.sync(gather, callback_timeout=self.patience)
            except TimeoutError:
                # a worker died with results it had: dask waits without end for somebody to make them again
                if not self.n_workers:
                    raise ClusterError(self._no_worker()) from None

    def close(self) -> None:
        """Take back what is under way and leave the cluster as it was."""
        self.client.close()

    def _no_worker(self) -> str:
        return f"the dask cluster at {self.address} has had no worker for {self.patience:g} s"

    def _wait(self, futures: "list[Future]") -> None:
        """Wait for all futures; raise ClusterError when there has been no worker for too long."""
        from distributed import wait

        seen = time.monotonic()
        while True:
            try:
                with self.client.as_current():
                    wait(futures, timeout=_LOOK_SECONDS)
                return
            except TimeoutError:
                if self.n_workers:
                    seen = time.monotonic()
                elif time.monotonic() - seen > self.patience:
                    raise ClusterError(self._no_worker()) from None


def check_version(version: str) -> None:
    """Raise ConfigError in a process of another version than that of a run: a worker may join after `connect` has looked."""
    if version != __version__:
        raise ConfigError(f"a worker has propneat {__version__}, and the run {version}: install the same there")


@contextmanager
def without_log() -> Iterator[None]:
    """Keep dask from logging what becomes of workers and schedulers: what matters of it are the errors raised."""
    before = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _check(client: "Client", address: str, seconds: float) -> None:
    """Raise ConfigError unless there is a worker, and every process of the cluster can run what it will be sent."""
    try:
        client.wait_for_workers(1, timeout=seconds)
    except TimeoutError as error:
        raise ConfigError(
            f"the dask scheduler at {address!r} has had no worker for {seconds:g} s: start some with dask worker {address}"
        ) from error
    try:
        versions = {client.run_on_scheduler(_version), *client.run(_version).values()}
    except Exception as error:
        # dask passes on what went wrong in a process as an error of no type of its own
        raise ConfigError(f"a process of the cluster cannot load propneat ({error}): install {__version__} there") from error
    if other := versions - {__version__}:
        raise ConfigError(f"the cluster's processes have propneat {', '.join(other)}, not {__version__}: install that there")
