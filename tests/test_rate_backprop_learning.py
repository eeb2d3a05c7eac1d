"""Rate-based backpropagation: training, moving bars, the classifier's contract, and the native study in small."""

import copy
import json
import pickle
import subprocess
import sys
from importlib import import_module
from math import cos, pi

import numpy as np
import pandas
import pytest
import torch
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine, make_classification
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch.nn import functional
from torch_state import unusual_torch

from propneat.base.errors import ConfigError, DataError
from propneat.base.rng import make_rng
from propneat.methods.contract import NativeRun
from propneat.methods.rate_backprop import METHOD, NATIVE
from propneat.methods.rate_backprop import classifier as classifier_module
from propneat.methods.rate_backprop.accuracy_study import AccuracyPlan, accuracy_study
from propneat.methods.rate_backprop.classifier import RateBackpropClassifier
from propneat.methods.rate_backprop.cost_study import CostPlan
from propneat.methods.rate_backprop.data import MovingBars, digits_as_images
from propneat.methods.rate_backprop.native import StudySize, run, run_sized
from propneat.methods.rate_backprop.network import RULES, LayerPlan, make_network
from propneat.methods.rate_backprop.training import TrainingPlan, answer, count_updates, train

FAST = {"hidden": (16, 16), "steps": (2, 4), "updates": (40,)}


def make_data(n_classes: int = 3, n_rows: int = 120):
    X, y = make_classification(n_rows, 11, n_informative=6, n_classes=n_classes, class_sep=2.0, random_state=0)
    return StandardScaler().fit_transform(X), y


