"""Environments of our own against gymnasium's, against scipy's integration of another form, and by their laws."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from propneat.control import ENVIRONMENTS
from propneat.control.compiled import first_states, observe_all, step_all

CLASSIC = [name for name in ENVIRONMENTS if name.endswith(("-v0", "-v1"))]
DOUBLE = ENVIRONMENTS["double-pole"]
BLIND = ENVIRONMENTS["double-pole-no-velocities"]


def stepped(environment, state, action, time=0, is_last=False):
    """The state after an action, the reward, and whether it ended."""
    states, rewards, ended = np.array([state], float), np.zeros(1), np.zeros(1, bool)
    step_all(environment.code, states, np.array([float(action)]), time, is_last, rewards, ended)
    return states[0], rewards[0], ended[0]


def seen(environment, state):
    observations = np.zeros((1, environment.n_observations))
    observe_all(environment.code, np.array([state], float), observations)
    return observations[0]


@pytest.mark.parametrize("name", CLASSIC)
def test_classic_problems_are_those_of_gymnasium(name):
    gymnasium = pytest.importorskip("gymnasium")
    ours, theirs = ENVIRONMENTS[name], gymnasium.make(name).unwrapped
    limits = gymnasium.spec(name).max_episode_steps, gymnasium.spec(name).reward_threshold
    assert (ours.max_steps, ours.solved_at) == limits
    rng = np.random.default_rng(3)
    n_ended = 0
    for seed in range(6):
        theirs.reset(seed=seed)
        state = np.array(theirs.state, float)
        for _ in range(300):
            if ours.action.n_choices:
                action = int(rng.integers(ours.action.n_choices)) if name != "MountainCar-v0" else 2 * int(state[1] >= 0)
                wanted, reward, ended, *_ = theirs.step(action)
            else:
                shares = rng.uniform(-1, 1, (1, 1)) if name == "Pendulum-v1" else np.array([[math.copysign(1.0, state[1])]])
                action = ours.action.act(shares)[0, 0]
                wanted, reward, ended, *_ = theirs.step(np.array([action]))
            state, our_reward, our_ended = stepped(ours, state, action)
            # the continuous hill keeps its state in float32
            state = np.array(theirs.state, float) if np.allclose(state, theirs.state, rtol=0, atol=1e-6) else state
            np.testing.assert_allclose(seen(ours, state), wanted, rtol=1e-5, atol=1e-5)
            assert our_reward == pytest.approx(reward, abs=1e-9) and our_ended == ended
            if ended:
                n_ended += 1
                break
    assert n_ended or name in ("Pendulum-v1", "Acrobot-v1")
    theirs.close()


def wieland(_, state, force):
    """The equations of the published table, with gravity as a positive number, written anew and solved as a linear system."""
    _, v, a, s, b, t = state
    parts = []
    for mass, half, angle, spin in ((0.1, 0.5, a, s), (0.01, 0.05, b, t)):
        # Lagrange: (4/3) l w' + cos x'' = g sin - mu w / (m l); sum of horizontal forces on cart and pole
        parts.append((mass, half, math.cos(angle), math.sin(angle), spin, 2e-6 * spin / (mass * half)))
    matrix, right = np.zeros((3, 3)), np.zeros(3)
    matrix[0, 0], right[0] = 1.0 + 0.11, force
    for k, (mass, half, cosine, sine, spin, rub) in enumerate(parts, 1):
        matrix[0, k] = mass * half * cosine
        right[0] += mass * half * spin**2 * sine
        matrix[k, 0], matrix[k, k] = cosine, 4 / 3 * half
        right[k] = 9.8 * sine - rub
    acceleration = np.linalg.solve(matrix, right)
    return [v, acceleration[0], s, acceleration[1], t, acceleration[2]]


def test_double_pole_is_the_mechanics_of_two_rods_on_a_cart():
    rng = np.random.default_rng(0)
    for _ in range(20):
        state = rng.uniform(-0.5, 0.5, 6)
        force = rng.uniform(-1, 1)
        solution = solve_ivp(wieland, (0, 0.02), state, args=(10 * force,), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(stepped(DOUBLE, state, force)[0], solution.y[:, -1], rtol=0, atol=1e-5)


def test_double_pole_ends_where_it_should():
    still = np.zeros(6)
    for place, limit in ((0, 2.4), (2, math.radians(36)), (4, math.radians(36))):
        for sign in (-1, 1):
            inside, outside = still.copy(), still.copy()
            inside[place], outside[place] = sign * (limit - 0.04), sign * (limit + 0.04)
            assert not stepped(DOUBLE, inside, 0.0)[2] and stepped(DOUBLE, outside, 0.0)[2]


def test_damping_fitness_is_the_published_sum():
    state = first_states(BLIND, np.zeros(1, np.uint64))[0]
    plain, shakes, total, rng = state[:6].copy(), [], 0.0, np.random.default_rng(1)
    assert plain.tolist() == [0, 0, 0.07, 0, 0, 0]
    for time in range(150):
        # a controller that sees everything, to stay up for longer than the window
        action = np.clip(plain @ [0.1, 0.25, 4.0, 1.0, -4.5, -0.25] + 0.02 * rng.standard_normal(), -1, 1)
        state, reward, ended = stepped(BLIND, state, action, time, time == 149)
        plain, _, plain_ended = stepped(DOUBLE, plain, action)
        np.testing.assert_array_equal(state[:6], plain)
        shakes.append(np.abs(plain[:4]).sum())
        total += reward
        assert ended == plain_ended
        if ended:
            break
    wanted = 0.1 * len(shakes) / 1000 + (0.9 * 0.75 / sum(shakes[-100:]) if len(shakes) >= 100 else 0)
    assert total == pytest.approx(wanted, rel=1e-12)
    assert stepped(BLIND, state, 0.0, 50, True)[1] == pytest.approx(1e-4)


def test_episodes_begin_by_their_seed():
    seeds = np.arange(4000, dtype=np.uint64)
    for name, low, high in (("CartPole-v1", -0.05, 0.05), ("Acrobot-v1", -0.1, 0.1)):
        states = first_states(ENVIRONMENTS[name], seeds)
        np.testing.assert_array_equal(states, first_states(ENVIRONMENTS[name], seeds.reshape(40, 100)).reshape(states.shape))
        assert low <= states.min() < 0.98 * low and 0.98 * high < states.max() < high
        assert abs(states.mean(axis=0)).max() < 0.05 * high
        assert abs(np.corrcoef(states.T) - np.eye(4)).max() < 0.06
    hill = first_states(ENVIRONMENTS["MountainCar-v0"], seeds)
    assert -0.6 <= hill[:, 0].min() < -0.599 and not hill[:, 1].any()


def test_outputs_become_actions_by_their_rule():
    choose, push = ENVIRONMENTS["CartPole-v1"].action, ENVIRONMENTS["Pendulum-v1"].action
    assert (choose.rule, choose.n_outputs, push.rule, push.n_outputs) == ("argmax", 2, "scaled", 1)
    np.testing.assert_array_equal(choose.act(np.array([[0.1, 0.2], [3.0, -1.0]])), [1, 0])
    np.testing.assert_allclose(push.act(np.array([[-3.0], [-1.0], [0.0], [0.5], [9.0]])).ravel(), [-2, -2, 0, 1, 2])
