"""Laws of the estimators: scikit-learn's own checks, and what holds to the bit beyond them."""

import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from propneat import (
    PropNEATClassifier,
    PropNEATEnsembleClassifier,
    PropNEATEnsembleRegressor,
    PropNEATRegressor,
    load_model,
)
from propneat.base.errors import ConfigError, DataError, GenomeError
from propneat.genome import Genome, NodeKind, activation_code
from propneat.model.preparation import prepare_problem
from propneat.settings.evolve_config import default_config

TINY = {"population_size": 8, "generations": 2, "populations": 1, "epochs": 2, "prune_epochs": 1, "random_state": 0}
SHORT = TINY | {"fine_tune_epochs": 5}
NAN = float("nan")


QUICK = TINY | {"fine_tune_epochs": 60}
ENSEMBLES = [
    PropNEATEnsembleClassifier(PropNEATClassifier(**QUICK), n_populations=2, random_state=0),
    PropNEATEnsembleRegressor(PropNEATRegressor(**QUICK), n_populations=2, random_state=0),
]
CHECKS = parametrize_with_checks([PropNEATClassifier(**QUICK), PropNEATRegressor(**QUICK), *ENSEMBLES])


# older versions of scikit-learn give an iterator, and pytest wants a list
@pytest.mark.parametrize(CHECKS.args[0], list(CHECKS.args[1]), **CHECKS.kwargs)
def test_scikit_learns_own_checks_pass(estimator, check, monkeypatch):
    # without this scikit-learn skips its check of array API dispatch
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


def mixed_frame(n_rows: int, rng: np.random.Generator) -> tuple[pandas.DataFrame, pandas.Series]:
    """Rows whose class hangs on a colour, a size and whether the size is known."""
    colour = rng.choice(["red", "green", "blue"], n_rows)
    size = rng.normal(size=n_rows)
    size[rng.random(n_rows) < 0.2] = NAN
    is_yes = (colour == "red") ^ (np.nan_to_num(size, nan=2.0) > 1)
    frame = pandas.DataFrame(
        {
            "colour": pandas.Series(colour).mask(rng.random(n_rows) < 0.05),
            "size": size,
            "shape": pandas.Categorical(rng.choice(["round", "flat"], n_rows)),
        }
    )
    return frame, pandas.Series(np.where(is_yes, "yes", "no"), name="bought")


def blobs(n_rows: int, n_classes: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping clouds of points, one per class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n_rows)
    return rng.normal(size=(n_rows, 4)) + 1.5 * np.eye(max(n_classes, 4))[y][:, :4], y


def tables_of(kind: str) -> tuple[type, np.ndarray, np.ndarray]:
    """An estimator class, and a table for it."""
    X, y = blobs(60, 3 if kind == "multiclass" else 2)
    if kind == "regression":
        return PropNEATRegressor, X, X @ [1.0, -2.0, 0.5, 0.0] + 3.0
    return PropNEATClassifier, X, y


KINDS = ("binary", "multiclass", "regression")


def answers_of(estimator, X) -> list[np.ndarray]:
    """Everything an estimator can say about rows."""
    methods = ("predict", "predict_proba", "predict_log_proba", "decision_function")
    return [getattr(estimator, method)(X) for method in methods if hasattr(estimator, method)]


