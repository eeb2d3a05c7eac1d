"""Laws of the main loop: the same run to the byte however it is cut, honest losses, no leak, and every arm works."""

from dataclasses import replace

import networkx as nx
import numba
import numpy as np
import pytest
from random_genomes import random_genome
from sklearn.metrics import r2_score, roc_auc_score

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng
from propneat.compiler import compile_genome, compile_pool, evaluate, write_back_pool
from propneat.evolution import EvolutionConfig, Population
from propneat.genome import GenePool, Genome, NodeKind, validate
from propneat.model.preparation import prepare_problem
from propneat.search import EvolveResult, EvolveState, Problem, evolve
from propneat.search.densify import densify
from propneat.search.scores import score_outputs
from propneat.settings.evolve_config import EvolveConfig, default_config
from propneat.training import Samples, TrainingConfig, train_population

TASKS = ("binary", "multiclass", "regression")


def make_samples(task: str, n_rows: int, seed: int) -> Samples:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n_rows, 3))
    signal = X[:, 0] * X[:, 1] + 0.2 * X[:, 2]
    if task == "binary":
        targets = signal > 0
    elif task == "multiclass":
        targets = np.eye(3)[np.digitize(signal, [-0.15, 0.15])]
    else:
        targets = 3 * signal
    return Samples.make(X, targets, rng.choice([0.5, 1.0, 2.0], n_rows))


def make_problem(task: str = "binary") -> Problem:
    return Problem(make_samples(task, 60, 1), make_samples(task, 40, 2), task)


def small(method: str = "propneat", **changes) -> EvolveConfig:
    """The default settings on a small scale."""
    config = default_config(method)
    evolution = replace(config.evolution, population_size=16, target_species=4)
    training = replace(config.training, epochs=3)
    base = {
        "generations": 6,
        "populations": 1,
        "fine_tune_epochs": 10,
        "fine_tune_patience": 3,
        "refit_epochs": 5,
        "prune_epochs": 2,
        "n_finalists": 2,
    }
    return replace(config, **{**base, "evolution": evolution, "training": training, **changes})


def to_bytes(result: EvolveResult) -> bytes:
    genomes = b"".join(genome.to_bytes() for genome in result.finalists)
    return genomes + repr((result.validation_loss, result.finalist_losses, result.history, result.interrupted)).encode()


def plain_loss(problem: Problem, genome, samples: Samples) -> float:
    """The task's own loss by the reference evaluator."""
    z, y = evaluate(compile_genome(genome), samples.X), samples.targets
    if problem.task == "binary":
        rows = (np.logaddexp(0, z) - z * y)[:, 0]
    elif problem.task == "multiclass":
        rows = np.logaddexp.reduce(z, axis=1) - np.sum(z * y, axis=1)
    else:
        rows = (z - y)[:, 0] ** 2
    return float(np.average(rows, weights=samples.weights))


@pytest.mark.parametrize("method", ["propneat", "neat"])
def test_a_run_is_its_problem_and_its_configuration(method, monkeypatch):
    problem, config = make_problem(), small(method)
    first = to_bytes(evolve(problem, config))

    def meddle(state: EvolveState) -> None:
        np.random.seed(state.population.generation)
        np.random.random(3)

    assert to_bytes(evolve(problem, config, callbacks=[meddle])) == first
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 3)
    assert to_bytes(evolve(problem, config)) == first
    assert to_bytes(evolve(problem, replace(config, seed=1))) != first


@pytest.mark.parametrize("changes", [{}, {"method": "neat"}, {"write_back": False}, {"retrain": True}])
def test_a_run_taken_up_anywhere_ends_alike(changes):
    problem, config = make_problem(), small(**changes)
    states = []
    whole = to_bytes(evolve(problem, config, callbacks=[states.append]))
    assert len(states) == 6
    for state in (states[0], states[3], states[5]):
        assert to_bytes(evolve(problem, config, state=state)) == whole


def test_a_callback_ends_a_run_cleanly():
    problem, config = make_problem(), small()
    states = []

    def stop(state: EvolveState) -> bool:
        states.append(state)
        return len(state.history) == 3

    cut = evolve(problem, config, callbacks=[stop])
    assert cut.interrupted and len(cut.history) == 3
    assert to_bytes(replace(cut, interrupted=False)) == to_bytes(evolve(problem, replace(config, generations=3)))
    assert to_bytes(evolve(problem, config, state=states[-1])) == to_bytes(evolve(problem, config))
    assert not evolve(problem, replace(config, generations=2), callbacks=[lambda state: len(state.history) == 2]).interrupted


