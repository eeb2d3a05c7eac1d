"""Laws of the torch form of a plan: the genome's function, its exact gradients, and nothing to train but its genes."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from random_genomes import random_genome

from propneat.compiler import LayerPlan, compile_genome, write_back
from propneat.compiler import apply_activation as reference_activation
from propneat.compiler.network import CompiledNetwork, apply_activation, export_program
from propneat.compiler.reference import evaluate
from propneat.genome import ACTIVATIONS, AGGREGATIONS, NodeKind, activation_code, aggregation_code, make_genome


def random_plan(seed: int, **options) -> tuple[LayerPlan, np.ndarray]:
    """A random genome's plan and 7 rows for it."""
    rng = np.random.default_rng(seed)
    plan = compile_genome(random_genome(rng, **options))
    return plan, rng.standard_normal((7, plan.n_inputs))


def fan_in_plan(aggregation: str, weights: list[float], activation: str = "identity", bias: float = 0.0) -> LayerPlan:
    """One output node fed by one input per weight."""
    n = len(weights)
    nodes = [(i, 0.0, NodeKind.INPUT, 0, 0) for i in range(n)]
    nodes.append((n, bias, NodeKind.OUTPUT, activation_code(activation), aggregation_code(aggregation)))
    return compile_genome(make_genome(nodes, [(i, i, n, weight, True) for i, weight in enumerate(weights)]))


