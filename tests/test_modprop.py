"""The rules of ModProp: three ways to compute a gradient agree, special cases fall together, and Dale's law holds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng
from propneat.methods.modprop.layer import run_layer
from propneat.methods.modprop.network import Cells, Network, make_cells, make_network
from propneat.methods.modprop.online import online_gradients
from propneat.methods.modprop.rules import RULES, Feedback, Rule, block_means, make_feedback, make_rule, tap_radius, type_taps

N_STEPS, N_ROWS, N_INPUTS, N_OUTPUTS = 9, 4, 3, 2


def make_net(
    seed: int = 0, n_replicas: int = 2, n_cells: int = 12, leak: float = 0.7, types_per_sign: int = 1, dtype=torch.float64
) -> Network:
    rngs = [make_rng("net", seed, k) for k in range(n_replicas)]
    return make_network(rngs, make_cells(n_cells, types_per_sign=types_per_sign), N_INPUTS, N_OUTPUTS, leak, dtype)


def make_inputs(seed: int = 0, n_replicas: int = 2, shift: float = 0.0) -> torch.Tensor:
    return torch.as_tensor(make_rng("inputs", seed).standard_normal((n_replicas, N_STEPS, N_ROWS, N_INPUTS)) + shift)


def make_targets(seed: int = 0, n_replicas: int = 2) -> torch.Tensor:
    return torch.as_tensor(make_rng("targets", seed).standard_normal((n_replicas, N_STEPS, N_ROWS, N_OUTPUTS)))


def loss_of(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """A loss of every step's outputs that is not linear in them."""
    return ((outputs - targets) ** 2).sum() / 2 + outputs[:, -1].logsumexp(-1).sum()


def layer_gradients(net: Network, inputs: torch.Tensor, targets: torch.Tensor, feedback: Feedback) -> tuple[np.ndarray, ...]:
    loss = loss_of(net.readout(run_layer(net, inputs, feedback)), targets)
    return tuple(g.numpy() for g in torch.autograd.grad(loss, net.parameters))


def plain_run(net: Network, inputs: torch.Tensor, cross=None) -> torch.Tensor:
    """Rates by one torch operation after another; `cross(state)` is what other units receive, rates unless given."""
    rates = []
    state = inputs.new_zeros(inputs.shape[0], inputs.shape[2], net.cells.n_cells)
    for t in range(inputs.shape[1]):
        received = torch.relu(state) @ net.weights().mT if cross is None else cross(state)
        state = net.leak * state + (1 - net.leak) * (received + inputs[:, t] @ net.w_in.mT)
        rates.append(torch.relu(state))
    return torch.stack(rates, dim=1)


def crossing(weights: torch.Tensor, matrix: torch.Tensor, slope: float):
    """What the units of a state receive, with another derivative: slope * matrix' where the true one is h W'."""

    class Cross(torch.autograd.Function):
        @staticmethod
        def forward(ctx, state, w):
            ctx.save_for_backward(state)
            return torch.relu(state) @ w.mT

        @staticmethod
        def backward(ctx, gradient):
            (state,) = ctx.saved_tensors
            return slope * gradient @ matrix, gradient.mT @ torch.relu(state)

    return lambda state: Cross.apply(state, weights)


def error_signals(net: Network, inputs: torch.Tensor, targets: torch.Tensor):
    """dE/dy_t of `loss_of` as a function of the outputs of step t alone."""

    def error(t: int, outputs: torch.Tensor) -> torch.Tensor:
        return outputs - targets[:, t] + (torch.softmax(outputs, -1) if t == inputs.shape[1] - 1 else 0)

    return error


def test_bptt_is_what_autograd_finds_for_the_plain_network():
    net, inputs, targets = make_net(), make_inputs(), make_targets()
    rates = run_layer(net, inputs, make_feedback(RULES["bptt"], net.weights(), net.cells))
    np.testing.assert_allclose(rates.detach(), plain_run(net, inputs).detach(), rtol=1e-12, atol=1e-14)
    expected = torch.autograd.grad(loss_of(net.readout(plain_run(net, inputs)), targets), net.parameters)
    found = layer_gradients(net, inputs, targets, make_feedback(RULES["bptt"], net.weights(), net.cells))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("weights", ["cells", "types"])
