"""Laws of the padded engine: the layered networks' gradients and training in float64, and genomes that do not mix."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from engine_cases import (
    assert_close,
    assert_gradients_agree,
    assert_same_bits,
    check_patience,
    every_function_pool,
    expected_loss_and_gradient,
    ladder_pool,
    linear_pool,
    make_pool,
    make_samples,
    numbers_of,
    one_batch,
    train_in_float64,
)

from propneat.base.errors import ConfigError
from propneat.compiler import compile_pool
from propneat.compiler.reference import evaluate
from propneat.genome import GenePool, make_genome
from propneat.recompute.meter import MemoryMeter
from propneat.training import LOSSES, OPTIMISERS, Samples, TrainingConfig, padded_engine, train_population
from propneat.training.padded_layers import pad_population
from propneat.training.population_loop import TrainingRows


def train(
    pool: GenePool, samples: Samples, config: TrainingConfig, validation: Samples | None = None, dtype=torch.float64,
    memory_budget=None,
):  # fmt: skip
    rng = np.random.default_rng(0)
    return padded_engine.train(compile_pool(pool), samples, validation, config, rng, "cpu", memory_budget, dtype)


def gradient_of(pool: GenePool, loss: str) -> tuple:
    plan = compile_pool(pool)
    return plan, padded_engine.PaddedGradient(pad_population(plan), loss, torch.device("cpu"))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_gradients_are_those_of_the_layered_networks(loss, dtype, rtol):
    pools = [make_pool(1, 25), ladder_pool(40)]
    pools += [every_function_pool()] if loss == "mse" else []
    for pool in pools:
        plan, gradient = gradient_of(pool, loss)
        samples = make_samples(2, loss, 33)
        losses, found = gradient.loss_and_gradient(numbers_of(plan, dtype), one_batch(samples, dtype, n_filling=3))
        expected_losses, expected = expected_loss_and_gradient(loss, plan, samples)
        assert_gradients_agree(plan, found.numpy(), expected, rtol)
        np.testing.assert_allclose(losses, expected_losses, rtol=rtol)
        again = gradient.loss(numbers_of(plan, dtype), one_batch(samples, dtype, n_filling=3))
        np.testing.assert_allclose(again, expected_losses, rtol=rtol)


def test_losses_and_gradients_are_those_of_the_reference_by_differences():
    plan, gradient = gradient_of(GenePool.pack([*make_pool(3, 6), *every_function_pool()]), "mse")
    samples = make_samples(4, "mse", 9)
    numbers, batch = numbers_of(plan, torch.float64), one_batch(samples, torch.float64)
    squares = [np.mean((evaluate(own, samples.X) - samples.targets) ** 2, axis=1) for own in plan]
    expected = [np.average(rows, weights=samples.weights) for rows in squares]
    np.testing.assert_allclose(gradient.loss(numbers, batch), expected, rtol=1e-12)
    direction = torch.tensor(np.random.default_rng(5).standard_normal(len(numbers)))
    ahead, behind = (gradient.loss(numbers + step * direction, batch).sum() for step in (1e-7, -1e-7))
    _, found = gradient.loss_and_gradient(numbers, batch)
    assert (found @ direction).item() == pytest.approx(((ahead - behind) / 2e-7).item(), rel=1e-6)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_training_is_that_of_the_layered_engine(loss, optimiser):
    """Mini-batches, L2, early stop, and a batch that has no weight."""
    pool = make_pool(6, 6)
    samples, validation = make_samples(1, loss, 50), make_samples(2, loss, 30)
    rate = 0.1 if optimiser == "adam" else 2.0
    config = TrainingConfig(loss, epochs=6, optimiser=optimiser, learning_rate=rate, batch_size=12, l2=2.0, patience=2)
    rows = np.random.default_rng(0).permutation(50)
    weights = np.array(samples.weights)
    weights[rows[10:20]] = 0
    samples = replace(samples, weights=weights)
    ours, theirs = train(pool, samples, config, validation), train_in_float64(pool, samples, config, validation)
    assert_close(ours, theirs, rtol=1e-6, atol=1e-8)
    assert not np.allclose(ours.weights, compile_pool(pool).weights, atol=1e-2)


def test_a_batch_without_weight_is_passed_over():
    samples = make_samples(1, "mse", 12)
    weights = np.zeros(12, np.float32)
    weights[4] = 1.0
    config = TrainingConfig("mse", epochs=2, batch_size=3)
    rows = TrainingRows.make(
        replace(samples, weights=weights), None, config, np.random.default_rng(0), torch.device("cpu"), torch.float64
    )
    assert rows.order.shape == (2, 1)
    alone = Samples(samples.X[4:5], samples.targets[4:5], weights[4:5])
    pool = make_pool(16, 5)
    assert_close(train(pool, replace(samples, weights=weights), config), train(pool, alone, config), 1e-12, 1e-12)


def test_the_public_call_works_in_single_precision_to_the_same_bytes():
    pool, config = make_pool(7, 10), TrainingConfig(epochs=3, batch_size=12, l2=0.5)
    samples, validation = make_samples(1, "bce", 50), make_samples(2, "bce", 30)
    first, second = (
        train_population(compile_pool(pool), samples, config, np.random.default_rng(0), validation=validation, engine="padded")
        for _ in range(2)
    )
    assert_same_bits(first, second)
    assert_close(first, train_in_float64(pool, samples, config, validation), rtol=1e-3, atol=1e-4)
    plan = compile_pool(pool)
    assert first.weights.dtype == first.biases.dtype == np.float32 and first.epochs.dtype == np.int64
    assert first.train_loss.dtype == first.validation_loss.dtype == np.float64
    assert not first.biases[plan.depth == 0].any()


def test_company_does_not_matter():
    pool, samples = make_pool(11, 12), make_samples(1, "bce", 40)
    config = TrainingConfig(epochs=5, batch_size=20, patience=2)
    together, plan = train(pool, samples, config, samples), compile_pool(pool)
    for g in range(len(pool)):
        alone = train(pool[g : g + 1], samples, config, samples)
        edges, slots = (slice(start[g], start[g + 1]) for start in (plan.genome_edge_start, plan.slot_start))
        np.testing.assert_allclose(together.weights[edges], alone.weights, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(together.biases[slots], alone.biases, rtol=1e-8, atol=1e-10)
        assert together.epochs[g] == alone.epochs[0]


def test_patience_keeps_the_best_of_all_epochs_and_stops_in_time():
    check_patience(train)


@pytest.mark.parametrize("patience", [None, 2])
def test_no_epochs_leave_every_number_alone(patience):
    pool, samples = make_pool(9, 8), make_samples(1, "mse", 10)
    plan = compile_pool(pool)
    trained = train(pool, samples, TrainingConfig("mse", epochs=0, patience=patience), samples)
    assert np.array_equal(trained.weights, plan.weights) and np.array_equal(trained.biases, plan.biases)
    assert not trained.epochs.any() and np.isnan(trained.train_loss).all()
    np.testing.assert_allclose(trained.validation_loss, expected_loss_and_gradient("mse", plan, samples)[0], rtol=1e-9)


@pytest.mark.parametrize("bad", [1e30, np.inf, np.nan])
def test_a_gradient_that_is_not_finite_stops_its_genome_and_no_other(bad):
    pool, samples = linear_pool(None, 1.0, None), make_samples(1, "mse", 20)
    samples.X[7, 0] = bad
    config = TrainingConfig("mse", epochs=3)
    trained = train(pool, samples, config, samples, torch.float32)
    np.testing.assert_array_equal(trained.epochs, [3, 0, 3])
    np.testing.assert_array_equal(np.isnan(trained.train_loss), [False, True, False])
    np.testing.assert_array_equal(trained.weights[2:5], [1.0, 0.5, 1.0])
    clean = train(pool[:1], samples, config, samples, torch.float32)
    for part in (slice(0, 2), slice(5, 7)):
        np.testing.assert_allclose(trained.weights[part], clean.weights, rtol=1e-6)
    assert not np.isfinite(trained.validation_loss[1]) and np.isfinite(trained.validation_loss[[0, 2]]).all()


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_numbers_stay_finite_at_any_learning_rate(optimiser):
    pool, samples = make_pool(15, 40), make_samples(1, "mse", 20)
    for learning_rate in (1e3, 1e6, 1e30, 3e38):
        config = TrainingConfig("mse", epochs=5, optimiser=optimiser, learning_rate=learning_rate)
        trained = train(pool, samples, config, dtype=torch.float32)
        assert np.isfinite(trained.weights).all() and np.isfinite(trained.biases).all()


def test_genomes_without_edges_and_of_any_depth_stand_beside_each_other():
    bare = make_genome([(k, 0.0, 0, 0, 0) for k in range(4)] + [(4, 0.5, 1, 3, 2), (5, -0.5, 1, 0, 3)], [])
    pool = GenePool.pack([bare, *ladder_pool(12), bare, *linear_pool(2.0)])
    samples, config = make_samples(1, "mse", 12), TrainingConfig("mse", epochs=4, learning_rate=0.1)
    assert_close(train(pool, samples, config, samples), train_in_float64(pool, samples, config, samples), 1e-9, 1e-11)
    only = GenePool.pack([bare])
    assert_close(train(only, samples, config, samples), train_in_float64(only, samples, config, samples), 1e-9, 1e-11)


def test_memory_grows_with_depth_and_not_with_its_square():
    needed = [pad_population(compile_pool(ladder_pool(depth))).bytes_needed(100, 4) for depth in (50, 100, 200, 400)]
    steps = np.diff(needed)
    np.testing.assert_allclose(steps[1:] / steps[:-1], 2.0, rtol=0.02)


@pytest.mark.parametrize(
    "pool", [make_pool(3, 40), every_function_pool(), ladder_pool(60)], ids=["random", "every function", "deep"]
)
def test_no_step_takes_more_bytes_than_estimated(pool):
    plan, gradient = gradient_of(pool, "bce")
    numbers, batch = numbers_of(plan, torch.float32), one_batch(make_samples(1, "bce", 500), torch.float32)
    with torch.no_grad(), MemoryMeter() as meter:
        gradient.loss_and_gradient(numbers, batch)
    needed = pad_population(plan).bytes_needed(500, 4)
    assert needed / 4 < meter.peak <= needed


def test_a_budget_parts_the_population_or_is_refused_with_the_bytes_that_are_needed():
    pool, samples, config = make_pool(3, 9), make_samples(4, "mse", 40), TrainingConfig("mse", epochs=2)
    plan = compile_pool(pool)
    largest = max(pad_population(compile_pool(pool[g : g + 1])).bytes_needed(40, 8) for g in range(9))
    assert largest < pad_population(plan).bytes_needed(40, 8)
    assert_close(
        train(pool, samples, config, samples, memory_budget=largest), train(pool, samples, config, samples), 1e-9, 1e-11
    )
    with pytest.raises(
        ConfigError, match=f"within {largest - 1} bytes is not possible: the padded engine needs {largest} bytes"
    ):
        train(pool, samples, config, samples, memory_budget=largest - 1)


def test_without_a_budget_one_genome_may_take_more_than_the_default(monkeypatch):
    monkeypatch.setattr(padded_engine, "DEFAULT_BUDGET", 1)
    pool, samples, config = make_pool(3, 4), make_samples(4, "mse", 10), TrainingConfig("mse", epochs=2)
    assert_close(train(pool, samples, config), train_in_float64(pool, samples, config), 1e-9, 1e-11)


def test_an_unusable_device_is_a_configuration_error():
    with pytest.raises(ConfigError, match="device must be one that torch can use here, not 'no-such-device'"):
        train_population(
            compile_pool(make_pool(1, 1)), make_samples(1, "bce", 5), TrainingConfig(), np.random.default_rng(0),
            engine="padded", device="no-such-device",
        )  # fmt: skip
