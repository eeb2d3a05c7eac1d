"""Laws of the preprocessing: what is learnt from rows, what is made of them, and that JSON carries all of it."""

import io
import json
import math

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from propneat.base.errors import DataError
from propneat.data import (
    EncodingOptions,
    InputRule,
    Preprocessor,
    TargetScale,
    encode_target,
    encoded,
    infer_task,
    rule_fitting,
)
from propneat.data.cells import MISSING_TEXTS

NAN = float("nan")


def mixed_frame() -> pandas.DataFrame:
    """A table with every kind of column that is understood."""
    return pandas.DataFrame(
        {
            "float": [1.0, 2.0, NAN, 4.5, 1.0, 7.0],
            "int": [3, 1, 2, 3, 3, 1],
            "constant": [0.1] * 6,
            "bool": [True, False, True, True, False, False],
            "text": ["x", "y", "x", None, "z", "x"],
            "pair": ["u", "v", "u", "v", "v", "v"],
            "category": pandas.Categorical([10, 20, 30, 10, 20, 10]),
            "nullable": pandas.array([1, None, 3, 4, 4, 4], dtype="Int64"),
            "nullable_bool": pandas.array([True, None, False, True, True, True], dtype="boolean"),
            "objects": pandas.Series([1, 2.5, None, True, 3, 3], dtype=object),
            "string": pandas.array(["q", None, "r", "q", "q", "r"], dtype="string"),
            "empty": pandas.Series([None] * 6, dtype=object),
        }
    )


def apply_by_hand(document: dict, row: dict[str, str]) -> list[float]:
    """Apply the rules to one row of CSV texts with nothing but plain Python."""
    inputs = []
    for rule in document["rules"]:
        text = row[rule["feature"]].strip()
        is_missing = text in MISSING_TEXTS
        if rule.get("missing"):
            number = float(is_missing)
        elif "level" in rule:
            level = rule["level"]
            number = float(not is_missing and (text == level if isinstance(level, str) else float(text) == level))
        elif is_missing:
            number = rule["center"]
        else:
            number = {"True": 1.0, "False": 0.0}[text] if text in ("True", "False") else float(text)
        inputs.append((number - rule["center"]) / rule["scale"])
    return inputs


def test_plain_python_on_csv_text_gives_the_same_inputs():
    frame = mixed_frame()
    preprocessor = Preprocessor.fit(frame, options=EncodingOptions(one_hot_integers=3))
    document = json.loads(json.dumps(preprocessor.to_dict(), allow_nan=False))
    texts = pandas.read_csv(io.StringIO(frame.to_csv(index=False)), dtype=str, keep_default_na=False)
    by_hand = [apply_by_hand(document, row) for row in texts.to_dict("records")]
    assert np.array_equal(preprocessor.transform(frame), by_hand)
    assert np.array_equal(preprocessor.transform(texts), by_hand)


def test_one_rule_per_input_and_their_names():
    names = [rule.name for rule in Preprocessor.fit(mixed_frame(), options=EncodingOptions(one_hot_integers=3)).rules]
    assert names == [
        *("float", "float missing", "int", "int=1", "int=2", "int=3", "constant", "bool"),
        *("text=x", "text=y", "text=z", "text missing", "pair=v", "category=10", "category=20", "category=30"),
        *("nullable", "nullable=1", "nullable=3", "nullable=4", "nullable missing", "nullable_bool", "nullable_bool missing"),
        *("objects", "objects missing", "string=q", "string=r", "string missing", "empty", "empty missing"),
    ]


def test_training_rows_have_weighted_mean_zero_and_numbers_unit_spread():
    rng = np.random.default_rng(1)
    X = rng.normal(3.0, 20.0, (50, 4))
    X[rng.random(X.shape) < 0.2] = NAN
    weights = rng.random(50)
    preprocessor = Preprocessor.fit(X, weights)
    inputs = preprocessor.transform(X)
    assert np.allclose(weights @ inputs, 0.0, atol=1e-12)
    for column, rule in enumerate(preprocessor.rules):
        if not rule.missing:
            present = ~np.isnan(X[:, preprocessor.features.index(rule.feature)])
            assert math.isclose(np.average(inputs[present, column] ** 2, weights=weights[present]), 1.0, rel_tol=1e-12)


