"""The contract of METHODS: every entry learns from a raw table, answers with probabilities or numbers, and tells its size."""

import pickle
from importlib import import_module

import numpy as np
import pandas
import pytest
import torch
from scipy.special import softmax
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import train_test_split

from propneat.base.errors import ConfigError
from propneat.compiler import evaluate
from propneat.data import load_table
from propneat.methods import METHODS, Method
from propneat.methods.evolved import EVOLVED
from propneat.methods.natives import NATIVES

QUICK = {
    "propneat": {"generations": 3, "population_size": 20},
    "propneat-single": {"generations": 2, "population_size": 20},
    "propneat-no-writeback": {"generations": 3, "population_size": 20},
    "propneat-retrain": {"generations": 3, "population_size": 20, "fine_tune_epochs": 100},
    "naive-backprop": {
        "generations": 1,
        "population_size": 3,
        "epochs": 3,
        "fine_tune_epochs": 5,
        "prune_epochs": 0,
    },
    "neat": {"generations": 10, "population_size": 30},
    "propneat-ensemble": {"generations": 3, "population_size": 20, "n_populations": 2},
    "random-forest": {"n_trees": 20, "n_tuning_trees": 5, "depths": (2, 5), "min_splits": (2, 5), "n_folds": 2},
    "random-forest-default": {"n_estimators": 20},
    "gradient-boosting": {"max_iter": 20},
    "dense-nn": {"layers": (16, 8), "max_epochs": 30, "learning_rate": 0.1, "dropout": 0.0},
    "dense-nn-small": {"layers": ((4,), (6, 3)), "max_epochs": 15},
    "inverse-flow": {"n_steps": 2, "width": 8, "max_epochs": 6, "n_folds": 2},
    "forward-gradients": {"max_steps": 100, "learning_rates": (0.1,)},
    "vsml": {"n_members": 2, "max_passes": 1},
    "modprop": {"max_updates": 40, "slopes": (0.1,)},
    "pid-backprop": {"n_passes": 4, "n_hidden": 16},
    "sparse-fourier": {"hidden": (16,), "box": 5, "updates": (20, 60), "n_folds": 2},
    "st-rsbp": {"n_cells": 24, "max_rounds": 4},
    "rate-backprop": {"hidden": (16,), "steps": (2,), "updates": (20, 40)},
    "recomputed-nn": {"width": 12, "n_blocks": 3, "max_epochs": 5},
    "kernel-ridge": {"widths": (0.1, 1.0), "penalties": (0.01, 1.0), "n_folds": 2},
}
"""Options that make a fit quick; what is tested here does not depend on them."""


EVOLVED_NAMES = {*(method.name for method in EVOLVED), "propneat-ensemble"}
CLASSIFIERS = [name for name, method in METHODS.items() if "binary" in method.tasks]
REGRESSORS = [name for name, method in METHODS.items() if "regression" in method.tasks]


def a_table(n_classes: int, n_rows: int = 60) -> tuple[pandas.DataFrame, np.ndarray]:
    """Numbers, texts and gaps, and labels that can be learnt from them."""
    rng = np.random.default_rng(n_classes)
    y = np.arange(n_rows) % n_classes
    size = y + 0.3 * rng.standard_normal(n_rows)
    colour = np.array(["red", "green", "blue", "grey"])[np.where(rng.random(n_rows) < 0.8, y, 3)]
    frame = pandas.DataFrame(
        {"size": np.where(rng.random(n_rows) < 0.1, np.nan, size), "colour": colour, "noise": rng.random(n_rows)}
    )
    return frame, y


def a_number(n_rows: int = 60) -> tuple[pandas.DataFrame, np.ndarray]:
    """The same columns, and a number of thousands that can be learnt from them."""
    frame, y = a_table(3, n_rows)
    rng = np.random.default_rng(9)
    return frame, 5000.0 + 700.0 * y + 300.0 * frame["size"].fillna(0).to_numpy() + 30.0 * rng.standard_normal(n_rows)


def make(name: str, seed: int = 1, task: str = "binary"):
    return METHODS[name].maker(task)(random_state=seed, **{**METHODS[name].options, **QUICK.get(name, {})})


@pytest.mark.parametrize("name", REGRESSORS)
def test_every_method_for_numbers_learns_from_a_raw_table(name):
    X, y = a_number()
    state = np.random.get_state()[1].copy()
    fitted, again = (make(name, task="regression").fit(X.iloc[:48], y[:48]) for _ in range(2))
    assert np.array_equal(np.random.get_state()[1], state), "the global generator was used"
    answers = fitted.predict(X.iloc[48:])
    assert is_regressor(fitted) and answers.shape == (12,) and answers.dtype == np.float64
    # networks of a few epochs learn little, and all of them more than nothing
    slow = ("dense-nn", "dense-nn-small", "naive-backprop", "neat", "recomputed-nn")
    assert np.isfinite(answers).all() and (name in slow or r2_score(y[48:], answers) > 0.5)
    assert np.abs(answers - y.mean()).max() < 4 * y.std()
    assert np.array_equal(again.predict(X.iloc[48:]), answers)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict(X.iloc[48:]), answers)
    size = METHODS[name].size(fitted)
    assert size.n_parameters > 0 and size.depth >= 1
    assert (size.n_nodes is None) != (name in EVOLVED_NAMES) and clone(fitted).get_params().keys() == fitted.get_params().keys()


