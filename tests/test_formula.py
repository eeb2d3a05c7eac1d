"""Formulas are the model they are made of, in every language."""

import re

import numpy as np
import pandas
import pytest
import sympy
from formula_cases import a_model, a_preprocessor, a_table, answers_of, one_of_each, plain_model, plain_preprocessor

from propneat.data import TargetScale
from propneat.export.python_text import to_python
from propneat.formula import count_nodes, round_formula
from propneat.genome import NodeKind, activation_code, make_genome
from propneat.model import Model
from propneat.model.summary import n_nodes, summarise

TASKS = ("regression", "binary", "multiclass")


@pytest.fixture(scope="module")
def preprocessor():
    return a_preprocessor(np.random.default_rng(5))


def compiled(source: str):
    """Compile the source of a Python function and return it."""
    found = {}
    exec(compile(source, "formula", "exec"), found)
    return found["predict"]


def function_of(model: Model):
    """Return the Python function of a model."""
    return compiled(to_python(model.formula))


def stacked(answers: object, n_rows: int) -> np.ndarray:
    """Return answers, an array or a dict of arrays by class, as (n_rows, n_answers)."""
    columns = list(answers.values()) if isinstance(answers, dict) else [answers]
    return np.stack([np.broadcast_to(column, n_rows) for column in columns], axis=1)


def cells(frame: pandas.DataFrame, row: int) -> list[object]:
    """Return one row as Python values, None where there is none."""
    return [None if pandas.isna(value) else value.item() if hasattr(value, "item") else value for value in frame.iloc[row]]


