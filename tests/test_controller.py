"""Laws of quick answers: they are those of the slow way to the bit, or there are none; and of controllers, step by step."""

import numpy as np
import pytest
from random_genomes import random_genome, random_recurrent_genome

from propneat import Controller
from propneat.base.errors import ConfigError, GenomeError
from propneat.compiler import compile_genome, evaluate
from propneat.data import Preprocessor, TargetScale, plan_table
from propneat.data.preprocessing import EncodingOptions
from propneat.data.sequence_rows import SequenceColumns
from propneat.model import Model, class_probabilities


def mixed_table(n_rows: int = 400) -> np.ndarray:
    """Columns of every kind that numbers have: plain, few whole numbers, two values, gaps, a sentinel, an outlier."""
    rng = np.random.default_rng(0)
    table = np.column_stack([
        rng.standard_normal(n_rows), rng.integers(0, 5, n_rows), rng.integers(0, 2, n_rows), rng.standard_normal(n_rows),
        rng.integers(0, 40, n_rows), np.full(n_rows, 3.0), 100.0 * rng.random(n_rows),
    ])  # fmt: skip
    table[::9, 3], table[::11, 6], table[5, 0] = np.nan, -999.0, 1e9
    return table


def made_model(table: np.ndarray, seed: int = 1, recurrent: bool = False, **options) -> Model:
    levels = np.array([3.0, -1.0, 0.5] * 14)[table[:, 4].astype(int)]
    targets = (levels + np.random.default_rng(2).standard_normal(len(table)))[:, None]
    plan = plan_table(table).plan
    preprocessor = Preprocessor.fit(table, plan=plan, targets=targets, options=EncodingOptions(one_hot_integers=8))
    make = random_recurrent_genome if recurrent else random_genome
    genome = make(np.random.default_rng(seed), n_inputs=len(preprocessor.rules), n_outputs=1, scale=0.3)
    return Model(genome, "regression", preprocessor, target_scale=TargetScale.fit(targets[:, 0]), **options)


def test_quick_answers_are_those_of_preprocessing_and_network_to_the_bit():
    table, kinds = mixed_table(), set()
    for seed in range(20):
        model = made_model(table, seed)
        kinds |= set(model.quick_answers.inputs.rules[:, 1].tolist())
        X = np.concatenate([table, 3.0 * table[:50] + 0.5])
        slow = evaluate(model.plan, model.preprocessor.transform(X, model.used_features))
        for variant in (X, np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2]):
            np.testing.assert_array_equal(model.quick_answers.outputs(variant), slow)
        np.testing.assert_array_equal(model.outputs(X[7:8]), slow[7:8])
        np.testing.assert_array_equal(
            model.quick_answers.outputs(X[:50].astype(np.float32)), model.outputs(X[:50].astype(np.float32))
        )
    assert kinds == {0.0, 1.0, 2.0, 3.0}


def test_what_is_to_be_said_of_is_left_to_the_slow_way():
    table = mixed_table()
    model = next(model for seed in range(50) if "x0" in (model := made_model(table, seed)).used_features)
    quick, far = model.quick_answers, table.copy()
    far[3, 0] = np.inf
    assert quick.outputs(far) is None
    with pytest.raises(ValueError, match="column 'x0' holds an infinite value"):
        model.predict(far)
    assert all(
        quick.outputs(X) is None for X in (table[:, :3], table[0], table.tolist(), table.astype(object), table.astype(str))
    )
    with_texts = Preprocessor.fit(np.array([["a", "b", "a"], ["1", "2", "3"]]).T)
    scale, n_inputs = TargetScale(0.0, 1.0), len(with_texts.rules)
    genomes = (random_genome(np.random.default_rng(seed), n_inputs=n_inputs, n_outputs=1) for seed in range(50))
    models = [Model(genome, "regression", with_texts, target_scale=scale) for genome in genomes]
    assert {model.quick_answers is None for model in models if "x0" in model.used_features} == {True}
    with pytest.raises(ConfigError, match="this model has columns of texts or dates: use its predict"):
        Controller(next(model for model in models if "x0" in model.used_features))


def test_probabilities_are_those_of_the_softmax():
    rng = np.random.default_rng(0)
    logits = np.concatenate([10.0 * rng.standard_normal((50, 3)), [[800.0, -800.0, 0.0]]])
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        class_probabilities("multiclass", logits), e / e.sum(axis=1, keepdims=True), rtol=1e-12, atol=1e-300
    )
    second = 0.5 + 0.5 * np.tanh(0.5 * logits[:, :1])
    both = class_probabilities("binary", logits[:, :1])
    np.testing.assert_allclose(both, np.hstack([1 - second, second]), rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(class_probabilities("binary", -logits[:, :1]), both[:, ::-1])


def test_a_controller_answers_as_the_network_does_step_after_step():
    for seed in range(30):
        genome = random_recurrent_genome(np.random.default_rng(seed), n_inputs=3, n_outputs=2, scale=0.35)
        controller, X = Controller(genome), np.random.default_rng(seed).standard_normal((6, 3))
        expected = evaluate(compile_genome(genome), X[None])[0]
        for _ in range(2):
            np.testing.assert_array_equal([controller(x) for x in X], expected)
            controller.reset()
    assert controller(X[0].tolist()).tolist() == expected[0].tolist()
    controller.reset()
    X.flags.writeable = False
    first = controller(X[0])
    controller(X[1])
    assert first.tolist() == expected[0].tolist()


def test_a_controller_of_a_model_reads_rows_of_its_table():
    table = mixed_table()
    model = made_model(table, 3)
    controller = Controller(model)
    np.testing.assert_array_equal([controller(row) for row in table[:20]], model.outputs(table[:20]))
    with_memory = made_model(table, 3, recurrent=True, sequence=SequenceColumns())
    controller = Controller(with_memory)
    np.testing.assert_array_equal([controller(row) for row in table[:20]][-1:], with_memory.outputs(table[None, :20]))


def test_what_a_controller_cannot_use_is_refused_in_a_sentence():
    genome = random_genome(np.random.default_rng(0), n_inputs=3)
    with pytest.raises(ValueError, match="expected an observation of 3 numbers, got an array of shape \\(2,\\)"):
        Controller(genome)(np.zeros(2))
    with pytest.raises(ValueError, match="expected an observation of 3 numbers, got an array of shape \\(\\)"):
        Controller(genome)(0.5)
    with pytest.raises(ConfigError, match="a controller is made of a Genome or a Model, not of dict"):
        Controller({})
    table = mixed_table()
    model = next(model for seed in range(50) if "x0" in (model := made_model(table, seed)).used_features)
    with pytest.raises(GenomeError, match="infinite number"):
        Controller(model)(np.where(np.arange(7) == 0, np.inf, table[0]))
