"""What ST-RSBP is used for: encoding, training, the classifier, and the native study end to end."""

import json
import pickle
from dataclasses import asdict, replace
from importlib import import_module

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine, make_classification
from sklearn.preprocessing import StandardScaler

from propneat.base.errors import ConfigError, DataError
from propneat.base.rng import make_rng
from propneat.methods.contract import NativeRun
from propneat.methods.spike_train import METHOD, NATIVE
from propneat.methods.spike_train.classifier import STRSBPClassifier
from propneat.methods.spike_train.encoding import bernoulli_trains, regular_trains, with_bias
from propneat.methods.spike_train.learning_study import ARMS, LearningPlan, first_network, learn
from propneat.methods.spike_train.native import DEFAULT, StudySize, measure, run, run_sized
from propneat.methods.spike_train.network import Layer, Network, run_network
from propneat.methods.spike_train.neuron import Neuron
from propneat.methods.spike_train.rule import Rule, network_gradients
from propneat.methods.spike_train.tasks import Words, digit_pictures, digit_rows
from propneat.methods.spike_train.training import Settings, Targets, Trainer, lent_trains, rule_learner, scores

FAST = {"n_cells": 24, "max_rounds": 4}


def test_regular_trains_count_as_they_should_at_every_step():
    rates = np.array([[0.1, 0.3, 0.5, 1.0, 0.0]])
    counts = np.cumsum(regular_trains(rates, 30), axis=1)[0]
    for t in range(1, 31):
        assert counts[t - 1].tolist() == [t // 10, 3 * t // 10, t // 2, t, 0]
    bins = regular_trains(np.array([[[1.0], [0.0], [0.5]]]), 12)[0, :, 0]
    assert bins.tolist() == [1] * 4 + [0] * 4 + [0, 1, 0, 1]


def test_bernoulli_trains_have_the_rates_and_come_from_the_generator_alone():
    rates = with_bias(np.tile(np.array([[[0.05], [0.6]]]), (300, 1, 1)), 0.3)
    trains = bernoulli_trains(rates, 100, make_rng("b"))
    np.testing.assert_allclose(trains[:, :50].mean(axis=(0, 1)), [0.05, 0.3], atol=0.01)
    np.testing.assert_allclose(trains[:, 50:].mean(axis=(0, 1)), [0.6, 0.3], atol=0.01)
    assert bernoulli_trains(rates, 100, make_rng("b")).tobytes() == trains.tobytes()


def test_words_differ_in_order_alone():
    words = Words().draw(4000, make_rng("v"), make_rng("s"))
    means = np.array([words.rates[words.labels == k].mean(axis=(0, 1)) for k in range(10)])
    assert words.rates.shape == (4000, 100, 41) and (words.rates[..., -1] == np.float32(0.3)).all()
    assert np.abs(means - means.mean(axis=0)).max() < 0.01 and means[:, :-1].mean() > 0.02
    quarters = np.array([words.rates[words.labels == k, :20].mean(axis=(0, 1)) for k in range(10)])
    assert np.abs(quarters - quarters.mean(axis=0)).max() > 0.1
    with pytest.raises(ConfigError, match="do not make 7 words"):
        Words(n_words=7, n_sounds=3)


def test_digits_by_rows_are_the_pictures_cut():
    rows, pictures = digit_rows(), digit_pictures()
    np.testing.assert_allclose(
        rows.rates[:, :, :8].reshape(1797, 64) / 0.5, pictures.rates[:, 0, :64] / np.float32(0.3), rtol=1e-5
    )


def test_errors_are_differences_beyond_the_margin():
    errors = Targets(10, 1, 1).errors(np.array([[9, 2, 3], [12, 0, 1]]), np.array([0, 1]))
    assert errors.tolist() == [[0, 0, 2], [11, -10, 0]]


def test_a_silent_target_cell_is_lent_spikes_and_comes_to_fire():
    """By the count it is lent, its C would have the wrong sign, since what drives it is negative."""
    trains = np.zeros((2, 20, 2), np.uint8)
    trains[1, 3, 1] = 1
    lent = lent_trains(trains, np.array([0, 1]), 5.0)
    assert np.flatnonzero(lent[0, :, 0]).tolist() == [4, 8, 12, 16] and not lent[0, :, 1].any()
    np.testing.assert_array_equal(lent[1], trains[1])
    assert lent_trains(trains[1:], np.array([1]), 5.0) is None and trains.sum() == 1
    layer = Layer(np.full((3, 2), -0.5, np.float32), None, None, 1.0)
    network = Network((layer,), Neuron())
    inputs, labels = bernoulli_trains(np.full((8, 3), 0.4), 60, make_rng("lent")), np.arange(8) % 2
    activity = run_network(network, inputs)
    lent = lent_trains(activity.trains[1], labels, 10)
    ((by_weights, _),) = network_gradients(network, activity, -10 * np.eye(2)[labels], Rule(), lent)
    assert (by_weights < 0).all()
    trainer = Trainer(network, rule_learner(Rule()), Settings(Targets(10, 1, 1), 0.05), 8)
    for _ in range(40):
        trainer.meet(lambda rows: inputs[rows], np.zeros(8, int), np.arange(8))
    assert run_network(network, inputs).counts[:, 0].min() > 5


def test_a_step_is_adam_with_the_regulariser():
    rng = make_rng("adam")
    layers = [Layer(rng.uniform(-1, 1, (4, 2)), None, None, 1.0) for _ in range(1)]
    network, plain = Network(tuple(layers), Neuron()), layers[0].weights.copy()
    settings = Settings(Targets(10, 1, 1), 0.03, 8, regulariser=10.0, regulariser_slope=0.04)
    trainer = Trainer(network, rule_learner(Rule()), settings, 8)
    inputs, labels = bernoulli_trains(np.full((8, 4), 0.3), 50, rng), np.arange(8) % 2
    first = second = np.zeros_like(plain)
    for step in range(1, 5):
        here = Network((replace(layers[0], weights=plain.copy()),), Neuron())
        activity = run_network(here, inputs)
        errors = settings.targets.errors(activity.counts, labels) / 8
        ((gradient, _),) = network_gradients(here, activity, errors, Rule(), lent_trains(activity.trains[1], labels, 10))
        gradient = gradient + 0.4 * plain / 8 * np.exp(0.04 * (((plain / 8) ** 2).mean(axis=0) - 1))
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        rate = 0.03 / np.sqrt((step + 1) // 2)
        plain = plain - rate * first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        trainer.step(inputs, labels, np.ones(8))
        np.testing.assert_allclose(network.layers[0].weights, plain, rtol=1e-5)
        if step % 2 == 0:
            trainer.end_epoch()


def test_boosting_raises_rows_that_were_wrong_by_their_classes_error():
    network = Network((Layer(np.full((2, 2), -1.0), None, None, 1.0),), Neuron())
    network.layers[0].weights[0, 0] = 5.0
    trainer = Trainer(network, rule_learner(Rule()), Settings(learning_rate=1e-9, boosts=True), 5)
    inputs = np.zeros((5, 40, 2), np.uint8)
    inputs[:3, ::4, 0] = 1
    assert trainer.meet(lambda rows: inputs[rows], np.array([0, 0, 1, 0, 1]), np.arange(5)) == pytest.approx(0.4)
    trainer.end_epoch()
    np.testing.assert_allclose(trainer.row_weights, np.exp([0, 0, 1 / 20, 1 / 60, 1 / 20]))


@pytest.mark.parametrize("arm", ["recurrent", "recurrent, frozen", "feed-forward", "recurrent, BPTT"])
def test_digits_by_rows_are_learnt_and_frozen_weights_stay(arm):
    plan = LearningPlan(128, 24, 4, batch_size=16, is_noisy=False)
    task = digit_rows().chosen(np.flatnonzero(digit_rows().labels < 3))
    found = learn(task, arm, plan, ("test", 0), lambda epoch: None)
    assert found["accuracy"][-1] > 0.6 and found["dead_share"] < 0.5
    one = replace(plan, n_epochs=1)
    assert learn(task, arm, one, ("test", 0), lambda epoch: None)["accuracy"] == found["accuracy"][:1]


def test_frozen_recurrent_weights_do_not_move_and_others_do():
    task, plan = digit_rows().chosen(np.arange(64)), LearningPlan(40, 16, is_noisy=False)
    for arm, moves in (("recurrent", True), ("recurrent, frozen", False)):
        network = first_network(task, ARMS[arm], plan, ("frozen",))
        before = network.layers[0].recurrent.copy()
        trainer = Trainer(network, ARMS[arm].learner(), Settings(plan.targets), 64)
        trainer.meet(lambda rows: regular_trains(task.rates[rows], 40), task.labels, np.arange(64))
        assert (not np.array_equal(before, network.layers[0].recurrent)) == moves
        assert (network.layers[0].recurrent[~network.layers[0].connected] == 0).all()


def make_data(n_classes: int = 3, n_rows: int = 120):
    X, y = make_classification(n_rows, 11, n_informative=6, n_classes=n_classes, class_sep=2.0, random_state=0)
    return StandardScaler().fit_transform(X), y


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_classifier_keeps_its_contract(n_classes):
    X, y = make_data(n_classes)
    labels = np.array(["low", "mid", "top"])[y]
    model = STRSBPClassifier(random_state=3, **FAST).fit(X, labels)
    proba = model.predict_proba(X)
    assert proba.shape == (120, n_classes) and (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])
    assert model.score(X, labels) > 1.5 / n_classes and model.depth_ == 2 and model.n_features_in_ == 11
    n_recurrent = int(model.network_.layers[0].connected.sum())
    assert model.n_parameters_ == 23 * 24 + n_recurrent + 24 * n_classes and 70 < n_recurrent < 150
    again = pickle.loads(pickle.dumps(clone(model).fit(X, labels)))
    assert again.predict_proba(X).tobytes() == proba.tobytes()
    np.testing.assert_array_equal(model.predict_proba(X[7:9]), proba[7:9])
    assert clone(model).set_params(random_state=4).fit(X, labels).predict_proba(X).tobytes() != proba.tobytes()


def test_equal_counts_are_ordered_by_potential_and_counts_come_first():
    class Told:
        counts, potentials = np.array([[2, 2, 1]]), np.array([[-5.0, -4.9, 90.0]])

    assert np.argsort(scores(Told())[0]).tolist() == [2, 0, 1]


@pytest.mark.parametrize("labels", [[0, 1], [0] * 18 + [1] * 2, [0] * 10 + [1] * 9 + [2]])
def test_tiny_tables_are_learnt(labels):
    X = make_rng("tiny").standard_normal((len(labels), 2)) + np.array(labels)[:, None]
    X[:, 1] = 7.0
    model = STRSBPClassifier(random_state=0, **FAST).fit(X, labels)
    assert np.isfinite(model.predict_proba(np.array([[1e9, -1e9], [0.0, 7.0]]))).all()


def test_signal_is_found_and_noise_is_not_believed():
    X, y = map(np.asarray, load_iris(return_X_y=True))
    X = StandardScaler().fit_transform(X)
    model = STRSBPClassifier(random_state=0, n_cells=32, max_rounds=8).fit(X[::2], y[::2])
    assert model.score(X[1::2], y[1::2]) > 0.88
    noise = make_rng("noise").integers(0, 2, 150)
    guess = STRSBPClassifier(random_state=0, n_cells=32, max_rounds=4).fit(X, noise)
    told = guess.predict_proba(X)
    assert -np.log(told).mean() < 1.0


def test_global_state_is_neither_used_nor_changed():
    X, y = make_data(2)
    expected = STRSBPClassifier(random_state=1, **FAST).fit(X, y).predict_proba(X).tobytes()
    n_threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        state, numpys = torch.get_rng_state(), np.random.get_state()[1].copy()
        assert STRSBPClassifier(random_state=1, **FAST).fit(X, y).predict_proba(X).tobytes() == expected
        learn(digit_rows().chosen(np.arange(40)), "recurrent, BPTT", LearningPlan(16, 8, 1), ("t",), lambda epoch: None)
        assert torch.equal(torch.get_rng_state(), state) and np.array_equal(np.random.get_state()[1], numpys)
        assert torch.get_num_threads() == n_threads and not torch.is_grad_enabled()
    finally:
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(True)


def test_unusable_calls_are_refused_by_name():
    X, y = make_data(2)
    for name, value in (
        ("n_cells", 0),
        ("n_steps", 5),
        ("max_rounds", 0),
        ("batch_size", 0),
        ("density", 2),
        ("learning_rate", 0),
    ):
        with pytest.raises(ConfigError, match=name):
            STRSBPClassifier(**{name: value}).fit(X, y)
    with pytest.raises(DataError, match="at least 2 classes"):
        STRSBPClassifier().fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="NaN"):
        STRSBPClassifier().fit(np.where(X > 2, np.nan, X), y)


