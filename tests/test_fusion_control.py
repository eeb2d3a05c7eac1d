"""The proton-boron plant: published reference values, conservation, two implementations that agree, and its environment."""

import sys

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.special import kve

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng
from propneat.methods.fusion_control.environment import make_environment
from propneat.methods.fusion_control.kernel import advance
from propneat.methods.fusion_control.loop import CONTROL_SCALES, N_FEATURES, Interface, Memory, roll_out, tracking_cost
from propneat.methods.fusion_control.operating_point import (
    best_margin,
    eigenvalues,
    find_operating_point,
    gain,
    linearise,
    power_ratio,
)
from propneat.methods.fusion_control.plant import CONTROL_LIMITS, Drives, Plant, PlantSettings, make_state
from propneat.methods.fusion_control.powers import bremsstrahlung, exchange_rate, relativistic_factor
from propneat.methods.fusion_control.reactivity import integrated_reactivity, reactivity
from propneat.methods.fusion_control.scenarios import draw_scenarios, make_script

TEMPERATURES = np.array([100.0, 150, 200, 300, 400, 500])


def number(value) -> torch.Tensor:
    return torch.as_tensor(value, dtype=torch.float64)


def some_plants(n_plants: int = 12, seed: int = 0, spread: float = 0.3):
    """Plants of all kinds, states, controls and drives about the operating point."""
    rng = make_rng("plants", seed)

    def near(values):
        values = np.atleast_1d(values)
        return number(values * rng.uniform(1 - spread, 1 + spread, (n_plants, len(values))))

    settings = PlantSettings(*(near(value)[:, 0] for value in (50.0, 50.0, 10.0, 17.0, 0.1, 1.0)))
    point = find_operating_point(Plant())
    drives = Drives(number(rng.uniform(0.5, 1, n_plants)), number(rng.uniform(0, 0.003, n_plants)))
    return Plant(settings), near(point.state), near(point.controls + 0.01), drives


@pytest.mark.parametrize(
    ("fit", "fitted", "integral"),
    [
        ("tentori-belloni", (0.7065, 1.866, 2.957, 4.387, 5.147, 5.619), (0.7035, 1.861, 2.948, 4.374, 5.132, 5.605)),
        ("nevins-swain", (0.6153, 1.576, 2.427, 3.385, 3.698, 3.741), (0.630, 1.601, 2.471, 3.516, 3.944, 4.097)),
    ],
)
def test_reactivities_are_the_published_ones(fit, fitted, integral):
    np.testing.assert_allclose(1e16 * reactivity(number(TEMPERATURES), fit), fitted, rtol=1e-3)
    np.testing.assert_allclose(1e16 * integrated_reactivity(TEMPERATURES, fit), integral, rtol=1e-3)


def test_the_reactivity_outside_its_range_is_held_above_and_known_to_be_low_below():
    assert reactivity(number(800.0)) == reactivity(number(500.0))
    assert float(reactivity(number(50.0))) == pytest.approx(0.0534e-16, rel=1e-3)
    assert float(integrated_reactivity(50.0)) == pytest.approx(0.0585e-16, rel=2e-3)
    point = find_operating_point(Plant())
    states = torch.stack([make_state(number(T), *point.measured[1:]) for T in (69.0, 71.0, 499.0, 501.0)])
    assert Plant().is_in_range(states).tolist() == [False, True, True, False]
    with pytest.raises(ConfigError, match="tentori-belloni"):
        Plant(fit="toy")


def test_bremsstrahlung_is_relativistic():
    power = float(bremsstrahlung(number(1.0), number(2.71), number(150.0)))
    assert power == pytest.approx(0.2935, rel=1e-3)
    assert power / (1.69e-4 * 150e3**0.5 * 2.71) == pytest.approx(1.65, rel=5e-3)
    # the other published form, 7.56e-11 n_e^2 sqrt(x) {...} eV cm^3/s
    x = 150 / 511
    braces = 2.71 * (1 + 1.78 * x**1.34) + 2.12 * x * (1 + 1.1 * x + x**2 - 1.25 * x**2.5)
    assert power == pytest.approx(7.56e-11 * 1e28 * x**0.5 * braces * 1.602e-19, rel=3e-3)
    cold = bremsstrahlung(number(1.0), number(2.71), number([0.0, 25.0, 50.0]))
    assert cold[0] == 0 and float(cold[1] / cold[2]) == pytest.approx(0.5)