@pytest.mark.parametrize("name", REGRESSORS)
def test_answers_follow_the_unit_of_the_target(name):
    X, y = a_number(40)
    if name in ("propneat-retrain", "naive-backprop", "propneat-ensemble", "dense-nn"):
        pytest.skip("as of the methods beside it, and slow")
    plain, scaled = (make(name, task="regression").fit(X, target).predict(X) for target in (y, 2**20 * y))
    np.testing.assert_allclose(scaled, 2**20 * plain, rtol=1e-4)


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_method_learns_from_a_raw_table(name, n_classes):
    method = METHODS[name]
    if ("binary" if n_classes == 2 else "multiclass") not in method.tasks:
        pytest.skip(f"{name} is not for {n_classes} classes")
    X, y = a_table(n_classes)
    state = np.random.get_state()[1].copy()
    fitted = make(name).fit(X.iloc[:48], y[:48])
    assert np.array_equal(np.random.get_state()[1], state), "the global generator was used"
    shares = fitted.predict_proba(X.iloc[48:])
    assert is_classifier(fitted) and fitted.classes_.tolist() == list(range(n_classes))
    assert shares.shape == (12, n_classes) and np.isfinite(shares).all() and (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-6)
    assert np.array_equal(fitted.predict(X.iloc[48:]), fitted.classes_[np.argmax(shares, axis=1)])
    size = method.size(fitted)
    assert size.n_parameters is None or size.n_parameters > 0
    assert size.depth is None or size.depth >= 1


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_same_seed_gives_the_same_answers_also_after_pickling(name):
    X, y = a_table(2)
    first, again = (make(name, seed=5).fit(X, y) for _ in range(2))
    assert np.array_equal(first.predict_proba(X), again.predict_proba(X))
    assert np.array_equal(pickle.loads(pickle.dumps(first)).predict_proba(X), first.predict_proba(X))
    assert clone(first).get_params().keys() == first.get_params().keys()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_twenty_rows_with_a_rare_class_are_enough_to_run(name):
    X, y = a_table(2, 20)
    y = np.where(np.arange(20) < 2, 1, 0)
    shares = make(name).fit(X, y).predict_proba(X.iloc[:3])
    assert shares.shape == (3, 2) and np.isfinite(shares).all()


@pytest.mark.parametrize("name", METHODS)
def test_the_metadata_say_what_readers_need(name):
    method = METHODS[name]
    assert isinstance(method, Method) and method.name == name and "," not in name
    assert method.summary and method.cost and not method.summary.endswith(".")
    assert set(method.tasks) <= {"binary", "multiclass", "regression"}
    assert ("binary" in method.tasks) == (method.make is not None)
    assert ("regression" in method.tasks) == (method.make_regressor is not None)
    for task in sorted({"binary", "regression"} - set(method.tasks)):
        with pytest.raises(ConfigError, match=f"{name}.* not for {task}"):
            method.maker(task)
    seconds = [method.seconds(rows, columns, 2) for rows, columns in ((100, 5), (1000, 5), (1000, 50))]
    assert 0 < seconds[0] <= seconds[1] <= seconds[2]


def test_tuned_and_default_forest_beat_chance_and_the_tuned_one_takes_a_setting_of_its_grid():
    table = load_table("breast_cancer_wisconsin")
    rows = train_test_split(table.features, table.target.to_numpy(), random_state=0)
    fitted = make("random-forest").fit(rows[0], rows[2])
    assert roc_auc_score(rows[3], fitted.predict_proba(rows[1])[:, 1]) > 0.95
    depth, split = fitted[-1].best_
    assert depth in (2, 5) and split in (2, 5) and fitted[-1].depth_ <= depth


def test_the_ensemble_is_the_weighted_mean_of_its_members():
    table = load_table("wine_recognition")
    fitted = make("propneat-ensemble", seed=3).fit(table.features, table.target)
    joint = np.zeros((len(table), 3))
    for evolution, members in zip(fitted.evolutions_, fitted.members_, strict=True):
        assert len(members) > 1 and sum(share for _, share in members) == pytest.approx(1.0)
        inputs = evolution.model_.preprocessor.transform(table.features)
        joint += sum(share * softmax(evaluate(plan, inputs), axis=1) for plan, share in members) / 2
    np.testing.assert_allclose(fitted.predict_proba(table.features), joint, atol=1e-12)
    assert fitted.evolutions_[0].model_.to_json() != fitted.evolutions_[1].model_.to_json()
    assert fitted.evolutions_[0].random_state == 3


def test_the_ensemble_of_numbers_is_the_mean_of_its_populations_answers():
    X, y = a_number()
    fitted = make("propneat-ensemble", seed=3, task="regression").fit(X, y)
    joint = np.zeros(len(y))
    for evolution, members in zip(fitted.evolutions_, fitted.members_, strict=True):
        assert sum(share for _, share in members) == pytest.approx(1.0)
        inputs, scale = evolution.model_.preprocessor.transform(X), evolution.model_.target_scale
        joint += sum(share * scale.invert(evaluate(plan, inputs)[:, 0]) for plan, share in members) / 2
    np.testing.assert_allclose(fitted.predict(X), joint, rtol=1e-12)


def test_the_naive_engine_comes_to_the_same_network_as_propneat():
    X, y = a_table(2)
    options = QUICK["naive-backprop"]
    fast, slow = (
        METHODS[name].make(random_state=2, **METHODS[name].options, **options).fit(X, y)
        for name in ("propneat-single", "naive-backprop")
    )
    np.testing.assert_allclose(fast.predict_proba(X), slow.predict_proba(X), atol=1e-4)


def test_dense_networks_leave_torchs_global_generator_alone():
    state = torch.random.get_rng_state()
    make("dense-nn-small").fit(*a_table(2))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_every_native_study_can_be_imported():
    for name, study in NATIVES.items():
        module, _, function = study.home.partition(":")
        assert study.name == name and callable(getattr(import_module(module), function))
