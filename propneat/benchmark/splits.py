"""How rows are divided into training and test rows: the same for every method."""

from dataclasses import dataclass

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.rng import derive_seed

__all__ = ["PROTOCOLS", "SRBENCH_SEEDS", "Protocol", "Split", "split"]

PROTOCOLS = {
    "cv": "repeated stratified k-fold cross-validation",
    "paper": "one 70/30 split, not stratified, drawn with seed 42, and several runs of every method on it",
    "tabmini": "three folds of rows shuffled with seed 42, as in the TabMini study",
    "srbench": "ten 75/25 splits drawn with SRBench's seeds, at most 10,000 training rows, as published in 2021",
    "srbench-2025": "thirty such splits, scored as SRBench's edition of 2025: the area under the profile of R²",
}

_PAPER_SEED = 42
_MOST_ROWS = 10_000
SRBENCH_SEEDS = tuple(np.random.RandomState(42).randint(2**15 - 1, size=100).tolist())
"""What SRBench draws its splits by (La Cava et al. 2021); the published values are of the first ten."""


_SRBENCH = ("srbench", "srbench-2025")
_REPEATS = {"srbench": 10, "srbench-2025": 30}


@dataclass(frozen=True)
class Protocol:
    """A protocol and its numbers: folds and repeats for "cv", repeats (runs, or splits) for the others.

    Without a number of repeats: SRBench's own for its protocols, 1 for the others.
    """

    name: str = "cv"
    n_folds: int = 5
    n_repeats: int | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError for a protocol there is not or numbers that cannot be used."""
        if self.name not in PROTOCOLS:
            raise ConfigError(f"protocol must be one of {', '.join(PROTOCOLS)}, not {self.name!r}")
        if self.n_repeats is None:
            object.__setattr__(self, "n_repeats", _REPEATS.get(self.name, 1))
        if self.n_folds < 2 or self.n_repeats < 1:
            raise ConfigError(f"a protocol needs 2 folds and 1 repeat or more, not {self.n_folds} and {self.n_repeats}")
        if self.name in _SRBENCH and self.n_repeats > len(SRBENCH_SEEDS):
            raise ConfigError(
                f"SRBench has {len(SRBENCH_SEEDS)} seeds, so there are no {self.n_repeats} repeats of {self.name}"
            )

    @property
    def label(self) -> str:
        """Text that identifies the protocol with its numbers; folds of different protocols never mix."""
        return f"cv-{self.n_folds}" if self.name == "cv" else self.name

    def most_rows(self, n_rows: int) -> int:
        """Return how many rows a data set would need for fits to see as many of them as they do of this one's `n_rows`."""
        return min(n_rows, _MOST_ROWS * 4 // 3) if self.name in _SRBENCH else n_rows

    def parts(self) -> list[tuple[int, int]]:
        """Return every (repeat, fold) of a data set."""
        n_folds = {"cv": self.n_folds, "tabmini": 3}.get(self.name, 1)
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
    generator, seed 42, into three consecutive folds. "srbench" and "srbench-2025" draw one split per repeat, and leave out
    training rows beyond 10,000, drawn by the same seed. `codes` of a float type are the numbers of a regression, and nothing
    is divided by class.
    """
    from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
    from sklearn.utils import shuffle

    rows, has_classes = np.arange(len(codes)), codes.dtype.kind in "iu"
    if label == "paper":
        train, test = train_test_split(rows, test_size=0.3, random_state=_PAPER_SEED)
    elif label in _SRBENCH:
        train, test = _srbench_split(rows, SRBENCH_SEEDS[repeat])
    elif label == "tabmini":
        order = shuffle(rows, random_state=_PAPER_SEED)
        thirds = StratifiedKFold(3).split(order, codes[order]) if has_classes else KFold(3).split(order)
        train, test = (order[part] for part in list(thirds)[fold])
    else:
        n_folds, seed = int(label.removeprefix("cv-")), derive_seed("split", dataset, repeat) % 2**32
        stratified = has_classes and np.bincount(codes).max() >= n_folds
        division = (StratifiedKFold if stratified else KFold)(n_folds, shuffle=True, random_state=seed)
        train, test = _quiet(division, rows, codes)[fold]
    return Split(np.sort(train), np.sort(test))


def _srbench_split(rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide rows as SRBench does, its global generator seeded before the split draws from one of its own."""
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(rows, train_size=0.75, test_size=0.25, random_state=seed)
    if len(train) > _MOST_ROWS:
        train = train[np.random.RandomState(seed).choice(len(train), _MOST_ROWS, replace=False)]
    return train, test


def _quiet(division: object, rows: np.ndarray, codes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide without the warning about classes of few rows, which is documented behaviour here."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return list(division.split(rows, codes))
