"""Regressions in the benchmark: SRBench's splits and suites, scores of numbers, sizes, and what the report makes of them."""

import csv
import json
import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmark_rows import make_rows, spoil
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import train_test_split

from propneat.base.errors import ConfigError
from propneat.benchmark import BenchmarkConfig, Outcome, Protocol, create_store, make_plan, open_store
from propneat.benchmark.executor import Job, execute
from propneat.benchmark.merge import check_mergeable, merge_stores
from propneat.benchmark.metrics import one_value_reason, score_numbers
from propneat.benchmark.plan import options_of
from propneat.benchmark.predictions import pack_numbers, unpack
from propneat.benchmark.results import comparable_rows, load_results, summarise
from propneat.benchmark.splits import SRBENCH_SEEDS, split
from propneat.benchmark.store_form import SCHEMA, upgrade
from propneat.benchmark.suites import suite_names
from propneat.benchmark.tables import read_benchmark_table
from propneat.data import pmlb_source, read_catalogue
from propneat.genome import NodeKind, activation_code, make_genome
from propneat.model.summary import n_nodes
from propneat.report.benchmark import Results, write_report
from propneat.report.benchmark.analysis import analyse
from propneat.report.benchmark.json_form import make_json
from propneat.report.benchmark.metric import METRICS
from propneat.report.benchmark.rank_cost import draw_rank_cost
from propneat.report.drawing import Marker, Segments

ROOT = Path(__file__).parents[1]
PMLB = Path(os.environ.get("PROPNEAT_TEST_PMLB") or ROOT / ".." / "shared" / "pmlb")
PUBLISHED = PMLB.parent / "reference" / "srbench2021_blackbox.csv"
needs_reference = pytest.mark.skipif(not PUBLISHED.is_file(), reason="PMLB's files and SRBench's published values are not here")

TEN_TRIALS = (23654, 15795, 860, 5390, 29802, 21575, 11964, 11284, 22118, 6265)


def test_srbenchs_splits_are_its_own():
    assert SRBENCH_SEEDS[:10] == TEN_TRIALS
    protocol = Protocol("srbench")
    assert protocol.parts() == [(repeat, 0) for repeat in range(10)]
    assert len(Protocol("srbench-2025").parts()) == 30 and len(Protocol("srbench", n_repeats=2).parts()) == 2
    target = np.random.default_rng(0).random(403)
    for repeat, _ in protocol.parts():
        rows = split("srbench", "any", target, repeat, 0)
        train, test = train_test_split(np.arange(403), train_size=0.75, test_size=0.25, random_state=TEN_TRIALS[repeat])
        assert rows.train.tolist() == sorted(train) and rows.test.tolist() == sorted(test)
    with pytest.raises(ConfigError, match="SRBench has 100 seeds"):
        Protocol("srbench", n_repeats=101)


def test_srbench_trains_on_ten_thousand_rows_at_most():
    target = np.zeros(20_000)
    rows = split("srbench", "any", target, 1, 0)
    train, test = train_test_split(np.arange(20_000), train_size=0.75, test_size=0.25, random_state=15795)
    np.random.seed(15795)
    kept = train[np.random.choice(len(train), 10_000, replace=False)]
    assert rows.train.tolist() == sorted(kept) and rows.test.tolist() == sorted(test)
    # so estimates of time are not those of the whole table
    assert Protocol("srbench").most_rows(20_000) == 13_333 and Protocol("srbench").most_rows(500) == 500
    assert Protocol("paper").most_rows(20_000) == 20_000


@pytest.mark.parametrize("protocol", [Protocol("cv", 3, 2), Protocol("tabmini"), Protocol("paper", n_repeats=2)])
def test_other_protocols_divide_numbers_without_classes(protocol):
    target = np.random.default_rng(0).integers(0, 3, 60).astype(float)
    for repeat, fold in protocol.parts():
        rows = split(protocol.label, "some", target, repeat, fold)
        assert not set(rows.train) & set(rows.test) and len(rows.train) + len(rows.test) == 60
        assert min(len(rows.train), len(rows.test)) >= 18


