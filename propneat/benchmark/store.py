"""The results of a run in one SQLite file: one writer, any number of readers, and no acknowledged row is ever lost."""

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from propneat.benchmark.task import METRICS, Outcome, Planned, Task
from propneat.errors import ConfigError, RunError, StoreError

if TYPE_CHECKING:
    import pandas

__all__ = ["FILE_NAME", "Store", "create_store", "open_store"]

FILE_NAME = "results.sqlite"
_SCHEMA_VERSION = "1"
_TASK = tuple(field.name for field in fields(Task))
_KNOWN = tuple(field.name for field in fields(Planned) if field.name != "task")
_PLAN = ("key", *_TASK, *_KNOWN)
_MEASURED = (
    "n_train", "n_test", *METRICS, "fit_seconds", "predict_seconds", "cpu_seconds", "peak_memory_mb", "n_parameters", "depth"
)  # fmt: skip
_RESULT = ("key", "status", "reason", *_MEASURED, "environment", "finished")
_SCHEMA = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE environment (id INTEGER PRIMARY KEY, facts TEXT NOT NULL UNIQUE);
CREATE TABLE plan (
    key TEXT PRIMARY KEY, method TEXT, options TEXT, dataset TEXT, data_hash TEXT, protocol TEXT, repeat INTEGER, fold INTEGER,
    version TEXT, family TEXT, kind TEXT, n_rows INTEGER, n_features INTEGER, n_classes INTEGER, estimate REAL
);
CREATE TABLE result (
    key TEXT PRIMARY KEY, status TEXT NOT NULL, reason TEXT, n_train INTEGER, n_test INTEGER,
    {", ".join(f"{name} REAL" for name in METRICS)}, fit_seconds REAL, predict_seconds REAL, cpu_seconds REAL,
    peak_memory_mb REAL, n_parameters INTEGER, depth INTEGER, environment INTEGER, finished REAL
);
CREATE TABLE prediction (key TEXT PRIMARY KEY, packed BLOB NOT NULL);
INSERT INTO meta VALUES ('schema', '{_SCHEMA_VERSION}');
"""
_ADD_PLAN = f"INSERT OR IGNORE INTO plan ({', '.join(_PLAN)}) VALUES ({', '.join('?' * len(_PLAN))})"
_ADD_RESULT = f"INSERT OR IGNORE INTO result ({', '.join(_RESULT)}) VALUES ({', '.join('?' * len(_RESULT))})"
_ADD_PREDICTION = "INSERT OR IGNORE INTO prediction (key, packed) VALUES (?, ?)"


class Store:
    """An open results file. One process writes, others may read meanwhile; use it as a context manager.

    Tables: `plan`, one row per task ever planned; `result`, one row per task that ended, whatever its end; `prediction`,
    test-row probabilities of those that ended well; `environment`, what they were run with; `meta`.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: IO[str] | None) -> None:
        """Use `create_store` or `open_store`; `lock` is the held lock file of a writer."""
        self.path = path
        self._connection, self._lock = connection, lock

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        """Close the file; raises StoreError in place of what SQLite says of a damaged one."""
        self.close()
        if isinstance(error, sqlite3.DatabaseError):
            raise _unreadable(self.path, error) from error

    def close(self) -> None:
        """Close the file; a writer leaves it as one plain file, unless someone is reading it."""
        if self._lock is not None:
            try:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._connection.execute("PRAGMA journal_mode=DELETE")
            except sqlite3.DatabaseError:
                pass
            self._lock.close()
        self._connection.close()

    def meta(self, name: str) -> Any:
        """Return a noted fact, None when there is none of that name."""
        row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def note(self, name: str, value: Any) -> None:
        """Write down a fact as JSON, in place of the former one of that name."""
        with self._connection:
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value, sort_keys=True)))

    def add_environment(self, facts: Mapping[str, Any]) -> int:
        """Return the number of an environment, writing it down if it is new."""
        text = json.dumps(facts, sort_keys=True)
        with self._connection:
            self._connection.execute("INSERT OR IGNORE INTO environment (facts) VALUES (?)", (text,))
        return self._connection.execute("SELECT id FROM environment WHERE facts = ?", (text,)).fetchone()[0]

    def environments(self) -> dict[int, dict[str, Any]]:
        """Return all environments by their numbers."""
        return {number: json.loads(facts) for number, facts in self._connection.execute("SELECT id, facts FROM environment")}

    def add_plan(self, planned: Iterable[Planned]) -> None:
        """Write down tasks to be done; those known already stay as they are."""
        rows = [
            (entry.task.key, *(getattr(entry.task, name) for name in _TASK), *(getattr(entry, name) for name in _KNOWN))
            for entry in planned
        ]
        with self._connection:
            self._connection.executemany(_ADD_PLAN, rows)

    def add_result(self, key: str, outcome: Outcome, environment: int) -> None:
        """Write down how a task ended. Once this returns the row survives any crash; a task that has a row keeps it."""
        self.add_results([(key, outcome, environment, time.time())])

    def add_results(self, results: Iterable[tuple[str, Outcome, int, float]]) -> None:
        """Write down several at once: key, outcome, environment, and when it ended, in seconds since 1970."""
        rows, packed = [], []
        for key, outcome, environment, finished in results:
            values = {**vars(outcome), **outcome.metrics}
            measured = (_plain(values.get(name)) for name in _MEASURED)
            rows.append((key, outcome.status, outcome.reason, *measured, environment, finished))
            if outcome.predictions is not None:
                packed.append((key, outcome.predictions))
        with self._connection:
            self._connection.executemany(_ADD_RESULT, rows)
            self._connection.executemany(_ADD_PREDICTION, packed)

    def statuses(self) -> dict[str, str]:
        """Return the status of every task that ended, by key."""
        return dict(self._connection.execute("SELECT key, status FROM result"))

    def discard(self, statuses: Iterable[str]) -> int:
        """Forget results of these statuses, so that their tasks are done again; returns how many. "ok" is never forgotten."""
        unwanted = [status for status in statuses if status != "ok"]
        with self._connection:
            marks = ", ".join("?" * len(unwanted))
            return self._connection.execute(f"DELETE FROM result WHERE status IN ({marks})", unwanted).rowcount

    def rows(self) -> "pandas.DataFrame":
        """Return every planned task with its result, one row each, in order of key; status "missing" where there is none."""
        import pandas

        columns = ", ".join([*(f"plan.{name}" for name in _PLAN), *(f"result.{name}" for name in _RESULT[1:])])
        rows = self._connection.execute(f"SELECT {columns} FROM plan LEFT JOIN result USING (key) ORDER BY key").fetchall()
        frame = pandas.DataFrame(rows, columns=[*_PLAN, *_RESULT[1:]])
        numbers = [name for name in _MEASURED if name in frame]
        frame[numbers] = frame[numbers].astype("float64")
        frame["status"] = frame["status"].fillna("missing")
        return frame

    def prediction(self, key: str) -> bytes | None:
        """Return the packed predictions of a task, None when there are none."""
        row = self._connection.execute("SELECT packed FROM prediction WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def absorb(self, other: "Store") -> tuple[int, int]:
        """Take over plan and results of another store; returns how many results were new and how many were here already.

        Everything is read before anything is written, so a source that cannot be read changes nothing.
        """
        source, environments, before = other._connection, other.environments(), len(self.statuses())
        plan, results, predictions = (
            source.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
            for columns, table in ((_PLAN, "plan"), (_RESULT, "result"), (("key", "packed"), "prediction"))
        )
        numbers = {number: self.add_environment(facts) for number, facts in environments.items()}
        with self._connection:
            self._connection.executemany(_ADD_PLAN, plan)
            self._connection.executemany(_ADD_RESULT, [(*row[:-2], numbers.get(row[-2]), row[-1]) for row in results])
            self._connection.executemany(_ADD_PREDICTION, predictions)
        n_new = len(self.statuses()) - before
        return n_new, len(results) - n_new


def _plain(value: Any) -> Any:
    """Return numpy's numbers as Python's, which SQLite stores as numbers."""
    return value.item() if hasattr(value, "item") else value


def create_store(folder: Path) -> Store:
    """Open the store of a folder for writing, making both if they are not there.

    Raises ConfigError for a folder that cannot be written, RunError when another process is writing it, and StoreError when
    the file is not a store.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise ConfigError(f"the folder {folder} cannot be written ({error.strerror}): give another --out") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise RunError(f"another process is writing {folder}: wait for it, or give another --out") from error
    path = folder / FILE_NAME
    if not path.exists():
        _make_file(path)
    try:
        connection = sqlite3.connect(path)
    except sqlite3.Error as error:
        lock.close()
        raise _unreadable(path, error) from error
    try:
        _check(connection, path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except (sqlite3.DatabaseError, StoreError) as error:
        connection.close()
        lock.close()
        raise error if isinstance(error, StoreError) else _unreadable(path, error) from error
    return Store(path, connection, lock)


def _make_file(path: Path) -> None:
    """Make an empty store under another name and rename it, so that no reader and no kill meets a file without its tables."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    connection = sqlite3.connect(new)
    connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
    connection.close()
    os.replace(new, path)


def open_store(folder: Path) -> Store:
    """Open the store of a folder for reading; raises RunError when there is none, StoreError when it cannot be read."""
    path = folder / FILE_NAME
    if not path.is_file():
        raise RunError(f"there are no benchmark results in {folder}: it has no {FILE_NAME}")
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        _check(connection, path)
    except sqlite3.DatabaseError as error:
        raise _unreadable(path, error) from error
    return Store(path, connection, None)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "meta" not in tables:
        raise StoreError(f"{path} is an SQLite file, but not one of benchmark results")
    version = connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()[0]
    if version != _SCHEMA_VERSION:
        raise StoreError(f"{path} has schema version {version}, and this propneat reads version {_SCHEMA_VERSION}")


def _unreadable(path: Path, error: Exception) -> StoreError:
    return StoreError(f"{path} cannot be read as benchmark results ({error}): it may be damaged")
