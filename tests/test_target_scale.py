"""The scale of a regression target: bounds, the way back, and when its logarithm is learnt."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from formula_cases import plain_model
from random_genomes import random_genome

from propneat.base.errors import DataError, GenomeError
from propneat.data import TargetScale
from propneat.data.weighted import is_clearly_less
from propneat.model import Model, load_model
from propneat.model.preparation import prepare_problem
from propneat.model.scores import score_answers


def factors(n_rows: int = 400, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose target is a product: its logarithm is linear."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(n_rows, 3))
    return X, np.exp(5 + X @ [1.0, -0.5, 0.2] + noise * rng.normal(size=n_rows))


def test_the_logarithm_is_learnt_where_a_linear_model_of_it_tells_more():
    X, product = factors()
    prepared = prepare_problem(X, product, "regression", seed=0)
    scale = prepared.target_scale
    assert scale.log and scale.center == pytest.approx(np.log(product).mean(), abs=0.05)
    assert "logarithm" in " ".join(prepared.describe(X, product))
    np.testing.assert_allclose(scale.invert(scale.apply(product)), product, rtol=1e-12)


@pytest.mark.parametrize("shift", [0.0, 50.0])
def test_a_sum_is_learnt_as_it_is(shift):
    X, product = factors()
    prepared = prepare_problem(X, np.log(product) + shift, "regression", seed=0)
    assert not prepared.target_scale.log
    assert "logarithm" not in " ".join(prepared.describe(X, product))


def test_a_target_that_is_not_positive_has_no_logarithm():
    X, product = factors()
    product[3] = 0.0
    assert not prepare_problem(X, product, "regression", seed=0).target_scale.log


def test_noise_has_no_logarithm():
    chosen = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, values = rng.normal(size=(40, 5)), np.exp(rng.normal(size=40))
        scale = TargetScale.fit(values)
        chosen.append(scale.logarithmic(X, values, np.ones(40)) is not None)
    assert sum(chosen) <= 2


def test_a_row_of_weight_two_is_the_row_twice_and_one_of_weight_none_no_row():
    X, product = factors(300, 0.05)
    weights = np.arange(300) % 3
    product[0] = 1e-9
    repeated = np.repeat(np.arange(300), weights)
    weighted = prepare_problem(X, product, "regression", seed=0, weights=weights)
    plain = prepare_problem(X[repeated], product[repeated], "regression", seed=0)
    assert weighted.target_scale.log and weighted.target_scale == plain.target_scale
    np.testing.assert_array_equal(weighted.problem.train.X, plain.problem.train.X)


def test_answers_of_a_logarithm_stay_within_bounds_however_large():
    scale = TargetScale(2.0, 0.5, 1.0, 40.0, True)
    np.testing.assert_array_equal(scale.invert([1e300, -1e300, np.inf]), [40.0, 1.0, 40.0])


def test_a_model_with_a_logarithm_is_read_back(tmp_path):
    X, product = factors()
    prepared = prepare_problem(X, product, "regression", seed=0)
    model = prepared.model(random_genome(np.random.default_rng(0), n_inputs=3, n_outputs=1))
    model.save(tmp_path / "model.json")
    assert load_model(tmp_path / "model.json").target_scale == prepared.target_scale
    text = (tmp_path / "model.json").read_text()
    assert prepared.target_scale.log and re.search('"log": *true', text)
    for log in ("false", "1", "null"):
        (tmp_path / "model.json").write_text(re.sub('"log": *true', f'"log": {log}', text))
        with pytest.raises(GenomeError, match="'log'"):
            load_model(tmp_path / "model.json")
    document = json.loads(text)
    document["model"]["target_scale"]["low"] = -1.0
    (tmp_path / "model.json").write_text(json.dumps(document))
    with pytest.raises(GenomeError, match="positive low"):
        load_model(tmp_path / "model.json")


def test_means_of_levels_are_those_of_the_logarithm():
    rng = np.random.default_rng(1)
    towns, size = rng.integers(0, 40, 2000), rng.normal(size=2000)
    product = np.exp(rng.permutation(np.linspace(0, 1.5, 40))[towns] + 0.5 * size + 0.1 * rng.normal(size=2000))
    prepared = prepare_problem(np.column_stack([towns, size]), product, "regression", seed=0)
    (rule,) = [rule for rule in prepared.preprocessor.rules if rule.means is not None]
    logs = {town: np.log(product[towns == town]).mean() for town in range(40)}
    assert prepared.target_scale.log
    assert [mean for _, mean in rule.means] == pytest.approx([logs[town] for town, _ in rule.means], abs=0.1)


def test_clearly_less_needs_both_size_and_evidence():
    rng = np.random.default_rng(0)
    errors, noise, ones = rng.random(200), rng.normal(size=200), np.ones(200)
    assert is_clearly_less(errors, errors + 0.1, ones, 0.05)
    assert not is_clearly_less(errors, errors + 0.1, ones, 0.2)
    assert not is_clearly_less(errors, errors + 0.1 + 5 * (noise - noise.mean()), ones, 0.05)


@pytest.mark.parametrize("unit", [1e-200, 1.0, 1e200])
def test_the_root_of_squares_is_right_where_squares_leave_float64(unit):
    rng = np.random.default_rng(3)
    plain, _ = plain_model(rng)
    model = replace(plain, target_scale=TargetScale(2 * unit, unit))
    outputs, truth = rng.normal(size=(50, 1)), rng.normal(size=50)
    exact = np.sqrt(np.mean((outputs[:, 0] + 2 - truth) ** 2))
    scores = score_answers(model, outputs, truth * unit)
    assert scores["rmse"] / unit == pytest.approx(exact, rel=1e-12) and scores["r2"] < 1
    assert score_answers(model, outputs, model.scale.invert(outputs[:, 0]))["rmse"] == 0


def test_a_model_says_that_it_has_no_scale_or_no_classes():
    number, _ = plain_model(np.random.default_rng(0))
    label = Model(number.genome, "binary", number.preprocessor, ("no", "yes"))
    assert number.scale is number.target_scale and label.labels == ("no", "yes")
    with pytest.raises(DataError, match="predicts a number has no classes"):
        number.labels  # noqa: B018
    with pytest.raises(DataError, match="tells classes apart has no scale"):
        label.scale  # noqa: B018
