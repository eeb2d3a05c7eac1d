"""Training under a budget: any module, evolved networks and the classifier keep every bit and the number of bytes asked for."""

import copy
import json
import pickle

import numpy as np
import pytest
import torch
from random_genomes import random_genome
from sklearn.base import clone
from sklearn.datasets import load_iris
from torch import nn

from propneat.base.errors import ConfigError
from propneat.compiler import compile_genome, compile_pool
from propneat.compiler.network import CompiledNetwork
from propneat.genome import GenePool
from propneat.methods.contract import NativeRun
from propneat.methods.dense import DenseNetworkClassifier
from propneat.methods.recomputation import METHOD
from propneat.methods.recomputation.classifier import RecomputedNetworkClassifier
from propneat.methods.recomputation.evolved_study import grow_deep_genome
from propneat.methods.recomputation.native import StudySize, run, run_sized
from propneat.recompute.budget import least_peak, plan_recomputation
from propneat.recompute.meter import MemoryMeter
from propneat.recompute.tracing import trace
from propneat.recompute.training import plans_of, train_under_budget
from propneat.training import Samples, TrainingConfig, train_population


class Block(nn.Module):
    """Batch statistics, random numbers, and a value with two readers."""

    def __init__(self, width):
        super().__init__()
        self.inner, self.norm, self.outer = nn.Linear(width, width), nn.BatchNorm1d(width), nn.Linear(width, width)

    def forward(self, x):
        return x + self.outer(nn.functional.dropout(torch.relu(self.norm(self.inner(x))), 0.3, self.training))


class Concatenating(nn.Module):
    """Every layer reads all earlier ones."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(6 + 8 * k, 8) for k in range(9))

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, torch.tanh(layer(x))], dim=1)
        return x[:, -3:]


class InPlace(nn.Module):
    """Changes in place, views beside what they view, one layer used three times, and a draw that is not dropout."""

    def __init__(self):
        super().__init__()
        self.first, self.again, self.last = nn.Linear(6, 12), nn.Linear(12, 12), nn.Linear(12, 3)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls.add_(1)
        x = nn.functional.relu(self.first(x), inplace=True)
        total = x * x
        for _ in range(3):
            y = torch.tanh(self.again(x)) * self.calls
            total = total + y * x.view(-1, 3, 4).flatten(1)
            x = x + 0.1 * torch.randn_like(x) + total
        return self.last(x)


def make_module(name):
    torch.manual_seed(0)
    modules = {
        "batch norm": lambda: nn.Sequential(nn.Linear(6, 16), *(Block(16) for _ in range(3)), nn.Linear(16, 3)),
        "in-place chain": lambda: nn.Sequential(
            nn.Linear(6, 16),
            *(part for _ in range(6) for part in (nn.Linear(16, 16), nn.ReLU(inplace=True), nn.Dropout(0.25))),
            nn.Linear(16, 3),
        ),
        "concatenating": Concatenating,
        "in place": InPlace,
    }
    return modules[name]().double()


X = torch.as_tensor(np.random.default_rng(0).standard_normal((96, 6)))
Y = torch.as_tensor(np.random.default_rng(1).integers(3, size=96))


def step(module, x=X, seed=5):
    """Gradients, buffers, the next random number, loss and measured peak of one training step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parameters = list(module.parameters())
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)
        meter = MemoryMeter([x, *parameters, *module.buffers(), *(p.grad for p in parameters)])
        with meter:
            outputs = module(x)
            outputs.backward(torch.cos(outputs.detach()))
        numbers = [p.grad.clone() for p in parameters] + [b.clone() for b in module.buffers()]
        return [outputs.detach(), *numbers, torch.rand(1)], meter.peak


def warmed(module):
    """The same module, its plan made, as if nothing had happened."""
    state = copy.deepcopy(module.state_dict())
    step(module)
    module.load_state_dict(state)
    return module


