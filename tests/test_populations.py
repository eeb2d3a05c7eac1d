"""Several populations, one after another: each a run of its own, their champions one network, and no interruption matters."""

from dataclasses import replace

import numpy as np
import pytest
from test_evolve import make_problem, small, to_bytes

from propneat.base.errors import ConfigError
from propneat.compiler import compile_genome, evaluate
from propneat.estimators import PropNEATClassifier
from propneat.evolution import EvolutionConfig, Population
from propneat.run.checkpoint import CheckpointWriter, load_checkpoint
from propneat.search import Problem, evolve
from propneat.search.averaging import average_genomes
from propneat.settings.evolve_config import default_config
from propneat.training import Samples


def test_one_population_of_many_is_the_run_without_the_others():
    problem, config = make_problem(), small(populations=3)
    states = []
    evolve(problem, config, callbacks=[states.append])
    alone = evolve(problem, replace(config, populations=1))
    assert len(states) == 18 and [row["generation"] for row in states[-1].history] == list(range(18))
    assert states[5].history == alone.history
    assert states[6].finished[0].champion == alone.champion
    assert states[6].finished[0].validation_loss == alone.validation_loss


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_champion_answers_with_the_mean_of_the_champions(task):
    problem, config = make_problem(task), small(populations=3)
    states = []
    result = evolve(problem, config, callbacks=[states.append])
    parts = states[-1].finished
    two = average_genomes([part.champion for part in parts])
    answers = [evaluate(compile_genome(part.champion), problem.train.X) for part in parts]
    together = evaluate(compile_genome(result.champion), problem.train.X)
    last = 3 * together - answers[0] - answers[1]
    # the last one, which no state holds any more, is found again by going on from the state before the end
    again = evolve(problem, config, state=states[-1])
    assert to_bytes(again) == to_bytes(result) and len(parts) == 2
    assert np.isfinite(last).all() and not np.allclose(last, answers[0])
    np.testing.assert_allclose(evaluate(compile_genome(two), problem.train.X), np.mean(answers, axis=0), atol=1e-9)
    assert result.finalists == (result.champion,) and result.finalist_votes == (1.0,)


@pytest.mark.parametrize("changes", [{}, {"method": "neat"}, {"retrain": True}])
def test_a_run_of_several_populations_taken_up_anywhere_ends_alike(tmp_path, changes):
    problem, config = make_problem(), small(populations=3, **changes)
    states, path, after = [], tmp_path / "checkpoint.npz", None
    whole = to_bytes(evolve(problem, config, callbacks=[states.append]))
    for number, state in enumerate(states):
        CheckpointWriter(path, {}, after=after).save(state)
        after = load_checkpoint(path)[0]
        if number in (4, 5, 6, 11, 17):
            assert to_bytes(evolve(problem, config, state=after)) == whole


def test_a_run_stopped_in_a_later_population_has_the_mean_of_what_is_there():
    problem, config = make_problem(), small(populations=3)
    states = []
    result = evolve(problem, config, callbacks=[lambda state: states.append(state) or len(states) == 8])
    assert result.interrupted and len(result.history) == 8
    at_the_end = evolve(problem, config, callbacks=[lambda state: len(state.history) == 6])
    assert at_the_end.interrupted and at_the_end.champion == evolve(problem, replace(config, populations=1)).champion


def test_more_populations_go_on_from_fewer():
    problem, config = make_problem(), small(populations=2)
    states = []
    evolve(problem, config, callbacks=[states.append])
    more = replace(config, populations=3)
    assert to_bytes(evolve(problem, more, state=states[-1])) == to_bytes(evolve(problem, more))


def test_each_population_is_judged_by_other_rows_of_the_same_shares():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2))
    labels = np.arange(100) % 4 == 0
    samples = Samples.make(X, labels, rng.choice([1.0, 2.0], 100))
    rows = np.arange(100)
    parts = [Samples.make(samples.X[half], samples.targets[half], samples.weights[half]) for half in (rows[:60], rows[60:])]
    problem = Problem(*parts, "binary")
    anew = problem.divided_anew(np.random.default_rng(1))
    assert (len(anew.train), len(anew.validation)) == (60, 40)
    assert anew.validation.targets.sum() == 10
    before, after = (
        sorted(zip(*whole.X.T.tolist(), whole.targets[:, 0].tolist(), whole.weights.tolist(), strict=True))
        for whole in (problem.all_rows(), anew.all_rows())
    )
    assert after == before
    assert not np.array_equal(anew.validation.X, problem.validation.X)
    alike = Problem(samples, samples, "binary")
    assert alike.divided_anew(np.random.default_rng(1)) is alike