def assert_same_bits(first: list[np.ndarray], second: list[np.ndarray]) -> None:
    for a, b in zip(first, second, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        assert a.tolist() == b.tolist() if a.dtype == object else a.tobytes() == b.tobytes()


def test_frames_with_texts_categories_and_missing_values_work_from_end_to_end(tmp_path):
    frame, target = mixed_frame(400, np.random.default_rng(1))
    new_frame, new_target = mixed_frame(200, np.random.default_rng(2))
    classifier = PropNEATClassifier(population_size=40, generations=10, populations=1, random_state=3).fit(frame, target)
    assert classifier.feature_names_in_.tolist() == ["colour", "size", "shape"]
    assert classifier.n_features_in_ == 3
    assert classifier.classes_.tolist() == ["no", "yes"]
    assert classifier.n_iter_ == len(classifier.history_) == 10
    assert classifier.model_.target_name == "bought"
    assert classifier.score(new_frame, new_target) > 0.85
    classifier.save(tmp_path / "champion.json")
    model = load_model(tmp_path / "champion.json")
    assert_same_bits([model.predict_proba(new_frame)], [classifier.predict_proba(new_frame)])
    assert (tmp_path / "champion.json").read_text() == classifier.to_json()
    assert set(classifier.predict(new_frame.assign(colour="violet"))) <= {"no", "yes"}


def test_objects_of_texts_and_numbers_are_understood_whatever_holds_them():
    frame, target = mixed_frame(80, np.random.default_rng(4))
    cells = frame.astype(object).where(frame.notna(), None)
    array, rows = cells.to_numpy(dtype=object), cells.to_numpy(dtype=object).tolist()
    by_frame, by_array, by_rows = (PropNEATClassifier(**SHORT).fit(table, target) for table in (frame, array, rows))
    assert_same_bits(answers_of(by_frame, frame), answers_of(by_array, array))
    assert_same_bits(answers_of(by_frame, frame), answers_of(by_rows, rows))
    # of such rows numpy would make an array of texts
    complete = [["red", 1.5], ["blue", 2.0], ["red", 2.5], ["green", 1.5]]
    assert "x1" in PropNEATClassifier(**SHORT).fit(complete, [0, 1, 0, 1]).model_.input_names


def test_columns_without_text_names_go_by_position_in_frames_as_in_arrays():
    Estimator, X, y = tables_of("binary")
    fitted = Estimator(**SHORT).fit(pandas.DataFrame(X), y)
    assert not hasattr(fitted, "feature_names_in_")
    assert_same_bits(answers_of(fitted, pandas.DataFrame(X, columns=[7, 8, 9, 5])), answers_of(fitted, X))
    named = Estimator(**SHORT).fit(pandas.DataFrame(X, columns=list("abcd")), y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert_same_bits([named.predict_proba(X)], [fitted.predict_proba(X)])


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_of_weight_two_is_the_row_twice_and_one_of_weight_zero_is_not_there(kind):
    Estimator, X, y = tables_of(kind)
    counts = np.random.default_rng(5).integers(0, 4, size=len(y))
    weighted = Estimator(**SHORT).fit(X, y, sample_weight=counts)
    shuffled = np.random.default_rng(6).permutation(np.repeat(np.arange(len(y)), counts))
    repeated = Estimator(**SHORT).fit(X[shuffled], y[shuffled])
    assert weighted.to_json() == repeated.to_json()
    assert_same_bits(answers_of(weighted, X), answers_of(repeated, X))
    assert weighted.to_json() != Estimator(**SHORT).fit(X, y).to_json()


def test_a_class_of_weight_zero_is_no_class():
    _, X, y = tables_of("multiclass")
    fitted = PropNEATClassifier(**SHORT).fit(X, y, sample_weight=(y != 1).astype(float))
    assert fitted.classes_.tolist() == [0, 2]
    assert fitted.to_json() == PropNEATClassifier(**SHORT).fit(X[y != 1], y[y != 1]).to_json()


@pytest.mark.parametrize("kind", KINDS)
def test_answers_do_not_depend_on_the_rows_beside(kind):
    Estimator, X, y = tables_of(kind)
    X = np.vstack([X, 100 * X])
    fitted = Estimator(**TINY | {"generations": 6, "evolution": {"initial_hidden": 6}}).fit(X[:60], y)
    whole = answers_of(fitted, X)
    for rows in ([3], [117], [5, 4], list(range(0, 120, 7))):
        assert_same_bits(answers_of(fitted, X[rows]), [np.ascontiguousarray(answer[rows]) for answer in whole])


@pytest.mark.parametrize("kind", KINDS)
def test_copies_and_pickles_are_the_same_estimator(kind):
    Estimator, X, y = tables_of(kind)
    fitted = Estimator(**SHORT).fit(X, y)
    copied = pickle.loads(pickle.dumps(fitted))
    assert_same_bits(answers_of(fitted, X), answers_of(copied, X))
    assert copied.to_json() == fitted.to_json()
    assert clone(fitted).get_params() == fitted.get_params()
    assert clone(fitted).fit(X, y).to_json() == fitted.to_json()


def test_the_random_state_decides_and_nothing_else():
    _, X, y = tables_of("binary")

    def text(random_state) -> str:
        return PropNEATClassifier(**SHORT | {"random_state": random_state}).fit(X, y).to_json()

    assert text(3) == text(np.int64(3)) == text(3)
    assert text(3) != text(4)
    assert text(np.random.RandomState(3)) == text(np.random.RandomState(3))
    state = np.random.RandomState(3)
    assert text(state) != text(state)
    assert text(None) != text(None)


def test_answers_agree_with_each_other():
    for n_classes in (2, 3):
        X, y = blobs(80, n_classes)
        labels = np.array(["c", "a", "b"])[y]
        fitted = PropNEATClassifier(**TINY).fit(X, labels)
        decision, probabilities = fitted.decision_function(X), fitted.predict_proba(X)
        logits = np.column_stack([np.zeros(len(X)), decision]) if n_classes == 2 else decision
        exact = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(probabilities, exact, rtol=1e-12)
        np.testing.assert_allclose(fitted.predict_log_proba(X), np.log(exact), rtol=1e-9, atol=1e-12)
        assert fitted.classes_.tolist() == sorted(set(labels))
        assert (fitted.predict(X) == fitted.classes_[probabilities.argmax(axis=1)]).all()
        assert fitted.score(X, labels) == np.mean(fitted.predict(X) == labels)


def steepened(fitted, factor: float):
    """A fitted estimator whose network has weights that many times as large."""
    genome = fitted.model_.genome
    connections = genome.connections.copy()
    connections["weight"] *= factor
    fitted.model_ = replace(fitted.model_, genome=Genome(genome.nodes, connections))
    return fitted


def test_logarithms_stay_finite_where_probabilities_round_to_zero():
    X = np.linspace(-1, 1, 40)[:, None]
    fitted = PropNEATClassifier(**TINY | {"activations": ("relu",), "generations": 1}).fit(X, X[:, 0] > 0)
    fitted = steepened(fitted, 1e4)
    far = np.array([[-1.0], [1.0]])
    assert fitted.predict_proba(far).min() == 0.0
    assert np.isfinite(fitted.predict_log_proba(far)).all()
    assert fitted.predict(far).tolist() == [False, True]


def test_learns_what_no_line_can_divide():
    rng = np.random.default_rng(7)
    X = rng.uniform(-1, 1, size=(400, 3))
    y = (X[:, 0] > 0) ^ (X[:, 1] > 0)
    fitted = PropNEATClassifier(population_size=40, generations=10, random_state=0).fit(X[:200], y[:200])
    assert roc_auc_score(y[200:], fitted.predict_proba(X[200:])[:, 1]) > 0.95
    assert roc_auc_score(y[200:], LogisticRegression().fit(X[:200], y[:200]).predict_proba(X[200:])[:, 1]) < 0.7


def test_learns_a_smooth_function():
    rng = np.random.default_rng(8)
    X = rng.uniform(-2, 2, size=(400, 2))
    y = 1000 + 50 * (np.sin(2 * X[:, 0]) + X[:, 1] ** 2)
    fitted = PropNEATRegressor(population_size=40, generations=10, random_state=0).fit(X[:200], y[:200])
    assert fitted.score(X[200:], y[200:]) > 0.8


def test_weights_pull_a_regression_to_the_heavy_rows():
    X, y = np.zeros((20, 1)), np.repeat([0.0, 10.0], 10)
    X[:, 0] = np.tile(np.arange(10), 2)
    plain = PropNEATRegressor(**TINY).fit(X, y).predict(X).mean()
    heavy = PropNEATRegressor(**TINY).fit(X, y, sample_weight=np.repeat([1.0, 9.0], 10)).predict(X).mean()
    assert abs(plain - 5) < 1
    assert abs(heavy - 9) < 1


def test_balanced_classes_raise_the_recall_of_the_rare_one():
    rng = np.random.default_rng(9)
    y = (np.arange(600) % 20 == 0).astype(int)
    X = rng.normal(size=(600, 3)) + y[:, None]
    recall = {
        class_weight: recall_score(y, PropNEATClassifier(**TINY, class_weight=class_weight).fit(X, y).predict(X))
        for class_weight in (None, "balanced")
    }
    assert recall["balanced"] > recall[None] + 0.2


def test_class_weights_are_sample_weights_of_the_classes():
    _, X, y = tables_of("multiclass")
    labels = np.array(["a", "b", "c"])[y]
    by_class = PropNEATClassifier(**SHORT, class_weight={"a": 4, "b": 1, "c": 2}).fit(X, labels)
    without_one = PropNEATClassifier(**SHORT, class_weight={"a": 4, "c": 2}).fit(X, labels)
    assert by_class.to_json() == without_one.to_json() != PropNEATClassifier(**SHORT).fit(X, labels).to_json()


def test_searches_scores_and_pipelines_work():
    X, y = blobs(60)
    search = GridSearchCV(PropNEATClassifier(**SHORT), {"l2": [0.0, 0.1]}, cv=2, n_jobs=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.get_params()["l2"] in (0.0, 0.1)
    serial = GridSearchCV(PropNEATClassifier(**SHORT), {"l2": [0.0, 0.1]}, cv=2).fit(X, y)
    assert serial.cv_results_["mean_test_score"].tolist() == search.cv_results_["mean_test_score"].tolist()
    pipeline = make_pipeline(StandardScaler(), PropNEATRegressor(**TINY))
    assert cross_val_score(pipeline, X, X @ [1.0, 2.0, 3.0, 4.0], cv=2).mean() > 0.5


def test_parameters_reach_the_run():
    _, X, y = tables_of("binary")
    sines = {"activations": ["sin"], "add_node_rate": 1.0, "evolution": {"initial_hidden": np.int64(3)}}
    fitted = PropNEATClassifier(**SHORT, **sines).fit(X, y)
    hidden = fitted.champion_.nodes["kind"] == NodeKind.HIDDEN
    assert set(fitted.champion_.nodes["activation"][hidden]) == {activation_code("sin")}
    plain = PropNEATClassifier(**SHORT | {"method": "neat", "fine_tune_epochs": None}).fit(X, y)
    assert plain.model_.about["method"] == "neat"
    assert plain.n_iter_ == 2
    texts = {name: PropNEATClassifier(**SHORT | {name: value}).fit(X, y).to_json() for name, value in CHANGES.items()}
    assert len(set(texts.values())) == len(texts)


CHANGES = {
    "l2": 0.5,
    "learning_rate": 0.3,
    "optimiser": "adadelta",
    "batch_size": 10,
    "epochs": 4,
    "fine_tune_epochs": 9,
    "validation_fraction": 0.5,
    "population_size": 9,
    "activations": ("tanh",),
    "random_state": 1,
}


@pytest.mark.parametrize("Estimator", [PropNEATClassifier, PropNEATRegressor])
def test_every_parameter_is_explained_with_its_default(Estimator):
    lines = Estimator.__doc__.splitlines()
    for name, value in Estimator().get_params().items():
        position = lines.index(f"    {name} : default {value!r}")
        assert lines[position + 1].startswith("        ")
    assert f"None: {default_config().generations}, {default_config('neat').generations} for method" in Estimator.__doc__


def test_progress_goes_to_the_error_stream_if_wanted(capsys):
    _, X, y = tables_of("binary")
    PropNEATClassifier(**SHORT).fit(X, y)
    assert capsys.readouterr() == ("", "")
    PropNEATClassifier(**SHORT, verbose=1).fit(X, y)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(":")[0] for line in err.splitlines()] == ["generation 1/2", "generation 2/2"]


WRONG_PARAMETERS = {
    "generations": (0, 2.5, "many", True, NAN),
    "population_size": (0, -1),
    "method": ("magic", 3),
    "epochs": (-1, 1.0),
    "learning_rate": (0.0, -1.0, "fast", NAN),
    "optimiser": ("sgd",),
    "batch_size": (0,),
    "l2": (-1.0, float("inf")),
    "loss": ("hinge",),
    "activations": ("tanh", ["tanh", "warp"], [], [1]),
    "add_node_rate": (1.5,),
    "write_back": (1,),
    "size_penalty": (-0.1,),
    "validation_fraction": (0.0, 1.0),
    "fine_tune_patience": (0,),
    "one_hot_integers": (-1,),
    "engine": ("steam",),
    "memory_budget": (0, 1.5, "256MiB"),
    "evolution": ("stagnation", {"stagnaton": 3}, {"elitism": -1}, {"add_node_rate": 0.1}, {"elitism": "all"}),
    "class_weight": ("heavy", {0: -1.0}, {0: NAN}, {0: "x"}, {5: 2.0}),
    "random_state": ("x", -1),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG_PARAMETERS.items() for value in values])
def test_wrong_parameters_are_refused_by_name_when_fitting(name, value):
    _, X, y = tables_of("binary")
    with pytest.raises(ConfigError, match=name if not isinstance(value, dict) else f"{name}|{next(iter(value))}") as raised:
        PropNEATClassifier(**SHORT | {name: value}).fit(X, y)
    assert "\n" not in str(raised.value)


def wrong_tables() -> dict[str, tuple]:
    X, y = blobs(20)
    numbers = X[:, 0]
    frame = pandas.DataFrame(X, columns=list("abcd"))
    infinite = X.copy()
    infinite[3, 1] = np.inf
    cells = X.astype(object)
    cells[2, 2] = {"a": 1}
    return {
        "one class": (PropNEATClassifier, X, np.ones(20), "only one class"),
        "continuous classes": (PropNEATClassifier, X, numbers, "continuous"),
        "missing class": (PropNEATClassifier, X, np.array(["a", None] * 10, dtype=object), "None in 10 of 20"),
        "NaN class": (PropNEATClassifier, X, np.where(y == 0, NAN, 1.0), "NaN"),
        "infinite class": (PropNEATClassifier, X, np.where(y == 0, np.inf, 1.0), "infinite"),
        "NaN target": (PropNEATRegressor, X, np.where(y == 0, NAN, numbers), "NaN"),
        "infinite target": (PropNEATRegressor, X, np.where(y == 0, -np.inf, numbers), "infinite"),
        "text target": (PropNEATRegressor, X, np.array(["a", "b"] * 10), "must hold numbers"),
        "two targets": (PropNEATRegressor, X, X[:, :2], "y should be a 1d array"),
        "two labels": (PropNEATClassifier, X, np.column_stack([y, y]), "y should be a 1d array"),
        "no target": (PropNEATClassifier, X, None, "requires y"),
        "infinite cell": (PropNEATClassifier, infinite, y, "infinity"),
        "infinite frame cell": (PropNEATClassifier, pandas.DataFrame(infinite), y, "infinite"),
        "a dict as a cell": (PropNEATClassifier, cells, y, "string or a number"),
        "spans of time": (PropNEATClassifier, frame.assign(a=pandas.Timedelta("1h")), y, "numbers or texts"),
        "no columns": (PropNEATClassifier, frame[[]], y, "column"),
        "no rows": (PropNEATClassifier, frame[:0], y[:0], "at least 2 rows"),
        "one row": (PropNEATRegressor, X[:1], numbers[:1], "1 sample"),
        "another length": (PropNEATClassifier, frame, y[:-1], "inconsistent numbers of samples"),
    }


@pytest.mark.parametrize("case", wrong_tables())
def test_wrong_tables_are_refused_with_a_reason(case):
    Estimator, X, y, reason = wrong_tables()[case]
    with pytest.raises((ValueError, TypeError), match=reason):
        Estimator(**SHORT).fit(X, y)


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        (np.zeros(20), "zero"),
        (-np.ones(20), "negative"),
        (np.full(20, NAN), "finite"),
        (np.ones(19), "one weight for each"),
        ("x", "one number as the weight of each of the 20 rows, got a str"),
        (["x"] * 20, "one number as the weight"),
    ],
)
def test_wrong_weights_are_refused_with_a_reason(weights, reason):
    X, y = blobs(20)
    with pytest.raises(DataError, match=reason):
        PropNEATClassifier(**SHORT).fit(X, y, sample_weight=weights)