@pytest.mark.parametrize("name", ["batch norm", "in-place chain", "concatenating", "in place"])
def test_a_module_under_a_budget_keeps_every_bit_and_the_budget(name):
    with torch.random.fork_rng(devices=[]):
        expected, plain = step(make_module(name))
        least = least_peak(make_module(name), X)
        overheads = []
        for budget in dict.fromkeys((least, (least + plain) // 2, 2 * plain)):
            module = warmed(train_under_budget(make_module(name), budget))
            found, peak = step(module)
            assert all(map(torch.equal, found, expected))
            (plan,) = plans_of(module)
            # what backpropagation starts from, and the tests' own gradient of it, are not the module's
            assert peak <= plan.peak + 4 * found[0].nbytes and plan.peak <= budget
            overheads.append(plan.overhead)
        assert overheads[-1] == 0
        if name != "in place":
            assert least < 0.8 * plain and overheads[0] > 0


def test_planning_leaves_numbers_buffers_and_random_numbers_alone():
    with torch.random.fork_rng(devices=[]):
        module = make_module("batch norm")
        before, state = copy.deepcopy(module.state_dict()), torch.get_rng_state()
        plan_recomputation(module, least_peak(module, X), X)
        assert torch.equal(state, torch.get_rng_state())
        assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
        assert all(parameter.grad is None for parameter in module.parameters())


def test_every_shape_has_its_plan_and_no_gradients_means_no_plan():
    with torch.random.fork_rng(devices=[]):
        module = train_under_budget(make_module("batch norm"), 10**9)
        names = list(make_module("batch norm").state_dict())
        with torch.no_grad():
            module(X)
        assert plans_of(module) == [] and list(module.state_dict()) == names
        for rows in (96, 50, 96):
            module(X[:rows])
        assert len(plans_of(module)) == 2
        module.eval()
        module(X)
        assert len(plans_of(module)) == 3


def test_gradients_flow_to_the_input_too():
    with torch.random.fork_rng(devices=[]):
        gradients = []
        for module in (
            make_module("concatenating"),
            train_under_budget(
                make_module("concatenating"), least_peak(make_module("concatenating"), X.clone().requires_grad_())
            ),
        ):
            x = X.clone().requires_grad_()
            module(x).square().sum().backward()
            gradients.append(x.grad)
        assert torch.equal(*gradients)
        assert plans_of(module)[0].strategy is not None


def test_a_budget_that_cannot_be_kept_is_refused_with_one_that_can():
    with torch.random.fork_rng(devices=[]):
        module = make_module("in-place chain")
        with pytest.raises(ConfigError, match="training within 10 bytes is not possible") as caught:
            plan_recomputation(module, 10, X)
        least = int(str(caught.value).split()[-2])
        assert plan_recomputation(module, least, X).peak <= least


def test_views_and_changes_in_place_weigh_nothing():
    with torch.random.fork_rng(devices=[]):
        traced = trace(make_module("in place"), X)
        for group in traced.groups:
            own = [traced.calls[k].name for k in group if k in traced.stored]
            assert len(own) <= 1 or "relu" in "".join(own) or len(group) > 1
        assert all(
            size == 0 or any(k in traced.stored for k in group)
            for size, group in zip(traced.graph.memory, traced.groups, strict=True)
        )
        assert sorted(k for group in traced.groups for k in group) == list(range(len(traced.calls)))
        traced = trace(nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.Unflatten(1, (2, 2)), nn.Flatten()), X.float())
        assert sorted(traced.graph.memory)[-2:] == [0, 96 * 4 * 4]


def test_an_fx_module_and_a_plan_can_be_planned_for():
    with torch.random.fork_rng(devices=[]):
        module = make_module("concatenating")
        graph_module = torch.fx.symbolic_trace(module)
        budget = least_peak(module, X)
        assert plan_recomputation(graph_module, budget, X).peak == plan_recomputation(module, budget, X).peak
    plan = compile_genome(random_genome(np.random.default_rng(4), n_inputs=6, n_outputs=2, max_hidden=30))
    assert plan_recomputation(plan, 10**9, X).strategy is None


@pytest.mark.parametrize("seed", range(2))
def test_evolved_networks_keep_every_bit(seed):
    """All activations and aggregations, skips, and several outputs."""
    plan = compile_genome(random_genome(np.random.default_rng(seed), n_inputs=6, n_outputs=2, max_hidden=14))
    if plan.n_edges < 3:
        pytest.fail("the genome is too small to say anything: take another seed")
    expected, _ = step(CompiledNetwork(plan, torch.float64))
    budget = least_peak(plan, X)
    found, _ = step(train_under_budget(CompiledNetwork(plan, torch.float64), budget))
    assert all(map(torch.equal, found, expected))


def trained(plan, samples, memory_budget):
    """Trained numbers, losses, and the measured peak of all that training holds."""
    config = TrainingConfig("bce", epochs=2, batch_size=100)
    with MemoryMeter() as meter:
        found = train_population(
            plan, samples, config, np.random.default_rng(3), validation=samples, engine="layered", memory_budget=memory_budget
        )
    return found, meter.peak


def test_the_layered_engine_under_a_budget_ends_at_the_same_numbers_in_less_memory():
    plan = compile_pool(GenePool.pack([grow_deep_genome(6, 7, 0)]))
    rng = np.random.default_rng(2)
    samples = Samples.make(rng.standard_normal((200, 6)), rng.integers(2, size=200))
    example = torch.from_numpy(samples.X[:100])
    budget = least_peak(plan[0], example)
    (plainly, plain_peak), (within, peak) = (trained(plan, samples, limit) for limit in (None, budget))
    for name in ("weights", "biases", "train_loss", "validation_loss"):
        assert getattr(plainly, name).tobytes() == getattr(within, name).tobytes()
    assert not np.array_equal(plainly.weights, plan.weights.astype(np.float32))
    assert budget < plan_recomputation(plan[0], 10**9, example).plain_peak
    assert peak < 0.8 * plain_peak
    with pytest.raises(ConfigError, match="training within 1000 bytes is not possible"):
        trained(plan, samples, 1000)


def test_the_dense_network_under_a_budget_is_the_same_in_less_memory():
    def fit(memory_budget):
        model = DenseNetworkClassifier((32,) * 8, batch_size=999, max_epochs=2, memory_budget=memory_budget, random_state=4)
        with MemoryMeter() as meter:
            model.fit(np.r_[X, X], np.r_[Y, Y])
        return model, meter.peak

    plain, plain_peak = fit(None)
    within, peak = fit(int(0.6 * plain_peak))
    for ours, theirs in zip(within.weights_, plain.weights_, strict=True):
        assert all(map(np.array_equal, ours, theirs))
    assert peak < 0.9 * plain_peak
    with pytest.raises(ConfigError, match="is not possible"):
        fit(100)


def test_a_pass_without_gradients_drops_what_it_has_read():
    """An evolved network's own pass holds on to all layers."""
    plan, x = compile_genome(grow_deep_genome(6, 7, 0)), X.float()
    peaks, outputs = [], []
    for budget in (None, 10**9, 1000):
        network = CompiledNetwork(plan)
        network = network if budget is None else train_under_budget(network, budget)
        with torch.no_grad():
            network(x)
            with MemoryMeter([x, *network.parameters()]) as meter:
                outputs.append(network(x))
        peaks.append(meter.peak)
    assert torch.equal(outputs[0], outputs[1]) and torch.equal(outputs[0], outputs[2])
    assert peaks[2] < 0.8 * peaks[1] == 0.8 * peaks[0]
    assert plans_of(network) == []


def small_classifier(**options):
    return RecomputedNetworkClassifier(**{"width": 12, "n_blocks": 3, "max_epochs": 3, "random_state": 0, **options})


def test_the_classifier_is_the_plain_one_to_the_bit_in_less_memory():
    data = load_iris(return_X_y=True)
    plain = small_classifier(memory_budget=None).fit(*data)
    for share in (0.01, int(0.8 * plain.plain_peak_bytes_)):
        model = small_classifier(memory_budget=share).fit(*data)
        assert all(np.array_equal(model.state_[name], value) for name, value in plain.state_.items())
        assert np.array_equal(model.predict_proba(data[0]), plain.predict_proba(data[0]))
        assert model.peak_bytes_ < plain.peak_bytes_ == model.plain_peak_bytes_ and model.overhead_ > 0
    assert model.peak_bytes_ <= 0.8 * plain.plain_peak_bytes_
    with pytest.raises(ConfigError, match="is not possible"):
        small_classifier(memory_budget=5).fit(*data)


def test_the_classifier_keeps_the_contract():
    X_iris, y = load_iris(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    state, n_threads = torch.get_rng_state(), torch.get_num_threads()
    model = small_classifier(max_epochs=30, learning_rate=0.01, memory_budget=None).fit(X_iris, names)
    assert torch.equal(state, torch.get_rng_state()) and torch.get_num_threads() == n_threads
    assert model.classes_.tolist() == ["a", "b", "c"] and model.n_features_in_ == 4
    assert model.n_parameters_ == 5 * 12 + 3 * (24 + 2 * 13 * 12) + 24 + 13 * 3 and model.depth_ == 8
    assert model.score(X_iris, names) > 0.9
    np.testing.assert_allclose(model.predict_proba(X_iris).sum(axis=1), 1)
    again = pickle.loads(pickle.dumps(clone(model).fit(X_iris, names)))
    assert np.array_equal(again.predict_proba(X_iris), model.predict_proba(X_iris))
    few = np.r_[0:18, 50:52]
    assert set(small_classifier().fit(X_iris[few], names[few]).predict(X_iris)) <= {"a", "b"}
    for option, value in (("width", 0), ("dropout", 1.0), ("memory_budget", 0), ("validation_fraction", 1.0)):
        with pytest.raises(ConfigError, match=option):
            small_classifier(**{option: value}).fit(X_iris, y)
    assert METHOD.make(random_state=1)[-1].random_state == 1


def test_the_native_study_runs_small(tmp_path):
    size = StudySize(
        planned=("ResNet50",), n_rows=1, executed=("GoogLeNet",), times_rows=1, trained=(32, 8, 3), partitioner_budgets=(),
        n_generations=3, n_epochs=1, shares=(),
    )  # fmt: skip
    steps = []
    outcome = run_sized(NativeRun(tmp_path, progress=lambda *told: steps.append(told)), size)
    json.dumps(outcome.data)
    assert all((tmp_path / name).stat().st_size > 10_000 for name in outcome.figures) and len(outcome.figures) == 4
    assert {step for step, done, total in steps if done == total} == {
        "planning the paper's networks", "following schedules with real tensors", "training under budgets, beside torch's own ways",
    }  # fmt: skip
    exact = [claim for claim in outcome.claims if "difference" in claim.name or "predicted" in claim.name]
    assert len(exact) == 5 and all(claim.holds for claim in exact)
    with pytest.raises(ConfigError, match="choose 'cpu'"):
        run(NativeRun(tmp_path, device="cuda"))