def test_levels_and_gaps_are_centred_on_their_weighted_share():
    frame = pandas.DataFrame({"a": ["x", "y", "z", None], "n": [1.0, 2.0, 3.0, NAN]})
    weights = [1.0, 2.0, 3.0, 4.0]
    preprocessor = Preprocessor.fit(frame, weights, options=EncodingOptions(one_hot_integers=3))
    shares = {rule.name: rule.center for rule in preprocessor.rules if rule.level is not None or rule.missing}
    assert shares == {
        "a=x": 0.1,
        "a=y": 0.2,
        "a=z": 0.3,
        "a missing": 0.4,
        "n=1": 0.1,
        "n=2": 0.2,
        "n=3": 0.3,
        "n missing": 0.4,
    }
    assert np.allclose(weights @ preprocessor.transform(frame), 0.0, atol=1e-12)


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 1e300, -3.7, 2.5e-9, NAN]), st.integers(0, 4)), min_size=1, max_size=12),
    st.randoms(),
)
def test_a_weight_is_that_many_rows_to_the_last_bit(rows, random):
    if not any(weight for _, weight in rows):
        return
    values, weights = np.array(rows).T
    repeated = np.repeat(values, weights.astype(int)).tolist()
    random.shuffle(repeated)
    weighted = Preprocessor.fit(values[:, None], weights)
    assert weighted == Preprocessor.fit(np.array(repeated)[:, None])
    texts = pandas.DataFrame({"x0": [None if math.isnan(value) else str(value) for value in values]})
    repeated_texts = pandas.DataFrame({"x0": [None if math.isnan(value) else str(value) for value in repeated]})
    assert Preprocessor.fit(texts, weights) == Preprocessor.fit(repeated_texts)


@pytest.mark.parametrize("most_inputs", [90, 60, 41, 30, 25, 20, 1])
def test_whole_numbers_lose_their_inputs_until_there_are_few_enough_and_no_column_is_learnt_in_vain(most_inputs, monkeypatch):
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame({f"x{k}": np.resize(np.arange(3 + k % 8), 40) for k in range(12)} | {"y": rng.random(40)})
    each = [Preprocessor.fit(frame, options=EncodingOptions(one_hot_integers=most)) for most in (10, 9, 8, 7, 6, 5, 4, 3, 0)]
    expected = next((fitted for fitted in each if len(fitted.rules) <= most_inputs), each[-1])
    fitted, fit = [], rule_fitting._fit_column
    monkeypatch.setattr(rule_fitting, "_fit_column", lambda fitting, *rest: fitted.append(rest[0]) or fit(fitting, *rest))
    assert Preprocessor.fit(frame, options=EncodingOptions(one_hot_integers=10, most_inputs=most_inputs)) == expected
    assert max(map(fitted.count, fitted)) <= 2 and fitted.count("y") == 1


def test_a_constant_column_becomes_zero_and_keeps_its_input():
    preprocessor = Preprocessor.fit(np.full((3, 1), 0.1))
    assert preprocessor.rules == (InputRule("x0", "x0", 0.1, 1.0, low=0.1, high=0.1),)
    assert preprocessor.transform(np.full((2, 1), 0.1)).tolist() == [[0.0], [0.0]]


def test_missing_numbers_become_zero_even_where_training_had_none():
    preprocessor = Preprocessor.fit(np.array([[1.0], [3.0]]))
    assert preprocessor.transform(np.array([[NAN], [3.0]])).tolist() == [[0.0], [1.0]]


def test_unknown_levels_count_as_none_of_the_levels():
    preprocessor = Preprocessor.fit(pandas.DataFrame({"a": ["x", "y", "z", "z"]}))
    assert preprocessor.transform(pandas.DataFrame({"a": ["never seen"]})).tolist() == [[-0.25, -0.25, -0.5]]


