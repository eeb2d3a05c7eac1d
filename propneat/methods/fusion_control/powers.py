"""What heats and cools the plasma: radiation of electrons, and the exchange of heat between ions and electrons."""

import numpy as np
import torch
from scipy.special import kve

__all__ = ["COOLEST_KEV", "ELECTRON_REST_KEV", "JOULE_PER_UNIT", "bremsstrahlung", "exchange_rate", "relativistic_factor"]

ELECTRON_REST_KEV = 511.0
JOULE_PER_UNIT = 1.602176634e-2
"""Energy in J of 1e14 particles of 1 keV each: densities here are counted in 1e14 per cm^3."""

COOLEST_KEV = 50.0
"""Electron temperature below which radiation falls evenly to 0 and the exchange rate is held. The laws would cool electrons to
0 in finite time and couple them too stiffly for steps of a second there; a plant that cold has gone out and is flagged."""

EXCHANGE_SCALE = 1.5 * JOULE_PER_UNIT * 3.17e-9 * 1e14 / 1e3**1.5
BREMSSTRAHLUNG_SCALE = 1.69e-32 * 1e28 * (ELECTRON_REST_KEV * 1e3) ** 0.5
MOST_T = 1.0


def bremsstrahlung(electrons: torch.Tensor, charge_squares: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Return the power radiated, in W/cm^3, element by element.

    `electrons` is the electron density and `charge_squares` the sum of ion densities times Z^2, both in 1e14/cm^3, and
    `temperature` that of electrons in keV. The NRL formulary's coefficient with the relativistic corrections of Rider 1995
    as refined by Svensson and by Putvinski et al. 2019: with x = T_e / 511 keV,
    1.69e-32 n_e^2 sqrt(T_e / eV) (Z_eff (1 + 1.78 x^1.34) + 2.12 x (1 + 1.1 x + x^2 - 1.25 x^2.5)).
    Below COOLEST_KEV it falls in proportion to the temperature.
    """
    x = temperature.clamp(min=COOLEST_KEV) / ELECTRON_REST_KEV
    root = torch.sqrt(x)
    with_ions = charge_squares * (1 + 1.78 * x**1.34)
    among_electrons = 2.12 * electrons * x * (1 + x * (1.1 + x * (1 - 1.25 * root)))
    share = (temperature / COOLEST_KEV).clamp(max=1.0)
    return BREMSSTRAHLUNG_SCALE * share * electrons * root * (with_ions + among_electrons)


def exchange_rate(
    electrons: torch.Tensor, charge_squares_per_mass: torch.Tensor, temperature: torch.Tensor, ln_lambda: torch.Tensor | float
) -> torch.Tensor:
    """Return the power that ions pass to electrons per keV between their temperatures, W/(cm^3 keV), element by element.

    The sum over ions of 1.5 n nu R, with nu = 3.17e-9 Z^2 n_e ln Lambda / (A T_e^1.5) per second (NRL formulary, T_e in eV) and
    the relativistic factor R. `charge_squares_per_mass` is the sum of n Z^2 / A in 1e14/cm^3, A in atomic mass units;
    `temperature` is that of electrons in keV; below COOLEST_KEV the rate is held.
    """
    warm = temperature.clamp(min=COOLEST_KEV)
    return EXCHANGE_SCALE * ln_lambda * electrons * charge_squares_per_mass / (warm * warm.sqrt()) * relativistic_factor(warm)


def _exact_factor(t: np.ndarray) -> np.ndarray:
    """The factor by its closed form, t = T_e / 511 keV: (1 + 2 t + 2 t^2) sqrt(pi t / 2) exp(-1/t) / K_2(1/t)."""
    return (1 + 2 * t + 2 * t**2) * np.sqrt(np.pi * t / 2) / kve(2, 1 / t)


def _fit_factor() -> tuple[float, ...]:
    """Coefficients, highest power first, of a polynomial of degree 6 in t / (1 + t) through Chebyshev points of the range."""
    points = MOST_T / (1 + MOST_T) / 2 * (1 + np.cos(np.pi * (np.arange(7) + 0.5) / 7))
    return tuple(np.polyfit(points, _exact_factor(points / (1 - points)), 6).tolist())


FACTOR = _fit_factor()


def relativistic_factor(temperature: torch.Tensor) -> torch.Tensor:
    """Return R, by how much relativistic electrons at a temperature in keV exchange heat faster than classical ones.

    From the rate of Stepney and Guilbert 1983 between Maxwellians with ions cold and heavy. A polynomial stands in for the
    Bessel function, whose torch form cannot be differentiated: within 5e-6 of the closed form up to 511 keV, where it is held.
    """
    t = (temperature / ELECTRON_REST_KEV).clamp(max=MOST_T)
    u = t / (1 + t)
    factor = torch.full_like(u, FACTOR[0])
    for coefficient in FACTOR[1:]:
        factor = factor * u + coefficient
    return factor