def test_the_released_variant_is_autograd_with_another_derivative_where_units_meet(weights):
    net, inputs, targets = make_net(1), make_inputs(1), make_targets(1)
    feedback = make_feedback(Rule(weights, slope=0.3), net.weights(), net.cells)
    rates = plain_run(net, inputs, crossing(net.weights(), feedback.matrix, 0.3))
    expected = torch.autograd.grad(loss_of(net.readout(rates), targets), net.parameters)
    for ours, theirs in zip(layer_gradients(net, inputs, targets, feedback), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("weights", ["cells", "types"])
def test_the_receiving_variant_follows_its_two_recursions_written_for_single_rows(weights):
    net, inputs, targets = make_net(2), make_inputs(2), make_targets(2)
    feedback = make_feedback(Rule(weights, "receiver", slope=0.4), net.weights(), net.cells)
    w_out = (net.out_strengths * torch.as_tensor(net.cells.signs)).detach().numpy()
    rates = plain_run(net, inputs).detach()
    errors = (
        torch.stack([error_signals(net, inputs, targets)(t, net.readout(rates[:, t])) for t in range(N_STEPS)], 1)
        .detach()
        .numpy()
    )
    rates, a, matrix = rates.numpy(), net.leak, feedback.matrix.numpy()
    expected = np.zeros(matrix.shape)
    for replica in range(2):
        for row in range(N_ROWS):
            phi, travelling = np.zeros(12), np.zeros(12)
            for t in reversed(range(N_STEPS)):
                h = rates[replica, t, row] > 0
                alpha = (w_out[replica].T @ errors[replica, t, row]) * h
                arriving = (1 - a) * matrix[replica].T @ travelling
                phi, travelling = alpha + a * phi + h * arriving, alpha + a * travelling + 0.4 * arriving
                if t:
                    expected[replica] += np.outer((1 - a) * phi, rates[replica, t - 1, row])
    found = layer_gradients(net, inputs, targets, feedback)[1]
    np.testing.assert_allclose(found, expected * net.cells.signs * (1 - np.eye(12)), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("types_per_sign", [1, 2])
@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.is_causal])
def test_the_online_form_equals_the_autograd_form(name, types_per_sign):
    net, inputs, targets = make_net(3, types_per_sign=types_per_sign), make_inputs(3), make_targets(3)
    rule = make_rule(name)
    for n_hops in [rule.n_hops] if rule.n_hops is not None else [0, 1, 3, N_STEPS - 1]:
        hops = replace(rule, n_hops=None if n_hops == N_STEPS - 1 else n_hops)
        feedback = make_feedback(hops, net.weights(), net.cells, torch.tensor([0.25, 0.6]))
        w_in, strengths = layer_gradients(net, inputs, targets, feedback)[:2]
        online = online_gradients(net, inputs, error_signals(net, inputs, targets), feedback, n_hops)
        assert np.abs(w_in).max() > 0.1 and np.abs(strengths).max() > 0.1
        np.testing.assert_allclose(online.w_in, w_in, rtol=0, atol=1e-12)
        np.testing.assert_allclose(online.weights.numpy() * net.cells.signs * (1 - np.eye(12)), strengths, rtol=0, atol=1e-12)


def test_the_online_form_asks_for_nothing_of_the_future():
    net, inputs, targets = make_net(4), make_inputs(4), make_targets(4)
    feedback = make_feedback(RULES["modprop-types"], net.weights(), net.cells)
    whole, cut = [], []
    for n_steps, seen in ((N_STEPS, whole), (5, cut)):
        error = error_signals(net, inputs, targets)
        online_gradients(
            net, inputs[:, :n_steps], lambda t, y, seen=seen, error=error: seen.append((t, y)) or error(t, y), feedback, 3
        )
    assert [t for t, _ in whole] == list(range(N_STEPS))
    assert all(torch.equal(early[1], late[1]) for early, late in zip(cut, whole, strict=False))
    with pytest.raises(ConfigError, match="not causal"):
        online_gradients(net, inputs, error, make_feedback(RULES["bptt"], net.weights(), net.cells), 3)


def test_rates_are_the_same_to_the_bit_whatever_the_rule():
    net, inputs = make_net(5), make_inputs(5)
    rates = {
        run_layer(net, inputs, make_feedback(rule, net.weights(), net.cells)).detach().numpy().tobytes()
        for rule in RULES.values()
    }
    assert len(rates) == 1


@pytest.mark.parametrize("name", ["modprop-cells", "modprop-types"])
def test_slope_zero_is_e_prop_exactly_and_not_nothing(name):
    net, inputs, targets = make_net(6), make_inputs(6), make_targets(6)
    found, expected = (
        layer_gradients(net, inputs, targets, make_feedback(rule, net.weights(), net.cells))
        for rule in (make_rule(name, 0.0), RULES["e-prop"])
    )
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert np.abs(ours).max() > 0


