"""How compiled loops are compiled, and how they are spread over processor cores."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numba
import numpy as np

from propneat.base.code_folder import code_folder

__all__ = ["FAST_MATH", "bare", "inlined", "inner", "outer", "share_out", "thread_count"]

FAST_MATH = {"contract", "reassoc", "nsz", "arcp", "afn"}
"""Every licence for vector code but "no NaN, no infinity", which trainers look for. A function that is inlined by numba
(`inline="always"`) takes the licence of its caller instead of its own."""

inner: Callable[..., Any] = partial(numba.njit, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""Decorator for helpers called from compiled code alone. They are compiled into their callers, so they keep no cache."""

inlined: Callable[..., Any] = partial(inner, forceinline=True)
"""Decorator for helpers that compute with fast mathematics, and for all between them and what Python calls.

A helper that stays a function of its own exists twice, compiled on its own and compiled into its caller; which of the two
runs depends on whether the caller was just compiled or read from the cache, and with fast mathematics their last bits may
differ. Inlined, there is one.
"""

bare: Callable[..., Any] = partial(inlined, _nrt=False)
"""Decorator for inlined helpers that make no arrays of their own: they count no references to those they are given, which
would cost more than the loop over a row does."""

_SHARES_PER_THREAD = 4


def outer(function: Callable | None = None, **options: Any) -> Any:
    """Decorator for what Python calls: compiled at the first call of an installation, read from a cache after.

    Where no folder for the cache can be written, code is compiled in every process, which is said once by a PropneatWarning.
    """
    if function is None:
        return partial(outer, **options)
    compiled = numba.njit(function, error_model="numpy", nogil=True, no_cfunc_wrapper=True, **options)
    if folder := code_folder():
        usual = numba.config.CACHE_DIR
        # numba looks up its folder here and now, so other users of numba in this process keep theirs
        numba.config.CACHE_DIR = str(folder)
        try:
            compiled.enable_caching()
        finally:
            numba.config.CACHE_DIR = usual
    return compiled


def thread_count(n_tasks: int) -> int:
    """Return how many threads share out that many tasks: NUMBA_NUM_THREADS, by default the number of cores, at most."""
    return min(numba.config.NUMBA_NUM_THREADS, n_tasks)


def share_out(work: Callable[[np.ndarray], None], cost: np.ndarray) -> None:
    """Call `work` on arrays of task numbers that together cover every task once, in as many threads as numba may use.

    `cost`, shape (n_tasks,), says how long each task takes, in any unit; shares hold about equal cost. `work` runs compiled
    code without the interpreter lock, and tasks must not depend on each other. The number of threads is `thread_count`.
    """
    n_threads = thread_count(len(cost))
    by_cost = np.argsort(-cost, kind="stable")
    if n_threads <= 1:
        work(by_cost)
        return
    n_shares = min(_SHARES_PER_THREAD * n_threads, len(cost))
    # slices of one layout in memory, since compiled code is compiled anew for another
    shares = [np.ascontiguousarray(by_cost[share::n_shares]) for share in range(n_shares)]
    with ThreadPoolExecutor(n_threads) as executor:
        list(executor.map(work, shares))
