"""Forward gradients: estimators against their closed forms, dual numbers against other derivatives, descents on functions."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from propneat.base.errors import ConfigError
from propneat.methods.forward_gradients.aggregators import (
    AGGREGATORS,
    ForwardGradient,
    expected_chi,
    expected_cosine,
    expected_length,
)
from propneat.methods.forward_gradients.descent import descend, descend_by_backprop
from propneat.methods.forward_gradients.estimate_study import Moment, sample_estimates
from propneat.methods.forward_gradients.forward_mode import directional_derivatives, forward_gradient
from propneat.methods.forward_gradients.functions import FUNCTIONS, RATES, TestFunction, sphere_rate
from propneat.methods.forward_gradients.perceptron import (
    Perceptron,
    backprop_gradient,
    node_derivatives,
    node_gradient,
    row_losses,
    weight_gradient,
)
from propneat.methods.forward_gradients.tangents import SAMPLERS, TangentSampler

F64 = torch.float64


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = F64) -> torch.Tensor:
    return torch.randn(shape, generator=stream(seed), dtype=dtype)


def orthonormal(n: int, dtype: torch.dtype = F64) -> torch.Tensor:
    return torch.linalg.qr(normal(n, n))[0].to(dtype)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("n", "k"), [(2, 2), (7, 7), (7, 12), (64, 64)])
def test_projection_on_as_many_tangents_as_dimensions_is_the_gradient(n, k, sampler):
    rule = ForwardGradient("projection", k, TangentSampler(sampler, 50.0))
    point = normal(5, n, seed=1)
    values, estimate = forward_gradient(lambda x: (x**4).sum(-1), point, rule, stream(2))
    np.testing.assert_allclose(values, (point**4).sum(-1))
    assert float((estimate - 4 * point**3).norm() / (4 * point**3).norm()) < 1e-10


def test_projection_in_single_precision_loses_no_more_than_the_conditioning_asks():
    tangents, gradient = normal(64, 64, seed=3, dtype=torch.float32), normal(64, dtype=torch.float32)
    estimate = ForwardGradient("projection", 64).combine(tangents, tangents @ gradient)
    assert float((estimate - gradient).norm() / gradient.norm()) < 2e-4


def test_orthonormal_tangents_make_all_aggregators_proportional():
    n = 24
    tangents, gradient = orthonormal(n), normal(n)
    found = {name: ForwardGradient(name, n).combine(tangents, tangents @ gradient) for name in AGGREGATORS}
    for estimate in (n * found["mean"], found["sum"], found["projection"]):
        torch.testing.assert_close(estimate, gradient)
    torch.testing.assert_close(found["single"], (tangents[0] @ gradient) * tangents[0])


def test_projection_is_the_nearest_point_of_the_span_and_as_long_as_its_cosine():
    tangents, gradient = normal(6, 5, 40), normal(6, 40, seed=1)
    derivatives = (tangents @ gradient.unsqueeze(-1)).squeeze(-1)
    estimate = ForwardGradient("projection", 5).combine(tangents, derivatives)
    for number in range(6):
        solution = np.linalg.lstsq(tangents[number].numpy().T, gradient[number].numpy(), rcond=None)[0]
        np.testing.assert_allclose(estimate[number], tangents[number].numpy().T @ solution, atol=1e-12)
    cosine = (estimate * gradient).sum(-1) / (estimate.norm(dim=-1) * gradient.norm(dim=-1))
    torch.testing.assert_close(cosine, estimate.norm(dim=-1) / gradient.norm(dim=-1))


def test_linearly_dependent_tangents_are_projected_on_what_they_span():
    tangents = normal(3, 10)
    tangents[2] = tangents[0] - 2 * tangents[1]
    gradient = normal(10, seed=1)
    whole = ForwardGradient("projection", 3).combine(tangents, tangents @ gradient)
    pair = ForwardGradient("projection", 2).combine(tangents[:2], tangents[:2] @ gradient)
    torch.testing.assert_close(whole, pair)


def test_of_more_tangents_than_are_needed_the_first_are_used():
    tangents, gradient = normal(9, 4), normal(4, seed=1)
    for name, n_used in (("projection", 4), ("single", 1), ("mean", 9), ("sum", 9)):
        rule = ForwardGradient(name, 9)
        assert rule.n_tangents(4) == n_used
        first = ForwardGradient(name, n_used).combine(tangents[:n_used], tangents[:n_used] @ gradient)
        torch.testing.assert_close(rule.combine(tangents, tangents @ gradient), first)


@pytest.mark.parametrize("aggregator", ["single", "mean", "sum", "projection"])
@pytest.mark.parametrize(("n", "k"), [(3, 2), (12, 1), (12, 5), (40, 40)])
def test_moments_are_those_of_the_closed_forms(aggregator, n, k):
    k_used = 1 if aggregator == "single" else k
    found = sample_estimates(ForwardGradient(aggregator, k), n, 4000, seed=11)
    unbiased = {"single": 1.0, "mean": 1.0, "sum": k, "projection": k / n}[aggregator]
    expected = {"cosine": expected_cosine(aggregator, n, k), "length": expected_length(aggregator, n, k), "along": unbiased}
    for name, values in found.items():
        error = values.std(ddof=1) / len(values) ** 0.5
        assert Moment(aggregator, n, k, name, values.mean(), error, expected[name]).deviation < 3.5, name
    if aggregator in ("single", "mean"):
        assert np.mean(found["length"] ** 2) == pytest.approx((n + k_used + 1) / k_used, rel=0.12)


def test_second_moment_of_the_mean_is_n_plus_k_plus_1_over_k():
    for n, k in ((64, 4), (64, 32), (256, 16)):
        squares = sample_estimates(ForwardGradient("mean", k), n, 4000, seed=4)["length"] ** 2
        assert np.mean(squares) == pytest.approx((n + k + 1) / k, rel=0.05)


def test_squared_cosines_follow_beta_distributions():
    for aggregator, shape in (("projection", (2.5, 7.5)), ("mean", (2.5, 9.5))):
        squares = sample_estimates(ForwardGradient(aggregator, 5), 20, 2000, seed=5)["cosine"] ** 2
        assert stats.kstest(squares, stats.beta(*shape).cdf).pvalue > 0.01


def test_expected_lengths_of_normal_vectors():
    for m in (1, 2, 7, 1000, 100_000):
        assert expected_chi(m) == pytest.approx(stats.chi(m).mean(), rel=1e-6)
    assert expected_cosine("mean", 1024, 1) == pytest.approx(math.sqrt(2 / (math.pi * 1024)), rel=1e-3)
    assert expected_cosine("mean", 64, 16) == pytest.approx(math.sqrt(16 / 81), rel=0.01)
    assert expected_cosine("projection", 64, 16) == pytest.approx(0.494, abs=5e-4)
    assert [expected_length(name, 64, 64) for name in ("projection", "mean")] == pytest.approx([1.0, 1.41], rel=0.01)


@pytest.mark.parametrize("aggregator", AGGREGATORS)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_length_correction_makes_estimates_as_long_as_the_gradient_on_average(aggregator, sampler):
    averages = aggregator in ("mean", "sum")
    if sampler == "angle" and averages:
        with pytest.raises(ConfigError, match="not at an angle"):
            ForwardGradient(aggregator, 4, TangentSampler(sampler), length_correction=True)
        return
    rule = ForwardGradient(aggregator, 4, TangentSampler(sampler), length_correction=True)
    lengths = sample_estimates(rule, 100, 3000, seed=6)["length"]
    # signs have lengths that do not vary, so their mean is not quite that of normal numbers
    slack = 0.01 if sampler == "rademacher" else 0.0
    assert abs(lengths.mean() - 1) < 3.5 * lengths.std() / 3000**0.5 + slack


def test_tangents_at_an_angle_stand_at_it_from_the_first_and_have_length_one():
    for angle in (15.0, 45.0, 90.0):
        tangents = TangentSampler("angle", angle).draw((3, 6, 30), stream())
        torch.testing.assert_close(tangents.norm(dim=-1), torch.ones(3, 6, dtype=F64))
        products = (tangents[:, 1:] * tangents[:, :1]).sum(-1)
        torch.testing.assert_close(products, torch.full((3, 5), math.cos(math.radians(angle)), dtype=F64))
        others = tangents[:, 1:] @ tangents[:, 1:].mT
        assert float((others - torch.eye(5, dtype=F64)).abs().max()) > 1e-3


def test_rademacher_tangents_are_signs_and_independent_even_in_small_spaces():
    for k, n in ((1, 1), (2, 2), (5, 3), (6, 6)):
        tangents = TangentSampler("rademacher").draw((200, k, n), stream())
        assert set(tangents.unique().tolist()) == {-1.0, 1.0}
        needed = min(k, n)
        assert bool((torch.linalg.matrix_rank(tangents[:, :needed]) == needed).all())


def test_derivatives_come_from_one_evaluation_without_reverse_mode():
    n_calls = []

    def value(x: torch.Tensor) -> torch.Tensor:
        n_calls.append(x)
        return torch.sin(x).prod(-1)

    point, tangents = normal(3, 4), normal(6, 3, 4, seed=1)
    values, derivatives = directional_derivatives(value, point, tangents)
    assert len(n_calls) == 1 and not values.requires_grad and not derivatives.requires_grad
    torch.testing.assert_close(values, value(point))
    step = 1e-6
    differences = (value(point + step * tangents) - value(point - step * tangents)) / (2 * step)
    torch.testing.assert_close(derivatives, differences, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_match_their_formulas(name):
    x = normal(3, 5)
    if name == "sphere":
        expected, lowest = (x**2).sum(-1), torch.zeros(5, dtype=F64)
    elif name == "rosenbrock":
        expected = sum(100 * (x[:, i + 1] - x[:, i] ** 2) ** 2 + (1 - x[:, i]) ** 2 for i in range(4))
        lowest = torch.ones(5, dtype=F64)
    else:
        expected, lowest = 0.5 * (x**4 - 16 * x**2 + 5 * x).sum(-1), torch.full((5,), -2.903534, dtype=F64)
    function = FUNCTIONS[name]
    torch.testing.assert_close(function.value(x), expected)
    assert float(function.value(lowest)) == pytest.approx(5 * function.minimum, abs=1e-6)
    assert function.value(torch.ones(2, 1, dtype=F64)).shape == (2,)


def test_one_step_on_the_sphere_contracts_as_the_closed_form_says():
    n, n_samples = 20, 4000
    start = -torch.ones(n_samples, n, dtype=F64)
    for aggregator, k in (("single", 1), ("mean", 4), ("sum", 4), ("projection", 4), ("projection", 30)):
        _, estimate = forward_gradient(FUNCTIONS["sphere"].value, start, ForwardGradient(aggregator, k), stream(k))
        share = ((start - sphere_rate(aggregator, n, k) * estimate) ** 2).sum(1).numpy() / n
        factor = 1 - (min(k, n) / n if aggregator == "projection" else k / (n + k + 1))
        assert abs(share.mean() - factor) < 3.5 * share.std() / n_samples**0.5 + 1e-12
        for other in (0.8, 1.25):
            worse = ((start - other * sphere_rate(aggregator, n, k) * estimate) ** 2).sum(1).numpy() / n
            assert worse.mean() > share.mean()


def test_descents_find_minima_and_the_same_seed_finds_the_same():
    function = FUNCTIONS["styblinski-tang"]
    rates = {aggregator: rate for (aggregator, k), rate in RATES[function.name][8].items() if k == 16}
    first, again, other = (descend(function, 8, 16, rates, seed, n_seeds=3, n_steps=10) for seed in (1, 1, 2))
    assert first.best.shape == (2, 3) and torch.equal(first.best, again.best) and not torch.equal(first.best, other.best)
    assert float(descend(function, 8, 16, rates, 1, n_seeds=3).best.max()) / 8 == pytest.approx(function.minimum, abs=1e-3)
    exact = descend_by_backprop(function, 8, RATES[function.name][8]["backprop", 0])
    assert float(exact.best) / 8 == pytest.approx(function.minimum, abs=1e-4)


def test_projection_descends_like_backpropagation_when_k_is_n():
    function = FUNCTIONS["rosenbrock"]
    forward = descend(function, 6, 6, {"projection": 1e-3}, 0, n_seeds=2, n_steps=100, dtype=F64)
    exact = descend_by_backprop(function, 6, 1e-3, n_steps=100, dtype=F64)
    torch.testing.assert_close(forward.best, exact.best.expand(1, 2), rtol=1e-8, atol=0)


def test_a_descent_that_diverges_or_stalls_ends_alone():
    function = TestFunction("sphere", FUNCTIONS["sphere"].value, lambda n: torch.ones(n, dtype=F64), 0.0, 10_000)
    found = descend(function, 4, 2, {"mean": 1e30, "projection": 0.4}, 0, n_seeds=2, n_steps=60)
    assert torch.equal(found.best[0], torch.full((2,), 4.0)) and bool((found.best[1] < 0.1).all())
    assert descend(function, 4, 4, {"projection": 1.05}, 0, n_seeds=1).n_steps == 50


def small_network(dtype: torch.dtype = F64, n_networks: int = 2):
    """A network with two hidden layers, numbers of several of them, and nine rows."""
    network = Perceptron((5, 7, 6, 3))
    numbers = torch.cat([network.draw(stream(seed)) for seed in range(n_networks)]).to(dtype)
    X, labels = normal(9, 5, seed=8).to(dtype), torch.arange(9) % 3
    return network, numbers, X, torch.eye(3, dtype=dtype)[labels], labels


def test_the_network_is_that_of_torch_layer_by_layer():
    network, numbers, X, targets, labels = small_network()
    assert numbers.shape == (2, network.n_parameters) and network.n_nodes == 16
    for number in range(2):
        values = X
        for position, (weights, biases) in enumerate(network.layers(numbers[number : number + 1])):
            values = torch.nn.functional.linear(values if position == 0 else values.relu(), weights[0], biases[0])
        logits = network.outputs(numbers, X)
        torch.testing.assert_close(logits[number], values)
        expected = torch.nn.functional.cross_entropy(values, labels, reduction="none")
        torch.testing.assert_close(row_losses(logits, targets)[number], expected)


def test_dual_numbers_of_the_network_are_torchs_own():
    network, numbers, X, targets, _ = small_network()
    tangents = normal(4, 16, seed=9)
    derivatives, _ = node_derivatives(network, numbers, X, targets, tangents)

    def losses(nodes: torch.Tensor) -> torch.Tensor:
        return row_losses(network.outputs(numbers, X, nodes), targets)

    _, expected = directional_derivatives(losses, torch.zeros(16, dtype=F64), tangents)
    torch.testing.assert_close(derivatives, expected.movedim(0, -1))


def test_a_shift_of_the_first_layer_alone_reaches_the_loss():
    network, numbers, X, targets, _ = small_network()
    tangent = torch.cat([normal(7, seed=3), torch.zeros(9, dtype=F64)]).unsqueeze(0)
    derivatives, _ = node_derivatives(network, numbers, X, targets, tangent)
    ends = [row_losses(network.outputs(numbers, X, sign * 1e-6 * tangent[0]), targets) for sign in (1, -1)]
    torch.testing.assert_close(derivatives[..., 0], (ends[0] - ends[1]) / 2e-6, rtol=1e-4, atol=1e-7)
    assert float(derivatives.abs().max()) > 1e-3


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_as_many_tangents_as_numbers_give_the_gradient_of_backpropagation(dtype, tolerance):
    network, numbers, X, targets, _ = small_network(dtype)
    leaf = numbers.clone().requires_grad_()
    row_losses(network.outputs(leaf, X), targets).mean(1).sum().backward()
    torch.testing.assert_close(backprop_gradient(network, numbers, X, targets), leaf.grad)
    for way, dimension in ((node_gradient, network.n_nodes), (weight_gradient, network.n_parameters)):
        for k in (dimension, dimension + 5):
            estimate = way(network, numbers, X, targets, ForwardGradient("projection", k), stream())
            assert float((estimate - leaf.grad).abs().max()) < tolerance * (1 if way is node_gradient else 10)


def test_one_system_for_all_layers_is_not_one_for_each():
    network, numbers, X, targets, _ = small_network()
    rule = ForwardGradient("projection", 4)
    estimate = node_gradient(network, numbers, X, targets, rule, stream(1))
    tangents = rule.draw(16, stream(1))
    derivatives, seen = node_derivatives(network, numbers, X, targets, tangents)
    whole, split = derivatives @ rule.duals(tangents), tangents.split((7, 6, 3), dim=1)
    separate = torch.cat([derivatives @ rule.duals(part) for part in split], dim=-1)
    assert float((whole - separate).abs().max()) > 0.01
    last = (whole[..., 13:].mT / 9) @ seen[2][0]
    torch.testing.assert_close(network.layers(estimate)[2][0], last)


@pytest.mark.parametrize("way", [node_gradient, weight_gradient])
def test_the_mean_estimate_of_a_network_is_unbiased(way):
    network, numbers, X, targets, _ = small_network(n_networks=1)
    true, generator = backprop_gradient(network, numbers, X, targets)[0], stream(5)
    rule, direction = ForwardGradient("mean", 8), true / true.norm()
    along = np.array([float(way(network, numbers, X, targets, rule, generator)[0] @ direction) for _ in range(225)])
    assert abs(along.mean() - float(true.norm())) < 3.5 * along.std() / 15


def test_settings_that_cannot_be_used_are_refused_by_name():
    for build, text in (
        (lambda: ForwardGradient("median"), "aggregator must be one of single, mean, sum, projection, not 'median'"),
        (lambda: ForwardGradient(k=0), "k must be 1 or more"),
        (lambda: TangentSampler("uniform"), "sampler must be one of gaussian, rademacher, angle"),
        (lambda: TangentSampler("angle", 0.0), "angle must be above 0"),
        (lambda: TangentSampler("angle").draw((2, 1), stream()), "2 or more dimensions"),
    ):
        with pytest.raises(ConfigError, match=text):
            build()
