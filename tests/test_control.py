"""Populations in environments: rollouts against a plain walk, learning, judging, and the search that needs no table."""

from dataclasses import replace

import numpy as np
import pytest
from control_cases import GROWING, InPython, pendulum, population
from scipy.linalg import solve_discrete_are

from propneat.base.errors import ConfigError
from propneat.compiler import compile_genome, compile_pool, compile_programs, evaluate
from propneat.control import ENVIRONMENTS
from propneat.control.champion import Champion
from propneat.control.compiled import first_states, observe_all, step_all
from propneat.control.finding import find_world
from propneat.control.judging import double_pole_starts, generalisation, judge
from propneat.control.learning import advantages, learn, returns_to_go
from propneat.control.moments import Moments
from propneat.control.rollouts import CompiledWorld, Experience, Rollouts
from propneat.control.search import CONTROL_COLUMNS, evolve_control
from propneat.evolution import EvolutionConfig
from propneat.genome import GenePool, NodeKind, activation_code, make_genome
from propneat.settings.control_config import ControlConfig, default_control
from propneat.training import TrainingConfig

SMALL = EvolutionConfig(population_size=10, activations=("tanh",), add_connection_rate=0.5, add_node_rate=0.3)


def small(env="CartPole-v1", **changes):
    training = TrainingConfig(epochs=2, batch_size=64)
    settings = {"generations": 3, "episodes": 2, "judge_episodes": 3, "test_episodes": 4, "max_steps": 60, "rows": 200}
    return ControlConfig(**{"env": env, **settings, "evolution": SMALL, "training": training, **changes})


def plainly(environment, genome, seed, moments=None):
    """One episode, step by step, networks by the reference evaluator over all steps so far."""
    states = first_states(environment, np.array([seed]))
    seen, rewards, ended = np.zeros((1, environment.n_observations)), np.zeros(1), np.zeros(1, bool)
    plan, inputs, total = compile_genome(genome), [], 0.0
    subtract, multiply = moments.scaling if moments else (0.0, 1.0)
    for time in range(environment.max_steps):
        observe_all(environment.code, states, seen)
        inputs.append(np.clip((seen[0] - subtract) * multiply, *((-10, 10) if moments else (None, None))))
        outputs = evaluate(plan, np.array([inputs]))[0, -1]
        action = np.ravel(environment.action.act(outputs[None])).astype(float)
        step_all(environment.code, states, action, time, time == environment.max_steps - 1, rewards, ended)
        total += rewards[0]
        if ended[0]:
            break
    return total, time + 1, np.array(inputs)


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1", "double-pole-no-velocities"])
def test_rollouts_are_those_of_a_plain_walk(name):
    environment = replace(ENVIRONMENTS[name], max_steps=15)
    pool, programs = population(environment)
    assert any(genome.is_recurrent for genome in pool)
    seeds = np.random.default_rng(0).integers(0, 2**63, (len(pool), 2), dtype=np.uint64)
    moments = (
        None
        if environment.is_scaled
        else Moments(9, np.full(environment.n_observations, 0.1), np.linspace(1, 2, environment.n_observations))
    )
    world = CompiledWorld(environment)
    rollouts = world.roll_out(programs, seeds, moments)
    replayed = rollouts.replay(np.ones_like(seeds, bool))
    everything = []
    for g, e in np.ndindex(seeds.shape):
        total, steps, inputs = plainly(environment, pool[g], seeds[g, e], moments)
        assert rollouts.returns[g, e] == pytest.approx(total, rel=1e-9)
        assert rollouts.steps[g, e] == steps
        k = g * 2 + e
        rows = slice(*replayed.episode[k : k + 2])
        np.testing.assert_allclose(replayed.inputs[rows], inputs, rtol=1e-5, atol=1e-6)
        assert replayed.rewards[rows].sum() == pytest.approx(total)
        everything.append(inputs)
    assert rollouts.n_steps == len(replayed.rewards) == rollouts.seen.count
    if moments is None:
        np.testing.assert_allclose(rollouts.seen.mean, np.concatenate(everything).mean(axis=0), rtol=1e-9)
    some = rollouts.replay(np.arange(seeds.size).reshape(seeds.shape) == 5)
    np.testing.assert_array_equal(some.inputs, replayed.inputs[slice(*replayed.episode[5:7])])
    alone = world.roll_out(compile_programs(compile_pool(GenePool.pack([pool[3]]))), seeds[3:4], moments)
    np.testing.assert_array_equal(alone.returns[0], rollouts.returns[3])


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1"])
def test_environments_in_python_give_what_compiled_ones_give(name):
    compiled = find_world(name, 50)
    world = find_world("control_cases:InPython" if name == "CartPole-v1" else "control_cases:pendulum", 50)
    assert replace(compiled.environment, name="", code=-1, n_state=0) == replace(world.environment, name="")
    _, programs = population(compiled.environment)
    seeds = np.random.default_rng(1).integers(0, 2**31, (len(programs), 4), dtype=np.uint64)
    moments = Moments(4, np.full(programs.n_inputs, 0.01), np.full(programs.n_inputs, 2.0))
    one, other = compiled.roll_out(programs, seeds, moments), world.roll_out(programs, seeds, moments, keep=True)
    np.testing.assert_allclose(one.returns, other.returns, rtol=1e-12)
    np.testing.assert_array_equal(one.steps, other.steps)
    np.testing.assert_allclose(one.seen.scaling, other.seen.scaling, rtol=1e-9)
    chosen = np.random.default_rng(2).random(seeds.shape) < 0.5
    for part in ("inputs", "actions", "rewards", "episode"):
        np.testing.assert_allclose(getattr(one.replay(chosen), part), getattr(other.replay(chosen), part), rtol=1e-6, atol=1e-6)