def test_what_an_estimator_cannot_answer_is_an_error():
    X, y = blobs(30)
    with pytest.raises(NotFittedError):
        PropNEATClassifier().to_json()
    steep = steepened(PropNEATRegressor(**TINY, activations=("square",)).fit(X, X[:, 0] ** 4), 1e308)
    with pytest.raises(GenomeError, match="row . of X"):
        steep.predict(X)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        PropNEATClassifier(**SHORT).fit(X, y[:, None])


def test_other_dataframes_keep_their_names_and_sparse_matrices_are_read():
    polars = pytest.importorskip("polars")
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {" bmi ": rng.normal(size=60), "town": rng.choice(["Rome", "Oslo"], 60), "when": pandas.date_range("2020", periods=60)}
    )
    y = np.arange(60) % 2
    fitted = PropNEATClassifier(**SHORT).fit(polars.from_pandas(frame), polars.Series(y))
    assert fitted.feature_names_in_.tolist() == [" bmi ", "town", "when"]
    assert [column.name for column in fitted.model_.preprocessor.plan.columns] == ["bmi", "town", "when"]
    expected = fitted.predict_proba(polars.from_pandas(frame))
    nullable = frame.convert_dtypes(dtype_backend="pyarrow")
    for table in (frame, nullable):
        assert np.array_equal(PropNEATClassifier(**SHORT).fit(table, y).predict_proba(table), expected)
    assert np.array_equal(fitted.model_.predict_proba(frame.rename(columns=str.strip)), expected)
    dense = np.where(rng.random((60, 3)) < 0.7, 0.0, rng.normal(size=(60, 3)))
    sparse = PropNEATClassifier(**SHORT).fit(scipy.sparse.csr_matrix(dense), y)
    assert np.array_equal(
        sparse.predict_proba(scipy.sparse.csr_array(dense)), PropNEATClassifier(**SHORT).fit(dense, y).predict_proba(dense)
    )
    with pytest.raises(DataError, match="as a dense one, and at most 1 GiB"):
        PropNEATClassifier(**SHORT).fit(scipy.sparse.csr_matrix((200_000, 1000)), y)


