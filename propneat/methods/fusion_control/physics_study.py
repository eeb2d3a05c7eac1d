"""The physics sheet: what the model says about reactivity, power balance and gain, beside published numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq

from propneat.methods.fusion_control.kernel import advance
from propneat.methods.fusion_control.operating_point import (
    best_margin,
    eigenvalues,
    find_operating_point,
    gain,
    power_ratio,
)
from propneat.methods.fusion_control.plant import Drives, Plant, PlantSettings
from propneat.methods.fusion_control.powers import bremsstrahlung, exchange_rate
from propneat.methods.fusion_control.reactivity import FITS, integrated_reactivity, reactivity

__all__ = ["CHECK_KEV", "Q_KEV", "Q_SECONDS", "measure_physics"]

CHECK_KEV = (100, 150, 200, 300, 400, 500)
Q_KEV, Q_SECONDS = (150, 200, 250, 300, 350), (1, 10, 50, 100, 200, 500)
_ASH = (0.0, 0.02, 0.05, 0.1, 0.2)


def measure_physics(progress: Callable[[int, int], None] = lambda done, total: None) -> dict[str, Any]:
    """Return all numbers of the sheet, as plain values: temperatures in keV, powers in W/cm^3, <sigma v> in cm^3/s."""
    parts = (_reactivities, _vectors, _margins, _ratio_curves, _gains, _operation)
    sheet: dict[str, Any] = {}
    for number, part in enumerate(parts):
        sheet |= part()
        progress(number + 1, len(parts))
    return sheet


def _number(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _reactivities() -> dict[str, Any]:
    grid = np.linspace(40, 500, 47)

    def both(temperatures: np.ndarray, fit: str) -> dict[str, list[float]]:
        values = reactivity(torch.from_numpy(np.asarray(temperatures, float)), fit)
        return {"fit": values.tolist(), "integral": integrated_reactivity(np.asarray(temperatures, float), fit).tolist()}

    return {
        "reactivity": {"T_i": grid.tolist()} | {fit: both(grid, fit) for fit in FITS},
        "reactivity_checks": {fit: both(np.array(CHECK_KEV), fit) for fit in FITS},
        "reactivity_at_50": both(np.array([50.0]), "tentori-belloni"),
    }


def _vectors() -> dict[str, Any]:
    fuel = 1 / (0.87 + 5 * 0.13)
    per_mass = _number(fuel * (0.87 / 1.00728 + 0.13 * 25 / 11.00931))
    radiated = float(bremsstrahlung(_number(1.0), _number(2.71), _number(150.0)))
    # the classical law is what is left of the formula when x in its corrections goes to 0
    classical = 1.69e-32 * 1e28 * 150e3**0.5 * 2.71
    exchanged = float(150 * exchange_rate(_number(1.0), per_mass, _number(150.0), 17.0))
    return {"vectors": {"P_B": radiated, "P_B_ratio": radiated / classical, "P_ie": exchanged}}


def _margins() -> dict[str, Any]:
    plant, low = Plant(), Plant(fit="nevins-swain")
    cases = {
        "tentori-belloni": best_margin(plant, integral=True),
        "tentori-belloni, fit": best_margin(plant),
        "nevins-swain": best_margin(low, integral=True),
        "one temperature": best_margin(plant, 0.10, one_temperature=True),
        "ln_lambda 15": best_margin(Plant(PlantSettings(ln_lambda=15.0)), integral=True),
        "electron share 0.05": best_margin(Plant(PlantSettings(electron_share=0.05)), integral=True),
    }
    named = {name: dict(zip(("P_F/P_B", "T_i", "T_e"), map(float, found), strict=True)) for name, found in cases.items()}
    ash = {str(share): power_ratio(plant, 300.0, ash=share, integral=True)[0] for share in _ASH}
    return {"margins": named, "ash_at_300": ash}


def _ratio_curves() -> dict[str, Any]:
    grid = np.linspace(120, 500, 39)
    curves = {
        "Tentori-Belloni": [power_ratio(Plant(), T, integral=True)[0] for T in grid],
        "Nevins-Swain": [power_ratio(Plant(fit="nevins-swain"), T, integral=True)[0] for T in grid],
        "Tentori-Belloni, T_e = T_i": [power_ratio(Plant(), T, integral=True, one_temperature=True)[0] for T in grid],
        "Tentori-Belloni, 10 % ash": [power_ratio(Plant(), T, ash=0.1, integral=True)[0] for T in grid],
    }
    return {"power_ratio": {"T_i": grid.tolist(), **curves}}


def _gains() -> dict[str, Any]:
    plant = Plant()
    table = [[gain(plant, T, tau, conducts=False, integral=True) for tau in Q_SECONDS] for T in Q_KEV]
    conducting = [[gain(plant, T, tau, integral=True) for tau in Q_SECONDS] for T in Q_KEV]
    temperatures, seconds = np.linspace(100, 400, 21), np.geomspace(1, 1000, 19)
    grid = [[min(gain(plant, T, tau), 1e3) for tau in seconds] for T in temperatures]
    needed = {
        name: brentq(lambda tau, how=how: gain(plant, 300.0, tau, conducts=how, integral=True) - 10, 1, 1000)
        for name, how in (("radiation alone", False), ("conduction too", True))
    }
    return {
        "gain": {"T_i": list(Q_KEV), "tau_E": list(Q_SECONDS), "Q": table, "Q_conducting": conducting},
        "gain_map": {"T_i": temperatures.tolist(), "tau_E": seconds.tolist(), "Q": grid},
        "tau_for_ten_at_300": needed,
    }


def _operation() -> dict[str, Any]:
    plant = Plant()
    point = find_operating_point(plant)
    see = plant.view(point.state)
    rate = float(plant.derivative(point.state, point.controls).abs().max())
    return {
        "operating_point": {
            **{name: float(getattr(see, name)) for name in see._fields},
            "measured": point.measured.tolist(),
            "controls": point.controls.tolist(),
            "Q": point.gain,
            "largest_rate": rate,
            "eigenvalues": eigenvalues(plant, point).tolist(),
        },
        "step_error": _step_error(plant, point),
        "energy_error": _energy_error(plant, point),
    }


def _step_error(plant: Plant, point: Any) -> float:
    """Return how far 120 s without heating but with dust differ at steps of 1 s and of half a second, relative."""
    ends = []
    for n_parts in (1, 2):
        state, controls = point.state[None], point.controls[None] * torch.tensor([[0.5, 0.0, 1.0, 1.0]], dtype=torch.float64)
        path = []
        for second in range(120):
            for _ in range(n_parts):
                state = advance(plant, state, controls, Drives(0.8, 0.003 if second < 20 else 0.0), 1 / n_parts)
            path.append(state)
        ends.append(torch.cat(path))
    return float(((ends[0] - ends[1]) / ends[1]).abs().max())


def _energy_error(plant: Plant, point: Any) -> float:
    """Return what of d(W_i + W_e)/dt is not heating + fusion - radiation - losses, relative to the fusion power."""
    scale = torch.linspace(0.7, 1.3, 7, dtype=torch.float64)[:, None]
    state, controls = point.state * scale, point.controls * scale
    see, rate = plant.view(state), plant.derivative(state, controls)
    expected = controls[:, :2].sum(dim=1) + see.P_F - see.P_B - state[:, 3:].sum(dim=1) / plant.energy_confinement
    return float(((rate[:, 3:].sum(dim=1) - expected) / see.P_F).abs().max())