def test_moments_join_to_those_of_all():
    rows = np.random.default_rng(0).normal(3, 5, (100, 2))
    rows[:, 1] = 7.0
    joined = Moments.none(2)
    for first, last in ((0, 1), (1, 40), (40, 40), (40, 100)):
        joined = joined.joined(Moments.of_rows(rows[first:last]))
    subtract, multiply = joined.scaling
    np.testing.assert_allclose(subtract, rows.mean(axis=0))
    np.testing.assert_allclose(multiply, [1 / rows[:, 0].std(), 1.0])
    back = Moments.from_dict(joined.to_dict())
    assert (
        back.count == 100
        and back.mean.tobytes() == joined.mean.tobytes()
        and back.squares.tobytes() == joined.squares.tobytes()
    )
    with pytest.raises(ValueError):
        Moments.from_dict({"count": 1, "mean": [0.0], "squares": [-1.0]})


def experience(lengths, seed=0):
    rng = np.random.default_rng(seed)
    n = sum(lengths)
    inputs = rng.normal(size=(n, 3)).astype(np.float32)
    actions = rng.integers(2, size=(n, 1)).astype(np.float32)
    return Experience(inputs, actions, rng.normal(size=n), np.cumsum([0, *lengths]))


def test_returns_to_go_are_discounted_sums_within_episodes():
    met = experience([3, 1, 5])
    wanted = [
        sum(0.9 ** (j - k) * met.rewards[j] for j in range(k, end))
        for begin, end in ((0, 3), (3, 4), (4, 9))
        for k in range(begin, end)
    ]
    np.testing.assert_allclose(returns_to_go(met, 0.9), wanted)


def test_an_advantage_is_what_the_state_does_not_explain():
    met = experience([1] * 400)
    good = met.actions[:, 0]
    rewards = 2.0 + met.inputs[:, 0] * met.inputs[:, 1] - met.inputs[:, 2] ** 2 + 0.5 * good
    found = advantages(replace(met, rewards=rewards.astype(float)), 0.99, 10)
    assert found.std() == pytest.approx(1) and found.mean() == pytest.approx(0, abs=1e-9)
    assert np.corrcoef(found, good)[0, 1] > 0.99


def log_probability(numbers, plan, met, is_choice):
    """Of the actions taken, by a network of these numbers: a softmax, or a normal distribution of variance 1 up to a constant."""
    outputs = evaluate(replace(plan, weights=numbers[: plan.n_edges], biases=numbers[plan.n_edges :]), met.inputs)
    if not is_choice:
        return -np.mean((outputs - met.actions) ** 2, axis=1)
    return outputs[np.arange(len(outputs)), met.actions[:, 0].astype(int)] - np.logaddexp.reduce(outputs, axis=1)


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1"])
def test_a_step_of_a_policy_gradient_is_that_of_finite_differences(name):
    environment = replace(ENVIRONMENTS[name], n_observations=3)
    pool, _ = population(environment, config=replace(GROWING, recurrent_rate=0.0, activations=("tanh",)))
    met = experience([20] * 6)
    rollouts = Rollouts(np.zeros((6, 1)), np.full((6, 1), 20), Moments.none(3), lambda chosen: met)
    one_step = TrainingConfig(epochs=1, optimiser="adadelta", learning_rate=1.0)
    config = small(name, learning="gradient", rows=120, training=one_step)
    nobody = GenePool.pack([pool[0]])
    learnt = compile_pool(learn(pool, nobody, rollouts, environment, config, np.random.default_rng(0)))
    gain, n_moved = advantages(met, config.discount, environment.max_steps), 0
    assert (gain < 0).any() and (gain > 0).any()
    for before, after in list(zip(compile_pool(pool), learnt, strict=True))[1:]:
        start, slope = np.concatenate([before.weights, before.biases]).astype(float), []
        for k in range(len(start)):
            ends = [
                log_probability(start + h * (np.arange(len(start)) == k), before, met, name == "CartPole-v1")
                for h in (1e-5, -1e-5)
            ]
            slope.append(gain @ (ends[0] - ends[1]) / 2e-5 / np.abs(gain).sum())
        # what Adadelta's first step goes along a gradient
        expected = np.sqrt(1e-6) / np.sqrt(0.1 * np.square(slope) + 1e-6) * np.array(slope)
        step = np.concatenate([after.weights, after.biases]) - start
        np.testing.assert_allclose(step, expected, rtol=5e-3, atol=3e-6)
        n_moved += np.count_nonzero(np.abs(step) > 1e-4)
    assert n_moved > 30


