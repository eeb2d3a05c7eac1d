"""`propneat evolve --env` and `propneat play`: what they write, what they refuse, and that interruptions change nothing."""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from propneat.base.errors import CheckpointError, ConfigError, DamagedCheckpointError, GenomeError
from propneat.control.champion import load_champion
from propneat.control.compiled import first_states, observe_all, step_all
from propneat.control.finding import find_world
from propneat.control.rollouts import CompiledWorld
from propneat.run.control import resume_control, run_control, start_control
from propneat.settings.control_config import ControlConfig, default_control
from propneat.settings.control_file import control_layer, format_control, is_control_file, read_control_file, resolve_control

pytestmark = pytest.mark.usefixtures("folder")

TINY = ("--generations", "2", "--population", "10", "--episodes", "2", "--max-steps", "40")
SAME = ("champion.json", "history.csv")


def outcome(path) -> list[bytes]:
    return [(Path(path) / name).read_bytes() for name in SAME]


def test_a_run_writes_a_champion_that_plays_is_shown_and_is_drawn(run, folder):
    code, out, err = run("evolve", "--env", "CartPole-v1", *TINY)
    made = folder / "results" / "CartPole-v1-seed0"
    assert code == 0 and "CartPole-v1 (compiled): 4 observations, actions are 2 choices, 40 steps at most" in err
    assert "generation 2/2" in err and "mean return" in out
    names = {path.name for path in made.iterdir()}
    assert names == {"champion.json", "checkpoint.npz", "checkpoint.journal", "config.toml", "history.csv", "timing.csv",
                     "network.svg", "progress.png", "summary.json"}  # fmt: skip
    summary = json.loads((made / "summary.json").read_text())
    assert (summary["finished"], summary["generations"], summary["evaluations"]) == (True, 2, 20)
    assert summary["test"]["episodes"] == 100 and 1 <= summary["test"]["mean_return"] <= 40
    code, out, err = run(
        "play", str(made / "champion.json"), "--json", "--episodes", "30", "--max-steps", "40", "--record", "a.gif"
    )
    told = json.loads(out)
    assert code == 0 and told["episodes"] == 30 and told["least"] <= told["mean_return"] <= told["most"] <= 40
    with Image.open("a.gif") as picture:
        assert picture.n_frames > 3 and picture.size == (480, 300)
    assert run("play", str(made / "champion.json"), "--json", "--episodes", "30", "--max-steps", "40")[1] == out
    code, out, err = run("show", str(made / "champion.json"))
    assert code == 0 and "acts in CartPole-v1, action: argmax" in out and "y1 =" in out
    assert json.loads(run("show", str(made / "champion.json"), "--json")[1])["about"]["env"] == "CartPole-v1"


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_a_champion_of_policy_gradients_plays_as_it_was_tested(run, folder, env):
    learning = ("--method", "propneat", "--learning", "gradient", "--env", env, *TINY, "--out")
    assert run("evolve", *learning, "a", "--quiet")[0] == 0
    assert run("evolve", *learning, "b", "--quiet")[0] == 0 and outcome("a") == outcome("b")
    assert 'learning = "gradient"' in Path("a/config.toml").read_text()
    # it has learnt: mutation alone comes to other networks
    assert run("evolve", "--env", env, *TINY, "--out", "c", "--quiet")[0] == 0
    assert outcome("a")[1] != outcome("c")[1]
    code, out, _ = run("play", "a/champion.json", "--json", "--episodes", "20", "--max-steps", "40", "--record", "a.gif")
    told = json.loads(out)
    assert code == 0 and told["env"] == env and Path("a.gif").is_file()
    champion, world = load_champion("a/champion.json"), CompiledWorld(find_world(env, 40).environment)
    assert told["mean_return"] == champion.play(world, 20, 0).returns.mean()