def test_the_suites_of_srbench_are_complete():
    names, entries = suite_names("srbench"), read_catalogue()
    assert len(names) == len(set(names)) == 122 and len(suite_names("srbench-2025")) == 12
    assert set(suite_names("srbench-2025")) < set(names)
    guarded = [name for name in names if name in entries]
    assert len(guarded) == 78 and all(entries[name].sha256 and entries[name].task == "regression" for name in guarded)
    embedded = suite_names("regression-embedded")
    assert "diabetes_progression" in embedded and {entries[name].task for name in embedded} == {"regression"}
    assert all(entries[name].embedded for name in embedded)


@needs_reference
def test_published_data_sets_are_those_of_the_suites():
    with PUBLISHED.open() as file:
        assert {row["dataset"] for row in csv.DictReader(file)} <= set(suite_names("srbench"))
    with (PUBLISHED.parent / "srbench2025_blackbox.csv").open() as file:
        assert {row["dataset"] for row in csv.DictReader(file)} == set(suite_names("srbench-2025"))


@needs_reference
@pytest.mark.parametrize(
    ("method", "make", "names", "tolerance"),
    [
        (
            "Linear",
            lambda seed: LinearRegression(),
            "649_fri_c0_500_5 1029_LEV 1030_ERA 579_fri_c0_250_5 609_fri_c0_1000_5 229_pwLinear 695_chatfield_4 "
            "523_analcatdata_neavote 690_visualizing_galaxy",
            0.002,
        ),
        (
            "RandomForest",
            lambda seed: RandomForestRegressor(30, random_state=seed),
            "579_fri_c0_250_5 596_fri_c2_250_5 624_fri_c0_100_5",
            0.04,
        ),
    ],
)
def test_plain_baselines_agree_with_the_published_values(method, make, names, tolerance):
    with PUBLISHED.open() as file:
        published = {row["dataset"]: float(row["r2_test"]) for row in csv.DictReader(file) if row["method"] == method}
    for name in names.split():
        table, scores = read_benchmark_table(name, str(PMLB)), []
        X, y = table.features.to_numpy(float), table.codes
        for repeat in range(10):
            rows = split("srbench", name, y, repeat, 0)
            answers = make(repeat).fit(X[rows.train], y[rows.train]).predict(X[rows.test])
            scores.append(score_numbers(y[rows.test], answers)["r2"])
        assert np.median(scores) == pytest.approx(published[name], abs=tolerance), name


def test_scores_of_numbers_are_scikit_learns():
    rng = np.random.default_rng(1)
    target = 1e6 + 300 * rng.standard_normal(200)
    answers = target + 100 * rng.standard_normal(200)
    found = score_numbers(target, answers)
    assert found["r2"] == pytest.approx(r2_score(target, answers))
    assert found["rmse"] == pytest.approx(root_mean_squared_error(target, answers))
    assert found["mae"] == pytest.approx(mean_absolute_error(target, answers))
    assert score_numbers(target, np.full(200, target.mean()))["r2"] == pytest.approx(0.0, abs=1e-12)
    # numbers whose squares overflow
    assert score_numbers(1e200 * target, 1e200 * answers)["r2"] == pytest.approx(found["r2"])
    assert score_numbers(np.array([0.0, 1.0]), np.array([1e9, -1e9]))["r2"] < -1e17


@pytest.mark.parametrize("answers", [[np.nan, 1.0], [np.inf, 1.0], [1.0]])
def test_answers_that_are_none_are_refused(answers):
    with pytest.raises(ValueError, match="answers that are not finite, or not one for every row"):
        score_numbers(np.array([0.0, 1.0]), np.array(answers))


def test_one_target_has_no_r2():
    assert one_value_reason(np.full(4, 0.1)).startswith("one value") and one_value_reason(np.array([0.0, 1e-9])) is None


