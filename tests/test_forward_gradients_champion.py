"""Evolved networks tuned by forward gradients, written back into their genes, and the native study in small."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from random_genomes import random_genome

from propneat.base.errors import ConfigError
from propneat.compiler import compile_genome, evaluate
from propneat.compiler.network import CompiledNetwork
from propneat.genome import ACTIVATIONS, AGGREGATIONS, NodeKind, make_genome
from propneat.methods.contract import NativeRun
from propneat.methods.forward_gradients import native
from propneat.methods.forward_gradients.aggregators import ForwardGradient
from propneat.methods.forward_gradients.champion import FineTuneConfig, WeightedLoss, fine_tune
from propneat.methods.forward_gradients.champion_study import rings
from propneat.methods.forward_gradients.forward_mode import directional_derivatives, forward_gradient
from propneat.methods.forward_gradients.perceptron_training import Schedule
from propneat.training import LOSSES, Samples


@pytest.fixture
def no_backward(monkeypatch):
    """Reverse mode fails at every door."""
    # torch loads rules for dual numbers at first use, and must not meet the barred doors while it does
    directional_derivatives(lambda x: 2 * x, torch.zeros(1), torch.ones(1, 1))

    def refuse(*_, **__):
        raise AssertionError("a backward pass")

    for owner, name in (
        (torch.Tensor, "backward"),
        (torch.Tensor, "requires_grad_"),
        (torch.autograd, "backward"),
        (torch.autograd, "grad"),
        (torch.func, "grad"),
        (torch.func, "vjp"),
        (torch.autograd.graph, "_engine_run_backward"),
    ):
        monkeypatch.setattr(owner, name, refuse)


def rows_for(loss: str, seed: int = 0, n_rows: int = 25) -> Samples:
    rng = np.random.default_rng(seed)
    targets = rng.standard_normal((n_rows, 2))
    if loss == "bce":
        targets = targets > 0
    if loss == "cross_entropy":
        targets = np.eye(2)[targets.argmax(1)]
    return Samples.make(rng.standard_normal((n_rows, 4)), targets, rng.choice([0.0, 1.0, 3.0], n_rows))


def evolved(seed: int):
    return random_genome(np.random.default_rng(seed), n_inputs=4, n_outputs=2)


def plain_loss(genome, loss: str, samples: Samples) -> float:
    """The loss of a genome by the reference evaluator."""
    z, y = evaluate(compile_genome(genome), samples.X), samples.targets.astype(np.float64)
    if loss == "bce":
        rows = np.mean(np.logaddexp(0, z) - z * y, axis=1)
    elif loss == "cross_entropy":
        rows = np.logaddexp.reduce(z, axis=1) - np.sum(z * y, axis=1)
    else:
        rows = np.mean((z - y) ** 2, axis=1)
    mean = float(np.average(rows, weights=samples.weights))
    return mean**0.5 if loss == "rmse" else mean


def every_node_genome(activation: int):
    """One hidden node of every way of joining, all with one activation, each feeding both outputs."""
    nodes = [(k, 0.0, NodeKind.INPUT, 0, 0) for k in range(4)] + [(k, 0.1, NodeKind.OUTPUT, 0, 0) for k in (4, 5)]
    nodes += [(6 + join, 0.2, NodeKind.HIDDEN, activation, join) for join in range(len(AGGREGATIONS))]
    pairs = [(s, 6 + join) for join in range(len(AGGREGATIONS)) for s in range(3)]
    pairs += [(6 + join, t) for join in range(len(AGGREGATIONS)) for t in (4, 5)]
    rng = np.random.default_rng(activation)
    return make_genome(nodes, [(i, s, t, rng.uniform(0.3, 1.0), True) for i, (s, t) in enumerate(pairs)])


@pytest.mark.parametrize("activation", range(len(ACTIVATIONS)), ids=ACTIVATIONS)
def test_forward_gradients_of_evolved_networks_equal_backpropagation_at_k_n(activation):
    genome = every_node_genome(activation)
    loss = LOSSES[activation % len(LOSSES)]
    network = CompiledNetwork(compile_genome(genome), torch.float64)
    samples = rows_for(loss)
    numbers = torch.cat([network.weights, network.biases]).detach()
    value = WeightedLoss(network.requires_grad_(False), loss, samples)
    _, estimate = forward_gradient(
        value, numbers, ForwardGradient("projection", len(numbers)), torch.Generator().manual_seed(0)
    )
    true = torch.func.grad(value)(numbers)
    assert float((estimate - true).norm()) <= 1e-9 * float(true.norm()) and float(true.norm()) > 0
    assert float(value(numbers)) == pytest.approx(plain_loss(genome, loss, samples), rel=1e-9)


def test_fine_tuning_lowers_the_loss_without_a_backward_pass(monkeypatch, no_backward):
    monkeypatch.setattr(CompiledNetwork, "requires_grad_", _frozen)
    for number, loss in enumerate(LOSSES):
        genome, samples = every_node_genome(4 * number), rows_for(loss, number)
        tuned = fine_tune(genome, samples, FineTuneConfig(loss, epochs=6), np.random.default_rng(0))
        before, after = plain_loss(genome, loss, samples), plain_loss(tuned.genome, loss, samples)
        assert after < before and tuned.losses.min() == pytest.approx(after) and tuned.losses[0] == pytest.approx(before)


def _frozen(network: CompiledNetwork, wanted: bool) -> CompiledNetwork:
    """Do what requires_grad_(False) does, while the tensors' own method is barred."""
    assert wanted is False
    for parameter in network.parameters():
        parameter.requires_grad = False
    return network


