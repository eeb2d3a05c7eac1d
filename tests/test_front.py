"""The front of sizes: what dominates what, what pruning leaves, and which network a rule picks."""

from dataclasses import replace

import numpy as np
import pytest
from random_genomes import random_genome
from test_evolve import make_problem, small, to_bytes

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng
from propneat.compiler import compile_genome, compile_pool, evaluate
from propneat.estimators import PropNEATClassifier, PropNEATRegressor
from propneat.genome import GenePool
from propneat.search import evolve
from propneat.search.front import Front, connection_counts, non_dominated, pick, sized_front, spread
from propneat.search.judging import mean_loss, penalised
from propneat.search.pruning import _in_use, prune
from propneat.training import Samples, TrainingConfig, train_population


def test_the_front_is_what_no_other_network_is_better_than():
    rng = np.random.default_rng(0)
    for _ in range(200):
        sizes, losses = rng.integers(0, 6, 12), rng.integers(0, 6, 12).astype(float)
        losses[rng.random(12) < 0.1] = np.nan
        found = non_dominated(sizes, losses)
        worse = np.where(np.isfinite(losses), losses, np.inf)
        better = [
            any(
                sizes[j] <= sizes[k] and worse[j] <= worse[k] and (sizes[j], worse[j]) != (sizes[k], worse[k])
                for j in range(12)
            )
            for k in range(12)
        ]
        expected = {(sizes[k], worse[k]) for k in range(12) if not better[k] and np.isfinite(worse[k])}
        assert [(sizes[k], worse[k]) for k in found] == sorted(expected)
        assert np.all(np.diff(sizes[found]) > 0) and np.all(np.diff(losses[found]) < 0)


def test_a_front_of_generations_is_that_of_all_genomes_at_once():
    rng = np.random.default_rng(1)
    pools = [GenePool.pack(random_genome(rng, n_inputs=3, n_outputs=1, max_hidden=4) for _ in range(9)) for _ in range(4)]
    losses = [rng.random(9) for _ in pools]
    front = Front.make()
    for pool, own in zip(pools, losses, strict=True):
        front = front.joined(pool, own, connection_counts(pool))
    everyone, all_losses = [genome for pool in pools for genome in pool], np.concatenate(losses)
    kept = non_dominated(connection_counts(GenePool.pack(everyone)), all_losses)
    assert list(front.genomes) == [everyone[k] for k in kept] and np.array_equal(front.losses, all_losses[kept])
    assert np.array_equal(Front.make(front.genomes, front.losses).sizes, front.sizes)


def test_sizes_are_spread_by_their_ratios_with_both_ends():
    sizes = np.arange(1, 101)
    chosen = sizes[spread(sizes, 8)]
    assert chosen[0] == 1 and chosen[-1] == 100 and len(chosen) <= 8 and np.all(np.diff(chosen) > 0)
    assert np.array_equal(spread(sizes[:5], 8), np.arange(5))
    assert chosen[len(chosen) // 2] < 30


def test_networks_without_connections_are_left_out_where_there_are_others():
    assert sized_front(np.array([0, 3, 5]), np.array([0.1, 0.5, 0.4])) == [1, 2]
    assert sized_front(np.array([0, 0]), np.array([0.1, 0.2])) == [0]
    assert sized_front(np.array([2, 3]), np.array([np.inf, np.inf])) == [0]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("best", 2),
        ("one-standard-error", 1),
        (1, 0),
        (4, 0),
        (5, 1),
        (8, 1),
        (9, 2),
        (100, 3),
        # .91 + 2p, .54 + 5p, .53 + 9p, .6 + 30p: the second is worth more than the third from p = .0025 on, the first from .1233 on
        ("0%", 2),
        ("0.24%", 2),
        ("0.26 %", 1),
        ("12.3%", 1),
        ("12.4%", 0),
    ],
)
def test_a_rule_picks_from_a_front(rule, expected):
    sizes, losses, errors = [2, 5, 9, 30], [0.9, 0.52, 0.5, 0.49], [0.2, 0.05, 0.05, 0.05]
    assert pick(rule, sizes, losses, errors, [0.91, 0.54, 0.53, 0.6]) == expected


def test_taking_out_idle_genes_changes_no_answer():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((20, 4))
    for _ in range(150):
        genome = random_genome(rng, n_inputs=4, n_outputs=2)
        for node in rng.choice(genome.nodes["id"], 3):
            # nodes that lose all their inputs say the same on every row
            kept = genome.connections["target"] != node
            if kept.any():
                genome = replace(genome, connections=genome.connections[kept])
        smaller = _in_use(genome)
        plan, left = compile_genome(genome), compile_genome(smaller)
        np.testing.assert_allclose(evaluate(left, X), evaluate(plan, X), rtol=1e-9, atol=1e-9)
        assert left.n_edges == len(smaller.connections) <= plan.n_edges
        assert len(smaller.nodes) == left.n_slots


def test_pruning_takes_what_is_missed_least_and_ends_at_one_connection():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((300, 5))
    rows = Samples.make(X, 2.0 * X[:, 1] + 0.5 * X[:, 3] + 0.01 * X[:, 0])
    training = TrainingConfig("mse", epochs=1, learning_rate=0.05)
    whole = evolve_first(rows, training)
    left = prune(whole, rows, training, 20, make_rng("prune"), train_population)
    sizes = connection_counts(left)
    assert np.all(np.diff(sizes) < 0) and sizes[-1] == 1 and sizes[0] < connection_counts(GenePool.pack([whole]))[0]
    assert left[-1].connections["source"][0] == 1 and set(left[-2].connections["source"]) == {1, 3}
    errors = [mean_loss("mse", evaluate(compile_genome(genome), rows.X), rows)[0] for genome in left]
    assert errors[-2] < 0.05 < errors[-1]


