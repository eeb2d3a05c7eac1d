"""`propneat benchmark control`: steps are counted and champions judged alike for all, and what is stored is not done again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from control_cases import population

from propneat.benchmark.control import METHODS, choose_parts
from propneat.benchmark.control.arena import Arena
from propneat.benchmark.control.contest import JUDGED, TESTED, Contest
from propneat.benchmark.control.document import mean_and_interval, summarise
from propneat.benchmark.control.open_es import HIDDEN, _Shape
from propneat.benchmark.control.run import run_part
from propneat.benchmark.neat_python import neat_python_config
from propneat.compiler import compile_genome, compile_pool, compile_programs, evaluate
from propneat.control.finding import find_world
from propneat.evolution import EvolutionConfig
from propneat.genome import GenePool
from propneat.report.control_benchmark import control_rows, curves

SMALL = ("benchmark", "control", "--environments", "CartPole-v1", "--steps", "3000", "--workers", "1", "--quiet")


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1", "control_cases:InPython", "control_cases:pendulum"])
def test_a_policy_gets_the_returns_that_rollouts_give_its_network(name):
    world = find_world(name, 30)
    pool, _ = population(world.environment, config=EvolutionConfig(population_size=4, add_node_rate=0.5))
    plan, action = compile_genome(pool[2]), world.environment.action
    seeds = np.random.default_rng(0).integers(0, 2**31, 40, dtype=np.uint64)
    told = []

    def policy(seen, episodes):
        told.append(episodes)
        return action.act(evaluate(plan, seen))

    arena = Arena(world)
    returns, steps = arena.play(policy, seeds)
    rollouts = world.roll_out(compile_programs(compile_pool(GenePool.pack([pool[2]]))), seeds[None], None)
    np.testing.assert_allclose(returns, rollouts.returns[0], rtol=1e-6)
    np.testing.assert_array_equal(steps, rollouts.steps[0])
    np.testing.assert_array_equal(np.bincount(np.concatenate(told)), steps)


def pushing(gains):
    """A policy of CartPole that pushes where a sum of what is seen points to."""
    return lambda seen, _: (seen @ np.array(gains) > 0).astype(int)


def test_a_contest_counts_all_steps_and_keeps_the_best():
    contest = Contest(Arena(find_world("CartPole-v1", 100)), seed=3, budget=10**9)
    contest.arena.environment = replace(contest.arena.environment, solved_at=99.0)
    assert not contest.look(pushing([0, 0, 1, 0]), 0)
    poor, steps = contest.judged, contest.steps
    assert poor < 60 and steps == round(poor * JUDGED)
    assert not contest.look(pushing([0, 0, -1, 0]), 1) and contest.judged == poor
    good = pushing([0.1, 0.3, 1, 1])
    assert contest.look(good, 2) and contest.champion is good
    assert contest.solved_after == contest.steps == contest.curve[1][0] + 100 * (JUDGED + TESTED)
    result = contest.result()
    assert np.mean(result.returns) > 99 and len(result.returns) == TESTED
    assert result.steps == contest.solved_after and [value for _, value in result.curve] == [poor, poor, 100.0]
    used_up = Contest(contest.arena, seed=3, budget=1)
    assert used_up.look(pushing([0, 0, 1, 0]), 0) and used_up.solved_after is None


def test_the_network_of_openes_is_two_layers_of_tanh():
    shape, rng = _Shape(3, 2), np.random.default_rng(0)
    numbers, x = rng.normal(size=(5, shape.n_numbers)), rng.normal(size=(5, 3))
    for own, row, answer in zip(numbers, x, shape.answer(numbers, x), strict=True):
        first, second = own[: 4 * HIDDEN].reshape(4, HIDDEN), own[4 * HIDDEN :].reshape(HIDDEN + 1, 2)
        np.testing.assert_allclose(answer, np.tanh(np.tanh(row @ first[:3] + first[3]) @ second[:-1] + second[-1]))


@pytest.mark.parametrize(("method", "most"), [("openes", 40), ("neat-python", 60)])
def test_rivals_learn(method, most):
    pytest.importorskip(METHODS[method].module)
    result = METHODS[method].run(find_world("CartPole-v1", 60), 1, 60_000)
    early, late = result.curve[0][1], np.mean(result.returns)
    assert late > 50 and early <= most and 60_000 <= result.steps < 75_000 and result.solved_after is None


def test_neat_python_has_one_file_of_settings():
    pytest.importorskip("neat")
    config = neat_python_config(3, 2, activation="tanh", pop_size=7, conn_add_prob=0.25)
    genome = config.genome_config
    assert (genome.num_inputs, genome.num_outputs, config.pop_size, genome.conn_add_prob) == (3, 2, 7, 0.25)
    assert genome.activation_default == "tanh" and genome.activation_options == ["tanh"] and genome.node_add_prob == 0.3
    with pytest.raises(KeyError, match="no setting 'magic'"):
        neat_python_config(3, magic=1)


def test_means_have_intervals_and_unsolved_runs_count_with_all_their_steps():
    assert mean_and_interval([]) == (None, None) and mean_and_interval([3.0]) == (3.0, None)
    assert mean_and_interval([1.0, 3.0]) == (2.0, pytest.approx(2.0))
    part = {"environment": "CartPole-v1", "method": "neat", "seed": 1, "budget": 50}
    rows = [
        {"part": part, "version": "1", "solved_after": after, "steps": 60, "returns": [1.0, returned], "cpu_seconds": 2.0}
        for after, returned in ((40, 3.0), (None, 5.0))
    ]
    row = summarise(rows, "CartPole-v1", "neat", 50)
    assert (row["seeds"], row["solved"], row["steps_to_solve"], row["final_return"]) == (2, 1, 50.0, 2.5)
    others = summarise(rows, "Pendulum-v1", "neat", 50)
    assert others["seeds"] == 0 and others["final_return"] is None
    table = control_rows({"rows": [row, others], "solved_at": {"CartPole-v1": 475.0, "Pendulum-v1": None}})
    assert table[0][3:6] == ("1", "at least 50 ± 20", "2.5 ± 1.0") and table[1][2:5] == ("0", "-", "not run")


def test_curves_stay_where_a_run_ended():
    steps, mean, interval = curves([{"curve": [[10, 1.0], [20, 5.0]]}, {"curve": [[30, 3.0], [300, 9.0]]}], 400)
    assert (steps[0], steps[-1]) == (30, 400) and (mean[0], mean[-1]) == (4.0, 7.0)
    assert interval[0] == pytest.approx(2.0) and set(np.round(mean, 9)) == {4.0, 7.0}


def test_what_is_stored_is_not_done_again(run, folder, monkeypatch):
    words = (*SMALL, "--methods", "neat,openes,ppo", "--seeds", "2")
    monkeypatch.setitem(METHODS, "ppo", replace(METHODS["ppo"], module="no_such_module"))
    code, out, _ = run(*words, "--dry-run")
    assert code == 0 and out.count("to do") == 4 and out.count("stable-baselines3 is not installed") == 2
    assert not list(folder.iterdir())
    code, out, err = run(*words)
    assert code == 0 and err == "" and "stable-baselines3 is not installed" in out and "± is two standard errors" in out
    made = folder / "results" / "control"
    assert {path.name for path in made.iterdir()} == {"control.json", "control.csv", "control.png", "parts"}
    first = json.loads((made / "control.json").read_text())
    assert [row["seeds"] for row in first["rows"]] == [2, 2, 0] and len(first["parts"]) == 4
    assert (made / "control.csv").read_text().count("\n") == 4
    gone, *kept = sorted((made / "parts").iterdir())
    before = {path: path.stat().st_mtime_ns for path in kept}
    gone.unlink()
    assert "1 of 6 parts to do" in run(*(word for word in words if word != "--quiet"))[2]
    assert before == {path: path.stat().st_mtime_ns for path in kept}
    again = json.loads((made / "control.json").read_text())
    timeless = [[{k: v for k, v in p.items() if "seconds" not in k} for p in d["parts"]] for d in (first, again)]
    assert timeless[0] == timeless[1]
    assert run(*words, "--dry-run")[1].count("stored") == 4


def test_an_interrupted_benchmark_goes_on_and_workers_change_nothing(run, folder, monkeypatch):
    words = (
        "benchmark",
        "control",
        "--environments",
        "CartPole-v1",
        "--steps",
        "2000",
        "--methods",
        "neat,gradient",
        "--quiet",
    )
    done, carry_out = [], run_part

    def interrupted(part):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(part)
        return carry_out(part)

    with monkeypatch.context() as patch:
        patch.setattr("propneat.benchmark.control.run.run_part", interrupted)
        assert run(*words, "--seeds", "2", "--workers", "1", "--out", "a")[0] == 130
    assert len(list(Path("a/parts").iterdir())) == 3 and not Path("a/control.json").exists()
    assert run(*words, "--seeds", "2", "--workers", "1", "--out", "a", "--dry-run")[1].count("to do") == 1
    assert run(*words, "--seeds", "2", "--workers", "1", "--out", "a")[0] == 0
    assert run(*words, "--seeds", "2", "--workers", "2", "--out", "b")[0] == 0
    timeless = [
        [{key: value for key, value in part.items() if "seconds" not in key} for part in json.loads(file.read_text())["parts"]]
        for file in (Path("a/control.json"), Path("b/control.json"))
    ]
    assert len(timeless[0]) == 4 and timeless[0] == timeless[1]


def test_mistakes_are_answered_in_one_sentence(run, folder):
    for words, code, said in (
        (("--methods", "magic"), 2, "the methods of the control benchmark are neat"),
        (("--environments", "double-pole"), 2, "all alike"),
        (("--environments", "NoSuch-v1"), 2, "there is no environment 'NoSuch-v1'"),
        (("--methods", ""), 2, "given without a name"),
    ):
        told = run("benchmark", "control", "--dry-run", *words)
        assert told[0] == code and told[1] == "" and said in told[2] and "Traceback" not in told[2]
    part = choose_parts(["CartPole-v1"], ["neat"], 1, 3000)[0]
    path = Path("results/control/parts") / f"CartPole-v1--neat--seed{part.seed}--3000steps.json"
    path.parent.mkdir(parents=True)
    for text in ("{", "{}"):
        path.write_text(text)
        code, _, err = run(*SMALL, "--methods", "neat", "--seeds", "1")
        assert code == 3 and "is damaged" in err and path.read_text() == text