def gradients(plan: LayerPlan, X: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Gradient of sum(pull * outputs) in weights, then biases, by the module in float64."""
    network = CompiledNetwork(plan, torch.float64)
    (network(torch.tensor(X)) * torch.tensor(pull)).sum().backward()
    return np.concatenate([network.weights.grad.numpy(), network.biases.grad.numpy()])


def test_computes_what_the_reference_computes():
    seen = set()
    for seed in range(300):
        plan, X = random_plan(seed)
        expected = evaluate(plan, X)
        with torch.no_grad():
            double = CompiledNetwork(plan, torch.float64)(torch.tensor(X)).numpy()
            single = CompiledNetwork(plan)(torch.tensor(X)).numpy()
        assert double.dtype == np.float64 and single.dtype == np.float32
        np.testing.assert_allclose(double, expected, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(single, expected, rtol=1e-5, atol=1e-5)
        n_terms = np.diff(plan.edge_start)
        seen |= {(a, g) for a, g, n in zip(plan.activation, plan.aggregation, n_terms, strict=True) if n > 1}
    assert len(seen) == len(ACTIVATIONS) * len(AGGREGATIONS)


def test_gradients_equal_finite_differences_of_the_reference():
    """Each difference comes with a bound on its own error: one-sided slopes differ at a kink, step sizes at a bend."""
    sharp = 0
    total = 0
    for seed in range(100):
        plan, X = random_plan(1000 + seed, max_hidden=20)
        pull = np.random.default_rng(seed).standard_normal((len(X), plan.n_outputs))
        numbers = np.concatenate([plan.weights, plan.biases])

        def value(k: int, shift: float, plan=plan, X=X, pull=pull, numbers=numbers) -> float:
            moved = numbers.copy()
            moved[k] += shift
            weights, biases = np.split(moved, [plan.n_edges])
            return float(np.sum(pull * evaluate(replace(plan, weights=weights, biases=biases), X)))

        h = 1e-5
        for k, gradient in enumerate(gradients(plan, X, pull)):
            below, here, above = value(k, -h), value(k, 0.0), value(k, h)
            central = (above - below) / (2 * h)
            wide = (value(k, 2 * h) - value(k, -2 * h)) / (4 * h)
            error = abs((above - here) - (here - below)) / h + abs(central - wide)
            assert abs(gradient - central) <= 1e-7 * (1 + abs(central)) + error
            sharp += error < 1e-3 * (1 + abs(central))
            total += 1
    assert total > 500 and sharp > 0.95 * total


def test_only_genes_can_be_trained():
    for seed in range(50):
        plan, _ = random_plan(seed)
        network = CompiledNetwork(plan)
        shapes = {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}
        assert shapes == {"weights": (plan.n_edges,), "biases": (plan.n_slots - plan.n_inputs,)}
        assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == shapes
        twin = CompiledNetwork(replace(plan, weights=0 * plan.weights, biases=0 * plan.biases))
        twin.load_state_dict(network.state_dict())
        for mine, theirs in zip(network.numbers(), twin.numbers(), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_a_step_returns_to_the_genes_and_the_genome_computes_what_the_module_does():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        genome = random_genome(rng)
        plan = compile_genome(genome)
        X = torch.tensor(rng.standard_normal((7, plan.n_inputs)))
        network = CompiledNetwork(plan, torch.float64)
        optimiser = torch.optim.SGD(network.parameters(), lr=0.01)
        torch.square(network(X) - 1.0).sum().backward()
        optimiser.step()
        after = write_back(genome, plan, *network.numbers())
        with torch.no_grad():
            np.testing.assert_allclose(evaluate(compile_genome(after), X.numpy()), network(X).numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_stay_sound_far_from_zero(name):
    near = torch.linspace(-45, 45, 1801, dtype=torch.float64)
    code = ACTIVATIONS.index(name)
    np.testing.assert_allclose(apply_activation(code, near), reference_activation(code, near.numpy()), rtol=1e-13, atol=1e-13)
    far = np.array([0.0, 1e-30, 1.0, 13.0, 45.0, 1e3, 1e6, 1e15, 1e25])
    z = torch.tensor(np.concatenate([far, -far]), dtype=torch.float32, requires_grad=True)
    value = apply_activation(code, z)
    value.sum().backward()
    assert not torch.isnan(value).any() and not torch.isnan(z.grad).any()


@pytest.mark.parametrize(
    ("activation", "slope"), [("relu", 0.0), ("abs", 0.0), ("leaky_relu", 0.01), ("elu", 1.0), ("square", 0.0)]
)
def test_slope_at_zero(activation, slope):
    gradient = gradients(fan_in_plan("sum", [0.0], activation), np.array([[1.0]]), np.ones((1, 1)))
    np.testing.assert_array_equal(gradient, [slope, slope])


@pytest.mark.parametrize("aggregation", ["max", "min"])
def test_tied_extremes_pass_the_gradient_to_the_first_edge(aggregation):
    other = 1.0 if aggregation == "min" else -1.0
    gradient = gradients(fan_in_plan(aggregation, [other, 0.5, 0.5, 0.5]), np.ones((3, 4)), np.ones((3, 1)))
    np.testing.assert_array_equal(gradient, [0.0, 3.0, 0.0, 0.0, 3.0])


@pytest.mark.parametrize("n_terms", [2, 3, 4, 5, 7])
@pytest.mark.parametrize("n_zeros", [0, 1, 2])
def test_product_has_its_gradient_also_where_factors_are_zero(n_terms, n_zeros):
    factors = np.arange(2.0, 2.0 + n_terms)
    factors[n_terms - n_zeros :] = 0.0
    gradient = gradients(fan_in_plan("product", factors.tolist()), np.ones((1, n_terms)), np.ones((1, 1)))
    expected = [np.prod(np.delete(factors, k)) for k in range(n_terms)]
    np.testing.assert_allclose(gradient, [*expected, 1.0])


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_a_node_without_edges_emits_its_constant(aggregation):
    nodes = [(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.3, NodeKind.OUTPUT, activation_code("tanh"), aggregation_code(aggregation))]
    network = CompiledNetwork(compile_genome(make_genome(nodes, [])), torch.float64)
    answers = network(torch.zeros(4, 1))
    np.testing.assert_allclose(answers.detach().numpy(), np.full((4, 1), np.tanh(0.3)))
    answers.sum().backward()
    assert network.weights.grad.shape == (0,)
    np.testing.assert_allclose(network.biases.grad.numpy(), [4 * (1 - np.tanh(0.3) ** 2)])


def test_rows_are_independent_of_order_and_company():
    for seed in range(20):
        plan, X = random_plan(seed)
        network = CompiledNetwork(plan, torch.float64)
        with torch.no_grad():
            together = network(torch.tensor(X))
            reverse = network(torch.tensor(X[::-1].copy())).flip(0)
            alone = torch.cat([network(torch.tensor(row[None])) for row in X])
            assert network(torch.zeros(0, plan.n_inputs)).shape == (0, plan.n_outputs)
        torch.testing.assert_close(reverse, together, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(alone, together, rtol=1e-12, atol=1e-12)


def test_wrong_number_of_columns_is_named():
    plan, _ = random_plan(0, n_inputs=3)
    with pytest.raises(ValueError, match=r"expected rows of 3 inputs, got an array of shape \(2, 4\)"):
        CompiledNetwork(plan)(torch.zeros(2, 4))


def test_moves_to_other_precisions_and_devices_whole():
    for seed in range(10):
        plan, X = random_plan(seed)
        weights, biases = (numbers.astype(np.float32).astype(np.float64) for numbers in (plan.weights, plan.biases))
        with torch.no_grad():
            moved = CompiledNetwork(plan).double()(torch.tensor(X)).numpy()
        np.testing.assert_allclose(moved, evaluate(replace(plan, weights=weights, biases=biases), X), rtol=1e-12, atol=1e-12)
        meta = CompiledNetwork(plan).to("meta")
        assert all(tensor.is_meta for tensor in [*meta.parameters(), *meta.buffers()])
        assert meta(torch.zeros(5, plan.n_inputs, device="meta")).shape == (5, plan.n_outputs)


def test_compiles_to_one_graph_with_the_same_gradients():
    for seed in (3, 17, 29):
        plan, X = random_plan(seed, n_inputs=4, max_hidden=8)
        plain, compiled = CompiledNetwork(plan, torch.float64), CompiledNetwork(plan, torch.float64)
        run = torch.compile(compiled, backend="aot_eager", fullgraph=True, dynamic=True)
        for rows in (X, X[:3]):
            expected = plain(torch.tensor(rows))
            answers = run(torch.tensor(rows))
            torch.testing.assert_close(answers, expected)
            for network, outputs in ((plain, expected), (compiled, answers)):
                network.zero_grad()
                outputs.square().sum().backward()
            torch.testing.assert_close(compiled.weights.grad, plain.weights.grad)
            torch.testing.assert_close(compiled.biases.grad, plain.biases.grad)


@pytest.mark.parametrize("seed", [0, 2, 11, 14])
def test_every_kind_of_network_can_be_exported(seed, tmp_path):
    plan, X = random_plan(seed, max_hidden=4)
    export_program(plan, tmp_path / "network.pt2")
    run = torch.export.load(tmp_path / "network.pt2").module()
    with torch.no_grad():
        answers = run(torch.tensor(X, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(answers, evaluate(plan, X), rtol=1e-5, atol=1e-5)


def test_exported_program_runs_without_this_package(tmp_path):
    plan, X = random_plan(12, n_inputs=3, n_outputs=2, max_hidden=10)
    export_program(plan, tmp_path / "network.pt2")
    assert [file.name for file in tmp_path.iterdir()] == ["network.pt2"]
    np.save(tmp_path / "X.npy", X.astype(np.float32))
    script = (
        "import sys; sys.modules['propneat'] = None\n"
        "import numpy as np, torch\n"
        "run = torch.export.load('network.pt2').module()\n"
        "X = torch.tensor(np.load('X.npy'))\n"
        "np.save('all.npy', run(X).detach().numpy()); np.save('one.npy', run(X[:1]).detach().numpy())\n"
        "assert not [name for name in sys.modules if name.startswith('propneat.')]\n"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    expected = evaluate(plan, X)
    np.testing.assert_allclose(np.load(tmp_path / "all.npy"), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.load(tmp_path / "one.npy"), expected[:1], rtol=1e-5, atol=1e-5)


def test_exported_file_does_not_name_the_folder_of_the_sources(tmp_path):
    plan, _ = random_plan(12)
    export_program(plan, tmp_path / "network.pt2")
    folder = sys.modules[CompiledNetwork.__module__].__file__.rsplit("/propneat/", 1)[0]
    assert len(folder) > 1
    assert folder.encode() not in (tmp_path / "network.pt2").read_bytes()


def test_a_network_may_be_compiled_moved_and_changed_in_type():
    """What people do with a module: `torch.compile`, `.float()`, the numbers of another, and another device."""
    for seed in range(6):
        plan, X = random_plan(seed)
        network, rows = CompiledNetwork(plan, torch.float64), torch.tensor(X)
        with torch.no_grad():
            answers = network(rows)
            assert torch.equal(torch.compile(network, backend="eager")(rows), answers)
            single = CompiledNetwork(plan, torch.float64).float()
            torch.testing.assert_close(single(rows.float()).double(), answers, rtol=1e-3, atol=1e-3)
            moved = CompiledNetwork(plan, torch.float64).to("meta")
            assert moved(rows.to("meta")).shape == answers.shape
            again = CompiledNetwork(plan, torch.float64).to(rows.device)
            again.load_state_dict(network.state_dict())
            assert torch.equal(again(rows), answers)
