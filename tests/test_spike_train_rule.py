"""ST-RSBP: the backward equations and the rival's, each against something independent."""

import numpy as np
import pytest
import torch
from spiking_networks import NEURON, make_network, random_trains

from propneat.base.errors import ConfigError
from propneat.methods.spike_train.bptt import bptt_learner
from propneat.methods.spike_train.gradient_study import directions_study, solve_gaps
from propneat.methods.spike_train.network import Layer, Network, lateral_inhibition, run_network
from propneat.methods.spike_train.neuron import post_count_slopes
from propneat.methods.spike_train.rule import Rule, layer_equations, network_gradients, solve_adjoint
from propneat.methods.spike_train.training import Targets


def moved_counts(equations, layer: Layer, pre_counts, counts, weights, recurrent, pre_moves) -> np.ndarray:
    """How the counts of one row move, (n_cells,), when weights and the counts below do.

    They solve moves = (a(moves) - a) / threshold, e being linear in both its counts about what was measured.
    """
    effects, among = equations.effects[0], equations.recurrent_effects[0]
    slope = post_count_slopes(NEURON, 70)[counts]
    ratios, silent = equations.ratios[0], (counts[:, None] == 0) | (counts[None] == 0)
    among_ratios = np.where(silent, 0.5, among / np.maximum(counts, 1)[None])
    before = (layer.weights.T * effects).sum(axis=1) + (layer.recurrent.T * among).sum(axis=1)
    after = (weights.T * (effects + ratios * pre_moves)).sum(axis=1) + (recurrent.T * among).sum(axis=1)
    by_own = slope * (pre_counts @ weights + counts @ recurrent)
    return np.linalg.solve(np.diag(layer.threshold - by_own) - recurrent.T * among_ratios, after - before)


def test_gradients_are_finite_differences_of_the_map_between_counts():
    """The map is solved anew on both sides; weights, recurrent weights and counts below are moved, alone and together."""
    network, inputs = make_network(2)
    layer = network.layers[0]
    single = Network((layer,), NEURON)
    activity = run_network(single, inputs[:1])
    equations = layer_equations(layer, NEURON, Rule(), *activity.trains)
    pre_counts, counts = inputs[0].sum(axis=0, dtype=int), activity.counts[0]
    rng, step = np.random.default_rng(3), 1e-6
    readout = rng.standard_normal(8)
    ((by_weights, by_recurrent),) = network_gradients(single, activity, readout[None], Rule())
    told = solve_adjoint(equations, readout[None] / layer.threshold)[0]
    by_pre = (told[:, None] * layer.weights.T * equations.ratios[0]).sum(axis=0)
    for kinds in ((0,), (1,), (2,), (0, 1, 2)):
        moves = [rng.standard_normal(shape) * (k in kinds) for k, shape in enumerate(((9, 8), (8, 8), (9,)))]
        moves[1] *= layer.connected
        ends = []
        for signed in (step, -step):
            weights, recurrent = layer.weights + signed * moves[0], layer.recurrent + signed * moves[1]
            ends.append(readout @ moved_counts(equations, layer, pre_counts, counts, weights, recurrent, signed * moves[2]))
        foreseen = (by_weights * moves[0]).sum() + (by_recurrent * moves[1]).sum() + by_pre @ moves[2]
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(foreseen, rel=1e-6)
    assert (counts > 0).sum() >= 4


def test_errors_cross_two_layers_as_the_lower_layers_own_errors():
    network, inputs = make_network(4)
    activity, errors = run_network(network, inputs), np.random.default_rng(1).standard_normal((6, 3))
    lower, upper = network_gradients(network, activity, errors, Rule())
    _, hidden, outputs = activity.trains
    equations = layer_equations(network.layers[1], NEURON, Rule(), hidden, outputs)
    told = errors / network.layers[1].threshold / equations.compensation
    np.testing.assert_allclose(upper[0], np.einsum("bi,bij->ji", told, equations.effects), rtol=1e-12)
    assert upper[1] is None
    below = np.einsum("bi,ji,bij->bj", told, network.layers[1].weights, equations.ratios)
    alone = Network(network.layers[:1], NEURON)
    ((by_weights, by_recurrent),) = network_gradients(alone, run_network(alone, inputs), below, Rule())
    np.testing.assert_allclose(lower[0], by_weights, rtol=1e-10)
    np.testing.assert_allclose(lower[1], by_recurrent, rtol=1e-10)
    assert (lower[1][~network.layers[0].connected] == 0).all()