def test_python_equals_evaluate_on_random_networks():
    rng = np.random.default_rng(0)
    for _ in range(1000):
        model, frame = plain_model(rng)
        columns = [column.name for column in model.formula.columns]
        answers = function_of(model)(*(frame[name].to_numpy() for name in columns))
        np.testing.assert_allclose(np.broadcast_to(answers, 5), model.predict(frame), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("task", TASKS)
def test_python_equals_predictions_on_real_rows(preprocessor, task):
    rng = np.random.default_rng(1)
    for _ in range(20):
        model, frame = a_model(rng, preprocessor, task), a_table(rng)
        predict, columns = function_of(model), [column.name for column in model.formula.columns]
        expected = answers_of(model, frame)
        answers = predict(*(frame[name].to_numpy() for name in columns))
        np.testing.assert_allclose(stacked(answers, len(frame)), expected, rtol=1e-12, atol=1e-12)
        for row in range(8):
            answers = predict(*cells(frame[columns], row))
            np.testing.assert_allclose(stacked(answers, 1)[0], expected[row], rtol=1e-12, atol=1e-12)


def test_every_activation_far_out():
    frame = pandas.DataFrame({"x0": [-400.0, 30.0, 1e-9, 0.0, 900.0], "x1": [3.0, -30.0, 0.0, 0.25, -900.0]})
    for model in one_of_each():
        predict = function_of(model)
        np.testing.assert_allclose(
            predict(frame["x0"].to_numpy(), frame["x1"].to_numpy()), model.predict(frame), rtol=1e-12, atol=1e-12
        )
        single = [predict(*row) for row in frame.to_numpy().tolist()]
        np.testing.assert_allclose(single, model.predict(frame), rtol=1e-12, atol=1e-12)


def test_nodes_are_those_of_the_sympy_tree_and_the_expression_is_the_model():
    rng = np.random.default_rng(2)
    for number in range(60):
        model, frame = plain_model(rng, max_hidden=4)
        expression = model.to_sympy()
        assert count_nodes([answer for _, answer in model.formula.answers]) == sum(
            1 for _ in sympy.preorder_traversal(expression)
        )
        if number % 4 == 0:
            symbols = sorted(expression.free_symbols, key=str)
            values = sympy.lambdify(symbols, expression, "numpy")(*(frame[str(symbol)].to_numpy() for symbol in symbols))
            np.testing.assert_allclose(np.broadcast_to(values, 5), model.predict(frame), rtol=1e-10, atol=1e-11)


def test_nodes_of_a_network_known_by_hand():
    genome = make_genome(
        [
            (0, 0.0, NodeKind.INPUT, 0, 0),
            (1, 0.0, NodeKind.INPUT, 0, 0),
            (2, 0.5, NodeKind.OUTPUT, 0, 0),
            (3, 0.0, NodeKind.HIDDEN, 3, 0),
        ],
        [(0, 0, 3, 2.0, True), (1, 1, 3, 1.0, True), (2, 3, 2, -3.0, True)],
    )
    # b + w * tanh(c + u * x0 + v * x1): the scaling of inputs makes a weight of 1 another, and a bias of 0
    assert summarise(genome).n_nodes == n_nodes(genome) == 13
    assert n_nodes(genome, is_logarithm=True) == 14


@pytest.mark.parametrize("activation", ["relu", "abs", "gauss", "tanh"])
@pytest.mark.parametrize("weights", [(2.0, 3.0), (-2.0, 3.0), (-2.0, -3.0)], ids=str)
def test_one_weight_goes_outside_where_the_activation_lets_it_pass(activation, weights):
    nodes = [(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.0, NodeKind.INPUT, 0, 0), (2, 0.0, NodeKind.OUTPUT, 0, 0)]
    nodes.append((3, 0.7, NodeKind.HIDDEN, activation_code(activation), 0))
    genome = make_genome(nodes, [(0, 0, 3, weights[0], True), (1, 1, 3, weights[1], True), (2, 3, 2, 5.0, True)])
    model = Model(genome, "regression", plain_preprocessor(2), None, TargetScale(0.0, 1.0))
    # 5 * f(.7 + u * x0 + v * x1): product, 5, sum, .7, two products of two, and of f its own nodes
    written_out = {"relu": 2, "abs": 1, "gauss": 5, "tanh": 1}[activation] + 10
    pulled_out = 0 if activation == "tanh" else 2
    assert n_nodes(genome) - 2 == written_out - pulled_out
    frame = pandas.DataFrame({"x0": [0.3, -1.2, 0.9, np.nan], "x1": [0.4, 2.0, -1.5, 0.0]})
    answers = function_of(model)(frame["x0"].to_numpy(), frame["x1"].to_numpy())
    np.testing.assert_allclose(answers, model.predict(frame), rtol=1e-13, atol=1e-13)


def test_a_node_used_twice_is_computed_once_and_counted_twice():
    nodes = [(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.0, NodeKind.OUTPUT, 0, 0)]
    nodes += [(2 + k, 0.1, NodeKind.HIDDEN, 3, 0) for k in range(40)]
    order = [0, *range(2, 42), 1]
    pairs = [(source, target) for k, target in enumerate(order) for source in order[max(0, k - 3) : k]]
    genome = make_genome(nodes, [(k, source, target, 0.4, True) for k, (source, target) in enumerate(pairs)])
    model = Model(genome, "regression", plain_preprocessor(1), None, TargetScale(0.0, 1.0))
    assert summarise(genome).n_nodes > 10**9
    assert len(to_python(model.formula)) < 10_000
    nodes, connections = nodes[:2] + [(2 + k, 0.1, NodeKind.HIDDEN, 3, 0) for k in range(900)], []
    for k, target in enumerate([*range(2, 902), 1]):
        connections += [
            (2 * k, max(0, k + 1) if k else 0, target, 0.4, True),
            (2 * k + 1, k if k > 1 else 0, target, 0.3, True),
        ]
    deep = make_genome(nodes, [one for k, one in enumerate(connections) if k not in (1,)])
    assert summarise(deep).n_nodes == 2**53 - 1
    frame = pandas.DataFrame({"x0": [0.3, -1.2]})
    np.testing.assert_allclose(function_of(model)(frame["x0"].to_numpy()), model.predict(frame), rtol=1e-12)


def test_rounding_keeps_as_many_digits_as_asked(preprocessor):
    rng = np.random.default_rng(3)
    for digits, error in ((3, 0.1), (6, 1e-4), (12, 1e-10)):
        for _ in range(5):
            model, frame = a_model(rng, preprocessor, "binary", aggregations=(0,)), a_table(rng)
            rounded = round_formula(model.formula, digits)
            columns = [column.name for column in rounded.columns]
            answers = compiled(to_python(rounded))(*(frame[name].to_numpy() for name in columns))
            np.testing.assert_allclose(np.broadcast_to(answers, len(frame)), model.predict_proba(frame)[:, 1], atol=error)
            if digits < 12:
                shown = [line for line in to_python(rounded).splitlines() if "lambda" not in line]
                assert not re.search(rf"\d\.\d{{{digits + 8},}}\*", "\n".join(shown))
