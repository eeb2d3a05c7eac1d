"""What a results file is made of, and whether one that was read is: tables, types and ranges of values, identities."""

import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from propneat.base.errors import StoreError
from propneat.benchmark.task import METRICS, STATUSES, Planned, Task

__all__ = [
    "IDENTITY",
    "KNOWN",
    "MEASURED",
    "PLAN",
    "RESULT",
    "SCHEMA",
    "VERSION",
    "check_configuration",
    "check_form",
    "check_rows",
    "read_json",
    "result_columns",
    "upgrade",
]

_ADDED = {"2": {"r2": "REAL", "rmse": "REAL", "mae": "REAL", "n_nodes": "INTEGER"}, "3": {"ece": "REAL"}}
"""Columns of the table result that came with each version after the first, with their types."""
_VERSIONS = ("1", *_ADDED)
IDENTITY = tuple(field.name for field in fields(Task))
KNOWN = tuple(field.name for field in fields(Planned) if field.name != "task")
PLAN = ("key", *IDENTITY, *KNOWN)
MEASURED = (
    "n_train", "n_test", *METRICS, "fit_seconds", "predict_seconds", "cpu_seconds", "peak_memory_mb", "n_parameters",
    "depth", "n_nodes",
)  # fmt: skip
RESULT = ("key", "status", "reason", *MEASURED, "environment", "finished")
VERSION = _VERSIONS[-1]
"""The version of new files."""

_TABLES = {
    "meta": "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "environment": "CREATE TABLE environment (id INTEGER PRIMARY KEY, facts TEXT NOT NULL UNIQUE)",
    "plan": """CREATE TABLE plan (
    key TEXT PRIMARY KEY, method TEXT, options TEXT, dataset TEXT, data_hash TEXT, protocol TEXT, repeat INTEGER, fold INTEGER,
    version TEXT, family TEXT, kind TEXT, n_rows INTEGER, n_features INTEGER, n_classes INTEGER, estimate REAL
)""",
    "result": """CREATE TABLE result (
    key TEXT PRIMARY KEY, status TEXT NOT NULL, reason TEXT, n_train INTEGER, n_test INTEGER,
    auc REAL, balanced_accuracy REAL, accuracy REAL, log_loss REAL, brier REAL, fit_seconds REAL, predict_seconds REAL, cpu_seconds REAL,
    peak_memory_mb REAL, n_parameters INTEGER, depth INTEGER, environment INTEGER, finished REAL
)""",
    "prediction": "CREATE TABLE prediction (key TEXT PRIMARY KEY, packed BLOB NOT NULL)",
}


def _added(after: str, until: str = VERSION) -> dict[str, str]:
    """Return the columns of the table result that came after one version and until another, with their types."""
    versions = _VERSIONS[_VERSIONS.index(after) + 1 : _VERSIONS.index(until) + 1]
    return {name: kind for version in versions for name, kind in _ADDED[version].items()}


def result_columns(version: str) -> tuple[str, ...]:
    """Return what to ask a file of a version for, to get RESULT: columns that it lacks are empty."""
    lacking = _added(version)
    return tuple(f"NULL AS {name}" if name in lacking else name for name in RESULT)


def upgrade(version: str) -> tuple[str, ...]:
    """Return the statements that make a file of a version one of this version; what is in it stays as it is."""
    columns = (f"ALTER TABLE result ADD COLUMN {name} {kind}" for name, kind in _added(version).items())
    return (*columns, f"INSERT OR REPLACE INTO meta VALUES ('schema', '{VERSION}')")


def _form(version: str) -> dict[str, str]:
    """Return the tables of a version, as SQLite writes down a table to which columns were added."""
    added = map(" ".join, _added("1", version).items())
    return {**_TABLES, "result": ", ".join([_TABLES["result"].removesuffix(")"), *added]) + ")"}


SCHEMA = ";\n".join([*_TABLES.values(), *upgrade("1")]) + ";"
"""Statements that make an empty file."""
_FORMS = {version: _form(version) for version in _VERSIONS}
"""The tables of every version that can be read."""

_MOST = 2**53
_ROUNDING = 1e-3
"""How far probabilities may be from adding up to 1, and scores of them beyond their range by that."""