def test_the_receiving_variant_at_slope_zero_is_one_exact_hop():
    net, inputs, targets = make_net(7), make_inputs(7), make_targets(7)
    rules = (
        Rule("cells", "receiver", slope=0.0),
        Rule("cells", "exact", n_hops=1),
        Rule("cells", "receiver", n_hops=1, slope=0.9),
    )
    first, *others = (layer_gradients(net, inputs, targets, make_feedback(rule, net.weights(), net.cells)) for rule in rules)
    for other in others:
        np.testing.assert_allclose(other[1], first[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("derivative", ["exact", "receiver", "mean"])
def test_as_many_hops_as_steps_are_all_hops_and_one_fewer_are_not(derivative):
    net, inputs, targets = make_net(8), make_inputs(8), make_targets(8)

    def strengths(n_hops):
        return layer_gradients(
            net, inputs, targets, make_feedback(Rule("cells", derivative, n_hops), net.weights(), net.cells)
        )[1]

    everything = strengths(None)
    np.testing.assert_allclose(strengths(N_STEPS - 1), everything, rtol=0, atol=1e-12)
    misses = [np.abs(strengths(n) - everything).max() for n in (0, 1, 2, 3)]
    assert misses == sorted(misses, reverse=True) and misses[-1] > 1e-6


def test_what_one_hop_misses_is_of_second_order_in_the_slope():
    net, inputs, targets = make_net(9), make_inputs(9), make_targets(9)

    def missed(slope):
        rules = (Rule("cells", n_hops=n, slope=slope) for n in (1, None))
        one, every = (layer_gradients(net, inputs, targets, make_feedback(rule, net.weights(), net.cells))[1] for rule in rules)
        return np.abs(one - every).max()

    assert missed(1e-3) / missed(1e-4) == pytest.approx(100, rel=0.02)


@pytest.mark.parametrize("derivative", ["receiver", "mean"])
def test_with_all_units_active_and_slope_one_it_is_bptt(derivative):
    net, targets = make_net(10), make_targets(10)
    inputs = make_inputs(10).abs() + 0.1
    with torch.no_grad():
        net.w_in.abs_().add_(1)
        net.strengths.mul_(0.1)
    assert (plain_run(net, inputs) > 0).all()
    rules = Rule("cells", derivative, slope=1.0), RULES["bptt"]
    for ours, theirs in zip(
        *(layer_gradients(net, inputs, targets, make_feedback(r, net.weights(), net.cells)) for r in rules), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_types_of_one_unit_each_are_cell_specific_weights():
    net, inputs, targets = make_net(11, n_cells=8), make_inputs(11), make_targets(11)
    alone = replace(net, cells=Cells(net.cells.signs, np.arange(8)))
    for derivative in ("mean", "receiver"):
        types, cells = (make_feedback(Rule(kind, derivative), alone.weights(), alone.cells) for kind in ("types", "cells"))
        for ours, theirs in zip(*(layer_gradients(alone, inputs, targets, f) for f in (types, cells)), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_block_means_and_their_powers():
    net = make_net(12, n_cells=20, types_per_sign=2)
    weights, kinds = net.weights().detach(), net.cells.types
    means = block_means(weights, net.cells)
    matrix = make_feedback(RULES["modprop-types"], weights, net.cells).matrix.numpy()
    for row in range(4):
        for column in range(4):
            block = weights.numpy()[:, kinds == row][:, :, kinds == column]
            np.testing.assert_allclose(means[:, row, column], block.mean(axis=(1, 2)), rtol=1e-12)
            assert (np.sign(means[:, row, column].numpy()) == net.cells.signs[kinds == column][0]).all()
    for k, taps in enumerate(type_taps(means, net.cells, 5), 1):
        power = np.linalg.matrix_power(matrix, k)
        np.testing.assert_allclose(taps.numpy()[:, kinds][:, :, kinds], power, rtol=1e-10, atol=1e-15)


def test_means_over_synapses_count_and_reach_only_those_that_exist():
    net = make_net(13)
    with torch.no_grad():
        net.strengths[:, :, ::3] = 0
    weights = net.weights().detach()
    matrix = make_feedback(RULES["mdgl"], weights, net.cells).matrix
    assert torch.equal(matrix != 0, weights != 0)
    for row in range(2):
        for column in range(2):
            pairs = np.ix_([0, 1], net.cells.types == row, net.cells.types == column)
            for before, after in zip(weights.numpy()[pairs], matrix.numpy()[pairs], strict=True):
                np.testing.assert_allclose(after[before != 0], before[before != 0].mean(), rtol=1e-12)


def test_tap_radius_is_what_long_products_grow_by():
    net = make_net(14)
    feedback = make_feedback(make_rule("modprop-cells", 0.8), net.weights(), net.cells)
    taps = net.leak * np.eye(12) + (1 - net.leak) * 0.8 * net.weights().detach().numpy()
    growth = [np.linalg.norm(np.linalg.matrix_power(part, 400), 2) ** (1 / 400) for part in taps]
    np.testing.assert_allclose(tap_radius(feedback, net.leak), growth, rtol=0.01)


def test_rules_that_cannot_be_are_refused_by_name():
    for name, value in (("weights", "W"), ("derivative", "none"), ("n_hops", -1), ("slope", -0.1), ("slope", float("inf"))):
        with pytest.raises(ConfigError, match=name):
            Rule(**{name: value})
    assert not RULES["bptt"].is_causal and all(rule.is_causal for name, rule in RULES.items() if name != "bptt")
