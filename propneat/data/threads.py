"""Work on the columns of a long table by several threads; what comes out does not depend on how many there are."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

__all__ = ["map_columns"]

_LONG = 50_000
_MOST_THREADS = 8


def map_columns(function: Callable[..., Any], *columns: Iterable[Any], n_rows: int) -> list[Any]:
    """Return what `function` gives for each of the columns, in order; of a table of many rows, by threads."""
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    n_threads = min(n_cores, _MOST_THREADS)
    if n_rows < _LONG or n_threads == 1:
        return list(map(function, *columns))
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(function, *columns))