def test_only_the_heaviest_levels_get_inputs_in_sorted_order():
    preprocessor = Preprocessor.fit(
        pandas.DataFrame({"a": ["d", "c", "c", "b", "a"]}), [1, 1, 1, 5, 0.5], options=EncodingOptions(max_levels=2)
    )
    assert [rule.level for rule in preprocessor.rules] == ["b", "c"]


def test_numpy_and_pandas_agree_and_inputs_may_be_read_only(tmp_path):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(20, 3)).astype(np.float32)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    preprocessor = Preprocessor.fit(mapped)
    frame = pandas.DataFrame(X, columns=["x0", "x1", "x2"])
    assert preprocessor == Preprocessor.fit(frame) == Preprocessor.fit(X.astype(object)) == Preprocessor.fit(X.astype(float))
    assert np.array_equal(preprocessor.transform(mapped), preprocessor.transform(frame))
    assert preprocessor.transform(X[:0]).shape == (0, 3)


def test_columns_are_found_by_name_and_each_row_stands_alone():
    frame = mixed_frame()
    preprocessor = Preprocessor.fit(frame)
    inputs = preprocessor.transform(frame)
    assert np.array_equal(preprocessor.transform(frame[frame.columns[::-1]].assign(extra="?")), inputs)
    for row in range(len(frame)):
        assert np.array_equal(preprocessor.transform(frame.iloc[[row]])[0], inputs[row])
    with pytest.raises(DataError, match="lacks columns used in training: 'int', 'bool'"):
        preprocessor.transform(frame.drop(columns=["bool", "int"]))


def test_repeated_input_names_are_told_apart():
    rules = Preprocessor.fit(pandas.DataFrame({"a": ["b", "c", "d"], "a=b": [1.0, 2.0, 3.0]})).rules
    assert [rule.name for rule in rules] == ["a=b", "a=c", "a=d", "a=b (2)"]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (np.zeros((0, 2)), "at least one row"),
        (np.zeros(3), r"shape \(rows, columns\)"),
        (np.array([[np.inf]]), "column 'x0' holds an infinite value"),
        (np.array([[1j]]), "Complex data not supported"),
        (pandas.DataFrame({"wait": [pandas.Timedelta("1h")]}), "column 'wait' holds timedelta64"),
        (pandas.DataFrame({"a": [{"b": 1}]}), "column 'a' must hold numbers or texts"),
        (pandas.DataFrame({"a": [b"b"]}), "not bytes"),
        (pandas.DataFrame({"a": [10**400]}, dtype=object), "column 'a' must hold numbers"),
        (pandas.DataFrame([[1, 2]], columns=["a", "a"]), "more than one column named 'a'"),
    ],
)
def test_tables_that_cannot_be_understood(frame, words):
    with pytest.raises(DataError, match=words):
        Preprocessor.fit(frame)


@pytest.mark.parametrize("weights", [[1.0], [1.0, NAN], [-1.0, 2.0], [0.0, 0.0], [[1.0, 1.0]]])
def test_weights_that_cannot_be_used(weights):
    with pytest.raises(DataError, match="weight"):
        Preprocessor.fit(np.zeros((2, 1)), weights)


@pytest.mark.parametrize(
    ("value", "words"),
    [(np.inf, "infinite"), ("1e999", "infinite"), (b"1", "not bytes")],
)
def test_values_that_a_number_column_refuses(value, words):
    preprocessor = Preprocessor.fit(pandas.DataFrame({"height": [1.0e308, 1.5e308]}))
    with pytest.raises(DataError, match=words):
        preprocessor.transform(pandas.DataFrame({"height": [value]}))


def test_what_is_no_number_is_missing_in_a_number_column():
    preprocessor = Preprocessor.fit(pandas.DataFrame({"height": [1.0, 3.0]}))
    assert preprocessor.transform(pandas.DataFrame({"height": ["tall", "1_0", None, "3"]})).ravel().tolist() == [0, 0, 0, 1]


