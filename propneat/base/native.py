"""How compiled loops are compiled, where they are kept, and how they are spread over processor cores."""

import hashlib
import os
import re
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import numba
import numpy as np

from propneat.base.errors import PropneatWarning

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

_IMPORT = re.compile(rb"^ *(?:from|import) (propneat[\w.]*)(?: import (\([^)]*\)|.*))?", re.MULTILINE)
_SECONDS_KEPT = 30 * 24 * 3600
_SHARES_PER_THREAD = 4


def outer(function: Callable | None = None, **options: Any) -> Any:
    """Decorator for what Python calls: compiled at the first call of an installation, read from a cache after.

    Where no folder for the cache can be written, code is compiled in every process, which is said once by a PropneatWarning.
    """
    if function is None:
        return partial(outer, **options)
    compiled = numba.njit(function, error_model="numpy", nogil=True, no_cfunc_wrapper=True, **options)
    if folder := _cache_folder():
        usual = numba.config.CACHE_DIR
        # numba looks up its folder here and now, so other users of numba in this process keep theirs
        numba.config.CACHE_DIR = str(folder)
        try:
            compiled.enable_caching()
        finally:
            numba.config.CACHE_DIR = usual
    return compiled


@cache
def _cache_folder() -> Path | None:
    """Return the folder of compiled code, named after the sources it comes from, or None where none can be written.

    It lies in $NUMBA_CACHE_DIR, or else $XDG_CACHE_HOME/propneat, ~/.cache/propneat, or beside the sources. numba compiles
    anew when a function's own file has changed, but not when a file that it takes helpers or constants from has: new sources
    get a new folder, and those that nobody used for 30 days go when one is made.
    """
    package = Path(__file__).parent.parent
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    homes = [user_cache / "propneat"] if user_cache.is_absolute() else []
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        homes.insert(0, Path(given))
    for home in [*homes, package / "__pycache__"]:
        folder = home / "compiled" / _sources_digest(package)
        try:
            if not folder.is_dir():
                folder.mkdir(parents=True, exist_ok=True)
                _remove_old(folder.parent)
            tempfile.TemporaryFile(dir=folder).close()
            os.utime(folder)
        except OSError:
            continue
        return folder
    warnings.warn(
        "compiled code cannot be kept, because neither the user's cache folder nor that of the package can be written: kernels "
        "are compiled anew in every process, which takes about twenty seconds; NUMBA_CACHE_DIR may name a folder that can be",
        PropneatWarning,
        stacklevel=1,
    )
    return None


@cache
def _sources_digest(package: Path) -> str:
    """Return a digest of every module that has functions for `outer`, and of all that these import from the package."""
    texts = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        texts[".".join(parts).removesuffix(".__init__")] = path.read_bytes()
    wanted = [name for name, text in texts.items() if b"\n@outer" in text]
    for name in wanted:
        for module, names in _IMPORT.findall(texts[name]):
            imported = [module.decode(), *(f"{module.decode()}.{part}" for part in re.findall(r"\w+", names.decode()))]
            wanted += [other for other in imported if other in texts and other not in wanted]
    digest = hashlib.sha256()
    for name in sorted(wanted):
        digest.update(f"{name} {len(texts[name])}\n".encode() + texts[name])
    return digest.hexdigest()[:20]


def _remove_old(folder: Path) -> None:
    """Remove what lies in a folder and was last used longer ago than it is kept."""
    for old in folder.iterdir():
        with suppress(FileNotFoundError):
            if old.stat().st_mtime < time.time() - _SECONDS_KEPT:
                shutil.rmtree(old, ignore_errors=True)


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