@pytest.mark.parametrize("stop", [True, np.True_])
def test_a_callback_may_stop_with_the_truth_of_numpy(stop):
    """What a comparison of arrays gives is a numpy.bool_, which was not seen to be true."""
    cut = evolve(make_problem(), small(), callbacks=[lambda state: stop, lambda state: np.False_, lambda state: None])
    assert cut.interrupted and len(cut.history) == 1
    with pytest.raises(ConfigError, match="a callback returns True to end the run, and else False or None, not 1"):
        evolve(make_problem(), small(), callbacks=[lambda state: 1])


def first_generation(problem: Problem, config: EvolveConfig) -> list[Genome]:
    """The genomes that `evolve` begins with."""
    sizes = problem.train.X.shape[1], problem.train.targets.shape[1]
    return list(Population(*sizes, config.evolution, seed=config.seed).ask())


@pytest.mark.parametrize("size_penalty", [0.0, 0.7])
def test_neat_selects_by_the_training_rows_alone(size_penalty):
    """Its validation rows choose the champion and are kept from selection; the penalty is by the weight of training rows."""
    problem = make_problem()
    config = small("neat", size_penalty=size_penalty, generations=1)
    genomes = first_generation(problem, config)
    weight = problem.train.weights.sum()
    assert weight > 1.2 * problem.validation.weights.sum()
    costs = [plain_loss(problem, genome, problem.train) + size_penalty * genome.n_enabled / weight for genome in genomes]
    row = evolve(problem, config).history[0]
    assert row["best_fitness"] == pytest.approx(-min(costs), rel=1e-5)
    assert row["mean_fitness"] == pytest.approx(-np.mean(costs), rel=1e-5)


def test_the_penalty_is_by_the_weight_of_training_rows():
    """Fitness is minus the loss on validation rows, less what a connection would cost in loss summed over training rows."""
    problem = make_problem()
    config = small(size_penalty=0.7, generations=1, training=TrainingConfig(epochs=0))
    costs = [
        plain_loss(problem, genome, problem.validation) + 0.7 * genome.n_enabled / problem.train.weights.sum()
        for genome in first_generation(problem, config)
    ]
    row = evolve(problem, config).history[0]
    assert row["best_fitness"] == pytest.approx(-min(costs), rel=1e-5)
    assert row["mean_fitness"] == pytest.approx(-np.mean(costs), rel=1e-5)


@pytest.mark.parametrize("task", TASKS)
def test_what_was_chosen_is_trained_on_all_rows_at_the_end(task):
    """The same as to train the finalists of a run that ends before that, on rows of both kinds, to the bit."""
    problem, config = make_problem(task), small()
    chosen = evolve(problem, replace(config, refit_epochs=0))
    parts = zip(*((part.X, part.targets, part.weights) for part in (problem.train, problem.validation)), strict=True)
    rows = Samples(*map(np.concatenate, parts))
    assert len(rows) == 100
    pool = GenePool.pack(chosen.finalists)
    plan = compile_pool(pool)
    loss = {"binary": "bce", "multiclass": "cross_entropy", "regression": "mse"}[task]
    settings = replace(config.training, epochs=config.refit_epochs, loss=loss)
    trained = train_population(plan, rows, settings, make_rng(config.seed, "refit"))
    expected = write_back_pool(pool, plan, trained.weights, trained.biases)
    found = evolve(problem, config)
    assert list(found.finalists) == list(expected) != list(pool)
    assert found.validation_loss == chosen.validation_loss and found.validation_score == chosen.validation_score


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", ["propneat", "neat"])
def test_the_reported_loss_is_that_of_the_champion(task, method):
    problem = make_problem(task)
    states = []
    result = evolve(problem, small(method, refit_epochs=0), callbacks=[states.append])
    assert result.validation_loss == pytest.approx(plain_loss(problem, result.champion, problem.validation), rel=1e-5)
    for genome, loss in zip(result.finalists, result.finalist_losses, strict=True):
        assert loss == pytest.approx(plain_loss(problem, validate(genome), problem.validation), rel=1e-5)
    for state in states:
        row = state.history[-1]
        assert row["validation_loss"] == state.champion_loss
        assert state.champion_loss == pytest.approx(plain_loss(problem, state.champion, problem.validation), rel=1e-5)
        outputs = evaluate(compile_genome(state.champion), problem.validation.X)
        expected = score_outputs(task, outputs, problem.validation.targets, problem.validation.weights)
        assert row["validation_score"] == expected
    losses = [row["validation_loss"] for row in result.history]
    assert [row["generation"] for row in result.history] == list(range(6))
    if method == "propneat":
        assert result.champion == result.finalists[0] and losses[-1] < losses[0]


