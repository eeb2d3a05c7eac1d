"""Laws of the torch engines: both follow the written equations, agree with each other, and train nothing but genes."""

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import torch
from random_genomes import random_genome

from propneat.base.errors import ConfigError
from propneat.compiler import compile_genome, compile_pool, write_back_pool
from propneat.compiler.network import CompiledNetwork
from propneat.compiler.reference import evaluate
from propneat.genome import GenePool, Genome, NodeKind, activation_code, aggregation_code, make_genome
from propneat.training import LOSSES, OPTIMISERS, Samples, TrainedPopulation, TrainingConfig, make_schedule, train_population
from propneat.training.naive_engine import NodeByNodeNetwork
from propneat.training.torch_loop import sample_loss, train_one_by_one

NETWORKS = {"layered": CompiledNetwork, "naive": NodeByNodeNetwork}
ENGINES = tuple(NETWORKS)


def make_pool(seed: int, n_genomes: int, **options) -> GenePool:
    rng = np.random.default_rng(seed)
    return GenePool.pack([random_genome(rng, n_inputs=3, n_outputs=2, **options) for _ in range(n_genomes)])


def make_samples(seed: int, loss: str, n_rows: int, n_inputs: int = 3, n_outputs: int = 2) -> Samples:
    """Random rows with targets that suit a loss and uneven weights, some of them 0."""
    rng = np.random.default_rng(seed)
    targets = rng.standard_normal((n_rows, n_outputs))
    if loss == "bce":
        targets = targets > 0
    if loss == "cross_entropy":
        targets = np.exp(targets) / np.exp(targets).sum(axis=1, keepdims=True)
    return Samples.make(rng.standard_normal((n_rows, n_inputs)), targets, rng.choice([0.0, 0.5, 1.0, 3.0], n_rows))


def linear_pool(*weights: tuple[float, float], activation: str = "identity") -> GenePool:
    """One genome per pair of weights: output = activation(w0 * x0 + w1 * x1 + 0.125); a weight of None is no connection."""
    nodes = [(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.0, NodeKind.INPUT, 0, 0)]
    nodes.append((2, 0.125, NodeKind.OUTPUT, activation_code(activation), 0))
    return GenePool.pack(
        make_genome(nodes, [(k, k, 2, w, True) for k, w in enumerate(pair) if w is not None]) for pair in weights
    )


def train_double(
    engine: str, pool: GenePool, train: Samples, validation: Samples | None, config: TrainingConfig, seed: int = 0
) -> TrainedPopulation:
    rng = np.random.default_rng(seed)
    return train_one_by_one(NETWORKS[engine], compile_pool(pool), train, validation, config, rng, "cpu", torch.float64)


def plain_loss_and_slope(loss: str, z: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Weighted loss of one output and its derivative in every row's z, from the textbook formulas."""
    share = weights / weights.sum()
    if loss == "bce":
        p = 1 / (1 + np.exp(-z))
        return float(share @ -(y * np.log(p) + (1 - y) * np.log(1 - p))), share * (p - y)
    mean = float(share @ (z - y) ** 2)
    if loss == "rmse":
        return mean**0.5, share * (z - y) / mean**0.5
    return mean, 2 * share * (z - y)


def train_line(w: np.ndarray, train: Samples, config: TrainingConfig, seed: int, last_batch: int | None = None):
    """Train (w0, w1, bias) of a linear neuron by the published equations; returns (w, mean loss of the last epoch)."""
    rows, start, order = make_schedule(len(train), config, np.random.default_rng(seed))
    X, y, weights = (part.astype(np.float64) for part in (train.X, train.targets[:, 0], train.weights))
    X = np.column_stack([X, np.ones(len(X))])
    m, v, step, losses = np.zeros(3), np.zeros(3), 0, []
    for batch in order.ravel():
        if batch == last_batch:
            break
        chosen = rows[start[batch] : start[batch + 1]]
        if weights[chosen].sum() == 0:
            continue
        loss, slope = plain_loss_and_slope(config.loss, X[chosen] @ w, y[chosen], weights[chosen])
        losses.append(loss)
        g = X[chosen].T @ slope + config.l2 / weights.sum() * w * [1, 1, 0]
        step += 1
        if config.optimiser == "adam":
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            w = w - config.learning_rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
        else:
            v = 0.9 * v + 0.1 * g**2
            change = np.sqrt(m + 1e-6) / np.sqrt(v + 1e-6) * g
            m = 0.9 * m + 0.1 * change**2
            w = w - config.learning_rate * change
    n_batches = len(losses) // config.epochs
    return w, float(np.mean(losses[-n_batches:])) if n_batches else float("nan")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "cross_entropy"])