def test_what_was_decided_in_reading_is_kept_and_settable():
    frame = pandas.DataFrame({"id": np.arange(60), "x": np.linspace(0, 1, 60), "code": np.arange(60) % 7})
    y = np.arange(60) % 2
    fitted = PropNEATClassifier(**SHORT).fit(frame, y)
    assert any(line.startswith("id: left out") for line in fitted.reading_)
    assert fitted.get_feature_names_out().tolist()[0] == "x"
    kept = PropNEATClassifier(**SHORT, numbers=["id"], categories=["code"], drop=["x"]).fit(frame, y)
    assert kept.get_feature_names_out().tolist() == ["id", *(f"code={level}" for level in range(7))]
    with pytest.raises(ValueError, match="did you mean 'code'"):
        PropNEATClassifier(**SHORT, drop=["cod"]).fit(frame, y)
    with pytest.raises(DataError, match="no column is left to learn from"):
        PropNEATClassifier(**SHORT, drop=list(frame)).fit(frame, y)


def test_importing_propneat_loads_nothing_heavy():
    code = """
import sys, propneat
heavy = {"numpy", "torch", "sklearn", "pandas", "numba"} & set(sys.modules)
assert not heavy, heavy
from propneat import *
assert PropNEATClassifier().method == "propneat"
assert set(propneat.__all__) <= set(dir(propneat))
assert not hasattr(propneat, "magic")
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_indicators_of_whole_numbers_never_make_a_network_too_wide():
    rng = np.random.default_rng(0)
    narrow, wide = rng.integers(0, 6, (80, 3)), rng.integers(0, 6, (80, 40))
    y = np.arange(80) % 2
    n_inputs = [len(prepare_problem(X, y, "binary", seed=0, one_hot_integers=10).preprocessor.rules) for X in (narrow, wide)]
    assert n_inputs == [3 * 7, 40]
    mixed = np.column_stack([wide, rng.integers(0, 3, (80, 30))])
    assert len(prepare_problem(mixed, y, "binary", seed=0, one_hot_integers=10).preprocessor.rules) == 70 + 30 * 3


def test_ensembles_refuse_what_they_cannot_evolve_with_and_take_their_defaults():
    X, y = blobs(30)
    assert PropNEATEnsembleClassifier().get_params()["n_populations"] == PropNEATEnsembleRegressor().n_populations == 5
    with pytest.raises(ConfigError, match="estimator must be a PropNEATRegressor or None, not a PropNEATClassifier"):
        PropNEATEnsembleRegressor(PropNEATClassifier()).fit(X, y)
    with pytest.raises(ConfigError, match="n_populations must be a whole number from 1 on, not 0"):
        PropNEATEnsembleClassifier(PropNEATClassifier(**TINY), n_populations=0).fit(X, y)
    with pytest.raises(ConfigError, match="generations"):
        PropNEATEnsembleClassifier(PropNEATClassifier(generations=0)).check_parameters()


def test_members_that_overflow_on_a_row_are_left_out_of_its_answer():
    X, y = blobs(60)
    number = X @ [1.0, -2.0, 0.5, 0.0] + 3.0
    for kind, single, target in (
        (PropNEATEnsembleRegressor, PropNEATRegressor, number),
        (PropNEATEnsembleClassifier, PropNEATClassifier, y),
    ):
        fitted = kind(single(**SHORT), n_populations=1, random_state=0).fit(X, target)
        (members,) = fitted.members_
        plan = members[0][0]
        broken = replace(plan, biases=np.full_like(plan.biases, np.inf))
        fitted.members_ = [[(plan, 0.5), (broken, 0.5)]]
        mixed = fitted.predict(X)
        fitted.members_ = [[(plan, 1.0)]]
        assert np.array_equal(mixed, fitted.predict(X))
        fitted.members_ = [[(broken, 1.0)]]
        if kind is PropNEATEnsembleClassifier:
            assert (fitted.predict_proba(X) == 0.5).all()
        else:
            assert np.allclose(fitted.predict(X), number.mean(), atol=0.5)
