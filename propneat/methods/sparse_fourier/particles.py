"""Particles as the method sees them: coefficients on the half disc in units of the noise, with CTF and pose."""

from dataclasses import dataclass

import numpy as np

from propneat.base.errors import ConfigError, DataError
from propneat.methods.sparse_fourier.grid import half_disc, image_coefficients

__all__ = ["Particles", "particles_of_images", "soft_disc", "spectral_amplitude"]


@dataclass(frozen=True, eq=False)
class Particles:
    """Images of particles in Fourier space. Raises DataError where shapes do not fit together."""

    n: int
    """Side of an image in pixels, odd."""
    data: np.ndarray
    """Real and imaginary parts, float32 (n_particles, n_points, 2); the noise has mean square 1 per coefficient."""
    ctf: np.ndarray
    """Contrast transfer function, float32 (n_particles, n_points)."""
    rotations: np.ndarray
    """Rotations R, (n_particles, 3, 3): the image's coefficient at k is the volume's at R^T (k_x, k_y, 0)."""

    def __post_init__(self) -> None:
        """Check that shapes fit together."""
        expected = (len(self.data), len(half_disc(self.n)))
        if self.data.shape != (*expected, 2) or self.ctf.shape != expected or self.rotations.shape != (expected[0], 3, 3):
            raise DataError(
                f"{expected[0]} particles of {self.n} pixels need data {(*expected, 2)}, ctf {expected} and rotations "
                f"{(expected[0], 3, 3)}, got {self.data.shape}, {self.ctf.shape} and {self.rotations.shape}"
            )

    def __len__(self) -> int:
        """Return the number of particles."""
        return len(self.data)

    def rows(self, which: np.ndarray | slice) -> "Particles":
        """Return some of the particles."""
        return Particles(self.n, self.data[which], self.ctf[which], self.rotations[which])


def particles_of_images(
    images: np.ndarray, rotations: np.ndarray, ctf: np.ndarray, shifts: np.ndarray | None = None, diameter: float = 0.9
) -> Particles:
    """Return particles of real images (n_particles, n, n), axes y, x, as read from a stack.

    `ctf` has shape (n_particles, n_points) on the half disc; `shifts` (n_particles, 2), columns x and y in pixels, says where
    each particle's origin lies from the middle, and is undone. The noise is measured in the corners, outside a disc of
    `diameter` times the side, each image's background is taken off, and a soft edge ends the disc. Images of an even side lose
    their first row and column, which leaves the origin in the middle; `ctf` is then that of the odd side. Raises DataError for
    images that are not square, and ConfigError for a diameter that leaves no corners.
    """
    if images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise DataError(f"images must be square, shape (n_particles, n, n), not {images.shape}")
    if not 0 < diameter <= 1:
        raise ConfigError(f"diameter must lie in (0, 1] of the side, so that corners show the noise, not {diameter}")
    images = np.asarray(images, float)
    if images.shape[1] % 2 == 0:
        images = images[:, 1:, 1:]
    n = images.shape[1]
    mask = soft_disc(n, diameter)
    corners = images[:, mask == 0]
    data = image_coefficients((images - corners.mean(1)[:, None, None]) * mask)
    # a coefficient is a sum over pixels, so that its noise grows with those the mask keeps
    data /= corners.std() * np.sqrt((mask**2).sum())
    if shifts is not None:
        data *= np.exp(2j * np.pi / n * (np.asarray(shifts) @ half_disc(n).T))
    pair = np.stack([data.real, data.imag], axis=-1).astype(np.float32)
    return Particles(n, pair, np.asarray(ctf, np.float32), np.asarray(rotations, float))


def soft_disc(n: int, diameter: float, edge: float = 3.0) -> np.ndarray:
    """Return a mask (n, n), 1 inside and 0 beyond a disc of `diameter` times n, with a cosine edge of `edge` pixels inside it."""
    side = np.arange(n) - n // 2
    distance = np.hypot(side[:, None], side[None, :])
    return 0.5 - 0.5 * np.cos(np.pi * np.clip((diameter * n / 2 - distance) / edge, 0, 1))


def spectral_amplitude(particles: Particles) -> np.ndarray:
    """Return the radial root mean square amplitude of the signal before the CTF, per shell 0, ..., radius, (radius + 1,).

    The noise's mean square, 1, is taken off the data's; what is left is never less than a ten-thousandth of its largest.
    """
    radius = particles.n // 2
    shells = np.rint(np.linalg.norm(half_disc(particles.n), axis=1)).astype(int)
    points = np.bincount(shells, minlength=radius + 1)
    powers = [
        np.bincount(shells, part.mean(0), minlength=radius + 1) / points
        for part in ((particles.data**2).sum(-1), particles.ctf**2)
    ]
    signal = (powers[0] - 1) / powers[1]
    return np.sqrt(np.maximum(signal, 1e-4 * signal.max()))
