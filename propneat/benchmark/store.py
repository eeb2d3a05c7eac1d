"""The results of a run in one SQLite file: one writer, any number of readers, and no acknowledged row is ever lost."""

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from propneat.base.errors import PropneatError, RunError
from propneat.benchmark.states import State
from propneat.benchmark.store_faults import SQLITE_ERRORS, explain, hold, see_that_it_opens, unreadable, unwritable
from propneat.benchmark.store_form import (
    IDENTITY,
    KNOWN,
    MEASURED,
    PLAN,
    RESULT,
    SCHEMA,
    VERSION,
    check_configuration,
    check_form,
    check_rows,
    read_json,
    result_columns,
    upgrade,
)
from propneat.benchmark.task import Outcome, Planned

if TYPE_CHECKING:
    import pandas

__all__ = ["FILE_NAME", "Store", "create_store", "open_store"]

FILE_NAME = "results.sqlite"
_ADD_PLAN = f"INSERT OR IGNORE INTO plan ({', '.join(PLAN)}) VALUES ({', '.join('?' * len(PLAN))})"
_ADD_RESULT = f"INSERT OR IGNORE INTO result ({', '.join(RESULT)}) VALUES ({', '.join('?' * len(RESULT))})"
_ADD_PREDICTION = "INSERT OR IGNORE INTO prediction (key, packed) VALUES (?, ?)"


