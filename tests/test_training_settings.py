"""Batches that the number of rows decides."""

from dataclasses import replace

import numpy as np
import pytest

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng
from propneat.compiler import compile_pool
from propneat.evolution import EvolutionConfig, Population
from propneat.training import Samples, TrainingConfig, train_population

AUTO = TrainingConfig(epochs=20, batch_size="auto", patience=50)


@pytest.mark.parametrize(
    ("n_rows", "n_batches"), [(1, 1), (1023, 1), (2047, 1), (2048, 2), (5000, 4), (20_480, 20), (1_000_000, 20)]
)
def test_many_rows_make_batches_and_few_passes(n_rows, n_batches):
    config = AUTO.for_rows(n_rows)
    if n_batches == 1:
        assert config == replace(AUTO, batch_size=None)
        return
    assert -(-n_rows // config.batch_size) == n_batches and config.batch_size >= 1024
    assert config.epochs == max(2, -(-20 // n_batches)) and config.patience == -(-50 // n_batches)
    assert 20 <= config.epochs * n_batches <= 40


def test_what_was_asked_for_stays():
    assert replace(AUTO, epochs=0).for_rows(10**6).epochs == 0
    assert replace(AUTO, epochs=1).for_rows(10**6).epochs == 1
    for size in (None, 7):
        config = replace(AUTO, batch_size=size)
        assert config.for_rows(10**6) == config
    with pytest.raises(ConfigError, match="batch_size must be 'auto', 'none' or 1 or more, not 'small'"):
        TrainingConfig(batch_size="small")


def test_training_by_rows_is_training_with_what_the_rows_decide():
    rng = np.random.default_rng(0)
    rows = Samples.make(rng.standard_normal((2100, 3)), rng.integers(2, size=2100))
    plan = compile_pool(Population(3, 1, EvolutionConfig(population_size=4)).ask())
    for config in (replace(AUTO, patience=None, epochs=3), AUTO):
        auto, plain = (
            train_population(plan, rows, each, make_rng("x"), validation=rows) for each in (config, config.for_rows(len(rows)))
        )
        assert np.array_equal(auto.weights, plain.weights) and np.array_equal(auto.epochs, plain.epochs)
    whole = train_population(plan, rows, replace(AUTO, patience=None, batch_size=None, epochs=3), make_rng("x"))
    assert not np.array_equal(
        whole.weights, train_population(plan, rows, replace(AUTO, patience=None, epochs=3), make_rng("x")).weights
    )
