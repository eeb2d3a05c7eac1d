"""What the sequences of a run are divided into, and how what is held out is drawn."""

from dataclasses import dataclass

import numpy as np
import pandas

from propneat.base.errors import DataError
from propneat.base.rng import make_rng
from propneat.data.next_steps import NextSteps
from propneat.data.sequence_rows import SequenceColumns, SequenceRows
from propneat.data.split import fold_rows, split_rows
from propneat.model.preparation import PreparedProblem
from propneat.settings.data import DataSettings
from propneat.settings.file import Settings

__all__ = ["DividedSequences", "columns_of", "hold_out", "memory_line", "order_of", "sequences_line"]


@dataclass(frozen=True, eq=False)
class DividedSequences:
    """Sequences as a problem, and those held out: the rows of their steps, which belong together, and their answers.

    There is one answer for each sequence, or with `forecasts` one for each of these, and `current` is what the column forecast
    is before, as `encode_target` gives it, (n_forecasts,).
    """

    prepared: PreparedProblem
    test_features: pandas.DataFrame | None
    test_target: pandas.Series | None
    test_codes: np.ndarray
    test_rows: SequenceRows
    notes: tuple[str, ...]
    forecasts: NextSteps | None = None
    current: np.ndarray | None = None


def columns_of(data: DataSettings) -> SequenceColumns:
    """Return which columns make sequences of a table's rows, and how these are answered."""
    return SequenceColumns(data.sequence_id, data.time, answer=data.answer)


def hold_out(data: DataSettings, codes: np.ndarray, task: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide rows, or sequences, by their answers (n,): the numbers of those to learn from, and of those held out.

    Raises DataError for more folds than there are rows to hold out.
    """
    rng, stratified = make_rng(seed, "test"), task != "regression"
    if data.folds:
        # the only one of its class is never held out
        n_dealt = len(codes) - (np.count_nonzero(np.bincount(codes) == 1) if stratified else 0)
        if data.folds > n_dealt:
            what = "rows" if data.sequence_id is None else "sequences"
            raise DataError(
                f"{data.folds} folds need as many {what} that can be held out, and there are {n_dealt}: ask for fewer"
            )
        return fold_rows(codes, data.folds, data.fold, stratified, rng)
    return split_rows(codes, data.test_fraction, stratified, rng)


def memory_line(settings: Settings) -> str:
    """Say whether networks have a memory."""
    rate = settings.evolve.evolution.recurrent_rate
    return f"memory: {f'a new connection is recurrent with a chance of {rate:g}' if rate else 'none, the recurrent_rate is 0'}"


def order_of(data: DataSettings) -> str:
    """Say what steps follow each other by."""
    return "their rows" if data.time is None else repr(data.time)


def sequences_line(data: DataSettings, rows: SequenceRows) -> str:
    """Say how many sequences there are, how long, and how they are told apart."""
    steps = f"{rows.lengths.min()} to {rows.lengths.max()} steps"
    return f"sequences: {len(rows)} of {steps}, told apart by {data.sequence_id!r}, steps in the order of {order_of(data)}"