def test_more_training_never_makes_the_champion_worse():
    """Also at a rate that tears every network apart."""
    problem = make_problem()
    for rate in (0.02, 50.0):
        states = []
        config = small(size_penalty=0.0, refit_epochs=0)
        evolve(problem, config, callbacks=[states.append])
        rough = replace(config, training=replace(config.training, learning_rate=rate))
        result = evolve(problem, rough, state=states[-1])
        assert result.validation_loss <= states[-1].champion_loss
        assert list(result.finalist_losses) == sorted(result.finalist_losses)


def test_without_final_training_the_champion_is_the_best_ever_seen():
    problem = make_problem()
    states = []
    config = small(size_penalty=0.0, fine_tune_epochs=0, prune_epochs=0, refit_epochs=0)
    result = evolve(problem, config, callbacks=[states.append])
    assert result.champion == states[-1].champion and result.validation_loss == states[-1].champion_loss
    assert np.all(np.diff([state.champion_loss for state in states]) <= 0)


def test_offspring_inherit_trained_numbers_only_with_write_back():
    """Without mutation of any kind the second generation holds the first one's numbers, trained or not."""
    problem = make_problem()
    evolution = EvolutionConfig(
        population_size=12,
        crossover_rate=0.0,
        add_connection_rate=0,
        add_node_rate=0,
        weight_mutation_rate=0,
        bias_mutation_rate=0,
    )
    first = {}
    for write_back in (True, False):
        states = []
        config = EvolveConfig(generations=2, evolution=evolution, write_back=write_back, training=TrainingConfig(epochs=2))
        evolve(problem, config, callbacks=[states.append])
        first[write_back] = [set(state.population.pool) for state in states]
        trained = set(states[0].leaders)
        assert bool(trained & first[write_back][0]) == write_back
    assert first[False][1] <= first[False][0] and not first[True][1] & first[True][0]


def test_neat_uses_no_gradients():
    """Every number of a run without weight mutation is one of the first generation's."""
    evolution = replace(default_config("neat").evolution, population_size=12, weight_mutation_rate=0, bias_mutation_rate=0)
    still = replace(evolution, add_node_rate=0, add_connection_rate=0, average_rate=0)
    states = []
    evolve(make_problem(), small("neat", evolution=still, generations=4), callbacks=[states.append])
    first = set(states[0].leaders.connections["weight"].tolist()) | set(
        states[0].population.pool.connections["weight"].tolist()
    )
    assert set(states[-1].population.pool.connections["weight"].tolist()) <= first


def test_retraining_fills_the_champions_layers():
    problem = make_problem()
    states = []
    result = evolve(problem, small(retrain=True), callbacks=[states.append])
    assert len(result.finalists) == 1
    sparse, dense = compile_genome(states[-1].champion), compile_genome(validate(result.champion))
    assert dense.depth.tolist() == sparse.depth.tolist() and dense.n_edges >= sparse.n_edges


def test_networks_that_lose_every_connection_are_no_trouble():
    problem = make_problem()
    evolution = EvolutionConfig(
        population_size=12, initial_connection_fraction=0.0, add_connection_rate=0.1, delete_connection_rate=0.8
    )
    result = evolve(problem, small(evolution=evolution, size_penalty=0.5))
    assert np.isfinite(result.validation_loss)


def test_rows_that_break_every_network_end_in_an_honest_infinity():
    problem = make_problem("regression")
    for samples in (problem.train, problem.validation):
        samples.targets[3] = 1e30
    result = evolve(problem, small())
    assert np.isinf(result.validation_loss) and result.history[-1]["n_unusable"] > 0
    validate(result.champion)


def test_minimising_is_the_same_run():
    problem, config = make_problem(), small()
    downwards = replace(config, evolution=replace(config.evolution, direction="minimise"))
    ours, theirs = evolve(problem, config), evolve(problem, downwards)
    assert ours.champion == theirs.champion and ours.validation_loss == theirs.validation_loss
    assert [row["best_fitness"] for row in ours.history] == [-row["best_fitness"] for row in theirs.history]


def test_shuffled_labels_teach_nothing():
    """The mean area under the curve on rows that nothing was fitted to is that of chance."""
    areas = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((600, 6))
        labels = rng.permutation(X[:, 0] + X[:, 1] > 0).astype(int)
        prepared = prepare_problem(X[:200], labels[:200], "binary", seed=seed)
        model = prepared.model(evolve(prepared.problem, small(seed=seed)).champion)
        areas.append(roc_auc_score(labels[200:], model.predict_proba(X[200:])[:, 1]))
    assert 0.45 < np.mean(areas) < 0.55


