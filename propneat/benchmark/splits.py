"""How rows are divided into training and test rows: the same for every method."""

from dataclasses import dataclass

import numpy as np

from propneat.errors import ConfigError
from propneat.rng import derive_seed

__all__ = ["PROTOCOLS", "Protocol", "Split", "split"]

PROTOCOLS = {
    "cv": "repeated stratified k-fold cross-validation",
    "paper": "one 70/30 split, not stratified, drawn with seed 42, and several runs of every method on it",
    "tabmini": "three folds of rows shuffled with seed 42, as in the TabMini study",
}

_PAPER_SEED = 42


@dataclass(frozen=True)
class Protocol:
    """A protocol and its numbers: folds and repeats for "cv", repeats (runs) for "paper"."""

    name: str = "cv"
    n_folds: int = 5
    n_repeats: int = 1

    def __post_init__(self) -> None:
        """Raise ConfigError for a protocol there is not or numbers that cannot be used."""
        if self.name not in PROTOCOLS:
            raise ConfigError(f"protocol must be one of {', '.join(PROTOCOLS)}, not {self.name!r}")
        if self.n_folds < 2 or self.n_repeats < 1:
            raise ConfigError(f"a protocol needs 2 folds and 1 repeat or more, not {self.n_folds} and {self.n_repeats}")

    @property
    def label(self) -> str:
        """Text that identifies the protocol with its numbers; folds of different protocols never mix."""
        return {"cv": f"cv-{self.n_folds}", "paper": "paper", "tabmini": "tabmini"}[self.name]

    def parts(self) -> list[tuple[int, int]]:
        """Return every (repeat, fold) of a data set."""
        n_folds = {"cv": self.n_folds, "paper": 1, "tabmini": 3}[self.name]
        return [(repeat, fold) for repeat in range(self.n_repeats) for fold in range(n_folds)]


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers to fit on and to be tested on, sorted."""

    train: np.ndarray
    test: np.ndarray


def split(label: str, dataset: str, codes: np.ndarray, repeat: int, fold: int) -> Split:
    """Return the rows of one fold; `codes` are the class numbers of all rows, (n_rows,), and `label` a `Protocol.label`.

    "cv-K" draws its folds from the data set's name and the repeat, by class; a class of fewer rows than folds is absent
    from some test folds. "paper" is one unstratified split for all repeats. "tabmini" cuts rows shuffled by numpy's legacy
    generator, seed 42, into three consecutive folds.
    """
    from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
    from sklearn.utils import shuffle

    rows = np.arange(len(codes))
    if label == "paper":
        train, test = train_test_split(rows, test_size=0.3, random_state=_PAPER_SEED)
    elif label == "tabmini":
        order = shuffle(rows, random_state=_PAPER_SEED)
        train, test = (order[part] for part in list(StratifiedKFold(3).split(order, codes[order]))[fold])
    else:
        n_folds, seed = int(label.removeprefix("cv-")), derive_seed("split", dataset, repeat) % 2**32
        stratified = np.bincount(codes).max() >= n_folds
        division = (StratifiedKFold if stratified else KFold)(n_folds, shuffle=True, random_state=seed)
        train, test = _quiet(division, rows, codes)[fold]
    return Split(np.sort(train), np.sort(test))


def _quiet(division: object, rows: np.ndarray, codes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide without the warning about classes of few rows, which is documented behaviour here."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return list(division.split(rows, codes))
