"""Data sets that need no network: scikit-learn's, under PMLB's names where they are PMLB's, and those of `rules`."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from propneat.data.rules import RULES, rule_frame

if TYPE_CHECKING:
    import pandas

__all__ = ["EMBEDDED"]


def _bundled(loader: str) -> "pandas.DataFrame":
    """Return one of scikit-learn's bundled data sets with the target in the last column."""
    from sklearn import datasets

    return getattr(datasets, loader)(as_frame=True).frame


def _breast_cancer() -> "pandas.DataFrame":
    """PMLB codes malignant as 1; scikit-learn codes it as 0."""
    frame = _bundled("load_breast_cancer")
    return frame.assign(target=1 - frame["target"])


def _wdbc() -> "pandas.DataFrame":
    """PMLB's second copy of the breast cancer data is rounded to three decimals, halves to the even digit."""
    frame = _breast_cancer()
    features = frame.columns.drop("target")
    frame[features] = np.rint((frame[features] * 1000).round(6)) / 1000
    return frame


def _wine() -> "pandas.DataFrame":
    """PMLB counts the three growers from 1."""
    frame = _bundled("load_wine")
    return frame.assign(target=frame["target"] + 1)


def _friedman(number: int, noise: float) -> "pandas.DataFrame":
    """Return 500 rows of one of Friedman's three functions, with noise, as scikit-learn draws them."""
    from pandas import DataFrame
    from sklearn import datasets

    inputs, target = getattr(datasets, f"make_friedman{number}")(n_samples=500, noise=noise, random_state=number)
    frame = DataFrame(inputs, columns=[f"x{k}" for k in range(inputs.shape[1])])
    return frame.assign(target=target)


EMBEDDED: dict[str, Callable[[], "pandas.DataFrame"]] = {
    "breast_cancer_wisconsin": _breast_cancer,
    "wdbc": _wdbc,
    "wine_recognition": _wine,
    "iris": partial(_bundled, "load_iris"),
    "digits": partial(_bundled, "load_digits"),
    "diabetes_progression": partial(_bundled, "load_diabetes"),
    "friedman1": partial(_friedman, 1, 1.0),
    "friedman2": partial(_friedman, 2, 125.0),
    "friedman3": partial(_friedman, 3, 0.1),
    **{name: partial(rule_frame, name) for name in RULES},
}
"""The embedded data sets: name -> a function that returns features and, in the column "target", labels.

PMLB has other data under the name "diabetes", so scikit-learn's regression of that name is called "diabetes_progression"."""