def test_predicted_numbers_come_back_to_the_bit():
    rng = np.random.default_rng(3)
    rows, target, answers = np.arange(7) * 3, rng.standard_normal(7) * 1e9, rng.standard_normal(7)
    back = unpack(pack_numbers(rows, target, answers))
    assert all(np.array_equal(*pair) for pair in zip(back, (rows, target, answers), strict=True))


def sines(folder: Path, name: str = "sines.csv", shift: float = 0.0) -> str:
    """A file of 40 rows with a number to tell."""
    x = np.linspace(-2, 2, 40)
    path = folder / name
    path.write_text("x,target\n" + "".join(f"{a:.4f},{np.sin(a) + shift:.6f}\n" for a in x))
    return str(path)


def run_here(folder: Path, config: BenchmarkConfig) -> "pd.DataFrame":
    """Run a plan in this process and return the rows of its store."""
    plan = make_plan(config)
    with create_store(folder) as store:
        store.add_plan(plan)
        for entry in plan:
            outcome = execute(Job(entry.task, options_of(config, entry.task.method), config.data_dir, 1))
            store.add_result(entry.task.key, outcome, 1)
        store.check()
        return store.rows()


def test_a_regression_is_run_scored_and_stored(tmp_path):
    quick = {"propneat": {"generations": 2, "population_size": 20}}
    config = BenchmarkConfig(
        datasets=(sines(tmp_path),), methods=("ridge", "propneat"), protocol=Protocol("srbench", n_repeats=2), options=quick
    )
    rows = run_here(tmp_path / "run", config)
    assert set(rows["status"]) == {"ok"} and len(rows) == 4
    assert set(rows["kind"]) == {"regression"} and set(rows["n_classes"]) == {0}
    assert rows[["r2", "rmse", "mae"]].notna().all(axis=None) and rows["auc"].isna().all()
    assert (rows["n_train"], rows["n_test"])[0].tolist() == [30] * 4
    sizes = rows.groupby("method")["n_nodes"].min()
    assert np.isnan(sizes["ridge"]) and sizes["propneat"] >= 4
    ridge = rows[rows["method"] == "ridge"].iloc[0]
    with open_store(tmp_path / "run") as store:
        _, target, answers = unpack(store.prediction(ridge["key"]))
    assert r2_score(target, answers) == pytest.approx(ridge["r2"], rel=1e-9)


def test_a_constant_target_among_test_or_training_rows_is_skipped(tmp_path):
    table = tmp_path / "rare.csv"
    table.write_text("x,target\n" + "".join(f"{k},{7.25 if k == 0 else 0.5}\n" for k in range(60)))
    config = BenchmarkConfig(datasets=(str(table),), methods=("ridge",), protocol=Protocol("cv", 3))
    frame = pd.read_csv(table)
    assert frame["target"].nunique() == 2
    # two values would be two classes, so a third one makes it a number
    table.write_text(table.read_text() + "60,0.75\n")
    rows = run_here(tmp_path / "run", replace(config, datasets=(str(table),)))
    found = rows["status"].value_counts().to_dict()
    assert set(found) <= {"ok", "skipped"} and found["skipped"] >= 1
    assert rows.loc[rows["status"] == "skipped", "reason"].str.startswith("one value").all()


def test_methods_are_planned_on_their_own_tasks_and_what_is_left_out_is_said(tmp_path):
    said = []
    config = BenchmarkConfig(datasets=(sines(tmp_path), "monk1"), methods=("ridge", "logistic-regression", "propneat"))
    plan = make_plan(config, say=said.append)
    pairs = {(entry.task.method, entry.kind) for entry in plan}
    assert pairs == {
        ("ridge", "regression"), ("propneat", "regression"), ("logistic-regression", "binary"), ("propneat", "binary")
    }  # fmt: skip
    assert said == [
        "ridge is not for binary tasks: left out on those data sets",
        "logistic-regression is not for regression tasks: left out on those data sets",
    ]
    said.clear()
    core = {entry.task.method for entry in make_plan(replace(config, datasets=(sines(tmp_path),), methods=()), say=said.append)}
    assert {"propneat", "ridge", "gradient-boosting", "random-forest-default", "dense-nn-small"} == core and not said


