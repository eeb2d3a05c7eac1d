"""What a VSML layer reads of a row: standardised inputs, principal components where there are too many, or random features."""

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Inputs"]

_CLIP = 3.0
_CONSTANT = 1e-9


@dataclass(frozen=True, eq=False)
class RandomFeatures:
    """Rectified random combinations of standardised inputs, themselves standardised on training rows."""

    directions: np.ndarray
    """Float64 (n_inputs, n_random)."""
    offsets: np.ndarray
    """Float64 (n_random,)."""
    mean: np.ndarray
    """Float64 (n_random,)."""
    deviation: np.ndarray
    """Float64 (n_random,), 1 for constant features."""

    @classmethod
    def fit(cls, standard: np.ndarray, n_random: int, rng: np.random.Generator) -> "RandomFeatures":
        """Draw directions and offsets, and learn the scale from standardised inputs (n_rows, n_inputs)."""
        directions = rng.standard_normal((standard.shape[1], n_random)) / np.sqrt(standard.shape[1])
        offsets = rng.standard_normal(n_random)
        rectified = np.maximum(standard @ directions + offsets, 0)
        deviation = rectified.std(0)
        return cls(directions, offsets, rectified.mean(0), np.where(deviation > _CONSTANT, deviation, 1.0))

    def transform(self, standard: np.ndarray) -> np.ndarray:
        """Return the features (n_rows, n_random) of standardised inputs, cut off at 3 deviations."""
        rectified = np.maximum(standard @ self.directions + self.offsets, 0)
        return np.clip((rectified - self.mean) / self.deviation, -_CLIP, _CLIP)


@dataclass(frozen=True, eq=False)
class Inputs:
    """Standardisation learnt from training rows, and a projection and random features if there are any."""

    mean: np.ndarray
    """Float64 (n_features,)."""
    deviation: np.ndarray
    """Float64 (n_features,), 1 for constant features."""
    components: np.ndarray | None
    """Float64 (n_features, n_outputs), scaled to deviation 1 on the training rows; None where all features are read."""

    random: RandomFeatures | None = None
    """What is read in place of the inputs, if anything."""

    @classmethod
    def fit(cls, X: np.ndarray, most: int, n_random: int = 0, rng: np.random.Generator | None = None) -> "Inputs":
        """Learn from X (n_rows, n_features) as `fit_plain` does; with `n_random`, random features of that are read instead."""
        plain = cls.fit_plain(X, most)
        if not n_random:
            return plain
        return replace(plain, random=RandomFeatures.fit(plain.transform(X).astype(np.float64), min(n_random, most), rng))

    @classmethod
    def fit_plain(cls, X: np.ndarray, most: int) -> "Inputs":
        """Learn from X (n_rows, n_features); of more than `most` features the first `most` principal components are read."""
        mean, deviation = X.mean(0), X.std(0)
        deviation = np.where(deviation > _CONSTANT, deviation, 1.0)
        if X.shape[1] <= most:
            return cls(mean, deviation, None)
        standard = np.clip((X - mean) / deviation, -_CLIP, _CLIP)
        _, singular, rows = np.linalg.svd(standard - standard.mean(0), full_matrices=False)
        spread = singular[:most] / np.sqrt(len(X))
        # signs are settled, so that the projection is the same wherever it is computed
        signs = np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(1)])[:most]
        kept = spread > _CONSTANT
        return cls(mean, deviation, (rows[:most] * (signs / np.where(kept, spread, 1.0))[:, None])[kept].T)

    @property
    def n_outputs(self) -> int:
        """Numbers that a layer reads of a row."""
        if self.random is not None:
            return len(self.random.offsets)
        return len(self.mean) if self.components is None else self.components.shape[1]

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return float32 (n_rows, n_outputs) for X (n_rows, n_features), cut off at 3 deviations."""
        standard = np.clip((X - self.mean) / self.deviation, -_CLIP, _CLIP)
        if self.components is not None:
            standard = np.clip(standard @ self.components, -_CLIP, _CLIP)
        if self.random is not None:
            standard = self.random.transform(standard.astype(np.float32).astype(np.float64))
        return standard.astype(np.float32)