def test_a_champion_acts_alone_as_it_does_in_rollouts(run, folder):
    run("evolve", "--env", "Pendulum-v1", *TINY, "--recurrent-rate", "0.5", "--out", "a", "--quiet")
    champion = load_champion("a/champion.json")
    world = CompiledWorld(find_world("Pendulum-v1", 40).environment)
    player, environment = champion.player(), world.environment
    seeds = np.array([3], np.uint64)
    states, seen, reward, ended = first_states(environment, seeds), np.zeros((1, 3)), np.zeros(1), np.zeros(1, bool)
    for _ in range(2):
        total, moving = 0.0, states.copy()
        player.reset()
        for time in range(40):
            observe_all(environment.code, moving, seen)
            step_all(environment.code, moving, player(seen[0]), time, time == 39, reward, ended)
            total += reward[0]
        from propneat.compiler import compile_pool, compile_programs
        from propneat.genome import GenePool

        programs = compile_programs(compile_pool(GenePool.pack([champion.genome])))
        assert world.roll_out(programs, seeds[None], champion.scaling).returns[0, 0] == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("method", ["neat", "propneat"])
def test_an_interrupted_run_comes_to_the_same_bytes(folder, method):
    settings = {
        "control": {"env": "CartPole-v1", "method": method, "generations": 3, "episodes": 1, "max_steps": 30, "rows": 100}
    }
    config = resolve_control([settings, {"evolution": {"population_size": 10}}])
    start_control(config, "whole")
    stopping = partial(run_control, callbacks=[lambda state: True])
    assert start_control(config, "parts", perform=stopping)["finished"] is False
    assert resume_control("parts", perform=stopping)["generations"] == 2
    assert resume_control("parts")["finished"] is True
    assert outcome("whole") == outcome("parts")
    said = []
    resume_control("parts", say=said.append)
    assert "nothing is left to do" in said[0]


def test_a_run_may_be_asked_for_more_and_nothing_else(run, folder):
    run("evolve", "--env", "CartPole-v1", *TINY, "--solved-at", "1000", "--out", "a")
    run("evolve", "--env", "CartPole-v1", *TINY[2:], "--generations", "4", "--solved-at", "1000", "--out", "b")
    code, _, err = run("evolve", "--resume", "a", "--generations", "4")
    assert code == 0 and "Continuing a" in err and outcome("a") == outcome("b")
    code, _, err = run("evolve", "--resume", "a", "--episodes", "3")
    assert code == 2 and "control.episodes" in err
    (folder / "a" / "checkpoint.npz").write_bytes(b"no")
    assert run("evolve", "--resume", "a", "--generations", "5")[0] == DamagedCheckpointError.exit_code


@pytest.mark.parametrize(("env", "scaled"), [("double-pole", ()), ("double-pole-no-velocities", ("--normalise",))])
def test_double_poles_are_tested_from_all_starts(run, folder, env, scaled):
    tiny = ("--generations", "2", "--max-steps", "3", "--population", "6", "--out", "a", "--quiet")
    code, out, _ = run("evolve", "--env", env, *tiny, *scaled)
    assert code == 0 and "of 625 starts balanced" in out
    summary = json.loads((folder / "a" / "summary.json").read_text())
    assert summary["solved"] is False and summary["test"]["episodes"] == 1
    assert 0 <= summary["test"]["starts_balanced_of_625"] <= 625


