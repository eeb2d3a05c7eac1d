"""Laws of the CPU engine: the reference's values and gradients, the torch engines' training, and only the data counts."""

from dataclasses import replace

import numba
import numpy as np
import pytest
from engine_cases import (
    assert_close,
    assert_same_bits,
    check_patience,
    every_function_pool,
    linear_pool,
    make_pool,
    make_samples,
    train_in_float64,
)

from propneat.base.errors import ConfigError
from propneat.compiler import LayerPlan, PopulationPlan, compile_genome, compile_pool, write_back_pool
from propneat.compiler.reference import evaluate
from propneat.genome import ACTIVATIONS, AGGREGATIONS, GenePool, activation_code, make_genome
from propneat.training import LOSSES, OPTIMISERS, Samples, TrainingConfig, kernel_math, kernel_windows, train_population
from propneat.training.kernel_engine import predict_population
from propneat.training.kernel_tile import ROWS
from propneat.training.vector_code import elementwise


def train(pool: GenePool, samples: Samples, config: TrainingConfig, validation: Samples | None = None, seed: int = 0):
    return train_population(compile_pool(pool), samples, config, np.random.default_rng(seed), validation=validation)


def plain_loss(loss: str, plan: LayerPlan, samples: Samples) -> float:
    """The loss in float64 from the textbook."""
    z, y = evaluate(plan, samples.X), samples.targets.astype(np.float64)
    if loss == "bce":
        rows = np.mean(np.logaddexp(0, z) - z * y, axis=1)
    elif loss == "cross_entropy":
        rows = np.logaddexp.reduce(z, axis=1) - np.sum(z * y, axis=1)
    else:
        rows = np.mean((z - y) ** 2, axis=1)
    mean = float(np.average(rows, weights=samples.weights))
    return mean**0.5 if loss == "rmse" else mean


def test_a_thousand_genomes_predict_what_the_reference_computes():
    plan = compile_pool(make_pool(0, 1000))
    X = np.random.default_rng(1).standard_normal((20, 4)).astype(np.float32)
    answers = predict_population(plan, X)
    assert answers.shape == (1000, 20, 2) and answers.dtype == np.float32
    for g, own in enumerate(plan):
        expected = evaluate(own, X)
        np.testing.assert_allclose(answers[g], expected, rtol=1e-5, atol=2e-6 * max(1, np.abs(expected).max()), err_msg=str(g))


def test_every_function_predicts_what_the_reference_computes():
    plan = compile_pool(every_function_pool())
    X = np.random.default_rng(2).standard_normal((300, 4)).astype(np.float32)
    for g, answers in enumerate(predict_population(plan, X)):
        np.testing.assert_allclose(
            answers, evaluate(plan[g], X), rtol=1e-5, atol=1e-5, err_msg=str(divmod(g, len(AGGREGATIONS)))
        )


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_large_values_stay_near_the_reference(activation):
    """Up to 1000, and beyond that no bounded function leaves its bounds."""
    nodes = [(0, 0.0, 0, 0, 0), (1, 0.0, 1, activation_code(activation), 0)]
    plan = compile_pool(GenePool.pack([make_genome(nodes, [(0, 0, 1, 1.0, True)])]))
    X = np.concatenate([np.linspace(-1000, 1000, 999), np.linspace(-6, 6, 999)]).astype(np.float32)[:, None]
    np.testing.assert_allclose(predict_population(plan, X)[0], evaluate(plan[0], X), rtol=1e-6, atol=6e-7)
    far = np.array([[1e5], [-1e9], [1e10], [1e20], [-3e38]], np.float32)
    answers, expected = predict_population(plan, far)[0], evaluate(plan[0], far)
    assert not np.isnan(answers).any()
    if np.abs(expected).max() <= 1:
        assert np.abs(answers).max() <= 1


@pytest.mark.parametrize("n_rows", [0, 1, 255, 256, 257, 600])
def test_predictions_know_no_tiles(n_rows):
    plan = compile_pool(make_pool(3, 10))
    X = np.random.default_rng(0).standard_normal((n_rows, 4)).astype(np.float32)
    together = predict_population(plan, X)
    assert together.shape == (10, n_rows, 2)
    for k in range(0, n_rows, 50):
        np.testing.assert_allclose(together[:, k], predict_population(plan, X[k : k + 1])[:, 0], rtol=1e-5, atol=1e-6)


