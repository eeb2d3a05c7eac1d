"""Spiking networks: running statistics, what is saved for backward, answers by spikes, shortcuts, and refusals."""

import numpy as np
import pytest
import torch

from propneat.base.errors import ConfigError, DataError
from propneat.methods.rate_backprop.functions import SpikeTrain
from propneat.methods.rate_backprop.layers import NormStatistics
from propneat.methods.rate_backprop.measure import LiveBytes, peak_bytes, saved_bytes
from propneat.methods.rate_backprop.network import RULES, LayerPlan, make_network
from propneat.methods.rate_backprop.neuron import Lif
from propneat.methods.rate_backprop.training import answer

DENSE = (LayerPlan(12),) * 3
CONV = (
    LayerPlan(4, "conv"),
    LayerPlan(4, "conv", residual=True),
    LayerPlan(6, "conv", pool=2, residual=True),
    LayerPlan(6, "conv"),
    LayerPlan(9),
)
both = pytest.mark.parametrize("is_constant", [True, False])


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def a_network(plans=DENSE, shape=(7,), seed=0, **options):
    options = {"dtype": torch.float64, **options}
    return make_network(plans, shape, 3, torch.Generator().manual_seed(seed), **options).train()


@both
@pytest.mark.parametrize(("plans", "shape"), [(DENSE, (7,)), (CONV, (2, 6, 6))])
def test_running_statistics_move_once_and_by_the_spikes(plans, shape, is_constant):
    reference, network = a_network(plans, shape), a_network(plans, shape)
    inputs = normal(1 if is_constant else 4, 16, *shape)
    with torch.no_grad():
        reference(inputs, 4)
    RULES["rate-multi"](network, inputs, 4).sum().backward()
    for ours, theirs in zip(network.buffers(), reference.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)
    assert {int(part) for name, part in network.named_buffers() if "num_batches" in name} == {1}


def test_statistics_over_steps_are_means_and_harmonic_variances():
    norm, steps = torch.nn.BatchNorm1d(6, dtype=torch.float64), normal(4, 10, 6) * torch.arange(1, 5).view(4, 1, 1)
    statistics = NormStatistics()
    found = torch.stack([statistics.take(norm, step) for step in steps]).detach()
    means, variances = steps.mean(1), steps.var(1, correction=0)
    torch.testing.assert_close(found, (steps - means[:, None]) / torch.sqrt(variances + 1e-5)[:, None])
    mean, inverse_deviation = statistics.averages()
    torch.testing.assert_close(mean, means.mean(0))
    torch.testing.assert_close(inverse_deviation**-2, 1 / (1 / (variances + 1e-5)).mean(0))
    statistics.update(norm)
    torch.testing.assert_close(norm.running_mean, 0.1 * means.mean(0))
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * steps.var(1).mean(0))
    with pytest.raises(DataError, match="2 rows or more"):
        statistics.take(norm, steps[0, :1])


@pytest.mark.parametrize(("plans", "shape"), [(DENSE, (7,)), (CONV, (2, 6, 6))])
def test_what_rates_save_for_backward_does_not_grow_with_time_and_what_bptt_saves_does(plans, shape):
    network, inputs, labels = a_network(plans, shape, dtype=torch.float32), normal(1, 32, *shape).float(), torch.arange(32) % 3
    saved, peak = (
        {rule: [count(network, inputs, labels, rule, n_steps) for n_steps in (4, 64)] for rule in RULES}
        for count in (saved_bytes, peak_bytes)
    )
    assert saved["rate-multi"][0] == saved["rate-multi"][1] and saved["rate-single"][0] == saved["rate-single"][1]
    assert saved["bptt"][1] > 12 * saved["bptt"][0] and saved["rate-multi"] == saved["rate-single"]
    assert peak["rate-single"][0] == peak["rate-single"][1]
    assert saved["bptt"][1] < peak["bptt"][1] and peak["rate-multi"][1] < peak["bptt"][1]


