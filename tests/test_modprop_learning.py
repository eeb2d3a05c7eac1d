"""What ModProp is used for: training under Dale's law, the tasks, the classifier, and the native study end to end."""

import json
import pickle
from dataclasses import asdict
from importlib import import_module

import numpy as np
import pandas
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch_state import unusual_torch

from propneat.base.errors import ConfigError, DataError
from propneat.base.rng import make_rng
from propneat.methods.contract import NativeRun
from propneat.methods.modprop import METHOD, NATIVE
from propneat.methods.modprop.claims import rank_power, updates_to
from propneat.methods.modprop.classifier import ModPropClassifier
from propneat.methods.modprop.native import StudySize, measure, run, run_sized
from propneat.methods.modprop.network import Cells, make_cells, make_network
from propneat.methods.modprop.rules import RULES, make_feedback, make_rule
from propneat.methods.modprop.studies import XorPlan, run_xor
from propneat.methods.modprop.tasks import DelayedXor, digits_by_rows
from propneat.methods.modprop.training import StepSettings, Trainer, last_step_losses, last_step_outputs, rule_gradients

FAST = {"n_cells": 16, "max_updates": 75, "learning_rate": 0.01}


def make_net(seeds=(0, 1), n_cells: int = 20, dtype=torch.float32):
    return make_network([make_rng("net", s) for s in seeds], make_cells(n_cells), 2, 2, 0.7, dtype)


def make_batch(seed: int, n_replicas: int, n_rows: int = 6):
    rng = make_rng("batch", seed)
    inputs = torch.as_tensor(rng.standard_normal((1, 7, n_rows, 2)), dtype=torch.float32).repeat(n_replicas, 1, 1, 1)
    return inputs, torch.as_tensor(rng.integers(0, 2, (1, n_rows))).repeat(n_replicas, 1)


def numbers(network) -> bytes:
    return b"".join(part.detach().numpy().tobytes() for part in network.parameters)


def test_the_first_weights_are_balanced_signed_and_without_autapses():
    network = make_net((0, 1, 2), 50, torch.float64)
    weights, signs = network.weights().detach().numpy(), network.cells.signs
    assert (weights * signs >= 0).all() and (np.diagonal(weights, axis1=1, axis2=2) == 0).all()
    assert (network.strengths.detach().numpy() >= 0).all() and (signs == 1).sum() == 40
    readout = network.out_strengths.detach().numpy() * signs
    np.testing.assert_allclose(readout.sum(axis=2), 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(readout, 2, axis=(1, 2)), 1)
    off_diagonal = ~np.eye(50, dtype=bool)
    assert (weights[:, off_diagonal] != 0).all()
    # the part taken off the diagonal is all that is missing for rows to sum to 0
    missing = -weights.sum(axis=2) * signs
    assert (missing > 0).all() and np.median(missing) < np.abs(weights).max()


def test_dales_law_survives_steps_that_push_against_it():
    network = make_net()
    before = network.weights().detach().clone()
    trainer = Trainer(network, make_rule("modprop-types"), StepSettings(learning_rate=0.05, shrink=0.01, clip=1.0))
    n_silent = []
    for step in range(30):
        trainer.step(*make_batch(step, 2))
        for strengths in (network.strengths, network.out_strengths):
            assert strengths.min() >= 0
        weights = network.weights().detach()
        assert (weights * torch.as_tensor(network.cells.signs) >= 0).all()
        assert (weights.diagonal(dim1=1, dim2=2) == 0).all() and (network.strengths.diagonal(dim1=1, dim2=2) == 0).all()
        n_silent.append(int((weights == 0).sum()))
    assert max(n_silent) > n_silent[0] > 2 * 20 and not torch.equal(before, weights)


def test_a_silent_synapse_may_grow_again():
    network = make_net((3,))
    with torch.no_grad():
        network.strengths[0, :, 0] = 0
    trainer = Trainer(network, make_rule("bptt"), StepSettings(learning_rate=0.01, shrink=0.0))
    for step in range(5):
        trainer.step(*make_batch(step, 1))
    assert 0 < (network.strengths[0, 1:, 0] > 0).sum() < 19


