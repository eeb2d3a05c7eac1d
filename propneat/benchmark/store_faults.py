"""What SQLite refuses, as named errors that say what is wrong and what to do."""

import errno
import fcntl
import os
import sqlite3
from pathlib import Path
from typing import IO

from propneat.base.errors import ConfigError, RunError, StoreError

__all__ = ["SQLITE_ERRORS", "explain", "hold", "see_that_it_opens", "unreadable", "unwritable"]

SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What Python's module raises for what SQLite refuses; the second where SQLite quotes damaged text in its reason."""

_FULL = "no space is left: make room, then the same command goes on; what is stored is kept"
_READ_ONLY = "it, or the journal beside it, cannot be opened or written; what is stored is kept"


def explain(path: Path, error: Exception) -> Exception:
    """Return what to raise for an error of SQLite's: OSError for the system's fault, RunError for another program's lock.

    Anything else is a StoreError: the file is not what its name says.
    """
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return OSError(errno.ENOSPC, _FULL, str(path))
    # what says of itself that it cannot be written, where the system lets it be, is damaged
    may_write = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) and not may_write:
        return OSError(errno.EROFS, _READ_ONLY, str(path))
    if code == sqlite3.SQLITE_IOERR:
        return OSError(errno.EIO, f"the system could not read or write it ({error}); what is stored is kept", str(path))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return RunError(f"another program holds {path} locked: close it, then give the same command again")
    return unreadable(path, error)


def unreadable(path: Path, error: object) -> StoreError:
    """Return the error of a file that is not a store, or one no more."""
    return StoreError(f"{path} cannot be read as benchmark results ({' '.join(str(error).split())}): it may be damaged")


def see_that_it_opens(path: Path, *, writing: bool) -> None:
    """Open a file and close it again, so that the system says why where it cannot be; SQLite would not.

    Raises StoreError for what is not a file, ConfigError for one that cannot be written, OSError for one that cannot be read.
    """
    try:
        path.open("r+b" if writing else "rb").close()
    except IsADirectoryError as error:
        raise unreadable(path, "it is a folder") from error
    except OSError as error:
        if not writing:
            raise
        raise unwritable(path, error) from error
    if not path.is_file():
        raise unreadable(path, "it is not a regular file")


def unwritable(path: Path, error: OSError) -> Exception:
    """Return the error of a place that cannot be written: OSError where the system has no room, else ConfigError."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OSError(error.errno, _FULL, str(path))
    return ConfigError(f"{path} cannot be written ({error.strerror or error}): give another --out")


def hold(folder: Path) -> IO[bytes]:
    """Make a folder unless it is there and have it for this process alone, until the file returned is closed.

    The lock file is never emptied, nor followed to where a link points. Raises ConfigError for a folder that cannot be
    written, OSError where there is no room, RunError when another process has it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.fdopen(os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666), "r+b")
    except OSError as error:
        linked = error.errno == errno.ELOOP
        raise unwritable(folder, OSError(0, "its .lock is a link") if linked else error) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        lock.close()
        raise unwritable(folder, OSError(errno.EROFS, "nothing can be made in it"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise RunError(f"another process is writing {folder}: wait for it, or give another --out") from error
    return lock
