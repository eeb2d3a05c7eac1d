"""The numbers of a benchmark report: averages of folds, what is missing, and the same statistics as called directly."""

import json
import math
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from benchmark_rows import METHODS, PROVENANCE, make_realistic, make_rows, spoil

from propneat import stats
from propneat.base.errors import DataError
from propneat.base.rng import make_rng
from propneat.report.benchmark import Results
from propneat.report.benchmark.analysis import ALPHA, analyse
from propneat.report.benchmark.cells import gather_cells, group_failures
from propneat.report.benchmark.json_form import make_json


@pytest.fixture(scope="module")
def realistic():
    """A report's analysis and JSON with imputed cells, shared by tests that only read it."""
    results = Results(make_realistic(14, METHODS[:6] + ("svm_rbf", "vsml")), PROVENANCE)
    analysis = analyse(results)
    return results, analysis, json.loads(json.dumps(make_json(results, analysis, "0"), allow_nan=False))


def wide_auc(rows: pd.DataFrame, methods: tuple[str, ...]) -> pd.DataFrame:
    """The mean AUC of each data set and method, by pandas."""
    return rows[rows["status"] == "ok"].pivot_table(index="dataset", columns="method", values="auc")[list(methods)]


def test_folds_are_averaged_before_anything_else():
    rows = make_realistic(10, METHODS[:4], n_folds=4, n_repeats=3)
    cells = gather_cells(Results(rows))
    expected = wide_auc(rows, cells.methods)
    assert [dataset.name for dataset in cells.datasets] == list(expected.index)
    np.testing.assert_allclose(cells.score, expected.to_numpy(), rtol=1e-13)
    fit = rows[rows["status"] == "ok"].pivot_table(index="dataset", columns="method", values="fit_seconds")[list(cells.methods)]
    np.testing.assert_allclose(cells.means["fit_seconds"], fit.to_numpy(), rtol=1e-13)


def test_the_order_of_rows_changes_nothing():
    rows = make_realistic(9, ("vsml", *METHODS[:4], "svm_rbf"))
    shuffled = rows.sample(frac=1, random_state=5).reset_index(drop=True)
    first, second = (make_json(results, analyse(results), "0") for results in (Results(rows), Results(shuffled)))
    assert first == second


def test_every_fold_belongs_to_its_own_method_and_data_set():
    rows = make_rows(6, ("zeta", "alpha", "mid"), n_folds=3, n_repeats=2)
    cells = gather_cells(Results(rows, configuration={"methods": ["zeta", "mid", "alpha"]}))
    assert cells.methods == ("zeta", "mid", "alpha")
    folds = cells.folds
    place = folds.dataset * 3 + folds.method
    assert np.all(np.diff(place) >= 0) and np.bincount(place).tolist() == [6] * 18
    means = np.bincount(place, folds.score) / 6
    np.testing.assert_allclose(means.reshape(6, 3), cells.score, rtol=1e-13)


def test_counts_add_up_and_an_undefined_auc_is_not_a_result():
    rows = spoil(make_rows(5, METHODS[:3]), pd.Series([k % 7 == 0 for k in range(75)]), "crashed", "signal 9")
    rows = spoil(rows, pd.Series([k % 7 == 1 for k in range(75)]), "missing")
    rows.loc[rows.index % 7 == 2, "auc"] = np.nan
    cells = gather_cells(Results(rows))
    assert cells.planned.sum() == 75 == sum(numbers.sum() for numbers in cells.counts.values())
    assert cells.failed.sum() == 11 and cells.counts["missing"].sum() == 11
    assert cells.usable.sum() == 75 - 33 == len(cells.folds.score)


def test_empty_cells_count_as_a_constant_predictor_and_complete_cases_leave_them_out(realistic):
    results, analysis, _ = realistic
    wide = wide_auc(results.rows, analysis.cells.methods)
    np.testing.assert_allclose(analysis.imputed.scores, wide.fillna(0.5).to_numpy(), rtol=1e-13)
    assert (analysis.imputed.imputed == wide.isna().to_numpy()).all() and analysis.imputed.imputed.sum() == 3
    np.testing.assert_allclose(analysis.complete.scores, wide.dropna().to_numpy(), rtol=1e-13)
    vsml = next(row for row in analysis.summary if analysis.cells.methods[row.method] == "vsml")
    assert (vsml.n_measured, vsml.n_imputed) == (12, 2)
    assert vsml.mean_score == pytest.approx(wide["vsml"].fillna(0.5).mean()) and vsml.measured_score == pytest.approx(
        wide["vsml"].mean()
    )