def test_replicas_do_not_meet():
    together = make_net((0, 1, 2))
    trainer = Trainer(together, make_rule("modprop-cells"), StepSettings(learning_rate=0.01, clip=0.1), slopes=[0.1, 0.3, 0.5])
    alone = make_net((1,))
    single = Trainer(alone, make_rule("modprop-cells", 0.3), StepSettings(learning_rate=0.01, clip=0.1))
    for step in range(5):
        losses = trainer.step(*make_batch(step, 3)), single.step(*make_batch(step, 1))
        np.testing.assert_allclose(losses[0][1], losses[1][0], rtol=1e-5)
    for part, own in zip(together.parameters, alone.parameters, strict=True):
        np.testing.assert_allclose(part[1].detach(), own[0].detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rule", ["bptt", "modprop-types"])
def test_a_step_is_adam_with_l2_then_shrinking_then_projection(rule):
    """The rule's weights are those of the present step."""
    network, plain = make_net((4,)), make_net((4,))
    settings = StepSettings(learning_rate=0.02, l2=0.3, shrink=0.5, decay=0.1, decay_every=2)
    trainer = Trainer(network, make_rule(rule), settings)
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in plain.parameters]
    for step in range(4):
        batch, rate = make_batch(step, 1), 0.02 * 0.1 ** (step // 2)
        trainer.step(*batch)
        loss = last_step_losses(plain, *batch, make_feedback(RULES[rule], plain.weights(), plain.cells)).sum()
        gradients = torch.autograd.grad(loss, plain.parameters)
        with torch.no_grad():
            for k, (p, g) in enumerate(zip(plain.parameters, gradients, strict=True)):
                g = g + 0.3 * p if k < 3 else g
                moments[k][0].mul_(0.9).add_(0.1 * g)
                moments[k][1].mul_(0.999).add_(0.001 * g**2)
                first, second = moments[k][0] / (1 - 0.9 ** (step + 1)), moments[k][1] / (1 - 0.999 ** (step + 1))
                p -= rate * first / (second.sqrt() + 1e-8)
                if k in (1, 2):
                    p.copy_((p - rate * 0.5).clamp(min=0))
    for ours, theirs in zip(network.parameters, plain.parameters, strict=True):
        np.testing.assert_allclose(ours.detach(), theirs.detach(), rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("rule", RULES)
def test_a_step_leaves_the_device_of_the_network_alone(rule):
    """The device "meta" computes shapes alone, and refuses to mix its tensors with others."""
    network = make_network([make_rng(1)], make_cells(20), 3, 2, 0.5, device="meta")
    trainer = Trainer(network, make_rule(rule), StepSettings(clip=1.0), slopes=[0.5])
    losses = trainer.step(torch.zeros(1, 5, 6, 3, device="meta"), torch.zeros(1, 6, dtype=torch.int64, device="meta"))
    assert losses.is_meta and all(part.is_meta and part.grad.is_meta for part in network.parameters)


def test_clipping_limits_the_norm_and_keeps_the_direction():
    network = make_net((5, 6))
    batch = make_batch(0, 2)
    trainer = Trainer(network, make_rule("bptt"), StepSettings(clip=1e-3))
    expected = rule_gradients(network, *batch, RULES["bptt"])
    trainer.step(*batch)
    norms = sum(p.grad.flatten(1).square().sum(dim=1) for p in network.parameters).sqrt()
    np.testing.assert_allclose(norms, 1e-3, rtol=1e-4)
    cosine = torch.nn.functional.cosine_similarity(network.strengths.grad.flatten(1), expected.flatten(1))
    np.testing.assert_allclose(cosine, 1, rtol=1e-5)


def test_delayed_xor_is_what_its_description_says():
    task = DelayedXor()
    trials = task.draw(make_rng("xor"), 2000)
    assert trials.inputs.shape == (90, 2000, 2) and task.n_steps == 90
    given = np.stack([trials.inputs[:10, :, 0].max(axis=0), trials.inputs[-10:, :, 1].max(axis=0)]) > 1
    np.testing.assert_array_equal(trials.labels, given[0] == given[1])
    assert abs(trials.labels.mean() - 0.5) < 0.05 and np.abs(given.mean(axis=1) - 0.5).max() < 0.05
    quiet = np.concatenate(
        [trials.inputs[10:80].ravel(), trials.inputs[:10, ~given[0], 0].ravel(), trials.inputs[:10, :, 1].ravel()]
    )
    assert abs(quiet.mean() - 0.02) < 1e-3 and abs(quiet.std() - 0.01) < 1e-3
    bump = trials.inputs[:10, given[0], 0].mean(axis=1)
    np.testing.assert_allclose(bump, 0.02 + 2 * np.exp(-((np.arange(5, 100, 10) - 50) ** 2) / 1250), atol=0.005)
    assert DelayedXor(step_ms=1).n_steps == 900
    for bad in ({"step_ms": 30}, {"step_ms": 0}, {"delay_ms": -10}, {"delay_ms": 105}):
        with pytest.raises(ConfigError, match="whole numbers of steps"):
            DelayedXor(**bad)


def test_digits_are_divided_standardised_on_training_images_and_followed_by_blanks():
    train, test = digits_by_rows(make_rng("digits"), n_blank=3)
    assert train.inputs.shape == (11, 1438, 8) and test.inputs.shape == (11, 359, 8)
    assert not train.inputs[8:].any() and not test.inputs[8:].any()
    spread = train.inputs[:8].std(axis=1)
    np.testing.assert_allclose(train.inputs[:8].mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(spread[spread > 0], 1, rtol=1e-4)
    flat = train.inputs[:8].swapaxes(0, 1).reshape(-1, 64)
    model = LogisticRegression(max_iter=200).fit(flat, train.labels)
    assert model.score(test.inputs[:8].swapaxes(0, 1).reshape(-1, 64), test.labels) > 0.93


@pytest.mark.parametrize("rule", ["bptt", "modprop-types", "modprop-cells-receiver"])
def test_a_short_delayed_xor_is_learnt(rule):
    plan = XorPlan(
        DelayedXor(delay_ms=0.0), n_seeds=2, n_updates=200, n_cells=40, tau_ms=60.0, check_every=100, align_every=200
    )
    found = run_xor(rule, plan, 0, lambda done, total: None)
    assert found["updates"] == [0, 100, 200]
    assert np.mean(found["loss"][0]) > 0.6 and np.mean(found["loss"][-1]) < 0.5


def test_the_papers_readout_is_part_of_a_matrix_of_radius_one_and_twice_as_strong_as_ours():
    rngs = [make_rng("readout", k) for k in range(4)]
    norms = {
        readout: make_network(rngs, make_cells(120), 2, 2, 0.9, readout=readout).out_strengths.norm(dim=2).mean().item()
        for readout in ("paper", "unit")
    }
    assert 1.55 < norms["paper"] < 1.75 and 0.75 < norms["unit"] < 0.85
    with pytest.raises(ConfigError, match="readout must be one of unit, paper"):
        make_network(rngs, make_cells(4), 1, 2, 0.5, readout="other")


def test_updates_to_96_per_cent_are_those_after_which_a_seed_stays_there_and_the_power_of_ranks_grows():
    accuracies = [[0.5, 0.99, 0.5], [0.97, 0.99, 0.5], [0.9, 0.99, 0.97], [0.97, 1, 0.9]]
    assert updates_to([0, 20, 40, 60], accuracies) == [60, 0, np.inf]
    assert updates_to([0, 20, 40, 60], accuracies, 1) == [20, 0, 40] and updates_to([0, 20, 40, 60], accuracies, 3) == [
        np.inf,
        0,
        np.inf,
    ]
    same, twice, thrice = (rank_power((120, 160, 180, 220, 260, 300), 10, factor, 640, 0, 200) for factor in (1.0, 2.0, 3.0))
    assert same < 0.12 < 0.5 < twice < thrice <= 1


def test_units_that_cannot_be_are_refused():
    for bad in ({"n_cells": 1}, {"n_cells": 4, "types_per_sign": 3}):
        with pytest.raises(ConfigError, match="cannot be divided"):
            make_cells(**bad)
    signs = np.array([1, 1, -1])
    for bad, match in (
        ((np.ones(3), np.zeros(3, int)), "inhibiting"),
        ((signs, np.array([0, 2, 2])), "gaps"),
        ((signs, np.array([0, 1, 1])), "one sign"),
    ):
        with pytest.raises(ConfigError, match=match):
            Cells(*bad)
    for bad in ({"learning_rate": 0}, {"l2": -1}, {"clip": 0}, {"decay_every": 0}, {"shrink": float("inf")}):
        with pytest.raises(ConfigError, match=next(iter(bad))):
            StepSettings(**bad)
    with pytest.raises(ConfigError, match="rule must be one of"):
        make_rule("backprop")
    with pytest.raises(ConfigError, match="leak"):
        make_network([make_rng(0)], make_cells(4), 1, 2, 1.0)


def make_data(n_classes: int = 3, n_rows: int = 120):
    X, y = make_classification(n_rows, 11, n_informative=6, n_classes=n_classes, class_sep=2.0, random_state=0)
    return StandardScaler().fit_transform(X), y


def test_the_classifier_takes_the_rule_of_the_least_loss_on_left_out_rows():
    X, y = make_data(2, 80)
    losses = {rule: ModPropClassifier(rule, random_state=1, **FAST).fit(X, y) for rule in ("modprop-types", "modprop-cells")}
    chosen = ModPropClassifier(random_state=1, **FAST).fit(X, y)
    best = min(losses, key=lambda rule: losses[rule].validation_loss_)
    assert chosen.rule_ == best and chosen.validation_loss_ == losses[best].validation_loss_
    assert chosen.predict_proba(X).tobytes() == losses[best].predict_proba(X).tobytes()


@pytest.mark.parametrize(("n_classes", "rule"), [(2, "modprop-types"), (3, "modprop-cells"), (3, "bptt"), (2, "mdgl")])
def test_the_classifier_keeps_its_contract(n_classes, rule):
    X, y = make_data(n_classes)
    labels = np.array(["low", "mid", "top"])[y]
    model = ModPropClassifier(rule, random_state=3, **FAST).fit(X, labels)
    proba = model.predict_proba(X)
    assert proba.shape == (120, n_classes) and (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])
    decision = model.decision_function(X)
    assert decision.shape == ((120,) if n_classes == 2 else (120, 3))
    assert model.score(X, labels) > 1.5 / n_classes
    assert (
        model.rule_ == rule
        and model.n_features_in_ == 11
        and sorted(model.feature_order_) == list(range(11))
        and model.depth_ == 7
    )
    assert model.n_parameters_ == 16 * 3 + 16 * 15 + n_classes * 17
    assert (model.slope_ in (0.1, 0.25, 0.5)) if rule.startswith("modprop") else model.slope_ is None
    again = pickle.loads(pickle.dumps(clone(model).fit(X, labels)))
    assert again.predict_proba(X).tobytes() == proba.tobytes()
    np.testing.assert_allclose(model.predict_proba(X[7:9]), proba[7:9], rtol=1e-12)
    assert clone(model).set_params(random_state=4).fit(X, labels).predict_proba(X).tobytes() != proba.tobytes()


def test_prediction_in_numpy_is_the_network_that_torch_trains():
    X, y = make_data()
    model = ModPropClassifier(random_state=0, **FAST).fit(X, y)
    network = make_network([make_rng(0)], make_cells(16), 3, 3, 0.5, torch.float64)
    signs = network.cells.signs
    values = (model.network_.w_in, model.network_.weights * signs, model.network_.w_out * signs, model.network_.bias)
    with torch.no_grad():
        for parameter, value in zip(network.parameters, values, strict=True):
            assert (value >= 0).all() or value.shape in ((16, 3), (3,))
            parameter[0] = torch.as_tensor(value)
    chunks = np.pad(X[:, model.feature_order_], ((0, 0), (0, 1))).reshape(120, 6, 2)
    sequence = np.concatenate([chunks, np.ones((120, 6, 1))], axis=2).swapaxes(0, 1)
    outputs = last_step_outputs(network, torch.as_tensor(sequence)[None])[0].numpy()
    np.testing.assert_allclose(
        np.log(model.predict_proba(X)), outputs - np.log(np.exp(outputs).sum(axis=1))[:, None], rtol=1e-9, atol=1e-9
    )


def test_torchs_global_state_is_neither_used_nor_changed():
    X, y = make_data(2)
    expected = ModPropClassifier(random_state=1, **FAST).fit(X, y).predict_proba(X).tobytes()
    with unusual_torch():
        assert ModPropClassifier(random_state=1, **FAST).fit(X, y).predict_proba(X).tobytes() == expected


@pytest.mark.parametrize("labels", [[0, 1], [0] * 18 + [1] * 2, [0] * 10 + [1] * 9 + [2]])
def test_tiny_tables_are_learnt(labels):
    X = make_rng("tiny").standard_normal((len(labels), 1)) + np.array(labels)[:, None]
    model = ModPropClassifier(random_state=0, n_cells=4, max_updates=10).fit(X, labels)
    assert np.isfinite(model.predict_proba(X)).all() and model.depth_ == 2


def test_signal_is_found_and_noise_is_not_believed():
    X, y = map(np.asarray, load_iris(return_X_y=True))
    X = StandardScaler().fit_transform(X)
    model = ModPropClassifier(random_state=0, n_cells=24, max_updates=200, learning_rate=0.01).fit(X[::2], y[::2])
    assert model.score(X[1::2], y[1::2]) > 0.88
    noise = make_rng("noise").integers(0, 2, 150)
    guess = ModPropClassifier(random_state=0, n_cells=24, max_updates=200, learning_rate=0.01).fit(X[::2], noise[::2])
    assert guess.n_updates_ < 100 and guess.validation_loss_ > 0.66


def test_unusable_calls_of_the_classifier_are_refused_by_name():
    X, y = make_data(2)
    for name, value in (
        ("rule", "sgd"),
        ("n_cells", 1),
        ("n_chunks", 0),
        ("max_updates", 0),
        ("batch_size", 0),
        ("slopes", ()),
        ("slopes", (-1.0,)),
        ("learning_rate", 0),
        ("l2", -1),
    ):
        with pytest.raises(ConfigError, match=name):
            ModPropClassifier(**{name: value}).fit(X, y)
    with pytest.raises(DataError, match="at least 2 classes"):
        ModPropClassifier().fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="NaN"):
        ModPropClassifier().fit(np.where(X > 2, np.nan, X), y)


def test_the_method_takes_raw_tables():
    X, y = load_wine(return_X_y=True, as_frame=True)
    X = X.assign(kind=np.where(X.alcohol > 13, "strong", "light"))
    X.loc[::9, "ash"] = np.nan
    model = METHOD.make(random_state=0, n_cells=16, max_updates=150, learning_rate=0.01).fit(X, y)
    assert model.predict_proba(X).shape == (178, 3) and model.score(X, y) > 0.8
    size = METHOD.size(model)
    assert size.n_parameters == model[-1].n_parameters_ and size.depth == model[-1].depth_
    assert METHOD.name == NATIVE.name == "modprop" and isinstance(X, pandas.DataFrame)


def test_the_native_study_runs_end_to_end_and_the_same_again(tmp_path):
    plan = XorPlan(DelayedXor(delay_ms=100.0), n_seeds=2, n_updates=4, n_cells=12, check_every=2, align_every=2, n_test=8)
    size = StudySize(plan, n_digit_seeds=2, n_epochs=1, n_blank=2, digit_batch_size=400)
    steps: dict[str, list[int]] = {}
    request = NativeRun(tmp_path, progress=lambda step, done, total: steps.setdefault(step, []).append(total - done))
    outcome = run_sized(request, size)
    assert json.dumps(dict(outcome.data)) == json.dumps(measure(NativeRun(tmp_path), size))
    assert json.loads(json.dumps([asdict(claim) for claim in outcome.claims]))[0]["holds"] and outcome.claims[0].value < 1e-12
    assert all(values[-1] == 0 for values in steps.values()) and len(steps) == 7 + 9 + 4
    for name in outcome.figures:
        assert (tmp_path / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    module, function = NATIVE.home.split(":")
    assert getattr(import_module(module), function) is run
