"""Settings of the table that a run learns from, and of how its rows are divided."""

from dataclasses import dataclass, fields
from typing import Any

from propneat.base.errors import ConfigError, DataError
from propneat.settings.fields import check_settings, setting
from propneat.settings.reading import ColumnSettings, DelimitedForm, FormSettings, ReadingOptions

__all__ = ["ANSWERS", "DataSettings"]

ANSWERS = ("last", "mean")
"""How a sequence is answered: by what the network says at its last step, or by the mean of what it says at all of them."""


@dataclass(frozen=True)
class _RowSettings:
    source: str | None = setting(
        None, "Name of a data set (see propneat datasets list) or a file: .csv, .tsv, .parquet, .feather, .xlsx, .jsonl."
    )
    target: str | None = setting(None, 'The column to predict; "none" takes the one called target or class.')
    task: str | None = setting(None, '"binary", "multiclass" or "regression"; "none" tells it by the target\'s values.')
    data_dir: str | None = setting(
        None, 'Folder of PMLB files; "none" takes $PROPNEAT_DATA, ./datasets if there is one, or ~/.cache/propneat.'
    )
    test_fraction: float = setting(
        0.25, "Share of the rows held out from everything but the final report; 0 for none.", least=0, below=1
    )
    validation_fraction: float = setting(
        0.4, "Share of the other rows that networks are judged by instead of trained on.", above=0, below=1
    )
    class_weight: str | None = setting(
        None, '"balanced" makes all classes weigh the same in total; "none" counts rows.', words=("balanced",)
    )
    one_hot_integers: int = setting(
        10, "Give columns of at most this many whole numbers an input per number too, up to 200 inputs; 0 for never.", least=0
    )
    max_levels: int = setting(
        20, "Most levels of a category that get an input each; beyond them the mean target of the level is one input.", least=1
    )


@dataclass(frozen=True)
class DataSettings(FormSettings, ColumnSettings, _RowSettings):
    """Which table to learn from and how to divide its rows; see `load_table` and `prepare_problem`."""

    sequence_id: str | None = setting(
        None, "Column that tells sequences apart, in a table with a row for each step and one answer a sequence."
    )
    time: str | None = setting(
        None, 'Column that orders the steps of a sequence; "none" takes them in the order of their rows.'
    )
    next_step: str | None = setting(
        None, "Column whose value at the next step is predicted, at every step, in the place of a target."
    )
    answer: str = setting(
        "last",
        'How a sequence is answered: "last", at its last step, or "mean", by the mean over its steps, each of which learns.',
        words=ANSWERS,
    )
    id: str | None = setting(
        None, "Column that names a row: it is not learnt from, and propneat predict repeats it beside the answers."
    )
    positive: str | None = setting(
        None, 'Of two classes the one whose probability is told; "none" takes the second in the order of their names.'
    )
    folds: int = setting(
        0, "Parts of a cross-validation, one of which is held out in the place of test_fraction; 0 for none.", least=0
    )
    fold: int = setting(1, "Which of the folds is held out, from 1.", least=1)

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        check_settings(self)
        for name in ("source", "target", "data_dir"):
            try:
                (getattr(self, name) or "").encode()
            except UnicodeEncodeError as error:
                reason = "is not UTF-8 text, which settings are written in"
                raise ConfigError(f"{name} {error.object!r} {reason}: rename it") from error
        self._check_steps()
        if self.folds == 1 or self.folds < 0 or not 1 <= self.fold <= max(1, self.folds):
            raise ConfigError(f"folds must be 0, or 2 or more, and fold one of 1 to folds, not {self.folds} and {self.fold}")
        if self.id is not None and self.id in (self.target, self.next_step, self.sequence_id, self.time):
            raise ConfigError(f"id {self.id!r} names a row, so it cannot be the target, the sequence id or the time too")
        try:
            _ = self.reading, self.form
        except DataError as error:
            raise ConfigError(str(error)) from error

    def _check_steps(self) -> None:
        if self.time is not None and not self.of_sequences:
            raise ConfigError(f"time {self.time!r} orders the steps of sequences: it needs a sequence_id to tell these apart")
        if self.next_step is None:
            return
        if self.target is not None:
            raise ConfigError(
                f"next_step {self.next_step!r} is what is predicted, so there is no target {self.target!r} too: leave one of them out"
            )
        if self.next_step in self.drop:
            raise ConfigError(f"next_step {self.next_step!r} is an input too, of the steps before: do not drop it")
        if self.answer != "last":
            raise ConfigError(f"answer {self.answer!r} is for one answer a sequence, and next_step is forecast at every step")
        if self.folds and self.sequence_id is None:
            raise ConfigError("one series is divided by time, and folds are for many: name a sequence_id, or leave them out")

    def refuse_answer(self) -> None:
        """Raise ConfigError where single rows are to be answered as sequences are."""
        if self.answer != "last":
            raise ConfigError(f"answer {self.answer!r} is for sequences, and a single row has no steps: leave it out")

    @property
    def of_sequences(self) -> bool:
        """Whether rows are steps, of sequences or of one series."""
        return self.sequence_id is not None or self.next_step is not None

    @property
    def sequence_columns(self) -> tuple[str, ...]:
        """The columns that tell sequences apart, and their steps; none for a table of single rows."""
        return tuple(name for name in (self.sequence_id, self.time) if name is not None)

    @property
    def preparing(self) -> dict[str, Any]:
        """How columns become inputs and rows are divided, as keywords of `prepare_problem`."""
        names = ("validation_fraction", "one_hot_integers", "max_levels")
        return {name: getattr(self, name) for name in names}

    @property
    def reading(self) -> ReadingOptions:
        """What is said of the columns."""
        said = {entry.name: getattr(self, entry.name) for entry in fields(ColumnSettings)}
        if self.id is not None and self.id not in self.drop:
            said["drop"] = (*self.drop, self.id)
        return ReadingOptions(**said)

    @property
    def form(self) -> DelimitedForm:
        """What is said of delimited text."""
        return DelimitedForm(self.delimiter, self.encoding, self.header)
