"""What the methods share: folds, gaps kept in a table, parameters refused by name, devices, and progress of long work."""

import json
import threading
from collections.abc import Callable

import numpy as np
import pandas
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng
from propneat.benchmark.plan import BenchmarkConfig, make_plan
from propneat.data import EncodingOptions, Preprocessor
from propneat.methods import METHODS, heartbeat
from propneat.methods.dense import DenseNetworkClassifier
from propneat.methods.device import check_device
from propneat.methods.forward_gradients.classifier import ForwardGradientClassifier
from propneat.methods.fusion_control.classifier import PIDBackpropClassifier
from propneat.methods.heartbeat import with_heartbeat
from propneat.methods.inverse_flow.classifier import InverseFlowClassifier
from propneat.methods.modprop.classifier import ModPropClassifier
from propneat.methods.natives import NATIVES, studies_by_any_name
from propneat.methods.parameters import number, one_of, several, whole
from propneat.methods.rate_backprop.classifier import RateBackpropClassifier
from propneat.methods.recomputation.classifier import RecomputedNetworkClassifier
from propneat.methods.sparse_fourier.classifier import SparseFourierClassifier
from propneat.methods.spike_train.classifier import STRSBPClassifier
from propneat.methods.tabular import TableEncoder, on_table, stratified_folds
from propneat.methods.tuned_forest import TunedForestClassifier
from propneat.methods.vsml.classifier import VSMLClassifier


def a_table(n_rows: int = 40) -> pandas.DataFrame:
    rng = make_rng("gaps")
    colour = np.array(["red", "green", "blue", None], dtype=object)[np.arange(n_rows) % 4]
    size = np.where(np.arange(n_rows) % 5 == 0, np.nan, rng.standard_normal(n_rows))
    return pandas.DataFrame({"size": size, "whole": rng.standard_normal(n_rows), "colour": colour})


def test_folds_hold_every_row_once_and_every_class_evenly():
    labels = np.array([0] * 31 + [1] * 10 + [2] * 2)
    folds = stratified_folds(labels, 3, make_rng("folds"))
    assert folds.shape == labels.shape and sorted(set(folds.tolist())) == [0, 1, 2]
    for label, least in ((0, 10), (1, 3), (2, 0)):
        counts = np.bincount(folds[labels == label], minlength=3)
        assert counts.min() >= least and counts.max() <= least + 1
    assert sorted(stratified_folds(labels[-2:], 3, make_rng("folds")).tolist()) == [0, 1]
    assert not np.array_equal(folds, stratified_folds(labels, 3, make_rng("other folds")))


def test_gaps_are_where_values_are_missing_and_indicators_stay_numbers():
    frame = a_table()
    filled, kept = (TableEncoder(keeps_gaps=keeps).fit(frame) for keeps in (False, True))
    names = [rule.name for rule in kept.preprocessor_.rules]
    expected = np.column_stack(
        [np.zeros(40) if name.endswith("missing") or name == "whole" else frame[name.split("=")[0]].isna() for name in names]
    ).astype(bool)
    assert {"size missing", "colour missing"} < set(names) and expected.any(axis=0).sum() == 4
    found = kept.transform(frame)
    assert np.array_equal(np.isnan(found), expected)
    assert np.array_equal(found[~expected], filled.transform(frame)[~expected])
    assert np.isfinite(filled.transform(frame)).all()
    # a level that training never saw is no gap, and every row depends on itself alone
    unseen = frame.assign(colour=["violet"] * 40)
    assert not kept.preprocessor_.gaps(unseen)[:, [name.startswith("colour") for name in names]].any()
    assert np.array_equal(kept.transform(frame.iloc[7:9]), found[7:9], equal_nan=True)


def test_gaps_of_whole_numbers_with_levels_and_of_an_array():
    X = np.array([[1.0, 5.0], [np.nan, 6.0], [2.0, 7.0], [3.0, np.nan]])
    rules = Preprocessor.fit(X, options=EncodingOptions(one_hot_integers=3))
    names = [rule.name for rule in rules.rules]
    gaps = rules.gaps(X)
    assert [name for name, gap in zip(names, gaps[1], strict=True) if gap] == ["x0", "x0=1", "x0=2", "x0=3"]
    assert [name for name, gap in zip(names, gaps[3], strict=True) if gap] == ["x1", "x1=5", "x1=6", "x1=7"]
    assert not gaps[[0, 2]].any()


def test_a_classifier_gets_gaps_only_where_it_asks_for_them():
    frame, y = a_table(), np.arange(40) % 2
    with pytest.raises(ValueError, match="NaN"):
        on_table(LogisticRegression(), keeps_gaps=True).fit(frame, y)
    pipeline = on_table(LogisticRegression()).fit(frame, y)
    assert clone(pipeline).get_params()["encode__keeps_gaps"] is False


