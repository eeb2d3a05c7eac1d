"""The plant: densities and energies of a uniform proton-boron plasma as differential equations, differentiable throughout."""

from dataclasses import dataclass, fields
from typing import NamedTuple

import torch

from propneat.base.errors import ConfigError
from propneat.methods.fusion_control.powers import JOULE_PER_UNIT, bremsstrahlung, exchange_rate
from propneat.methods.fusion_control.reactivity import HIGHEST_KEV, LOWEST_KEV, find_fit, reactivity

__all__ = ["CALM", "CONTROLS", "CONTROL_LIMITS", "MEASURED", "Drives", "Plant", "PlantSettings", "PlasmaView", "make_state"]

FUSION_MEV = 8.68
"""Energy set free by p + 11B -> 3 alpha, all of it in the alpha particles (8.6819 from atomic masses, as used 8.68)."""

CONTROLS = ("P_i", "P_e", "S_p", "S_B")
"""Heating of ions and of electrons in W/cm^3, fuelling with protons and with boron in 1e14/(cm^3 s)."""

CONTROL_LIMITS = (0.5, 0.2, 0.05, 0.015)
"""What actuators can give at most, in the units of CONTROLS; the least is 0. Fuelling limits are ours: about four times
what the operating point needs."""

MEASURED = ("T_i", "T_e", "n_p", "n_B", "n_alpha")
"""What instruments see: temperatures in keV, densities in 1e14/cm^3."""

PROTON_MASS, BORON_MASS, ALPHA_MASS = 1.00728, 11.00931, 4.00151
FUSION_JOULE = FUSION_MEV * 1e3 * JOULE_PER_UNIT


@dataclass(frozen=True)
class PlantSettings:
    """What distinguishes one plant from another; every field is one number, or one for each plant."""

    energy_confinement: float | torch.Tensor = 50.0
    """tau_E in s, common to ions and electrons. A field of strength B would enter as tau_E ~ B^alpha."""
    fuel_confinement: float | torch.Tensor = 50.0
    """tau_p of protons and boron, in s."""
    ash_confinement: float | torch.Tensor = 10.0
    """tau_alpha of thermal alpha particles, in s."""
    ln_lambda: float | torch.Tensor = 17.0
    """Coulomb logarithm of the exchange between ions and electrons."""
    electron_share: float | torch.Tensor = 0.1
    """f_e: share of the alpha particles' energy that electrons take; about 0.1 at T_e of 100 to 200 keV (Putvinski 2019)."""
    reactivity_scale: float | torch.Tensor = 1.0
    """Factor on <sigma v>, for plants that differ from the model."""


class Drives(NamedTuple):
    """What acts on plants in an interval from outside the controller, each shape (n_plants,) or one number."""

    confinement: torch.Tensor | float = 1.0
    """Factor on tau_E."""
    dust: torch.Tensor | float = 0.0
    """Boron that falls in, in 1e14/(cm^3 s), neutralised and cold."""


CALM = Drives()
"""Confinement as set, and no dust."""


class PlasmaView(NamedTuple):
    """A state seen as temperatures, densities and powers, every entry of shape (n_plants,)."""

    T_i: torch.Tensor
    """Ion temperature, keV."""
    T_e: torch.Tensor
    """Electron temperature, keV."""
    n_e: torch.Tensor
    """Electron density, 1e14/cm^3: n_p + 5 n_B + 2 n_alpha."""
    fusions: torch.Tensor
    """Reactions R = n_p n_B <sigma v>, 1e14/(cm^3 s)."""
    P_F: torch.Tensor
    """Fusion power, W/cm^3."""
    P_B: torch.Tensor
    """Power radiated, W/cm^3."""
    P_ie: torch.Tensor
    """Power passed from ions to electrons, W/cm^3."""


def make_state(
    T_i: torch.Tensor, T_e: torch.Tensor, n_p: torch.Tensor, n_B: torch.Tensor, n_alpha: torch.Tensor
) -> torch.Tensor:
    """Return states (n_plants, 5) from temperatures in keV and densities in 1e14/cm^3, each shape (n_plants,).

    Columns are n_p, n_B, n_alpha in 1e14/cm^3 and the energies of ions and of electrons, W_i and W_e, in J/cm^3.
    """
    W_i = 1.5 * JOULE_PER_UNIT * (n_p + n_B + n_alpha) * T_i
    W_e = 1.5 * JOULE_PER_UNIT * (n_p + 5 * n_B + 2 * n_alpha) * T_e
    return torch.stack([n_p, n_B, n_alpha, W_i, W_e], dim=-1)