def test_nothing_requires_a_gradient_while_an_evolved_network_is_tuned(monkeypatch):
    seen = []
    original = CompiledNetwork.forward

    def forward(self, X):
        answer = original(self, X)
        seen.append(answer.requires_grad or X.requires_grad or any(p.requires_grad for p in self.parameters()))
        return answer

    monkeypatch.setattr(CompiledNetwork, "forward", forward)
    fine_tune(every_node_genome(3), rows_for("bce"), FineTuneConfig(epochs=3), np.random.default_rng(0))
    assert len(seen) > 10 and not any(seen)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether genes are equal field by field, to the bit; the filling between fields is nobody's."""
    return a.dtype == b.dtype and all(a[name].tobytes() == b[name].tobytes() for name in a.dtype.names)


@pytest.mark.parametrize("seed", range(6))
def test_tuned_numbers_return_into_exactly_their_genes(seed):
    genome, samples = evolved(seed), rows_for("bce", seed)
    plan = compile_genome(genome)
    tuned = fine_tune(genome, samples, FineTuneConfig(epochs=3, batch_size=10), np.random.default_rng(seed)).genome
    trained = np.zeros(len(genome.connections), bool)
    trained[plan.edge_gene] = True
    assert same_bits(tuned.connections[~trained], genome.connections[~trained])
    biased = np.zeros(len(genome.nodes), bool)
    biased[plan.slot_gene[plan.n_inputs :]] = True
    assert same_bits(tuned.nodes[~biased], genome.nodes[~biased])
    again = compile_genome(tuned)
    for name in ("edge_source", "edge_gene", "slot_gene", "activation", "aggregation", "output_slot"):
        np.testing.assert_array_equal(getattr(again, name), getattr(plan, name))
    if plan.n_edges:
        assert not same_bits(tuned.connections[trained], genome.connections[trained])
    same = fine_tune(genome, samples, FineTuneConfig(epochs=3, batch_size=10), np.random.default_rng(seed)).genome
    assert same_bits(same.connections, tuned.connections) and same_bits(same.nodes, tuned.nodes)


