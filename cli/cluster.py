"""Clusters as a person meets them: they may take long to answer, and what dask logs of them is left out."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

__all__ = ["joined"]


@contextmanager
def joined(make: Callable[[str], Any], address: str, quiet: bool) -> Iterator[Any]:
    """Give what is made of the address of a cluster, which is left again at the end."""
    from propneat.base.cluster import without_log
    from propneat.cli.run_view import say_when_slow

    with say_when_slow(f"Waiting for the cluster at {address} ...", seconds=2.0, quiet=quiet):
        made = make(address)
    # what dask logs stays out from here on, its own closing included
    with without_log(), closing(made):
        yield made
