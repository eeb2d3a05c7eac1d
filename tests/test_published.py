"""Published results: the shapes that are read, where they stand among measured ones, and what is refused."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmark_rows import make_rows

from propneat.base.errors import ConfigError, DataError
from propneat.benchmark import BenchmarkConfig, Outcome, Protocol, create_store, make_plan
from propneat.benchmark.published import PublishedValue, rank_beside, read_published, select_published
from propneat.report.benchmark import Results
from propneat.report.benchmark.analysis import analyse
from propneat.report.benchmark.dataset_tables import fold_tests_table
from propneat.report.benchmark.tables import coverage_table, summary_table

REFERENCE = (
    Path(os.environ.get("PROPNEAT_TEST_PMLB") or Path(__file__).parents[1] / ".." / "shared" / "pmlb").parent / "reference"
)

LONG = "dataset,method,r2_test,model_size,seconds\ndata_00,Operon,0.9,49,409\ndata_00,XGB,0.8,5000,80\ndata_01,Operon,0.7,50,\n"
WIDE = "dataset;AutoGluon;Logistic regression\ndata_00;1.0;0.17\ndata_01;0.78;\n"


def write(folder: Path, text: str, name: str = "published.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_value_a_row_is_read_with_size_and_seconds(tmp_path):
    assert read_published(write(tmp_path, LONG)) == [
        PublishedValue("data_00", "Operon", 0.9, "r2", 49.0, 409.0),
        PublishedValue("data_00", "XGB", 0.8, "r2", 5000.0, 80.0),
        PublishedValue("data_01", "Operon", 0.7, "r2", 50.0, None),
    ]
    generic = "Dataset,Algorithm,score\nsome set,mine,0.25\n"
    assert read_published(write(tmp_path, generic)) == [PublishedValue("some set", "mine", 0.25)]


def test_a_column_for_each_method_is_read_and_empty_cells_are_none(tmp_path):
    assert read_published(write(tmp_path, WIDE)) == [
        PublishedValue("data_00", "AutoGluon", 1.0),
        PublishedValue("data_01", "AutoGluon", 0.78),
        PublishedValue("data_00", "Logistic regression", 0.17),
    ]


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the published values are not here")
def test_the_files_of_the_studies_are_read():
    counts = {"srbench2021_blackbox": (21, 78), "srbench2025_blackbox": (25, 12), "tabmini_auc_1h": (5, 27)}
    for name, expected in counts.items():
        values = read_published(REFERENCE / f"{name}.csv")
        assert (len({value.method for value in values}), len({value.dataset for value in values})) == expected
    for name in ("srbench2021_medians", "tabarena_sept2026", "emlearn_fork_tree_ensemble_size"):
        with pytest.raises(DataError, match="expected the columns dataset, method and score"):
            read_published(REFERENCE / f"{name}.csv")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("algorithm,r2_test\nOperon,0.9\n", "has the columns algorithm, r2_test: expected the columns dataset"),
        ("dataset,method,elo\na,b,1000\n", "none of them a score"),
        ("dataset,method,score\na,b,high\n", "holds 'high' in the column 'score'"),
        ("dataset,Operon\na,high\n", "holds 'high' in the column 'Operon'"),
        ("dataset,method,score\na,b,0.5\na,b,0.6\n", "two scores of b on a"),
        ("dataset,method,score\na,b,\n", "holds no score"),
    ],
)
def test_a_file_of_another_shape_is_refused_in_one_sentence(tmp_path, text, words):
    with pytest.raises(DataError) as caught:
        read_published(write(tmp_path, text))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_some_methods_can_be_taken_and_unknown_ones_are_refused(tmp_path):
    values = read_published(write(tmp_path, LONG))
    assert [value.method for value in select_published(values, ["XGB"])] == ["XGB"] and select_published(values, ()) == values
    with pytest.raises(ConfigError, match="there is no published method 'Opern' in the file: did you mean 'Operon'"):
        select_published(values, ["Opern"])


def numbers() -> Results:
    """A run of regressions on six data sets."""
    rows = make_rows(6, ("propneat", "ridge"), n_folds=3).assign(task="regression", n_classes=0, mae=1.0, rmse=1.0)
    return Results(rows.rename(columns={"auc": "r2"}).assign(auc=np.nan, n_nodes=50.0))


def test_published_methods_are_ranked_beside_the_others_and_never_tested_over_folds():
    results = numbers()
    names = sorted(results.rows["dataset"].unique())[:4]
    values = [PublishedValue(name, "Best", 0.999, "r2", 10.0, 3600.0) for name in names]
    values += [PublishedValue(name, "Worst", -2.0, "r2") for name in names[:3]]
    values += [PublishedValue("elsewhere", "Best", 0.1, "r2"), PublishedValue(names[0], "Other", 0.5, "auc")]
    ranked, line = rank_beside(results, values)
    assert line.startswith("2 methods on 4 data sets") and "the other 2 data sets of this run have no published value" in line
    analysis = analyse(ranked)
    cells = analysis.cells
    assert cells.methods == ("propneat", "ridge", "Best (published)", "Worst (published)")
    assert cells.published.tolist() == [False, False, True, True]
    assert [dataset.name for dataset in cells.datasets] == names and len(analysis.imputed.scores) == 4
    best, worst = analysis.summary[0], analysis.summary[-1]
    assert (best.method, best.mean_rank, best.size, best.fit_seconds, best.n_parameters != best.n_parameters) == (
        2, 1.0, 10.0, 3600.0, True
    )  # fmt: skip
    # a data set without a value of it counts as failed
    assert (worst.method, worst.n_imputed, worst.mean_rank) == (3, 1, 4.0)
    own = analyse(Results(results.rows[results.rows["dataset"].isin(names)]))
    assert cells.n_usable_tasks == own.cells.n_usable_tasks == len(cells.folds.score)
    np.testing.assert_array_equal(analysis.fold_tests.p_value[:, :2], own.fold_tests.p_value)
    assert np.isnan(analysis.fold_tests.p_value[:, 2:]).all()
    assert [column.label for column in fold_tests_table(analysis).columns] == ["Data set", "ridge"]
    assert [column.label for column in coverage_table(cells).columns] == ["Data set", "propneat", "ridge"]
    assert summary_table(analysis).rows[0][0].text == "Best (published)"


def test_scores_that_do_not_say_what_they_are_stand_for_the_headline():
    results = Results(make_rows(6, ("propneat", "forest"), n_folds=2))
    ranked, _ = rank_beside(results, [PublishedValue("data_00", "Published", 0.75)])
    assert ranked.rows.loc[ranked.rows["method"] == "Published (published)", "auc"].tolist() == [0.75]
    with pytest.raises(DataError, match="the file has no AUC of a data set of this run, which has data_00"):
        rank_beside(results, [PublishedValue("data_00", "Published", 0.75, "r2"), PublishedValue("other", "Published", 0.75)])
    area, _ = rank_beside(Results(numbers().rows.assign(protocol="srbench-2025")), [PublishedValue("data_00", "P", 0.25)])
    assert analyse(area).cells.score[0].tolist()[2] == 0.25


@pytest.fixture
def finished(folder):
    """A folder with the results of a run."""
    with create_store(folder / "done") as store:
        plan = make_plan(
            BenchmarkConfig(datasets=("friedman1", "friedman2"), methods=("ridge",), protocol=Protocol("srbench", 5, 2))
        )
        store.note("configuration", {"protocol": "srbench", "suites": [], "methods": {}, "limits": {}})
        store.add_plan(plan)
        for entry in plan:
            store.add_result(
                entry.task.key, Outcome("ok", metrics={"r2": 0.5, "rmse": 1.0, "mae": 1.0}, n_train=3, n_test=1), 1
            )
    return folder


def test_the_report_takes_a_file_of_published_values(run, finished):
    write(finished, LONG.replace("data_00", "friedman1"))
    before = (finished / "done" / "results.sqlite").read_bytes()
    code, out, err = run("benchmark", "report", "done", "--published", "published.csv", "--published-methods", "Operon")
    assert (code, out) == (0, "") and "published  1 methods on 1 data sets" in err
    told = json.loads((finished / "done" / "report.json").read_text())
    assert told["methods"] == ["ridge", "Operon (published)"] and told["published"] == ["Operon (published)"]
    assert told["reference"] == "ridge" and [row["name"] for row in told["datasets"]] == ["friedman1"]
    assert (finished / "done" / "results.sqlite").read_bytes() == before
    code, out, _ = run("benchmark", "report", "done", "--methods", "ridge", "--out", "alone", "--quiet")
    assert code == 0 and json.loads((finished / "alone" / "report.json").read_text())["methods"] == ["ridge"]


WRONG = (
    (("--published", "nowhere.csv"), "nowhere.csv"),
    (("--published", "odd.csv"), "expected the columns dataset, method and score"),
    (("--published", "published.csv", "--published-methods", "Opern"), "did you mean 'Operon'?"),
    (("--published", "published.csv"), "the file has no R² of a data set of this run"),
    (("--published-methods", "Operon"), "goes with --published"),
    (("--methods", "rigde"), "there is no method 'rigde' in these results: did you mean 'ridge'?"),
    (("--methods", ","), "--methods is given without a name"),
    (("--published", "published.csv", "--score", "auc"), "the scores are r2, r2_area, rmse, mae"),
)


def test_what_cannot_be_used_is_one_sentence_and_leaves_no_report(run, finished):
    write(finished, LONG)
    write(finished, "name,elo\na,1\n", "odd.csv")
    for arguments, words in WRONG:
        code, out, err = run("benchmark", "report", "done", *arguments, "--out", "new")
        assert (code, out) == (2, "") and words in err.replace("\n", " ") and "Traceback" not in err, (arguments, err)
        assert not (finished / "new").exists()
    assert pd.read_csv(finished / "published.csv").shape == (3, 5)
