"""Learning from feedback while in control: a model that identifies the plant, and a controller updated through it.

The model is a network that learns changes of noisy measurements, or the plant itself with parameters that are identified.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from propneat.methods.fusion_control.controllers import NeuralController
from propneat.methods.fusion_control.loop import DEVIATION_SCALE, Interface, Policy, roll_out
from propneat.methods.fusion_control.tuning import Bench

__all__ = ["THROUGH_PHYSICS", "LearntModel", "Model", "OnlineController", "OnlineSettings", "pretrain_identifier"]

_N_STATE, _N_ANSWER = 5, 4


@dataclass(frozen=True)
class OnlineSettings:
    """How a controller learns in use. All of this is our reading: the paper says no more than that it adapts to feedback."""

    learning_rate: float = 1e-3
    """Of the identifier."""
    controller_rate: float = 1e-4
    """Of the controller, in each second."""
    horizon: int = 10
    """Seconds that the controller is looked ahead with."""
    replay: int = 256
    """Last seconds that the identifier learns from."""
    batch_size: int = 32
    trust: float = 0.05
    """Most that one update may change any control, as a share of its range: 5 % in a second."""
    surprise: float = 5.0
    """Standard deviations of a prediction error beyond which the controller is not updated in that second."""
    effort: float = 0.0
    """Weight of squared moves of the controls, in their scales; 1e-4 in the cost that controllers are trained on."""
    memory: float = 0.98
    """Share that the running variance of prediction errors keeps per second."""


THROUGH_PHYSICS = OnlineSettings(controller_rate=2e-4, horizon=30, effort=1e-4)
"""For the controller that is updated through the plant's own equations."""