def test_training_follows_the_written_equations(engine, optimiser, loss):
    train = make_samples(1, loss, 23, n_inputs=2, n_outputs=1)
    weights = np.array(train.weights)
    config = TrainingConfig(loss=loss, epochs=4, optimiser=optimiser, learning_rate=0.3, batch_size=6, l2=1.2)
    rows, start, _ = make_schedule(len(train), config, np.random.default_rng(7))
    weights[rows[start[1] : start[2]]] = 0.0
    train = replace(train, weights=weights)
    pool = linear_pool((0.7, -0.4), (-0.2, 0.3))
    trained = train_double(engine, pool, train, None, config, seed=7)
    for g, pair in enumerate([(0.7, -0.4), (-0.2, 0.3)]):
        expected, expected_loss = train_line(np.array([*pair, 0.125]), train, config, seed=7)
        np.testing.assert_allclose(trained.weights[2 * g : 2 * g + 2], expected[:2], rtol=1e-9)
        np.testing.assert_allclose(trained.biases[3 * g : 3 * g + 3], [0, 0, expected[2]], rtol=1e-9)
        assert trained.train_loss[g] == pytest.approx(expected_loss, rel=1e-9)
    np.testing.assert_array_equal(trained.epochs, [4, 4])
    assert np.isnan(trained.validation_loss).all()


def test_cross_entropy_takes_soft_targets():
    rng = np.random.default_rng(0)
    outputs, targets, weights = rng.standard_normal((5, 3)), rng.dirichlet(np.ones(3), 5), rng.random(5)
    logs = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
    expected = np.average(-(targets * logs).sum(axis=1), weights=weights)
    loss = sample_loss("cross_entropy", *(torch.tensor(part) for part in (outputs, targets, weights)))
    assert loss.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_engines_agree(loss, optimiser):
    pool = make_pool(5, 6)
    train, validation = make_samples(2, loss, 30), make_samples(3, loss, 12)
    config = TrainingConfig(loss, epochs=3, optimiser=optimiser, learning_rate=0.05, batch_size=8, l2=0.3, patience=2)
    first, second = (train_double(engine, pool, train, validation, config) for engine in ENGINES)
    np.testing.assert_array_equal(first.epochs, second.epochs)
    for name in ("weights", "biases", "train_loss", "validation_loss"):
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), rtol=1e-8, atol=1e-8)
    assert not np.array_equal(first.weights, compile_pool(pool).weights)


@pytest.mark.parametrize("engine", ENGINES)
def test_public_call_works_in_single_precision(engine):
    pool = make_pool(6, 4)
    plan = compile_pool(pool)
    train, validation = make_samples(2, "bce", 30), make_samples(3, "bce", 12)
    config = TrainingConfig(epochs=3, batch_size=8, l2=0.3)
    trained = train_population(plan, train, config, np.random.default_rng(0), validation=validation, engine=engine)
    exact = train_double(engine, pool, train, validation, config)
    assert trained.weights.dtype == trained.biases.dtype == np.float32
    assert trained.weights.shape == plan.weights.shape and trained.biases.shape == plan.biases.shape
    assert not trained.biases[plan.depth == 0].any()
    for name in ("weights", "biases", "train_loss", "validation_loss"):
        np.testing.assert_allclose(getattr(trained, name), getattr(exact, name), rtol=1e-3, atol=1e-4)
    again = train_population(plan, train, config, np.random.default_rng(0), validation=validation, engine=engine)
    for name in ("weights", "biases", "train_loss", "validation_loss", "epochs"):
        np.testing.assert_array_equal(getattr(trained, name), getattr(again, name))