@pytest.mark.parametrize(
    ("learning", "recurrent_rate"), [("regression", 0.0), ("regression", 0.5), ("gradient", 0.0), ("gradient", 0.5)]
)
def test_a_population_learns_what_paid_and_the_elite_stays(learning, recurrent_rate):
    environment = replace(ENVIRONMENTS["CartPole-v1"], max_steps=50, n_observations=3)
    # a policy gradient has nothing that holds outputs back, so they have limits of their own, as in environments
    output = "identity" if learning == "regression" else "tanh"
    pool, _ = population(environment, config=replace(GROWING, recurrent_rate=recurrent_rate, output_activation=output))
    parents = GenePool.pack([pool[4], pool[0]])
    met = experience([20] * 60)
    right = met.inputs[:, 0] > 0
    met = replace(met, rewards=np.where((met.actions[:, 0] == 1) == right, 1.0, -1.0))
    rollouts = Rollouts(np.zeros((60, 1)), np.full((60, 1), 20), Moments.none(3), lambda chosen: met)
    config = small(
        learning=learning,
        rows=1200 if recurrent_rate == 0 else 9600,
        discount=0.0,
        training=TrainingConfig(epochs=30, batch_size=200, learning_rate=0.02),
    )
    learnt = learn(pool, parents, rollouts, environment, config, np.random.default_rng(0))
    again = learn(pool, parents, rollouts, environment, config, np.random.default_rng(0))
    assert list(learnt) == list(again) != list(pool)

    def share(genome):
        outputs = evaluate(compile_genome(genome), met.inputs.reshape(60, 20, 3)).reshape(-1, 2)
        return np.mean((np.argmax(outputs, axis=1) == 1) == right)

    for k in (0, 4):
        assert learnt[k] == pool[k]
    before, after = np.array([[share(genome) for genome in part] for part in (pool, learnt)])
    others = [k for k in range(len(pool)) if k not in (0, 4)]
    assert np.mean(after[others]) > max(0.85 if learning == "regression" else 0.6, np.mean(before[others]) + 0.2)


def test_starts_of_the_generalisation_test_are_the_published_ones():
    starts = double_pole_starts(ENVIRONMENTS["double-pole-no-velocities"])
    assert len(np.unique(starts, axis=0)) == 625 and not starts[:, 4:].any()
    values = [2.16, 1.35, 0.06283185, 0.15009832]
    np.testing.assert_allclose(starts[:, :4].max(axis=0), 0.9 * np.array(values), rtol=1e-6)
    np.testing.assert_allclose(starts[:, :4].min(axis=0), -0.9 * np.array(values), rtol=1e-6)


def pole_balancer(gains):
    """A network of all six numbers of double poles that pushes by gains."""
    nodes = [(k, 0.0, NodeKind.INPUT, 0, 0) for k in range(6)] + [(6, 0.0, NodeKind.OUTPUT, activation_code("tanh"), 0)]
    return make_genome(nodes, [(k, k, 6, gain, True) for k, gain in enumerate(gains)])


def moved(state, action):
    """A state of double poles after an action."""
    states = np.array([state])
    step_all(find_world("double-pole").environment.code, states, np.array([action]), 0, False, np.zeros(1), np.zeros(1, bool))
    return states[0]