def test_numbers_are_kept_within_the_range_of_training_and_a_margin():
    preprocessor = Preprocessor.fit(np.linspace(0, 10, 101)[:, None])
    inputs = preprocessor.transform(np.array([[-1.0], [11.0], [-1e300], [1e300], [5.0]])).ravel()
    assert inputs[2] == inputs[0] and inputs[3] == inputs[1] and inputs[4] == 0
    huge = Preprocessor.fit(pandas.DataFrame({"height": [1.0e308, 1.5e308]}))
    assert np.isfinite(huge.transform(pandas.DataFrame({"height": [-1.7e308, 1.7e308]}))).all()


def test_a_few_far_values_do_not_set_the_scale():
    values = np.append(np.linspace(0, 1, 500), 1e9)
    rule = Preprocessor.fit(values[:, None]).rules[0]
    assert 0.2 < rule.scale < 0.5 and rule.high < 10
    assert Preprocessor.fit(np.append(np.linspace(0, 1, 500), 1.5)[:, None]).rules[0].high > 1.5


def test_answers_of_a_regression_are_bounded():
    scale = TargetScale.fit(np.append(np.linspace(0, 1, 500), 1e9))
    assert scale.scale < 1
    assert scale.invert(np.array([-1e9, 1e9])).tolist() == [scale.low, scale.high]
    assert -2 < scale.low < 0 and 1 < scale.high < 20


def test_arrays_with_another_number_of_columns():
    with pytest.raises(DataError, match="expected 2 columns as in training, got an array of 3"):
        Preprocessor.fit(np.zeros((2, 2))).transform(np.zeros((2, 3)))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: [],
        lambda d: d | {"more": 1},
        lambda d: {"rules": d["rules"]},
        lambda d: d | {"columns": "a"},
        lambda d: d | {"columns": []},
        lambda d: d | {"columns": d["columns"] * 2},
        lambda d: d | {"features": ["a", "b"]},
        lambda d: d | {"rules": {}},
        lambda d: d | {"rules": d["rules"] * 2},
        lambda d: d | {"rules": [7]},
        *(
            lambda d, key=key, value=value: d | {"rules": [d["rules"][0] | {key: value}]}
            for key, value in [
                *(("name", None), ("feature", 1), ("feature", "c"), ("center", NAN), ("center", "1"), ("center", True)),
                *(("center", 10**400), ("scale", 0), ("scale", -1.0), ("scale", math.inf), ("level", None), ("level", NAN)),
                *(
                    ("level", True),
                    ("level", []),
                    ("missing", 1),
                    ("missing", None),
                    ("surprise", 0),
                    ("low", "0"),
                    ("low", 9e9),
                ),
                *(("part", "hour"), ("part", "age"), ("means", [["x", 1]]), ("default", 0.5), ("low", NAN)),
            ]
        ),
        lambda d: d | {"rules": [d["rules"][0], d["rules"][0] | {"name": "n", "level": "text"}]},
        lambda d: d | {"rules": [d["rules"][0] | {"level": 1, "missing": True}]},
    ],
)
def test_malformed_documents_are_refused(change):
    document = Preprocessor.fit(pandas.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})).to_dict()
    assert Preprocessor.from_dict(document).to_dict() == document
    with pytest.raises(DataError):
        Preprocessor.from_dict(change(document))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_any_finite_numbers_fit_and_survive_json(values):
    preprocessor = Preprocessor.fit(np.array(values)[:, None])
    assert Preprocessor.from_dict(json.loads(json.dumps(preprocessor.to_dict(), allow_nan=False))) == preprocessor
    try:
        assert np.isfinite(preprocessor.transform(np.array(values)[:, None])).all()
    except DataError:
        assert max(values) - min(values) > 1e300


