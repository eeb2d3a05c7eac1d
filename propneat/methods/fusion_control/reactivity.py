"""How fast protons and boron-11 fuse: two published fits of the thermal reactivity, and the integral they stand for."""

from dataclasses import dataclass

import numpy as np
import torch

from propneat.base.errors import ConfigError

__all__ = ["FITS", "HIGHEST_KEV", "LOWEST_KEV", "integrated_reactivity", "reactivity", "s_factor"]

LOWEST_KEV, HIGHEST_KEV = 70.0, 500.0
"""Ion temperatures between which the fits were made; the plant flags what lies outside."""

FLOOR_KEV = 5.0
REDUCED_MASS_KEV = 859_526.0
GAMOW_KEV = 22_589.0
_SPEED_OF_LIGHT = 2.99792458e10


@dataclass(frozen=True)
class _Fit:
    """P1 to P7 of the fit (P1 in m^3/s, the others in powers of 1/keV), and the cross-section behind it.

    The S factor in MeV barn has three segments over the energy E in the centre of mass in keV: below 400 a parabola beside the
    148 keV resonance, up to `knee` a polynomial in (E - 400) / 100, above it four Lorentzian peaks on a constant.
    """

    constants: tuple[float, ...]
    low: tuple[float, float, float]
    middle: tuple[float, float, float, float]
    knee: float
    peaks: tuple[tuple[float, float, float], ...]
    floor: float


FITS = {
    "tentori-belloni": _Fit(
        (9.7827e-14, -5.1610e-2, 1.3240e-1, 3.8446e-4, 1.2499e-3, -5.6715e-6, 1.1615e-6),
        (197.0, 0.269, 2.54e-4),
        (346.0, 150.0, -59.9, -0.460),
        668.0,
        ((1.98e6, 640.9, 85.5), (3.89e6, 1211.0, 414.0), (1.36e6, 2340.0, 221.0), (3.71e6, 3294.0, 351.0)),
        0.381,
    ),
    "nevins-swain": _Fit(
        (4.4467e-14, -5.9357e-2, 2.0165e-1, 1.0404e-3, 2.7621e-3, -9.1653e-6, 9.8305e-7),
        (197.0, 0.240, 2.31e-4),
        (330.0, 66.1, -20.3, -1.58),
        642.0,
        ((2.57e6, 581.3, 85.7), (5.67e5, 1083.0, 234.0), (1.34e5, 2405.0, 138.0), (5.68e5, 3344.0, 309.0)),
        4.38,
    ),
}
"""Tentori and Belloni 2023 and Nevins and Swain 2000. The second's segments above 400 keV are given as remembered in the
literature: the integral reproduces its published values to 0.1 % up to 400 keV and to 1 % up to 600 keV."""


def find_fit(name: str) -> _Fit:
    """Return a fit by its name. Raises ConfigError for an unknown one."""
    if name not in FITS:
        raise ConfigError(f"the reactivity is one of {', '.join(FITS)}, not {name!r}")
    return FITS[name]


def reactivity(temperature: torch.Tensor, fit: str = "tentori-belloni") -> torch.Tensor:
    """Return <sigma v> in cm^3/s at ion temperatures in keV, element by element.

    The form of Bosch and Hale 1992, equations 12 to 14. It holds from 70 to 500 keV. Above it is held at its value at 500 keV;
    below it is extended, which is 9 % low at 50 keV, where fusion is a hundredth of that at 300 keV, and far nearer to the
    truth than holding it would be. What the narrow resonance at 148 keV adds, 5.41e-15 T^-1.5 exp(-148 / T), at most 2 % from
    100 keV on, is left out.
    """
    p1, p2, p3, p4, p5, p6, p7 = find_fit(fit).constants
    t = temperature.clamp(FLOOR_KEV, HIGHEST_KEV)
    theta = t / (1 - t * (p2 + t * (p4 + t * p6)) / (1 + t * (p3 + t * (p5 + t * p7))))
    xi = (GAMOW_KEV / 4 / theta) ** (1 / 3)
    return 1e6 * p1 * theta * torch.sqrt(xi / (REDUCED_MASS_KEV * t * t * t)) * torch.exp(-3 * xi)


def s_factor(energy: np.ndarray, fit: str = "tentori-belloni") -> np.ndarray:
    """Return the astrophysical S factor, in keV barn, at energies in keV in the centre of mass, element by element."""
    chosen = find_fit(fit)
    c0, c1, c2 = chosen.low
    low = c0 + c1 * energy + c2 * energy**2 + 1.82e4 / ((energy - 148) ** 2 + 2.35**2)
    d0, d1, d2, d5 = chosen.middle
    e = (energy - 400) / 100
    middle = d0 + d1 * e + d2 * e**2 + d5 * e**5
    high = chosen.floor + sum(height / ((energy - centre) ** 2 + width**2) for height, centre, width in chosen.peaks)
    return 1e3 * np.where(energy < 400, low, np.where(energy < chosen.knee, middle, high))


def integrated_reactivity(temperature: np.ndarray, fit: str = "tentori-belloni") -> np.ndarray:
    """Return <sigma v> in cm^3/s at temperatures in keV, element by element, from the cross-section.

    <sigma v> = sqrt(8 / (pi mu)) T^(-3/2) int S(E) exp(-sqrt(E_G / E) - E / T) dE, by the trapezium rule in steps of 0.2 keV
    to 6 MeV, fine enough for the resonance, 2.35 keV wide.
    """
    energy = np.arange(0.2, 6000.0, 0.2)
    t = np.asarray(temperature, float)[..., None]
    integrand = s_factor(energy, fit) * np.exp(-np.sqrt(GAMOW_KEV / energy) - energy / t)
    area = 1e-24 * np.trapezoid(integrand, energy)
    return _SPEED_OF_LIGHT * np.sqrt(8 / (np.pi * REDUCED_MASS_KEV)) * t[..., 0] ** -1.5 * area