def test_environments_of_ones_own_are_found_from_the_folder(run, folder, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    code, out, err = run("evolve", "--env", "control_cases:InPython", *TINY, "--out", "a")
    assert code == 0 and "(Python)" in err
    assert run("play", "a/champion.json", "--episodes", "5", "--max-steps", "30", "--record", "b.gif")[0] == 0
    with Image.open("b.gif") as picture:
        assert picture.size == (30, 20)
    code, out, _ = run("play", "a/champion.json", "--env", "CartPole-v1", "--episodes", "5", "--json")
    assert code == 0 and json.loads(out)["env"] == "CartPole-v1"


def test_gymnasium_is_reached_by_its_names(run, folder):
    pytest.importorskip("gymnasium")
    code, out, err = run(
        "evolve",
        "--env",
        "FrozenLake-v1",
        "--generations",
        "1",
        "--population",
        "4",
        "--episodes",
        "1",
        "--max-steps",
        "15",
        "--out",
        "a",
    )
    assert code == 0 and "FrozenLake-v1 (Python): 16 observations" in err
    code, _, err = run("evolve", "--env", "CartPol-v1")
    assert code == 2 and "did you mean CartPole-v" in err
    code, _, err = run("evolve", "--env", "Blackjack-v1")
    assert code == 2 and "of type Tuple" in err


def test_mistakes_are_answered_in_one_sentence(run, folder, monkeypatch):
    assert run("evolve", "--env", "CartPole-v1", *TINY, "--out", "a", "--quiet")[0] == 0
    for words, said in (
        (("evolve", "--env", "CartPole-v1", "--target", "y"), "--target is for tables"),
        (("evolve", "monk1", "--env", "CartPole-v1"), "leave one out"),
        (("evolve", "monk1", "--episodes", "3"), "name one with --env"),
        (("evolve", "--env", "CartPole-v1", "--episodes", "0"), "episodes must be 1 or more"),
        (("evolve", "--env", "CartPole-v1", "--out", "a"), "is not empty"),
        (("play", "a/champion.json", "--env", "Pendulum-v1"), "asks for 3 observations and scaled"),
        (("play", "a/champion.json", "--record", "a.mp4"), "recorded as .gif"),
        (("play", "nothing.json"), "no genome file"),
        (("predict", "a/champion.json", "x.csv"), "cannot predict"),
        (("pick", "a"), ""),
    ):
        code, out, err = run(*words)
        assert code == 2 and out == "" and said in err, words
        assert "Traceback" not in err
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    code, _, err = run("evolve", "--env", "LunarLander-v3")
    assert code == 2 and "pip install 'propneat[control]'" in err


def test_champions_that_are_damaged_or_none_are_refused(run, folder):
    run("evolve", "--env", "CartPole-v1", *TINY, "--out", "a", "--quiet")
    document = json.loads((folder / "a" / "champion.json").read_text())
    for change in (
        {"control": {**document["control"], "schema": "propneat.control/9"}},
        {"control": {**document["control"], "action": {"rule": "argmax", "choices": 3}}},
        {"control": {**document["control"], "scaling": {"count": 1, "mean": [0], "squares": [1]}}},
        {"control": 3},
    ):
        Path("b.json").write_text(json.dumps(document | change))
        with pytest.raises(GenomeError, match="damaged"):
            load_champion("b.json")
    del document["control"]
    Path("b.json").write_text(json.dumps(document))
    with pytest.raises(GenomeError, match="no network that acts"):
        load_champion("b.json")
    with pytest.raises(CheckpointError):
        resume_control(Path("nowhere"))


def test_settings_come_back_from_their_file(run, folder):
    for env, method in (("CartPole-v1", "propneat"), ("double-pole", "neat"), ("double-pole-no-velocities", "neat")):
        config = default_control(env, method)
        Path("a.toml").write_text(format_control(config))
        assert resolve_control([read_control_file("a.toml")]) == config == resolve_control([control_layer(config)])
        assert is_control_file("a.toml")
    Path("b.toml").write_text('[control]\nenv = "CartPole-v1"\nmagic = 3\n')
    code, _, err = run("evolve", "--config", "b.toml")
    assert code == 2 and "control.magic" in err
    Path("c.toml").write_text(
        '[control]\nenv = "CartPole-v1"\ngenerations = 1\nepisodes = 1\nmax_steps = 20\n[evolution]\npopulation_size = 6\n'
    )
    assert run("evolve", "--config", "c.toml", "--quiet", "--out", "c")[0] == 0
    with pytest.raises(ConfigError, match="no environment"):
        resolve_control([{}])
    with pytest.raises(ConfigError, match="episodes must be a whole number"):
        ControlConfig("x", episodes="many")