@pytest.mark.parametrize(
    ("target", "task", "classes", "codes"),
    [
        ([3, 1, 3], "binary", (1, 3), [1, 0, 1]),
        (["b", "a", "b"], "binary", ("a", "b"), [1, 0, 1]),
        ([True, False], "binary", (False, True), [1, 0]),
        (np.array([2.5, 0.5, 1.5]), "multiclass", (0.5, 1.5, 2.5), [2, 0, 1]),
        (pandas.Categorical(["z", "y", "x"]), "multiclass", ("x", "y", "z"), [2, 1, 0]),
        (pandas.Series([10, 2, "a"], dtype=object), "multiclass", ("10", "2", "a"), [0, 1, 2]),
        (pandas.array([2, 1], dtype="Int64"), "binary", (1, 2), [1, 0]),
    ],
)
def test_class_targets(target, task, classes, codes):
    target = pandas.Series(target) if not isinstance(target, list | np.ndarray) else target
    found, values = encode_target(target, task)
    assert (found, values.tolist()) == (classes, codes)
    assert values.dtype == np.int64
    assert json.loads(json.dumps(found)) == list(classes)
    assert infer_task(target) == ("regression" if 0.5 in classes else task)


def test_regression_targets_and_their_scale():
    classes, values = encode_target(["1", "2.5", "10"], "regression")
    assert classes is None
    assert values.tolist() == [1.0, 2.5, 10.0]
    scale = TargetScale.fit(values, [1, 2, 1])
    assert scale == TargetScale.fit(np.array([1.0, 2.5, 2.5, 10.0]))
    assert math.isclose(scale.center, 4.0)
    assert np.allclose(scale.invert(scale.apply(values)), values, rtol=1e-15)


@pytest.mark.parametrize(
    ("target", "task"),
    [
        ([0, 1], "clustering"),
        ([1, 1], "binary"),
        ([0, 1, 2], "binary"),
        ([0.0, NAN, 1.0], "binary"),
        ([0.0, NAN, 1.0], "regression"),
        ([0.0, np.inf], "regression"),
        ([0.0, np.inf], "binary"),
        (["a", "b"], "regression"),
        ([[0, 1]], "binary"),
        ([None, None], "multiclass"),
        (np.array([1j, 2j]), "binary"),
    ],
)
def test_targets_that_cannot_be_used(target, task):
    with pytest.raises(DataError):
        encode_target(target, task)


@pytest.mark.parametrize(
    ("target", "task"),
    [
        ([0.5, 7.25] * 5, "binary"),
        (list(range(10)), "multiclass"),
        (list(range(11)), "regression"),
        ([0.5, 1.0, 2.0], "regression"),
        ([f"class {number}" for number in range(30)], "multiclass"),
    ],
)
def test_the_task_is_told_from_the_values(target, task):
    assert infer_task(target) == task


@pytest.mark.parametrize("n_rows", [40, 60_000])
def test_rows_for_training_are_the_inputs_rounded(n_rows, monkeypatch):
    monkeypatch.setattr(encoded, "_INPUTS_AT_ONCE", 2**12 if n_rows < 100 else 2**19)
    monkeypatch.setattr(encoded, "_MANY_INPUTS", 0)
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {
            "number": np.where(rng.random(n_rows) < 0.1, np.nan, rng.normal(size=n_rows)),
            "few": rng.choice(["a", "b", None], n_rows),
            "zero": np.where(rng.random(n_rows) < 0.5, -0.0, 0.0),
            "many": rng.choice([f"maker{index % 3} {index}" for index in range(12)], n_rows),
            "day": pandas.Timestamp("2020-01-01") + pandas.to_timedelta(rng.integers(0, 900, n_rows), "D"),
            "whole": rng.integers(0, 5, n_rows),
        }
    )
    targets, weights = rng.normal(size=(n_rows, 1)), rng.choice([0.0, 1.0, 2.0], n_rows)
    options = EncodingOptions(max_levels=4, one_hot_integers=6)
    for row_weights in (None, weights):
        fitted = Preprocessor.fit_encoded(frame, row_weights, targets=targets, options=options)[1]
        inputs = fitted.inputs()
        assert np.array_equal(fitted.rows(), inputs.astype(np.float32))
        wanted = rng.permutation(n_rows)[: n_rows // 3]
        rows = fitted.rows(wanted)
        assert np.array_equal(rows, inputs[wanted].astype(np.float32))
        assert rows.dtype == np.float32 and rows.flags.c_contiguous
        assert not np.signbit(rows[rows == 0]).any()
        assert all(np.array_equal(fitted.column(index), inputs[:, index]) for index in range(inputs.shape[1]))