def evolve_first(rows: Samples, training: TrainingConfig):
    """A network of every input to the one output."""
    from propneat.evolution import EvolutionConfig, Population

    pool = Population(rows.X.shape[1], 1, EvolutionConfig(population_size=2)).ask()
    plan = compile_pool(pool)
    result = train_population(plan, rows, replace(training, epochs=200), make_rng("first"))
    from propneat.compiler import write_back_pool

    return write_back_pool(pool, plan, result.weights, result.biases)[0]


@pytest.mark.parametrize("loss", ["bce", "cross_entropy", "mse", "rmse"])
def test_the_mean_loss_is_that_of_the_engine_and_its_error_that_of_a_mean(loss):
    rng = np.random.default_rng(4)
    genome = random_genome(rng, n_inputs=3, n_outputs=2, max_hidden=3)
    targets = np.eye(2)[rng.integers(2, size=70)] if loss != "mse" else rng.standard_normal((70, 2))
    rows = Samples.make(rng.standard_normal((70, 3)), targets, rng.integers(1, 4, 70))
    outputs = evaluate(compile_genome(genome), rows.X)
    result = train_population(
        compile_pool(GenePool.pack([genome])), rows, TrainingConfig(loss, epochs=0), make_rng("x"), validation=rows
    )
    mean, error = mean_loss(loss, outputs, rows)
    assert mean == pytest.approx(result.validation_loss[0], rel=1e-5)
    alike = Samples.make(rows.X, rows.targets)
    draws = [
        mean_loss(loss, outputs[k], Samples.make(rows.X[k], rows.targets[k]))[0] for k in rng.integers(70, size=(4000, 70))
    ]
    assert mean_loss(loss, outputs, alike)[1] == pytest.approx(np.std(draws), rel=0.1)
    assert 0 < error < 2 * np.std(draws)


def test_the_penalty_is_akaikes_criterion_for_classes_and_numbers():
    """Twice the rows times the cost is AIC up to a constant: of normal errors of unknown spread, and of classes."""
    sizes, n = np.array([3, 7]), 50
    squares = np.array([0.8, 0.2])
    aic = n * np.log(squares) + 2 * sizes
    assert np.diff(2 * n * penalised(squares, sizes, n, "mse", 1.0)) == pytest.approx(np.diff(aic))
    assert np.diff(2 * n * penalised(np.sqrt(squares), sizes, n, "rmse", 1.0)) == pytest.approx(np.diff(aic))
    nats = np.array([0.5, 0.4])
    assert np.diff(2 * n * penalised(nats, sizes, n, "bce", 1.0)) == pytest.approx(np.diff(2 * n * nats + 2 * sizes))


@pytest.mark.parametrize(
    ("task", "populations", "loss"),
    [("binary", 1, None), ("multiclass", 1, None), ("regression", 3, "rmse"), ("binary", 3, None)],
)
def test_a_run_returns_its_front_and_the_champion_on_it(task, populations, loss):
    problem, config = make_problem(task), small(populations=populations, loss=loss)
    result = evolve(problem, config)
    sizes = [member.n_connections for member in result.front]
    losses = [member.validation_loss for member in result.front]
    assert sizes == sorted(set(sizes)) and losses == sorted(losses, reverse=True) and len(sizes) > 2
    assert [connection_counts(GenePool.pack([member.genome]))[0] for member in result.front] == sizes
    best = min(result.front, key=lambda member: member.cost)
    assert result.champion == best.genome and result.validation_loss == best.validation_loss
    assert all(member.standard_error >= 0 for member in result.front)
    for rule in (sizes[1], "one-standard-error"):
        other = evolve(problem, replace(config, pick=rule))
        assert [to_genes(member) for member in other.front] == [to_genes(member) for member in result.front]
        assert other.champion in {member.genome for member in result.front}
    assert compile_genome(evolve(problem, replace(config, pick=sizes[1])).champion).n_edges == sizes[1]
    assert to_bytes(evolve(problem, config)) == to_bytes(result)


def to_genes(member):
    return member.genome.to_bytes()


@pytest.mark.parametrize("estimator", [PropNEATClassifier, PropNEATRegressor])
def test_a_fitted_estimator_gives_any_size_without_training(estimator):
    rng = np.random.default_rng(5)
    X = rng.standard_normal((120, 4))
    y = X[:, 0] + X[:, 1] * X[:, 2]
    y = y if estimator is PropNEATRegressor else y > 0
    fitted = estimator(generations=4, population_size=12, fine_tune_epochs=20, random_state=0).fit(X, y)
    sizes = [member.n_connections for member in fitted.front_]
    small_one = fitted.pick_network(sizes[1])
    assert small_one.model_.plan.n_edges == sizes[1] and fitted.champion_ != small_one.champion_
    assert small_one.pick_network("best").champion_ == fitted.champion_
    same = estimator(generations=4, population_size=12, fine_tune_epochs=20, random_state=0, pick=sizes[1]).fit(X, y)
    assert np.array_equal(same.predict(X), small_one.predict(X))
    with pytest.raises(ConfigError, match="pick must be"):
        fitted.pick_network("smallest")
    with pytest.raises(ConfigError, match="smallest network of the front has"):
        fitted.pick_network(sizes[0] - 1) if sizes[0] > 1 else replace_smallest(fitted)


def replace_smallest(fitted):
    fitted.front_ = fitted.front_[1:]
    return fitted.pick_network(1)
