"""Laws of limits, stop rules and warm starts: no genome passes a limit, a run stops where its history says, and goes on."""

import json
from dataclasses import replace

import numpy as np
import pytest
from random_genomes import random_genome
from test_evolve import make_problem, small, to_bytes
from test_population import BUSY, score

from propneat import PropNEATClassifier, PropNEATRegressor, load_model
from propneat.base.errors import ConfigError, GenomeError
from propneat.compiler import compile_genome, evaluate
from propneat.evolution import EvolutionConfig, Population
from propneat.genome import GenePool, validate
from propneat.search import evolve
from propneat.search.stopping import stop_reason
from propneat.settings.evolve_config import EvolveConfig


def sizes(pool: GenePool) -> tuple[int, int]:
    """The most enabled connections and the most hidden nodes of any genome."""
    return max(genome.n_enabled for genome in pool), max(genome.n_hidden for genome in pool)


@pytest.mark.parametrize(("connections", "hidden"), [(9, 3), (4, 0), (None, 2), (12, None), (1, 5)])
def test_no_genome_of_any_generation_passes_a_limit(connections, hidden):
    """Crossover of equals, toggling and splitting all press against it; some genomes come to stand at it."""
    config = replace(
        BUSY, max_connections=connections, max_hidden=hidden, initial_hidden=3, toggle_rate=0.5, disabled_inheritance=0.2,
        recurrent_rate=0.2, delete_connection_rate=0.02, delete_node_rate=0.02, crossover_rate=0.9, average_rate=0.1,
    )  # fmt: skip
    population, rng, reached = Population(3, 2, config, seed=4), np.random.default_rng(0), [0, 0]
    for _ in range(60):
        pool = population.ask()
        found = sizes(pool)
        reached = [max(pair) for pair in zip(reached, found, strict=True)]
        assert (connections is None or found[0] <= connections) and (hidden is None or found[1] <= hidden)
        population.tell(rng.integers(0, 3, len(pool)).astype(float))
    for genome in population.ask():
        validate(genome)
    assert connections is None or reached[0] == connections
    assert hidden is None or reached[1] == hidden or connections == 1


def test_without_limits_evolution_is_what_it_was_with_limits_that_none_reaches():
    wide = replace(BUSY, max_connections=10**6, max_hidden=10**6)
    populations = [Population(3, 1, config, seed=2) for config in (BUSY, wide)]
    for _ in range(8):
        first, second = (population.ask() for population in populations)
        assert [genome.to_bytes() for genome in first] == [genome.to_bytes() for genome in second]
        for population in populations:
            population.tell(score(population.ask()))


def test_first_genomes_of_many_inputs_are_drawn_within_the_limit():
    for limit in (1, 7, 50, 3000):
        pool = Population(200, 10, EvolutionConfig(population_size=9, initial_hidden=4, max_connections=limit), seed=1).ask()
        assert sizes(pool)[0] <= limit
    with pytest.raises(ConfigError, match="max_connections must be 1 or more, not 0"):
        EvolutionConfig(max_connections=0)
    with pytest.raises(ConfigError, match="hold for each of several populations"):
        EvolveConfig(populations=3, evolution=EvolutionConfig(max_hidden=2))
    limited = EvolveConfig(populations="auto", evolution=EvolutionConfig(max_hidden=2))
    assert limited.for_rows(100).populations == 1
    assert replace(limited, evolution=EvolutionConfig()).for_rows(100).populations == 4


def test_what_a_champion_comes_to_keeps_to_the_limit():
    config = small(evolution=replace(small().evolution, max_connections=6, max_hidden=1))
    result = evolve(make_problem(), config)
    assert all(genome.n_enabled <= 6 and genome.n_hidden <= 1 for genome in (result.champion, *result.finalists))


