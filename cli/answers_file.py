"""Answers of a network as a file, in the format of its ending, and as JSON."""

import gzip
import io
import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from propneat.base.errors import ConfigError, DataError
from propneat.base.extras import need
from propneat.base.records import write_atomic

if TYPE_CHECKING:
    import pandas

__all__ = ["answers_ending", "plain_answers", "write_answers"]

_TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_ENDINGS = (*_TEXT_ENDINGS, ".parquet", ".feather", ".xlsx", ".jsonl", ".ndjson")


def answers_ending(path: Path) -> str:
    """Return the ending that says how answers are written to a file, ".csv" for a file without one; raises ConfigError for others."""
    name = path.name.lower()
    if not path.suffix:
        return ".csv"
    found = next((ending for ending in sorted(_ENDINGS, key=len, reverse=True) if name.endswith(ending)), None)
    if found is None:
        raise ConfigError(
            f"answers cannot be written as {path.suffix!r}: end the name of {path} in one of {', '.join(_ENDINGS)}"
        )
    return found


def plain_answers(answers: "pandas.DataFrame") -> dict[str, list[Any]]:
    """Return answers as lists that JSON can carry: dates as ISO 8601, None where there is nothing."""
    return {
        str(name): [None if is_gap else _plain(value) for value, is_gap in zip(column.tolist(), column.isna(), strict=True)]
        for name, column in answers.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str | int | float) else str(value)


def write_answers(path: Path, answers: "pandas.DataFrame") -> None:
    """Write answers, a row each, whole or not at all.

    Raises ConfigError for an unknown ending and for an Excel file without the package that writes it, DataError for one of too
    many rows.
    """
    ending = answers_ending(path)
    if ending in (".parquet", ".feather", ".xlsx"):
        buffer = io.BytesIO()
        if ending == ".parquet":
            answers.to_parquet(buffer, engine="pyarrow", index=False)
        elif ending == ".feather":
            answers.to_feather(buffer)
        else:
            _to_excel(answers, buffer)
        write_atomic(path, buffer.getvalue())
    elif ending in (".jsonl", ".ndjson"):
        columns = plain_answers(answers)
        rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
        lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows]
        write_atomic(path, "".join(lines))
    else:
        text = answers.to_csv(index=False, sep="\t" if ".tsv" in ending else ",", lineterminator="\n")
        write_atomic(path, gzip.compress(text.encode(), mtime=0) if ending.endswith(".gz") else text)


def _to_excel(answers: "pandas.DataFrame", buffer: io.BytesIO) -> None:
    need("openpyxl", "an Excel file", "write CSV")
    try:
        answers.to_excel(buffer, index=False, engine="openpyxl")
    except ValueError as error:
        raise DataError(f"the answers do not fit into an Excel sheet: {' '.join(str(error).split())[:200]}") from error
