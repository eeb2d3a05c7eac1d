"""Statistics that do not take related data sets, such as three versions of one problem, for independent ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from propneat.base.errors import DataError
from propneat.base.rng import make_rng
from propneat.stats.checks import check_count, make_matrix
from propneat.stats.ranks import rank_within_datasets

__all__ = ["FamilyBootstrap", "bootstrap_families", "one_per_family"]

_PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class FamilyBootstrap:
    """Mean score and mean rank of each method, with 95 % percentile intervals; all arrays have the shape (n_methods,)."""

    mean_score: np.ndarray
    score_low: np.ndarray
    score_high: np.ndarray
    mean_rank: np.ndarray
    """1 = best."""
    rank_low: np.ndarray
    rank_high: np.ndarray


def bootstrap_families(
    scores: Any, families: Sequence[str], n_samples: int = 2000, rng: np.random.Generator | None = None
) -> FamilyBootstrap:
    """Bound mean scores and mean ranks by a bootstrap over families of data sets (Davison and Hinkley 1997, 3.8).

    A sample draws as many families as there are, with replacement, each with all its data sets; means are over the sample's
    data sets. Intervals run from the 2.5th to the 97.5th percentile of the samples' means. Estimates are the means over the
    data sets as they are.

    Args:
        scores: (n_datasets, n_methods), higher is better.
        families: (n_datasets,) names; data sets with one name belong together.
        n_samples: number of bootstrap samples.
        rng: source of the samples; None takes the stream that belongs to this function, the same at every call.

    Raises DataError for NaN, infinite or misshapen scores, for names that do not fit them, and for fewer than 2 families;
    ConfigError for n_samples.
    """
    matrix = make_matrix(scores)
    codes = _family_codes(families)
    n_datasets, n_methods = matrix.shape
    if len(codes) != n_datasets:
        raise DataError(f"there are {n_datasets} data sets and {len(codes)} family names: give one name per data set")
    n_families = int(codes.max()) + 1
    if n_families < 2:
        raise DataError("a bootstrap over families needs at least 2 families, and there is 1: add data sets or leave it out")
    check_count(n_samples, "n_samples")
    rng = make_rng("bootstrap_families") if rng is None else rng
    values = np.hstack([matrix, rank_within_datasets(matrix)])
    sums = np.zeros((n_families, 2 * n_methods))
    np.add.at(sums, codes, values)
    draws = rng.multinomial(n_families, np.full(n_families, 1 / n_families), size=n_samples)
    means = (draws @ sums) / (draws @ np.bincount(codes))[:, None]
    low, high = np.percentile(means, _PERCENTILES, axis=0)
    estimate = values.mean(axis=0)
    own, ranks = slice(0, n_methods), slice(n_methods, None)
    return FamilyBootstrap(estimate[own], low[own], high[own], estimate[ranks], low[ranks], high[ranks])


def one_per_family(families: Sequence[str]) -> np.ndarray:
    """Return the indices of the first data set of each family, ascending.

    Args:
        families: (n_datasets,) names; data sets with one name belong together.

    Returns:
        (n_families,) int64, to select rows of scores.

    Raises DataError for a name that is not text.
    """
    return np.unique(_family_codes(families), return_index=True)[1].astype(np.int64)


def _family_codes(families: Sequence[str]) -> np.ndarray:
    """Number families in order of first appearance; raises DataError for a name that is not text."""
    numbers: dict[str, int] = {}
    for row, name in enumerate(families):
        if not isinstance(name, str):
            raise DataError(f"the family of data set {row} must be a name, not {name!r}: name each data set's family")
        numbers.setdefault(name, len(numbers))
    return np.array([numbers[name] for name in families], dtype=np.int64)