def test_data_sets_of_a_suite_without_their_file_are_left_out_and_said(tmp_path, monkeypatch):
    asked = []

    def unreachable(name, cache):
        asked.append(name)
        raise pmlb_source.UnreachableError(f"data set {name!r} is not here")

    monkeypatch.setattr(pmlb_source, "_download", lambda stored, name, cache: unreachable(name, cache))
    monkeypatch.setattr("propneat.benchmark.plan.suite_names", lambda suite: ["friedman1", "210_cloud", "503_wind"])
    said = []
    config = BenchmarkConfig(suite="srbench", methods=("ridge",), data_dir=str(tmp_path))
    plan = make_plan(config, say=said.append)
    assert {entry.task.dataset for entry in plan} == {"friedman1"} and asked == ["210_cloud"]
    assert len(said) == 1 and said[0].startswith("2 of 3 data sets of the suite srbench left out: ")
    assert "(210_cloud, 503_wind)" in said[0]
    with pytest.raises(pmlb_source.UnreachableError, match="210_cloud"):
        make_plan(replace(config, datasets=("friedman1", "210_cloud")))
    monkeypatch.setattr("propneat.benchmark.plan.suite_names", lambda suite: ["210_cloud", "503_wind"])
    with pytest.raises(pmlb_source.UnreachableError, match="210_cloud"):
        make_plan(config)


def old_store(folder: Path, version: str) -> str:
    """Make a store as a version wrote it, with one result; returns its key."""
    plan = make_plan(BenchmarkConfig(datasets=("monk1",), methods=("neat",), protocol=Protocol("paper")))
    with create_store(folder / "new") as store:
        store.add_plan(plan)
        store.add_result(plan[0].task.key, Outcome("ok", metrics={"auc": 0.75}, fit_seconds=1.0), 1)
        (row,) = store.stream(("*",), "plan")
    statements = SCHEMA.split(";\n")
    with sqlite3.connect(folder / "old.sqlite") as connection:
        for statement in statements[: len(statements) - len(upgrade(version))]:
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('schema', ?)", [version])
        connection.execute(f"INSERT INTO plan VALUES ({', '.join('?' * len(row))})", row)
        connection.execute("INSERT INTO result (key, status, auc, fit_seconds) VALUES (?, 'ok', 0.75, 1.0)", row[:1])
    connection.close()
    (folder / "before").mkdir()
    (folder / "old.sqlite").rename(folder / "before" / "results.sqlite")
    return str(row[0])


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_store_of_an_older_version_is_read_merged_and_written_on(tmp_path, version):
    key, path = old_store(tmp_path, version), tmp_path / "before" / "results.sqlite"
    before = path.read_bytes()
    with open_store(tmp_path / "before") as store:
        store.check()
        row = store.rows().iloc[0]
        assert row["auc"] == 0.75 and np.isnan(row["r2"]) and np.isnan(row["n_nodes"]) and np.isnan(row["ece"])
        check_mergeable([store])
        with create_store(tmp_path / "merged") as merged:
            assert merge_stores(merged, [store]) == [(1, 0)]
            assert merged.rows().equals(store.rows())
    assert path.read_bytes() == before
    with create_store(tmp_path / "before") as store:
        assert store.statuses() == {key: "ok"} and store.rows().iloc[0]["auc"] == 0.75
        plan = make_plan(BenchmarkConfig(datasets=("friedman2",), methods=("ridge",), protocol=Protocol("paper")))
        store.add_plan(plan)
        store.add_result(plan[0].task.key, Outcome("ok", metrics={"r2": -3.0, "rmse": 1.0, "mae": 1.0}, n_nodes=7), 1)
    with open_store(tmp_path / "before") as store:
        store.check()
        assert sorted(store.rows()["r2"].dropna()) == [-3.0]


