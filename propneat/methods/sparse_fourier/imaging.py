"""What the microscope does to a projection: the contrast transfer function."""

from dataclasses import dataclass

import numpy as np

from propneat.base.errors import ConfigError

__all__ = ["Optics", "transfer", "wavelength"]


@dataclass(frozen=True)
class Optics:
    """A microscope's constants. Raises ConfigError for values that cannot be used."""

    pixel: float = 4.0
    """Side of a pixel, in Angstrom."""
    voltage: float = 300.0
    """In kilovolts."""
    spherical_aberration: float = 2.7
    """In millimetres."""
    amplitude_contrast: float = 0.1
    b_factor: float = 0.0
    """Falloff exp(-b k^2 / 4), in square Angstrom."""

    def __post_init__(self) -> None:
        """Check that all can be used."""
        if self.pixel <= 0 or self.voltage <= 0:
            raise ConfigError(f"pixel and voltage must be positive, not {self.pixel} and {self.voltage}")
        if not 0 <= self.amplitude_contrast < 1:
            raise ConfigError(f"amplitude_contrast must lie in [0, 1), not {self.amplitude_contrast}")


def wavelength(voltage: float) -> float:
    """Return the relativistic wavelength in Angstrom of electrons accelerated by a voltage in kilovolts."""
    volts = 1e3 * voltage
    return 12.2642598 / np.sqrt(volts * (1 + 9.78475598e-7 * volts))


def transfer(
    frequencies: np.ndarray,
    n: int,
    optics: Optics,
    defocus: np.ndarray,
    astigmatism: np.ndarray | None = None,
    phase: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Return the contrast transfer function -sin gamma at frequencies (n_points, 2) in periods per box, (n_images, n_points).

    `defocus` in Angstrom, underfocus positive, has shape (n_images,), or (n_images, 2) for the two principal axes, whose first
    lies at the angle `astigmatism` (n_images,), in radians from x; `phase` is that of a phase plate in radians. Departure from
    the released code, which never applies its falloff: `optics.b_factor` is applied.
    """
    per_angstrom = frequencies / (n * optics.pixel)
    squared = (per_angstrom**2).sum(-1)
    defocus = np.asarray(defocus, float)
    if defocus.ndim == 2:
        angles = np.arctan2(per_angstrom[:, 1], per_angstrom[:, 0]) - np.asarray(astigmatism)[:, None]
        at = defocus[:, :1] * np.cos(angles) ** 2 + defocus[:, 1:] * np.sin(angles) ** 2
    else:
        at = defocus[:, None]
    lam, q = wavelength(optics.voltage), optics.amplitude_contrast
    aberration = 0.5 * np.pi * 1e7 * optics.spherical_aberration * lam**3 * squared**2
    shift = np.reshape(phase, (-1, 1)) + np.arctan(q / np.sqrt(1 - q**2))
    gamma = -np.pi * lam * at * squared + aberration - shift
    return -np.sin(gamma) * np.exp(-0.25 * optics.b_factor * squared)