def test_ions_heat_electrons_at_the_reference_rate_and_the_bessel_form_is_met():
    fuel = 1 / 1.52
    per_mass = number(fuel * (0.87 / 1.00728 + 0.13 * 25 / 11.00931))
    rate = exchange_rate(number(1.0), per_mass, number(150.0), 17.0)
    assert float(150 * rate) == pytest.approx(0.2778, rel=1e-3)
    assert float(150 * rate / relativistic_factor(number(150.0))) == pytest.approx(0.2550, rel=1e-3)
    t = np.linspace(0.005, 1, 300)
    exact = (1 + 2 * t + 2 * t**2) * np.sqrt(np.pi * t / 2) / kve(2, 1 / t)
    np.testing.assert_allclose(relativistic_factor(number(511 * t)), exact, atol=5e-6)
    np.testing.assert_allclose(
        relativistic_factor(number([51.1, 102.2, 153.3, 255.5])), [1.021, 1.053, 1.092, 1.182], atol=1e-3
    )


def test_fusion_power_has_its_absolute_size():
    fuel = 1 / 1.52
    state = make_state(number(300.0), number(150.0), number(0.87 * fuel), number(0.13 * fuel), number(0.0))
    view = Plant().view(state)
    assert float(view.P_F) == pytest.approx(0.2987, rel=1e-3) and float(view.n_e) == pytest.approx(1)


def test_energy_and_particles_are_accounted_for():
    plant, state, controls, drives = some_plants()
    rate, see = plant.derivative(state, controls, drives), plant.view(state)
    stored = state[:, 3:].sum(dim=1) / (plant.energy_confinement * drives.confinement)
    expected = controls[:, :2].sum(dim=1) + see.P_F - see.P_B - stored
    assert float(((rate[:, 3:].sum(dim=1) - expected) / see.P_F).abs().max()) < 1e-12
    closed = Plant(PlantSettings(fuel_confinement=float("1e300"), ash_confinement=float("1e300")))
    rate = closed.derivative(state, torch.zeros_like(controls))
    np.testing.assert_allclose(rate[:, 0], rate[:, 1], rtol=1e-14)
    np.testing.assert_allclose(rate[:, 0], -rate[:, 2] / 3, rtol=1e-14)
    charge = rate[:, 0] + 5 * rate[:, 1] + 2 * rate[:, 2]
    np.testing.assert_allclose(charge, 0, atol=1e-15)


@pytest.mark.parametrize("cooling", [1.0, 0.25, 3.2])
def test_the_compiled_step_and_its_gradients_are_the_modules(cooling):
    """Also with electrons colder than where laws are held, and ions hotter."""
    plant, state, controls, drives = some_plants()
    state = torch.cat([state[:, :3], cooling * state[:, 3:]], dim=1)
    weights = number(make_rng("weights").standard_normal(state.shape))
    found = []
    for step in (plant.step, lambda *call: advance(plant, *call)):
        start, used = state.clone().requires_grad_(), controls.clone().requires_grad_()
        after = step(start, used, drives, 0.7)
        (after * weights).sum().backward()
        found.append((after.detach(), start.grad, used.grad))
    for module, compiled in zip(*found, strict=True):
        assert float(module.abs().max()) > 0
        np.testing.assert_allclose(compiled, module, rtol=1e-9, atol=1e-12)


def test_gradients_through_seconds_are_finite_differences():
    plant, state, controls, drives = some_plants(3)

    def end(controls):
        after = state
        for _ in range(5):
            after = advance(plant, after, controls, drives)
        return after

    assert torch.autograd.gradcheck(end, (controls.clone().requires_grad_(),), eps=1e-6, atol=1e-7)


def test_steps_of_a_second_follow_an_adaptive_solver():
    plant, point = Plant(), find_operating_point(Plant())
    drives, controls = Drives(0.8, 0.003), point.controls * number([0.5, 0, 1, 1])
    solved = solve_ivp(
        lambda t, x: plant.derivative(torch.from_numpy(x), controls, drives).numpy(),
        (0, 60),
        point.state.numpy(),
        rtol=1e-10,
        atol=1e-12,
    )
    state = point.state[None]
    for _ in range(60):
        state = advance(plant, state, controls[None], drives)
    np.testing.assert_allclose(state[0], solved.y[:, -1], rtol=2e-4)


def test_plants_do_not_meet():
    plant, state, controls, drives = some_plants()
    single = Plant(PlantSettings(*(getattr(plant, name)[4] for name in PlantSettings.__dataclass_fields__)))
    alone = advance(single, state[4:5], controls[4:5], Drives(drives.confinement[4], drives.dust[4]))
    assert torch.equal(advance(plant, state, controls, drives)[4:5], alone)


