"""Rate-based backpropagation: neurons and traces, the rule spelt out, where it equals BPTT and where it is near."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from propneat.methods.rate_backprop import neuron
from propneat.methods.rate_backprop.functions import AnchoredNorm, SpikeTrain
from propneat.methods.rate_backprop.network import RULES, LayerPlan, make_network
from propneat.methods.rate_backprop.neuron import Lif, advance, membrane_gradient, membranes, rest

LIFS = [Lif(reset=reset, detach_reset=detach) for reset in ("soft", "hard") for detach in (True, False)]
DENSE = (LayerPlan(12),) * 3
CONV = (
    LayerPlan(4, "conv"),
    LayerPlan(4, "conv", residual=True),
    LayerPlan(6, "conv", pool=2, residual=True),
    LayerPlan(6, "conv"),
    LayerPlan(9),
)
both = pytest.mark.parametrize("is_constant", [True, False])
every_lif = pytest.mark.parametrize(
    "lif", LIFS, ids=lambda lif: f"{lif.reset}-{'detached' if lif.detach_reset else 'attached'}"
)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def a_network(plans=DENSE, shape=(7,), seed=0, **options):
    options = {"dtype": torch.float64, **options}
    return make_network(plans, shape, 3, torch.Generator().manual_seed(seed), **options).train()


def gradients(network, inputs, labels, rule, n_steps):
    copied = copy.deepcopy(network)
    logits = RULES[rule](copied, inputs, n_steps)
    return logits.detach(), torch.autograd.grad(functional.cross_entropy(logits, labels), list(copied.parameters()))


def differences(network, inputs, n_steps, rule="rate-multi", other="bptt"):
    """Return the largest difference of logits, and of gradients relative to the largest entry of all."""
    labels = torch.arange(inputs.shape[1]) % 3
    (logits, exact), (found, ours) = (gradients(network, inputs, labels, name, n_steps) for name in (other, rule))
    scale = max(float(part.abs().max()) for part in exact)
    gap = max(float((a - b).abs().max()) for a, b in zip(exact, ours, strict=True))
    return float((logits - found).abs().max()), gap / scale


class Step(torch.autograd.Function):
    """A step with the derivative of a sigmoid, for the plain way through time."""

    @staticmethod
    def forward(ctx, u):
        ctx.save_for_backward(u)
        return (u >= 1.0).to(u.dtype)

    @staticmethod
    def backward(ctx, gradient):
        with torch.enable_grad():
            u = ctx.saved_tensors[0].detach().requires_grad_()
            return gradient * torch.autograd.grad(torch.sigmoid(4 * (u - 1)).sum(), u)[0]


def plain_spikes(lif: Lif, currents: torch.Tensor) -> torch.Tensor:
    """The neuron in its textbook form, one step after the other, by autograd."""
    u, spikes = torch.zeros_like(currents[0]), []
    for current in currents:
        if spikes:
            s = spikes[-1].detach() if lif.detach_reset else spikes[-1]
            u = u - s if lif.reset == "soft" else u * (1 - s)
        u = 0.2 * u + current
        spikes.append(Step.apply(u))
    return torch.stack(spikes)


@every_lif
@both
def test_spikes_and_their_gradient_are_those_of_the_plain_loop_under_autograd(lif, is_constant):
    currents = (1.2 * normal(1 if is_constant else 6, 40, 5)).requires_grad_()
    expected = plain_spikes(lif, currents.expand(6, 40, 5))
    found = SpikeTrain.apply(currents, 6, lif)
    assert torch.equal(found, expected) and 0.1 < found.mean() < 0.6
    weight = normal(6, 40, 5, seed=1)
    ours, theirs = (torch.autograd.grad((spikes * weight).sum(), currents)[0] for spikes in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


@every_lif
def test_traces_are_the_sensitivity_to_a_current_that_is_held(lif):
    current = (1.5 * normal(1, 300)).requires_grad_()
    plain = plain_spikes(lif, current.expand(7, 300)).mean(0)
    traces = rest(current[0].detach())
    spikes = advance(lif, current.detach(), 7, traces)
    torch.testing.assert_close(traces.spike_sum / 7, plain.detach())
    assert torch.equal(spikes.sum(0), traces.spike_sum)
    expected = torch.autograd.grad(plain.sum(), current)[0][0]
    torch.testing.assert_close(traces.derivative_sum / 7, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("decay", [0.0, 0.2, 0.9])
def test_with_a_detached_soft_reset_the_sensitivity_is_a_geometric_sum(decay):
    traces = rest(normal(30))
    for t in range(9):
        torch.testing.assert_close(traces.sensitivity, torch.full((30,), sum(decay**k for k in range(t + 1))).double())
        advance(Lif(decay), normal(1, 30, seed=t), 1, traces)


@every_lif
@pytest.mark.parametrize("shape", [(6, 2500), (6, 3, 4, 5, 7)])
def test_compiled_loops_are_those_of_torch(lif, shape, monkeypatch):
    currents, weight = normal(*shape, dtype=torch.float32), normal(*shape, seed=1, dtype=torch.float32)

    def everything():
        traces = rest(currents[0])
        spikes = advance(lif, currents, 6, traces)
        before, same = membranes(lif, currents, 6)
        back = [membrane_gradient(lif, before, weight, constant) for constant in (True, False)]
        assert torch.equal(spikes, same) and back[1].shape == shape and back[0].shape == (1, *shape[1:])
        return spikes, before, *back, *traces

    compiled = everything()
    monkeypatch.setattr(neuron, "_is_compiled", lambda values: False)
    for ours, theirs in zip(compiled, everything(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=2e-6)
    held = [advance(lif, currents[:1], 6, rest(currents[0])), advance(lif, currents[:1].expand(shape), 6, rest(currents[0]))]
    assert torch.equal(*held)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_steps_one_by_one_leave_what_all_at_once_leave(dtype):
    currents = normal(5, 8, 3, 4, 4, dtype=dtype)
    whole, parts = rest(currents[0]), rest(currents[0])
    spikes = advance(LIFS[3], currents, 5, whole)
    one_by_one = torch.cat([advance(LIFS[3], current[None], 1, parts) for current in currents])
    assert torch.equal(spikes, one_by_one) and all(torch.equal(a, b) for a, b in zip(whole, parts, strict=True))


def anchored(value: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    return value.detach() + slope - slope.detach()


def test_the_anchored_norm_is_its_formula_under_autograd():
    steps = 2 * normal(5, 16, 6, 3, 3) + 1
    c = steps.mean(0).requires_grad_()
    weight, bias = normal(6, seed=1).requires_grad_(), normal(6, seed=2).requires_grad_()
    mean, variance = (part.view(1, -1, 1, 1) for part in (steps.mean((0, 1, 3, 4)), steps.var((0, 1, 3, 4), correction=0)))
    m = anchored(mean, c.mean((0, 2, 3), keepdim=True))
    v = anchored(variance, ((c - m) ** 2).mean((0, 2, 3), keepdim=True))
    expected = weight.view(1, -1, 1, 1) * (c - m) / torch.sqrt(v + 1e-5) + bias.view(1, -1, 1, 1)
    found = AnchoredNorm.apply(c, weight, bias, mean.flatten(), (variance.flatten() + 1e-5) ** -0.5)
    torch.testing.assert_close(found, expected)
    for ours, theirs in zip(
        *(torch.autograd.grad((part * normal(16, 6, 3, 3, seed=3)).sum(), (c, weight, bias)) for part in (found, expected)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def recipe(network, inputs, n_steps, axes):
    """The rule spelt out: a pass of spikes without gradients, then one of rates whose values are anchored to it.

    Norms take their statistics over `axes` of (n_steps, n_rows): both, or rows alone.
    """
    spikes, rate = inputs.expand(n_steps, *inputs.shape[1:]), inputs.mean(0)
    for layer in network.layers:
        linear, norm = layer.current.linear, layer.current.norm
        with torch.no_grad():
            z = functional.linear(spikes, linear.weight)
            mean, variance = z.mean(axes, keepdim=True), z.var(axes, correction=0, keepdim=True)
            z = (z - mean) / torch.sqrt(variance + norm.eps) * norm.weight + norm.bias
            mean, variance = mean.mean((0, 1)), 1 / (1 / (variance + norm.eps)).mean((0, 1)) - norm.eps
            u, rho, derivative = torch.zeros_like(z[0]), 1.0, 0.0
            spikes = torch.zeros_like(z)
            for t in range(n_steps):
                u = 0.2 * (u - spikes[t - 1] if t else u) + z[t]
                spikes[t] = (u >= 1).to(u.dtype)
                derivative = derivative + rho * 4 * torch.sigmoid(4 * (u - 1)) * torch.sigmoid(4 * (1 - u)) / n_steps
                rho = 1 + 0.2 * rho
        c = functional.linear(rate, linear.weight)
        m = anchored(mean, c.mean(0))
        v = anchored(variance, ((c - m) ** 2).mean(0))
        c = (c - m) / torch.sqrt(v + norm.eps) * norm.weight + norm.bias
        rate = anchored(spikes.mean(0), c * derivative)
    return network.readout(rate)


@both
@pytest.mark.parametrize("n_steps", [1, 5])
@pytest.mark.parametrize(("rule", "axes"), [("rate-multi", (0, 1)), ("rate-single", (1,))])
def test_both_forms_are_the_recipe_spelt_out(rule, axes, n_steps, is_constant):
    network, inputs = a_network(), normal(1 if is_constant else n_steps, 32, 7)
    labels = torch.arange(32) % 3
    logits, ours = gradients(network, inputs, labels, rule, n_steps)
    expected = recipe(network, inputs, n_steps, axes)
    torch.testing.assert_close(logits, expected.detach(), rtol=0, atol=1e-12)
    theirs = torch.autograd.grad(functional.cross_entropy(expected, labels), list(network.parameters()))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


@every_lif
@pytest.mark.parametrize("rule", ["rate-multi", "rate-single"])
@pytest.mark.parametrize("with_norm", [True, False])
def test_with_one_hidden_layer_and_constant_input_it_is_bptt(lif, rule, with_norm):
    """This reveals a mean that is a sum, a loss over T, traces after the reset, or a sensitivity that is a step ahead."""
    network = a_network(DENSE[:1], lif=lif, with_norm=with_norm)
    with torch.no_grad():
        network.layers[0].current.linear.weight.mul_(3)
    logits, gap = differences(network, normal(1, 50, 7), 8, rule)
    assert logits < 1e-12 and gap < 1e-12


@every_lif
@pytest.mark.parametrize("rule", ["rate-multi", "rate-single"])
@pytest.mark.parametrize(("plans", "shape"), [(DENSE, (7,)), (CONV, (2, 6, 6))])
def test_with_one_step_it_is_bptt_whatever_the_network(lif, rule, plans, shape):
    logits, gap = differences(a_network(plans, shape, lif=lif), normal(1, 20, *shape), 1, rule)
    assert logits < 1e-12 and gap < 1e-12


@pytest.mark.parametrize(("plans", "shape"), [(DENSE, (7,)), (CONV, (2, 6, 6))])
def test_in_deep_networks_over_time_it_is_near_bptt_and_not_equal(plans, shape):
    network, inputs = a_network(plans, shape), normal(1, 64, *shape)
    labels = torch.arange(64) % 3
    (logits, exact), (found, ours) = (gradients(network, inputs, labels, rule, 6) for rule in ("bptt", "rate-multi"))
    assert float((logits - found).abs().max()) < 1e-12
    maps = [(a.flatten(), b.flatten()) for a, b in zip(exact, ours, strict=True) if a.ndim > 1][:-1]
    cosines = [float(functional.cosine_similarity(a, b, dim=0)) for a, b in maps]
    assert 0.6 < min(cosines) and 0.9 < np.mean(cosines) and max(cosines) < 0.9999
    torch.testing.assert_close(ours[-2:], exact[-2:])
    whole = [torch.cat([part.flatten() for part in parts]).norm() for parts in (exact, ours)]
    assert float(whole[0] / whole[1]) == pytest.approx(1, abs=0.15)


@both
@pytest.mark.parametrize(("plans", "shape"), [(DENSE, (7,)), (CONV, (2, 6, 6))])
def test_without_norms_both_forms_are_one(plans, shape, is_constant):
    network, inputs = a_network(plans, shape, with_norm=False), 4 * normal(1 if is_constant else 5, 20, *shape)
    logits, gap = differences(network, inputs, 5, "rate-single", "rate-multi")
    assert logits < 1e-12 and gap < 1e-12


@pytest.mark.parametrize(("plans", "shape"), [(DENSE, (7,)), (CONV, (2, 6, 6))])
def test_single_precision_takes_the_compiled_way_to_the_same_gradient(plans, shape):
    network, inputs = a_network(plans, shape), normal(4, 32, *shape)
    labels = torch.arange(32) % 3
    for rule in RULES:
        (logits, exact), (found, ours) = (
            gradients(copy.deepcopy(network).to(dtype), inputs.to(dtype), labels, rule, 4)
            for dtype in (torch.float64, torch.float32)
        )
        torch.testing.assert_close(found.double(), logits, rtol=0, atol=1e-4)
        for a, b in zip(ours, exact, strict=True):
            torch.testing.assert_close(a.double(), b, rtol=1e-3, atol=1e-4)