def test_a_population_stops_where_its_history_says_why():
    rows = [{"best_fitness": value} for value in (-0.9, -0.7, float("nan"), -0.7, -0.8)]
    config = EvolveConfig(generations=10)
    assert stop_reason(rows, config) is None and stop_reason([], config) is None
    assert stop_reason(rows, replace(config, generations=5)) == "generations"
    assert stop_reason(rows, replace(config, patience=3)) == "patience"
    assert stop_reason(rows, replace(config, patience=4)) is None
    assert stop_reason(rows[:2], replace(config, target_fitness=-0.7)) == "target_fitness"
    assert stop_reason(rows, replace(config, target_fitness=-0.7)) is None
    falling = replace(config, evolution=replace(config.evolution, direction="minimise"))
    assert stop_reason(rows[:1], replace(falling, target_fitness=-0.8)) == "target_fitness"
    assert stop_reason(rows, replace(falling, patience=4)) == "patience"
    for wrong in ({"patience": 0}, {"target_fitness": float("inf")}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            EvolveConfig(**wrong)


def test_populations_that_stop_early_follow_each_other_and_go_on_from_any_generation():
    """Cut after any generation and continued, the run stops where it would have, to the byte."""
    problem, config = make_problem(), small(populations=2, patience=1, generations=8)
    states = []
    whole = evolve(problem, config, callbacks=[states.append])
    assert whole.stopped == "patience" and len(whole.history) == len(states) < 16
    assert states[-1].finished[0].generations + len(states[-1].own_history) == len(states)
    for cut in (1, states[-1].finished[0].generations, len(states)):
        assert to_bytes(evolve(problem, config, state=states[cut - 1])) == to_bytes(whole)
    best = max(row["best_fitness"] for row in whole.history)
    reached = evolve(problem, small(target_fitness=best - 1e-9, generations=8))
    assert reached.stopped in ("target_fitness", "generations")
    at_once = evolve(problem, small(target_fitness=-1e9))
    assert (at_once.stopped, len(at_once.history)) == ("target_fitness", 1)
    assert evolve(problem, small(), callbacks=[lambda _: True]).stopped == "callback"


def test_a_run_starts_from_the_champion_of_another(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (120, 3))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    brief = {"generations": 3, "population_size": 12, "populations": 1, "fine_tune_epochs": 5, "prune_epochs": 0}
    brief["random_state"] = 1
    first = PropNEATClassifier(**brief).fit(X, y)
    first.save(tmp_path / "champion.json")
    fits = [PropNEATClassifier(**{**brief, "generations": 1}, start=start).fit(X, y) for start in (
        first.champion_, first.model_, tmp_path / "champion.json", str(tmp_path / "champion.json"),
    )]  # fmt: skip
    assert len({fit.to_json() for fit in fits}) == 1
    structure = set(first.champion_.connections["innovation"].tolist())
    assert len(structure & set(fits[0].champion_.connections["innovation"].tolist())) >= len(structure) - 3
    assert fits[0].history_[0]["best_fitness"] >= first.history_[0]["best_fitness"]
    with pytest.raises(GenomeError, match="has 3 inputs and 1 outputs, and this table gives 2 and needs 1"):
        PropNEATClassifier(**brief, start=first.model_).fit(X[:, :2], y)
    with pytest.raises(GenomeError, match="answers another question"):
        PropNEATClassifier(**brief, start=first.model_).fit(X, y + 1)
    with pytest.raises(GenomeError, match="answers another question"):
        PropNEATRegressor(**brief, start=first.model_).fit(X, X[:, 0] - X[:, 1])
    with pytest.raises(ConfigError, match="start must be a Genome, a Model or the file of one, not 7"):
        PropNEATClassifier(**brief, start=7).fit(X, y)
    with pytest.raises(ConfigError, match="what max_connections allows 1 of"):
        PropNEATClassifier(**brief, start=first.model_, max_connections=1).fit(X, y)


def test_a_genome_is_the_first_of_the_population_that_starts_from_it():
    genome = random_genome(np.random.default_rng(3), n_inputs=3, n_outputs=1)
    seen = []
    problem, config = make_problem(), small("neat", generations=1)
    evolve(problem, config, start=(genome,), callbacks=[lambda state: seen.append(state.history[0])])
    answers = evaluate(compile_genome(genome), problem.train.X)[:, 0]
    loss = np.average(np.logaddexp(0, answers) - answers * problem.train.targets[:, 0], weights=problem.train.weights)
    assert -seen[0]["best_fitness"] <= loss + config.size_penalty * genome.n_enabled / problem.train.weights.sum() + 1e-6


def test_the_command_line_knows_limits_stops_and_starts(folder, run):
    tiny = ("--population", "10", "--fine-tune-epochs", "5", "--prune-epochs", "1", "--json", "--quiet")
    code, out, err = run(
        "evolve", "monk1", "--generations", "9", "--max-connections", "8", "--max-hidden", "1", "--target-fitness", "-5",
        "--out", "first", *tiny,
    )  # fmt: skip
    assert code == 0, err
    summary = json.loads(out)
    assert (summary["stopped"], summary["generations"], summary["finished"]) == ("target_fitness", 1, True)
    assert summary["populations"] == 1
    assert summary["connections"] <= 8 and summary["hidden_nodes"] <= 1
    champion = folder / "first" / "champion.json"
    again = ("evolve", "monk1", "--generations", "4", "--populations", "1", "--patience", "1", "--start", "first/champion.json")
    code, out, err = run(*again, "--out", "second", *tiny)
    assert code == 0, err
    assert json.loads(out)["stopped"] in ("patience", "generations")
    assert f'start = "{champion}"' in (folder / "second" / "config.toml").read_text()
    code, out, err = run("evolve", "monk2", "--start", "nowhere.json", "--out", "third", *tiny)
    assert code == 2 and "there is no genome file" in err and not (folder / "third").exists()
    code, out, err = run("evolve", "iris", "--start", "first/champion.json", "--out", "third", *tiny)
    assert code == 2 and "the network to start from has" in err and not (folder / "third").exists()
    assert load_model(champion).genome.n_enabled <= 8