def test_the_method_sparse_fourier_meets_gaps_as_gaps(monkeypatch):
    seen = []
    plain = SparseFourierClassifier.fit

    def spy(self, X, y):
        seen.append(np.isnan(X).mean(axis=0))
        return plain(self, X, y)

    monkeypatch.setattr(SparseFourierClassifier, "fit", spy)
    options = {"hidden": (8,), "updates": (10,), "reconstruction_weights": (0.3,), "box": 5}
    model = METHODS["sparse-fourier"].make(random_state=0, **options).fit(a_table(), np.arange(40) % 2)
    assert sorted(seen[0].round(2).tolist()) == [0, 0, 0, 0.2, 0.25, 0.25, 0.25]
    assert np.isfinite(model.predict_proba(a_table())).all()


@pytest.mark.parametrize(
    ("classifier", "name", "value"),
    [
        *((InverseFlowClassifier, name, "three") for name in ("n_steps", "learning_rate", "noise", "objective")),
        (InverseFlowClassifier, "n_taps", 1.5),
        (InverseFlowClassifier, "learning_rate", float("nan")),
        (PIDBackpropClassifier, "n_hidden", 2.5),
        (PIDBackpropClassifier, "rule", ["pid"]),
        (PIDBackpropClassifier, "rule", "pd"),
        (SparseFourierClassifier, "hidden", 64),
        (SparseFourierClassifier, "hidden", [16, 0]),
        (SparseFourierClassifier, "updates", [20.5]),
        (SparseFourierClassifier, "reconstruction_weights", [-1.0]),
        (SparseFourierClassifier, "divergence_weight", -1.0),
        (SparseFourierClassifier, "view", 1.2),
        (SparseFourierClassifier, "box", "large"),
        *((ForwardGradientClassifier, name, "many") for name in ("gradient", "layers", "learning_rates", "angle", "patience")),
        (ForwardGradientClassifier, "k", 1.5),
        *((ModPropClassifier, name, "fast") for name in ("rule", "n_cells", "slopes", "learning_rate", "l2")),
        (ModPropClassifier, "rule", ["bptt"]),
        *((RateBackpropClassifier, name, "few") for name in ("hidden", "rule", "steps", "updates", "decay")),
        (RateBackpropClassifier, "steps", 4),
        (RateBackpropClassifier, "hidden", [16, 2.5]),
        *((RecomputedNetworkClassifier, name, "half") for name in ("width", "dropout", "memory_budget", "learning_rate")),
        (RecomputedNetworkClassifier, "memory_budget", -0.5),
        *((STRSBPClassifier, name, "some") for name in ("n_cells", "n_steps", "density", "learning_rate", "rule")),
        (STRSBPClassifier, "density", 1.5),
        *((DenseNetworkClassifier, name, "wide") for name in ("layers", "dropout", "optimiser", "batch_size", "memory_budget")),
        (DenseNetworkClassifier, "layers", [[16, 8], [16, 0]]),
        (DenseNetworkClassifier, "layers", []),
        (DenseNetworkClassifier, "dropout", 1),
        *((TunedForestClassifier, name, "deep") for name in ("depths", "min_splits", "n_trees", "n_tuning_trees", "n_folds")),
        (TunedForestClassifier, "min_splits", [1]),
        *((VSMLClassifier, name, "all") for name in ("n_members", "max_passes", "max_rows", "validation_fraction")),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named_before_data_are_looked_at(classifier, name, value):
    with pytest.raises(ConfigError, match=name):
        classifier(**{name: value}).check_parameters()
    with pytest.raises(ConfigError, match=name):
        classifier(**{name: value}).fit("no table", None)
    classifier().check_parameters()


def test_lists_and_names_that_parameters_allow():
    (widths,), (shares,), (names,) = several(whole(1)), several(number(0, 1, "left"), least=0), one_of(("up", "down"))
    assert all(map(widths.is_satisfied_by, ([3], (1, 2), range(1, 4), np.array([5, 6]))))
    assert not any(map(widths.is_satisfied_by, ([], (), [0], [1.5], ["1"], "12", 3, np.array(3), np.ones((2, 2)), None, {1})))
    assert all(map(shares.is_satisfied_by, ((), [0, 0.5], np.linspace(0, 0.9, 3))))
    assert not any(map(shares.is_satisfied_by, ([1], [float("nan")], [-0.1])))
    assert names.is_satisfied_by("down") and not names.is_satisfied_by(["up"]) and not names.is_satisfied_by("across")
    assert str(names) == "a str among {'up', 'down'}"
    assert str(widths) == "a list of 1 or more, each of them an int in the range [1, inf)"


@pytest.mark.parametrize(
    "classifier",
    [
        InverseFlowClassifier(n_steps=1, width=4, objective="generative", max_epochs=4, n_folds=2),
        PIDBackpropClassifier(n_hidden=8, n_passes=3),
        SparseFourierClassifier(hidden=(16,), updates=(30,), reconstruction_weights=(0.3,), box=5, learning_rate=0.02),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
def test_classifiers_pass_scikit_learns_checks(classifier):
    """Among them: fitting twice, copies, pickles, asking before fitting, odd labels and tables, no change of parameters."""
    found = check_estimator(classifier, on_skip=None, on_fail=None)
    failed = [(check["check_name"], check["exception"]) for check in found if check["status"] == "failed"]
    assert not failed and len(found) > 50


@pytest.mark.parametrize(
    ("method", "option", "value"),
    [
        ("inverse-flow", "n_steps", 0),
        ("inverse-flow", "noise", "loud"),
        ("pid-backprop", "rule", "pd"),
        ("sparse-fourier", "box", 8),
        ("forward-gradients", "k", 0),
        ("forward-gradients", "sampler", "cauchy"),
        ("modprop", "slopes", [-1]),
        ("modprop", "n_cells", "many"),
        ("rate-backprop", "steps", 4),
        ("rate-backprop", "n_folds", 1),
        ("recomputed-nn", "memory_budget", 0),
        ("st-rsbp", "density", 2),
        ("st-rsbp", "rule", "direct"),
        ("vsml", "max_rows", 1.5),
    ],
)
def test_a_benchmark_refuses_options_that_a_method_cannot_use_before_anything_runs(run, folder, method, option, value):
    setting = f"{method}.{option}={json.dumps(value)}"
    code, out, err = run("benchmark", "--datasets", "monk1", "--methods", method, "--set", setting, "--out", "r")
    assert (code, out) == (2, "") and not any(folder.iterdir())
    (told,) = [line for line in err.splitlines() if line.startswith("Error: ")]
    assert told.startswith(f"Error: the options of {method} cannot be used: ") and option in told


@pytest.mark.parametrize("method", METHODS)
def test_a_plan_names_the_options_of_a_method_or_the_one_that_was_meant(method):
    task, name = ("binary", "monk1") if METHODS[method].make else ("regression", "friedman2")
    made = METHODS[method].maker(task)(random_state=0, **METHODS[method].options)
    last = made[-1] if hasattr(made, "steps") else made
    known = {name.rpartition("__")[2] for name in last.get_params()} - {"random_state"}
    some = max(known, key=len)
    for option, hint in ((f"{some}x", f"did you mean '{some}'?"), ("§", ", ".join(sorted(known)))):
        config = BenchmarkConfig(datasets=(name,), methods=(method,), options={method: {option: 1}})
        with pytest.raises(ConfigError) as caught:
            make_plan(config)
        start = f"the options of {method} cannot be used: there is no option {option!r}: "
        assert str(caught.value).startswith(start) and hint in str(caught.value)


def test_a_paper_has_one_method_and_one_study_which_is_found_by_the_name_of_either():
    found = studies_by_any_name()
    assert all(found[name] is study for name, study in NATIVES.items())
    papers = [study.paper for study in NATIVES.values()]
    methods = {name: method.paper for name, method in METHODS.items() if method.paper in papers}
    assert len(set(papers)) == len(papers) and set(methods.values()) == set(papers)
    # the arms of PropNEAT share one paper and one study
    arms = [name for name, paper in methods.items() if paper == NATIVES["propneat"].paper]
    assert len(methods) - len(arms) == len(papers) - 1 and set(arms) >= {"propneat", "naive-backprop"}
    assert all(found[name].paper == paper for name, paper in methods.items())
    assert set(found) == {*NATIVES, *methods}


def test_devices_that_torch_cannot_use_are_refused_in_one_sentence():
    check_device("cpu", "float64")
    for device in ("nowhere", "cuda:99", "meta"):
        with pytest.raises(ConfigError, match="device must be one that torch can use for float32") as caught:
            check_device(device)
        assert "\n" not in str(caught.value)


def beating(work: Callable[[threading.Event], object], monkeypatch: pytest.MonkeyPatch) -> tuple[object, int]:
    """Do work that is given an event, which the third call of progress sets."""
    monkeypatch.setattr(heartbeat, "_SECONDS", 0.01)
    told, third = [], threading.Event()

    def progress() -> None:
        told.append(threading.current_thread() is threading.main_thread())
        if len(told) == 3:
            third.set()

    found = with_heartbeat(progress, lambda: work(third))
    assert all(told)
    return found, len(told)


def test_progress_is_told_again_and_again_while_work_is_under_way(monkeypatch):
    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found, n_told = beating(lambda third: third.wait(30) and torch.get_num_threads(), monkeypatch)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(n_threads)
    # the work has one thread, whatever the caller has
    assert found == 1 and n_told >= 3


def test_what_work_raises_comes_through(monkeypatch):
    def fail(third):
        raise ConfigError("no such thing")

    with pytest.raises(ConfigError, match="no such thing"):
        beating(fail, monkeypatch)
