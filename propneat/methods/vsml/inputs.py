"""What a VSML layer reads of a row: standardised inputs, or principal components where there are too many."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Inputs"]

_CLIP = 3.0
_CONSTANT = 1e-9


@dataclass(frozen=True, eq=False)
class Inputs:
    """Standardisation learnt from training rows, and a projection if there is one."""

    mean: np.ndarray
    """Float64 (n_features,)."""
    deviation: np.ndarray
    """Float64 (n_features,), 1 for constant features."""
    components: np.ndarray | None
    """Float64 (n_features, n_outputs), scaled to deviation 1 on the training rows; None where all features are read."""

    @classmethod
    def fit(cls, X: np.ndarray, most: int) -> "Inputs":
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
        return len(self.mean) if self.components is None else self.components.shape[1]

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return float32 (n_rows, n_outputs) for X (n_rows, n_features), cut off at 3 deviations."""
        standard = np.clip((X - self.mean) / self.deviation, -_CLIP, _CLIP)
        if self.components is not None:
            standard = np.clip(standard @ self.components, -_CLIP, _CLIP)
        return standard.astype(np.float32)
