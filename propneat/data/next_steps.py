"""The steps of sequences that another follows, of which a column's value is forecast."""

from dataclasses import dataclass

import numpy as np

from propneat.data.sequence_rows import CHANGE, SequenceColumns, SequenceRows
from propneat.data.target_scale import TargetScale

__all__ = ["NextSteps", "cut_windows", "window_size", "with_current"]

_MOST_STEPS, _FEWEST_STEPS, _WINDOWS = 100, 4, 10


@dataclass(frozen=True, eq=False)
class NextSteps:
    """The steps that another follows: of each the `sequence` and the `step` in it, and the rows `now` and `next`.

    All are int64 of shape (n_forecasts,), sequence after sequence, in the order of steps.
    """

    sequence: np.ndarray
    step: np.ndarray
    now: np.ndarray
    next: np.ndarray

    @classmethod
    def of(cls, rows: SequenceRows, since: int = 0) -> "NextSteps":
        """Return those of some sequences whose next step has a number of at least `since`."""
        sequence = np.repeat(np.arange(len(rows)), rows.lengths)
        step = np.arange(len(rows.rows)) - rows.start[sequence]
        place = np.flatnonzero((step + 1 < rows.lengths[sequence]) & (step + 1 >= since))
        return cls(sequence[place], step[place], rows.rows[place], rows.rows[place + 1])

    def __len__(self) -> int:
        return len(self.now)

    def at(self, values: np.ndarray) -> np.ndarray:
        """Return what stands at these steps, (n_forecasts, n_columns), of values (n_sequences, n_steps, n_columns)."""
        return values[self.sequence, self.step]


def window_size(n_steps: int) -> int:
    """Return in windows of how many steps a series of so many is learnt: a tenth of it, 4 to 100."""
    return int(np.clip(n_steps // _WINDOWS, _FEWEST_STEPS, _MOST_STEPS))


def cut_windows(rows: np.ndarray, size: int) -> SequenceRows:
    """Cut a series of row numbers, (n_steps,), into windows of `size` steps, each with the row after it, for the last forecast.

    A series that has no step after another has no window.
    """
    firsts = np.arange(0, len(rows) - 1, size)
    parts = [rows[first : first + size + 1] for first in firsts]
    start = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    return SequenceRows(np.concatenate([rows[:0], *parts]), start, firsts.astype(object))


def with_current(
    outputs: np.ndarray, current: np.ndarray, columns: SequenceColumns | None, scale: TargetScale | None
) -> np.ndarray:
    """Return raw outputs (n, n_outputs) as forecasts: where changes are learnt, with the values that change, (n,), added."""
    if columns is None or columns.next_step != CHANGE or scale is None:
        return outputs
    return outputs + current[:, None] / scale.scale