def test_a_data_set_without_any_result_enters_no_comparison():
    rows = make_rows(7, METHODS[:3])
    rows = spoil(rows, rows["dataset"] == "data_04", "skipped", "one class")
    analysis = analyse(Results(rows))
    assert len(analysis.cells.datasets) == 7 and 4 not in analysis.imputed.datasets and not analysis.imputed.imputed.any()
    assert analysis.imputed.scores.shape == analysis.complete.scores.shape == (6, 3)


def test_a_method_that_fails_everywhere_is_imputed_but_does_not_empty_the_complete_cases():
    rows = make_rows(7, METHODS[:4])
    analysis = analyse(Results(spoil(rows, rows["method"] == "mlp", "timeout", "too long")))
    imputed = analysis.imputed.imputed.sum(axis=0).tolist()
    assert dict(zip(analysis.cells.methods, imputed, strict=True)) == {
        "propneat": 0,
        "logistic_regression": 0,
        "random_forest": 0,
        "mlp": 7,
    }
    assert analysis.complete.scores.shape == (7, 3) and len(analysis.complete.primary) == 2


@pytest.mark.parametrize("name", ["imputed", "complete_cases", "one_per_family"])
def test_json_holds_what_the_statistics_say_when_called_directly(realistic, name):
    _, analysis, numbers = realistic
    told = numbers["analyses"][name]
    scores = np.array(told["scores"])
    families = {dataset["name"]: dataset["family"] for dataset in numbers["datasets"]}
    assert told["friedman"] == asdict(stats.friedman(scores))
    nemenyi = stats.nemenyi(scores, ALPHA)
    assert told["nemenyi"]["critical_difference"] == nemenyi.critical_difference
    assert told["nemenyi"]["p_values"] == nemenyi.p_values.tolist() and told["mean_ranks"] == nemenyi.ranks.tolist()
    pairs = stats.pairwise_wilcoxon(scores)
    assert told["pairs"] == {key: value.tolist() for key, value in vars(pairs).items()}
    bars = stats.cliques(stats.average_ranks(scores), pairs.adjusted < ALPHA)
    assert told["cliques"] == [[told["methods"][k] for k in bar] for bar in bars]
    own = [families[dataset] for dataset in told["datasets"]]
    boot = stats.bootstrap_families(scores, own, 2_000, make_rng("report", "bootstrap", name))
    assert told["bootstrap"] == {key: value.tolist() for key, value in vars(boot).items()}
    reference = told["methods"].index("propneat")
    for expected, entry in zip(stats.against_one(scores, reference, ALPHA), told["primary"], strict=True):
        bayes, other = entry.pop("bayes"), entry["other"]
        assert entry == {**asdict(expected), "other": told["methods"][expected.other]}
        rng = make_rng("report", "bayes", name, other)
        differences = scores[:, reference] - scores[:, expected.other]
        assert bayes == asdict(stats.bayesian_signed_rank(differences, 0.01, 50_000, rng))
    assert analysis.imputed.scores.shape == (14, 8) and analysis.complete.scores.shape == (11, 8)


def test_one_per_family_keeps_the_first_data_set_of_each(realistic):
    _, _, numbers = realistic
    told, families = numbers["analyses"]["one_per_family"]["datasets"], {d["name"]: d["family"] for d in numbers["datasets"]}
    assert [families[name] for name in told] == list(dict.fromkeys(families.values()))
    assert told == [next(name for name in families if families[name] == family) for family in dict.fromkeys(families.values())]


