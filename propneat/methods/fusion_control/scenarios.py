"""What happens to a plant: set-points, changing confinement, boron dust, noise of instruments, where it starts."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from propneat.methods.fusion_control.operating_point import OperatingPoint
from propneat.methods.fusion_control.plant import Drives, make_state

__all__ = ["SCRIPT_SECONDS", "TRACKED", "Scenario", "draw_scenarios", "make_script"]

TRACKED = (0, 2, 3)
"""Positions in MEASURED of what has set-points: T_i, n_p and n_B."""

SCRIPT_SECONDS = 300


@dataclass(frozen=True)
class Scenario:
    """Drawn beforehand for every plant and second, float64, so that every controller meets the same."""

    start: torch.Tensor
    """First state, shape (n_plants, 5)."""
    setpoints: torch.Tensor
    """Wanted T_i in keV, n_p and n_B in 1e14/cm^3, shape (n_steps, n_plants, 3)."""
    confinement: torch.Tensor
    """Factor on tau_E, shape (n_steps, n_plants)."""
    dust: torch.Tensor
    """Boron falling in, 1e14/(cm^3 s), shape (n_steps, n_plants)."""
    noise: torch.Tensor
    """Factors on what instruments show, shape (n_steps, n_plants, 5)."""
    delay: int = 0
    """How many steps old measurements are."""

    @property
    def n_steps(self) -> int:
        """Number of steps, of one second each."""
        return len(self.setpoints)

    @property
    def n_plants(self) -> int:
        """Number of plants."""
        return len(self.start)

    def drives(self, step: int) -> Drives:
        """Return what acts on the plants in a step."""
        return Drives(self.confinement[step], self.dust[step])

    def repeat(self, n_copies: int) -> "Scenario":
        """Return the same for copies of all plants, one whole set after the other."""
        changed = {name: getattr(self, name).repeat(1, n_copies, 1) for name in ("setpoints", "noise")}
        changed |= {name: getattr(self, name).repeat(1, n_copies) for name in ("confinement", "dust")}
        return replace(self, start=self.start.repeat(n_copies, 1), **changed)

    def to(self, device: str | torch.device) -> "Scenario":
        """Return the same on a device."""
        names = ("start", "setpoints", "confinement", "dust", "noise")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def draw_scenarios(
    point: OperatingPoint, rng: np.random.Generator, n_plants: int, n_steps: int, noise: float = 0.01
) -> Scenario:
    """Draw what controllers are trained and judged on, every plant on its own.

    Plants start within 10 % of the operating point. T_i is wanted at 280 to 330 keV and from some second on at another such
    value, the fuels within 5 % of the operating point. tau_E is off by up to 25 %, and from another second on by another such
    factor. Every second plant is dusted for 10 to 30 s with up to 0.004e14/(cm^3 s). Instruments err by `noise`, relative,
    one standard deviation, anew in every second.
    """
    seconds = np.arange(n_steps)[:, None]
    nominal = point.measured.numpy()

    def in_two_parts(low: float, high: float) -> np.ndarray:
        first, second = rng.uniform(low, high, (2, n_plants))
        return np.where(seconds < rng.integers(0, n_steps, n_plants), first, second)

    setpoints = np.empty((n_steps, n_plants, 3))
    setpoints[:, :, 0] = in_two_parts(280, 330)
    setpoints[:, :, 1:] = nominal[[2, 3]] * rng.uniform(0.95, 1.05, (n_plants, 2))
    begin, lasts = rng.integers(-20, n_steps, n_plants), rng.integers(10, 31, n_plants)
    amount = rng.uniform(0, 0.004, n_plants) * (rng.random(n_plants) < 0.5)
    dust = amount * ((seconds >= begin) & (seconds < begin + lasts))
    start = torch.from_numpy(nominal * rng.uniform(0.9, 1.1, (n_plants, 5)))
    return Scenario(
        make_state(*start.T),
        torch.from_numpy(setpoints),
        torch.from_numpy(in_two_parts(0.75, 1.25)),
        torch.from_numpy(dust),
        torch.from_numpy(1 + noise * rng.standard_normal((n_steps, n_plants, 5))),
    )


def make_script(
    point: OperatingPoint,
    rng: np.random.Generator,
    n_plants: int,
    *,
    last_confinement: float = 0.8,
    is_ramp: bool = False,
    noise: float = 0.01,
    delay: int = 0,
) -> Scenario:
    """Return the test of 300 s, the same for all plants but for the noise of their instruments.

    From the operating point, T_i is wanted at 330 keV from 20 s on; tau_E falls by the factor `last_confinement` at 120 s, or
    with `is_ramp` evenly from 60 s to 240 s; boron dust of 0.003e14/(cm^3 s) falls from 200 s to 220 s.
    """
    seconds = torch.arange(SCRIPT_SECONDS, dtype=torch.float64)
    setpoints = point.measured[list(TRACKED)].repeat(SCRIPT_SECONDS, 1)
    setpoints[20:, 0] = 330.0
    fallen = ((seconds - 60) / 180).clamp(0, 1) if is_ramp else (seconds >= 120).to(torch.float64)
    dust = 0.003 * ((seconds >= 200) & (seconds < 220)).to(torch.float64)
    errors = torch.from_numpy(rng.standard_normal((SCRIPT_SECONDS, n_plants, 5)))
    return Scenario(
        point.state.repeat(n_plants, 1),
        setpoints[:, None].repeat(1, n_plants, 1),
        (1 - (1 - last_confinement) * fallen)[:, None].repeat(1, n_plants),
        dust[:, None].repeat(1, n_plants),
        1 + noise * errors,
        delay,
    )
