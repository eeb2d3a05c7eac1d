"""The folder that compiled code is kept in."""

import hashlib
import os
import re
import shutil
import tempfile
import time
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path

from propneat.base.errors import PropneatWarning

__all__ = ["code_folder"]

_IMPORT = re.compile(rb"^ *(?:from|import) (propneat[\w.]*)(?: import (\([^)]*\)|.*))?", re.MULTILINE)
_SECONDS_KEPT = 30 * 24 * 3600


@cache
def code_folder() -> Path | None:
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