def test_the_method_takes_raw_tables():
    X, y = load_wine(return_X_y=True, as_frame=True)
    X = X.assign(kind=np.where(X.alcohol > 13, "strong", "light"))
    X.loc[::9, "ash"] = np.nan
    model = METHOD.make(random_state=0, n_cells=24, max_rounds=4).fit(X, y)
    assert model.predict_proba(X).shape == (178, 3) and model.score(X, y) > 0.8
    size = METHOD.size(model)
    assert size.n_parameters == model[-1].n_parameters_ and size.depth == 2
    assert METHOD.name == NATIVE.name == "st-rsbp"


def tiny_size() -> StudySize:
    def cut(plan: LearningPlan) -> LearningPlan:
        return replace(plan, n_epochs=1, n_cells=8, batch_size=200)

    return StudySize(1, 60, 4, cut(DEFAULT.pictures), cut(replace(DEFAULT.rows, n_steps=24)), cut(DEFAULT.words), 1, 1, 60)


def test_the_native_study_runs_end_to_end_and_the_same_again(tmp_path):
    size = tiny_size()
    steps: dict[str, list[int]] = {}
    request = NativeRun(tmp_path, progress=lambda step, done, total: steps.setdefault(step, []).append(total - done))
    outcome = run_sized(request, size)
    assert json.dumps(dict(outcome.data)) == json.dumps(measure(NativeRun(tmp_path), size))
    claims = json.loads(json.dumps([asdict(claim) for claim in outcome.claims]))
    assert claims[0]["holds"] and outcome.claims[0].value < 1e-10
    assert all(values[-1] == 0 for values in steps.values()) and len(steps) == 2 + 3 + 4 + 4
    for name in outcome.figures:
        assert (tmp_path / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    module, function = NATIVE.home.split(":")
    assert getattr(import_module(module), function) is run


def test_another_device_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="device must be cpu, not cuda"):
        run(NativeRun(tmp_path, device="cuda"))