def test_the_operating_point_is_steady_stable_and_does_not_ignite():
    plant = Plant()
    point = find_operating_point(plant)
    assert float(plant.derivative(point.state, point.controls).abs().max()) < 1e-12
    np.testing.assert_allclose(point.measured, [300, 140.5, 0.5131, 0.0767, 0.0518], rtol=1e-3)
    np.testing.assert_allclose(point.controls, [0.1888, 0, 0.0120, 0.0033], rtol=0.02)
    assert point.gain == pytest.approx(1.271, rel=1e-3)
    np.testing.assert_allclose(eigenvalues(plant, point), [-0.406, -0.1015, -0.0493, -0.0200, -0.0173], rtol=0.015)
    A, B = linearise(plant, point)
    moved = point.state + 1e-6 * torch.eye(5, dtype=torch.float64)[3]
    np.testing.assert_allclose(A[:, 3], plant.derivative(moved, point.controls) / 1e-6, atol=1e-6)
    assert B.tolist() == np.eye(4)[[2, 3]].tolist() + [[0] * 4] + np.eye(4)[:2].tolist()


def test_margins_are_the_published_ones():
    plant = Plant()
    assert best_margin(plant, integral=True)[0] == pytest.approx(1.003, abs=1e-3)
    assert best_margin(Plant(fit="nevins-swain"), integral=True)[0] == pytest.approx(0.81, abs=2e-3)
    assert best_margin(plant, 0.10, one_temperature=True)[0] == pytest.approx(0.515, abs=2e-3)
    assert best_margin(Plant(PlantSettings(ln_lambda=15.0)), integral=True)[0] == pytest.approx(1.041, abs=1e-3)
    ash = [power_ratio(plant, 300.0, ash=share, integral=True)[0] for share in (0, 0.02, 0.05, 0.1, 0.2)]
    np.testing.assert_allclose(ash, [0.999, 0.956, 0.897, 0.809, 0.668], atol=1e-3)


def test_gain_grows_with_confinement_and_stays_finite():
    plant = Plant()
    known = {(150, 10): 0.24, (200, 50): 1.32, (250, 100): 3.14, (300, 50): 1.77, (300, 100): 3.54, (350, 200): 6.89}
    for (T_i, tau_E), expected in known.items():
        assert gain(plant, T_i, tau_E, conducts=False, integral=True) == pytest.approx(expected, abs=0.02 * expected + 0.005)
    grown = [gain(plant, 300.0, tau) for tau in (1, 10, 100, 1000)]
    assert np.all(np.diff(grown) > 0) and np.isfinite(grown).all()
    # cooler electrons radiate less than they conduct away
    assert gain(plant, 300.0, 50.0) > gain(plant, 300.0, 50.0, conducts=False)


def test_settings_that_cannot_be_are_refused():
    for bad in ({"energy_confinement": 0.0}, {"ln_lambda": -1.0}, {"reactivity_scale": float("nan")}):
        with pytest.raises(ConfigError, match=next(iter(bad))):
            Plant(PlantSettings(**bad))
    for share in (-0.1, 1.5):
        with pytest.raises(ConfigError, match="electron_share"):
            Plant(PlantSettings(electron_share=share))


def test_scenarios_follow_from_their_identity_and_stay_in_their_ranges():
    point = find_operating_point(Plant())
    first, again = (draw_scenarios(point, make_rng("s", 1), 200, 50) for _ in range(2))
    assert torch.equal(first.noise, again.noise) and torch.equal(first.start, again.start)
    assert 280 <= first.setpoints[:, :, 0].min() and first.setpoints[:, :, 0].max() <= 330
    assert 0.75 <= first.confinement.min() and first.confinement.max() <= 1.25
    assert 0 <= first.dust.min() and 0.003 < first.dust.max() <= 0.004
    assert float(first.noise.std()) == pytest.approx(0.01, rel=0.03)
    copies = first.repeat(3)
    assert copies.n_plants == 600 and torch.equal(copies.noise[:, 200:400], first.noise)


def test_the_script_is_what_its_description_says():
    point = find_operating_point(Plant())
    script = make_script(point, make_rng("script"), 2)
    assert script.n_steps == 300 and not torch.equal(script.noise[:, 0], script.noise[:, 1])
    assert script.setpoints[19, 0, 0] == 300 and script.setpoints[20, 0, 0] == 330
    assert script.confinement[119, 0] == 1 and script.confinement[120, 0] == pytest.approx(0.8)
    assert np.flatnonzero(script.dust[:, 0]).tolist() == list(range(200, 220))
    ramp = make_script(point, make_rng("script"), 1, last_confinement=0.5, is_ramp=True).confinement[:, 0]
    assert ramp[60] == 1 and ramp[150] == pytest.approx(0.75) and ramp[-1] == pytest.approx(0.5)