def test_the_store_of_the_examples_is_still_read():
    with open_store(ROOT / "results" / "examples" / "pmlb58-paper") as store:
        best = summarise(comparable_rows(store))[0]
    assert (best["kind"], best["metric"], round(best["mean_auc"], 3)) == ("classification", "auc", 0.914)


def network(hidden: list[str], output: str, connections: list[tuple[int, int]]):
    """A genome of two inputs 0 and 1, hidden nodes from 2 on, output 9; connections as (source, target)."""
    rng = np.random.default_rng(5)
    nodes = [(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.0, NodeKind.INPUT, 0, 0)]
    nodes += [(2 + k, rng.uniform(0.1, 1), NodeKind.HIDDEN, activation_code(name), 0) for k, name in enumerate(hidden)]
    nodes.append((9, rng.uniform(0.1, 1), NodeKind.OUTPUT, activation_code(output), 0))
    return make_genome(nodes, [(k, *pair, rng.uniform(0.1, 1), True) for k, pair in enumerate(connections)])


NETWORKS = [
    ([], "identity", [(0, 9)]),
    ([], "identity", [(0, 9), (1, 9)]),
    (["tanh"], "identity", [(0, 2), (1, 2), (2, 9)]),
    (["tanh", "sin"], "identity", [(0, 2), (1, 2), (2, 3), (0, 3), (2, 9), (3, 9), (1, 9)]),
    (["abs", "gauss", "relu"], "identity", [(0, 2), (1, 2), (2, 3), (1, 3), (3, 4), (0, 4), (4, 9), (0, 9)]),
    (["sigmoid", "softplus"], "identity", [(0, 2), (1, 3), (2, 9), (3, 9)]),
]


@pytest.mark.parametrize(("hidden", "output", "connections"), NETWORKS)
def test_the_size_of_a_network_is_that_of_its_formula(hidden, output, connections):
    sympy = pytest.importorskip("sympy")
    genome = network(hidden, output, connections)
    formulas = {
        "identity": lambda z: z, "tanh": sympy.tanh, "sin": sympy.sin, "abs": sympy.Abs, "relu": lambda z: sympy.Max(0, z),
        "gauss": lambda z: sympy.exp(-(z**2)), "sigmoid": lambda z: 1 / (1 + sympy.exp(-z)),
        "softplus": lambda z: sympy.log(1 + sympy.exp(z)),
    }  # fmt: skip
    values = dict(zip((0, 1), sympy.symbols("x0 x1", real=True), strict=True))
    names = dict(zip([*range(2, 2 + len(hidden)), 9], [*hidden, output], strict=True))
    biases = dict(zip(genome.nodes["id"].tolist(), genome.nodes["bias"].tolist(), strict=True))
    weights = {(int(c["source"]), int(c["target"])): float(c["weight"]) for c in genome.connections}
    for node, name in names.items():
        total = sum(weight * values[source] for (source, target), weight in weights.items() if target == node) + biases[node]
        values[node] = formulas[name](total)
    # a product and its number less, where a weight is taken out of the function
    n_pulled_out = 2 * sum(name in ("abs", "gauss", "relu") for name in hidden)
    assert n_nodes(genome) == len(list(sympy.preorder_traversal(values[9]))) - n_pulled_out


def test_the_size_grows_with_what_is_written_out_twice_and_never_overflows():
    chain = [(0, 2)] + [(2 + k, 3 + k) for k in range(5)] + [(7, 9)]
    once, twice = (n_nodes(network([name] * 6, "identity", chain)) for name in ("tanh", "silu"))
    assert once == 1 + 6 * (4 + 1) + 4 and twice > 2**6 * 5
    assert n_nodes(network([], "identity", [(0, 9)]), is_logarithm=True) == 6


