"""Clusters of dask.distributed: how one is reached, and what must hold before work is given to it. Needs `propneat[dask]`."""

import asyncio
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from propneat import __version__
from propneat.base.errors import ConfigError
from propneat.base.extras import need

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["connect", "without_log"]

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
