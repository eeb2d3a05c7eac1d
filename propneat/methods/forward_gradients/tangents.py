"""How tangents are drawn: Gaussian, Rademacher, or unit vectors at a set angle from the first."""

from dataclasses import dataclass

import torch

from propneat.base.errors import ConfigError

__all__ = ["GAUSSIAN", "SAMPLERS", "TangentSampler"]

SAMPLERS = ("gaussian", "rademacher", "angle")

_MOST_REDRAWS = 100
_SURELY_INDEPENDENT = 64


@dataclass(frozen=True)
class TangentSampler:
    """A distribution of sets of k tangents of dimension n.

    "gaussian" draws every number from N(0, 1), the paper's own; "rademacher" draws -1 or 1; "angle" draws unit vectors of
    which all stand at `angle` degrees from the first, which is uniform on the sphere, and which are otherwise random.
    """

    kind: str = "gaussian"
    angle: float = 90.0
    """Degrees between the first tangent and each other one, above 0 and at most 90; used by "angle" alone."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        if self.kind not in SAMPLERS:
            raise ConfigError(f"sampler must be one of {', '.join(SAMPLERS)}, not {self.kind!r}")
        if not 0 < self.angle <= 90:
            raise ConfigError(f"angle must be above 0 and at most 90 degrees, not {self.angle}")

    def draw(self, shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        """Return tangents of `shape` (..., k, n): k rows of dimension n for every element of the leading axes.

        Source: Flügel et al., "Beyond backpropagation: optimization with multi-tangent forward gradients" (2024), custom
        tangents. Departures: Rademacher sets whose first min(k, n) rows are linearly dependent are drawn anew, at any k;
        an angle of 0, where all tangents coincide, is refused. Raises ConfigError for "angle" with n = 1 and k > 1.
        """
        if self.kind == "rademacher":
            return _rademacher(shape, generator, dtype)
        tangents = torch.randn(shape, generator=generator, dtype=dtype)
        return tangents if self.kind == "gaussian" else self._turned(tangents)

    def _turned(self, tangents: torch.Tensor) -> torch.Tensor:
        """Turn all tangents but the first to `angle` from it, in the plane of the two; all come out of length 1."""
        k, n = tangents.shape[-2:]
        if n == 1 and k > 1:
            raise ConfigError("tangents at an angle need a space of 2 or more dimensions, and this one has 1")
        tangents = torch.nn.functional.normalize(tangents, dim=-1)
        first, others = tangents[..., :1, :], tangents[..., 1:, :]
        aside = torch.nn.functional.normalize(others - (others * first).sum(-1, keepdim=True) * first, dim=-1)
        radians = torch.deg2rad(torch.tensor(self.angle, dtype=tangents.dtype))
        return torch.cat([first, torch.cos(radians) * first + torch.sin(radians) * aside], dim=-2)


GAUSSIAN = TangentSampler()


def _rademacher(shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype) -> torch.Tensor:
    k, n = shape[-2:]
    tangents = _signs(shape, generator, dtype)
    # among so many signs two rows of fewer than a thousand agree with probability 1e-13 and are not looked for
    if n >= _SURELY_INDEPENDENT and k < n:
        return tangents
    n_needed = min(k, n)
    for _ in range(_MOST_REDRAWS):
        dependent = torch.linalg.matrix_rank(tangents[..., :n_needed, :].to(torch.float64)) < n_needed
        if not dependent.any():
            break
        tangents = torch.where(dependent[..., None, None], _signs(shape, generator, dtype), tangents)
    return tangents


def _signs(shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype) -> torch.Tensor:
    return 2 * torch.randint(0, 2, shape, generator=generator).to(dtype) - 1