def test_live_bytes_count_what_is_alive_once():
    with LiveBytes() as count:
        first = torch.ones(1000)
        view = first.view(10, 100)
        view.add_(1)
        assert count.peak == 4000
        second = view * 2
        assert count.peak == 8000
        del first, view
        torch.ones(500)
        assert count.peak == 8000 and float(second[0, 0]) == 4
        third = torch.ones(2000)
    assert count.peak == 12000 and len(third) == 2000


@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_left_over_from_one_batch_to_the_next(rule):
    network, inputs = a_network(CONV, (2, 6, 6), dtype=torch.float32), normal(4, 16, 2, 6, 6, dtype=torch.float32)
    first, second = (RULES[rule](network, inputs, 4).detach() for _ in range(2))
    assert torch.equal(first, second)


def test_answers_are_given_by_spikes_with_running_statistics():
    network = a_network()
    inputs = normal(1, 300, 7)
    for _ in range(40):
        RULES["rate-single"](network, inputs, 4)
    logits = answer(network, inputs, 4)
    assert network.training and not logits.requires_grad
    torch.testing.assert_close(answer(network, inputs[:, 200:210], 4), logits[200:210])
    network.eval()
    trains = network.spike_trains(inputs, 4)
    assert all(set(train.unique().tolist()) == {0.0, 1.0} and train.shape == (4, 300, 12) for train in trains)
    torch.testing.assert_close(logits, torch.stack([network.readout(spikes) for spikes in trains[1]]).mean(0))
    assert float((logits - RULES["bptt"](network.train(), inputs, 4)).detach().abs().max()) > 1e-3


def test_residual_layers_receive_what_came_two_layers_before():
    network = a_network((LayerPlan(4, "conv"), LayerPlan(4, "conv"), LayerPlan(4, "conv", residual=True)), (2, 6, 6))
    inputs = normal(3, 5, 2, 6, 6)
    with torch.no_grad():
        network.layers[2].current.norm.weight.zero_()
        network.layers[2].current.norm.bias.zero_()
        first = SpikeTrain.apply(network.layers[0](inputs, None), 3, Lif())
        last = network.spike_trains(inputs, 3)[1]
    # spikes of one come through as they are, and as spikes of one again
    assert torch.equal(last, first) and 0.05 < first.mean() < 0.5
    assert isinstance(network.layers[2].shortcut, torch.nn.Identity)
    halved = a_network((LayerPlan(4, "conv"), LayerPlan(6, "conv", pool=2, residual=True)), (2, 6, 6)).layers[1].shortcut
    assert halved.pool == 2 and halved.linear.weight.shape == (6, 2, 1, 1)


def test_same_generator_same_numbers():
    numbers = [torch.cat([part.flatten() for part in a_network(CONV, (2, 6, 6), seed).parameters()]) for seed in (1, 1, 2)]
    assert torch.equal(numbers[0], numbers[1]) and not torch.equal(numbers[0], numbers[2])
    linear = a_network(seed=3).layers[1].current.linear
    assert linear.bias is None and 0.9 / 12**0.5 < float(linear.weight.detach().abs().max()) <= 1 / 12**0.5


def test_what_cannot_be_is_refused_by_name():
    for build, text in (
        (lambda: Lif(decay=1.1), "decay must lie between 0 and 1"),
        (lambda: Lif(threshold=0), "threshold must be positive"),
        (lambda: Lif(slope=np.inf), "slope must be positive"),
        (lambda: Lif(reset="none"), "reset must be soft or hard"),
        (lambda: LayerPlan(3, "pool"), "kind must be dense or conv"),
        (lambda: LayerPlan(0), "width and pool"),
        (lambda: LayerPlan(3, pool=2), "pool is for layers of kind conv"),
        (lambda: a_network(()), "1 layer or more"),
        (lambda: a_network((LayerPlan(3, residual=True),)), "first layer"),
        (lambda: a_network((LayerPlan(3, "conv"),)), "cannot follow values of shape"),
        (lambda: a_network((LayerPlan(3, "conv", pool=9),), (1, 8, 8)), "cannot follow values of shape"),
        (lambda: a_network()(normal(2, 5, 7), 3), "n_steps = 3"),
        (lambda: a_network().rate_multi(normal(1, 5, 7), 0), "at least 1"),
    ):
        with pytest.raises(ConfigError, match=text):
            build()
