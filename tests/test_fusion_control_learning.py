"""Controllers by backprop, by design, by evolution and learning in use, the tests that compare them, and the whole study."""

import json
from dataclasses import asdict, replace
from importlib import import_module

import numpy as np
import pytest
import torch

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng
from propneat.compiler import compile_genome, evaluate
from propneat.genome import validate
from propneat.methods.contract import NativeRun
from propneat.methods.fusion_control import NATIVE
from propneat.methods.fusion_control.control_study import ControlSize, make_tests, run_test
from propneat.methods.fusion_control.controllers import LinearController, NeuralController, PIDController, open_loop
from propneat.methods.fusion_control.evolved import Evolution, EvolvedController, evolve_controller, train_genomes
from propneat.methods.fusion_control.identified import IDENTIFIED, PhysicalModel, with_slopes
from propneat.methods.fusion_control.loop import N_FEATURES, roll_out
from propneat.methods.fusion_control.lqr import linear_model, regulator_gains, search_regulator
from propneat.methods.fusion_control.native import StudySize, run, run_sized
from propneat.methods.fusion_control.online import LearntModel, OnlineController, OnlineSettings, pretrain_identifier
from propneat.methods.fusion_control.plant import Plant, PlantSettings
from propneat.methods.fusion_control.scenarios import make_script
from propneat.methods.fusion_control.tuning import Bench, Budget, costs, mean_cost, train_policy

SMALL = Budget(n_updates=12, n_plants=4, horizon=25, n_judges=8, n_checks=3)


def some_features(n_rows: int = 6, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(make_rng("features", seed).standard_normal((n_rows, N_FEATURES)))


def numbers(policy: torch.nn.Module) -> bytes:
    return b"".join(value.numpy().tobytes() for value in policy.state_dict().values())


def test_pid_is_the_sum_of_its_terms_on_relative_errors():
    policy, features = PIDController(), some_features()
    with torch.no_grad():
        policy.gains.copy_(torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]))
    error = (features[:, 5:8] - features[:, [0, 2, 3]]) / 10
    expected = (
        10 * policy.gains[0] * error + 0.2 * policy.gains[1] * features[:, 8:11] + 0.2 * policy.gains[2] * features[:, 11:]
    )
    answer = policy(features).detach()
    np.testing.assert_allclose(answer[:, [0, 2, 3]], expected.detach(), rtol=1e-12)
    assert not answer[:, 1].any() and not open_loop(features).any()
    assert policy.named_gains()["kp"] == [10.0, 20.0, 30.0] and list(PIDController(False).named_gains()) == ["kp", "ki"]


def test_copies_of_a_neural_controller_answer_as_the_first_and_learn_apart():
    single = NeuralController((11, 8, 4), make_rng("net"))
    features = some_features()
    several = single.copies(3)
    np.testing.assert_allclose(several(features).detach(), single(features).detach(), rtol=1e-12)
    several(features)[2:4].sum().backward()
    moved = several.weights[0].grad.abs().sum(dim=(1, 2))
    assert moved[1] > 0 and moved[0] == moved[2] == 0


def test_training_through_the_plant_lowers_the_cost_and_repeats_itself():
    bench, found = Bench.make(0), []
    for _ in range(2):
        policy = PIDController()
        checks = train_policy(bench, policy, 0.1, SMALL)
        found.append((numbers(policy), checks))
        assert mean_cost(bench, policy, bench.judges(SMALL)) == pytest.approx(min(checks)) and min(checks) < 0.9 * checks[0]
    assert found[0] == found[1]


def test_training_keeps_the_numbers_of_the_best_check_not_of_the_last():
    bench, policy = Bench.make(0), PIDController()
    checks = train_policy(bench, policy, 20.0, SMALL)
    assert checks[-1] > min(checks) and mean_cost(bench, policy, bench.judges(SMALL)) == pytest.approx(min(checks))


def test_a_controller_that_loses_plants_is_not_moved_by_it():
    bench, policy = Bench.make(0), NeuralController((11, 4), make_rng("wild"))
    with torch.no_grad():
        policy.weights[0].fill_(float("nan"))
    before = numbers(policy)
    assert not np.isfinite(train_policy(bench, policy, 0.1, replace(SMALL, n_updates=2))).any()
    assert numbers(policy) == before


