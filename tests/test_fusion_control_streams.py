"""Feedback as a way to learn: rules against torch's optimisers, streams that change, and the classifier's contract."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.preprocessing import StandardScaler

from propneat.base.errors import ConfigError, DataError
from propneat.base.rng import make_rng
from propneat.methods.fusion_control import METHOD, stream_study
from propneat.methods.fusion_control.classifier import PIDBackpropClassifier
from propneat.methods.fusion_control.stream import RULES, Rule, StreamNetwork, make_rule
from propneat.methods.fusion_control.stream_study import samples_to_recover

FAST = {"n_passes": 4, "n_hidden": 16}


def stream_net(rule: Rule, n_replicas: int = 1, seed: int = 0) -> StreamNetwork:
    return StreamNetwork(3, 5, 3, rule, np.full(n_replicas, 0.2), make_rng("stream", seed))


def stream_rows(n_rows: int = 8, seed: int = 0):
    rng = make_rng("rows", seed)
    return rng.standard_normal((n_rows, 3)), rng.integers(0, 3, n_rows)


@pytest.mark.parametrize("rule", ["p", "adam"])
def test_p_and_adam_are_torchs_sgd_and_adam(rule):
    network = stream_net(replace(make_rule(rule), limit=1e9))
    parts = [torch.from_numpy(part[0].copy()).requires_grad_() for part in network.parts]
    make = {"p": torch.optim.SGD, "adam": torch.optim.Adam}[rule]
    optimiser = make(parts, lr=0.2)
    for step in range(5):
        X, codes = stream_rows(seed=step)
        logits = torch.tanh(torch.from_numpy(X) @ parts[0] + parts[1]) @ parts[2] + parts[3]
        found = network.learn(X, codes)
        np.testing.assert_allclose(found[0], torch.log_softmax(logits, 1).detach(), rtol=1e-9)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(logits, torch.from_numpy(codes)).backward()
        optimiser.step()
    for ours, theirs in zip(network.parts, parts, strict=True):
        np.testing.assert_allclose(ours[0], theirs.detach(), rtol=1e-7, atol=1e-10)


def test_the_integral_is_momentum_and_the_derivative_the_change_of_gradients():
    rule = Rule(proportional=0.5, integral=0.4, derivative=0.3, leak=0.8, limit=1e9)
    network, plain = stream_net(rule), stream_net(Rule(limit=1e9))
    sums, before = None, None
    for step in range(4):
        X, codes = stream_rows(seed=step)
        start = [part.copy() for part in network.parts]
        plain.parts = [part.copy() for part in start]
        plain.learn(X, codes)
        gradients = [(old - new) / 0.2 for old, new in zip(start, plain.parts, strict=True)]
        network.learn(X, codes)
        sums = gradients if sums is None else [0.8 * total + g for total, g in zip(sums, gradients, strict=True)]
        before = before or gradients
        for old, new, g, total, last in zip(start, network.parts, gradients, sums, before, strict=True):
            np.testing.assert_allclose((old - new) / 0.2, 0.5 * g + 0.4 * total + 0.3 * (g - last), rtol=1e-6, atol=1e-9)
        before = gradients


def test_a_cut_update_has_the_limits_norm_and_the_integral_does_not_wind_up():
    network = stream_net(Rule(integral=1.0, limit=1e-3))
    for step in range(6):
        start = [part.copy() for part in network.parts]
        network.learn(*stream_rows(seed=step))
        moved = np.sqrt(sum(((new - old) ** 2).sum() for old, new in zip(start, network.parts, strict=True)))
        assert moved == pytest.approx(0.2 * 1e-3, rel=1e-9)
    assert not any(total.any() for total in network.sums)


def test_the_error_integral_drives_the_mean_error_to_zero():
    network = StreamNetwork(1, 2, 2, Rule(proportional=0.0, bias_integral=1.0), np.array([0.5]), make_rng("prior"))
    X, codes = np.zeros((10, 1)), np.array([0] * 9 + [1])
    for _ in range(400):
        network.learn(X, codes)
    np.testing.assert_allclose(np.exp(network.log_probabilities(X)[0, 0]), [0.9, 0.1], atol=1e-3)


def test_rows_repeated_from_the_past_do_not_count_for_the_error_integral(monkeypatch):
    X, codes = stream_rows(12)
    network = stream_net(make_rule("pid"))
    error = np.eye(3)[codes] - np.exp(network.log_probabilities(X)[0])
    network.learn(X, codes, 5)
    np.testing.assert_allclose(network.mean_error[0, 0], 0.1 * error[:5].mean(axis=0), rtol=1e-12)
    rows, plain = [], StreamNetwork.learn

    def spy(self, X, codes, n_new=None):
        rows.append((len(X), n_new))
        return plain(self, X, codes, n_new)

    monkeypatch.setattr(StreamNetwork, "learn", spy)
    PIDBackpropClassifier(random_state=0, n_passes=1).fit(*make_data(2, 40))
    assert rows[0] == (8, 8) and rows[1] == (16, 8) and all(n_new is not None for _, n_new in rows)


def test_replicas_are_apart_and_rules_that_cannot_be_are_refused():
    X, codes = stream_rows(16)
    network = StreamNetwork(3, 5, 3, make_rule("pid"), np.array([0.1, 0.3]), make_rng("stream", 0))
    single = StreamNetwork(3, 5, 3, make_rule("pid"), np.array([0.3]), make_rng("stream", 0))
    for _ in range(3):
        both, alone = network.learn(X, codes, 8), single.learn(X, codes, 8)
        np.testing.assert_allclose(both[1], alone[0], rtol=1e-12)
    assert len({len(rule.rates) for rule in RULES.values()}) == 1
    for bad in ({"leak": 1.0}, {"limit": 0.0}, {"rates": ()}, {"rates": (0.1, -1.0)}):
        with pytest.raises(ConfigError):
            Rule(**bad)
    with pytest.raises(ConfigError, match="rule must be one of"):
        make_rule("pd")


def test_recovery_is_counted_in_rows_from_the_change():
    right = np.ones((3, 2000), bool)
    right[0, 1000:1150] = False
    right[1, 1000:] = False
    assert samples_to_recover(right).tolist() == [150 - 4 + 200, 1000, 200]


def test_streams_to_tune_on_and_to_test_on_share_no_digits_and_swap_their_means(monkeypatch):
    # every row has a label of its own, which tells what was drawn
    X = make_rng("digits").standard_normal((200, 64)) * np.linspace(1, 9, 64)
    monkeypatch.setattr(stream_study, "load_digits", lambda return_X_y: (X, np.arange(200)))
    streams = {use: stream_study._streams(0, use, 3, 2000) for use in ("tuning", "test")}
    drawn = {use: np.unique(rows) for use, (_, rows) in streams.items()}
    assert len(drawn["tuning"]) == len(drawn["test"]) == 100 and not set(drawn["tuning"]) & set(drawn["test"])
    scaled = StandardScaler().fit(X[drawn["tuning"]]).transform(X)
    for values, rows in streams.values():
        means = values - scaled[rows]
        early, late = means[:, :1000], means[:, 1000:]
        for part in (early, late):
            np.testing.assert_allclose(part, np.broadcast_to(part[:, :1], part.shape), atol=1e-12)
        assert not np.allclose(early[:, 0], late[:, 0])
        np.testing.assert_allclose(np.sort(early[:, 0]), np.sort(late[:, 0]), atol=1e-12)


def make_data(n_classes: int, n_rows: int = 120):
    X, y = make_classification(n_rows, 9, n_informative=6, n_classes=n_classes, class_sep=2.0, random_state=0)
    return StandardScaler().fit_transform(X), y


@pytest.mark.parametrize(("n_classes", "rule"), [(2, "pid"), (3, "pid"), (3, "adam"), (2, "p")])
def test_the_classifier_keeps_its_contract(n_classes, rule):
    X, y = make_data(n_classes)
    labels = np.array(["low", "mid", "top"])[y]
    model = PIDBackpropClassifier(rule, random_state=3, **FAST).fit(X, labels)
    proba = model.predict_proba(X)
    assert proba.shape == (120, n_classes) and (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])
    assert model.score(X, labels) > 1.5 / n_classes and 0 <= model.prequential_accuracy_ <= 1
    assert model.n_features_in_ == 9 and model.depth_ == 2 and 1 <= model.n_passes_ <= 4
    assert model.n_parameters_ == 16 * 10 + n_classes * 17 and model.learning_rate_ in RULES[rule].rates
    again = pickle.loads(pickle.dumps(clone(model).fit(X, labels)))
    assert again.predict_proba(X).tobytes() == proba.tobytes()
    assert clone(model).set_params(random_state=4).fit(X, labels).predict_proba(X).tobytes() != proba.tobytes()


def test_prediction_does_not_move_the_frozen_network():
    X, y = make_data(2)
    model = PIDBackpropClassifier(random_state=0, **FAST).fit(X, y)
    before = pickle.dumps(model.network_)
    model.predict_proba(X[:50]), model.predict(X), model.score(X, 1 - y)
    assert pickle.dumps(model.network_) == before
    np.testing.assert_allclose(model.predict_proba(X[7:9]), model.predict_proba(X)[7:9], rtol=1e-12)


@pytest.mark.parametrize("labels", [[0, 1], [0] * 18 + [1] * 2, [0] * 10 + [1] * 9 + [2]])
def test_tiny_tables_are_learnt(labels):
    X = make_rng("tiny").standard_normal((len(labels), 1)) + np.array(labels)[:, None]
    model = PIDBackpropClassifier(random_state=0, **FAST).fit(X, labels)
    assert np.isfinite(model.predict_proba(X)).all()


def test_signal_is_found_and_noise_is_not_believed():
    X, y = map(np.asarray, load_iris(return_X_y=True))
    X = StandardScaler().fit_transform(X)
    assert PIDBackpropClassifier(random_state=0).fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.9
    noise = make_rng("noise").integers(0, 2, 150)
    guess = PIDBackpropClassifier(random_state=0).fit(X, noise)
    assert guess.validation_loss_ > 0.66 and guess.n_passes_ < 10


def test_unusable_calls_of_the_classifier_are_refused_by_name():
    X, y = make_data(2)
    for bad in ({"n_hidden": 0}, {"n_passes": 0}, {"batch_size": 0}, {"n_replay": -1}, {"max_updates": 0}):
        with pytest.raises(ConfigError, match=next(iter(bad))):
            PIDBackpropClassifier(**bad).fit(X, y)
    with pytest.raises(
        ConfigError, match="The 'rule' parameter of PIDBackpropClassifier must be a str among {'p', 'pi', 'pid', 'adam'}"
    ):
        PIDBackpropClassifier("pd").fit(X, y)
    with pytest.raises(DataError, match="2 classes"):
        PIDBackpropClassifier().fit(X, 0 * y)


def test_the_method_learns_and_tells_its_size():
    X, y = make_data(3)
    fitted = METHOD.make(random_state=1, **FAST).fit(X, y)
    assert METHOD.size(fitted).n_parameters == 16 * 10 + 3 * 17 and METHOD.size(fitted).depth == 2
    assert fitted.score(X, y) > 0.6