def numbers(seed: int = 0) -> pd.DataFrame:
    """Rows of a run of regressions, in which everything went well."""
    rows = make_rows(6, ("propneat", "ridge", "forest"), n_folds=2, seed=seed)
    return rows.assign(
        task="regression", n_classes=0, r2=2 * rows["auc"] - 1, rmse=2.5 - 2 * rows["auc"], mae=2 - rows["auc"],
        n_nodes=rows["n_parameters"].where(rows["method"] == "propneat") * 3,
        auc=np.nan, balanced_accuracy=np.nan, accuracy=np.nan, log_loss=np.nan, brier=np.nan, ece=np.nan,
    )  # fmt: skip


def test_a_failed_method_ranks_last_and_counts_as_the_constant_predictor():
    rows = numbers()
    rows.loc[(rows["dataset"] == "data_01") & (rows["method"] == "forest"), "r2"] = -40.0
    failed = (rows["method"] == "ridge") & (rows["dataset"] == "data_01")
    rows = spoil(rows, failed, "timeout", "too slow")
    rows.loc[failed, ["r2", "rmse", "mae"]] = np.nan
    analysis = analyse(Results(rows))
    pool, row = analysis.imputed, 1
    names = list(analysis.cells.methods)
    ridge, forest = names.index("ridge"), names.index("forest")
    assert pool.imputed[row].tolist() == [name == "ridge" for name in names]
    assert pool.scores[row, ridge] == 0.0 and pool.scores[row, forest] == -40.0
    assert pool.placed[row, ridge] < pool.placed[row, forest] < pool.placed[row, names.index("propneat")]
    others = np.delete(np.arange(6), row)
    assert np.array_equal(pool.placed[others], pool.scores[others])
    summary = {names[entry.method]: entry for entry in analysis.summary}
    assert summary["ridge"].n_imputed == 1 and summary["ridge"].mean_score == pytest.approx(pool.scores[:, ridge].mean())
    assert summary["forest"].floored_r2 == pytest.approx(np.maximum(analysis.cells.score[:, forest], 0).mean())
    text = json.dumps(make_json(Results(rows), analysis, "0"))
    assert json.loads(text)["metric"] == "r2" and json.loads(text)["imputed_score"] == 0.0


def test_the_picture_of_srbench_joins_the_methods_that_none_beats_in_rank_and_size():
    analysis = analyse(Results(numbers()))
    drawing = draw_rank_cost(analysis, "size")
    rows = {row.method: row for row in analysis.summary}
    unbeaten = [
        row for row in rows.values() if not any(o.size <= row.size and o.mean_rank < row.mean_rank for o in rows.values())
    ]
    (front,) = [item for item in drawing.items if isinstance(item, Segments) and item.role == "soft"]
    assert len(front.points) == len(unbeaten) - 1
    marks = [item for item in drawing.items if isinstance(item, Marker) and item.title]
    assert len(marks) == 3 and min(marks, key=lambda mark: mark.y).title.startswith("propneat: mean rank 1.")
    assert draw_rank_cost(analyse(Results(numbers().assign(n_parameters=np.nan, n_nodes=np.nan))), "size") is None


def test_a_score_of_which_less_is_better_turns_every_comparison_round():
    rows = numbers()
    up, down = (analyse(Results(rows, score=METRICS[name])) for name in ("r2", "rmse"))
    # these errors are a falling line of R squared, slope -1
    np.testing.assert_allclose(down.imputed.ranks, up.imputed.ranks)
    assert [row.method for row in down.summary] == [row.method for row in up.summary]
    for first, second in zip(up.imputed.primary, down.imputed.primary, strict=True):
        assert (first.wins, first.losses) == (second.wins, second.losses)
        assert second.median_difference == pytest.approx(first.median_difference)
    np.testing.assert_allclose(down.fold_tests.difference, up.fold_tests.difference)
    failed = spoil(rows, (rows["method"] == "ridge") & (rows["dataset"] == "data_01"), "error", "no")
    failed.loc[failed["status"] == "error", ["r2", "rmse", "mae"]] = np.nan
    analysis = analyse(Results(failed, score=METRICS["rmse"]))
    pool, ridge = analysis.imputed, analysis.cells.methods.index("ridge")
    assert pool.scores[1, ridge] == np.delete(pool.scores[1], ridge).max() and pool.placed[1].argmin() == ridge


