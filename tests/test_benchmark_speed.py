"""`propneat benchmark speed`: what it measures is what it says, whatever the clock shows."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from propneat.base.errors import ConfigError, DataError
from propneat.benchmark import speed
from propneat.benchmark.speed import SCHEMA, Shape, SpeedSize, choose_parts, engine_timing, generations, run_speed
from propneat.benchmark.speed.fitters import fit_open_es
from propneat.benchmark.speed.genetics import STEPS, grown_populations
from propneat.benchmark.speed.networks import ladder_network, made_up_rows, multiply_adds, random_network, random_population
from propneat.benchmark.speed.quality import made_like
from propneat.benchmark.speed.targets import find_targets
from propneat.benchmark.speed.timing import fit_exponent, fit_line, ratio, spread, take_turns
from propneat.compiler import compile_genome, compile_pool
from propneat.genome import GenePool, validate
from propneat.report.speed import draw_speed, speed_tables

TINY = SpeedSize(
    n_rounds=2,
    seconds_per_turn=0.01,
    engines=("numba", "layered"),
    population=6,
    shapes=(Shape(4, 4, 32, 16), Shape(6, 6, 20, 20)),
    generations=3,
    warm_up_generations=1,
    epochs=2,
    populations=(20, 40),
    connections=35,
    genome_sizes=(12, 20),
    genome_size_population=30,
    large_rows=3_000,
    large_features=50,
    large_batch_size=500,
    depths=(1, 4),
    depth_rows=32,
    quality_sets=(("no-such-set", 200, 5),),
    quality_presets=("tiny",),
    quality_generations=2,
    quality_formulas=50,
    quality_steps=20,
    cold_start=False,
)


def quiet(step: str, done: int, total: int) -> None:
    """Tell nobody of progress."""


@pytest.fixture(scope="module")
def document():
    """Everything measured once, at tiny size, and taken through JSON."""
    return json.loads(json.dumps(run_speed(TINY, 3, quiet), allow_nan=False))


def test_competitors_take_turns_and_every_round_counts():
    order = []

    def job(name, seconds):
        return lambda: order.append(name) or seconds

    taken = take_turns({"a": job("a", 1.0), "b": job("b", 2.0)}, 3, quiet, "test")
    assert order == ["a", "b"] * 3 and taken == {"a": [1.0] * 3, "b": [2.0] * 3}


def test_spread_ratio_and_fits_against_closed_forms():
    assert spread([3.0, 1.0, 2.0]) == {"median": 2.0, "least": 1.0, "most": 3.0}
    assert ratio([4.0, 9.0, 6.0], [2.0, 3.0, 1.0]) == {"median": 3.0, "least": 2.0, "most": 6.0}
    assert fit_exponent([1, 10, 100], [3.0, 3 * 10**1.5, 3 * 10**3.0]) == pytest.approx(1.5)
    line = fit_line([1, 2, 5], [7.0, 9.0, 15.0])
    assert line == pytest.approx({"slope": 2.0, "intercept": 5.0, "r_squared": 1.0})


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_ladder_has_its_depth_and_always_as_many_connections(depth):
    genome = ladder_network(depth, 5, 16, np.random.default_rng(depth))
    validate(genome)
    plan = compile_genome(genome)
    assert plan.n_layers == depth + 1 and plan.n_edges == 5 * 16
    assert np.bincount(plan.depth)[1:].tolist() == [16 // depth] * depth + [1]


@pytest.mark.parametrize("depth", [1, 4, 16])
def test_useful_work_is_two_multiply_adds_an_edge_and_one_more_where_a_gradient_goes_on(depth):
    plan = compile_pool(GenePool.pack([ladder_network(depth, 5, 16, np.random.default_rng(0))] * 3))
    from_hidden = 16 + 16 - 16 // depth
    assert multiply_adds(plan) == 3 * (2 * 5 * 16 + from_hidden)


def test_random_networks_are_valid_and_a_seed_gives_the_same():
    genome = random_network(7, 9, np.random.default_rng(2))
    validate(genome)
    assert genome == random_network(7, 9, np.random.default_rng(2)) and genome.n_hidden == 9
    assert {len(each.nodes) for each in random_population(30, 5, 6, np.random.default_rng(0))} == {9, 10, 11, 12}


@pytest.mark.parametrize("turn", [0.4, 5.0, 1e9])
def test_a_sample_of_genomes_stands_for_the_population_by_its_connections(turn, monkeypatch):
    rng = np.random.default_rng(5)
    workload = engine_timing.Workload(random_population(40, 6, 6, rng), made_up_rows(10, 6, rng), 10)
    monkeypatch.setattr(engine_timing, "_seconds", lambda place, plan, workload, epochs: 0.003 * len(plan.weights))
    places = [engine_timing.Place("layered", "cpu")]
    timed = engine_timing.time_engines(workload, places, 2, turn, quiet, "test")
    (row,) = timed["engines"]
    assert row["rounds"] == pytest.approx([0.003 * 40 * timed["connections"]] * 2) and row["ratio"] is None
    own_turn = 0.003 * len(workload.plan(row["genomes_timed"]).weights)
    assert own_turn < 1.5 * turn and (turn < 1 or row["genomes_timed"] == 40)


def test_an_engine_that_trains_all_genomes_at_once_is_timed_on_all_of_them(monkeypatch):
    """Nearly all of its time may be the same for two genomes, which stand for nothing then."""
    rng = np.random.default_rng(5)
    workload = engine_timing.Workload(random_population(40, 6, 6, rng), made_up_rows(10, 6, rng), 10)
    monkeypatch.setattr(engine_timing, "_seconds", lambda place, plan, workload, epochs: 3.0 + 1e-4 * len(plan.weights))
    timed = engine_timing.time_engines(workload, [engine_timing.Place("padded", "cpu")], 2, 0.2, quiet, "test")
    (row,) = timed["engines"]
    assert row["genomes_timed"] == 40 and row["rounds"] == pytest.approx([3.0 + 1e-4 * 40 * timed["connections"]] * 2)


@pytest.mark.parametrize(("of_two", "chosen"), [((0.5, 0.5), 2), ((0.9, 0.9), 1), ((0.5, 60.0), 1)])
def test_more_threads_have_to_gain_every_time(of_two, chosen, monkeypatch):
    rng = np.random.default_rng(5)
    workload = engine_timing.Workload(random_population(4, 6, 6, rng), made_up_rows(10, 6, rng), 10)
    taken = {1: iter([1.0] * 99), 2: iter(of_two)}
    monkeypatch.setattr(engine_timing.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(engine_timing, "_seconds", lambda *_, **__: next(taken[torch.get_num_threads()]))
    assert engine_timing._best_threads(engine_timing.Place("padded", "cpu"), workload, 4) == chosen


def test_engines_that_refuse_are_left_out(monkeypatch):
    def refuses(place, plan, workload, epochs):
        if place.engine == "layered":
            raise ConfigError("not here")

    monkeypatch.setattr(engine_timing, "_seconds", refuses)
    assert {place.engine for place in engine_timing.usable_places(("numba", "layered"))} == {"numba"}


def test_the_document_has_every_part_and_its_ratios_follow_from_its_rounds(document):
    assert document["schema"] == SCHEMA and set(speed.PARTS) < set(document)
    timed = [*document["engines"]["shapes"], *document["depth"]["depths"]]
    assert len(timed) == 4
    for shape in timed:
        rounds = {row["label"]: row["rounds"] for row in shape["engines"]}
        assert list(rounds) == ["numba", "layered"] and all(len(taken) == TINY.n_rounds for taken in rounds.values())
        for row in shape["engines"]:
            assert row["seconds_per_epoch"] == spread(row["rounds"]) and row["ratio"] == ratio(row["rounds"], rounds["numba"])
            work = 2e-9 * shape["multiply_adds"] * shape["rows"]
            assert row["gflops"] == pytest.approx(work / np.median(row["rounds"]))
    assert [entry["connections"] for entry in document["depth"]["depths"]] == [320, 320]


def test_generations_are_compared_on_the_same_rows_at_similar_sizes(document):
    part = document["peers"]
    assert (part["rows"], part["inputs"], part["missing"]) == (569, 30, [])
    rows = {row["label"]: row for row in part["contestants"]}
    assert list(rows) == ["propneat", "propneat, method neat", "neat-python", "neat-python on columns"]
    for row in rows.values():
        assert row["ratio"] == ratio(row["rounds"], rows["propneat"]["rounds"])
        assert 20 < row["connections"] < 45 and 0 <= row["hidden"] < 4


def test_both_ways_to_evaluate_neat_python_give_the_same_answers():
    neat_python = pytest.importorskip("propneat.benchmark.speed.neat_python")
    samples = made_up_rows(25, 6, np.random.default_rng(0))
    random.seed(4)
    config, columns = (neat_python.neat_python_config(6, pop_size=5) for _ in range(2))
    columns.genome_config.add_activation("sigmoid", neat_python._sigmoid_of_columns)
    for genome in neat_python.neat.Population(config, seed=4).population.values():
        for _ in range(6):
            genome.mutate(config.genome_config)
        create = neat_python.neat.nn.FeedForwardNetwork.create
        by_row = neat_python._row_by_row(create(genome, config), samples)
        np.testing.assert_allclose(neat_python._all_rows(create(genome, columns), samples), by_row, rtol=1e-4, atol=1e-6)
        assert by_row.shape == (25,) and np.ptp(by_row) > 0


def test_a_peer_that_is_not_installed_is_told_in_one_sentence(monkeypatch):
    monkeypatch.setattr(generations, "find_spec", lambda name: None)
    part = generations.measure(replace(TINY, n_rounds=1), 0, quiet)
    assert [row["package"] for row in part["contestants"]] == ["propneat", "propneat"]
    (sentence,) = part["missing"]
    assert "pip install 'propneat[peers]'" in sentence and "\n" not in sentence
    assert sentence in speed_tables({"peers": part})[0].note


def test_genetics_adds_up_and_its_exponents_follow_from_its_rows(document):
    part = document["genetics"]
    assert [row["genomes"] for row in part["populations"]] == [20, 40]
    assert [row["genomes"] for row in part["genome_sizes"]] == [30, 30]
    for table, key in (("populations", "genomes"), ("genome_sizes", "connections")):
        rows = part[table]
        totals = [row["total_ms"]["median"] for row in rows]
        assert part[f"{table}_exponent"] == pytest.approx(fit_exponent([row[key] for row in rows], totals))
        for row in rows:
            times = np.array(row["rounds_ms"])
            assert times.shape == (TINY.n_rounds, len(STEPS)) and (times >= 0).all()
            assert row["total_ms"] == pytest.approx(spread(times.sum(axis=1)))
            assert row["pool_bytes_per_genome"] > 30 * row["connections"] > 0 < row["plan_bytes_per_genome"]


def test_populations_grow_to_the_sizes_asked_for_and_the_same_by_the_same_seed():
    first, second = grown_populations((12, 20), 10, 7)
    for population, wanted in ((first, 12), (second, 20)):
        assert wanted <= len(population.ask().connections) / len(population.ask()) < wanted + 6
    again = grown_populations((12,), 10, 7)[0]
    assert list(again.ask()) == list(first.ask())


def test_large_data_is_told_with_the_memory_of_its_own_process(document):
    part = document["large-data"]
    assert part["data_mib"] == pytest.approx(3_000 * 52 * 4 / 2**20) and part["peak_mib"] > part["data_mib"]
    work = part["connections"] * 6 * 3_000
    assert part["rows_times_connections_per_second"] == pytest.approx(work / part["seconds_per_epoch"]["median"])
    assert part["gflops"] == pytest.approx(2e-9 * part["multiply_adds"] * 3_000 / part["seconds_per_epoch"]["median"])


def test_every_start_is_timed_in_every_round(document):
    commands = {row["label"]: row["rounds"] for row in document["start-up"]["commands"]}
    assert len(commands) == 4 and all(len(rounds) == TINY.n_rounds and min(rounds) > 0 for rounds in commands.values())


def test_every_fit_is_judged_on_rows_it_did_not_learn_from(document):
    part = document["quality"]
    (found,) = part["sets"]
    assert (found["rows"], found["inputs"], found["source"]) == (200, 5, "made up in its size")
    labels = [row["label"] for row in found["contestants"]]
    assert labels[0] == "propneat, tiny" and labels[-3:] == ["OpenES", "histogram gradient boosting", "logistic regression"]
    assert all(0 <= row["auc"]["median"] <= 1 and row["cpu_seconds"]["least"] > 0 for row in found["contestants"])
    assert len(labels) + len(part["missing"]) == 6


def test_the_evolution_strategy_learns_what_a_straight_line_cannot():
    X, y = made_like(2_000, 4, 0)
    answer = fit_open_es(150, X[:1500], y[:1500], 0)
    assert roc_auc_score(y[1500:], answer(X[1500:])) > 0.8
    assert (fit_open_es(2, X, y, 3)(X) == fit_open_es(2, X, y, 3)(X)).all()


def test_targets_hold_on_their_side_of_the_bound():
    def parts(times, milliseconds):
        rows = [{"genomes": 10_000, "connections": 75, "total_ms": {"median": milliseconds}}]
        peer = {"label": "neat-python", "ratio": {"median": times}}
        return {"peers": {"contestants": [peer]}, "genetics": {"populations": rows}}

    assert [target["holds"] for target in find_targets(parts(10.0, 1000.0))] == [True, True]
    assert [target["holds"] for target in find_targets(parts(9.9, 1001.0))] == [False, False]
    assert find_targets({}) == []


def test_tables_have_a_text_under_every_head(document):
    tables = speed_tables(document)
    assert len(tables) == len(speed.PARTS) + 1
    for table in tables:
        assert table.rows and all(len(row) == len(table.heads) for row in table.rows)
        assert all(isinstance(text, str) and text for row in table.rows for text in row)


def test_the_picture_is_the_same_for_the_same_document_and_nothing_is_not_drawn(document):
    common = {"environment": document["environment"]}
    whole, part = draw_speed(document), draw_speed({**common, "genetics": document["genetics"]})
    assert whole.startswith(b"\x89PNG") and part.startswith(b"\x89PNG") and len(part) < len(whole)
    assert draw_speed({**common, "genetics": document["genetics"]}) == part
    with pytest.raises(DataError, match="measure one of engines"):
        draw_speed(common)


def test_parts_are_chosen_in_their_own_order():
    assert choose_parts(("genetics", "engines")) == ("engines", "genetics") and choose_parts(()) == tuple(speed.PARTS)
    assert choose_parts(("depth, engines", "peers")) == ("engines", "peers", "depth")
    with pytest.raises(ConfigError, match="quality, not 'startup'"):
        choose_parts(("startup",))


def test_the_command_writes_document_and_figure_and_prints_tables(run, folder, monkeypatch):
    monkeypatch.setattr(speed, "QUICK", TINY)
    code, out, err = run("benchmark", "speed", "--quick", "--only", "genetics", "--rounds", "3", "--out", "made/here", "--json")
    stored = (folder / "made" / "here" / "speed.json").read_text()
    assert code == 0 and out == stored and "speed.png" in err
    assert len(json.loads(out)["genetics"]["populations"][0]["rounds_ms"]) == 3
    assert (folder / "made" / "here" / "speed.png").read_bytes().startswith(b"\x89PNG")
    code, out, err = run("benchmark", "speed", "--quick", "--only", "genetics", "--quiet", "--seed", "1")
    assert code == 0 and err == "" and "bytes of genes" in out and (folder / "results" / "speed" / "speed.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--only", "genetic"), "the parts of the speed benchmark are engines"),
        (("--rounds", "0"), "--rounds"),
        (("--out", "a-file"), "a-file"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(run, folder, arguments, words):
    (folder / "a-file").write_text("mine")
    code, out, err = run("benchmark", "speed", *arguments)
    assert (code, out) == (2, "") and words in err and "Traceback" not in err
    assert [path.name for path in folder.iterdir()] == ["a-file"] and (folder / "a-file").read_text() == "mine"