def test_the_adjoint_is_the_matrix_solve_and_truncation_comes_to_it():
    network, inputs = make_network()
    layer = network.layers[0]
    activity = run_network(Network((layer,), NEURON), inputs)
    equations = layer_equations(layer, NEURON, Rule(), *activity.trains)
    delta = np.random.default_rng(0).standard_normal((6, 8))
    told = solve_adjoint(equations, delta)
    for b in range(6):
        system = np.diag(equations.compensation[b]) - equations.coupling[b]
        np.testing.assert_allclose(system.T @ told[b], delta[b], atol=1e-12)
        # the paper's form: a matrix for all inputs at once
        phi = layer.weights.T * equations.ratios[b]
        np.testing.assert_allclose(delta[b] @ np.linalg.solve(system, phi), told[b] @ phi, rtol=1e-9, atol=1e-12)
    gaps = [np.abs(solve_adjoint(equations, delta, n) - told).max() for n in (0, 1, 2, 40)]
    assert gaps[0] > 1e-2 and gaps[0] > gaps[1] > gaps[2] and gaps[3] < 1e-8
    single = layer_equations(Layer(layer.weights.astype(np.float32), *layer_parts(layer)), NEURON, Rule(), *activity.trains)
    np.testing.assert_allclose(solve_adjoint(single, delta.astype(np.float32)), told, rtol=1e-4, atol=1e-5)
    study = solve_gaps(1)["gaps"]
    assert (np.diff(study) < 0).all() and study[0] > 0.05


def layer_parts(layer: Layer) -> tuple:
    return layer.recurrent.astype(np.float32), layer.connected, layer.threshold


def test_without_recurrent_weights_there_is_no_recurrent_term():
    network, inputs = make_network()
    cut = Layer(network.layers[0].weights, 0 * network.layers[0].recurrent, network.layers[0].connected, 3.0)
    bare = Layer(cut.weights, None, None, 3.0)
    activity, errors = run_network(Network((bare,), NEURON), inputs), np.ones((6, 8))
    exact, forward = (network_gradients(Network((layer,), NEURON), activity, errors, Rule())[0] for layer in (cut, bare))
    np.testing.assert_allclose(exact[0], forward[0], rtol=1e-10)
    for layer, differs in ((cut, False), (network.layers[0], True)):
        ran = run_network(Network((layer,), NEURON), inputs)
        whole, none = (network_gradients(Network((layer,), NEURON), ran, errors, Rule(n_hops=n))[0][0] for n in (None, 0))
        assert np.allclose(whole, none) != differs


def test_direct_weights_are_told_only_what_goes_to_their_own_cell():
    network, inputs = make_network()
    activity, errors = run_network(network, inputs), np.random.default_rng(0).standard_normal((6, 3))
    direct, no_hop, whole = (
        network_gradients(network, activity, errors, rule) for rule in (Rule(weight_path="direct"), Rule(n_hops=0), Rule())
    )
    for k in (0, 1):
        np.testing.assert_allclose(direct[0][k], no_hop[0][k], rtol=1e-12)
        assert np.abs(direct[0][k] - whole[0][k]).max() > 1e-2 * np.abs(whole[0][k]).max()
    np.testing.assert_array_equal(direct[1][0], whole[1][0])


def test_errors_pass_silent_cells_at_a_half():
    rng = np.random.default_rng(0)
    layer = Layer(np.array([[0.3, -5.0], [0.3, -5.0]]), None, None, 1.0)
    pre = random_trains(rng, 1, 70, 2)
    pre[:, :, 1] = 0
    ran = run_network(Network((layer,), NEURON), pre)
    equations = layer_equations(layer, NEURON, Rule(), pre, ran.trains[1])
    assert ran.counts[0, 0] > 0 and ran.counts[0, 1] == 0
    assert equations.ratios[0, 0, 0] == pytest.approx(equations.effects[0, 0, 0] / pre[0, :, 0].sum())
    assert equations.ratios[0].ravel()[1:].tolist() == [0.5] * 3 and (equations.effects[0].ravel()[1:] == 0).all()


def test_two_outputs_that_inhibit_each_other_have_the_closed_form():
    """The factor 1 / (1 - product of both effects per spike over the thresholds) is the diagonal of the inverse."""
    layer = lateral_inhibition(Layer(np.full((4, 2), 1.5), None, None, 2.0), -0.4)
    layer.weights[0, 0] = 2.5
    inputs = random_trains(np.random.default_rng(0), 1, 70, 4)
    activity = run_network(Network((layer,), NEURON), inputs)
    assert (activity.counts > 0).all() and not layer.trains_recurrent
    equations = layer_equations(layer, NEURON, Rule(compensates=False), *activity.trains)
    e, o = equations.recurrent_effects[0], activity.counts[0]
    factor = 1 / (1 - 0.4**2 * (e[0, 1] / o[1]) * (e[1, 0] / o[0]) / layer.threshold**2)
    told = solve_adjoint(equations, np.array([[1.0, 0.0]]))[0]
    assert told[0] == pytest.approx(factor, rel=1e-12) and factor > 1


def test_compensation_is_rarely_near_nothing():
    network, inputs = make_network(7)
    activity = run_network(network, inputs)
    for layer, pre, post in zip(network.layers, activity.trains[:-1], activity.trains[1:], strict=True):
        compensation = layer_equations(layer, NEURON, Rule(), pre, post).compensation
        assert (np.abs(compensation) > 1e-3).mean() > 0.99
        plain = layer_equations(layer, NEURON, Rule(compensates=False), pre, post).compensation
        assert (plain == 1).all() and np.abs(compensation - 1).mean() > 0.05


