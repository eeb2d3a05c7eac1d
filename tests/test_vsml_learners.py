"""VSML: the classifier's contract, the control, the online baselines, and the native study in small."""

import io
import json
import pickle
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

from propneat.base.errors import ConfigError, DataError
from propneat.methods.contract import NativeRun
from propneat.methods.vsml import METHOD, NATIVE
from propneat.methods.vsml.classifier import VSMLClassifier
from propneat.methods.vsml.clone_study import clone_claims
from propneat.methods.vsml.episodes import Task
from propneat.methods.vsml.inputs import Inputs
from propneat.methods.vsml.meta_rnn import MOST_CLASSES, MetaRnn, meta_train_rnn, stream_rnn
from propneat.methods.vsml.meta_training import Stage, meta_train
from propneat.methods.vsml.native import StudySize, run_study
from propneat.methods.vsml.online import learn_linear
from propneat.methods.vsml.parameters import UNITS, load_parameters
from propneat.methods.vsml.real_data import DATA_SETS, make_split
from propneat.methods.vsml.tasks import draw_task


def blobs(seed: int, n_rows: int, n_features: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n_rows) % n_classes
    return rng.standard_normal((n_rows, n_features)) + 3 * rng.standard_normal((n_classes, n_features))[labels], labels


def test_unseen_data_are_learnt_well():
    for load, least in ((load_iris, 0.88), (load_wine, 0.93)):
        X, y = load(return_X_y=True)
        learn, test, y_learn, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
        model = VSMLClassifier(random_state=0).fit(learn, y_learn)
        assert model.score(test, y_test) > least
        odds = model.predict_proba(test)
        assert odds.dtype == np.float64 and odds.shape == (len(test), 3)
        np.testing.assert_allclose(odds.sum(1), 1)


@pytest.mark.parametrize("names", [["no", "yes"], [-1, 1], ["a", "b", "c", "d"]])
def test_labels_of_any_kind_come_back(names):
    X, labels = blobs(1, 60, 4, len(names))
    y = np.array(names)[labels]
    model = VSMLClassifier(n_members=2, max_passes=2, random_state=0).fit(X, y)
    assert set(model.predict(X)) <= set(y) and list(model.classes_) == sorted(names)
    assert model.n_features_in_ == 4 and model.depth_ == 1
    assert model.n_parameters_ == 2 * 2 * UNITS * 4 * len(names)


@pytest.mark.parametrize("shape", [(20, 1, 2), (20, 3, 2), (12, 30, 5)])
def test_few_rows_are_enough_to_fit(shape):
    X, y = blobs(2, *shape)
    y = np.where(np.arange(len(y)) < 2, 0, np.maximum(y, 1))
    odds = VSMLClassifier(n_members=2, random_state=0).fit(X, y).predict_proba(X)
    assert np.isfinite(odds).all()


def test_constant_and_huge_inputs_do_no_harm():
    X, y = blobs(3, 60, 3, 2)
    X = np.column_stack([X, np.full(60, 7.0), 1e12 * X[:, 0]])
    model = VSMLClassifier(n_members=2, random_state=0).fit(X, y)
    assert np.isfinite(model.predict_proba(1e6 * X)).all() and model.score(X, y) > 0.9


def test_the_same_random_state_gives_the_same_bytes_and_touches_nothing_global():
    X, y = blobs(4, 50, 4, 3)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    model = VSMLClassifier(n_members=3, random_state=5)
    found = [clone(model).fit(X, y).predict_proba(X).tobytes() for _ in range(2)]
    assert found[0] == found[1] != clone(model).set_params(random_state=6).fit(X, y).predict_proba(X).tobytes()
    assert torch.equal(torch_state, torch.get_rng_state()) and np.array_equal(numpy_state, np.random.get_state()[1])
    again = pickle.load(io.BytesIO(pickle.dumps(model.fit(X, y))))
    assert again.predict_proba(X).tobytes() == found[0]
    assert model.predict_proba(X[:7]).tobytes() == model.predict_proba(X)[:7].tobytes()


def test_fitting_changes_states_and_not_the_shared_parameters():
    before = load_parameters().values.tobytes()
    X, y = blobs(5, 40, 3, 2)
    VSMLClassifier(n_members=2, random_state=0).fit(X, y)
    assert load_parameters().values.tobytes() == before
    with pytest.raises(ValueError):
        load_parameters().values[0] = 1.0


def test_unusable_parameters_and_data_are_refused():
    X, y = blobs(6, 20, 2, 2)
    for name in ("n_members", "max_passes", "max_rows"):
        with pytest.raises(ConfigError, match=name):
            VSMLClassifier(**{name: 0}).fit(X, y)
    with pytest.raises(ConfigError, match="validation_fraction"):
        VSMLClassifier(validation_fraction=1.0).fit(X, y)
    with pytest.raises(DataError, match="2 classes"):
        VSMLClassifier().fit(X, np.zeros(20))