class Store:
    """An open results file. One process writes, others may read meanwhile; use it as a context manager.

    Tables: `plan`, one row per task ever planned; `result`, one row per task that ended, whatever its end; `prediction`,
    test-row answers of those that ended well; `environment`, what they were run with; `meta`. A file of an older version
    is read as it is, and gets the columns it lacks when it is opened for writing.

    Every method raises StoreError for a file that is damaged, and OSError where the system has no room or does not let it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: IO[bytes] | None, version: str) -> None:
        """Use `create_store` or `open_store`; `lock` is the held lock file of a writer."""
        self.path = path
        self.version, self.result_columns = version, result_columns(version)
        self._connection, self._lock = connection, lock

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a writer leaves it as one plain file, unless someone is reading it or there is no room for that."""
        if self._lock is not None:
            try:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._connection.execute("PRAGMA journal_mode=DELETE")
            except sqlite3.DatabaseError:
                pass
            self._lock.close()
        self._connection.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._connection
        except SQLITE_ERRORS as error:
            raise explain(self.path, error) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for one transaction, which is on disk at the end, or has changed nothing."""
        with self._reading() as connection, connection:
            yield connection

    def _ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._reading() as connection:
            return connection.execute(question, values).fetchall()

    def configuration(self) -> dict[str, Any] | None:
        """Return what was asked for, None when nothing was: the protocol's label, suites, methods with options, limits."""
        noted = self.meta("configuration")
        return None if noted is None else check_configuration(self.path, noted)

    def meta(self, name: str) -> dict[str, Any] | None:
        """Return noted facts, None when there are none of that name."""
        rows = self._ask("SELECT value FROM meta WHERE name = ?", name)
        return read_json(self.path, rows[0][0], f"the notes {name!r}") if rows else None

    def note(self, name: str, value: Mapping[str, Any]) -> None:
        """Write down facts as JSON, in place of the former ones of that name."""
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value, sort_keys=True)))

    def add_environment(self, facts: Mapping[str, Any]) -> int:
        """Return the number of an environment, writing it down if it is new."""
        with self._writing() as connection:
            return _number_of(connection, json.dumps(facts, sort_keys=True))

    def environments(self) -> dict[int, dict[str, Any]]:
        """Return all environments by their numbers."""
        rows = self._ask("SELECT id, facts FROM environment")
        return {number: read_json(self.path, facts, "the facts of an environment") for number, facts in rows}

    def add_plan(self, planned: Iterable[Planned]) -> None:
        """Write down tasks to be done; those known already stay as they are."""
        rows = [
            (entry.task.key, *(getattr(entry.task, name) for name in IDENTITY), *(getattr(entry, name) for name in KNOWN))
            for entry in planned
        ]
        with self._writing() as connection:
            connection.executemany(_ADD_PLAN, rows)

    def add_result(self, key: str, outcome: Outcome, environment: int) -> None:
        """Write down how a task ended. Once this returns the row survives any crash; a task that has a row keeps it."""
        self.add_results([(key, outcome, environment, time.time())])

    def add_results(self, results: Iterable[tuple[str, Outcome, int, float]]) -> None:
        """Write down several at once: key, outcome, environment, and when it ended, in seconds since 1970."""
        rows, packed = [], []
        for key, outcome, environment, finished in results:
            values = {**vars(outcome), **outcome.metrics}
            measured = (_plain(values.get(name)) for name in MEASURED)
            rows.append((key, outcome.status, outcome.reason, *measured, environment, finished))
            if outcome.predictions is not None:
                packed.append((key, outcome.predictions))
        with self._writing() as connection:
            connection.executemany(_ADD_RESULT, rows)
            connection.executemany(_ADD_PREDICTION, packed)

    def statuses(self) -> dict[str, str]:
        """Return the status of every task that ended, by key."""
        return dict(self._ask("SELECT key, status FROM result"))

    def states(self, ignoring: Iterable[str] = ()) -> list[State]:
        """Return of which states of data and of propneat there are results, but for those of some statuses."""
        ignored = list(ignoring)
        rows = self._ask(
            "SELECT dataset, data_hash, version FROM plan JOIN result USING (key) "
            f"WHERE status NOT IN ({', '.join('?' * len(ignored))}) "
            "GROUP BY dataset, data_hash, version ORDER BY min(finished), min(key)",
            *ignored,
        )
        return [State(*row) for row in rows]

    def protocols(self) -> list[str]:
        """Return the labels of the protocols that there are tasks of."""
        return [label for (label,) in self._ask("SELECT DISTINCT protocol FROM plan ORDER BY protocol")]

    def discard(self, statuses: Iterable[str]) -> int:
        """Forget results of these statuses, so that their tasks are done again; returns how many. "ok" is never forgotten."""
        unwanted = [status for status in statuses if status != "ok"]
        with self._writing() as connection:
            marks = ", ".join("?" * len(unwanted))
            return connection.execute(f"DELETE FROM result WHERE status IN ({marks})", unwanted).rowcount

    def forget_plan(self, states: Iterable[State]) -> None:
        """Forget tasks without a result that are of another state of these data, or another version: nobody will do them."""
        with self._writing() as connection:
            connection.executemany(
                "DELETE FROM plan WHERE ((dataset = ? AND data_hash != ?) OR version != ?) "
                "AND key NOT IN (SELECT key FROM result)",
                list(states),
            )

    def rows(self) -> "pandas.DataFrame":
        """Return every planned task with its result, one row each, in order of key; status "missing" where there is none."""
        import pandas

        columns = ", ".join([*(f"plan.{name}" for name in PLAN), *self.result_columns[1:]])
        rows = self._ask(f"SELECT {columns} FROM plan LEFT JOIN result USING (key) ORDER BY key")
        n = len(PLAN)
        check_rows(self.path, [row[:n] for row in rows], [(row[0], *row[n:]) for row in rows if row[n] is not None])
        frame = pandas.DataFrame(rows, columns=[*PLAN, *RESULT[1:]])
        frame[list(MEASURED)] = frame[list(MEASURED)].astype("float64")
        frame["status"] = frame["status"].fillna("missing")
        return frame

    def check(self) -> None:
        """Raise StoreError unless the file is whole and every row of it holds what it must."""
        if (told := self._ask("PRAGMA quick_check(1)")) != [("ok",)]:
            raise unreadable(self.path, told[0][0] if told else "no answer")
        plan, results = (
            self._ask(f"SELECT {', '.join(columns)} FROM {table}")
            for columns, table in ((PLAN, "plan"), (self.result_columns, "result"))
        )
        check_rows(self.path, plan, results)
        if self._ask("SELECT 1 FROM prediction WHERE typeof(key) != 'text' OR typeof(packed) != 'blob' LIMIT 1"):
            raise unreadable(self.path, "a prediction is not one")
        self.environments()
        self.configuration()

    def upgrade(self) -> None:
        """Give a file of an older version the columns it lacks, all of them or none."""
        with self._writing() as connection:
            for statement in upgrade(self.version):
                connection.execute(statement)
        self.version, self.result_columns = VERSION, RESULT

    def prediction(self, key: str) -> bytes | None:
        """Return the packed predictions of a task, None when there are none."""
        rows = self._ask("SELECT packed FROM prediction WHERE key = ?", key)
        return rows[0][0] if rows else None

    def absorb(self, others: "Sequence[Store]") -> list[tuple[int, int]]:
        """Take over plan and results of other stores; returns of each how many results were new and how many here already.

        All of it is taken over at once or, when one of them cannot be read, nothing. What they hold is not checked.
        """
        with self._writing() as connection:
            return [_copy(other, connection) for other in others]

    def stream(self, columns: Sequence[str], table: str) -> Iterator[tuple[Any, ...]]:
        """Give the rows of a table, one by one."""
        with self._reading() as connection:
            yield from connection.execute(f"SELECT {', '.join(columns)} FROM {table}")