def test_a_least_compensation_replaces_smaller_ones_alone():
    network, inputs = make_network(7)
    pre, post = run_network(Network(network.layers[:1], NEURON), inputs).trains
    free, bounded = (
        layer_equations(network.layers[0], NEURON, Rule(least_compensation=least), pre, post).compensation
        for least in (None, 0.9)
    )
    np.testing.assert_array_equal(bounded, np.maximum(free, 0.9))
    assert (free < 0.9).any() and (free > 0.9).any()


def test_counts_move_as_gradients_foresee_and_each_term_helps():
    found = directions_study(0, 0.3, 1, 400, 20, lambda done, total: None)
    correlation = {line: np.mean(values) for line, values in found["correlation"].items()}
    assert correlation["adjoint"] > 0.98
    assert correlation["adjoint"] > correlation["direct weights"]
    assert correlation["adjoint"] > correlation["no compensation"]
    assert correlation["BPTT"] > 0.9 and 0.6 < found["scale"]["adjoint"][0] < 1


class Surrogate(torch.autograd.Function):
    """A spike whose derivative is that of BPTT, for autograd to be an oracle."""

    @staticmethod
    def forward(ctx, above):
        ctx.save_for_backward(above)
        return (above > 0).to(above.dtype)

    @staticmethod
    def backward(ctx, gradient):
        return gradient / (1 + 5.0 * ctx.saved_tensors[0].abs()) ** 2


def run_in_torch(layer: Layer, tensors: list, trains: torch.Tensor) -> torch.Tensor:
    """A layer's trains, (n_rows, n_steps, n_cells), differentiable but for the reset and the rest."""
    potential = current = spike = rest = torch.zeros(len(trains), layer.n_cells, dtype=trains.dtype)
    spikes = [spike]
    for t in range(1, trains.shape[1]):
        current = current - current / NEURON.tau_s + trains[:, t - 1] @ tensors[0]
        if len(tensors) == 2:
            current = current + spike @ (tensors[1] * torch.from_numpy(layer.connected))
        potential = (potential - potential / NEURON.tau_m + current / NEURON.tau_s) * (rest <= 0)
        spike = Surrogate.apply((potential - layer.threshold + 1e-6) / layer.threshold)
        fired = spike.detach()
        potential = potential * (1 - fired)
        rest = fired * NEURON.n_rest + (1 - fired) * (rest - 1)
        spikes.append(spike)
    return torch.stack(spikes, dim=1)


@pytest.mark.parametrize("seed", [1, 2])
def test_bptt_is_autograd_through_every_step(seed):
    network, inputs = make_network(seed)
    errors = np.random.default_rng(seed).standard_normal((6, 3))
    counts, gradients_of = bptt_learner(5.0)(network, inputs, np.zeros(6, int), Targets())
    found = gradients_of(errors)
    arrays = [[layer.weights] + ([] if layer.recurrent is None else [layer.recurrent]) for layer in network.layers]
    tensors = [[torch.from_numpy(array.copy()).requires_grad_(True) for array in pair] for pair in arrays]
    trains = torch.from_numpy(inputs).double()
    for layer, pair in zip(network.layers, tensors, strict=True):
        trains = run_in_torch(layer, pair, trains)
    np.testing.assert_array_equal(counts, trains.detach().numpy().sum(axis=1))
    trains.sum(dim=1).backward(torch.from_numpy(errors))
    for pair, theirs in zip(found, tensors, strict=True):
        for ours, tensor in zip(pair, theirs, strict=False):
            np.testing.assert_allclose(ours, tensor.grad.numpy(), rtol=1e-9, atol=1e-9)
    assert counts.sum() > 0 and found[1][1] is None


def test_the_rule_points_where_bptt_does():
    network, inputs = make_network(1)
    errors = np.random.default_rng(2).standard_normal((6, 3))
    ours = network_gradients(network, run_network(network, inputs), errors, Rule())
    counts, gradients_of = bptt_learner()(network, inputs, np.zeros(6, int), Targets())
    theirs = gradients_of(errors)
    np.testing.assert_array_equal(counts, run_network(network, inputs).counts)
    for one, other in ((ours[0][0], theirs[0][0]), (ours[0][1], theirs[0][1]), (ours[1][0], theirs[1][0])):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.5
    assert theirs[1][1] is None and (theirs[0][1][~network.layers[0].connected] == 0).all()


def test_the_rule_takes_no_gradient_from_autograd():
    network, inputs = make_network()
    with torch.inference_mode():
        gradients = network_gradients(network, run_network(network, inputs), np.ones((6, 3)), Rule())
    assert all(isinstance(part, np.ndarray) and part.any() for part in (*gradients[0], gradients[1][0]))


def test_terms_that_do_not_exist_are_refused():
    for bad in ({"weight_path": "both"}, {"n_hops": -1}, {"least_compensation": 0.0}):
        with pytest.raises(ConfigError, match=next(iter(bad))):
            Rule(**bad)
