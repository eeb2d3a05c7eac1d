"""ST-RSBP: the cell, the effects of trains on trains, and networks of cells, each against something independent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spiking_networks import NEURON, make_network, random_trains

from propneat.base.errors import ConfigError
from propneat.methods.spike_train.connectivity import grid_connections, random_connections
from propneat.methods.spike_train.gradient_study import identity_gap
from propneat.methods.spike_train.network import (
    Layer,
    Network,
    calibrate,
    effects_between,
    lateral_inhibition,
    make_layer,
    run_network,
)
from propneat.methods.spike_train.neuron import Neuron, expected_effects, post_count_slopes, spread_trains
from propneat.methods.spike_train.rule import Rule, layer_equations


def loop_over_steps(layer: Layer, neuron: Neuron, inputs: np.ndarray) -> np.ndarray:
    """The cell as its description says, one number at a time; trains (n_steps, n_cells) of one row."""
    n_steps, n_inputs = inputs.shape
    spikes = np.zeros((n_steps, layer.n_cells), np.uint8)
    v, a, rest = ([0.0] * layer.n_cells for _ in range(3))
    for t in range(n_steps):
        for i in range(layer.n_cells):
            v[i] -= v[i] / neuron.tau_m
            a[i] -= a[i] / neuron.tau_s
            if t == 0:
                continue
            a[i] += sum(layer.weights[j, i] for j in range(n_inputs) if inputs[t - 1, j])
            if layer.recurrent is not None:
                a[i] += sum(layer.recurrent[p, i] for p in range(layer.n_cells) if spikes[t - 1, p])
            v[i] += a[i] / neuron.tau_s
            if rest[i] > 0:
                v[i] = 0.0
                rest[i] -= 1
            if v[i] > layer.threshold - 1e-6:
                v[i], rest[i] = 0.0, neuron.n_rest
                spikes[t, i] = 1
    return spikes


def effect_of(pre: np.ndarray, post: np.ndarray, neuron: Neuron) -> float:
    """e of two trains (n_steps,) by running pre alone through a cell that is reset where post fires."""
    v = a = total = 0.0
    rest = 0
    for t in range(1, len(pre)):
        v -= v / neuron.tau_m
        a += pre[t - 1] - a / neuron.tau_s
        v += a / neuron.tau_s
        if rest > 0:
            v = 0.0
            rest -= 1
        if post[t]:
            total += v
            v, rest = 0.0, neuron.n_rest
    return total


@pytest.mark.parametrize("neuron", [NEURON, Neuron(10.0, 3.0, 0), Neuron(2.0, 1.0, 5)])
def test_the_kernel_is_a_loop_over_steps(neuron):
    network, inputs = make_network()
    network = Network((network.layers[0], lateral_inhibition(network.layers[1])), neuron)
    activity = run_network(network, inputs)
    for row in range(len(inputs)):
        below = inputs[row]
        for layer, trains in zip(network.layers, activity.trains[1:], strict=True):
            below = loop_over_steps(layer, neuron, below)
            np.testing.assert_array_equal(trains[row], below)
    assert activity.counts.sum() > 0 and (activity.trains[1][:, 0] == 0).all()


def test_a_spike_is_felt_a_step_later_and_a_cell_that_fired_rests():
    layer = Layer(np.array([[100.0]]), None, None, 1.0)
    trains = run_network(Network((layer,), Neuron(n_rest=3)), np.eye(12, dtype=np.uint8)[None, :, 4:5]).trains[1]
    assert np.flatnonzero(trains[0, :, 0]).tolist() == [5, 9]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 4), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_effects_are_those_of_the_plain_loop_for_any_trains(seed, n_rest, rate):
    """Post trains may fire where no cell could, within the rest."""
    rng, neuron = np.random.default_rng(seed), Neuron(1.5 + seed % 60, 4.0, n_rest)
    pre, post = random_trains(rng, 2, 30, 3), random_trains(rng, 2, 30, 2, rate=rate)
    effects = effects_between(neuron, pre, post, np.float64)
    for b, i, j in np.ndindex(2, 2, 3):
        assert effects[b, i, j] == pytest.approx(effect_of(pre[b, :, j], post[b, :, i], neuron), abs=1e-10)


def test_weights_times_effects_are_the_potentials_at_spikes():
    gap = identity_gap(3)
    assert gap["largest"] < 1e-10 and gap["overshoot"] > 1
    network, inputs = make_network()
    activity = run_network(network, inputs)
    for layer, pre, post in zip(network.layers, activity.trains[:-1], activity.trains[1:], strict=True):
        equations = layer_equations(layer, NEURON, Rule(), pre, post)
        total = np.einsum("bij,ji->bi", equations.effects, layer.weights)
        if layer.recurrent is not None:
            total += np.einsum("bij,ji->bi", equations.recurrent_effects, layer.recurrent)
        assert (total >= layer.threshold * post.sum(axis=1) * (1 - 1e-6)).all()


def test_random_trains_are_even_and_leave_the_rest():
    neuron = Neuron(n_rest=3)
    times = spread_trains(neuron, 13, 3, 20000, np.random.default_rng(0))
    assert (np.diff(times, axis=1) >= 4).all() and times.min() == 1 and times.max() == 12
    # 12 steps with two gaps of 3 are 6 free places: 20 trains in all
    _, counts = np.unique(times, axis=0, return_counts=True)
    assert len(counts) == 20 and counts.min() > 880 and counts.max() < 1120
    assert spread_trains(neuron, 10, 3, 2, np.random.default_rng(0)).tolist() == [[1, 5, 9]] * 2
    with pytest.raises(ConfigError, match="fires 1 to 3 times"):
        spread_trains(neuron, 13, 4, 1, np.random.default_rng(0))


def test_means_of_effects_agree_with_fresh_random_trains_and_are_linear_in_the_pre_count():
    n_steps, rng = 100, np.random.default_rng(5)
    means = expected_effects(NEURON, n_steps)
    for pre_count, count in ((5, 3), (20, 8), (50, 15)):
        post = np.zeros((3000, n_steps, 1), np.uint8)
        np.put_along_axis(post[:, :, 0], spread_trains(NEURON, n_steps, count, 3000, rng), 1, axis=1)
        pre = np.zeros((3000, n_steps, 1), np.uint8)
        np.put_along_axis(pre[:, :, 0], np.argsort(rng.random((3000, n_steps)), axis=1)[:, :pre_count], 1, axis=1)
        fresh = effects_between(NEURON, pre, post, np.float64).mean()
        assert pre_count * means[count] == pytest.approx(fresh, rel=0.05)
    np.testing.assert_array_equal(means, expected_effects.__wrapped__(NEURON, n_steps))


def test_slopes_are_differences_of_fresh_means_by_the_post_count():
    """Of many more trains than the list was made of; the rows are counts of the receiving cell, not of the sending one."""
    n_steps, rng = 100, np.random.default_rng(6)
    pre = np.full((20000, 1), 1 / n_steps)
    free, current = np.zeros(n_steps), 0.0
    for t in range(1, n_steps):
        current += pre[0, 0] - current / NEURON.tau_s
        free[t] = free[t - 1] * (1 - 1 / NEURON.tau_m) + current / NEURON.tau_s

    def mean(count: int) -> float:
        times = spread_trains(NEURON, n_steps, count, 20000, rng)
        ready = times[:, :-1] + NEURON.n_rest
        decay = (1 - 1 / NEURON.tau_m) ** (times[:, 1:] - ready)
        return float((free[times].sum(axis=1) - (decay * free[ready]).sum(axis=1)).mean())

    slopes = post_count_slopes(NEURON, n_steps)
    fresh = np.array([(mean(count + 1) - mean(count - 1)) / 2 for count in range(3, 16)])
    np.testing.assert_allclose(slopes[3:6], fresh[:3], rtol=0.1)
    # the slope passes 0 at about 10, so beyond what counts is the error beside the slope of cells that rarely fire
    np.testing.assert_allclose(slopes[3:16], fresh, atol=0.03 * slopes[1])
    assert slopes[0] == slopes[1] and (np.diff(slopes[1:16]) < 0).all()


def test_scaled_weights_fire_as_often_as_asked():
    network, inputs = make_network(3)
    scaled = calibrate(network.layers, NEURON, inputs, (4.0, 3.0))
    hidden, outputs = run_network(scaled, inputs).trains[1:]
    assert hidden.sum(axis=1).mean() == pytest.approx(4, abs=1) and outputs.sum(axis=1).mean() == pytest.approx(3, abs=1)
    np.testing.assert_array_equal(scaled.layers[0].recurrent, network.layers[0].recurrent)


def test_liquids_connect_near_cells_more_often():
    connected = np.mean([grid_connections((4, 4, 4), np.random.default_rng(k)) for k in range(30)], axis=0)
    places = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    squares = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    assert (np.diagonal(connected) == 0).all()
    # four in five excite: the mean of c over pairs is 0.64 0.3 + 0.16 0.2 + 0.16 0.4 + 0.04 0.1
    for square in (1, 2, 4):
        expected = 1.5 * (0.192 + 0.032 + 0.064 + 0.004) * np.exp(-square / 4)
        assert connected[squares == square].mean() == pytest.approx(expected, rel=0.1)
    assert random_connections(9, 1.0, np.random.default_rng(0)).sum() == 72


def test_cells_and_layers_that_cannot_be_are_refused():
    rng = np.random.default_rng(0)
    for bad in ({"tau_m": 1.0}, {"tau_s": 0.5}, {"n_rest": -1}, {"tau_m": float("nan")}):
        with pytest.raises(ConfigError, match="a cell needs"):
            Neuron(**bad)
    with pytest.raises(ConfigError, match="threshold must be positive"):
        make_layer(2, 2, 0.0, rng)
    with pytest.raises(ConfigError, match="shape"):
        make_layer(2, 2, 1.0, rng, np.ones((3, 3), bool))
    with pytest.raises(ConfigError, match="density"):
        random_connections(3, 1.5, rng)