def _copy(source: Store, connection: sqlite3.Connection) -> tuple[int, int]:
    """Add what a store holds to another's open transaction; returns how many results were new, and how many known."""
    texts = {number: json.dumps(facts, sort_keys=True) for number, facts in source.environments().items()}
    numbers = {number: _number_of(connection, text) for number, text in texts.items()}
    connection.executemany(_ADD_PLAN, source.stream(PLAN, "plan"))
    results = [(*row[:-2], numbers.get(row[-2]), row[-1]) for row in source.stream(source.result_columns, "result")]
    n_new = connection.executemany(_ADD_RESULT, results).rowcount if results else 0
    connection.executemany(_ADD_PREDICTION, source.stream(("key", "packed"), "prediction"))
    return n_new, len(results) - n_new


def _number_of(connection: sqlite3.Connection, facts: str) -> int:
    connection.execute("INSERT OR IGNORE INTO environment (facts) VALUES (?)", (facts,))
    return connection.execute("SELECT id FROM environment WHERE facts = ?", (facts,)).fetchone()[0]


def _plain(value: Any) -> Any:
    """Return numpy's numbers as Python's, which SQLite stores as numbers."""
    return value.item() if hasattr(value, "item") else value


def create_store(folder: Path) -> Store:
    """Open the store of a folder for writing, making both if they are not there.

    Raises ConfigError for a folder or file that cannot be written, OSError where there is no room, RunError when another
    process is writing it, and StoreError when the file is not a store, or a damaged one.
    """
    path, lock = folder / FILE_NAME, hold(folder)
    try:
        if not path.exists():
            _make_file(path)
        see_that_it_opens(path, writing=True)
        store = _connect(path, str(path), lock)
    except BaseException:
        lock.close()
        raise
    try:
        store.check()
        with store._reading() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            # a file that cannot be written is told now, not when the first result comes
            connection.execute("BEGIN IMMEDIATE")
            if store.version == VERSION:
                connection.rollback()
            else:
                store.upgrade()
    except BaseException:
        store.close()
        raise
    return store


def _make_file(path: Path) -> None:
    """Make an empty store under another name and rename it, so that no reader and no kill meets a file without its tables."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        new.open("xb").close()
        with closing(sqlite3.connect(new)) as connection:
            connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
        os.replace(new, path)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    except SQLITE_ERRORS as error:
        new.unlink(missing_ok=True)
        raise explain(path, error) from error


def open_store(folder: Path) -> Store:
    """Open the store of a folder for reading.

    Raises RunError when there is none, OSError when the system does not let it be read, StoreError when it is damaged.
    """
    path = folder / FILE_NAME
    if not path.exists():
        raise RunError(f"there are no benchmark results in {folder}: it has no {FILE_NAME}")
    see_that_it_opens(path, writing=False)
    return _connect(path, f"{path.absolute().as_uri()}?mode=ro", None)


def _connect(path: Path, address: str, lock: IO[bytes] | None) -> Store:
    """Open a file and see that it has the form of a store; SQLite looks into it at the first question, not before."""
    connection = None
    try:
        connection = sqlite3.connect(address, uri=address != str(path))
        version = check_form(connection, path)
    except (*SQLITE_ERRORS, PropneatError) as error:
        if connection is not None:
            connection.close()
        raise error if isinstance(error, PropneatError) else explain(path, error) from error
    return Store(path, connection, lock, version)