class Plant(torch.nn.Module):
    """Many plants at once, each of five state variables, advanced together; columns of a state as in `make_state`.

        dn_p/dt = S_p - n_p / tau_p - R;   dn_B/dt = S_B + dust - n_B / tau_p - R;   dn_alpha/dt = 3 R - n_alpha / tau_alpha
        dW_i/dt = P_i + (1 - f_e) P_F - P_ie - W_i / tau_E;   dW_e/dt = P_e + f_e P_F + P_ie - P_B - W_e / tau_E

    All is uniform in space, ions share one temperature, alpha particles slow down at once, there is no synchrotron radiation,
    and electrons that enter or leave with fuel carry no energy of their own. All numbers are float64. The settings are buffers,
    so that they move with the module; gradients flow through states, controls and drives.
    """

    def __init__(self, settings: PlantSettings | None = None, fit: str = "tentori-belloni") -> None:
        super().__init__()
        find_fit(fit)
        self.fit = fit
        settings = settings or PlantSettings()
        for field in fields(settings):
            value = torch.as_tensor(getattr(settings, field.name), dtype=torch.float64)
            is_share = field.name == "electron_share"
            is_usable = (value >= 0) & (value <= 1) if is_share else (value > 0) & value.isfinite()
            if not bool(is_usable.all()):
                allowed = "from 0 to 1" if is_share else "positive"
                raise ConfigError(f"{field.name} must be {allowed}, not {getattr(settings, field.name)}")
            self.register_buffer(field.name, value)
        self.register_buffer("limits", torch.tensor(CONTROL_LIMITS, dtype=torch.float64))

    def view(self, state: torch.Tensor) -> PlasmaView:
        """Return temperatures, densities and powers of states (n_plants, 5)."""
        return self._view(*state.unbind(-1))

    def _view(
        self, n_p: torch.Tensor, n_B: torch.Tensor, n_alpha: torch.Tensor, W_i: torch.Tensor, W_e: torch.Tensor
    ) -> PlasmaView:
        n_e = n_p + 5 * n_B + 2 * n_alpha
        T_i = W_i / (n_p + n_B + n_alpha) / (1.5 * JOULE_PER_UNIT)
        T_e = W_e / n_e / (1.5 * JOULE_PER_UNIT)
        fusions = n_p * n_B * reactivity(T_i, self.fit) * (1e14 * self.reactivity_scale)
        P_B = bremsstrahlung(n_e, n_p + 25 * n_B + 4 * n_alpha, T_e)
        per_mass = n_p / PROTON_MASS + n_B * (25 / BORON_MASS) + n_alpha * (4 / ALPHA_MASS)
        P_ie = exchange_rate(n_e, per_mass, T_e, self.ln_lambda) * (T_i - T_e)
        return PlasmaView(T_i, T_e, n_e, fusions, FUSION_JOULE * fusions, P_B, P_ie)

    def derivative(self, state: torch.Tensor, controls: torch.Tensor, drives: Drives = CALM) -> torch.Tensor:
        """Return d state / dt, shape (n_plants, 5), for controls (n_plants, 4) in the units and order of CONTROLS."""
        n_p, n_B, n_alpha, W_i, W_e = state.unbind(-1)
        P_i, P_e, S_p, S_B = controls.unbind(-1)
        see = self._view(n_p, n_B, n_alpha, W_i, W_e)
        tau_E = self.energy_confinement * drives.confinement
        to_electrons = self.electron_share * see.P_F
        rates = (
            S_p - n_p / self.fuel_confinement - see.fusions,
            S_B + drives.dust - n_B / self.fuel_confinement - see.fusions,
            3 * see.fusions - n_alpha / self.ash_confinement,
            P_i + see.P_F - to_electrons - see.P_ie - W_i / tau_E,
            P_e + to_electrons + see.P_ie - see.P_B - W_e / tau_E,
        )
        return torch.stack(rates, dim=-1)

    def step(self, state: torch.Tensor, controls: torch.Tensor, drives: Drives = CALM, seconds: float = 1.0) -> torch.Tensor:
        """Return the states after some seconds under constant controls and drives, by one step of the classical Runge-Kutta.

        Shapes as in `derivative`. At one second trajectories agree with those of half the step to 0.02 %.
        """
        half = seconds / 2
        k1 = self.derivative(state, controls, drives)
        k2 = self.derivative(state + half * k1, controls, drives)
        k3 = self.derivative(state + half * k2, controls, drives)
        k4 = self.derivative(state + seconds * k3, controls, drives)
        return state + seconds / 6 * (k1 + 2 * (k2 + k3) + k4)

    def measure(self, state: torch.Tensor) -> torch.Tensor:
        """Return what instruments without noise would show, shape (n_plants, 5), in the units and order of MEASURED."""
        n_p, n_B, n_alpha, W_i, W_e = state.unbind(-1)
        T_i = W_i / (n_p + n_B + n_alpha) / (1.5 * JOULE_PER_UNIT)
        T_e = W_e / (n_p + 5 * n_B + 2 * n_alpha) / (1.5 * JOULE_PER_UNIT)
        return torch.stack([T_i, T_e, n_p, n_B, n_alpha], dim=-1)

    def is_in_range(self, state: torch.Tensor) -> torch.Tensor:
        """Return whether the reactivity's fit was made for the ion temperatures of states, bool (n_plants,)."""
        T_i = self.measure(state)[..., 0]
        return (T_i >= LOWEST_KEV) & (T_i <= HIGHEST_KEV)