def test_tests_within_a_data_set_pair_the_folds_that_both_methods_have(realistic):
    results, _, numbers = realistic
    rows, methods = results.rows, numbers["methods"]
    for d, dataset in enumerate(numbers["datasets"]):
        part = rows[(rows["dataset"] == dataset["name"]) & (rows["status"] == "ok")]
        wide = part.pivot_table(index=["repeat", "fold"], columns="method", values="auc")
        fraction = float((part["n_test"] / (part["n_train"] + part["n_test"])).mean())
        for m, method in enumerate(methods):
            told = {key: numbers["fold_tests"][key][d][m] for key in ("difference", "p_value", "n_folds")}
            gaps = (wide["propneat"] - wide[method]).dropna() if method in wide else pd.Series(dtype=float)
            assert told["n_folds"] == len(gaps)
            if method == "propneat" or len(gaps) < 2:
                assert told["difference"] is None and told["p_value"] is None
            else:
                assert told["difference"] == pytest.approx(gaps.mean(), rel=1e-9, abs=1e-12)
                assert told["p_value"] == pytest.approx(stats.nadeau_bengio(gaps.to_numpy(), fraction).p_value, rel=1e-9)
    for m in range(len(methods)):
        known = [row[m] for row in numbers["fold_tests"]["p_value"] if row[m] is not None]
        adjusted = [row[m] for row in numbers["fold_tests"]["adjusted"] if row[m] is not None]
        assert adjusted == stats.holm(known).tolist()


def test_the_reference_is_propneat_and_otherwise_the_first_method_asked_for():
    with_it, without = make_rows(3, ("mlp", "propneat")), make_rows(3, ("mlp", "knn"))
    assert Results(with_it).reference == "propneat"
    assert Results(without, configuration={"methods": {"mlp": {}, "knn": {}}}).reference == "mlp"
    assert Results(without).reference == "knn"


def test_failures_are_grouped_by_the_last_line_of_their_reason():
    rows = make_rows(4, METHODS[:2])
    mlp = rows["method"] == METHODS[1]
    rows = spoil(rows, mlp & (rows["fold"] == 0), "error", "Traceback\n  line 1\nValueError: no\n")
    rows = spoil(
        rows, mlp & (rows["fold"] == 1) & (rows["dataset"] == "data_01"), "error", "Traceback\n  line 2\nValueError: no"
    )
    rows = spoil(rows, rows["fold"] == 2, "timeout")
    groups = group_failures(Results(rows))
    assert [(*g.methods, g.status, g.reason, g.n_tasks) for g in groups] == [
        (METHODS[1], "error", "ValueError: no", 5),
        (METHODS[1], "timeout", "no reason stored", 4),
        ("propneat", "timeout", "no reason stored", 4),
    ]
    assert groups[0].datasets == ("data_00", "data_01", "data_02", "data_03")


def test_skipped_tasks_are_grouped_over_methods():
    rows = make_rows(4, METHODS[:2])
    rows = spoil(rows, (rows["dataset"] == "data_01") & (rows["fold"] < 2), "skipped", "one class")
    (group,) = group_failures(Results(rows))
    assert (set(group.methods), group.reason, group.n_tasks, group.datasets) == (set(METHODS[:2]), "one class", 4, ("data_01",))


def test_numbers_that_are_none_are_missing_like_nan():
    rows = make_realistic(4, METHODS[:3])
    with_none = rows.astype({"auc": object, "n_train": object, "fit_seconds": object})
    with_none = with_none.where(with_none.notna(), None)
    assert with_none["auc"].isna().any() and with_none["auc"].dtype == object
    first, second = (make_json(results, analyse(results), "0") for results in (Results(rows), Results(with_none)))
    assert first == second


def test_scores_below_one_half_are_kept_as_they_are():
    rows = make_rows(6, METHODS[:3])
    rows["auc"] = 1 - rows["auc"]
    assert analyse(Results(rows)).imputed.scores.max() < 0.5


def test_rows_that_cannot_be_reported_are_refused():
    rows = make_rows(2, METHODS[:2])
    with pytest.raises(DataError, match="need the columns auc"):
        Results(rows.drop(columns="auc"))
    with pytest.raises(DataError, match="no planned task"):
        Results(rows.iloc[:0])
    with pytest.raises(DataError, match="not lost"):
        Results(rows.assign(status="lost"))
    with pytest.raises(DataError, match="do not mix"):
        Results(rows.assign(protocol=["paper"] + ["cv-5"] * (len(rows) - 1)))
    with pytest.raises(DataError, match="two rows for propneat on data_00, repeat 0, fold 0"):
        Results(pd.concat([rows, rows.iloc[:1]]))


def test_json_has_no_number_that_json_lacks():
    rows = make_rows(3, METHODS[:2])
    numbers = make_json(Results(rows), analyse(Results(rows)), "0")
    assert numbers["analyses"]["imputed"]["primary"][0]["low"] is None
    assert math.isinf(analyse(Results(rows)).imputed.primary[0].low)
