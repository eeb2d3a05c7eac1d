"""`load_table`: one table of features and one target, from a file, an embedded data set, or PMLB."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from propneat.data.columns import as_numbers, kind_of
from propneat.data.targets import encode_target, infer_task
from propneat.errors import DataError

if TYPE_CHECKING:
    import pandas

__all__ = ["MIN_ROWS", "Table", "is_file_name", "load_table", "make_table"]

MIN_ROWS = 10
"""The fewest rows that can be divided for learning, choosing and judging."""

_TARGET_NAMES = ("target", "class")


@dataclass(frozen=True, eq=False)
class Table:
    """A data set that is fit to learn from.

    `features` has one row for each case and numbers, truth values, texts or categories in its columns, missing values allowed;
    `target` has the same plain row index and no missing values; `task` is "binary", "multiclass" or "regression";
    `source` says in words where the table is from.
    """

    name: str
    features: "pandas.DataFrame"
    target: "pandas.Series"
    task: str
    source: str

    def __len__(self) -> int:
        return len(self.target)


def load_table(
    name_or_path: str, *, target: str | None = None, data_dir: str | Path | None = None, task: str | None = None
) -> Table:
    """Load a table by the path of a file (.csv, .tsv, .csv.gz, .tsv.gz, .parquet) or the name of a data set.

    `target` names the column to predict; without it, the column called "target" or "class". A name means the embedded data set
    of that name; if there is none, or `data_dir` is given and holds PMLB's own file of that name, it means the PMLB data set,
    from the cache (see `pmlb_source.find_cache`) or downloaded into it. `task` overrules the task told by the
    catalogue or by the values (see `infer_task`).

    Raises DataError, one sentence, for whatever cannot be found, read, or learnt from.
    """
    from propneat.data.files import read_table_file

    text = str(name_or_path)
    if is_file_name(text):
        name = Path(text).name.split(".")[0]
        return make_table(read_table_file(text), name=name, source=f"file {Path(text).name}", target=target, task=task)
    from propneat.data.named import load_named

    frame, known_task, source = load_named(text, data_dir)
    return make_table(frame, name=text, source=source, target=target, task=task or (known_task if target is None else None))


def is_file_name(text: str) -> bool:
    """Say whether `load_table` takes a text for a path: it has a known ending or a folder, or names a file with a dot."""
    from propneat.data.files import FILE_ENDINGS

    return text.lower().endswith(FILE_ENDINGS) or "/" in text or "\\" in text or ("." in text and Path(text).is_file())


def make_table(
    frame: "pandas.DataFrame", *, name: str, source: str, target: str | None = None, task: str | None = None
) -> Table:
    """Split a DataFrame into features and target, and check that both can be learnt from; raises DataError when not."""
    target = _target_name(list(frame.columns), target, name)
    features, labels = frame.drop(columns=target), frame[target]
    if not len(features.columns):
        raise DataError(f"{name} has no column besides the target {target!r}: there is nothing to predict it from")
    if len(frame) < MIN_ROWS:
        raise DataError(f"{name} has {len(frame)} rows, and at least {MIN_ROWS} are needed to learn and to judge")
    if n_missing := int(labels.isna().sum()):
        raise DataError(f"target {target!r} is missing in {n_missing} of {len(frame)} rows: fill in or remove those rows")
    for column in features.columns:
        if kind_of(features[column], column) != "text":
            as_numbers(features[column], column)
    if features.isna().all(axis=None):
        raise DataError(f"every feature value of {name} is missing: there is nothing to learn from")
    task = task or infer_task(labels)
    classes, codes = encode_target(labels, task)
    if task == "regression" and np.ptp(codes) == 0:
        raise DataError(f"target {target!r} has the same value in every row: there is nothing to learn")
    return Table(name, features, _with_whole_labels(labels, classes), task, source)


def _target_name(columns: list[str], target: str | None, name: str) -> str:
    if target is None:
        found = [column for wanted in _TARGET_NAMES for column in columns if column.lower() == wanted]
        if not found:
            raise DataError(f"{name} has no column called target or class: say which one to predict, of {_listed(columns)}")
        return found[0]
    if target not in columns:
        close = difflib.get_close_matches(target, columns, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"the columns are {_listed(columns)}"
        raise DataError(f"{name} has no column {target!r}: {hint}")
    return target


def _listed(columns: list[str]) -> str:
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    return ", ".join(columns[:20]) + more


def _with_whole_labels(labels: "pandas.Series", classes: tuple | None) -> "pandas.Series":
    """Return class labels such as 1.0 as whole numbers, which is how a reader of the file sees them."""
    whole = classes is not None and all(isinstance(label, float) and label.is_integer() for label in classes)
    return labels.astype("int64") if whole else labels
