"""Damage stores of results in thousands of ways: does every command that reads one either work or refuse in one sentence?

    python benchmarks/forged_stores.py [--forged 2000] [--torn 1000] [--seed 0]

A forged store is a good one in which SQL has put something that does not belong: another type, a number out of range, an
identity that its key does not say, JSON that is none, a table that is gone, altered or added. Each must be refused by
`propneat benchmark merge` and by going on with the run: one sentence, exit code 2 or 3, nothing merged. A torn store has
bytes flipped, pages emptied, exchanged or cut off; damage to what nobody reads, or from one number to another, may pass. In
both, `status`, `export` and `report` must work or refuse likewise. The process may not grow by more than 256 MiB.
"""

import argparse
import contextlib
import io
import json
import random
import resource
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from propneat.benchmark import Outcome, Planned, Task, create_store
from propneat.benchmark.store import FILE_NAME
from propneat.cli.main import main as propneat

COLUMNS = {
    "plan": ("key method options dataset data_hash protocol repeat fold version family kind n_rows n_features n_classes "
             "estimate").split(),
    "result": ("key status reason n_train n_test auc balanced_accuracy accuracy log_loss brier fit_seconds predict_seconds "
               "cpu_seconds peak_memory_mb n_parameters depth environment finished").split(),
}  # fmt: skip
MOST_GROWTH = 256
Forgery = Callable[[sqlite3.Connection, random.Random], str]


def make_good(folder: Path) -> None:
    """Write a store of 60 tasks, most of which ended well."""
    metrics = {"auc": 0.8, "balanced_accuracy": 0.7, "accuracy": 0.75, "log_loss": 0.5, "brier": 0.2}
    with create_store(folder) as store:
        noted = {"protocol": "cv-5", "suites": ["chosen"], "methods": {"a": {}, "b": {}}, "limits": {"seconds": None}}
        store.note("configuration", noted)
        environment = store.add_environment({"propneat": "0.1.0", "packages": {"numpy": "2"}})
        plan = [
            Planned(Task(method, '{"n":1}', name, f"0{name}", "cv-5", 0, fold, "0.1.0"), name, "binary", 100, 5, 2, 1.0)
            for method in "abc" for name in "defg" for fold in range(5)
        ]  # fmt: skip
        store.add_plan(plan)
        good, bad = (
            Outcome("ok", None, 80, 20, metrics, 1.0, 0.1, 1.0, 90.0, 12, 2, b"x" * 900),
            Outcome("error", "ValueError: no"),
        )
        ends = [bad if number % 9 == 8 else good for number in range(len(plan) - 3)]
        store.add_results((entry.task.key, end, environment, 1e9) for entry, end in zip(plan, ends, strict=False))


def forge_value(connection: sqlite3.Connection, rng: random.Random) -> str:
    """Put a value that cannot be in a random place of the tables plan and result."""
    table = rng.choice(sorted(COLUMNS))
    name = rng.choice(COLUMNS[table])
    blob = b"\x00\xff" * 9
    never = [blob, -1.5, float("inf"), -(2**63), "", "a text", "x" * 10**6]
    # these two may be any text, and the key of a result that nobody planned is nobody's
    bad = {"plan.family": [blob, ""], "result.key": [blob, ""], "result.reason": [blob]}
    value = rng.choice(bad.get(f"{table}.{name}", never))
    connection.execute(f"UPDATE {table} SET {name} = ? WHERE rowid = ?", (value, rng.randrange(1, 50)))
    return f"{table}.{name}"


def forge_json(connection: sqlite3.Connection, rng: random.Random) -> str:
    """Put texts that are no JSON, JSON of another form, or nested without end where JSON objects are."""
    bad = ["", "{", "[1]", "null", "7", "{'a': 1}", "[" * 10**5, '{"a":' * 10**5, "9" * 10**5, "\0", '{"protocol": 3}', b"\xff"]
    place = rng.choice(["meta", "facts", "options"])
    if place == "meta":
        connection.execute("UPDATE meta SET value = ? WHERE name = 'configuration'", (rng.choice([*bad, "{}"]),))
    elif place == "facts":
        connection.execute("UPDATE environment SET facts = ?", (rng.choice(bad[:10]),))
    else:
        connection.execute("UPDATE plan SET options = ? WHERE rowid = ?", (rng.choice(bad), rng.randrange(1, 50)))
    return f"JSON of {place}"


def forge_schema(connection: sqlite3.Connection, rng: random.Random) -> str:
    """Take away, alter or add tables, columns, triggers and views, or the number of the schema."""
    table = rng.choice(["plan", "result", "prediction", "environment", "meta"])
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    statements = [
        f"DROP TABLE {table}",
        f"ALTER TABLE {table} RENAME TO other",
        f"ALTER TABLE {table} ADD COLUMN more",
        f"ALTER TABLE {table} RENAME COLUMN { {'meta': 'name', 'environment': 'facts'}.get(table, 'key') } TO other",
        "DELETE FROM meta WHERE name = 'schema'",
        "UPDATE meta SET value = '0'",
        "UPDATE meta SET value = x'31'",
        "UPDATE meta SET value = 99 WHERE name = 'schema'",
        f"DROP TABLE {table}; CREATE VIEW {table} AS {endless}",
        f"CREATE VIEW more AS {endless}",
        "CREATE TRIGGER more BEFORE INSERT ON result BEGIN SELECT hex(zeroblob(900000000)); END",
        "CREATE INDEX more ON result (hex(zeroblob(length(key) * 1000)))",
        f"DROP TABLE {table}; CREATE TABLE {table} (key TEXT GENERATED ALWAYS AS (hex(zeroblob(900000000))), x)",
    ]
    connection.executescript(statement := rng.choice(statements))
    return " ".join(statement.split()[:3])


