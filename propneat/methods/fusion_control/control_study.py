"""The comparison of controllers: all tuned with one budget, then put to tests that none was tuned on."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from propneat.base.rng import make_rng
from propneat.compiler import compile_genome
from propneat.genome import genome_to_document
from propneat.methods.fusion_control.controllers import NeuralController, PIDController, open_loop
from propneat.methods.fusion_control.evolved import Evolution, evolve_controller
from propneat.methods.fusion_control.identified import PhysicalModel
from propneat.methods.fusion_control.loop import N_SHOWN, Policy, Trajectory, roll_out, tracking_cost
from propneat.methods.fusion_control.lqr import search_regulator
from propneat.methods.fusion_control.online import THROUGH_PHYSICS, LearntModel, OnlineController, pretrain_identifier
from propneat.methods.fusion_control.plant import Plant, PlantSettings
from propneat.methods.fusion_control.scenarios import Scenario, draw_scenarios, make_script
from propneat.methods.fusion_control.tuning import Bench, Budget, train_policy

__all__ = ["TESTS", "ControlSize", "Progress", "make_controllers", "make_tests", "run_test"]

Progress = Callable[[str, int, int], None]
Factory = Callable[[int], Policy]
"""Makes a controller for a number of plants."""


TESTS = (
    "script",
    "τ_E falls to half",
    "τ_E drifts to half",
    "instruments 1 s late",
    "noise of 3 %",
    "reactivity 20 % less",
    "ash kept twice as long",
    "fuel lost twice as fast",
    "random scenarios",
)
"""Names of the tests, the script first."""


@dataclass(frozen=True)
class ControlSize:
    """How large the comparison is."""

    budget: Budget = field(default_factory=Budget)
    evolution: Evolution = field(default_factory=Evolution)
    n_seeds: int = 8
    """Noise seeds of every scripted test."""
    n_random: int = 32
    """Plants of the test by random scenarios."""
    widths: tuple[int, ...] = (N_SHOWN, 64, 64, 4)
    tests: tuple[str, ...] = TESTS

    @property
    def final_updates(self) -> int:
        """Updates of the evolved champion: what the search leaves of the budget that every controller has."""
        one = self.budget.n_plants * self.budget.horizon
        return max((self.budget.plant_seconds - self.evolution.plant_seconds) // one, 1)


def make_controllers(bench: Bench, size: ControlSize, progress: Progress) -> tuple[dict[str, Factory], dict[str, Any]]:
    """Tune all controllers; returns what makes each of them, by name, and how tuning went."""
    budget, seed = size.budget, bench.seed

    def follow(step: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(step, done, total)

    pi, pid = (PIDController(has_derivative).to(bench.device) for has_derivative in (False, True))
    neural = NeuralController(size.widths, make_rng("fusion-control", seed, "neural")).to(bench.device)
    checks = {
        "PI": train_policy(bench, pi, 0.1, budget, progress=follow("tuning PI")),
        "PID": train_policy(bench, pid, 0.1, budget, progress=follow("tuning PID")),
        "neural": train_policy(bench, neural, 0.01, budget, progress=follow("training the neural controller")),
    }
    regulator, weights = search_regulator(bench, budget, follow("searching the regulator's weights"))
    rng = make_rng("fusion-control", seed, "identifier")
    identifier = pretrain_identifier(bench, neural, rng, progress=follow("identifying the plant"))
    champion, evolution = evolve_controller(bench, size.evolution, budget, size.final_updates, progress)
    checks["evolved"] = evolution["checks"]
    by_hand = PIDController(False).to(bench.device)

    def online(n_plants: int) -> OnlineController:
        model = LearntModel(identifier, n_plants, make_rng("fusion-control", seed, "online"))
        return OnlineController(bench.interface, neural, model, n_plants)

    def identified(n_plants: int) -> OnlineController:
        model = PhysicalModel(bench.interface, n_plants, make_rng("fusion-control", seed, "identified"))
        return OnlineController(bench.interface, neural, model, n_plants, THROUGH_PHYSICS)

    fixed = {"open loop": open_loop, "PI by hand": by_hand, "PI": pi, "PID": pid, "LQR": regulator, "neural": neural}
    factories: dict[str, Factory] = {name: lambda n_plants, policy=policy: policy for name, policy in fixed.items()}
    factories |= {"neural, online": online, "neural, identified": identified, "evolved": lambda n_plants: champion}
    plan = compile_genome(champion.genomes[0])
    told = {
        "checks": {name: [cost if math.isfinite(cost) else None for cost in costs] for name, costs in checks.items()},
        "gains": {"PI by hand": by_hand.named_gains(), "PI": pi.named_gains(), "PID": pid.named_gains()},
        "regulator": weights,
        "generations": evolution["generations"],
        "champion": genome_to_document(champion.genomes[0]),
        "plant_seconds": {"each": budget.plant_seconds, "search": size.evolution.plant_seconds},
        "n_parameters": {
            "PI": pi.gains.numel(),
            "PID": pid.gains.numel(),
            "LQR": regulator.gains[0].numel(),
            "neural": sum(parameter.numel() for parameter in neural.parameters()),
            "evolved": plan.n_edges + plan.n_slots - plan.n_inputs,
        },
    }
    return factories, told


def make_tests(bench: Bench, size: ControlSize) -> Mapping[str, tuple[Plant, Scenario]]:
    """Return the tests by name: the script, harder forms of it on plants unlike the model, and random scenarios."""
    point, n = bench.point, size.n_seeds

    def rng(name: str) -> Any:
        return make_rng("fusion-control", bench.seed, "test", name)

    def script(name: str, settings: PlantSettings | None = None, **how: Any) -> tuple[Plant, Scenario]:
        plant = Plant(settings).to(bench.device) if settings else bench.plant
        return plant, make_script(point, rng(name), n, **how).to(bench.device)

    random = draw_scenarios(point, rng("random"), size.n_random, 300).to(bench.device)
    made = (
        script("script"),
        script("half", last_confinement=0.5),
        script("ramp", last_confinement=0.5, is_ramp=True),
        script("late", delay=1),
        script("noise", noise=0.03),
        script("reactivity", PlantSettings(reactivity_scale=0.8)),
        script("ash", PlantSettings(ash_confinement=20.0)),
        script("fuel", PlantSettings(fuel_confinement=25.0)),
        (bench.plant, random),
    )
    return {name: test for name, test in zip(TESTS, made, strict=True) if name in size.tests}


def run_test(bench: Bench, factory: Factory, plant: Plant, scenario: Scenario) -> tuple[dict[str, list[float]], Trajectory]:
    """Return figures of merit, one value per plant, and the trajectory of a controller in a test.

    `rms_T_i` in keV; `overshoot`, keV by which T_i passed the set-point at most; `ise_n_B` in s, relative; the tracking cost;
    Q, mean fusion power per mean heating; `moves_P_i`, the total variation of ion heating in W/cm^3; `share_out_of_range`, of
    seconds outside the reactivity's range; for the online controller `n_frozen` and `distance`.
    """
    policy = factory(scenario.n_plants)
    with torch.no_grad():
        path = roll_out(plant, bench.interface, policy, scenario)
        cost = tracking_cost(plant, bench.interface, scenario, path)
        measured, power = plant.measure(path.states[1:]), plant.view(path.states[1:]).P_F
    error = measured[:, :, 0] - scenario.setpoints[:, :, 0]
    found = {
        "rms_T_i": error.square().mean(dim=0).sqrt(),
        "overshoot": error.amax(dim=0),
        "ise_n_B": (measured[:, :, 3] / scenario.setpoints[:, :, 2] - 1).square().sum(dim=0),
        "cost": cost,
        "Q": power.mean(dim=0) / path.controls[:, :, :2].sum(dim=2).mean(dim=0),
        "moves_P_i": torch.diff(path.controls[:, :, 0], dim=0).abs().sum(dim=0),
        "share_out_of_range": 1 - plant.is_in_range(path.states).to(torch.float64).mean(dim=0),
    }
    if isinstance(policy, OnlineController):
        found |= {"n_frozen": policy.n_frozen, "distance": policy.distance}
    return {name: value.tolist() for name, value in found.items()}, path
