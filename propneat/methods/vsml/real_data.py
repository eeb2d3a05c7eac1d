"""Data sets that no meta-training has seen, divided and standardised for the native study."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from propneat.base.rng import make_rng
from propneat.data.real_sets import mnist
from propneat.data.split import split_rows
from propneat.methods.vsml.episodes import Task, draw_state
from propneat.methods.vsml.inputs import Inputs

__all__ = ["DATA_SETS", "MNIST", "Split", "as_task", "make_split"]

DATA_SETS = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
"""Loaders by name, from scikit-learn, which brings the data along."""


MNIST = "MNIST"
"""The name of a further one, which another package brings."""


@dataclass(frozen=True, eq=False)
class Split:
    """Rows to learn from, in random order, and to be judged by, standardised by the former."""

    X: np.ndarray
    """float32 (n_rows, A)."""
    labels: np.ndarray
    """int64 (n_rows,)."""
    X_test: np.ndarray
    """float32 (n_test, A)."""
    labels_test: np.ndarray
    """int64 (n_test,)."""
    n_classes: int

    @property
    def Y(self) -> np.ndarray:
        """One-hot float32 (n_rows, n_classes)."""
        return np.eye(self.n_classes, dtype=np.float32)[self.labels]

    def accuracy(self, outputs: np.ndarray) -> float:
        """Return the share of test rows whose label outputs (n_test, n_classes) name."""
        return float((outputs.argmax(1) == self.labels_test).mean())


def make_split(name: str, repeat: int, seed: int) -> Split:
    """Return division `repeat` of a data set: three quarters of each class to learn from, the rest to test."""
    X, labels = _mnist_rows() if name == MNIST else DATA_SETS[name](return_X_y=True)
    rng = make_rng(seed, "vsml", "split", name, repeat)
    learn, test = split_rows(labels, 0.25, True, rng)
    learn = rng.permutation(learn)
    inputs = Inputs.fit(X[learn], X.shape[1])
    return Split(inputs.transform(X[learn]), labels[learn], inputs.transform(X[test]), labels[test], int(labels.max()) + 1)


def as_task(split: Split, n_rows: int | None, rng: np.random.Generator) -> Task:
    """Return the first n_rows learning rows (None for all) as a task with a random first state."""
    return Task(split.X[:n_rows], split.Y[:n_rows], draw_state(rng, split.X.shape[1], split.n_classes))


@cache
def _mnist_rows() -> tuple[np.ndarray, np.ndarray]:
    images, labels = mnist()
    return images.reshape(len(images), -1) / 255.0, labels
