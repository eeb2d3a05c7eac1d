"""Backpropagation through time of a whole population: against torch in float64, finite differences, and its own laws."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from engine_cases import assert_close, assert_same_bits
from random_genomes import random_genome
from sequence_cases import make_pool, make_sequences, train_in_float64

from propneat.base.errors import ConfigError
from propneat.compiler import LayerPlan, PopulationPlan, compile_pool, write_back_pool
from propneat.compiler.recurrent_network import RecurrentNetwork
from propneat.compiler.reference import evaluate
from propneat.genome import GenePool, NodeKind, make_genome
from propneat.search.judging import mean_loss
from propneat.training import Samples, Sequences, TrainedPopulation, TrainingConfig, train_population
from propneat.training.settings import ADADELTA_EPSILON, RHO
from propneat.training.torch_loop import sample_loss


def train(
    pool: GenePool, sequences: Sequences, config: TrainingConfig, validation: Sequences | None = None, **place
) -> TrainedPopulation:
    rng = np.random.default_rng(0)
    return train_population(compile_pool(pool), sequences, config, rng, validation=validation, **place)


def judged(sequences: Sequences) -> tuple[np.ndarray, np.ndarray, Samples]:
    """The rows and steps that have targets, and these as rows."""
    row, step = sequences.judged_steps(np.arange(len(sequences)))
    targets = sequences.targets[row, step] if sequences.at_every_step else sequences.targets
    return row, step, Samples(sequences.X[row, step], targets, sequences.weights[row])


def loss_of(plan: LayerPlan, loss: str, sequences: Sequences) -> float:
    row, step, rows = judged(sequences)
    return mean_loss(loss, evaluate(plan, sequences.X)[row, step], rows)[0]


def gradient_of(plan: LayerPlan, loss: str, sequences: Sequences) -> np.ndarray:
    """Gradient in the order weights, biases, by torch in float64."""
    network = RecurrentNetwork(plan, torch.float64)
    row, step, rows = judged(sequences)
    outputs = network(torch.tensor(sequences.X, dtype=torch.float64))[0][row, step]
    sample_loss(loss, outputs, *(torch.tensor(part, dtype=torch.float64) for part in (rows.targets, rows.weights))).backward()
    return np.concatenate([network.step.weights.grad.numpy(), network.step.biases.grad.numpy()])


def first_step(gradient: np.ndarray) -> np.ndarray:
    """What Adadelta's first step takes from a number: it tells small gradients from each other, as Adam's does not."""
    return np.sqrt(ADADELTA_EPSILON) / np.sqrt((1 - RHO) * gradient**2 + ADADELTA_EPSILON) * gradient


def numbers_of(plan: PopulationPlan, result: TrainedPopulation | PopulationPlan, g: int) -> np.ndarray:
    edges, slots = (slice(start[g], start[g + 1]) for start in (plan.genome_edge_start, plan.slot_start))
    return np.concatenate([result.weights[edges], result.biases[slots][plan.n_inputs :]]).astype(np.float64)


ONE_STEP = TrainingConfig(epochs=1, optimiser="adadelta", learning_rate=1.0)


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("loss", ["bce", "cross_entropy", "mse", "rmse"])
def test_losses_and_gradients_are_those_of_torch_in_float64(loss, every):
    pool = make_pool(1, 30)
    plan, sequences = compile_pool(pool), make_sequences(2, loss, 100, 6, every=every, ragged=True)
    trained = train(pool, sequences, replace(ONE_STEP, loss=loss), sequences)
    before = train(pool, sequences, replace(ONE_STEP, loss=loss, epochs=0), sequences)
    n_large = 0
    for g, own in enumerate(plan):
        expected = loss_of(own, loss, sequences)
        np.testing.assert_allclose([trained.train_loss[g], before.validation_loss[g]], expected, rtol=2e-5)
        gradient = gradient_of(own, loss, sequences)
        step = numbers_of(plan, plan, g) - numbers_of(plan, trained, g)
        atol = 3e-7 + 2e-5 * np.abs(gradient).max()
        np.testing.assert_allclose(step, first_step(gradient), rtol=2e-3, atol=atol, err_msg=str(g))
        n_large += np.count_nonzero(np.abs(gradient) > 1e-4)
    assert n_large > 200


def test_gradients_are_those_of_finite_differences():
    pool = make_pool(5, 8, max_hidden=3, aggregations=(0, 1, 2))
    nodes = pool.nodes.copy()
    inner = nodes["kind"] != NodeKind.INPUT
    nodes["activation"][inner] = np.array([0, 1, 3, 10, 11])[nodes["activation"][inner] % 5]
    pool = GenePool(nodes, pool.node_start, pool.connections, pool.connection_start)
    plan, sequences = compile_pool(pool), make_sequences(2, "mse", 5, 4, every=True, ragged=True)
    trained = train(pool, sequences, replace(ONE_STEP, loss="mse"))
    for g, own in enumerate(plan):
        numbers, n = np.concatenate([own.weights, own.biases]), own.n_edges
        expected = np.zeros(len(numbers))
        for k in range(len(numbers)):
            ends = []
            for h in (1e-6, -1e-6):
                moved = numbers.copy()
                moved[k] += h
                ends.append(loss_of(replace(own, weights=moved[:n], biases=moved[n:]), "mse", sequences))
            expected[k] = (ends[0] - ends[1]) / 2e-6
        step = numbers_of(plan, plan, g) - numbers_of(plan, trained, g)
        np.testing.assert_allclose(step, first_step(expected), rtol=2e-3, atol=2e-6, err_msg=str(g))


@pytest.mark.parametrize("options", [{}, {"window": 2}, {"batch_size": 9, "l2": 0.5}, {"optimiser": "adadelta", "window": 3}])
def test_training_ends_where_torch_in_float64_does(options):
    pool = make_pool(3, 12)
    config = TrainingConfig("mse", epochs=4, learning_rate=0.02, **options)
    for every in (False, True):
        sequences, more = (make_sequences(seed, "mse", 40, 7, every=every, ragged=True) for seed in (6, 7))
        assert_close(train(pool, sequences, config, more), train_in_float64(pool, sequences, config, more), 2e-3, 5e-4)


def test_sequences_of_negative_weight_are_moved_away_from():
    pool, config = make_pool(3, 6), TrainingConfig("mse", epochs=3, learning_rate=0.02, l2=0.5, batch_size=16)
    for every in (False, True):
        sequences = make_sequences(6, "mse", 40, 5, every=every, ragged=True)
        mixed = replace(sequences, weights=sequences.weights * np.resize([1, -1, -1], 40).astype(np.float32))
        assert_close(train(pool, mixed, config), train_in_float64(pool, mixed, config), 2e-3, 5e-4)


def test_the_layered_engine_is_that_training_in_float32():
    pool, config = make_pool(4, 5), TrainingConfig("mse", epochs=3, learning_rate=0.01, window=2)
    sequences = make_sequences(8, "mse", 30, 5, every=True, ragged=True)
    assert_close(train(pool, sequences, config, engine="layered"), train_in_float64(pool, sequences, config), 2e-3, 5e-4)


def test_patience_keeps_the_best_numbers_and_stops():
    pool, config = make_pool(9, 8), TrainingConfig("mse", epochs=12, learning_rate=0.2, patience=2)
    sequences, more = (make_sequences(seed, "mse", 12, 4, every=False, ragged=True) for seed in (1, 2))
    found, expected = train(pool, sequences, config, more), train_in_float64(pool, sequences, config, more)
    np.testing.assert_array_equal(found.epochs, expected.epochs)
    assert len(set(found.epochs.tolist())) > 1
    plan = compile_pool(write_back_pool(pool, compile_pool(pool), found.weights, found.biases))
    np.testing.assert_allclose(found.validation_loss, [loss_of(own, "mse", more) for own in plan], rtol=1e-4)


def test_what_stands_after_a_sequence_s_end_has_no_part():
    pool, config = make_pool(2, 10), TrainingConfig("mse", epochs=2, learning_rate=0.05)
    lengths, rng = np.array([3, 1, 5, 2] * 20), np.random.default_rng(0)
    X, y = rng.standard_normal((80, 5, 4)), rng.standard_normal((80, 5, 2))
    noisy, wild = X.copy(), y.copy()
    noisy[np.arange(5) >= lengths[:, None]] = np.nan
    wild[np.arange(5) >= lengths[:, None]] = np.inf
    longer = np.concatenate([X, np.ones((80, 7, 4))], axis=1), np.concatenate([y, np.ones((80, 7, 2))], axis=1)
    first, *others = (Sequences.make(*arrays, None, lengths) for arrays in ((X, y), (noisy, wild), longer))
    for other in others:
        assert_same_bits(*(train(pool, rows, config, rows) for rows in (first, other)))


def test_a_feed_forward_population_learns_from_one_step_what_it_learns_from_rows():
    rng = np.random.default_rng(3)
    pool = GenePool.pack([random_genome(rng, n_inputs=4, n_outputs=2, scale=0.4) for _ in range(12)])
    X, y = rng.standard_normal((70, 4)), rng.standard_normal((70, 2))
    config = TrainingConfig("mse", epochs=3, batch_size=20)
    assert_close(
        train(pool, Sequences.make(X[:, None], y), config),
        train_population(compile_pool(pool), Samples.make(X, y), config, np.random.default_rng(0)),
        1e-5,
        1e-6,
    )


@pytest.mark.parametrize("window", [None, 7])
def test_a_memory_budget_computes_again_to_the_same_bits(window):
    pool, config = make_pool(6, 6), TrainingConfig("mse", epochs=2, learning_rate=0.05, window=window)
    sequences = make_sequences(4, "mse", 70, 23, every=True, ragged=True)
    free = train(pool, sequences, config, sequences)
    with pytest.raises(ConfigError, match="training within 1000 bytes is not possible: .* the numba engine needs") as caught:
        train(pool, sequences, config, memory_budget=1000)
    least = int(str(caught.value).split("needs ")[1].split()[0])
    for budget in (least, 2 * least, 10**8):
        assert_same_bits(train(pool, sequences, config, sequences, memory_budget=budget), free)


def test_the_number_of_threads_changes_nothing(monkeypatch):
    import numba

    pool, config = make_pool(7, 9), TrainingConfig("mse", epochs=2, batch_size=30)
    sequences = make_sequences(4, "mse", 70, 5, every=False, ragged=True)
    found = []
    for n_threads in (1, 2):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", n_threads)
        found.append(train(pool, sequences, config))
    assert_same_bits(*found)


def test_a_genome_that_overflows_keeps_its_numbers_and_disturbs_no_other():
    nodes = [(k, 0.0, NodeKind.INPUT, 0, 0) for k in range(4)]
    nodes += [(4, 0.0, NodeKind.OUTPUT, 13, 0), (5, 0.0, NodeKind.OUTPUT, 0, 0)]
    wild = make_genome(nodes, [(0, 0, 4, 30.0, True), (1, 4, 4, 30.0, True, True)])
    pool = make_pool(8, 3)
    sequences, config = make_sequences(1, "mse", 20, 12, every=False, ragged=False), TrainingConfig("mse", epochs=2)
    together = train(GenePool.pack([wild, *pool]), sequences, config)
    alone = train(pool, sequences, config)
    assert together.epochs[0] == 0 and together.weights[:2].tolist() == [30.0, 30.0]
    assert together.weights[2:].tobytes() == alone.weights.tobytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "padded"}, "the engine 'padded' knows no sequences: choose 'numba'"),
        ({"engine": "layered", "memory_budget": 10**9}, "keeps to no memory budget on sequences"),
        ({"validation": Samples.make(np.zeros((2, 4)), np.zeros((2, 2)))}, "judged by sequences, and rows without steps"),
    ],
)
def test_what_sequences_cannot_be_trained_with_is_named(options, message):
    sequences = make_sequences(1, "mse", 4, 3, every=False, ragged=False)
    with pytest.raises(ConfigError, match=message):
        train_population(compile_pool(make_pool(8, 2)), sequences, TrainingConfig("mse"), np.random.default_rng(0), **options)


def test_rows_are_refused_for_recurrent_networks_and_windows():
    rows, rng = Samples.make(np.zeros((2, 4)), np.zeros((2, 2))), np.random.default_rng(0)
    recurrent = next(genome for genome in make_pool(8, 5) if compile_pool(GenePool.pack([genome])).is_recurrent)
    with pytest.raises(ConfigError, match="a recurrent network is trained on sequences, and rows without steps were given"):
        train_population(compile_pool(GenePool.pack([recurrent])), rows, TrainingConfig("mse"), rng)
    plain = compile_pool(GenePool.pack([random_genome(rng, n_inputs=4, n_outputs=2)]))
    with pytest.raises(ConfigError, match="a window of 2 steps is for sequences"):
        train_population(plain, rows, TrainingConfig("mse", window=2), rng)
    with pytest.raises(ConfigError, match="window must be 1 or more, not 0"):
        TrainingConfig(window=0)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((np.zeros((3, 4)), np.zeros(3)), "sequences are an array of sequences, steps and inputs, and one of shape"),
        ((np.zeros((3, 4, 2)), np.zeros(4)), "targets are one row for each of 3 sequences, or for each of their 4 steps"),
        ((np.zeros((3, 4, 2)), np.zeros((3, 5, 1))), "targets are one row"),
        ((np.zeros((3, 4, 2)), np.zeros(3), None, [1, 2, 5]), "lengths are a number from 1 to 4 for each of 3 sequences"),
        ((np.zeros((3, 4, 2)), np.zeros(3), None, [1, 2]), "lengths are a number"),
    ],
)
def test_arrays_that_are_no_sequences_are_named(arrays, message):
    with pytest.raises(ConfigError, match=message):
        Sequences.make(*arrays)