def a_network(seed: int = 0, n_features: int = 11, n_classes: int = 3, dtype: torch.dtype = torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return make_network((LayerPlan(16), LayerPlan(16)), (n_features,), n_classes, generator, dtype=dtype)


def tensors(X: np.ndarray, y: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(X.astype(np.float32))[None], torch.from_numpy(y)


@pytest.mark.parametrize("rule", RULES)
def test_updates_are_those_of_sgd_with_momentum_decay_of_maps_and_a_cosine(rule):
    inputs, labels = tensors(*make_data(n_rows=60))
    plan = TrainingPlan(rule, 3, n_epochs=2, batch_size=20, weight_decay=0.05)
    network, plain = a_network(), a_network()
    losses = []
    train(network, inputs, labels, plan, make_rng("rows"), lambda n_done, loss: losses.append((n_done, loss)))
    plain.train()
    velocity = [torch.zeros_like(part) for part in plain.parameters()]
    rng, expected = make_rng("rows"), []
    for epoch in range(2):
        order = rng.permutation(60)
        for k in range(3):
            rows = order[20 * k : 20 * (k + 1)]
            loss = functional.cross_entropy(RULES[rule](plain, inputs[:, rows], 3), labels[rows])
            found = torch.autograd.grad(loss, list(plain.parameters()))
            expected.append((len(expected) + 1, loss.item()))
            with torch.no_grad():
                for part, speed, slope in zip(plain.parameters(), velocity, found, strict=True):
                    speed.mul_(0.9).add_(slope + 0.05 * part * (part.ndim > 1))
                    part.sub_(0.1 * 0.5 * (1 + cos(pi * (3 * epoch + k) / 6)) * speed)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    for ours, theirs in zip(network.state_dict().values(), plain.state_dict().values(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


def test_a_gradient_divided_by_steps_is_that_much_shorter():
    inputs, labels = tensors(*make_data())
    moved = []
    for divides in (False, True):
        network = a_network()
        start = copy.deepcopy(network.state_dict())
        plan = TrainingPlan(n_steps=5, n_epochs=1, batch_size=120, momentum=0.0, weight_decay=0.0, divide_by_steps=divides)
        train(network, inputs, labels, plan, make_rng("rows"))
        moved.append([network.state_dict()[name] - start[name] for name, _ in network.named_parameters()])
    for whole, part in zip(*moved, strict=True):
        torch.testing.assert_close(part * 5, whole, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("n_rows", "batch_size"), [(65, 64), (129, 64), (20, 64), (3, 2), (2, 2), (7, 2)])
def test_every_epoch_takes_every_row_once_in_batches_without_a_small_rest(n_rows, batch_size, monkeypatch):
    seen = []
    network = a_network(n_features=1)

    def spy(network, inputs, n_steps):
        seen.append(inputs[0, :, 0].tolist())
        return RULES["bptt"](network, inputs, n_steps)

    monkeypatch.setitem(RULES, "rate-multi", spy)
    plan = TrainingPlan(n_steps=1, n_epochs=2, batch_size=batch_size)
    inputs = torch.arange(n_rows, dtype=torch.float32).view(1, -1, 1)
    train(network, inputs, torch.arange(n_rows) % 2, plan, make_rng("rows"))
    assert len(seen) == count_updates(plan, n_rows)
    half = len(seen) // 2
    for epoch in (seen[:half], seen[half:]):
        assert sorted(row for batch in epoch for row in batch) == list(range(n_rows))
        assert min(map(len, epoch)) >= 2 and max(map(len, epoch)) - min(map(len, epoch)) <= 1
    limited = TrainingPlan(n_steps=1, batch_size=batch_size, n_updates=3)
    seen.clear()
    train(network, inputs, torch.arange(n_rows) % 2, limited, make_rng("rows"))
    assert len(seen) == 3 == count_updates(limited, n_rows)


def test_plans_and_rows_that_cannot_be_are_refused_by_name():
    for name, value in (
        ("rule", "online"),
        ("n_steps", 0),
        ("n_epochs", 0),
        ("batch_size", 1),
        ("n_updates", 0),
        ("learning_rate", 0.0),
        ("momentum", 1.0),
        ("weight_decay", -1.0),
    ):
        with pytest.raises(ConfigError, match=name):
            TrainingPlan(**{name: value})
    with pytest.raises(DataError, match="at least 2 rows"):
        train(a_network(), torch.zeros(1, 1, 11), torch.zeros(1, dtype=torch.int64), TrainingPlan(), make_rng("rows"))
    for bad in ({"side": 3}, {"n_steps": 0}, {"loss": 1.5}, {"noise": -0.1}):
        with pytest.raises(ConfigError, match=next(iter(bad))):
            MovingBars(**bad)


def test_bars_move_where_their_labels_say_and_leave_what_they_came_to():
    bars = MovingBars(n_steps=20, loss=0.0, noise=0.0)
    inputs, labels = bars.draw(make_rng("bars"), 200)
    assert inputs.shape == (20, 200, *bars.shape) and set(inputs.ravel()) == {0.0, 1.0} and set(labels) == set(range(8))
    place = np.arange(12) - 5.5
    for row in range(200):
        direction = np.array([np.cos(labels[row] * pi / 4), np.sin(labels[row] * pi / 4)])
        along = place[None, :] * direction[0] + place[:, None] * direction[1]
        ways = [[along[step[row, c] > 0].mean() for step in inputs if step[row, c].any()] for c in (0, 1)]
        # the front comes first, the back follows, and both go one way
        assert all(np.polyfit(range(len(way)), way, 1)[0] > 0.3 for way in ways)
        came, left = (inputs[:, row, c].sum(axis=0) for c in (0, 1))
        assert came.max() == 1 and left.max() == 1
    merged, same = MovingBars(n_steps=20, loss=0.0, noise=0.0, polarity=False).draw(make_rng("bars"), 200)
    assert np.array_equal(merged[:, :, 0], inputs.max(axis=2)) and np.array_equal(same, labels)
    empty = MovingBars(loss=1.0, noise=0.05).draw(make_rng("bars"), 100).inputs
    assert empty.mean() == pytest.approx(0.05, abs=0.003) and digits_as_images().inputs.max() == 1.0


@pytest.mark.parametrize("rule", RULES)
def test_moving_bars_are_learnt_by_every_rule(rule):
    bars = MovingBars(side=8, n_steps=6, loss=0.1, noise=0.01)
    (inputs, labels), (test_inputs, test_labels) = (
        map(torch.from_numpy, bars.draw(make_rng("bars", use), 256)) for use in ("train", "test")
    )
    generator = torch.Generator().manual_seed(0)
    network = make_network((LayerPlan(8, "conv"), LayerPlan(16, "conv", pool=2)), bars.shape, 8, generator)
    train(network, inputs, labels, TrainingPlan(rule, 6, n_epochs=6, batch_size=32), make_rng("rows"))
    assert float((answer(network, test_inputs, 6).argmax(1) == test_labels).double().mean()) > 0.6


@pytest.mark.parametrize(("n_classes", "rule"), [(2, "rate-multi"), (3, "rate-multi"), (3, "rate-single"), (2, "bptt")])
def test_the_classifier_keeps_its_contract(n_classes, rule):
    X, y = make_data(n_classes)
    labels = np.array(["low", "mid", "top"])[y]
    model = RateBackpropClassifier(rule=rule, random_state=3, **FAST).fit(X, labels)
    proba = model.predict_proba(X)
    assert proba.shape == (120, n_classes) and proba.dtype == np.float64 and (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])
    assert model.score(X, labels) > 0.8
    assert model.n_features_in_ == 11 and model.n_steps_ in (2, 4) and model.n_updates_ == 40 and model.depth_ == 3
    assert model.n_parameters_ == 11 * 16 + 16 + 16 * 17 + n_classes * 17 and 0 < model.validation_loss_ < 1.1
    again = pickle.loads(pickle.dumps(clone(model).fit(X, labels)))
    assert again.predict_proba(X).tobytes() == proba.tobytes()
    np.testing.assert_allclose(model.predict_proba(X[7:9]), proba[7:9], rtol=1e-12)
    assert clone(model).set_params(random_state=4).fit(X, labels).predict_proba(X).tobytes() != proba.tobytes()


@pytest.mark.parametrize("decay", [0.2, 0.6])
def test_prediction_in_numpy_is_the_network_of_torch_by_spikes(decay, monkeypatch):
    X, y = make_data()
    networks = []

    def remember(*args):
        networks.append(make_network(*args))
        return networks[-1]

    monkeypatch.setattr(classifier_module, "make_network", remember)
    model = RateBackpropClassifier(random_state=0, decay=decay, hidden=(16, 8), steps=(5,), updates=(20,)).fit(X, y)
    assert len(networks) == 1 and model.validation_loss_ is None and model.n_steps_ == 5
    logits = answer(networks[0].double(), torch.from_numpy(X)[None], 5).numpy()
    np.testing.assert_allclose(model.predict_proba(X), softmax(logits, axis=1), rtol=1e-9, atol=1e-12)


def test_steps_and_updates_are_those_of_the_least_loss_on_rows_left_out(monkeypatch):
    X, y = make_data()
    asked = []

    def loss(self, inputs, labels, plan, lif, seed):
        asked.append((plan.n_steps, plan.n_updates))
        return abs(plan.n_steps - 4) + abs(plan.n_updates - 3)

    monkeypatch.setattr(RateBackpropClassifier, "_left_out_loss", loss)
    model = RateBackpropClassifier(hidden=(8,), steps=(2, 4, 8), updates=(1, 3), random_state=0).fit(X, y)
    assert len(asked) == 6 and (model.n_steps_, model.n_updates_, model.validation_loss_) == (4, 3, 0.0)


def test_torchs_global_state_is_neither_used_nor_changed():
    X, y = make_data(2)
    expected = RateBackpropClassifier(random_state=1, **FAST).fit(X, y).predict_proba(X).tobytes()
    with unusual_torch():
        assert RateBackpropClassifier(random_state=1, **FAST).fit(X, y).predict_proba(X).tobytes() == expected


@pytest.mark.parametrize("labels", [[0, 1], [0] * 18 + [1] * 2, [0] * 10 + [1] * 9 + [2], [0, 0, 1]])
def test_tiny_tables_are_learnt(labels):
    X = make_rng("tiny").standard_normal((len(labels), 1)) + np.array(labels)[:, None]
    model = RateBackpropClassifier(random_state=0, hidden=(8,), updates=(3,), steps=(2, 4)).fit(X, labels)
    assert np.isfinite(model.predict_proba(X)).all() and model.depth_ == 2


def test_constant_and_huge_inputs_do_no_harm():
    X, y = make_data(2)
    X = np.column_stack([X, np.full(120, 3.0), 1e4 * X[:, 0]])
    model = RateBackpropClassifier(random_state=0, **FAST).fit(X, y)
    assert np.isfinite(model.predict_proba(1e3 * X)).all()


def test_flowers_are_told_apart():
    X, y = map(np.asarray, load_iris(return_X_y=True))
    X = StandardScaler().fit_transform(X)
    model = RateBackpropClassifier(random_state=0, hidden=(32, 32), updates=(60,)).fit(X[::2], y[::2])
    assert model.score(X[1::2], y[1::2]) > 0.88


def test_unusable_calls_of_the_classifier_are_refused_by_name():
    X, y = make_data(2)
    for name, value in (
        ("hidden", ()),
        ("hidden", (0,)),
        ("rule", "sgd"),
        ("steps", ()),
        ("updates", ()),
        ("updates", (0,)),
        ("batch_size", 1),
        ("learning_rate", 0),
        ("weight_decay", -1),
        ("n_folds", 1),
        ("decay", 1.5),
    ):
        with pytest.raises(ConfigError, match=name):
            RateBackpropClassifier(**{name: value}).fit(X, y)
    with pytest.raises(DataError, match="at least 2 classes"):
        RateBackpropClassifier().fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="NaN"):
        RateBackpropClassifier().fit(np.where(X > 2, np.nan, X), y)


def test_the_method_takes_raw_tables():
    X, y = load_wine(return_X_y=True, as_frame=True)
    X = X.assign(kind=np.where(X.alcohol > 13, "strong", "light"))
    X.loc[::9, "ash"] = np.nan
    model = METHOD.make(random_state=0, **FAST).fit(X, y)
    assert model.predict_proba(X).shape == (178, 3) and model.score(X, y) > 0.9
    size = METHOD.size(model)
    assert size.n_parameters == model[-1].n_parameters_ and size.depth == 3
    assert METHOD.name == NATIVE.name == "rate-backprop" and isinstance(X, pandas.DataFrame)


def test_importing_the_room_is_light():
    code = "import sys, propneat.methods.rate_backprop; print({'torch', 'matplotlib'} & set(sys.modules))"
    lines = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "torch" not in lines and "matplotlib" not in lines


def test_the_native_study_runs_end_to_end_and_learns_the_same_again(tmp_path):
    accuracy = AccuracyPlan(
        n_dense_folds=2,
        dense_steps=(2,),
        dense_epochs=1,
        n_image_folds=20,
        image_folds_used=1,
        image_steps=(2,),
        image_epochs=1,
        n_bar_seeds=1,
        bar_epochs=1,
        n_bar_train=64,
        n_bar_test=32,
    )
    size = StudySize(1, CostPlan((4, 8), 1, 16, 8), accuracy)
    steps: dict[str, list[int]] = {}
    request = NativeRun(tmp_path, progress=lambda step, done, total: steps.setdefault(step, []).append(total - done))
    outcome = run_sized(request, size)
    with threadpool_limits(1, "openmp"):
        again = accuracy_study(accuracy, 0, "cpu", lambda step, done, total: None)
    assert json.dumps(outcome.data["accuracy"]) == json.dumps(again)
    json.dumps(dict(outcome.data), allow_nan=False)
    assert all(values[-1] == 0 for values in steps.values()) and len(steps) == 1 + 2 + 3 * (2 + 1 + 1 + 1 + 1)
    for name in outcome.figures:
        assert (tmp_path / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    claims = {claim.name: claim for claim in outcome.claims}
    assert len(claims) == len(outcome.claims) and all(isinstance(claim.holds, bool) for claim in claims.values())
    exact = [claim for name, claim in claims.items() if "largest relative difference" in name or name.startswith("logits")]
    flat = [claim for name, claim in claims.items() if "bytes saved" in name and "rate" in name]
    assert len(exact) == 3 and len(flat) == 4 and all(claim.holds for claim in exact + flat)
    # an epoch of a few batches teaches nothing
    assert not claims["digits, dense, 2 steps: percent correct, bptt"].holds
    module, function = NATIVE.home.split(":")
    assert getattr(import_module(module), function) is run
    with pytest.raises(ConfigError, match="device must be one that torch can use"):
        run(NativeRun(tmp_path, device="nowhere"))