def pretrain_identifier(
    bench: Bench,
    policy: Policy,
    rng: np.random.Generator,
    *,
    n_plants: int = 64,
    n_steps: int = 100,
    n_updates: int = 600,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> NeuralController:
    """Return a network 9-64-5 that predicts the change of measurements in a second, trained on the nominal physics.

    Inputs are the deviations of measurements and the answers of the controls used, in the units of features; so are outputs.
    The data are the plant's own, without noise of instruments, under the policy and random answers on top.
    """
    with torch.no_grad():
        scenario = bench.scenarios(n_plants, n_steps, "identifier")
        extra = torch.from_numpy(0.5 * rng.standard_normal((n_steps, n_plants, _N_ANSWER))).to(bench.device)
        answers = iter(extra)
        trajectory = roll_out(bench.plant, bench.interface, lambda features: policy(features) + next(answers), scenario)
        states = DEVIATION_SCALE * (bench.plant.measure(trajectory.states) / bench.interface.measured - 1)
        used = (trajectory.controls - bench.interface.controls) / bench.interface.scales
        inputs = torch.cat([states[:-1], used], dim=2).flatten(0, 1)
        targets = (states[1:] - states[:-1]).flatten(0, 1)
    network = NeuralController((_N_STATE + _N_ANSWER, 64, _N_STATE), rng).to(bench.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    with torch.enable_grad():
        for update in range(n_updates):
            rows = torch.from_numpy(rng.integers(0, len(inputs), 256)).to(bench.device)
            optimiser.zero_grad()
            (network(inputs[rows]) - targets[rows]).square().mean().backward()
            optimiser.step()
            progress(update + 1, n_updates)
    return network


class Model(Protocol):
    """What is known of every plant, and how it foresees."""

    def learn(self, last: torch.Tensor, used: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        """Take in a second: deviations before (n_plants, 5), answers used (n_plants, 4), deviations after.

        Returns where that was a surprise, bool (n_plants,).
        """

    def begin(self, state: torch.Tensor) -> Any:
        """Return from where to look ahead, at deviations (n_plants, 5) that were measured."""

    def step(self, inner: Any, used: torch.Tensor) -> Any:
        """Return the same a second later under answers used (n_plants, 4); gradients flow through both."""

    def show(self, inner: Any) -> torch.Tensor:
        """Return the true deviations (n_plants, 5)."""

    def see(self, inner: Any) -> torch.Tensor:
        """Return the deviations (n_plants, 5) that instruments would show."""


class LearntModel:
    """A network that predicts changes of measurements, one copy for every plant, a step of Adam on replayed seconds in each."""

    def __init__(
        self, identifier: NeuralController, n_plants: int, rng: np.random.Generator, settings: OnlineSettings | None = None
    ) -> None:
        self.settings, self.rng = settings or OnlineSettings(), rng
        self.identifier = identifier.copies(n_plants)
        self.optimiser = torch.optim.Adam(self.identifier.parameters(), lr=self.settings.learning_rate)
        self.replay: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.variance: torch.Tensor | None = None

    def learn(self, last: torch.Tensor, used: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        """See `Model`. Surprises are errors beyond 5 running standard deviations."""
        both, change = torch.cat([last, used], dim=1), state - last
        with torch.no_grad():
            squares = (change - self.identifier(both)).square()
        if self.variance is None:
            self.variance = squares.mean(dim=0, keepdim=True).expand_as(squares)
        is_surprised = (squares > self.settings.surprise**2 * self.variance).any(dim=1)
        self.variance = self.settings.memory * self.variance + (1 - self.settings.memory) * squares
        self.replay = [*self.replay, (both, change)][-self.settings.replay :]
        chosen = self.rng.integers(0, len(self.replay), self.settings.batch_size)
        inputs, targets = (torch.stack([self.replay[k][part] for k in chosen], dim=1).flatten(0, 1) for part in (0, 1))
        self.optimiser.zero_grad()
        (self.identifier(inputs) - targets).square().mean(dim=1).sum().div(self.settings.batch_size).backward()
        self.optimiser.step()
        return is_surprised

    def begin(self, state: torch.Tensor) -> torch.Tensor:
        """See `Model`."""
        return state

    def step(self, inner: torch.Tensor, used: torch.Tensor) -> torch.Tensor:
        """See `Model`."""
        return inner + self.identifier(torch.cat([inner, used], dim=1))

    def show(self, inner: torch.Tensor) -> torch.Tensor:
        """See `Model`."""
        return inner

    def see(self, inner: torch.Tensor) -> torch.Tensor:
        """See `Model`; noise is not foreseen."""
        return inner


class OnlineController:
    """A policy that learns while it controls, one copy of the network for every plant; use it for one roll-out.

    In every second (a) the model takes in what was measured; (b) the controller makes one step of Adam on its predicted
    tracking cost over the next seconds through the model, limited so that no control changes by more than 5 % of its range
    for it; (c) not where the model was surprised, nor where numbers are no longer finite. After a roll-out: `n_frozen`,
    updates left out, shape (n_plants,), and `distance`, how far each controller's numbers are from where they began,
    relative, (n_plants,).
    """

    def __init__(
        self,
        interface: Interface,
        controller: NeuralController,
        model: Model,
        n_plants: int,
        settings: OnlineSettings | None = None,
    ) -> None:
        self.interface, self.model = interface, model
        self.settings = settings = settings or OnlineSettings()
        self.controller = controller.copies(n_plants)
        self.first = [parameter.detach().clone() for parameter in self.controller.parameters()]
        self.optimiser = torch.optim.Adam(self.controller.parameters(), lr=settings.controller_rate)
        self.last: tuple[torch.Tensor, torch.Tensor] | None = None
        self.n_frozen = interface.controls.new_zeros(n_plants)

    @property
    def distance(self) -> torch.Tensor:
        """How far the controllers' numbers have moved, relative to their size, shape (n_plants,)."""
        parts = list(zip(self.controller.parameters(), self.first, strict=True))
        moved = sum((now.detach() - then).square().flatten(1).sum(dim=1) for now, then in parts)
        return (moved / sum(then.square().flatten(1).sum(dim=1) for _, then in parts)).sqrt()

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """Learn from what the last answer led to, and return answers (n_plants, 4) to features (n_plants, N_FEATURES)."""
        state = features[:, :_N_STATE]
        if self.last is not None:
            with torch.enable_grad():
                self._improve(features, self.model.learn(*self.last, state))
        with torch.no_grad():
            answer = self.controller(features)
            self.last = state, self._used(answer)
        return answer

    def _used(self, answer: torch.Tensor) -> torch.Tensor:
        """Return answers as far as actuators can follow them."""
        plane = self.interface
        wanted = plane.controls + plane.scales * answer
        return (torch.minimum(wanted.clamp(min=0), plane.limits) - plane.controls) / plane.scales

    def _improve(self, features: torch.Tensor, is_surprised: torch.Tensor) -> None:
        """Update the controllers through the model, within the trust region and not where surprised."""
        parameters = list(self.controller.parameters())
        before = [parameter.detach().clone() for parameter in parameters]
        with torch.no_grad():
            answer = self.controller(features)
        self.optimiser.zero_grad()
        self._predicted_cost(features).sum().backward()
        self.optimiser.step()
        with torch.no_grad():
            change = (self.controller(features) - answer).abs() * self.interface.scales / self.interface.limits
            share = (self.settings.trust / change.amax(dim=1).clamp(min=1e-12)).clamp(max=1.0)
            is_frozen = is_surprised | ~share.isfinite()
            share = torch.where(is_frozen, 0.0, share).view(-1, 1, 1)
            for parameter, old in zip(parameters, before, strict=True):
                parameter.copy_(torch.where(share > 0, old + share * (parameter - old), old))
            self.n_frozen = self.n_frozen + is_frozen

    def _predicted_cost(self, features: torch.Tensor) -> torch.Tensor:
        """Return for every plant the mean cost of a second that the model foresees, shape (n_plants,)."""
        state, setpoints, integral, rest = features.split([_N_STATE, 3, 3, features.shape[1] - _N_STATE - 6], dim=1)
        inner, total = self.model.begin(state), torch.zeros_like(features[:, 0])
        state, before = self.model.see(inner), None
        for _ in range(self.settings.horizon):
            shown = torch.cat([state, setpoints, integral, rest], dim=1)
            used = self._used(self.controller(shown))
            inner = self.model.step(inner, used)
            state = self.model.see(inner)
            error = (setpoints - self.model.show(inner).index_select(1, self.interface.tracked)) / DEVIATION_SCALE
            integral = integral + error
            total = total + error.square().sum(dim=1)
            if before is not None:
                total = total + self.settings.effort * (used - before).square().sum(dim=1)
            before = used
        return total / self.settings.horizon
