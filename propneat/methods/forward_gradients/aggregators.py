"""From directional derivatives along k tangents to one estimate of the gradient, and how long that is expected to be."""

from dataclasses import dataclass, field
from math import exp, lgamma, log

import torch

from propneat.base.errors import ConfigError
from propneat.methods.forward_gradients.tangents import TangentSampler

__all__ = ["AGGREGATORS", "ForwardGradient", "expected_chi", "expected_cosine", "expected_length"]

AGGREGATORS = ("single", "mean", "sum", "projection")


@dataclass(frozen=True)
class ForwardGradient:
    """An estimator of a gradient g of dimension n from its products j = V g with k tangents, the rows of V.

    "single" is j_1 v_1, "mean" is V'j / k, "sum" is V'j, and "projection" is V'(VV')^-1 j, the point of the tangents' span
    that lies nearest to g. With `length_correction` the estimate is divided by its expected length in units of |g|.
    """

    aggregator: str = "projection"
    k: int = 16
    sampler: TangentSampler = field(default_factory=TangentSampler)
    length_correction: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        if self.aggregator not in AGGREGATORS:
            raise ConfigError(f"aggregator must be one of {', '.join(AGGREGATORS)}, not {self.aggregator!r}")
        if self.k < 1:
            raise ConfigError(f"k must be 1 or more, not {self.k}")
        averages = self.aggregator in ("mean", "sum") and self.k > 1
        if self.length_correction and averages and self.sampler.kind == "angle":
            raise ConfigError("length_correction of a mean or sum is known for independent tangents only, not at an angle")

    def n_tangents(self, n: int) -> int:
        """Return how many tangents an estimate in dimension n takes: 1 for "single", at most n for "projection"."""
        return {"single": 1, "projection": min(self.k, n)}.get(self.aggregator, self.k)

    def draw(
        self, n: int, generator: torch.Generator, batch: tuple[int, ...] = (), dtype: torch.dtype = torch.float64
    ) -> torch.Tensor:
        """Return as many tangents of dimension n as an estimate takes, shape (*batch, n_tangents(n), n)."""
        return self.sampler.draw((*batch, self.n_tangents(n), n), generator, dtype)

    def duals(self, tangents: torch.Tensor) -> torch.Tensor:
        """Return what the estimate is a combination of, shape (..., k, n): the estimate is sum_i j_i * duals_i.

        `tangents` has shape (..., k, n). For "projection" the duals are the rows of (VV')^-1 V, found through V' = QR as
        R^-1 Q', which leaves the condition number unsquared (the paper inverts the Gram matrix VV'); linearly dependent
        tangents go through the pseudo-inverse. Of more tangents than `n_tangents(n)` only the first are used, the duals of
        the others are 0. Departure: the length correction divides by the exact expectation for Gaussian tangents, see
        `expected_length`, where the authors' code approximates it for the mean.
        """
        k, n = tangents.shape[-2:]
        n_used = min(k, self.n_tangents(n))
        used = tangents[..., :n_used, :]
        if self.aggregator == "projection":
            used = _dual_basis(used)
        elif self.aggregator == "mean":
            used = used / n_used
        if self.length_correction:
            length = expected_length(self.aggregator, n, n_used)
            # unit tangents make every term of a mean or sum n times shorter than Gaussian ones, a projection not at all
            is_unit = self.sampler.kind == "angle" and self.aggregator != "projection"
            used = used / (length / n if is_unit else length)
        return torch.nn.functional.pad(used, (0, 0, 0, k - n_used)) if n_used < k else used

    def combine(self, tangents: torch.Tensor, derivatives: torch.Tensor) -> torch.Tensor:
        """Return the estimate (..., n) from `tangents` (..., k, n) and the `derivatives` (..., k) along them."""
        return (derivatives.unsqueeze(-2) @ self.duals(tangents)).squeeze(-2)


def _dual_basis(tangents: torch.Tensor) -> torch.Tensor:
    q, r = torch.linalg.qr(tangents.mT)
    pivots = r.diagonal(dim1=-2, dim2=-1).abs()
    smallest = tangents.shape[-1] * torch.finfo(tangents.dtype).eps * pivots.amax(-1)
    if bool((pivots.amin(-1) <= smallest).any()):
        return torch.linalg.pinv(tangents).mT
    return torch.linalg.solve_triangular(r, q.mT, upper=True)


def expected_chi(m: int) -> float:
    """Return E[chi_m], the expected length of m independent standard normal numbers: sqrt(2) Gamma((m+1)/2) / Gamma(m/2)."""
    return exp(0.5 * log(2) + lgamma((m + 1) / 2) - lgamma(m / 2))


def expected_cosine(aggregator: str, n: int, k: int) -> float:
    """Return the expected cosine between the estimate from k Gaussian tangents and the gradient, in dimension n.

    Projection: E[chi_k] / E[chi_n], because the squared cosine is Beta(k/2, (n-k)/2) distributed, and 1 from k = n on.
    Mean and sum: the squared cosine is Beta(k/2, (n-1)/2), hence E[chi_k] / E[chi_(n+k-1)], exact at every n and k.
    """
    if aggregator == "projection":
        return 1.0 if k >= n else expected_chi(k) / expected_chi(n)
    k = 1 if aggregator == "single" else k
    return expected_chi(k) / expected_chi(n + k - 1)


def expected_length(aggregator: str, n: int, k: int) -> float:
    """Return the expected length of the estimate from k Gaussian tangents in units of the gradient's, in dimension n.

    Projection: equal to the cosine. Mean: (n + k - 1) / k times the expected cosine, since |V'j|^2 = |j|^2 (|j|^2 + c) with
    c ~ chi^2_(n-1) independent of j, and a Gamma variable's sum and share are independent. Sum: k times the mean's.
    """
    cosine = expected_cosine(aggregator, n, k)
    if aggregator == "projection":
        return cosine
    k = 1 if aggregator == "single" else k
    return (n + k - 1) * cosine / (1 if aggregator == "sum" else k)