def test_random_features_are_read_where_rows_left_out_say_so():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((160, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    plain = VSMLClassifier(n_members=2, max_passes=2, n_random=0, random_state=0).fit(X, y)
    model = VSMLClassifier(n_members=2, max_passes=2, n_random=40, random_state=0).fit(X, y)
    assert METHOD.options["n_random"] == VSMLClassifier().n_random == 100
    # no single input tells this product's sign
    assert plain.n_random_ == 0 and model.n_random_ == 40 and model.inputs_.n_outputs == 40
    assert model.score(X, y) > plain.score(X, y) + 0.1
    again = VSMLClassifier(n_members=2, max_passes=2, n_random=40, random_state=0).fit(X, y)
    assert again.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()


def test_inputs_beyond_the_limit_become_principal_components():
    rng = np.random.default_rng(7)
    X = rng.standard_normal((80, 3)) @ rng.standard_normal((3, 12))
    inputs = Inputs.fit(X, 5)
    found = inputs.transform(X)
    # three directions hold all of it, and directions without any spread are left out
    assert found.shape == (80, inputs.n_outputs) and 3 <= inputs.n_outputs <= 5
    np.testing.assert_allclose(np.cov(found[:, :2].T), np.eye(2), atol=0.25)
    whole = Inputs.fit(X, 12)
    assert whole.components is None and whole.n_outputs == 12
    standard = (X - X.mean(0)) / X.std(0)
    np.testing.assert_allclose(whole.transform(X), np.clip(standard, -3, 3), atol=1e-6)


def test_the_method_encodes_raw_tables_and_states_its_size():
    import pandas

    rng = np.random.default_rng(8)
    table = pandas.DataFrame({"number": rng.standard_normal(60), "colour": rng.choice(["red", "blue"], 60)})
    table.loc[3, "number"] = np.nan
    y = np.where((table["colour"] == "red") ^ (rng.random(60) < 0.05), "r", "b")
    model = METHOD.make(random_state=0, **METHOD.options).fit(table, y)
    assert model.score(table, y) > 0.85
    size = METHOD.size(model)
    assert size.depth == 1 and size.n_parameters == model[-1].n_parameters_


def test_importing_the_room_is_light():
    code = "import sys, propneat.methods.vsml; print({'torch', 'numba', 'matplotlib'} & set(sys.modules))"
    lines = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "torch" not in lines and "matplotlib" not in lines


def test_online_sgd_is_that_of_scikit_learn():
    """For two classes a softmax layer from zero is a logistic regression of twice the step size."""
    X, y = blobs(9, 80, 3, 2)
    weights, _ = learn_linear("SGD", 0.05, X, np.eye(2)[y])
    theirs = SGDClassifier("log_loss", alpha=1e-30, learning_rate="constant", eta0=0.1, shuffle=False, max_iter=1, tol=None)
    theirs.fit(X, y)
    np.testing.assert_allclose(weights[:-1, 1] - weights[:-1, 0], theirs.coef_[0], rtol=1e-9)
    np.testing.assert_allclose(weights[-1, 1] - weights[-1, 0], theirs.intercept_[0], rtol=1e-9)


def test_online_adam_is_that_of_torch():
    X, y = blobs(10, 40, 3, 3)
    weights, outputs = learn_linear("Adam", 0.01, X, np.eye(3)[y])
    layer = torch.nn.utils.skip_init(torch.nn.Linear, 3, 3, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.zero_(), layer.bias.zero_()
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.01)
    for t in range(40):
        logits = layer(torch.from_numpy(X[t]))
        np.testing.assert_allclose(outputs[t], logits.detach().numpy(), atol=1e-9)
        optimiser.zero_grad()
        (torch.logsumexp(logits, 0) - logits[y[t]]).backward()
        optimiser.step()
    np.testing.assert_allclose(weights[:-1].T, layer.weight.detach().numpy(), atol=1e-9)


def test_the_meta_rnn_learns_to_learn_knows_no_label_early_and_draws_from_its_seed():
    torch_state = torch.get_rng_state()
    losses: list[float] = []
    network = meta_train_rnn(3, 12, 6, 8, lambda step, loss: losses.append(loss))
    again = meta_train_rnn(3, 12, 6, 8)
    assert torch.equal(torch_state, torch.get_rng_state())
    assert isinstance(network, MetaRnn) and len(losses) == 12 and np.isfinite(losses).all()
    for one, other in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    task = draw_task(np.random.default_rng(11), 8)
    changed = task.Y.copy()
    changed[4] = np.roll(changed[4], 1)
    first, second = stream_rnn(network, [task, Task(task.X, changed, task.state)])
    assert first.shape == task.Y.shape and task.Y.shape[1] <= MOST_CLASSES
    np.testing.assert_array_equal(first[:5], second[:5])
    assert np.abs(first[5:] - second[5:]).max() > 0


@pytest.mark.parametrize("name", DATA_SETS)
def test_real_data_are_divided_by_class_and_standardised_by_learning_rows(name):
    split, again, other = make_split(name, 0, 0), make_split(name, 0, 0), make_split(name, 1, 0)
    assert split.X.tobytes() == again.X.tobytes() != other.X.tobytes()
    assert np.abs(split.X).max() <= 3 and set(split.labels_test) == set(range(split.n_classes))
    assert len(split.labels_test) == pytest.approx(len(split.labels) / 3, rel=0.08)
    assert np.abs(split.X.mean(0)).max() < 0.2


@pytest.mark.parametrize(("behind", "holds"), [((5, 6, 7, 6, 5), True), ((5, 6, 9, 8, 5), False), ((5, 6, 7, 6), False)])
def test_a_clone_is_as_good_as_sgd_by_two_standard_errors_in_five_runs_and_exact_in_the_worst(behind, holds):
    digits = [{"sgd": 0.96, "clone": 0.96 - points / 100, "correlation_of_weights": [0.97, 0.99]} for points in behind]
    runs = [{"wiring_difference": 1e-12 * (k < 3), "shallow": one, "deep": one} for k, one in enumerate(digits)]
    wiring, shallow, deep, likeness = clone_claims(runs)
    assert wiring.holds and wiring.value == 1e-12 and {claim.n_runs for claim in (wiring, shallow, likeness)} == {len(runs)}
    assert shallow.holds == deep.holds == holds and shallow.value == pytest.approx(np.mean(behind))
    assert likeness.value == pytest.approx(0.97) and likeness.holds == (len(runs) >= 5)
    assert not clone_claims([{**runs[0], "wiring_difference": 2e-12}, *runs[1:]])[0].holds


def test_the_native_study_runs_in_small(tmp_path):
    steps: list[str] = []
    request = NativeRun(tmp_path, progress=lambda step, done, total: steps.append(step))
    size = StudySize(2, 20, 30, 5, 2, 3, 3, 800, 2, 3, 6)
    outcome = run_study(request, load_parameters(), size, {})
    json.dumps(outcome.data, allow_nan=False)
    assert {(tmp_path / figure).read_bytes()[:4] for figure in outcome.figures} == {b"\x89PNG"} and len(outcome.figures) == 4
    claims = {claim.name: claim for claim in outcome.claims}
    assert all(np.isfinite(claim.value) and isinstance(claim.holds, bool) for claim in outcome.claims)
    assert next(claim for name, claim in claims.items() if name.startswith("wiring oracle")).holds
    ahead = next(claim for name, claim in claims.items() if name.startswith("data sets of 4 ahead"))
    assert 1 <= ahead.value < 4 and ahead.n_runs == 5
    first = outcome.data["transfer"]["data_sets"]["iris"]["first"]
    assert first["VSML"] > max(first["SGD"], first["Adam"])
    # a clone taught for 20 steps is none
    assert not next(claim for name, claim in claims.items() if name.startswith("digits, shallow: points")).holds
    assert [run["clone_losses"] for run in outcome.data["cloning"]][0] != outcome.data["cloning"][1]["clone_losses"]
    assert {"clone, 2 of 2", "Meta-RNN", "evolution strategy", "unseen data sets", "long episodes"} <= set(steps)


def test_the_native_study_lives_where_it_says():
    from importlib import import_module

    module, _, function = NATIVE.home.partition(":")
    assert callable(getattr(import_module(module), function)) and set(NATIVE.flags) == {"meta-train", "real"}


def test_meta_training_in_the_native_study_follows_the_recipe_of_the_package_and_says_how_to_install(tmp_path, monkeypatch):
    from propneat.methods.vsml import native, remake

    short = (Stage(6, 2, 3, 2e-3, 1e-3), Stage(8, 1, 2, 1e-3, 1e-4))
    monkeypatch.setattr(native, "make_parameters", partial(remake.make_parameters, curriculum=short))
    monkeypatch.setattr(native, "run_study", lambda request, parameters, size, data: (parameters, size, data))
    parameters, size, data = native.run(NativeRun(tmp_path, seed=9), meta_train=True)
    assert parameters.values.tobytes() == meta_train(9, short).values.tobytes() and size == native.DEFAULT
    assert load_parameters(tmp_path / "parameters.json").stages == parameters.stages
    assert "parameters.json" in data["remade"]["to_install"] and data["remade"]["largest_difference_from_package"] > 0
    packaged, size, data = native.run(NativeRun(tmp_path, full=True))
    assert packaged.values.tobytes() == load_parameters().values.tobytes() and (size, data) == (native.FULL, {})