def test_a_network_that_balances_two_poles_is_known_as_such():
    environment = find_world("double-pole").environment
    still = np.zeros(6)
    columns = np.array([moved(still + 1e-6 * np.eye(6)[k], 0.0) / 1e-6 for k in range(6)]).T
    push = moved(still, 1e-6)[:, None] / 1e-6
    value = solve_discrete_are(columns, push, np.diag([0.2, 0.1, 1, 0.1, 1, 0.1]), np.eye(1))
    gains = -np.linalg.solve(np.eye(1) + push.T @ value @ push, push.T @ value @ columns)[0]
    assert environment.action.rule == "scaled"
    genome = pole_balancer(gains * [4.8, 2, 0.52, 2, 0.52, 2])
    world = find_world("double-pole", 2000)
    programs = compile_programs(compile_pool(GenePool.pack([genome, pole_balancer([0] * 6)])))
    rollouts = world.roll_out(programs, np.zeros((2, 1), np.uint64), None)
    good, bad = rollouts.steps[:, 0]
    assert bad < 100
    verdict = judge(world, genome, small("double-pole", solved_at=float(good)), 0, None, rollouts)
    assert good == 2000 and verdict.solved and verdict.mean == good and verdict.n_steps == 0
    assert generalisation(world, genome) > 300 and generalisation(world, pole_balancer([0] * 6)) == 5
    with pytest.raises(ValueError, match="2 genomes"):
        world.roll_from(programs, np.zeros((1, 1, 6)), None)


@pytest.mark.parametrize(
    ("env", "method"), [("CartPole-v1", "neat"), ("Pendulum-v1", "propneat"), ("control_cases:pendulum", "propneat")]
)
def test_a_search_goes_on_from_any_generation_to_the_same_end(env, method):
    config = small(env, method=method, max_steps=20, solved_at=1e9, episodes=1 if ":" in env else 2)
    world = find_world(env, config.max_steps)
    states = []
    whole = evolve_control(world, config, callbacks=[states.append])
    stopped = evolve_control(world, config, callbacks=[lambda _: True])
    resumed = evolve_control(world, config, state=stopped)
    assert len(states) == 3 and len(stopped.history) == 1
    assert resumed.history == whole.history and resumed.extra == whole.extra
    assert resumed.champion == whole.champion
    assert list(resumed.population.pool) == list(whole.population.pool)
    for row in whole.history:
        assert {name: type(value) for name, value in row.items()} == CONTROL_COLUMNS
    assert whole.extra["env_steps"] > whole.extra["evaluations"] == 30


def test_a_solved_environment_ends_the_search_and_the_champion_plays_as_it_was_judged():
    config = small(generations=50, solved_at=20.0, test_episodes=30)
    world = find_world("CartPole-v1", 60)
    state = evolve_control(world, config)
    assert state.extra["solved"] and len(state.history) < 50
    champion = Champion(state.champion, "CartPole-v1", world.environment.action, Moments.from_dict(state.extra["scaling"]))
    assert champion.play(world, 200, 1).returns.mean() > 18
    unsolved = evolve_control(world, replace(config, solved_at=1000.0, env_steps=1))
    assert not unsolved.extra["solved"] and len(unsolved.history) == 1


def test_a_population_that_stands_still_gives_way_to_a_new_one():
    still = replace(SMALL, weight_mutation_rate=0.0, bias_mutation_rate=0.0, add_node_rate=0.0, add_connection_rate=0.0)
    config = small("double-pole", max_steps=5, generations=6, restart_after=2, evolution=still, solved_at=1e9)
    pools = []
    state = evolve_control(
        find_world("double-pole", 5), config, callbacks=[lambda state: pools.append(set(state.population.pool))]
    )
    assert len(pools) == 6 and state.extra["improved"] == 6
    shared = [bool(before & after) for before, after in zip(pools[:-1], pools[1:], strict=True)]
    assert shared == [True, False, True, True, False]
    assert state.population.tracker["links"].size == 2 * len(pools[0].pop().connections)


def test_networks_without_biases_have_none():
    state = evolve_control(find_world("CartPole-v1", 60), small(biases=False, method="propneat", solved_at=1e9))
    assert not state.population.pool.nodes["bias"].any() and not state.champion.nodes["bias"].any()
    assert evolve_control(find_world("CartPole-v1", 60), small(solved_at=1e9)).champion.nodes["bias"].any()


def test_settings_that_cannot_be_used_are_named():
    for wrong in (
        {"episodes": 0},
        {"discount": 1.5},
        {"method": "magic"},
        {"learning": "magic"},
        {"beta": 0.0},
        {"env_steps": 0},
        {"step_decades": -1.0},
    ):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            small(**wrong)
    assert not default_control("double-pole").biases and default_control("CartPole-v1").biases


def test_a_name_that_is_no_environment_is_answered_in_a_sentence():
    for name, words in (
        ("control_cases:Nothing", "cannot be imported"),
        ("control_cases:not_callable", "class or function"),
        ("control_cases:Odd", "networks choose"),
    ):
        with pytest.raises(ConfigError, match=words):
            find_world(name)
    assert InPython and pendulum
