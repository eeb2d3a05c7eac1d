"""Answers of a network as a file, in the format of its ending."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from propneat.base.errors import DataError
from propneat.base.extras import need
from propneat.base.records import write_atomic

if TYPE_CHECKING:
    import pandas

__all__ = ["write_answers"]


def write_answers(path: Path, answers: "pandas.DataFrame") -> None:
    """Write answers, a row each, whole or not at all; a file of an unknown ending gets CSV.

    Raises ConfigError for an Excel file without the package that writes it, DataError for one of too many rows.
    """
    ending = path.suffix.lower()
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
        write_atomic(path, answers.to_json(orient="records", lines=True, force_ascii=False))
    else:
        write_atomic(path, answers.to_csv(index=False, sep="\t" if ending == ".tsv" else ",", lineterminator="\n"))


def _to_excel(answers: "pandas.DataFrame", buffer: io.BytesIO) -> None:
    need("openpyxl", "an Excel file", "write CSV")
    try:
        answers.to_excel(buffer, index=False, engine="openpyxl")
    except ValueError as error:
        raise DataError(f"the answers do not fit into an Excel sheet: {' '.join(str(error).split())[:200]}") from error