@pytest.mark.parametrize("engine", ENGINES)
def test_trained_numbers_return_to_their_genes_and_no_others(engine):
    pool = make_pool(7, 12)
    train, validation = make_samples(2, "mse", 30), make_samples(3, "mse", 12)
    trained = train_double(engine, pool, train, validation, TrainingConfig("mse", epochs=2))
    after = write_back_pool(pool, compile_pool(pool), trained.weights, trained.biases)
    n_kept = 0
    for g, (old, new) in enumerate(zip(pool, after, strict=True)):
        answers = evaluate(compile_genome(new), validation.X)
        squares = np.mean((answers - validation.targets) ** 2, axis=1)
        assert np.average(squares, weights=validation.weights) == pytest.approx(trained.validation_loss[g], rel=1e-6)
        enabled = old.connections[old.connections["enabled"]]
        graph = nx.DiGraph(enabled[["source", "target"]].tolist())
        graph.add_nodes_from(old.nodes["id"].tolist())
        outputs = old.nodes["id"][old.nodes["kind"] == NodeKind.OUTPUT]
        useful = set(outputs.tolist()).union(*(nx.ancestors(graph, node) for node in outputs.tolist()))
        idle_nodes = ~np.isin(old.nodes["id"], list(useful)) | (old.nodes["kind"] == NodeKind.INPUT)
        idle_edges = ~old.connections["enabled"] | ~np.isin(old.connections["target"], list(useful))
        idle = [Genome(genome.nodes[idle_nodes], genome.connections[idle_edges]) for genome in (old, new)]
        assert idle[0].to_bytes() == idle[1].to_bytes()
        n_kept += idle_edges.sum() + idle_nodes.sum()
    assert n_kept > 50


@pytest.mark.parametrize("engine", ENGINES)
def test_no_epochs_change_nothing(engine):
    pool, train = make_pool(8, 3), make_samples(2, "mse", 10)
    plan = compile_pool(pool)
    trained = train_double(engine, pool, train, train, TrainingConfig("mse", epochs=0, patience=3))
    np.testing.assert_array_equal(trained.weights, plan.weights)
    np.testing.assert_array_equal(trained.biases, plan.biases)
    np.testing.assert_array_equal(trained.epochs, [0, 0, 0])
    assert np.isnan(trained.train_loss).all() and np.isfinite(trained.validation_loss).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_patience_keeps_the_best_of_all_epochs_and_stops_in_time(engine):
    """Judged by runs of every length without patience: all rows at once, so a longer run begins with the shorter one."""
    pool = make_pool(9, 5, aggregations=(0,))
    train, validation = make_samples(2, "mse", 12), make_samples(11, "mse", 12)
    config = TrainingConfig("mse", epochs=14, learning_rate=0.2, patience=3)
    runs = [train_double(engine, pool, train, validation, replace(config, epochs=e, patience=None)) for e in range(15)]
    trained = train_double(engine, pool, train, validation, config)
    plan = compile_pool(pool)
    for g in range(len(pool)):
        losses = [run.validation_loss[g] for run in runs]
        best = next(e for e in range(15) if losses[e] <= min(losses[: e + 4]))
        stop = min(best + 3, 14)
        edges = slice(plan.genome_edge_start[g], plan.genome_edge_start[g + 1])
        assert trained.epochs[g] == stop
        assert trained.validation_loss[g] == losses[best]
        assert trained.train_loss[g] == pytest.approx(runs[stop].train_loss[g], nan_ok=True)
        np.testing.assert_array_equal(trained.weights[edges], runs[best].weights[edges])
    assert len(set(trained.epochs.tolist())) > 1


