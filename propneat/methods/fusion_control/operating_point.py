"""Steady states of the plant: the operating point, its linearisation, and what the power balance allows anywhere."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq, minimize_scalar

from propneat.methods.fusion_control.plant import FUSION_JOULE, Plant, make_state
from propneat.methods.fusion_control.powers import JOULE_PER_UNIT
from propneat.methods.fusion_control.reactivity import integrated_reactivity, reactivity

__all__ = ["OperatingPoint", "best_margin", "eigenvalues", "find_operating_point", "gain", "linearise", "power_ratio"]


@dataclass(frozen=True)
class OperatingPoint:
    """A steady state and the controls that hold it, float64."""

    state: torch.Tensor
    """Shape (5,), columns as in `make_state`."""
    measured: torch.Tensor
    """Shape (5,), as in MEASURED."""
    controls: torch.Tensor
    """Shape (4,), as in CONTROLS."""
    gain: float
    """Q, fusion power per power of heating."""


def find_operating_point(plant: Plant, T_i: float = 300.0, n_e: float = 1.0, boron_share: float = 0.13) -> OperatingPoint:
    """Return the steady state of a plant of single numbers without electron heating.

    `T_i` is in keV, the electron density `n_e` in 1e14/cm^3, `boron_share` that of boron among fuel ions.
    """
    sigma_v = float(reactivity(torch.tensor(T_i, dtype=torch.float64), plant.fit) * plant.reactivity_scale) * 1e14
    tau_alpha = float(plant.ash_confinement)

    def densities(fuel: float) -> tuple[float, float, float]:
        n_p, n_B = (1 - boron_share) * fuel, boron_share * fuel
        return n_p, n_B, 3 * tau_alpha * sigma_v * n_p * n_B

    fuel = brentq(lambda f: np.dot(densities(f), (1, 5, 2)) - n_e, 0, n_e, xtol=1e-15)
    n_p, n_B, n_alpha = densities(fuel)
    none = torch.zeros(4, dtype=torch.float64)

    def rates(T_e: float) -> tuple[torch.Tensor, torch.Tensor]:
        numbers = torch.tensor([T_i, T_e, n_p, n_B, n_alpha], dtype=torch.float64)
        state = make_state(*numbers)
        return state, plant.derivative(state, none)

    state, rate = rates(brentq(lambda T_e: float(rates(T_e)[1][4]), 1.0, T_i, xtol=1e-13))
    see = plant.view(state)
    controls = torch.stack(
        [-rate[3], none[1], n_p / plant.fuel_confinement + see.fusions, n_B / plant.fuel_confinement + see.fusions]
    )
    return OperatingPoint(state, plant.measure(state), controls, float(see.P_F / controls[:2].sum()))


def linearise(plant: Plant, point: OperatingPoint) -> tuple[np.ndarray, np.ndarray]:
    """Return (A, B) of d state / dt about a steady state, shapes (5, 5) and (5, 4), rates per s of the state's units."""
    jacobian = torch.autograd.functional.jacobian(plant.derivative, (point.state, point.controls))
    return tuple(part.numpy() for part in jacobian)


def eigenvalues(plant: Plant, point: OperatingPoint) -> np.ndarray:
    """Return the real parts of the linearised plant's eigenvalues, per s, fastest first, shape (5,)."""
    return np.sort(np.linalg.eigvals(linearise(plant, point)[0]).real)


def _balanced(
    plant: Plant, T_i: float, boron_share: float, ash: float, sigma_v: float, tau_E: float, one_temperature: bool
) -> tuple[float, Any]:
    """Return the electron temperature, keV, in balance at n_e = 1e14/cm^3, and (P_F, P_B, W) in W/cm^3 and J/cm^3.

    `ash` is n_alpha per fuel ion, `sigma_v` in cm^3/s.
    """
    fuel = 1 / (1 + 4 * boron_share + 2 * ash)
    numbers = [torch.tensor(n, dtype=torch.float64) for n in ((1 - boron_share) * fuel, boron_share * fuel, ash * fuel)]
    P_F = FUSION_JOULE * 1e14 * sigma_v * float(numbers[0] * numbers[1])

    def see(T_e: float) -> Any:
        return plant.view(make_state(torch.tensor(T_i, dtype=torch.float64), torch.tensor(T_e, dtype=torch.float64), *numbers))

    def surplus(T_e: float) -> float:
        seen = see(T_e)
        return float(plant.electron_share) * P_F + float(seen.P_ie - seen.P_B) - 1.5 * JOULE_PER_UNIT * T_e / tau_E

    T_e = T_i if one_temperature else brentq(surplus, 1.0, T_i, xtol=1e-10)
    ions = float(sum(numbers))
    return T_e, (P_F, float(see(T_e).P_B), 1.5 * JOULE_PER_UNIT * (ions * T_i + T_e))


def _sigma_v(plant: Plant, T_i: float, integral: bool) -> float:
    if integral:
        return float(integrated_reactivity(T_i, plant.fit))
    return float(reactivity(torch.tensor(T_i, dtype=torch.float64), plant.fit))


def power_ratio(
    plant: Plant,
    T_i: float,
    boron_share: float = 0.13,
    ash: float = 0.0,
    *,
    integral: bool = False,
    one_temperature: bool = False,
) -> tuple[float, float]:
    """Return (P_F / P_B, T_e in keV) with electrons in balance: f_e P_F + P_ie = P_B (Putvinski 2019, equation 8).

    `ash` is n_alpha per fuel ion. `integral` takes the reactivity from the cross-section instead of the fit, and with
    `one_temperature` T_e is T_i instead.
    """
    sigma_v = _sigma_v(plant, T_i, integral)
    T_e, (P_F, P_B, _) = _balanced(plant, T_i, boron_share, ash, sigma_v, np.inf, one_temperature)
    return P_F / P_B, T_e


def best_margin(plant: Plant, boron_share: float = 0.13, **how: bool) -> tuple[float, float, float]:
    """Return (greatest P_F / P_B, T_i, T_e) over ion temperatures from 120 to 500 keV, in keV; see `power_ratio`."""
    found = minimize_scalar(
        lambda T: -power_ratio(plant, T, boron_share, **how)[0], bounds=(120, 500), method="bounded", options={"xatol": 0.1}
    )
    return -found.fun, float(found.x), power_ratio(plant, found.x, boron_share, **how)[1]


def gain(
    plant: Plant, T_i: float, tau_E: float, boron_share: float = 0.13, *, conducts: bool = True, integral: bool = False
) -> float:
    """Return Q = P_F / P_heat at an ion temperature in keV held by heating ions, n_e = 1e14/cm^3, no ash, tau_E in s.

    With `conducts` what electrons lose by W_e / tau_E cools them, as in the plant; without it only their radiation does, while
    heating still makes up for both (so Putvinski 2019). `integral` as in `power_ratio`. Infinite where no heating is needed:
    the plasma has ignited.
    """
    cooled = tau_E if conducts else np.inf
    _, (P_F, P_B, energy) = _balanced(plant, T_i, boron_share, 0.0, _sigma_v(plant, T_i, integral), cooled, False)
    heating = P_B + energy / tau_E - P_F
    return P_F / heating if heating > 0 else np.inf