def gradient_by_differences(plan: LayerPlan, samples: Samples) -> np.ndarray:
    """Gradient of the mean squared error in weights, then biases, by central differences of the float64 reference."""
    numbers = np.concatenate([plan.weights, plan.biases])
    gradient = np.empty(len(numbers))
    for k in range(len(numbers)):
        sides = []
        for step in (1e-6, -1e-6):
            moved = numbers.copy()
            moved[k] += step
            own = replace(plan, weights=moved[: plan.n_edges], biases=moved[plan.n_edges :])
            sides.append(plain_loss("mse", own, samples))
        gradient[k] = (sides[0] - sides[1]) / 2e-6
    return gradient


def gradient_by_kernel(plan: PopulationPlan, samples: Samples) -> list[np.ndarray]:
    """The same gradients out of one step of Adadelta, which is sqrt(1e-6) g / sqrt(0.1 g^2 + 1e-6) before the rate.

    A rate of 1e6 makes the step outweigh the number it is taken from; gradients need to be small, or the step saturates.
    """
    config = TrainingConfig("mse", epochs=1, optimiser="adadelta", learning_rate=1e6)
    trained = train_population(plan, samples, config, np.random.default_rng(0))
    after = [trained.weights, trained.biases]
    weight_step, bias_step = ((np.float64(a) - b) / -1e6 for a, b in zip(after, (plan.weights, plan.biases), strict=True))
    gradients = []
    for g in range(len(plan)):
        slots = slice(plan.slot_start[g] + plan.n_inputs, plan.slot_start[g + 1])
        edges = slice(plan.genome_edge_start[g], plan.genome_edge_start[g + 1])
        s = np.concatenate([weight_step[edges], bias_step[slots]])
        gradients.append(s * np.sqrt(1e-6 / (1e-6 - 0.1 * s**2)))
    return gradients


@pytest.mark.parametrize("pool", [every_function_pool(), make_pool(4, 60)], ids=["every function", "random"])
def test_gradients_are_those_of_finite_differences(pool):
    """A last row that the genome answers without error takes so much of the weight that the gradient is small."""
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((31, 4)).astype(np.float32), rng.standard_normal((31, 2))
    n_numbers = 0
    for g, genome in enumerate(pool):
        plan = compile_pool(GenePool.pack([genome]))
        y[30] = predict_population(plan, X[30:])[0, 0]
        expected = gradient_by_differences(plan[0], Samples.make(X[:30], y[:30]))
        share = min(1.0, 0.03 / max(np.abs(expected).max(), 1e-30))
        found = gradient_by_kernel(plan, Samples.make(X, y, np.array([share / 30] * 30 + [1 - share])))[0] / share
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max(), err_msg=str(g))
        n_numbers += np.count_nonzero(expected)
    assert n_numbers > 500


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_training_is_that_of_the_torch_engine(loss, optimiser):
    """Mini-batches, L2 and early stop included."""
    pool = make_pool(6, 6)
    samples, validation = make_samples(1, loss, 50), make_samples(2, loss, 30)
    rate = 0.05 if optimiser == "adam" else 2.0
    config = TrainingConfig(loss, epochs=4, optimiser=optimiser, learning_rate=rate, batch_size=12, l2=2.0, patience=3)
    ours = train(pool, samples, config, validation)
    theirs = train_in_float64(pool, samples, config, validation)
    assert_close(ours, theirs, rtol=2e-3, atol=2e-4)
    assert ours.weights.dtype == ours.biases.dtype == np.float32
    assert not np.allclose(ours.weights, compile_pool(pool).weights, atol=1e-2)


