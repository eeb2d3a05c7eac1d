"""How well estimates from Gaussian tangents point, how long they are, and whether they are biased, beside the closed forms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from propneat.base.rng import derive_seed
from propneat.methods.forward_gradients.aggregators import ForwardGradient, expected_cosine, expected_length
from propneat.methods.forward_gradients.tangents import TangentSampler

__all__ = ["Moment", "angle_cosines", "estimate_moments", "sample_estimates"]

_NUMBERS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Moment:
    """A quantity of the estimates from k tangents in n dimensions: its sampled mean, standard error, and closed form."""

    aggregator: str
    n: int
    k: int
    quantity: str
    mean: float
    error: float
    expected: float

    @property
    def deviation(self) -> float:
        """Distance of mean and closed form in standard errors; where nothing varies, 0 within rounding, else infinite."""
        gap = abs(self.mean - self.expected)
        rounding = 1e-9 * max(1.0, abs(self.expected))
        if gap <= rounding:
            return 0.0
        return gap / self.error if self.error > 0 else float("inf")


def sample_estimates(rule: ForwardGradient, n: int, n_samples: int, seed: int) -> dict[str, np.ndarray]:
    """Draw estimates of the gradient 1/sqrt(n) (1, ..., 1), of length 1, in float64.

    Returns arrays (n_samples,): "cosine" with the gradient, "length", and "along", the product with the gradient, of which
    unbiased estimates have the mean 1.
    """
    generator = torch.Generator().manual_seed(seed)
    gradient = torch.full((n,), n**-0.5, dtype=torch.float64)
    chunk = max(1, _NUMBERS_AT_ONCE // (rule.k * n))
    parts = []
    for first in range(0, n_samples, chunk):
        tangents = rule.draw(n, generator, (min(chunk, n_samples - first),))
        parts.append(rule.combine(tangents, tangents @ gradient))
    estimates = torch.cat(parts)
    along, length = estimates @ gradient, estimates.norm(dim=1)
    return {"cosine": (along / length).numpy(), "length": length.numpy(), "along": along.numpy()}


def estimate_moments(
    dimensions: Sequence[int],
    ks: Sequence[int],
    seed: int,
    progress: Callable[[str, int, int], None],
    n_samples: int | Callable[[int], int] = 1000,
) -> list[Moment]:
    """Sample mean and projection for every pair with k <= n: cosine, length, corrected length and product with the gradient."""
    pairs = [(n, k) for n in dimensions for k in ks if k <= n]
    moments = []
    for number, (n, k) in enumerate(pairs):
        count = n_samples(n) if callable(n_samples) else n_samples
        for aggregator in ("mean", "projection"):
            stream = derive_seed("forward-gradients", seed, "moments", n, k, aggregator) % 2**63
            found = sample_estimates(ForwardGradient(aggregator, k), n, count, stream)
            length = expected_length(aggregator, n, k)
            found["corrected length"] = found["length"] / length
            expected = {
                "cosine": expected_cosine(aggregator, n, k),
                "length": length,
                "corrected length": 1.0,
                "along": 1.0 if aggregator == "mean" else k / n,
            }
            for quantity, values in found.items():
                error = float(values.std(ddof=1) / len(values) ** 0.5)
                moments.append(Moment(aggregator, n, k, quantity, float(values.mean()), error, expected[quantity]))
        progress("estimates", number + 1, len(pairs))
    return moments


def angle_cosines(
    seed: int, angles: Sequence[float], ks: Sequence[int], n: int = 64, n_samples: int = 1000
) -> dict[str, list[float]]:
    """Mean cosine with the gradient for tangents at each angle, n dimensions; returns arm ("mean-16") -> one per angle."""
    found = {}
    for aggregator in ("mean", "projection"):
        for k in ks:
            stream = derive_seed("forward-gradients", seed, "angles", k) % 2**63
            rules = [ForwardGradient(aggregator, k, TangentSampler("angle", float(angle))) for angle in angles]
            found[f"{aggregator}-{k}"] = [
                float(sample_estimates(rule, n, n_samples, stream)["cosine"].mean()) for rule in rules
            ]
    return found