def check_form(connection: sqlite3.Connection, path: Path) -> str:
    """Return which version of a store a file is.

    Raises StoreError unless it has the tables of one, and nothing that computes beside them.
    """
    found = {str(name): entry for name, *entry in connection.execute("SELECT name, type, sql FROM sqlite_master")}
    if "meta" not in found:
        raise StoreError(f"{path} is an SQLite file, but not one of benchmark results")
    if not _is_ours("meta", *found["meta"], _TABLES):
        raise _damaged(path, "its table meta is not the one of a results file")
    row = connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    if row is None:
        raise _damaged(path, "it does not say which schema version it has")
    if row[0] not in _FORMS:
        raise StoreError(f"{path} has schema version {row[0]!s:.40}, and this propneat reads the versions {', '.join(_FORMS)}")
    odd = {name for name, (kind, text) in found.items() if not _is_ours(name, kind, text, _FORMS[row[0]])}
    if wrong := sorted(odd | (set(_TABLES) - set(found))):
        raise _damaged(path, f"{wrong[0]!r:.60} is missing, altered, or none of its tables")
    return row[0]


def _is_ours(name: str, kind: str, text: str | None, tables: dict[str, str]) -> bool:
    """Say whether something in a file is one of the tables, or made by SQLite itself: indexes of keys, and statistics."""
    if name.startswith("sqlite_"):
        return (kind == "index" and text is None) or (kind == "table" and name.startswith("sqlite_stat"))
    return kind == "table" and name in tables and "".join(str(text).split()) == "".join(tables[name].split())


def _damaged(path: Path, what: str) -> StoreError:
    return StoreError(f"{path} is damaged: {what}; take a copy of it that is whole, or give another folder")


def read_json(path: Path, text: Any, what: str) -> dict[str, Any]:
    """Return the JSON object that a text of a store holds; raises StoreError, with `what` it should be, for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise _damaged(path, f"{what} are no JSON") from error
    if not isinstance(value, dict):
        raise _damaged(path, f"{what} are not a JSON object")
    return value


def check_configuration(path: Path, noted: dict[str, Any]) -> dict[str, Any]:
    """Return what was asked of a benchmark as it stands in its store; raises StoreError unless it has its four parts."""
    kinds = {"protocol": str, "suites": list, "methods": dict, "limits": dict}
    for name, kind in kinds.items():
        if not isinstance(noted.get(name), kind):
            raise _damaged(path, f"its configuration has no {name}")
    if not all(isinstance(suite, str) for suite in noted["suites"]):
        raise _damaged(path, "its configuration names suites by what is no text")
    return noted


def check_rows(path: Path, plan: Sequence[Sequence[Any]], results: Sequence[Sequence[Any]]) -> None:
    """Raise StoreError unless all rows of the tables plan and result hold what they must, columns PLAN and RESULT."""
    rules = {**dict.fromkeys((*IDENTITY, "family"), _is_text), **dict.fromkeys(("repeat", "fold"), _is_count)}
    rules |= {"kind": _is_kind, "key": _is_text, "estimate": _is_amount}
    _check_columns(path, "plan", PLAN, plan, {**dict.fromkeys(("n_rows", "n_features", "n_classes"), _is_count), **rules})
    for text in {row[PLAN.index("options")] for row in plan}:
        read_json(path, text, "the options of a method")
    for key, *identity in (row[: 1 + len(IDENTITY)] for row in plan):
        if Task(*identity).key != key:
            raise _damaged(path, f"the row {key!r:.40} of its table plan is not the task that its key says")
    rules = {**dict.fromkeys((*MEASURED, "finished"), _is_amount)}
    rules |= dict.fromkeys(("n_train", "n_test", "environment"), _is_count) | dict.fromkeys(("log_loss", "brier"), _is_loss)
    rules |= dict.fromkeys((*METRICS[:3], "ece"), _is_share)
    rules |= {"key": _is_text, "status": _is_status, "reason": _is_text, "r2": _is_r2}
    _check_columns(path, "result", RESULT, results, rules, may_be_empty={*MEASURED, "reason", "environment", "finished"})


def _check_columns(
    path: Path,
    table: str,
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    rules: dict[str, Callable[[Any], bool]],
    may_be_empty: Iterable[str] = (),
) -> None:
    for name, values in zip(names, zip(*rows, strict=True), strict=False):
        for value in set(values):
            if not (name in may_be_empty if value is None else rules[name](value)):
                raise _damaged(path, f"{value!r:.60} stands in the column {name} of its table {table}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_kind(value: Any) -> bool:
    return value in ("binary", "multiclass", "regression")


def _is_status(value: Any) -> bool:
    return value in STATUSES


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < _MOST


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value >= 0


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1 + _ROUNDING


def _is_r2(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value <= 1 + _ROUNDING


def _is_loss(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value >= -_ROUNDING
