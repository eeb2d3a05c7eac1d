"""Mean and spread of what has been seen, observation by observation, and the scaling that follows from them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["LIMIT", "Moments"]

LIMIT = 10.0
"""Scaled observations are cut at plus and minus this many standard deviations."""

_LEAST_SPREAD = 1e-8


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, mean, and summed squared distance from the mean of every number of an observation, float64 (n_observations,)."""

    count: int
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def none(cls, n_observations: int) -> "Moments":
        """Return those of nothing seen yet."""
        return cls(0, np.zeros(n_observations), np.zeros(n_observations))

    @classmethod
    def of_rows(cls, rows: np.ndarray) -> "Moments":
        """Return those of observations, (n, n_observations)."""
        if not len(rows):
            return cls.none(rows.shape[1])
        mean = rows.mean(axis=0)
        return cls(len(rows), mean, ((rows - mean) ** 2).sum(axis=0))

    def joined(self, more: "Moments") -> "Moments":
        """Return those of all that both have seen (Chan, Golub and LeVeque 1983)."""
        count = self.count + more.count
        if not more.count:
            return self
        apart = more.mean - self.mean
        mean = self.mean + apart * (more.count / count)
        squares = self.squares + more.squares + apart**2 * (self.count * more.count / count)
        return Moments(count, mean, squares)

    @property
    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        """What to subtract from an observation and by what to multiply it then, float64 (n_observations,)."""
        if not self.count:
            return np.zeros_like(self.mean), np.ones_like(self.mean)
        spread = np.sqrt(self.squares / self.count)
        return self.mean, np.where(spread > _LEAST_SPREAD, 1.0 / np.maximum(spread, _LEAST_SPREAD), 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can carry."""
        return {"count": self.count, "mean": self.mean.tolist(), "squares": self.squares.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Moments":
        """Read what `to_dict` returned; raises ValueError, TypeError or KeyError for anything else."""
        mean, squares = (np.array(values[name], dtype=np.float64) for name in ("mean", "squares"))
        if type(values["count"]) is not int or mean.ndim != 1 or mean.shape != squares.shape:
            raise ValueError("the moments of observations have other parts")
        if values["count"] < 0 or not np.isfinite(mean).all() or not np.isfinite(squares).all() or np.any(squares < 0):
            raise ValueError("the moments of observations are none")
        return cls(values["count"], mean, squares)
