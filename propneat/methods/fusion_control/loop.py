"""The control loop: what a controller is shown, what its answer does, and the trajectory of plants under it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch

from propneat.methods.fusion_control.kernel import stepper
from propneat.methods.fusion_control.operating_point import OperatingPoint
from propneat.methods.fusion_control.plant import CONTROL_LIMITS, Plant
from propneat.methods.fusion_control.scenarios import TRACKED, Scenario

__all__ = [
    "CONTROL_SCALES",
    "LOOPS",
    "N_FEATURES",
    "N_SHOWN",
    "Interface",
    "Memory",
    "Policy",
    "Trajectory",
    "roll_out",
    "step_cost",
    "tracking_cost",
]

CONTROL_SCALES = (0.2, 0.05, 0.012, 0.0035)
"""What an answer of 1 adds to each control, in the units of CONTROLS."""

LOOPS = (0, 2, 3)
"""Positions in CONTROLS of what answers first to each of the three set-points: P_i, S_p and S_B."""

N_SHOWN = 11
"""How many of the features networks are shown: 5 measurements, 3 set-points, 3 integrals."""

N_FEATURES = 14
"""The same and the changes of 3 errors since the last step."""

DEVIATION_SCALE = 10.0
"""Deviations are shown in tenths of the operating point's values."""

_EFFORT = 1e-4

Policy = Callable[[torch.Tensor], torch.Tensor]
"""A controller: maps features (n_plants, N_FEATURES) to answers (n_plants, 4), added to the operating point's controls."""


class Memory(NamedTuple):
    """What the loop remembers between steps, each shape (n_plants, 3), one column per set-point."""

    integral: torch.Tensor
    """Integral of relative errors, s."""
    error: torch.Tensor
    """The last relative errors, set-point less measurement."""
    excess: torch.Tensor
    """By how much the last answers went beyond the actuators' range, signed, in their scales."""


@dataclass(frozen=True)
class Interface:
    """How measurements become features, and answers controls, about an operating point, on one device."""

    measured: torch.Tensor
    controls: torch.Tensor
    scales: torch.Tensor
    limits: torch.Tensor
    tracked: torch.Tensor
    """TRACKED as a tensor."""
    targets: torch.Tensor
    """The operating point's T_i, n_p and n_B."""
    loops: torch.Tensor
    """LOOPS as a tensor."""

    @classmethod
    def about(cls, point: OperatingPoint, device: str | torch.device = "cpu") -> "Interface":
        """Return the interface of an operating point."""
        scales, limits = (torch.tensor(numbers, dtype=torch.float64) for numbers in (CONTROL_SCALES, CONTROL_LIMITS))
        tracked, loops = torch.tensor(TRACKED), torch.tensor(LOOPS)
        parts = (point.measured, point.controls, scales, limits, tracked, point.measured[tracked], loops)
        return cls(*(part.to(device) for part in parts))

    def start(self, measured: torch.Tensor, setpoints: torch.Tensor) -> Memory:
        """Return the memory before the first step."""
        error = self._errors(measured, setpoints)
        return Memory(torch.zeros_like(error), error, torch.zeros_like(error))

    def _errors(self, measured: torch.Tensor, setpoints: torch.Tensor) -> torch.Tensor:
        return (setpoints - measured.index_select(1, self.tracked)) / self.targets

    def sense(self, measured: torch.Tensor, setpoints: torch.Tensor, memory: Memory) -> tuple[torch.Tensor, Memory]:
        """Return features (n_plants, N_FEATURES) and the memory with this step's errors.

        Measurements (n_plants, 5) and set-points (n_plants, 3) become deviations from the operating point in tenths of its
        values; so do changes of errors. Integrals of relative errors are in s. Against wind-up an error is not added to its
        integral while its actuator is at a limit and the error asks for more.
        """
        error = self._errors(measured, setpoints)
        integral = memory.integral + torch.where(error.detach() * memory.excess > 0, 0.0, error)
        parts = (
            DEVIATION_SCALE * (measured / self.measured - 1),
            DEVIATION_SCALE * (setpoints / self.targets - 1),
            integral,
            DEVIATION_SCALE * (error - memory.error),
        )
        return torch.cat(parts, dim=1), Memory(integral, error, memory.excess)

    def act(self, answer: torch.Tensor, memory: Memory) -> tuple[torch.Tensor, Memory]:
        """Return controls (n_plants, 4) within the actuators' range, and the memory with what lay beyond it."""
        wanted = self.controls + self.scales * answer
        controls = torch.minimum(wanted.clamp(min=0), self.limits)
        excess = ((wanted.detach() - controls.detach()) / self.scales).index_select(1, self.loops)
        return controls, memory._replace(excess=excess)


class Trajectory(NamedTuple):
    """What became of plants."""

    states: torch.Tensor
    """Shape (n_steps + 1, n_plants, 5)."""
    features: torch.Tensor
    """What the controller was shown, shape (n_steps, n_plants, N_FEATURES)."""
    controls: torch.Tensor
    """Shape (n_steps, n_plants, 4)."""


def roll_out(plant: Plant, interface: Interface, policy: Policy, scenario: Scenario) -> Trajectory:
    """Return the trajectory of plants in closed loop, one step per second; gradients flow through all of it."""
    step_plants = stepper(plant, scenario.n_plants, scenario.start.device)
    state = scenario.start
    states, features, controls, seen = [state], [], [], []
    memory = None
    for step in range(scenario.n_steps):
        seen.append(plant.measure(state) * scenario.noise[step])
        measured, setpoints = seen[max(step - scenario.delay, 0)], scenario.setpoints[step]
        memory = memory or interface.start(measured, setpoints)
        shown, memory = interface.sense(measured, setpoints, memory)
        used, memory = interface.act(policy(shown), memory)
        state = step_plants(state, used, scenario.drives(step))
        states.append(state)
        features.append(shown)
        controls.append(used)
    return Trajectory(torch.stack(states), torch.stack(features), torch.stack(controls))


def step_cost(interface: Interface, measured: torch.Tensor, setpoints: torch.Tensor, moves: torch.Tensor) -> torch.Tensor:
    """Return the cost of a second, over any leading axes.

    The squared relative errors of the true T_i, n_p and n_B (`measured` (..., 5) against `setpoints` (..., 3)), summed, and
    1e-4 times the squared `moves` of the four controls (..., 4) in their scales, summed.
    """
    errors = (measured[..., interface.tracked] - setpoints) / interface.targets
    return errors.square().sum(dim=-1) + _EFFORT * (moves / interface.scales).square().sum(dim=-1)


def tracking_cost(plant: Plant, interface: Interface, scenario: Scenario, trajectory: Trajectory) -> torch.Tensor:
    """Return every plant's mean of `step_cost`, shape (n_plants,): what controllers are trained on and judged by.

    States count at the ends of seconds; the first second has no moves.
    """
    moves = torch.diff(trajectory.controls, dim=0, prepend=trajectory.controls[:1])
    return step_cost(interface, plant.measure(trajectory.states[1:]), scenario.setpoints, moves).mean(dim=0)