def test_a_learnable_problem_is_learnt():
    problem = make_problem()
    config = small(generations=15, populations=4, refit_epochs=100, fine_tune_epochs=100)
    result = evolve(problem, config)
    unseen = make_samples("binary", 2000, 9)
    assert roc_auc_score(unseen.targets[:, 0], evaluate(compile_genome(result.champion), unseen.X)[:, 0]) > 0.85


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("method", "genetic"),
        ("engine", "cuda"),
        ("generations", 0),
        ("n_finalists", -1),
        ("fine_tune_patience", 0),
        ("size_penalty", float("nan")),
        ("refit_epochs", -1),
        ("generations", 2.5),
        ("generations", None),
        ("generations", True),
        ("seed", None),
        ("seed", "1"),
        ("write_back", 1),
        ("memory_budget", 1.5),
        ("method", None),
        ("evolution", {"population_size": 20}),
        ("training", None),
    ],
)
def test_a_setting_out_of_range_is_named(setting, value):
    with pytest.raises(ConfigError, match=setting):
        replace(default_config(), **{setting: value})


@pytest.mark.parametrize(
    ("setting", "value"),
    [("epochs", 2.5), ("epochs", None), ("learning_rate", "0.1"), ("learning_rate", 1e39), ("l2", 1e39), ("batch_size", 2.5),
     ("patience", True), ("loss", 3)],
)  # fmt: skip
def test_a_setting_of_training_that_cannot_be_used_is_named(setting, value):
    with pytest.raises(ConfigError, match=setting) as raised:
        TrainingConfig(**{setting: value})
    assert "\n" not in str(raised.value)


def test_a_loss_of_another_task_is_refused():
    with pytest.raises(ConfigError, match="the loss of a binary task is bce, not 'mse'"):
        evolve(make_problem(), small(loss="mse"))


def test_a_dense_network_joins_the_layers_that_were_joined():
    for seed in range(100):
        genome = random_genome(np.random.default_rng(seed))
        sparse = compile_genome(genome)
        dense_genome = validate(densify(genome, np.random.default_rng(0)))
        dense = compile_genome(dense_genome)
        ids = genome.nodes["id"][sparse.slot_gene]
        assert dense_genome.nodes["id"][dense.slot_gene].tolist() == ids.tolist()
        assert dense.depth.tolist() == sparse.depth.tolist()
        for field in ("activation", "aggregation", "output_slot"):
            assert getattr(dense, field).tolist() == getattr(sparse, field).tolist()
        layers = {(sparse.depth[s], sparse.depth[t]) for s, t in zip(sparse.edge_source, sparse.edge_target, strict=True)}
        members = {depth: np.flatnonzero(sparse.depth == depth).tolist() for depth in set(sparse.depth.tolist())}
        expected = {(s, t) for a, b in layers for s in members[a] for t in members[b]}
        assert set(zip(dense.edge_source.tolist(), dense.edge_target.tolist(), strict=True)) == expected
        assert nx.is_directed_acyclic_graph(nx.DiGraph(list(expected)))
        assert not dense_genome.nodes["bias"].any() and np.all(dense_genome.nodes["kind"] != -1)
        assert dense_genome.n_hidden == np.count_nonzero(genome.nodes["kind"][sparse.slot_gene] == NodeKind.HIDDEN)


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    outputs, weights = rng.standard_normal((50, 3)), rng.random(50)
    labels = rng.integers(0, 3, 50)
    one_hot = np.eye(3)[labels]
    shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    expected = np.mean([roc_auc_score(labels == k, shares[:, k], sample_weight=weights) for k in range(3)])
    assert score_outputs("multiclass", outputs, one_hot, weights) == pytest.approx(expected)
    expected = roc_auc_score(labels == 1, outputs[:, 0], sample_weight=weights)
    assert score_outputs("binary", outputs[:, :1], one_hot[:, 1:2], weights) == pytest.approx(expected)
    y = outputs[:, :1] + 0.1 * rng.standard_normal((50, 1))
    assert score_outputs("regression", outputs[:, :1], y, weights) == pytest.approx(
        r2_score(y, outputs[:, :1], sample_weight=weights)
    )


@pytest.mark.parametrize(
    ("task", "outputs", "targets"),
    [
        ("binary", [[0.0], [1.0]], [[1.0], [1.0]]),
        ("binary", [[np.nan], [1.0]], [[0.0], [1.0]]),
        ("regression", [[1.0]], [[1.0]]),
        ("multiclass", [[0.0, np.inf]], [[0.0, 1.0]]),
    ],
)
def test_a_score_that_does_not_exist_is_nan(task, outputs, targets):
    assert np.isnan(score_outputs(task, np.array(outputs), np.array(targets), np.ones(len(outputs))))
