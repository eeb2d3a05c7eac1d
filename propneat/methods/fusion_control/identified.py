"""Identifying a plant's physical parameters while it is controlled: an extended Kalman filter through the differentiable plant."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from propneat.methods.fusion_control.kernel import Step, stepper
from propneat.methods.fusion_control.loop import DEVIATION_SCALE, Interface
from propneat.methods.fusion_control.plant import Plant, PlantSettings, make_state

__all__ = ["IDENTIFIED", "FilterSettings", "PhysicalModel", "with_slopes"]

IDENTIFIED = ("energy_confinement", "fuel_confinement", "ash_confinement", "reactivity_scale")
"""The settings of a plant that are identified, each as a factor on its nominal value."""


@dataclass(frozen=True)
class FilterSettings:
    """What the filter takes for granted; all relative, one standard deviation. The noise of instruments is known, 1 %."""

    noise: float = 0.01
    """Of instruments."""
    disturbance: float = 0.002
    """Of the state in a second, by what the plant's equations do not hold."""
    prior: float = 0.1
    """Of the factors at the start."""
    drift: float = 0.01
    """Of the factors in a second."""
    surprise: float = 5.0
    """Standard deviations of a prediction error beyond which a second counts as a surprise."""


class _Ahead(NamedTuple):
    state: torch.Tensor
    step: Step


class PhysicalModel:
    """The plant's own equations, with the state and four factors of every plant estimated from noisy measurements.

    Source: the extended Kalman filter; its derivatives by state and factors are automatic ones of `Plant.step`. Estimated are
    the five state variables relative to the operating point's, and the logarithms of the factors on `IDENTIFIED`, which are
    taken to wander. After some seconds: `factors`, shape (n_plants, 4).
    """

    def __init__(
        self, interface: Interface, n_plants: int, rng: np.random.Generator, settings: FilterSettings | None = None
    ) -> None:
        self.interface, self.settings, self.rng = interface, settings or FilterSettings(), rng
        self.nominal, self.plant = PlantSettings(), Plant().to(interface.measured.device)
        self.scale = make_state(*interface.measured)
        n = len(self.scale) + len(IDENTIFIED)
        self.estimate: torch.Tensor | None = None
        start = self.scale.new_tensor([self.settings.noise] * len(self.scale) + [self.settings.prior] * len(IDENTIFIED))
        self.covariance = torch.diag(start.square()).repeat(n_plants, 1, 1)
        wander = [self.settings.disturbance] * len(self.scale) + [self.settings.drift] * len(IDENTIFIED)
        self.wander = torch.diag(self.scale.new_tensor(wander).square())
        self.identity = torch.eye(n).to(self.wander)

    @property
    def factors(self) -> torch.Tensor:
        """Factors on the nominal values of `IDENTIFIED`, shape (n_plants, 4)."""
        return self.estimate[:, 5:].exp()

    def learn(self, last: torch.Tensor, used: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        """Take in a second, as `Model` has it."""
        if self.estimate is None:
            first = make_state(*self._measured(last).unbind(1)) / self.scale
            self.estimate = torch.cat([first, torch.zeros_like(first[:, : len(IDENTIFIED)])], dim=1)
        controls = self.interface.controls + self.interface.scales * used
        moved, slopes = with_slopes(lambda full: self._advance(full, controls), self.estimate)
        transition = self.identity.repeat(len(moved), 1, 1)
        transition[:, :5] = slopes
        full = torch.cat([moved, self.estimate[:, 5:]], dim=1)
        covariance = transition @ self.covariance @ transition.mT + self.wander
        seen, rows = with_slopes(self._see, full)
        error = self._measured(state) / self.interface.measured - seen
        noise = torch.diag_embed((self.settings.noise * seen).square())
        spread = rows @ covariance @ rows.mT + noise
        is_surprised = (error.square() > self.settings.surprise**2 * spread.diagonal(dim1=1, dim2=2)).any(dim=1)
        gain = torch.linalg.solve(spread, rows @ covariance).mT
        self.estimate = full + (gain @ error.unsqueeze(2)).squeeze(2)
        kept = self.identity - gain @ rows
        self.covariance = kept @ covariance @ kept.mT + gain @ noise @ gain.mT
        return is_surprised

    def begin(self, state: torch.Tensor) -> _Ahead:
        """Return the estimated states and the plants with the factors found."""
        plant = Plant(self._settings(self.estimate[:, 5:]))
        return _Ahead(self.estimate[:, :5] * self.scale, stepper(plant, len(state), state.device))

    def step(self, inner: _Ahead, used: torch.Tensor) -> _Ahead:
        """Return the same a second later."""
        controls = self.interface.controls + self.interface.scales * used
        return inner._replace(state=inner.step(inner.state, controls))

    def show(self, inner: _Ahead) -> torch.Tensor:
        """Return the deviations that instruments without noise would show."""
        return DEVIATION_SCALE * (self.plant.measure(inner.state) / self.interface.measured - 1)

    def see(self, inner: _Ahead) -> torch.Tensor:
        """Return the same with the noise of instruments, so that what is tuned on it does not trust them too much."""
        noise = torch.from_numpy(self.rng.standard_normal(inner.state.shape)).to(inner.state.device)
        measured = self.plant.measure(inner.state) * (1 + self.settings.noise * noise)
        return DEVIATION_SCALE * (measured / self.interface.measured - 1)

    def _measured(self, deviations: torch.Tensor) -> torch.Tensor:
        return self.interface.measured * (1 + deviations / DEVIATION_SCALE)

    def _settings(self, logarithms: torch.Tensor) -> PlantSettings:
        names = zip(IDENTIFIED, logarithms.exp().unbind(1), strict=True)
        return PlantSettings(**{name: getattr(self.nominal, name) * factor for name, factor in names})

    def _advance(self, full: torch.Tensor, controls: torch.Tensor) -> torch.Tensor:
        plant = Plant(self._settings(full[:, 5:])).to(full.device)
        return plant.step(full[:, :5] * self.scale, controls) / self.scale

    def _see(self, full: torch.Tensor) -> torch.Tensor:
        return self.plant.measure(full[:, :5] * self.scale) / self.interface.measured


def with_slopes(function: Callable[[torch.Tensor], torch.Tensor], full: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a function makes of rows (n, 9), shape (n, 5), and its derivative (n, 5, 9), without history."""
    with torch.enable_grad():
        at = full.detach().requires_grad_()
        values = function(at)
        rows = [torch.autograd.grad(column.sum(), at, retain_graph=True)[0] for column in values.unbind(1)]
    return values.detach(), torch.stack(rows, dim=1)