def test_the_regulator_holds_the_linear_plant_and_reaches_set_points():
    bench = Bench.make(0)
    A, B = linear_model(bench)
    gains = regulator_gains(A, B, 0.01, 0.02, 2.0)
    assert gains.shape == (4, 11)
    # at the steady state of a set-point that the linear plant can reach, feedback adds nothing to the steady answer
    setpoint = np.array([0.5, -0.2, 0.1])
    state = np.linalg.solve(
        np.block([[A, B[:, [0, 2, 3]]], [np.eye(5)[[0, 2, 3]], np.zeros((3, 3))]]), [*np.zeros(5), *setpoint]
    )[:5]
    answer = gains @ [*state, *setpoint, 0, 0, 0]
    np.testing.assert_allclose(A @ state + B @ answer, 0, atol=1e-12)
    closed = np.block([[A + B @ gains[:, :5], B @ gains[:, 8:]], [-np.eye(5)[[0, 2, 3]] / 10, np.zeros((3, 3))]])
    assert np.linalg.eigvals(closed).real.max() < 0
    jump = bench.scenarios(3, 40, "jump")
    both = LinearController(np.stack([gains, 0 * gains]))
    apart = [costs(bench, LinearController(part[None]), jump) for part in (gains, 0 * gains)]
    np.testing.assert_allclose(costs(bench, both, jump.repeat(2)), torch.cat(apart), rtol=1e-12)


def test_the_search_for_a_regulator_keeps_its_budget_and_beats_the_open_loop():
    bench = Bench.make(0)
    policy, weights = search_regulator(bench, SMALL)
    judges = bench.judges(SMALL)
    assert mean_cost(bench, policy, judges) < 0.2 * mean_cost(bench, open_loop, judges)
    assert set(weights) == {"effort", "integral", "electrons"} and min(weights.values()) > 0


def test_genomes_are_trained_through_the_plant_side_by_side_as_if_alone():
    bench, plan = Bench.make(0), Evolution(n_updates=2, n_plants=2, horizon=15, population_size=3)
    genomes = list(plan.population().ask())
    together = train_genomes(bench, genomes, plan, 0)
    for genome, trained in zip(genomes, together, strict=True):
        validate(trained)
        (alone,) = train_genomes(bench, [genome], plan, 0)
        for name in ("source", "target", "enabled", "innovation"):
            np.testing.assert_array_equal(trained.connections[name], genome.connections[name])
        np.testing.assert_allclose(trained.connections["weight"], alone.connections["weight"], rtol=1e-6, atol=1e-9)
        assert not np.array_equal(trained.connections["weight"], genome.connections["weight"])


def test_the_evolved_champion_is_its_genome():
    bench, plan = Bench.make(1), Evolution(n_generations=2, n_updates=1, n_plants=2, horizon=15, population_size=6, seed=1)
    champion, told = evolve_controller(bench, plan, SMALL, 2)
    features = some_features()
    np.testing.assert_allclose(
        champion(features).detach(),
        evaluate(compile_genome(champion.genomes[0]), features[:, :11].numpy()),
        rtol=1e-9,
        atol=1e-12,
    )
    again, _ = evolve_controller(bench, plan, SMALL, 2)
    assert again.genomes == champion.genomes and len(told["generations"]) == 2
    assert told["generations"][1]["best_so_far"] <= told["generations"][0]["best_so_far"]
    pair = EvolvedController([*champion.genomes, *champion.genomes])
    assert torch.equal(pair(torch.cat([features, features]))[:6], champion(features))


def test_search_and_final_training_of_the_evolved_controller_fit_in_the_common_budget():
    size = ControlSize()
    one = size.budget.n_plants * size.budget.horizon
    assert size.evolution.plant_seconds + size.final_updates * one <= size.budget.plant_seconds
    assert size.final_updates > 50


