"""The Bayesian signed-rank test, which can say that two methods are as good as each other."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng
from propneat.stats.checks import check_count, make_vector

__all__ = ["BayesianResult", "bayesian_signed_rank", "check_rope"]

_PRIOR_STRENGTH = 0.5
_NUMBERS_AT_ONCE = 1 << 21


@dataclass(frozen=True)
class BayesianResult:
    """Posterior probabilities, of sum 1, that the first method is worse than, as good as, and better than the second."""

    p_worse: float
    p_equivalent: float
    p_better: float


def bayesian_signed_rank(
    differences: Any, rope: float = 0.01, n_samples: int = 50000, rng: np.random.Generator | None = None
) -> BayesianResult:
    """Compare two methods over data sets by the Bayesian signed-rank test (Benavoli, Corani, Demsar and Zaffalon 2017).

    The differences z_1, ..., z_n of first minus second method, and a pseudo-observation z_0 = 0, have weights w drawn from
    Dirichlet(s, 1, ..., 1) with prior strength s = 0.5. A draw gives the probabilities that the mean of two differences lies
    above, within (edges included) or below the region of practical equivalence, as sums of w_i w_j over all pairs i, j with
    z_i + z_j > 2 rope, |z_i + z_j| <= 2 rope, z_i + z_j < -2 rope. The result counts the draws in which each is the largest.

    Args:
        differences: (n,) score differences, in the unit of the scores.
        rope: half the width of the region of practical equivalence, in the unit of the scores; 0 or more.
        n_samples: number of draws; a probability p has the standard error sqrt(p (1 - p) / n_samples).
        rng: source of the draws; None takes the stream that belongs to this function, the same at every call.

    Raises DataError for NaN or infinite differences or none at all, ConfigError for rope and n_samples.
    """
    values = np.concatenate([[0.0], make_vector(differences, "differences")])
    check_rope(rope)
    check_count(n_samples, "n_samples")
    rng = make_rng("bayesian_signed_rank") if rng is None else rng
    strengths = np.ones(len(values))
    strengths[0] = _PRIOR_STRENGTH
    sums = values[:, None] + values[None, :]
    below, above = (sums < -2 * rope).astype(np.float64), (sums > 2 * rope).astype(np.float64)
    counts = np.zeros(3, dtype=np.int64)
    chunk = max(1, _NUMBERS_AT_ONCE // len(values))
    for start in range(0, n_samples, chunk):
        weights = rng.dirichlet(strengths, min(chunk, n_samples - start))
        worse, better = (np.sum((weights @ region) * weights, axis=1) for region in (below, above))
        winners = np.argmax([worse, 1 - worse - better, better], axis=0)
        counts += np.bincount(winners, minlength=3)
    return BayesianResult(*(float(count) / n_samples for count in counts))


def check_rope(rope: float) -> None:
    """Raise ConfigError for a half width of the region of practical equivalence that is negative, infinite or NaN."""
    if not 0 <= rope < np.inf:
        raise ConfigError(f"rope must be 0 or more, in the unit of the scores, not {rope!r}")
