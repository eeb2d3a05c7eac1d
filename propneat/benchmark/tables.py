"""Data sets as the benchmark reads them: loaded once per process, and named by what is in them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from propneat.base.errors import DataError
from propneat.base.records import sha256_hex
from propneat.data import encode_target, load_table, read_catalogue
from propneat.data.table import is_file_name, split_target

if TYPE_CHECKING:
    import pandas

__all__ = ["BenchmarkTable", "hash_table", "read_benchmark_table"]


@dataclass(frozen=True, eq=False)
class BenchmarkTable:
    """A table: features, what is to be told from them, task and family.

    `codes` are class numbers, int64 (n_rows,), or the numbers of a regression, float64, whose `n_classes` is 0.
    """

    name: str
    features: "pandas.DataFrame"
    codes: np.ndarray
    n_classes: int
    task: str
    family: str
    data_hash: str


@lru_cache(maxsize=4)
def read_benchmark_table(name: str, data_dir: str | None = None) -> BenchmarkTable:
    """Load a data set by name, or a file, with its target behind a colon where that has another name than usual.

    Raises DataError as `load_table` does.
    """
    source, target = split_target(name)
    try:
        table = load_table(source, target=target, data_dir=data_dir)
    except DataError as error:
        raise error if name in str(error) else type(error)(f"{name}: {error}") from error
    classes, codes = encode_target(table.target, table.task)
    entry = None if is_file_name(source) else read_catalogue().get(name)
    return BenchmarkTable(
        name,
        table.features,
        codes,
        0 if classes is None else len(classes),
        table.task,
        entry.family if entry else name,
        hash_table(table.features, codes),
    )


def hash_table(features: "pandas.DataFrame", codes: np.ndarray) -> str:
    """Return 16 hexadecimal digits for the values of a table, its column names and its targets, in row order."""
    text = features.to_csv(index=False, float_format="%.17g", lineterminator="\n")
    return sha256_hex(text.encode() + codes.astype("<f8" if codes.dtype.kind == "f" else "<i8").tobytes())[:16]