def test_what_lies_beyond_an_actuator_stops_the_integral_only_in_its_direction():
    point = find_operating_point(Plant())
    interface = Interface.about(point)
    memory = Memory(*(torch.zeros(2, 3, dtype=torch.float64) for _ in range(3)))
    controls, memory = interface.act(number([[100, 0, 0, 0], [-100, 0, 0, 0]]), memory)
    assert controls[:, 0].tolist() == [CONTROL_LIMITS[0], 0.0]
    assert memory.excess[0, 0] > 0 > memory.excess[1, 0] and not memory.excess[:, 1:].any()
    low = point.measured * number([0.9, 1, 1, 1, 1])
    features, memory = interface.sense(low.expand(2, 5), point.measured[[0, 2, 3]].expand(2, 3), memory)
    assert features.shape == (2, N_FEATURES)
    np.testing.assert_allclose(memory.integral[:, 0], [0, 0.1])
    np.testing.assert_allclose(features[:, 0], -1)
    np.testing.assert_allclose(features[:, 11], 1)


def test_a_controller_sees_old_noisy_measurements_and_is_judged_by_the_truth():
    plant, point = Plant(), find_operating_point(Plant())
    interface = Interface.about(point)
    seen = {}
    for delay in (0, 2):
        scenario = make_script(point, make_rng("late"), 1, delay=delay)
        path = roll_out(plant, interface, lambda features: 0.1 * features[:, :4], scenario)
        seen[delay] = path.features[:, 0, 0]
        true = plant.measure(path.states[:-1])
        shown = 10 * (true * scenario.noise / interface.measured - 1)
        np.testing.assert_allclose(path.features[2:, 0, 0], shown[2 - delay : 300 - delay, 0, 0], atol=1e-12)
    assert not torch.equal(seen[0], seen[2])
    error = (plant.measure(path.states[1:])[:, :, [0, 2, 3]] - scenario.setpoints) / interface.measured[[0, 2, 3]]
    moves = (path.controls[1:] - path.controls[:-1]) / number(CONTROL_SCALES)
    expected = (error.square().sum() + 1e-4 * moves.square().sum()) / 300
    np.testing.assert_allclose(tracking_cost(plant, interface, scenario, path), [expected], rtol=1e-12)


def test_the_environment_passes_gymnasiums_checks_and_repeats_itself():
    pytest.importorskip("gymnasium")
    from gymnasium.utils.env_checker import check_env

    environment = make_environment(20)
    check_env(environment, skip_render_check=True)
    runs = []
    for _ in range(2):
        first, _ = environment.reset(seed=5)
        actions = np.random.default_rng(0).uniform(-1, 1, (20, 4)).astype(np.float32)
        steps = [environment.step(action) for action in actions]
        runs.append([first, *(step[0] for step in steps)])
        assert all(step[1] < 0 for step in steps) and steps[-1][3] and not any(step[3] for step in steps[:-1])
        assert {"T_i", "P_F"} <= steps[-1][4].keys()
    np.testing.assert_array_equal(*runs)


def test_the_environment_pays_minus_the_cost_that_controllers_are_judged_by():
    pytest.importorskip("gymnasium")
    environment, plant, point = make_environment(30), Plant(), find_operating_point(Plant())
    observation, _ = environment.reset(seed=11)
    rewards = []
    for _ in range(30):
        observation, reward, is_over, _, _ = environment.step(environment.action_of(0.1 * observation[:4]))
        assert not is_over
        rewards.append(reward)
    environment.reset(seed=11)
    interface = Interface.about(point)
    path = roll_out(plant, interface, lambda features: 0.1 * features[:, :4], environment._scenario)
    cost = tracking_cost(plant, interface, environment._scenario, path)
    # the environment counts the first second's moves too, from the operating point
    first = 1e-4 * float(((path.controls[0] - interface.controls) / number(CONTROL_SCALES)).square().sum())
    np.testing.assert_allclose(-np.sum(rewards), 30 * float(cost) + first, rtol=1e-3)


def test_without_gymnasium_one_sentence_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    monkeypatch.delitem(sys.modules, "propneat.methods.fusion_control.gymnasium_form", raising=False)
    with pytest.raises(
        ConfigError, match=r"needs the package gymnasium, which is not installed: pip install 'propneat\[control\]"
    ):
        make_environment()
    with pytest.raises(ConfigError, match="1 second"):
        make_environment(0)
