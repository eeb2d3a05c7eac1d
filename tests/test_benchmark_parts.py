"""The benchmark's pieces: suites, splits, tasks, plans, metrics, predictions."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from propneat.base.errors import ConfigError, DataError
from propneat.benchmark import BenchmarkConfig, Protocol, make_plan, select_shard
from propneat.benchmark.metrics import one_class_reason, score_probabilities
from propneat.benchmark.predictions import pack, unpack
from propneat.benchmark.registry import core_methods, find_method
from propneat.benchmark.splits import PROTOCOLS, split
from propneat.benchmark.suites import SUITES, suite_names
from propneat.benchmark.tables import hash_table, read_benchmark_table
from propneat.benchmark.task import Task, format_options
from propneat.data import read_catalogue

TASK = Task("propneat", "{}", "monk1", "00ff", "cv-5", 0, 1, "0.1.0")


REGRESSIONS = ("regression-embedded", "srbench", "srbench-2025")


def test_every_other_suite_holds_classification_sets_of_the_catalogue():
    entries = read_catalogue()
    for suite in set(SUITES) - set(REGRESSIONS):
        names = suite_names(suite)
        assert len(names) == len(set(names)) > 5
        assert all(entries[name].task != "regression" for name in names)
    assert all(entries[name].embedded for name in suite_names("embedded"))
    assert len(suite_names("pmlb58")) == 59 and len(suite_names("tabmini")) == 27
    assert not {"agaricus_lepiota", "breast"} & set(suite_names("pmlb58"))


@pytest.mark.parametrize("suite", ["embedded", "pmlb58-distinct"])
def test_distinct_suites_hold_one_set_of_each_family(suite):
    families = [read_catalogue()[name].family for name in suite_names(suite)]
    assert len(families) == len(set(families))


@pytest.mark.parametrize("protocol", [Protocol("cv", 3, 2), Protocol("tabmini"), Protocol("paper", n_repeats=2)])
def test_folds_divide_all_rows(protocol):
    codes = np.random.default_rng(0).integers(0, 2, 60)
    tested = {}
    for repeat, fold in protocol.parts():
        rows = split(protocol.label, "some", codes, repeat, fold)
        assert not set(rows.train) & set(rows.test) and len(rows.train) + len(rows.test) == 60
        assert np.all(np.diff(rows.train) > 0) and np.all(np.diff(rows.test) > 0)
        tested.setdefault(repeat, []).extend(rows.test)
    if protocol.name != "paper":
        assert all(sorted(rows) == list(range(60)) for rows in tested.values())


def test_cv_folds_are_stratified_and_differ_by_repeat_and_data_set():
    codes = np.repeat([0, 1], [80, 20])
    first, again, other, repeat = (
        split("cv-5", name, codes, number, 0).test for name, number in (("a", 0), ("a", 0), ("b", 0), ("a", 1))
    )
    assert codes[first].sum() == 4
    assert np.array_equal(first, again) and not np.array_equal(first, other) and not np.array_equal(first, repeat)


def test_the_paper_split_is_scikit_learns_with_seed_42():
    codes = np.arange(50) % 2
    train, test = train_test_split(np.arange(50), test_size=0.3, random_state=42)
    rows = split("paper", "any", codes, 3, 0)
    assert rows.train.tolist() == sorted(train) and rows.test.tolist() == sorted(test)


def test_a_class_of_fewer_rows_than_folds_is_split_without_a_word():
    rows = [split("cv-5", "x", np.array([0] * 12 + [1] * 2), 0, fold).test for fold in range(5)]
    assert sorted(np.concatenate(rows)) == list(range(14))


@pytest.mark.parametrize("numbers", [{"name": "holdout"}, {"n_folds": 1}, {"n_repeats": 0}])
def test_protocols_that_make_no_sense_are_refused(numbers):
    with pytest.raises(ConfigError):
        Protocol(**numbers)


def test_every_protocol_has_a_label_of_its_own():
    assert len({Protocol(name).label for name in PROTOCOLS}) == len(PROTOCOLS)
    assert Protocol("cv", 3).label != Protocol("cv", 5).label


@given(st.sampled_from(["method", "options", "dataset", "data_hash", "protocol", "version", "repeat", "fold"]))
@settings(max_examples=20, deadline=None)
def test_the_key_depends_on_every_part_of_the_identity(part):
    value = getattr(TASK, part)
    other = Task(**{**vars_of(TASK), part: value + 1 if isinstance(value, int) else value + "x"})
    assert other.key != TASK.key and re.fullmatch("[0-9a-f]{32}", TASK.key)
    assert 0 <= TASK.seed < 2**32 and Task(**vars_of(TASK)).key == TASK.key


def vars_of(task):
    return {name: getattr(task, name) for name in Task.__dataclass_fields__}


def test_options_are_the_same_text_in_any_order():
    assert format_options({"b": 1, "a": (1, 2)}) == format_options({"a": [1, 2], "b": 1}) == '{"a":[1,2],"b":1}'


def test_binary_metrics_are_scikit_learns():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 2, 200)
    share = rng.random(200)
    found = score_probabilities(codes, np.column_stack([1 - share, share]))
    assert found["auc"] == pytest.approx(roc_auc_score(codes, share))
    assert found["brier"] == pytest.approx(brier_score_loss(codes, share))
    assert found["log_loss"] == pytest.approx(log_loss(codes, share))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(codes, share > 0.5))


def test_multiclass_metrics_are_scikit_learns():
    rng = np.random.default_rng(2)
    codes, shares = rng.integers(0, 4, 300), rng.dirichlet(np.ones(4), 300)
    found = score_probabilities(codes, shares)
    assert found["auc"] == pytest.approx(roc_auc_score(codes, shares, multi_class="ovr", average="macro"))
    assert found["log_loss"] == pytest.approx(log_loss(codes, shares))
    assert found["brier"] == pytest.approx(np.mean([brier_score_loss(codes == k, shares[:, k]) for k in range(4)]) * 4)


def test_the_calibration_error_is_that_of_its_definition():
    rng = np.random.default_rng(3)
    shares = rng.dirichlet(np.ones(3), 500)
    codes = np.array([rng.choice(3, p=row) for row in shares])
    top, right = shares.max(axis=1), shares.argmax(axis=1) == codes
    gaps = 0.0
    for k in range(15):
        within = (top >= k / 15) & (top < (k + 1) / 15)
        if within.any():
            gaps += within.mean() * abs(right[within].mean() - top[within].mean())
    assert score_probabilities(codes, shares)["ece"] == pytest.approx(gaps)
    # certain and always right, and certain and right half of the time
    sure = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert score_probabilities(np.array([0, 1]), sure)["ece"] == 0.5
    assert score_probabilities(np.array([0, 1]), np.eye(2))["ece"] == 0.0


def test_a_reversed_ranking_scores_below_one_half_and_is_not_flipped():
    assert score_probabilities(np.array([0, 1]), np.array([[0.2, 0.8], [0.9, 0.1]]))["auc"] == 0.0


@pytest.mark.parametrize("shares", [[[np.nan, 1]], [[0.5, 0.6]], [[-0.5, 1.5]]])
def test_impossible_probabilities_are_refused(shares):
    with pytest.raises(ValueError, match="the method gave"):
        score_probabilities(np.array([0, 1]), np.array(shares * 2, dtype=float))


def test_one_class_has_no_auc():
    assert one_class_reason(np.zeros(3, int)).startswith("one class")
    assert one_class_reason(np.array([0, 1])) is None


def test_predictions_come_back_as_packed():
    rng = np.random.default_rng(3)
    rows, codes, shares = np.arange(7) * 3, rng.integers(0, 3, 7), rng.dirichlet(np.ones(3), 7)
    back = unpack(pack(rows, codes, shares))
    assert np.array_equal(back[0], rows) and np.array_equal(back[1], codes)
    assert np.array_equal(back[2], shares.astype(np.float32))


def test_a_plan_has_every_method_on_every_split_longest_first():
    plan = make_plan(
        BenchmarkConfig(datasets=("monk1", "parity5"), methods=("neat", "logistic-regression"), protocol=Protocol("cv", 3, 2))
    )
    assert len(plan) == len({planned.task.key for planned in plan}) == 2 * 2 * 3 * 2
    estimates = [planned.estimate for planned in plan]
    assert estimates == sorted(estimates, reverse=True)
    assert {planned.task.seed for planned in plan if planned.task.method == "neat"} != {0}


def test_shards_divide_a_plan():
    plan = make_plan(
        BenchmarkConfig(datasets=("monk1", "monk2"), methods=("logistic-regression",), protocol=Protocol("cv", 5, 3))
    )
    shards = [select_shard(plan, (number, 3)) for number in (1, 2, 3)]
    keys = [planned.task.key for shard in shards for planned in shard]
    assert sorted(keys) == sorted(planned.task.key for planned in plan) and len(keys) == len(set(keys))
    assert select_shard(plan, None) == plan


def test_options_make_other_tasks():
    plain = BenchmarkConfig(datasets=("monk1",), methods=("propneat",))
    changed = BenchmarkConfig(datasets=("monk1",), methods=("propneat",), options={"propneat": {"generations": 3}})
    assert not {p.task.key for p in make_plan(plain)} & {p.task.key for p in make_plan(changed)}
    assert json.loads(make_plan(changed)[0].task.options) == {"generations": 3}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (BenchmarkConfig(suite="embeded"), "did you mean 'embedded'"),
        (BenchmarkConfig(datasets=("monk1",), methods=("propnet",)), "did you mean 'propneat'"),
        (BenchmarkConfig(datasets=("monk1",), methods=("neat",), options={"propneat": {}}), "not among the methods"),
        (BenchmarkConfig(datasets=("monk1",), methods=("propneat",), options={"propneat": {"colour": 1}}), "colour"),
        (BenchmarkConfig(datasets=("monk1",), methods=("bench_methods:NOT_ONE",)), "a propneat.methods.Method is needed"),
        (BenchmarkConfig(datasets=("monk1",), methods=("no_such_module:M",)), "cannot be imported"),
        (BenchmarkConfig(datasets=("diabetes_progression",), methods=("vsml",)), "no data set here is one: leave it out"),
        (BenchmarkConfig(datasets=("monk1",), methods=("ridge", "propneat")), "'ridge' is for regression tasks"),
        (
            BenchmarkConfig(datasets=("friedman2",), methods=("propneat",), options={"propneat": {"class_weight": "balanced"}}),
            "there is no option 'class_weight'",
        ),
    ],
)
def test_a_plan_that_cannot_be_made_says_why(config, words):
    with pytest.raises((ConfigError, DataError), match=re.escape(words)):
        make_plan(config)


def test_core_methods_are_methods_and_own_ones_are_found_by_import():
    assert {"propneat", "random-forest-default", "logistic-regression"} <= set(core_methods(print))
    assert find_method("bench_methods:GOOD").name == "bench_methods:GOOD"


def test_the_data_hash_sees_values_names_and_classes():
    table = read_benchmark_table("monk1")
    frame, codes = table.features, table.codes
    changed = frame.copy()
    changed.iloc[3, 0] += 1
    flipped = codes.copy()
    flipped[0] = 1 - flipped[0]
    renamed = frame.rename(columns={frame.columns[0]: "other"})
    hashes = {hash_table(*pair) for pair in ((frame, codes), (changed, codes), (renamed, codes), (frame, flipped))}
    assert len(hashes) == 4 and hash_table(frame.copy(), codes.copy()) == table.data_hash
