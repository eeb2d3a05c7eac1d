"""The linear network that answers beside champions: what it learns, when it gets a share, and what the share does."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from test_evolve import make_problem, small

from propneat.base.rng import make_rng
from propneat.compiler import compile_genome, evaluate
from propneat.genome import ACTIVATIONS, AGGREGATIONS, NodeKind, make_genome
from propneat.search import Problem, evolve
from propneat.search.averaging import average_genomes
from propneat.search.distilling import join
from propneat.search.judging import penalised
from propneat.search.linear import linear_network, linear_share
from propneat.settings.evolve_config import default_config
from propneat.training import Samples, Sequences, train_population

CONFIG = replace(default_config().for_rows(100), training=replace(default_config().training, batch_size=None))
CONSTANT = make_genome(
    [
        *((node, 0.0, NodeKind.INPUT, ACTIVATIONS.index("identity"), AGGREGATIONS.index("sum")) for node in range(3)),
        (3, 0.0, NodeKind.OUTPUT, ACTIVATIONS.index("identity"), AGGREGATIONS.index("sum")),
    ],
    [],
)
"""A network that always gives one half."""


def some_rows(rule, n_rows=200, task="binary", loss="bce"):
    """A problem of three inputs whose target is a rule of them, and the settings for it."""
    X = np.random.default_rng(2).normal(size=(n_rows, 3))
    half = n_rows // 2
    parts = (Samples.make(X[rows], rule(X[rows])) for rows in (np.arange(half), np.arange(half, n_rows)))
    return Problem(*parts, task), replace(CONFIG, training=replace(CONFIG.training, loss=loss))


def share_of(champion, problem, config):
    return linear_share(champion, problem, config, make_rng("x"), train_population)


@pytest.mark.parametrize("loss", ["bce", "cross_entropy"])
def test_it_is_logistic_regression_of_a_tenth_of_the_usual_c(loss):
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(150, 4)), rng.integers(1, 4, 150)
    classes = (X @ [1.0, -2.0, 0.5, 0.0] + rng.normal(size=150) > 0).astype(int) + (X[:, 3] > 1) * (loss == "cross_entropy")
    rows = Samples.make(X, classes if loss == "bce" else np.eye(3)[classes], weights)
    config = replace(CONFIG, refit_epochs=2000, training=replace(CONFIG.training, loss=loss))
    found = evaluate(compile_genome(linear_network(rows, config, make_rng("x"), train_population)), rows.X)
    oracle = LogisticRegression(C=0.1, tol=1e-10, max_iter=5000).fit(rows.X, classes, rows.weights)
    wanted = oracle.decision_function(rows.X).reshape(150, -1)
    centred = (part - part.mean(axis=1, keepdims=True) * (loss == "cross_entropy") for part in (found, wanted))
    np.testing.assert_allclose(*centred, atol=2e-3)


def test_it_has_a_share_where_it_is_as_good_and_none_where_a_champion_is_better():
    linear, config = some_rows(lambda X: X[:, 0] + X[:, 1] > 0)
    assert share_of(CONSTANT, linear, config) == 0.5
    crossed, config = some_rows(lambda X: X[:, 0] * X[:, 1] > 0, 400)
    champion = evolve(crossed, replace(small(generations=12), training=config.training)).champion
    assert share_of(champion, crossed, config) < 0.2
    assert 0 < share_of(CONSTANT, crossed, config) <= 0.5


def test_it_has_no_share_of_numbers_without_a_last_training_or_with_too_many_connections():
    problem, config = some_rows(lambda X: X[:, 0], task="regression", loss="mse")
    assert share_of(CONSTANT, problem, config) == 0.0
    problem, config = some_rows(lambda X: X[:, 0] > 0)
    assert share_of(CONSTANT, problem, replace(config, refit_epochs=0)) == 0.0
    wide = Samples.make(np.zeros((4, 501)), np.eye(2)[[0, 1, 0, 1]])
    assert linear_network(wide, config, make_rng("x"), train_population) is None


def test_sequences_have_one_too():
    rng = np.random.default_rng(1)
    sequences = Sequences.make(rng.normal(size=(40, 6, 2)), np.arange(40)[:, None] % 2, np.full(40, 6))
    genome = linear_network(sequences, CONFIG, make_rng("x"), train_population)
    assert (genome.n_inputs, genome.n_outputs, genome.n_enabled) == (2, 1, 2)


def test_the_teacher_is_the_mean_with_the_share_that_the_populations_give_in_the_mean():
    """The largest network of the front is the teacher."""
    problem, config = make_problem("binary"), small(populations=2, refit_epochs=50)
    states = []
    evolve(problem, config, callbacks=[states.append])
    state = states[-1]
    config = replace(config, training=replace(config.training, loss="bce", batch_size=None))
    champions = [state.finished[0].champion, state.champion]
    parts = [
        replace(state.finished[0], champion=genome, linear_share=share)
        for genome, share in zip(champions, (0.1, 0.4), strict=True)
    ]
    result = join(parts, state, problem, config, train_population, False)
    rows = problem.all_rows()
    linear = linear_network(rows, config, make_rng(config.seed, "linear"), train_population)
    wanted = 0.75 * evaluate(compile_genome(average_genomes(champions)), rows.X) + 0.25 * evaluate(
        compile_genome(linear), rows.X
    )
    np.testing.assert_allclose(evaluate(compile_genome(result.front[-1].genome), rows.X), wanted, atol=1e-12)


@pytest.mark.parametrize(("task", "share"), [("binary", 0.1), ("multiclass", 0.1), ("regression", 1.0)])
def test_a_taught_connection_costs_a_tenth_of_the_penalty_of_classes_and_all_of_it_of_numbers(task, share):
    problem, config = make_problem(task), small(populations=2, size_penalty=0.5, refit_epochs=50, prune_epochs=5)
    result = evolve(problem, config)
    loss = {"binary": "bce", "multiclass": "cross_entropy", "regression": "mse"}[task]
    weight = float(problem.all_rows().weights.sum())
    for member in result.front:
        wanted = penalised(np.array([member.validation_loss]), np.array([member.n_connections]), weight, loss, 0.5 * share)
        assert member.cost == pytest.approx(wanted[0], rel=1e-12)
