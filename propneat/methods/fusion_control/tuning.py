"""Tuning with one budget for all: training by backprop through the plant, and the search of what has no gradient."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from propneat.base.rng import make_rng
from propneat.methods.fusion_control.loop import Interface, Policy, roll_out, tracking_cost
from propneat.methods.fusion_control.operating_point import OperatingPoint, find_operating_point
from propneat.methods.fusion_control.plant import Plant
from propneat.methods.fusion_control.scenarios import Scenario, draw_scenarios

__all__ = ["Bench", "Budget", "costs", "mean_cost", "train_policy"]

_CLIP = 1.0


@dataclass(frozen=True)
class Budget:
    """How much simulation a controller is tuned on: updates x plants x seconds, and the plants that judge."""

    n_updates: int = 120
    n_plants: int = 16
    horizon: int = 80
    n_judges: int = 32
    n_checks: int = 10

    @property
    def plant_seconds(self) -> int:
        """Simulated seconds that gradients or candidates are found on."""
        return self.n_updates * self.n_plants * self.horizon


@dataclass(frozen=True)
class Bench:
    """The plant to tune on, where it operates, and the identity that all random scenarios follow from."""

    plant: Plant
    point: OperatingPoint
    interface: Interface
    seed: int
    device: str = "cpu"

    @classmethod
    def make(cls, seed: int, device: str = "cpu") -> "Bench":
        """Return the bench of the standard plant on a device."""
        point = find_operating_point(Plant())
        return cls(Plant().to(device), point, Interface.about(point, device), seed, device)

    def scenarios(self, n_plants: int, n_steps: int, *identity: int | str) -> Scenario:
        """Draw training scenarios that belong to an identity."""
        rng = make_rng("fusion-control", self.seed, *identity)
        return draw_scenarios(self.point, rng, n_plants, n_steps).to(self.device)

    def judges(self, budget: Budget) -> Scenario:
        """Return the scenarios that choose among controllers, the same for all, never trained on."""
        return self.scenarios(budget.n_judges, 2 * budget.horizon, "judges")


def costs(bench: Bench, policy: Policy, scenario: Scenario) -> torch.Tensor:
    """Return the cost of every plant, shape (n_plants,), with gradients."""
    trajectory = roll_out(bench.plant, bench.interface, policy, scenario)
    return tracking_cost(bench.plant, bench.interface, scenario, trajectory)


def mean_cost(bench: Bench, policy: Policy, scenario: Scenario) -> float:
    """Return the mean cost over plants; NaN where one is lost."""
    with torch.no_grad():
        return float(costs(bench, policy, scenario).mean())


def train_policy(
    bench: Bench,
    policy: torch.nn.Module,
    learning_rate: float,
    budget: Budget,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[float]:
    """Train a controller by Adam on gradients through the plant, in place; returns its costs on the judging scenarios.

    Every update draws new scenarios, the same for every controller. The learning rate falls to a tenth along half a cosine;
    gradients are clipped to norm 1. The numbers of the check with the least cost are kept, the untrained ones among them.
    """
    optimiser = torch.optim.Adam(policy.parameters(), lr=learning_rate)
    judges = bench.judges(budget)
    found, best, lowest = [], _numbers(policy), float("inf")

    def check() -> None:
        nonlocal best, lowest
        found.append(mean_cost(bench, policy, judges))
        if found[-1] < lowest:
            best, lowest = _numbers(policy), found[-1]

    check()
    every = max(budget.n_updates // budget.n_checks, 1)
    with torch.enable_grad():
        for update in range(budget.n_updates):
            scenario = bench.scenarios(budget.n_plants, budget.horizon, "train", update)
            share = (1 + np.cos(np.pi * update / budget.n_updates)) / 2
            optimiser.param_groups[0]["lr"] = learning_rate * (0.1 + 0.9 * share)
            optimiser.zero_grad()
            costs(bench, policy, scenario).mean().backward()
            if torch.nn.utils.clip_grad_norm_(policy.parameters(), _CLIP).isfinite():
                optimiser.step()
            if (update + 1) % every == 0 or update + 1 == budget.n_updates:
                check()
            progress(update + 1, budget.n_updates)
    policy.load_state_dict(best)
    return found


def _numbers(policy: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in policy.state_dict().items()}
