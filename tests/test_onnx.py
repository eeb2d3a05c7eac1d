"""ONNX graphs are checked, and onnxruntime computes with them what the model does."""

import json

import numpy as np
import pytest
from formula_cases import a_model, a_preprocessor, a_table, one_of_each, plain_model
from random_genomes import random_genome
from test_formula_texts import FAR

from propneat.model import Model

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from propneat.export.onnx_form import OPSET, to_onnx  # noqa: E402

TASKS = ("regression", "binary", "multiclass")


@pytest.fixture(scope="module")
def preprocessor():
    return a_preprocessor(np.random.default_rng(5))


def session_of(model: Model):
    """Return a session of onnxruntime on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(to_onnx(model).SerializeToString(), options, providers=["CPUExecutionProvider"])


def feed(session, frame) -> dict[str, np.ndarray]:
    """Return the columns of a table as a graph takes them."""
    given = {}
    for value in session.get_inputs():
        column = frame[value.name] if value.name in frame else None
        if value.type == "tensor(string)":
            given[value.name] = column.fillna("").to_numpy(object)[:, None]
        elif column is None:
            given[value.name] = np.zeros((len(frame), 1))
        else:
            seconds = column.dtype.kind == "M"
            numbers = column.to_numpy().astype("M8[us]").astype(np.int64) / 1e6 if seconds else column.to_numpy(float)
            given[value.name] = np.where(column.isna(), np.nan, numbers)[:, None]
    return given


def compare(model: Model, frame, tolerance: float = 1e-9) -> None:
    session = session_of(model)
    found = dict(zip([output.name for output in session.get_outputs()], session.run(None, feed(session, frame)), strict=True))
    if model.task == "regression":
        np.testing.assert_allclose(found["prediction"][:, 0], model.predict(frame), rtol=tolerance, atol=tolerance)
        return
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(frame), rtol=tolerance, atol=tolerance)
    assert found["label"].tolist() == [str(label) for label in model.predict(frame)]


def test_random_networks():
    rng = np.random.default_rng(0)
    for _ in range(150):
        compare(*plain_model(rng))


def test_every_activation_far_out():
    for model in one_of_each():
        compare(model, FAR)


@pytest.mark.parametrize("task", TASKS)
def test_real_rows(preprocessor, task):
    rng = np.random.default_rng(1)
    for _ in range(8):
        compare(a_model(rng, preprocessor, task), a_table(rng))


def test_classes_that_are_numbers_are_numbers_and_facts_are_in_the_file(preprocessor):
    rng = np.random.default_rng(2)
    genome = random_genome(rng, n_inputs=len(preprocessor.rules), n_outputs=3)
    model = Model(genome, "multiclass", preprocessor, (3, -1, 7), None, "grade", {"data": "schools", "test": {"auc": 0.9}})
    session, frame = session_of(model), a_table(rng)
    assert session.run(["label"], feed(session, frame))[0].tolist() == model.predict(frame).tolist()
    made = to_onnx(model)
    facts = {entry.key: entry.value for entry in made.metadata_props}
    assert (
        facts["target"] == "grade"
        and json.loads(facts["classes"]) == [3, -1, 7]
        and json.loads(facts["about"])["data"] == "schools"
    )
    assert [value.name for value in made.graph.input] == list(model.used_features) == json.loads(facts["columns"])
    assert {(entry.domain, entry.version) for entry in made.opset_import} == {("", OPSET)}
    assert made.SerializeToString(deterministic=True) == to_onnx(model).SerializeToString(deterministic=True)


def test_any_number_of_rows_and_a_model_that_uses_none_of_the_columns(preprocessor):
    rng = np.random.default_rng(3)
    model, frame = a_model(rng, preprocessor, "regression"), a_table(rng, 300)
    session = session_of(model)
    for n_rows in (0, 1, 300):
        assert session.run(None, feed(session, frame.iloc[:n_rows]))[0].shape == (n_rows, 1)
    constant = next(
        model for model in iter(lambda: a_model(rng, preprocessor, "binary", max_hidden=0), None) if not model.plan.n_edges
    )
    session = session_of(constant)
    assert [value.name for value in session.get_inputs()] == ["rows"]
    np.testing.assert_allclose(
        session.run(["probabilities"], feed(session, frame))[0], constant.predict_proba(frame), rtol=1e-12
    )


@pytest.mark.filterwarnings("ignore")
def test_pipelines_convert():
    """skl2onnx warns about libraries that it does not find."""
    skl2onnx = pytest.importorskip("skl2onnx")
    import pandas
    from skl2onnx.common.data_types import DoubleTensorType, StringTensorType
    from sklearn.datasets import load_breast_cancer, load_diabetes
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from propneat import PropNEATClassifier, PropNEATRegressor
    from propneat.base.errors import ConfigError
    from propneat.export.skl2onnx_form import register

    register()
    quick = {"generations": 2, "population_size": 20, "random_state": 0}
    X, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), PropNEATClassifier(**quick)).fit(X, y)
    made = skl2onnx.to_onnx(pipeline, X[:1], target_opset=OPSET)
    label, probabilities = onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"X": X})
    np.testing.assert_array_equal(label, pipeline.predict(X))
    np.testing.assert_allclose(probabilities, pipeline.predict_proba(X), rtol=1e-9, atol=1e-9)
    with pytest.raises(ConfigError, match="target_opset=20 or more, not 15"):
        skl2onnx.to_onnx(pipeline, X[:1], target_opset=15)
    X, y = load_diabetes(return_X_y=True)
    frame = pandas.DataFrame({"bmi": X[:, 2], "town": np.where(X[:, 1] > 0, "Bonn", "Kiel"), "bp": X[:, 3]})
    frame.loc[3, "bmi"], frame.loc[4, "town"] = np.nan, None
    regressor = PropNEATRegressor(**quick).fit(frame, y)
    kinds = [("bmi", DoubleTensorType([None, 1])), ("town", StringTensorType([None, 1])), ("bp", DoubleTensorType([None, 1]))]
    session = onnxruntime.InferenceSession(
        skl2onnx.to_onnx(regressor, initial_types=kinds, target_opset=OPSET).SerializeToString()
    )
    given = {name: frame[[name]].fillna("").to_numpy(object if name == "town" else float) for name in ("town",)}
    given |= {name: frame[[name]].to_numpy() for name in ("bmi", "bp")}
    given = {value.name: given[value.name] for value in session.get_inputs()}
    np.testing.assert_allclose(session.run(None, given)[0][:, 0], regressor.predict(frame), rtol=1e-9)
