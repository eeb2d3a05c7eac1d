"""Learning without a backward pass: the classifier's contract, and its network beside that of backpropagation."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from propneat.base.errors import ConfigError, DataError
from propneat.methods.forward_gradients import METHOD, NATIVE
from propneat.methods.forward_gradients.aggregators import AGGREGATORS, ForwardGradient
from propneat.methods.forward_gradients.classifier import ForwardGradientClassifier
from propneat.methods.forward_gradients.forward_mode import directional_derivatives
from propneat.methods.forward_gradients.network_study import SCHEDULE, control, digits_table
from propneat.methods.forward_gradients.perceptron import Perceptron, backprop_gradient, node_gradient, weight_gradient
from propneat.methods.forward_gradients.perceptron_training import GRADIENTS, Rows, Schedule, candidate_rates


def classifier(**options) -> ForwardGradientClassifier:
    """One that learns in a moment."""
    return ForwardGradientClassifier(**{"layers": (12,), "k": 6, "max_steps": 120, "random_state": 0, **options})


def table(load=load_iris, seed: int = 0) -> tuple[np.ndarray, ...]:
    X, y = load(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(X)
    return scaler.transform(X), scaler.transform(X_test), y, y_test


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


RATES = {
    ("node", "single"): (0.05,),
    ("node", "mean"): (0.1,),
    ("node", "sum"): (0.02,),
    ("node", "projection"): (0.5,),
    ("weight", "single"): (0.02,),
    ("weight", "mean"): (0.05,),
    ("weight", "sum"): (0.01,),
    ("weight", "projection"): (1.0,),
}


@pytest.mark.parametrize("way", ["node", "weight"])
@pytest.mark.parametrize("aggregator", AGGREGATORS)
def test_every_estimator_learns_without_a_backward_pass(way, aggregator, no_backward):
    X, X_test, y, y_test = table()
    model = classifier(gradient=way, aggregator=aggregator, max_steps=160, learning_rates=RATES[way, aggregator]).fit(X, y)
    assert model.score(X_test, y_test) > 0.75
    assert np.all(model.predict(X_test) == model.classes_[model.predict_proba(X_test).argmax(1)])


def test_the_guard_against_backward_passes_guards(no_backward):
    with pytest.raises(AssertionError, match="a backward pass"):
        classifier(gradient="backprop").fit(*table()[::2])


@pytest.mark.parametrize("sampler", ["rademacher", "angle"])
def test_other_tangents_and_corrected_lengths_learn_too(sampler):
    X, X_test, y, y_test = table()
    for options in ({"length_correction": True}, {"aggregator": "mean", "length_correction": sampler != "angle"}):
        model = classifier(sampler=sampler, angle=60.0, max_steps=600, **options).fit(X, y)
        assert model.score(X_test, y_test) > 0.8


def test_as_many_tangents_as_nodes_train_the_network_of_backpropagation():
    X, X_test, y, _ = table()
    # tangents and batches are drawn from one stream, so the batches agree only where there is a single one
    whole = {"batch_size": 200, "learning_rates": (0.1,), "patience": 100}
    exact, forward = (classifier(**whole, **options).fit(X, y) for options in ({"gradient": "backprop"}, {"k": 15}))
    assert forward.n_epochs_ == exact.n_epochs_
    np.testing.assert_allclose(forward.predict_proba(X_test), exact.predict_proba(X_test), atol=2e-3)


def test_the_control_of_the_native_study_holds_to_rounding():
    found = control(seed=3, n_epochs=1, layers=(8, 8))
    assert found["gradient"] < 1e-12 and found["numbers"] < 1e-10 and found["moved"] > 0.01


def test_learning_on_digits_comes_near_backpropagation():
    arms = {"backprop": ("backprop", ForwardGradient()), "projection-16": ("node", ForwardGradient("projection", 16))}
    rows = digits_table(1, 0, lambda *_: None, layers=(32,), schedule=Schedule(64, 500, 10), arms=arms)
    accuracy = {row["arm"]: row["accuracy"] for row in rows}
    assert accuracy["backprop"] > 0.93 and accuracy["projection-16"] > accuracy["backprop"] - 0.03


def test_same_seed_same_bytes_and_nothing_global_is_touched():
    X, X_test, y, _ = table()
    state, threads, dtype = torch.random.get_rng_state(), torch.get_num_threads(), torch.get_default_dtype()
    model = classifier().fit(X, y)
    torch.manual_seed(5)
    state_after = torch.random.get_rng_state()
    again = clone(classifier()).fit(X, y)
    assert torch.equal(torch.random.get_rng_state(), state_after)
    torch.random.set_rng_state(state)
    assert (torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()) == (threads, dtype, True)
    for a, b in zip(model.weights_, again.weights_, strict=True):
        assert a[0].tobytes() == b[0].tobytes() and a[1].tobytes() == b[1].tobytes()
    other = classifier(random_state=1).fit(X, y)
    assert model.weights_[0][0].tobytes() != other.weights_[0][0].tobytes()
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(X_test), model.predict_proba(X_test))
    # products of matrices may differ in the last digits with the number of rows
    np.testing.assert_allclose(model.predict_proba(X_test[:7]), model.predict_proba(X_test)[:7], rtol=1e-12)


def test_sizes_and_labels_are_what_they_are_said_to_be():
    X, X_test, y, _ = table(load_breast_cancer)
    names = np.array(["benign", "malignant"])[y]
    model = classifier(layers=(5, 4)).fit(X, names)
    assert model.classes_.tolist() == ["benign", "malignant"] and model.n_features_in_ == 30 and model.depth_ == 3
    assert model.n_parameters_ == sum(w.size + b.size for w, b in model.weights_) == 31 * 5 + 6 * 4 + 5 * 2
    probabilities = model.predict_proba(X_test)
    assert probabilities.dtype == np.float64 and probabilities.shape == (len(X_test), 2)
    np.testing.assert_allclose(probabilities.sum(1), 1.0)
    assert model.learning_rate_ in candidate_rates("node", ForwardGradient(k=6), 11)
    assert 0 < model.n_epochs_ <= 120 and model.validation_loss_ < 0.6


@pytest.mark.parametrize("labels", [[0, 1] * 10, [0] * 18 + [1] * 2, [0] * 19 + [1], [0, 1], list(range(8)) * 2])
def test_tiny_tables_are_learnt(labels):
    X = np.random.default_rng(0).standard_normal((len(labels), 3)) + np.array(labels)[:, None]
    model = classifier(max_steps=50).fit(X, labels)
    assert np.isfinite(model.predict_proba(X)).all() and set(model.predict(X)) <= set(labels)


def test_learning_rates_that_diverge_are_not_chosen_and_do_no_harm_alone():
    X, X_test, y, y_test = table()
    model = classifier(learning_rates=(1e30, 0.3), max_steps=600).fit(X, y)
    assert model.learning_rate_ == 0.3 and model.score(X_test, y_test) > 0.8
    lost = classifier(learning_rates=(1e30,)).fit(X, y)
    assert lost.n_epochs_ == 0 and np.isfinite(lost.predict_proba(X_test)).all()


def test_validation_rows_alone_choose_the_learning_rate():
    X, _, y, _ = table()
    model = classifier(learning_rates=(1e-6, 0.3)).fit(X, y)
    assert model.learning_rate_ == 0.3
    single = classifier(learning_rates=(0.3,)).fit(X, y)
    assert single.validation_loss_ == pytest.approx(model.validation_loss_, rel=1e-5)


def test_a_round_is_at_least_25_steps_of_whole_epochs():
    schedule = Schedule(batch_size=32, max_steps=4000, patience=10)
    assert schedule == SCHEDULE
    for n_rows, epochs, rounds in ((10, 25, 160), (100, 7, 142), (1347, 1, 93), (10**6, 1, 1)):
        assert (schedule.epochs_per_round(n_rows), schedule.n_rounds(n_rows)) == (epochs, rounds)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"gradient": "adjoint"}, "'gradient' parameter .* among {'node', 'weight', 'backprop'}"),
        ({"aggregator": "median"}, "The 'aggregator' parameter .* must be a str among {"),
        ({"sampler": "cauchy"}, "The 'sampler' parameter .* must be a str among {"),
        ({"k": 0}, "'k' parameter .* an int in the range \\[1"),
        ({"batch_size": 0}, "'batch_size' parameter .* an int in the range \\[1"),
        ({"layers": (4, 0)}, "'layers' parameter .* each of them an int"),
        ({"learning_rates": ()}, "'learning_rates' parameter .* a list of 1 or more"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused_by_name(options, text):
    with pytest.raises(ConfigError, match=text):
        classifier(**options).fit(*table()[::2])


def test_scikit_learn_finds_nothing_amiss():
    check_estimator(classifier(layers=(6,), k=4, max_steps=60), on_skip=None)


def test_one_class_is_not_enough():
    with pytest.raises(DataError, match="at least 2 classes"):
        classifier().fit(np.zeros((4, 2)), [1, 1, 1, 1])


def test_the_method_reads_raw_tables_and_states_its_size():
    X, y = load_wine(return_X_y=True, as_frame=True)
    model = METHOD.make(random_state=0, layers=(8,), max_steps=300, **METHOD.options).fit(X, y)
    assert model.score(X, y) > 0.9 and METHOD.size(model)[:2] == (14 * 8 + 9 * 3, 2)
    assert set(GRADIENTS) == {"node", "weight", "backprop"} and METHOD.name == NATIVE.name == "forward-gradients"


def test_digits_are_divided_by_class_and_tested_on_other_rows():
    X, _ = load_digits(return_X_y=True)
    arms = {"backprop": ("backprop", ForwardGradient())}
    rows = digits_table(2, 0, lambda *_: None, layers=(4,), schedule=Schedule(256, 5, 1), arms=arms)
    assert [row["split"] for row in rows] == [0, 1] and len(X) == 1797
    assert all(
        0 <= row["accuracy"] <= 1 and row["accuracy"] * 450 == pytest.approx(round(row["accuracy"] * 450)) for row in rows
    )


@pytest.mark.parametrize("gradient", [node_gradient, weight_gradient, backprop_gradient])
def test_an_estimate_lives_on_the_device_of_the_network(gradient):
    """The device "meta" computes shapes alone, and refuses to mix its tensors with others."""
    network = Perceptron((5, 4, 3))
    numbers = torch.zeros(2, network.n_parameters, device="meta")
    rows = Rows(torch.zeros(6, 5), torch.eye(3).repeat(2, 1)).to("meta")
    rule = ForwardGradient("mean", 4)
    estimate = gradient(network, numbers, rows.X, rows.targets, rule, torch.Generator().manual_seed(0))
    assert estimate.is_meta and estimate.shape == numbers.shape
