"""Results as flat files that other programs read."""

import json
from pathlib import Path

from propneat.base.records import as_cell, write_atomic
from propneat.benchmark.results import read_rows
from propneat.benchmark.store import Store

__all__ = ["FORMATS", "export_results"]

FORMATS = ("csv", "parquet", "json")


def export_results(store: Store, path: Path, file_format: str) -> int:
    """Write one row per planned task to a file, whole or not at all; returns the number of rows.

    Columns are those of `read_rows`; metrics and sizes are empty (null) where a task has none. CSV is for people: texts that
    a spreadsheet would run as formulas, such as a message of an error, get an apostrophe. Parquet and JSON hold them as they are.
    """
    rows = read_rows(store).drop(columns="environment")
    if file_format == "csv":
        write_atomic(path, rows.map(as_cell).to_csv(index=False, lineterminator="\n"))
    elif file_format == "parquet":
        write_atomic(path, rows.to_parquet(index=False))
    else:
        records = json.loads(rows.to_json(orient="records", double_precision=15))
        write_atomic(path, "".join(["[\n", ",\n".join(map(json.dumps, records)), "\n]\n"]))
    return len(rows)
