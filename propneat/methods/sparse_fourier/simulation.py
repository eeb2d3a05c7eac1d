"""Simulated particles of a body with a swinging arm, whose spectra are known exactly: no interpolation in the truth."""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from propneat.base.errors import ConfigError
from propneat.methods.sparse_fourier.grid import half_disc
from propneat.methods.sparse_fourier.imaging import Optics, transfer
from propneat.methods.sparse_fourier.particles import Particles

__all__ = ["Blobs", "Simulation", "SwingingArm", "make_molecule", "simulate"]

_PARTICLES_AT_ONCE = 500


@dataclass(frozen=True)
class Blobs:
    """A density that is a sum of round Gaussians."""

    centres: np.ndarray
    """Centres (..., n_blobs, 3), columns x, y, z, in voxels from the middle of the box."""
    width: float
    """Standard deviation of every Gaussian, in voxels."""

    def spectrum(self, frequencies: np.ndarray, n: int) -> np.ndarray:
        """Return the exact Fourier transform, complex (n_points,), at frequencies (n_points, 3) in periods per box of n voxels.

        Every Gaussian has weight 1, so that the value at 0 is the number of blobs.
        """
        phases = np.exp(-2j * np.pi / n * (frequencies @ self.centres.T)).sum(1)
        return phases * _falloff(frequencies, n, self.width)

    def projections(self, rotations: np.ndarray, n: int) -> np.ndarray:
        """Return the exact slices, complex (n_slices, n_points) on the half disc, of the blobs turned by rotations.

        Centres have shape (n_slices, n_blobs, 3) and rotations (n_slices, 3, 3). The waves along x and along y are made
        apart and multiplied as matrices.
        """
        disc = half_disc(n)
        x, y = (np.einsum("bd,bad->ba", rotations[:, axis], self.centres) for axis in (0, 1))
        along_x = np.exp(-2j * np.pi / n * x[..., None] * np.arange(n // 2 + 1))
        along_y = np.exp(-2j * np.pi / n * y[..., None] * np.arange(-(n // 2), n // 2 + 1))
        plane = np.swapaxes(along_x, 1, 2) @ along_y
        return plane[:, disc[:, 0], disc[:, 1] + n // 2] * _falloff(disc, n, self.width)


@dataclass(frozen=True)
class SwingingArm:
    """A molecule with one degree of freedom: the angle about z of a straight arm on a body that stays."""

    body: np.ndarray
    """Centres of the body's blobs in voxels, (n_body, 3)."""
    radii: np.ndarray
    """Distances of the arm's blobs from the axis, in voxels, (n_arm,)."""
    width: float

    def at(self, angles: np.ndarray | float) -> Blobs:
        """Return the blobs at angles in radians, one molecule per angle; centres (n_body + n_arm, 3) for a single number."""
        angles = np.asarray(angles, float)[..., None]
        arm = np.stack([self.radii * np.cos(angles), self.radii * np.sin(angles), 0 * self.radii * angles], axis=-1)
        body = np.broadcast_to(self.body, (*arm.shape[:-2], *self.body.shape))
        return Blobs(np.concatenate([body, arm], axis=-2), self.width)


@dataclass(frozen=True)
class Simulation:
    """How particles are made. Raises ConfigError for values that cannot be used."""

    n: int = 33
    n_particles: int = 10_000
    snr: float = 1.0
    """Mean power of the signal over that of the noise, over all points of the half disc."""
    largest_angle: float = 1.0
    """Angles are uniform between its negative and it, in radians."""
    defocus: tuple[float, float] = (10_000.0, 25_000.0)
    """Range of the defocus in Angstrom."""
    optics: Optics = field(default_factory=Optics)

    def __post_init__(self) -> None:
        """Check that all can be used."""
        if self.n_particles < 2 or self.snr <= 0:
            raise ConfigError(f"n_particles must be 2 or more and snr positive, not {self.n_particles} and {self.snr}")


def make_molecule(n: int, rng: np.random.Generator, n_body: int = 40, n_arm: int = 14) -> SwingingArm:
    """Return a molecule for a box of n voxels, sizes growing with n.

    In 33 voxels, the body's blobs are spread with standard deviation 1.8 about the middle and the arm reaches from 2 to 7.
    """
    unit = n / 33
    return SwingingArm(1.8 * unit * rng.standard_normal((n_body, 3)), unit * np.linspace(2, 7, n_arm), unit)


def simulate(molecule: SwingingArm, plan: Simulation, rng: np.random.Generator) -> tuple[Particles, np.ndarray]:
    """Return particles in random orientations, and their hidden angles in radians, (n_particles,).

    X = CTF * slice + noise, divided by the root mean square of the noise.
    """
    n, total = plan.n, plan.n_particles
    rotations = Rotation.from_quat(rng.standard_normal((total, 4))).as_matrix()
    angles = rng.uniform(-plan.largest_angle, plan.largest_angle, total)
    ctf = transfer(half_disc(n), n, plan.optics, rng.uniform(*plan.defocus, total))
    signal = np.empty(ctf.shape, np.complex64)
    for start in range(0, total, _PARTICLES_AT_ONCE):
        rows = slice(start, start + _PARTICLES_AT_ONCE)
        signal[rows] = ctf[rows] * molecule.at(angles[rows]).projections(rotations[rows], n)
    noise = np.sqrt(np.mean(np.abs(signal) ** 2) / plan.snr)
    data = np.stack([signal.real, signal.imag], axis=-1) / noise
    data += np.sqrt(0.5) * rng.standard_normal(data.shape, dtype=np.float32)
    return Particles(n, data.astype(np.float32), ctf.astype(np.float32), rotations), angles


def _falloff(frequencies: np.ndarray, n: int, width: float) -> np.ndarray:
    return np.exp(-2 * (np.pi * width / n) ** 2 * (frequencies**2).sum(-1))