def test_both_kinds_of_task_have_tables_of_their_own_in_one_page(tmp_path):
    classes = make_rows(6, ("propneat", "forest", "logistic"), n_folds=2).assign(
        r2=np.nan, rmse=np.nan, mae=np.nan, n_nodes=np.nan
    )
    rows = pd.concat([classes.assign(dataset="c_" + classes["dataset"]), numbers()], ignore_index=True)
    paths = write_report(Results(rows, title="both"), tmp_path)
    page, told = paths.html.read_text(), json.loads(paths.json.read_text())
    for name in ("classification-summary", "regression-summary", "classification-auc", "regression-r2"):
        assert page.count(f'<table id="table-{name}"') == 1
    assert page.count('<section id="provenance"') == 1 and "Summary of methods (regression)" in page
    assert {kind: part["methods"] for kind, part in told["kinds"].items()} == {
        "classification": ["propneat", "forest", "logistic"], "regression": ["propneat", "forest", "ridge"]
    }  # fmt: skip
    assert {path.stem for path in paths.figures} >= {
        "classification-auc-n-parameters",
        "regression-r2-size",
        "regression-ranks",
    }


def test_srbenchs_trials_are_joined_by_their_median_and_those_of_2025_by_the_area():
    rows = numbers().assign(protocol="srbench")
    rows.loc[(rows["dataset"] == "data_00") & (rows["fold"] == 0), "r2"] = -9.0
    extra = rows.assign(fold=rows["fold"] + 2, r2=rows["r2"] / 2)
    rows = pd.concat([rows, extra], ignore_index=True)
    cells = analyse(Results(rows)).cells
    expected = rows.pivot_table(index="dataset", columns="method", values="r2", aggfunc="median")[list(cells.methods)]
    np.testing.assert_allclose(cells.score, expected.to_numpy(), rtol=1e-12)
    area = analyse(Results(rows.assign(protocol="srbench-2025"))).cells
    assert area.metric.name == "r2_area"
    mine = rows[(rows["dataset"] == "data_00") & (rows["method"] == "ridge")]["r2"].to_numpy()
    profile = np.mean([np.mean(mine >= t) for t in (np.arange(100_000) + 0.5) / 100_000])
    assert area.score[0, area.methods.index("ridge")] == pytest.approx(profile, abs=1e-4)


def test_the_summary_in_the_terminal_has_a_table_for_each_kind(run, folder):
    sines(folder)
    command = ("benchmark", "--datasets", "sines.csv,parity5", "--methods", "ridge,gradient-boosting,logistic-regression")
    code, out, err = run(*command, "--folds", "2", "--workers", "1", "--out", "r")
    assert code == 0 and "ridge is not for binary tasks" in err
    first, second = out.split("regression:\n")
    assert first.startswith("classification:\n") and "mean AUC" in first and "ridge" not in first
    assert "mean R²" in second and "logistic" not in second
    code, out, _ = run(*command, "--folds", "2", "--workers", "1", "--out", "r", "--json", "--quiet", "--no-report")
    told = json.loads(out)["methods"]
    assert [(row["kind"], row["metric"]) for row in told] == [("classification", "auc")] * 2 + [("regression", "r2")] * 2
    with open_store(folder / "r") as store:
        assert any("ridge is not for binary" in line for line in store.configuration()["left_out"])
        assert load_results(store, "r").kinds == ("classification", "regression")
    code, _, err = run("benchmark", "report", "r", "--score", "mae", "--out", "by-mae")
    assert code == 0 and "MAE" in (folder / "by-mae" / "report.md").read_text()
    code, _, err = run("benchmark", "report", "r", "--score", "r3", "--out", "by-r3")
    assert (
        code == 2 and "there is no score 'r3' in these results: the scores are auc" in err and not (folder / "by-r3").exists()
    )