def online_run(settings: OnlineSettings, n_plants: int = 2, seed: int = 0):
    bench = Bench.make(0)
    controller = NeuralController((11, 8, 4), make_rng("controller"))
    identifier = pretrain_identifier(bench, controller, make_rng("identifier"), n_plants=8, n_steps=30, n_updates=150)
    model = LearntModel(identifier, n_plants, make_rng("online", seed), settings)
    policy = OnlineController(bench.interface, controller, model, n_plants, settings)
    scenario = bench.scenarios(n_plants, 25, "online")
    with torch.no_grad():
        path = roll_out(bench.plant, bench.interface, policy, scenario)
    return policy, path, controller, bench, scenario


def test_the_identifier_predicts_the_plant_better_than_no_change():
    bench = Bench.make(0)
    policy = PIDController()
    identifier = pretrain_identifier(bench, policy, make_rng("identifier"), n_plants=16, n_steps=40, n_updates=300)
    with torch.no_grad():
        path = roll_out(bench.plant, bench.interface, policy, bench.scenarios(8, 40, "fresh"))
        states = 10 * (bench.plant.measure(path.states) / bench.interface.measured - 1)
        used = (path.controls - bench.interface.controls) / bench.interface.scales
        change = (states[1:] - states[:-1]).flatten(0, 1)
        left = change - identifier(torch.cat([states[:-1], used], dim=2).flatten(0, 1))
    # what is left are mostly disturbances that it cannot see
    assert float(left.square().mean()) < 0.35 * float(change.square().mean())


def watch(model: PhysicalModel, plant: Plant, bench: Bench, n_steps: int, n_plants: int = 4) -> None:
    """Show a model what noisy instruments see of plants that a PID controller steers."""
    scenario = replace(make_script(bench.point, make_rng("watched"), n_plants), dust=torch.zeros(300, n_plants).double())
    last = None
    with torch.no_grad():
        path = roll_out(plant, bench.interface, PIDController(), scenario)
        for step in range(n_steps):
            state, used = path.features[step, :, :5], (path.controls[step] - bench.interface.controls) / bench.interface.scales
            if last is not None:
                model.learn(*last, state)
            last = state, used


@pytest.mark.parametrize(
    ("name", "settings"), [("ash_confinement", {"ash_confinement": 20.0}), ("reactivity_scale", {"reactivity_scale": 0.8})]
)
def test_physical_parameters_are_found_from_noisy_instruments(name, settings):
    bench = Bench.make(0)
    model = PhysicalModel(bench.interface, 4, make_rng("seen"))
    watch(model, Plant(PlantSettings(**settings)), bench, 115)
    truth = {"ash_confinement": 2.0, "reactivity_scale": 0.8}[name]
    column = IDENTIFIED.index(name)
    found = model.factors.mean(dim=0)
    assert float(found[column]) == pytest.approx(truth, rel=0.1)
    others = [k for k in range(4) if k != column]
    np.testing.assert_allclose(found[others], 1, atol=0.15)


def test_a_model_of_the_true_plant_foresees_it_and_its_derivatives_are_exact():
    bench = Bench.make(0)
    model = PhysicalModel(bench.interface, 2, make_rng("seen"))
    deviations = torch.from_numpy(0.2 * make_rng("deviations").standard_normal((2, 5)))
    used = torch.from_numpy(0.1 * make_rng("used").standard_normal((2, 4)))
    model.learn(deviations, used, deviations)
    full, controls = model.estimate.detach(), bench.interface.controls + bench.interface.scales * used
    values, slopes = with_slopes(lambda at: model._advance(at, controls), full)
    for k in range(9):
        step = torch.zeros(9, dtype=torch.float64)
        step[k] = 1e-6
        difference = (model._advance(full + step, controls) - model._advance(full - step, controls)) / 2e-6
        np.testing.assert_allclose(slopes[:, :, k], difference, rtol=1e-5, atol=1e-9)
    ahead = model.step(model.begin(deviations), used)
    np.testing.assert_allclose(ahead.state / model.scale, values, rtol=1e-9)


def test_an_online_controller_moves_within_its_trust_region_and_repeats_itself():
    settings = OnlineSettings(controller_rate=0.05, trust=0.01)
    policy, path, *_ = online_run(settings)
    assert (policy.distance > 0).all()
    again, same, *_ = online_run(settings)
    assert torch.equal(path.states, same.states) and torch.equal(again.distance, policy.distance)
    wide, *_ = online_run(replace(settings, trust=1.0))
    assert (wide.distance > policy.distance).all()