def test_no_epochs_and_hopeless_rates_change_no_bit():
    genome, samples = every_node_genome(2), rows_for("mse")
    for config in (FineTuneConfig("mse", epochs=0), FineTuneConfig("mse", epochs=5, learning_rates=(1e30,))):
        tuned = fine_tune(genome, samples, config, np.random.default_rng(0))
        assert same_bits(tuned.genome.connections, genome.connections) and same_bits(tuned.genome.nodes, genome.nodes)


def test_validation_rows_choose_the_numbers_and_patience_ends_the_descent():
    genome, train, judge = every_node_genome(3), rows_for("bce", 1), rows_for("bce", 2)
    config = FineTuneConfig(epochs=40, patience=4)
    tuned = fine_tune(genome, train, config, np.random.default_rng(0), validation=judge)
    assert plain_loss(tuned.genome, "bce", judge) == pytest.approx(tuned.losses.min())
    assert plain_loss(tuned.genome, "bce", judge) <= plain_loss(genome, "bce", judge)
    assert len(tuned.losses) in (41, int(tuned.losses.argmin()) + 1 + 4)


def test_unusable_calls_of_fine_tuning_are_refused_by_name():
    with pytest.raises(ConfigError, match="expected rows of 4 inputs and 2 targets, got 3 and 2"):
        fine_tune(evolved(0), Samples.make(np.zeros((5, 3)), np.zeros((5, 2))), FineTuneConfig(), np.random.default_rng(0))
    for options, text in (({"learning_rates": ()}, "learning_rates"), ({"loss": "mae"}, "loss"), ({"patience": 0}, "patience")):
        with pytest.raises(ConfigError, match=text):
            FineTuneConfig(**options)


def ring_genome():
    """x0 and x1 through two nodes each to one output."""
    nodes = [(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.0, NodeKind.INPUT, 0, 0), (2, 0.0, NodeKind.OUTPUT, 0, 0)]
    nodes += [(3, 0.1, NodeKind.HIDDEN, 3, 0), (4, 0.1, NodeKind.HIDDEN, 3, 0)]
    pairs = [(0, 3), (1, 3), (0, 4), (3, 2), (4, 2)]
    return make_genome(nodes, [(number, *pair, 0.5, True) for number, pair in enumerate(pairs)])


def test_the_native_study_runs_in_small(monkeypatch, tmp_path):
    small = {
        "function_table": {"n_seeds": 2, "n_steps": 2},
        "angle_table": {"n_seeds": 2, "n_steps": 2},
        "estimate_moments": {"n_samples": 20},
        "angle_cosines": {"n_samples": 10},
        "digits_table": {"layers": (4,), "schedule": Schedule(512, 2, 1)},
        "control": {"n_epochs": 1, "layers": (4,)},
        "champion_curves": {"epochs": 2},
    }
    for name, options in small.items():
        monkeypatch.setattr(native, name, partial(getattr(native, name), **options))
    ring_rows = rings(30, np.random.default_rng(0))
    monkeypatch.setattr(native, "evolve_champion", lambda *_: (ring_genome(), ring_rows))
    steps = []
    outcome = native.run(NativeRun(tmp_path, progress=lambda step, done, total: steps.append((step, done <= total))))
    assert all((tmp_path / name).stat().st_size > 5000 for name in outcome.figures) and len(outcome.figures) == 5
    assert json.loads(json.dumps(dict(outcome.data), allow_nan=False))["functions"]["sphere"]["2"]["backprop"]
    claims = {claim.name: claim for claim in outcome.claims}
    assert len(claims) == len(outcome.claims)
    # two steps reach no minimum, and an identity holds after any number of them
    assert not claims["Styblinski-Tang, n = 1024, backprop: best value / n"].holds
    assert all(claim.holds for name, claim in claims.items() if "k = n = 64" in name or "as many tangents" in name)
    assert {step for step, _ in steps} >= {"sphere", "angles", "estimates", "digits", "tuning"}
    assert all(within for _, within in steps)