def test_a_population_begun_anew_keeps_numbers_and_generations_and_nothing_else():
    population = Population(2, 1, EvolutionConfig(population_size=10), seed=3)
    for _ in range(4):
        population.tell(np.arange(10.0))
    links = len(population.state.tracker["links"])
    population.begin_anew()
    state = population.state
    assert state.generation == 4 and not state.species and state.best is None and np.isnan(state.best_fitness)
    assert len(state.tracker["links"]) >= links and max(genome.n_hidden for genome in population.ask()) <= 1
    population.tell(np.arange(10.0))
    assert population.generation == 5


def test_estimators_take_the_number_of_populations():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    y = X[:, 0] > 0
    options = {"generations": 2, "population_size": 8, "epochs": 2, "fine_tune_epochs": 2, "random_state": 0}
    one, three = (PropNEATClassifier(populations=count, **options).fit(X, y) for count in (1, 3))
    assert (one.n_iter_, three.n_iter_) == (2, 6)
    assert three.champion_ != one.champion_ and three.finalists_ == (three.champion_,)
    with pytest.raises(ConfigError, match="populations must be 1 or more"):
        PropNEATClassifier(populations=0).fit(X, y)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_what_is_taught_keeps_to_the_mean_of_the_champions(task):
    """With enough connections the pupil says nearly what its teachers say together, and the loss counts what it does not."""
    problem, config = make_problem(task), small(populations=3, generations=8, refit_epochs=300, prune_epochs=20)
    states = []
    result = evolve(problem, config, callbacks=[states.append])
    *pupils, mean = result.front
    rows = problem.all_rows()
    teacher = evaluate(compile_genome(mean.genome), rows.X)
    errors = [np.mean((evaluate(compile_genome(pupil.genome), rows.X) - teacher) ** 2) for pupil in pupils]
    assert errors[-1] < 0.05 * teacher.var() and errors[-1] < errors[0]
    assert mean.n_connections > pupils[-1].n_connections and mean.validation_loss < pupils[0].validation_loss
    first = [part.validation_loss for part in states[-1].finished]
    assert len(first) == 2 and mean.validation_loss > 0
    assert compile_genome(average_genomes([part.champion for part in states[-1].finished])).n_edges > 0


@pytest.mark.parametrize(("n_rows", "count"), [(1, 4), (2500, 4), (2501, 2), (5000, 2), (5001, 1), (10**6, 1)])
def test_many_rows_need_fewer_populations(n_rows, count):
    config = default_config()
    assert config.populations == "auto" and config.for_rows(n_rows).n_generations == count * config.generations
    assert replace(config, populations=3).for_rows(n_rows).populations == 3
    with pytest.raises(ConfigError, match="populations must be 'auto' or 1 or more, not 'many'"):
        replace(config, populations="many")


@pytest.mark.parametrize(("n_rows", "most"), [(10, 4), (999, 4), (1000, 20), (10**6, 20)])
def test_first_networks_have_more_hidden_nodes_where_there_are_many_rows(n_rows, most):
    config = default_config()
    assert config.evolution.initial_hidden == "auto" and config.for_rows(n_rows).evolution.initial_hidden == most
    fixed = replace(config, populations=2, evolution=replace(config.evolution, initial_hidden=7))
    assert fixed.for_rows(n_rows) == fixed
    assert config.for_rows(n_rows).for_rows(1) == config.for_rows(n_rows)


def test_without_rows_a_population_starts_as_on_few():
    auto, four = (Population(3, 1, EvolutionConfig(initial_hidden=most), seed=1) for most in ("auto", 4))
    assert list(auto.ask()) == list(four.ask())
