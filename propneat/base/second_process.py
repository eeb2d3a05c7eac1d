"""A second process that compiles a part of what is needed, while the first compiles the rest."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from propneat.base.code_folder import code_folder

__all__ = ["compiling_beside"]


@contextmanager
def compiling_beside(module: str) -> Iterator[Callable[[], None]]:
    """Have `python -m module` run beside what is done inside, once for the code of an installation; gives what waits for its end.

    It is for modules that compile code and keep it. Nothing is started on a single core, where no code can be kept, and where
    the module ran to its end before; a process that fails leaves its part to this one. It ends with what is done inside.
    """
    mark = _mark(module)
    process = _started(module) if mark is not None and not mark.exists() and (os.cpu_count() or 1) > 1 else None

    def wait() -> None:
        if process is not None and mark is not None and process.wait() == 0:
            with suppress(OSError):
                mark.touch()

    try:
        yield wait
    finally:
        if process is not None:
            process.kill()
            process.wait()


def _mark(module: str) -> Path | None:
    """Return the file that says that a module ran to its end, with this Python and this numba; None where none can be kept."""
    folder = code_folder()
    python = f"{sys.implementation.cache_tag}-numba-{version('numba')}"
    return None if folder is None else folder / f"{module}-{python}"


def _started(module: str) -> "subprocess.Popen[bytes] | None":
    """Start a process that says nothing; None where the system refuses."""
    nothing = subprocess.DEVNULL
    with suppress(OSError):
        return subprocess.Popen([sys.executable, "-P", "-m", module], stdin=nothing, stdout=nothing, stderr=nothing)
    return None
