"""A learning problem: rows to train on, rows to judge by, and the task."""

from dataclasses import dataclass

import numpy as np

from propneat.data.split import split_rows
from propneat.training import Samples, Sequences

__all__ = ["Problem"]


@dataclass(frozen=True, eq=False)
class Problem:
    """What to learn: rows, or sequences, to train on and to judge by, and the task, "binary", "multiclass" or "regression".

    The judging rows choose among genomes; they are the same object as the training rows where there are too few to divide.
    """

    train: Samples | Sequences
    validation: Samples | Sequences
    task: str

    def all_rows(self) -> Samples | Sequences:
        """Return training and judging rows together."""
        if self.validation is self.train:
            return self.train
        return self.train.followed_by(self.validation)

    def divided_anew(self, rng: np.random.Generator) -> "Problem":
        """Return the problem with other rows to judge by, as many of each class."""
        if self.validation is self.train:
            return self
        rows, fraction = self.all_rows(), len(self.validation) / (len(self.train) + len(self.validation))
        labels = rows.targets[:, 0] if self.task == "binary" else np.argmax(rows.targets, axis=1)
        parts = split_rows(labels, fraction, self.task != "regression", rng)
        return Problem(*(rows.take(part) for part in parts), self.task)