@pytest.mark.parametrize("engine", ENGINES)
def test_training_stops_before_a_step_that_is_not_finite(engine):
    """One row of 1e30 overflows the gradient of whoever looks at it; the other genome goes on."""
    X = np.random.default_rng(0).standard_normal((12, 2))
    X[5, 0] = 1e30
    train = Samples.make(X, X[:, 1])
    config = TrainingConfig("mse", epochs=3, batch_size=3, learning_rate=0.1)
    seed = next(s for s in range(50) if position_of_row(5, config, s) == 2)
    rows, start, order = make_schedule(12, config, np.random.default_rng(seed))
    bad = order[0][2]
    plan = compile_pool(linear_pool((0.5, 0.5), (None, 0.5)))
    trained = train_population(plan, train, config, np.random.default_rng(seed), engine=engine)
    expected, _ = train_line(np.array([0.5, 0.5, 0.125]), train, config, seed, last_batch=bad)
    np.testing.assert_allclose(trained.weights[:2], expected[:2], rtol=1e-4)
    np.testing.assert_allclose(trained.biases[2], expected[2], rtol=1e-4)
    np.testing.assert_array_equal(trained.epochs, [0, 3])
    np.testing.assert_array_equal(np.isnan(trained.train_loss), [True, False])
    assert np.isfinite(trained.weights).all()


def position_of_row(row: int, config: TrainingConfig, seed: int) -> int:
    """When in the first epoch the batch with a row is trained on."""
    rows, start, order = make_schedule(12, config, np.random.default_rng(seed))
    batch = int(np.searchsorted(start, np.flatnonzero(rows == row)[0], side="right")) - 1
    return int(np.flatnonzero(order[0] == batch)[0])


@pytest.mark.parametrize("engine", ENGINES)
def test_only_completed_epochs_count(engine):
    pool = linear_pool((1.0, 1.0), activation="square")
    train = Samples.make(np.ones((4, 2)), np.zeros(4))
    config = TrainingConfig("mse", epochs=5, learning_rate=1e13)
    trained = train_population(compile_pool(pool), train, config, np.random.default_rng(0), engine=engine)
    np.testing.assert_array_equal(trained.epochs, [1])
    np.testing.assert_allclose(trained.train_loss, [2.125**4], rtol=1e-5)
    np.testing.assert_allclose(trained.weights, [-1e13, -1e13], rtol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_perfect_fit_is_at_rest_under_rmse(engine):
    train = Samples.make(np.zeros((3, 2)), np.full(3, 0.125))
    trained = train_double(engine, linear_pool((0.4, 0.15)), train, None, TrainingConfig("rmse", epochs=2))
    np.testing.assert_array_equal(trained.weights, [0.4, 0.15])
    np.testing.assert_array_equal(trained.biases, [0.0, 0.0, 0.125])
    np.testing.assert_array_equal(trained.train_loss, [0.0])
    np.testing.assert_array_equal(trained.epochs, [2])


@pytest.mark.parametrize("engine", ENGINES)
def test_an_equal_loss_is_no_progress(engine):
    """A silent relu has no gradient, so its validation loss never changes."""
    samples = Samples.make(-np.ones((4, 2)), np.ones(4))
    config = TrainingConfig("mse", epochs=9, patience=4)
    trained = train_double(engine, linear_pool((1.0, 1.0), activation="relu"), samples, samples, config)
    np.testing.assert_array_equal(trained.epochs, [4])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("aggregation", "weights"), [("max", [-1.0, 0.5, 0.5, 0.5]), ("min", [1.0, 0.5, 0.5, 0.5])])
def test_of_tied_extremes_only_the_first_edge_learns(engine, aggregation, weights):
    nodes = [(k, 0.0, NodeKind.INPUT, 0, 0) for k in range(4)]
    nodes.append((4, 0.0, NodeKind.OUTPUT, 0, aggregation_code(aggregation)))
    genome = make_genome(nodes, [(k, k, 4, weight, True) for k, weight in enumerate(weights)])
    train = Samples.make(np.ones((3, 4)), np.zeros(3))
    trained = train_double(engine, GenePool.pack([genome]), train, None, TrainingConfig("mse", epochs=1))
    np.testing.assert_array_equal(trained.weights != weights, [False, True, False, False])


def test_unusable_device_is_a_configuration_error():
    pool, train = linear_pool((0.1, 0.2)), make_samples(1, "mse", 5, n_inputs=2, n_outputs=1)
    for device in ("no-such-device", "cuda:99", "meta", "mps:9"):
        with pytest.raises(
            ConfigError, match=f"^device must be one that torch can use here, not '{device}'.{{,120}}choose 'cpu'$"
        ):
            train_population(
                compile_pool(pool), train, TrainingConfig("mse"), np.random.default_rng(0), engine="layered", device=device
            )