@pytest.mark.parametrize("n_rows", [1, 255, 256, 257, 600])
def test_training_knows_no_tiles(n_rows):
    pool = make_pool(7, 4)
    for loss, n_judges in (("cross_entropy", 5), ("rmse", 700)):
        samples, validation = make_samples(n_rows, loss, n_rows), make_samples(1, loss, n_judges)
        config = TrainingConfig(loss, epochs=3, learning_rate=0.03, patience=1)
        assert_close(train(pool, samples, config, validation), train_in_float64(pool, samples, config, validation), 2e-3, 2e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_reported_losses_are_those_of_the_returned_numbers(loss):
    """Trained, written back, compiled again: the same function, judged by the reference."""
    pool = make_pool(8, 40)
    samples, validation = make_samples(3, loss, 40), make_samples(4, loss, 30)
    for patience in (None, 2):
        trained = train(pool, samples, TrainingConfig(loss, epochs=5, patience=patience), validation)
        plan = compile_pool(pool)
        again = compile_pool(write_back_pool(pool, plan, trained.weights, trained.biases))
        assert np.array_equal(again.weights.astype(np.float32), trained.weights)
        expected = [plain_loss(loss, own, validation) for own in again]
        np.testing.assert_allclose(trained.validation_loss, expected, rtol=1e-5, atol=1e-6)
    first = train(pool, samples, TrainingConfig(loss, epochs=1))
    np.testing.assert_allclose(first.train_loss, [plain_loss(loss, own, samples) for own in plan], rtol=1e-5, atol=1e-6)
    assert np.isnan(first.validation_loss).all()


def test_no_epochs_leave_every_number_alone():
    pool, samples = make_pool(9, 20), make_samples(1, "mse", 10)
    plan = compile_pool(pool)
    for patience in (None, 2):
        trained = train(pool, samples, TrainingConfig("mse", epochs=0, patience=patience), samples)
        assert np.array_equal(trained.weights, plan.weights) and np.array_equal(trained.biases, plan.biases)
        assert not trained.epochs.any() and np.isnan(trained.train_loss).all()
        np.testing.assert_allclose(trained.validation_loss, [plain_loss("mse", own, samples) for own in plan], rtol=1e-5)


def test_patience_keeps_the_best_of_all_epochs_and_stops_in_time():
    check_patience(train)


def test_threads_and_company_do_not_matter(monkeypatch):
    pool = make_pool(11, 30)
    samples, validation = make_samples(1, "bce", 300), make_samples(2, "bce", 30)
    config = TrainingConfig(epochs=4, batch_size=70, patience=2)
    results, answers = [], []
    for n_threads in (1, 2, 5):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", n_threads)
        results.append(train(pool, samples, config, validation))
        answers.append(predict_population(compile_pool(pool), samples.X).tobytes())
    assert_same_bits(results[0], results[1])
    assert_same_bits(results[0], results[2])
    assert len(set(answers)) == 1
    plan = compile_pool(pool)
    for g in range(0, 30, 7):
        alone = train(pool[g : g + 1], samples, config, validation)
        edges = slice(plan.genome_edge_start[g], plan.genome_edge_start[g + 1])
        assert alone.weights.tobytes() == results[0].weights[edges].tobytes()


@pytest.mark.parametrize("batch_size", [None, 70, 33])
@pytest.mark.parametrize("patience", [None, 2])
def test_windows_do_not_matter(monkeypatch, batch_size, patience):
    """Whatever part of the rows is read at a time, also less than a batch or a judgement, and for genomes that get stuck."""
    pool = GenePool.pack([*make_pool(19, 12), *linear_pool(None, 1.0)])
    samples, validation = make_samples(1, "rmse", 700), make_samples(2, "rmse", 300)
    samples.X[600, 0] = 1e30
    samples.weights[:70] = 0
    config = TrainingConfig("rmse", epochs=5, batch_size=batch_size, learning_rate=0.2, l2=0.5, patience=patience)
    expected = train(pool, samples, config, validation)
    assert np.isnan(expected.train_loss).any() and np.isfinite(expected.train_loss).any()
    tile_bytes = 4 * ROWS * (4 + 2 + 1)
    for n_tiles in (1, 2, 3, 7):
        monkeypatch.setattr(kernel_windows, "_WINDOW_BYTES", n_tiles * tile_bytes)
        assert_same_bits(train(pool, samples, config, validation), expected)


@pytest.mark.parametrize("patience", [None, 2])
def test_batches_and_judgements_without_weight_pass_once_whatever_windows_they_are_in(monkeypatch, patience):
    pool, samples, validation = make_pool(16, 5), make_samples(1, "mse", 700), make_samples(2, "mse", 300)
    samples.weights[:], validation.weights[:] = np.arange(700) == 4, 0
    config = TrainingConfig("mse", epochs=4, batch_size=140, patience=patience)
    expected = train(pool, samples, config, validation)
    assert set(expected.epochs.tolist()) == {2 if patience else 4}
    monkeypatch.setattr(kernel_windows, "_WINDOW_BYTES", 1)
    assert_same_bits(train(pool, samples, config, validation), expected)


@pytest.mark.parametrize("judged_always", [True, False])
def test_windows_hold_every_tile_once_in_order_and_no_more_than_they_may(judged_always):
    rng = np.random.default_rng(0)
    batch_tiles, most = np.array([3, 1, 12, 5, 5, 2]), 6
    order = np.array([rng.permutation(6) for _ in range(4)])
    tiles = kernel_windows._WINDOW_BYTES // most
    windows = kernel_windows.cut_into_windows(order, batch_tiles, 8, judged_always, tiles)
    judged = [8 if judged_always else 0] * 4 + [8]
    sizes = [judged[0], *(size for epoch in range(4) for size in [*batch_tiles[order[epoch]], judged[epoch + 1]])]
    seen = []
    for first, stop, tile, tile_stop in windows:
        own = [(unit, k) for unit in range(first, stop) for k in range(tile, min(tile_stop, sizes[unit]))]
        assert len(own) <= most
        seen += own
    assert seen == [(unit, k) for unit, size in enumerate(sizes) for k in range(size)]
    assert windows[0, 0] == 0 and windows[-1, 1] == len(sizes)
    assert len(kernel_windows.cut_into_windows(order, batch_tiles, 8, judged_always, 1)) == 1


def test_rows_of_weight_zero_are_not_there():
    pool = make_pool(12, 15)
    full = make_samples(1, "mse", 40)
    weights = np.where(np.arange(40) % 3 == 0, 0, full.weights).astype(np.float32)
    kept = weights > 0
    config = TrainingConfig("mse", epochs=3)
    parts = full.X[kept], full.targets[kept], weights[kept]
    assert_close(train(pool, replace(full, weights=weights), config), train(pool, Samples(*parts), config), 1e-3, 1e-5)


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "rmse"])
def test_rows_of_negative_weight_are_moved_away_from(loss):
    pool, samples = make_pool(12, 6), make_samples(1, loss, 40)
    start = compile_pool(pool)
    config = TrainingConfig(loss, epochs=1, optimiser="adadelta", learning_rate=1.0)
    one, other = (train(pool, replace(samples, weights=sign * samples.weights), config) for sign in (1, -1))
    np.testing.assert_allclose(one.weights - start.weights, start.weights - other.weights, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(one.train_loss, -other.train_loss, rtol=1e-6)
    mixed = replace(samples, weights=samples.weights * np.resize([1, -1, -1], 40).astype(np.float32))
    config = TrainingConfig(loss, epochs=3, learning_rate=0.02, batch_size=16, l2=1.0)
    expected = train_in_float64(pool, mixed, config)
    for engine in ("numba", "padded", "naive"):
        found = train_population(start, mixed, config, np.random.default_rng(0), engine=engine)
        assert_close(found, expected, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_row_of_weight_two_is_that_row_twice(loss):
    pool = make_pool(13, 15)
    samples = make_samples(1, loss, 30)
    doubled = np.concatenate([np.arange(30), np.arange(0, 30, 2)])
    weights = samples.weights * np.where(np.arange(30) % 2 == 0, 2, 1).astype(np.float32)
    config = TrainingConfig(loss, epochs=3)
    twice = Samples(samples.X[doubled], samples.targets[doubled], samples.weights[doubled])
    assert_close(train(pool, replace(samples, weights=weights), config), train(pool, twice, config), 1e-3, 1e-5)


def test_the_unit_of_weights_and_the_order_of_rows_do_not_matter():
    pool, samples, config = make_pool(14, 15), make_samples(1, "bce", 300), TrainingConfig(epochs=3)
    expected = train(pool, samples, config)
    order = np.random.default_rng(0).permutation(300)
    for other in (
        replace(samples, weights=1e4 * samples.weights),
        Samples(samples.X[order], samples.targets[order], samples.weights[order]),
    ):
        assert_close(train(pool, other, config), expected, 1e-3, 1e-5)


@pytest.mark.parametrize("bad", [1e30, np.inf, np.nan])
def test_a_gradient_that_is_not_finite_stops_its_genome_and_no_other(bad):
    pool = linear_pool(None, 1.0, None)
    samples = make_samples(1, "mse", 20)
    samples.X[7, 0] = bad
    config = TrainingConfig("mse", epochs=3)
    trained = train(pool, samples, config, samples)
    np.testing.assert_array_equal(trained.epochs, [3, 0, 3])
    np.testing.assert_array_equal(np.isnan(trained.train_loss), [False, True, False])
    np.testing.assert_array_equal(trained.weights[2:5], [1.0, 0.5, 1.0])
    clean = train(pool[:1], samples, config, samples)
    for part in (slice(0, 2), slice(5, 7)):
        assert trained.weights[part].tobytes() == clean.weights.tobytes()
    assert not np.isfinite(trained.validation_loss[1]) and np.isfinite(trained.validation_loss[[0, 2]]).all()


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_numbers_stay_finite_at_any_learning_rate(optimiser):
    pool, samples = make_pool(15, 60), make_samples(1, "mse", 20)
    for learning_rate in (1e3, 1e6, 1e30, 3e38):
        trained = train(pool, samples, TrainingConfig("mse", epochs=6, optimiser=optimiser, learning_rate=learning_rate))
        assert np.isfinite(trained.weights).all() and np.isfinite(trained.biases).all()


def test_a_batch_of_weightless_rows_is_passed_over():
    pool, samples = make_pool(16, 5), make_samples(1, "mse", 12)
    weights = np.zeros(12, np.float32)
    weights[4] = 1.0
    config = TrainingConfig("mse", epochs=2, batch_size=3)
    trained = train(pool, replace(samples, weights=weights), config)
    alone = train(pool, Samples(samples.X[4:5], samples.targets[4:5], weights[4:5]), replace(config, batch_size=None))
    assert_close(trained, alone, 1e-4, 1e-6)


def test_unusable_calls_are_refused_by_name():
    plan, samples, rng = compile_pool(make_pool(17, 2)), make_samples(1, "bce", 5), np.random.default_rng(0)
    with pytest.raises(ConfigError, match="engine must be one of numba, padded, triton, layered, naive, not 'cuda'"):
        train_population(plan, samples, TrainingConfig(), rng, engine="cuda")
    with pytest.raises(ConfigError, match="the numba engine works on the CPU, not on 'cuda'"):
        train_population(plan, samples, TrainingConfig(), rng, device="cuda")
    with pytest.raises(ConfigError, match="patience needs validation rows"):
        train_population(plan, samples, TrainingConfig(patience=2), rng)
    narrow = Samples.make(np.zeros((5, 3)), np.zeros((5, 2)))
    for train_rows, validation in ((narrow, None), (samples, narrow)):
        with pytest.raises(ConfigError, match="expected rows of 4 inputs and 2 targets, got 3 and 2"):
            train_population(plan, train_rows, TrainingConfig(), rng, validation=validation)
    away = replace(samples, weights=-samples.weights)
    with pytest.raises(ConfigError, match="'rmse' has no root for rows of negative weight"):
        train_population(plan, away, TrainingConfig("rmse"), rng)
    for setting, value in (
        ("loss", "mae"),
        ("optimiser", "sgd"),
        ("epochs", -1),
        ("learning_rate", 0),
        ("batch_size", 0),
        ("l2", -1),
        ("patience", 0),
    ):
        with pytest.raises(ConfigError, match=setting):
            TrainingConfig(**{setting: value})


exponential, sigmoid, tanh, sine, cosine, logarithm = (
    elementwise(getattr(kernel_math, name)) for name in ("exponential", "sigmoid", "tanh", "sine", "cosine", "logarithm")
)


@numba.njit
def _functions(x, out):
    for i in range(x.shape[0]):
        out[0, i] = exponential(x[i])
        out[1, i] = sigmoid(x[i])
        out[2, i] = tanh(x[i])
        out[3, i] = sine(x[i])
        out[4, i] = cosine(x[i])
        out[5, i] = logarithm(abs(x[i]))


def kernel_functions(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(x in float64, exponential, sigmoid, tanh, sine, cosine and logarithm of |x| in float64)."""
    x = x.astype(np.float32)
    out = np.empty((6, len(x)), np.float32)
    _functions(x, out)
    return x.astype(np.float64), out.astype(np.float64)


def test_kernel_functions_are_as_accurate_as_they_say():
    x, (e, s, t, _, _, _) = kernel_functions(np.linspace(-87, 88, 400_001))
    assert np.max(np.abs(e / np.exp(x) - 1)) < 2e-7
    assert np.max(np.abs(s - 1 / (1 + np.exp(-x)))) < 2e-7
    assert np.max(np.abs(t - np.tanh(x))) < 2e-7
    for bound, n in ((10, 400_001), (1000, 400_001)):
        x, (_, _, _, sin, cos, _) = kernel_functions(np.linspace(-bound, bound, n))
        assert np.max(np.abs(sin - np.sin(x))) < 5e-7 and np.max(np.abs(cos - np.cos(x))) < 5e-7
    x, (*_, log) = kernel_functions(np.geomspace(1.2e-38, 3e38, 400_001))
    near = np.abs(x - 1) < 0.5
    assert np.max(np.abs(log / np.log(x) - 1)[~near]) < 2e-7
    x, (*_, log) = kernel_functions(np.linspace(0.5, 1.5, 400_001))
    assert np.max(np.abs(log - np.log(x))) < 1e-7


def test_kernel_functions_at_the_edges():
    _, (e, s, t, sin, cos, _) = kernel_functions(np.array([0.0, -1e30, 1e30, np.inf, -np.inf, np.nan]))
    np.testing.assert_allclose(e[:5], np.exp([0, -87, 88, 88, -87]), rtol=2e-7)
    np.testing.assert_allclose(s[:5], [0.5, 0, 1, 1, 0], atol=1e-37)
    np.testing.assert_array_equal(t[:5], [0, -1, 1, 1, -1])
    assert np.isnan([e[5], s[5], t[5], *sin[3:], *cos[3:]]).all()
    assert (sin[0], cos[0]) == (0, 1) and np.abs([sin[:3], cos[:3]]).max() <= 1


def test_compiling_one_genome_for_prediction_needs_no_rows_or_edges():
    plan = compile_pool(GenePool.pack([make_genome([(0, 0.0, 0, 0, 0), (1, 0.25, 1, activation_code("square"), 2)], [])]))
    np.testing.assert_array_equal(predict_population(plan, np.zeros((3, 1))), np.full((1, 3, 1), 0.0625, np.float32))
    assert compile_genome(linear_pool(None)[0]).n_edges == 2


def test_a_memory_budget_is_kept_to_by_construction_or_refused_with_the_bytes_that_are_needed():
    pool, samples, config = make_pool(3, 5), make_samples(4, "mse", 40), TrainingConfig("mse", epochs=2)

    def train_within(memory_budget, engine="numba"):
        rng = np.random.default_rng(0)
        return train_population(compile_pool(pool), samples, config, rng, engine=engine, memory_budget=memory_budget)

    with pytest.raises(ConfigError, match="the numba engine needs") as caught:
        train_within(100)
    needed = int(str(caught.value).split()[-2])
    assert_same_bits(train_within(needed), train_within(None))
    with pytest.raises(ConfigError, match=f"within {needed - 1} bytes is not possible"):
        train_within(needed - 1)
    with pytest.raises(ConfigError, match="memory_budget must be 1 byte or more"):
        train_within(0)
    with pytest.raises(ConfigError, match="the naive engine cannot keep to a memory budget"):
        train_within(10**9, "naive")


def test_the_mode_of_arithmetic_is_left_as_it_was(monkeypatch):
    """Training takes numbers too small for a normal float32 as 0, in the caller's own thread too."""
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 1)
    pool, samples = make_pool(18, 3), make_samples(1, "bce", 20)
    train(pool, samples, TrainingConfig(epochs=1))
    predict_population(compile_pool(pool), samples.X)
    assert np.float32(1e-30) * np.float32(1e-10) == np.float32(1e-40) > 0