def test_a_surprised_online_controller_is_the_frozen_one():
    policy, path, controller, bench, scenario = online_run(OnlineSettings(surprise=0.0))
    assert policy.n_frozen.tolist() == [24, 24] and policy.distance.tolist() == [0, 0]
    with torch.no_grad():
        frozen = roll_out(bench.plant, bench.interface, controller, scenario)
    np.testing.assert_allclose(path.states, frozen.states, rtol=1e-10)
    calm, *_ = online_run(OnlineSettings(surprise=1e9))
    assert calm.n_frozen.tolist() == [0, 0]


def test_closed_loops_leave_the_device_of_their_parts_alone():
    """The device "meta" computes shapes alone, and refuses to mix its tensors with others."""
    bench = Bench.make(0, "meta")
    genomes = list(Evolution(population_size=2).population().ask())
    neural = NeuralController((11, 8, 4), make_rng("net"))
    for policy in (open_loop, PIDController(), LinearController(np.zeros((2, 4, 11))), neural, EvolvedController(genomes)):
        if isinstance(policy, torch.nn.Module):
            policy.to("meta")
        found = costs(bench, policy, bench.scenarios(4, 3, "meta"))
        assert found.is_meta and found.shape == (4,)
    found.sum().backward()
    assert all(parameter.grad.is_meta for parameter in policy.parameters())


def test_every_controller_meets_the_same_tests():
    bench = Bench.make(0)
    size = ControlSize(SMALL, n_seeds=2, n_random=3)
    tests = make_tests(bench, size)
    plant, scenario = tests["script"]
    assert torch.equal(scenario.noise, make_tests(bench, size)["script"][1].noise)
    assert not torch.equal(scenario.noise, tests["τ_E falls to half"][1].noise)
    found, _ = run_test(bench, lambda n_plants: open_loop, plant, scenario)
    assert found["rms_T_i"] == pytest.approx([144] * 2, rel=0.05) and found["cost"] == pytest.approx([0.405] * 2, rel=0.05)
    assert found["moves_P_i"] == [0, 0] and max(found["Q"]) < 1.2
    late = make_script(bench.point, make_rng("x"), 1, delay=1)
    assert run_test(bench, lambda n: PIDController(), bench.plant, late)[0]["rms_T_i"][0] < 10


def test_a_small_study_runs_to_its_end_and_fills_its_folder(tmp_path):
    module, _, function = NATIVE.home.partition(":")
    assert getattr(import_module(module), function) is run
    seen: dict[str, list[int]] = {}
    evolution = Evolution(n_generations=2, population_size=4, n_updates=1, n_plants=2, horizon=10)
    control = ControlSize(replace(SMALL, n_updates=3), evolution, n_seeds=2, n_random=2, widths=(11, 8, 4), tests=("script",))
    size = StudySize(control, n_folds=2, n_streams=2, n_stream_rows=1200, tables=("wine",))
    state = torch.get_rng_state()
    request = NativeRun(tmp_path, progress=lambda step, done, total: seen.setdefault(step, []).append(done))
    outcome = run_sized(request, size)
    assert torch.equal(torch.get_rng_state(), state)
    assert {path.name for path in tmp_path.iterdir()} == set(outcome.figures) and len(outcome.figures) == 6
    assert len(seen) >= 9 and all(done == sorted(done) for done in seen.values())
    json.dumps([asdict(claim) for claim in outcome.claims]), json.dumps(outcome.data, allow_nan=False)
    by_name = {claim.name: claim for claim in outcome.claims}
    assert len(by_name) == len(outcome.claims)
    assert by_name["operating point, Q"].holds and by_name["script: RMS of T_i, open loop, keV"].holds
    assert list(outcome.data["tests"]) == ["script"] and len(outcome.data["tests"]["script"]) == 9


def test_a_device_that_cannot_be_used_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="device must be one that torch can use for float64"):
        run(NativeRun(tmp_path, device="nowhere"))
