"""Populations, rows and float64 answers that the engines of a whole population are judged by."""

from dataclasses import replace

import numpy as np
import torch
from random_genomes import random_genome

from propneat.compiler import LayerPlan, PopulationPlan, compile_pool, write_back_pool
from propneat.compiler.network import CompiledNetwork
from propneat.genome import ACTIVATIONS, AGGREGATIONS, GenePool, NodeKind, activation_code, make_genome
from propneat.training import Samples, TrainedPopulation, TrainingConfig
from propneat.training.population_loop import Batch
from propneat.training.torch_loop import sample_loss, train_one_by_one

RESULTS = ("weights", "biases", "train_loss", "validation_loss")


def in_float32(pool: GenePool) -> GenePool:
    """The same genomes with numbers rounded to float32, so that engines lose nothing by rounding them."""
    plan = compile_pool(pool)
    return write_back_pool(pool, plan, plan.weights.astype(np.float32), plan.biases.astype(np.float32))


def make_pool(seed: int, n_genomes: int, **options) -> GenePool:
    rng = np.random.default_rng(seed)
    return in_float32(GenePool.pack([random_genome(rng, n_inputs=4, n_outputs=2, **options) for _ in range(n_genomes)]))


def make_samples(seed: int, loss: str, n_rows: int) -> Samples:
    """Random rows of 4 inputs and 2 outputs that suit a loss, with uneven weights."""
    rng = np.random.default_rng(seed)
    targets = rng.standard_normal((n_rows, 2))
    if loss == "bce":
        targets = targets > 0
    if loss == "cross_entropy":
        targets = np.exp(targets) / np.exp(targets).sum(axis=1, keepdims=True)
    return Samples.make(rng.standard_normal((n_rows, 4)), targets, rng.choice([0.5, 1.0, 3.0], n_rows))


def every_function_pool() -> GenePool:
    """For every activation and aggregation, a genome with two nodes of the kind, one feeding the other and the outputs."""
    genomes = []
    for activation in range(len(ACTIVATIONS)):
        for aggregation in range(len(AGGREGATIONS)):
            rng = np.random.default_rng(100 * activation + aggregation)
            nodes = [(k, 0.0, NodeKind.INPUT, 0, 0) for k in range(4)]
            nodes += [(k, rng.normal(), NodeKind.OUTPUT, 0, 0) for k in (4, 5)]
            nodes += [(k, rng.normal(), NodeKind.HIDDEN, activation, aggregation) for k in (6, 7)]
            pairs = [(0, 6), (1, 6), (2, 6), (3, 6), (6, 7), (0, 7), (2, 7), (6, 4), (7, 4), (7, 5), (1, 5)]
            genomes.append(make_genome(nodes, [(k, s, t, rng.normal(), True) for k, (s, t) in enumerate(pairs)]))
    return in_float32(GenePool.pack(genomes))


def ladder_pool(depth: int) -> GenePool:
    """One genome whose every node draws on the node before and on an input, with outputs at its end and at its beginning."""
    nodes = [(k, 0.0, NodeKind.INPUT, 0, 0) for k in range(4)] + [(k, 0.1, NodeKind.OUTPUT, 0, 0) for k in (4, 5)]
    nodes += [(6 + k, 0.01 * k, NodeKind.HIDDEN, activation_code("tanh"), 0) for k in range(depth)]
    pairs = [(5 + k if k else 0, 6 + k, 0.9) for k in range(depth)] + [(k % 4, 6 + k, 0.3) for k in range(1, depth)]
    pairs += [(5 + depth, 4, 1.0), (0, 5, 0.5)]
    return in_float32(GenePool.pack([make_genome(nodes, [(k, *pair, True) for k, pair in enumerate(pairs)])]))


def linear_pool(*first_weights: float | None) -> GenePool:
    """Per weight a genome y0 = weight * x0 + 0.5 * x1, y1 = x1; a weight of None is no connection."""
    nodes = [(k, 0.0, NodeKind.INPUT, 0, 0) for k in range(4)] + [(k, 0.0, NodeKind.OUTPUT, 0, 0) for k in (4, 5)]
    genes = [[] if weight is None else [(0, 0, 4, weight, True)] for weight in first_weights]
    return GenePool.pack(make_genome(nodes, [*gene, (1, 1, 4, 0.5, True), (2, 1, 5, 1.0, True)]) for gene in genes)


