"""Sequences in a long table: which rows belong to which sequence, and in what order its steps follow each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas

from propneat.base.errors import DataError

__all__ = ["CHANGE", "VALUE", "SequenceColumns", "SequenceRows", "answered", "read_arrays"]

VALUE, CHANGE = "value", "change"
"""What a forecast of the next step is learnt as: the value there, or its change from the step before."""


@dataclass(frozen=True)
class SequenceColumns:
    """The columns that tell sequences of a long table apart, and their steps; without `time` rows follow in their order.

    Without `id` sequences come as arrays of shape (n_sequences, n_steps, n_features), as `read_arrays` takes them. `next_step`
    is VALUE or CHANGE where every step is asked for a value of the next one; then all rows of a table without `id` are one
    series. `answer` is one of `propneat.settings.data.ANSWERS`.
    """

    id: str | None = None
    time: str | None = None
    next_step: str | None = None
    answer: str = "last"

    @property
    def names(self) -> tuple[str, ...]:
        """The columns there are."""
        return tuple(name for name in (self.id, self.time) if name is not None)

    def rows_of(self, frame: pandas.DataFrame) -> "SequenceRows":
        """Return the sequences of a long table; raises DataError for a column that is not there or cannot be read."""
        for name in self.names:
            if name not in frame.columns:
                raise DataError(f"the table has no column {name!r}, which says what sequence a row belongs to, and when")
        ids = pandas.Series("the series", range(len(frame)), name="series") if self.id is None else frame[self.id]
        return SequenceRows.of(ids, None if self.time is None else frame[self.time])


@dataclass(frozen=True, eq=False)
class SequenceRows:
    """The rows of sequences, one after another: sequence k has `rows[start[k]:start[k + 1]]`, in the order of its steps.

    `rows` is int64 of shape (n_rows,), `start` int64 (n_sequences + 1,), `ids` has what each sequence is called.
    """

    rows: np.ndarray
    start: np.ndarray
    ids: np.ndarray

    @classmethod
    def of(cls, ids: pandas.Series, times: pandas.Series | None) -> "SequenceRows":
        """Tell rows apart by ids, both of shape (n_rows,); sequences stand in the order in which they first occur."""
        missing = ids.isna().to_numpy() | (ids.astype("string").str.strip() == "").fillna(False).to_numpy(bool)
        if missing.any():
            raise DataError(f"the sequence id {ids.name!r} is missing in row {int(missing.argmax()) + 1}: fill it in")
        codes, names = pandas.factorize(ids)
        moments = np.zeros(len(codes)) if times is None else _moments(times)
        rows = np.lexsort([np.arange(len(codes)), moments, codes])
        is_same = np.diff(codes[rows]) == 0
        if times is not None and (again := np.flatnonzero(is_same & (np.diff(moments[rows]) == 0))).size:
            row = rows[again[0]]
            raise DataError(f"sequence {names[codes[row]]!r} has two rows at the time {times.iloc[row]}: one step has one row")
        start = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(names)))])
        return cls(rows, start.astype(np.int64), np.asarray(names, dtype=object))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> np.ndarray:
        """Number of steps of every sequence, int64, shape (n_sequences,)."""
        return np.diff(self.start)

    def stack(self, values: np.ndarray, behind: float = 0) -> np.ndarray:
        """Return values of rows, (n_rows, n_columns), as steps, (n_sequences, most steps, n_columns), `behind` after the last."""
        steps = np.full((len(self), int(self.lengths.max(initial=0)), values.shape[1]), behind, values.dtype)
        sequence = np.repeat(np.arange(len(self)), self.lengths)
        steps[sequence, np.arange(len(self.rows)) - self.start[sequence]] = values[self.rows]
        return steps

    def flat(self, steps: np.ndarray) -> np.ndarray:
        """Return steps (n_sequences, most steps, n_columns) one sequence after another, in the order of `rows`."""
        sequence = np.repeat(np.arange(len(self)), self.lengths)
        return steps[sequence, np.arange(len(self.rows)) - self.start[sequence]]

    def part(self, sequences: np.ndarray) -> tuple[np.ndarray, "SequenceRows"]:
        """Return the row numbers of some sequences, in order, and where these find their steps in a table of such rows."""
        start = np.concatenate([[0], np.cumsum(self.lengths[sequences])]).astype(np.int64)
        rows = np.concatenate([self.rows[:0], *(self.rows[self.start[k] : self.start[k + 1]] for k in sequences.tolist())])
        return rows, SequenceRows(np.arange(len(rows)), start, self.ids[sequences])

    def answered(self, values: np.ndarray, answer: str) -> np.ndarray:
        """Return one of ANSWERS for every sequence, (n_sequences, n_columns), of values (n_sequences, n_steps, n_columns)."""
        return answered(values, self.lengths, answer)

    def answers(self, target: Sequence[Any] | pandas.Series) -> np.ndarray:
        """Return the one answer of every sequence, (n_sequences,), from those of all rows.

        Raises DataError where a sequence has more than one.
        """
        values = np.asarray(target, dtype=object)[self.rows]
        first = values[self.start[:-1]]
        differs = values != np.repeat(first, self.lengths)
        # NaN differs from itself
        differs &= ~(pandas.isna(values) & pandas.isna(np.repeat(first, self.lengths)))
        if differs.any():
            row = int(np.flatnonzero(differs)[0])
            k = int(np.searchsorted(self.start, row, side="right")) - 1
            raise DataError(
                f"sequence {self.ids[k]!r} has the targets {first[k]!r} and {values[row]!r}: "
                "one answer for a sequence is learnt, so all its rows must have the same"
            )
        return first


def answered(values: np.ndarray, lengths: np.ndarray, answer: str) -> np.ndarray:
    """Return one of ANSWERS for sequences of some lengths, (n_sequences, n_columns), of (n_sequences, n_steps, n_columns)."""
    if answer == "last":
        return values[np.arange(len(values)), lengths - 1]
    within = np.arange(values.shape[1]) < lengths[:, None]
    return np.where(within[..., None], values, 0.0).sum(axis=1) / lengths[:, None]


def _moments(times: pandas.Series) -> np.ndarray:
    """Return numbers, or dates as numbers, that order the rows, float64, shape (n_rows,)."""
    texts = times.astype("string")
    found = pandas.to_numeric(texts, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    if np.isfinite(found).all():
        return found
    stamps = pandas.to_datetime(texts, errors="coerce", format="ISO8601", utc=True)
    if stamps.notna().all():
        return stamps.astype("datetime64[us, UTC]").astype(np.int64).to_numpy(np.float64)
    wrong = stamps.isna().to_numpy() if np.isnan(found).all() else ~np.isfinite(found)
    row = int(wrong.argmax())
    raise DataError(
        f"the time {times.name!r} must be a number in every row, or a date such as 2024-05-31 in every row, "
        f"and row {row + 1} has {times.iloc[row]!r}"
    )


def read_arrays(X: Any) -> tuple[np.ndarray, SequenceRows]:
    """Return an array of shape (n_sequences, n_steps, n_features) as rows (n_rows, n_features), and which belong together.

    Steps at a sequence's end whose features are all NaN are not part of it. Raises DataError for a sequence without steps.
    """
    X = np.asarray(X, dtype=np.float64)
    is_step = ~np.isnan(X).all(axis=2)
    n_steps = np.where(is_step.any(axis=1), X.shape[1] - is_step[:, ::-1].argmax(axis=1), 0)
    if not n_steps.all():
        raise DataError(f"sequence {int((n_steps == 0).argmax())} has no step: all its values are NaN")
    within = np.arange(X.shape[1]) < n_steps[:, None]
    start = np.concatenate([[0], np.cumsum(n_steps)]).astype(np.int64)
    return X[within], SequenceRows(np.arange(start[-1]), start, np.arange(len(X)).astype(object))