FORGERIES: tuple[Forgery, ...] = (forge_value, forge_value, forge_json, forge_schema)


def forge(path: Path, rng: random.Random) -> str:
    """Forge a store and say how."""
    before = content(path)
    while True:
        connection = sqlite3.connect(path)
        with contextlib.closing(connection), connection:
            what = rng.choice(FORGERIES)(connection, rng)
        if content(path) != before:
            return what


def content(path: Path) -> list[str]:
    """Return the statements that would make a store anew."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        tables = [name.decode() for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [repr(connection.execute(f"SELECT * FROM {name} LIMIT 200").fetchall()) for name in tables]
        return [*map(repr, connection.execute("SELECT * FROM sqlite_master").fetchall()), *rows]


def tear(path: Path, rng: random.Random) -> str:
    """Damage the bytes of a store and say how."""
    data = bytearray(path.read_bytes())
    size, page = len(data), 4096
    what = rng.choice(["flip", "flip", "header", "empty", "exchange", "cut", "more"])
    if what in ("flip", "header"):
        for _ in range(rng.choice([1, 2, 8, 64])):
            data[rng.randrange(100 if what == "header" else size)] = rng.randrange(256)
    elif what == "empty":
        start = rng.randrange(size // page) * page
        data[start : start + page] = bytes(page)
    elif what == "exchange":
        one, two = (rng.randrange(size // page) * page for _ in range(2))
        data[one : one + page], data[two : two + page] = data[two : two + page], data[one : one + page]
    elif what == "cut":
        del data[rng.randrange(size) :]
    else:
        data += rng.randbytes(rng.randrange(1, 3 * page))
    path.write_bytes(data)
    return what


def command(*arguments: str) -> tuple[int, str]:
    """Run the command line here; returns its exit code and stderr, 70 for an error that it lets through."""
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        try:
            propneat(list(arguments))
        except SystemExit as left:
            return int(left.code or 0), told.getvalue()
        except Exception as error:
            return 70, f"traceback of {type(error).__name__}: {error}"
    raise AssertionError("a command returned")


def is_one_sentence(code: int, told: str) -> bool:
    """Say whether a command refused as it should."""
    return code in (2, 3) and told.startswith("Error: ") and told.count("\n") == 1 and len(told) < 600


def try_store(folder: Path, *, must_refuse: bool, reporting: bool) -> list[str]:
    """Read a damaged store by every command; returns what was wrong with their answers."""
    wrong, name, target = [], str(folder), folder.parent / "merged"
    tries = (("merge", str(target), name), ("status", name), ("export", name), ("report", name, "--quiet"))
    for arguments in tries[: 3 + reporting]:
        code, told = command("benchmark", *arguments)
        fine = code in (0, 1) and not (must_refuse and arguments[0] == "merge")
        if not (fine or is_one_sentence(code, told)):
            wrong.append(f"{arguments[0]}: {code} {told[:300]!r}")
    if must_refuse and (target / FILE_NAME).exists():
        with create_store(target) as store:
            if len(store.rows()):
                wrong.append("something was merged")
    shutil.rmtree(target, ignore_errors=True)
    try:
        create_store(folder).close()
        if must_refuse:
            wrong.append("the run would go on")
    except Exception as error:
        if getattr(error, "exit_code", 70) not in (2, 3):
            wrong.append(f"going on: {type(error).__name__}: {error}")
    return wrong


def try_many(n_forged: int, n_torn: int, seed: int, reporting: int = 10) -> tuple[Counter, list[str]]:
    """Damage and try stores; returns how many of each kind of damage there were, and what was wrong.

    `report` is tried on one in `reporting` of them.
    """
    rng, counts, wrong = random.Random(seed), Counter(), []
    with tempfile.TemporaryDirectory() as root:
        good, folder = Path(root) / "good", Path(root) / "damaged"
        make_good(good)
        command("benchmark", "report", str(good), "--quiet")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(n_forged + n_torn):
            forged = number < n_forged
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            shutil.copy(good / FILE_NAME, folder)
            what = (forge if forged else tear)(folder / FILE_NAME, rng)
            counts["forged" if forged else "torn"] += 1
            found = try_store(folder, must_refuse=forged, reporting=number % reporting == 0)
            wrong += [f"store {number} ({what}): {line}" for line in found]
        growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / (1024 if sys.platform != "darwin" else 2**20)
    counts["MiB grown"] = round(growth)
    if growth > MOST_GROWTH:
        wrong.append(f"the process grew by {growth:.0f} MiB")
    return counts, wrong


def main() -> None:
    """Try as many as asked for and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forged", type=int, default=2000)
    parser.add_argument("--torn", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    counts, wrong = try_many(options.forged, options.torn, options.seed)
    print("\n".join(wrong[:40]))
    print(json.dumps(counts), f"{len(wrong)} wrong answers")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