def train_in_float64(
    pool: GenePool, samples: Samples, config: TrainingConfig, validation: Samples | None = None, seed: int = 0
):
    """The layered engine in float64, which has tests of its own."""
    rng = np.random.default_rng(seed)
    return train_one_by_one(CompiledNetwork, compile_pool(pool), samples, validation, config, rng, "cpu", torch.float64)


def one_batch(samples: Samples, dtype: torch.dtype, n_filling: int = 0) -> Batch:
    """All rows as one batch, its end filled up with rows of share 0."""
    parts = samples.X.T, samples.targets.T, samples.weights / samples.weights.sum(dtype=np.float64)
    X, targets, shares = (torch.tensor(part, dtype=dtype) for part in parts)
    filled = torch.cat([torch.arange(len(samples)), torch.zeros(n_filling, dtype=torch.int64)])
    shares = torch.cat([shares, shares.new_zeros(n_filling)])
    return Batch(X[:, filled].contiguous(), targets[:, filled].contiguous(), shares)


def numbers_of(plan: PopulationPlan, dtype: torch.dtype) -> torch.Tensor:
    return torch.tensor(np.concatenate([plan.weights, plan.biases]), dtype=dtype)


def expected_loss_and_gradient(loss: str, plan: PopulationPlan, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Losses, and the gradient in the order of `numbers_of`, by torch in float64, one layered network at a time."""
    losses, weights, biases = [], [], np.zeros(len(plan.biases))
    for g, own in enumerate(plan):
        value, network = _loss_of(loss, own, samples)
        value.backward()
        losses.append(value.item())
        weights.append(network.weights.grad.numpy())
        biases[plan.slot_start[g] + plan.n_inputs : plan.slot_start[g + 1]] = network.biases.grad.numpy()
    return np.array(losses), np.concatenate([*weights, biases])


def _loss_of(loss: str, plan: LayerPlan, samples: Samples) -> tuple[torch.Tensor, CompiledNetwork]:
    network = CompiledNetwork(plan, torch.float64)
    X, targets, weights = (torch.tensor(part, dtype=torch.float64) for part in (samples.X, samples.targets, samples.weights))
    return sample_loss(loss, network(X), targets, weights), network


def assert_gradients_agree(plan: PopulationPlan, found: np.ndarray, expected: np.ndarray, rtol: float) -> None:
    """Genome by genome, relative to the largest entry."""
    genome_of_edge = np.repeat(np.arange(len(plan)), np.diff(plan.genome_edge_start))
    owner = np.concatenate([genome_of_edge, np.repeat(np.arange(len(plan)), np.diff(plan.slot_start))])
    for g in range(len(plan)):
        own = expected[owner == g]
        np.testing.assert_allclose(found[owner == g], own, rtol=rtol, atol=rtol * np.abs(own).max(), err_msg=str(g))


def assert_close(a: TrainedPopulation, b: TrainedPopulation, rtol: float, atol: float) -> None:
    np.testing.assert_array_equal(a.epochs, b.epochs)
    for name in RESULTS:
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=rtol, atol=atol, err_msg=name)


def assert_same_bits(a: TrainedPopulation, b: TrainedPopulation) -> None:
    for name in (*RESULTS, "epochs"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes(), name


def check_patience(train) -> None:
    """Patience keeps the best numbers of all epochs and stops in time.

    Judged by runs of every length without patience, of which a longer one begins with the shorter; `train` takes pool, samples, settings
    and validation rows.
    """
    pool = make_pool(10, 12)
    samples, validation = make_samples(1, "mse", 12), make_samples(2, "mse", 12)
    config = TrainingConfig("mse", epochs=14, learning_rate=0.2, patience=3)
    runs = [train(pool, samples, replace(config, epochs=e, patience=None), validation) for e in range(15)]
    trained, plan = train(pool, samples, config, validation), compile_pool(pool)
    for g in range(len(pool)):
        losses = [run.validation_loss[g] for run in runs]
        best = next(e for e in range(15) if losses[e] <= min(losses[: e + 4]))
        stop = min(best + 3, 14)
        edges, slots = (slice(start[g], start[g + 1]) for start in (plan.genome_edge_start, plan.slot_start))
        assert (trained.epochs[g], trained.validation_loss[g]) == (stop, losses[best])
        assert np.array_equal(trained.weights[edges], runs[best].weights[edges])
        assert np.array_equal(trained.biases[slots], runs[best].biases[slots])
        np.testing.assert_array_equal(trained.train_loss[g], runs[stop].train_loss[g])
    assert len(set(trained.epochs.tolist())) > 2
