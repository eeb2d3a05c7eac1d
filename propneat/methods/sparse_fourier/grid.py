"""The grid of Fourier coefficients of a real volume: half of the ball, the other half being the conjugate of it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree

from propneat.base.errors import ConfigError

__all__ = ["HalfBall", "half_ball", "half_disc", "image_coefficients", "image_of"]


@dataclass(frozen=True, eq=False)
class HalfBall:
    """Voxels (x, y, z) of whole frequencies with x >= 0 and length at most n // 2, as a flat list.

    A volume is an array (n, n, n) with axes z, y, x and its origin at the middle voxel. Frequencies count periods per box.
    On the plane x = 0 both of a pair of conjugates are stored.
    """

    n: int
    """Side of the box in voxels, odd."""
    voxels: np.ndarray
    """Whole frequencies (n_voxels, 3), columns x, y, z."""
    index: np.ndarray
    """Position in the list, int32 (r + 2, 2 r + 3, 2 r + 3) by x, y + r + 1, z + r + 1; outside the ball, that of the nearest."""

    @property
    def radius(self) -> int:
        """Largest frequency."""
        return self.n // 2

    @property
    def n_voxels(self) -> int:
        """Number of voxels stored, about (2 / 3) pi radius ** 3."""
        return len(self.voxels)

    @property
    def shells(self) -> np.ndarray:
        """Rounded length of every voxel's frequency, (n_voxels,)."""
        return np.rint(np.linalg.norm(self.voxels, axis=1)).astype(int)

    def coefficients(self, volume: np.ndarray) -> np.ndarray:
        """Return the complex coefficients (n_voxels,) of a real volume (n, n, n)."""
        x, y, z = self.voxels.T
        return np.fft.fftn(np.fft.ifftshift(volume))[z, y, x]

    def volume(self, coefficients: np.ndarray) -> np.ndarray:
        """Return the real volume (n, n, n) of coefficients (n_voxels,); pairs stored twice are averaged, the corners are 0."""
        full, count = np.zeros((self.n,) * 3, complex), np.zeros((self.n,) * 3)
        x, y, z = self.voxels.T
        for sign, values in ((1, coefficients), (-1, np.conj(coefficients))):
            full[sign * z, sign * y, sign * x] += values
            count[sign * z, sign * y, sign * x] += 1
        return np.fft.fftshift(np.fft.ifftn(full / np.maximum(count, 1)).real)


@lru_cache(maxsize=8)
def half_ball(n: int) -> HalfBall:
    """Return the grid of a box of n voxels a side. Raises ConfigError unless n is odd and 5 or more.

    Departure from the paper, which keeps 3 voxels of margin: slices stop at the ball's edge, so one is enough.
    """
    if n < 5 or n % 2 == 0:
        raise ConfigError(f"the box must be an odd number of voxels a side, 5 or more, not {n}")
    radius = n // 2
    side = np.arange(-radius - 1, radius + 2)
    places = np.stack(np.meshgrid(np.arange(radius + 2), side, side, indexing="ij"), axis=-1)
    inside = (places**2).sum(-1) <= radius**2
    voxels = places[inside]
    _, nearest = cKDTree(voxels).query(places.reshape(-1, 3))
    return HalfBall(n, voxels, nearest.reshape(inside.shape).astype(np.int32))


def half_disc(n: int) -> np.ndarray:
    """Return the frequencies (n_points, 2), columns x and y, that determine a real image: x > 0, or x = 0 and y >= 0."""
    radius = n // 2
    x, y = np.meshgrid(np.arange(radius + 1), np.arange(-radius, radius + 1), indexing="ij")
    keep = (x**2 + y**2 <= radius**2) & ((x > 0) | (y >= 0))
    return np.stack([x[keep], y[keep]], axis=1)


def image_coefficients(images: np.ndarray) -> np.ndarray:
    """Return the complex coefficients (n_images, n_points) on the half disc of images (n_images, n, n), axes y, x.

    The origin is the middle pixel.
    """
    x, y = half_disc(images.shape[-1]).T
    return np.fft.rfft2(np.fft.ifftshift(images, axes=(-2, -1)))[:, y, x]


def image_of(coefficients: np.ndarray, n: int) -> np.ndarray:
    """Return images (n_images, n, n) of coefficients (n_images, n_points) on the half disc; corners of the spectrum are 0."""
    x, y = half_disc(n).T
    full = np.zeros((len(coefficients), n, n), complex)
    full[:, -y, -x] = np.conj(coefficients)
    full[:, y, x] = coefficients
    return np.fft.fftshift(np.fft.ifft2(full).real, axes=(-2, -1))
