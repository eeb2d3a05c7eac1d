"""One plant in closed loop as a `gymnasium.Env`; import it through `make_environment`, which says what is missing."""

from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch

from propneat.methods.fusion_control.kernel import advance
from propneat.methods.fusion_control.loop import CONTROL_SCALES, LOOPS, N_FEATURES, Interface, Memory, step_cost
from propneat.methods.fusion_control.operating_point import find_operating_point
from propneat.methods.fusion_control.plant import CONTROL_LIMITS, MEASURED, Plant
from propneat.methods.fusion_control.scenarios import draw_scenarios

__all__ = ["PlantEnv"]

_BOUND = 100.0


class PlantEnv(gymnasium.Env):
    """Holding set-points of a proton-boron plant under noise, changing confinement and dust, one step per second.

    An action, float32 (4,), is each control's place in its range, -1 for none and 1 for the most. An observation, float32
    (14,), are the features that controllers are shown, cut at 100 in size. The reward is minus the cost of the second: the
    sum of squared relative errors of the true T_i, n_p and n_B and of 1e-4 times the squared moves of controls in their
    scales. An episode is terminated when T_i leaves 70 to 500 keV, where the reactivity is known, and truncated after
    `n_seconds`.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self, n_seconds: int = 300) -> None:
        self.n_seconds = n_seconds
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (4,), np.float32)
        self.observation_space = gymnasium.spaces.Box(-_BOUND, _BOUND, (N_FEATURES,), np.float32)
        self._plant = Plant()
        self._point = find_operating_point(self._plant)
        self._interface = Interface.about(self._point)
        self._limits = torch.tensor(CONTROL_LIMITS, dtype=torch.float64)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Draw a scenario as controllers are trained on; returns the first observation and what is true."""
        super().reset(seed=seed)
        self._scenario = draw_scenarios(self._point, self.np_random, 1, self.n_seconds)
        self._state, self._second = self._scenario.start, 0
        self._controls = self._interface.controls[None]
        self._memory: Memory | None = None
        return self._observe(), self._told()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Hold controls for one second; returns observation, reward, terminated, truncated, and what is true."""
        place = torch.from_numpy(np.clip(np.asarray(action, np.float64), -1, 1))[None]
        controls = self._limits * (place + 1) / 2
        self._memory = self._memory._replace(excess=((place == 1) * 1.0 - (place == -1) * 1.0)[:, LOOPS])
        self._state = advance(self._plant, self._state, controls, self._scenario.drives(self._second))
        measured = self._plant.measure(self._state)
        cost = step_cost(self._interface, measured, self._scenario.setpoints[self._second], controls - self._controls)
        self._controls = controls
        self._second += 1
        is_over = not bool(self._plant.is_in_range(self._state))
        return self._observe(), -float(cost), is_over, self._second >= self.n_seconds, self._told()

    def action_of(self, answer: np.ndarray) -> np.ndarray:
        """Return the action, float32 (4,), that does what a controller's answer (4,) asks for."""
        wanted = self._interface.controls.numpy() + np.array(CONTROL_SCALES) * answer
        return np.clip(2 * wanted / np.array(CONTROL_LIMITS) - 1, -1, 1).astype(np.float32)

    def _observe(self) -> np.ndarray:
        # the instruments of the last second serve once more after it
        second = min(self._second, self.n_seconds - 1)
        measured = self._plant.measure(self._state) * self._scenario.noise[second]
        setpoints = self._scenario.setpoints[second]
        self._memory = self._memory or self._interface.start(measured, setpoints)
        features, self._memory = self._interface.sense(measured, setpoints, self._memory)
        return features[0].clamp(-_BOUND, _BOUND).numpy().astype(np.float32)

    def _told(self) -> dict[str, Any]:
        see = self._plant.view(self._state)
        told = dict(zip(MEASURED, self._plant.measure(self._state)[0].tolist(), strict=True))
        return told | {"P_F": float(see.P_F), "P_B": float(see.P_B), "second": self._second}
