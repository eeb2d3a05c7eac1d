"""Runs begun and gone on with from Python: the same files as the command's, and errors in one sentence."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from propneat.base.errors import CheckpointError, ConfigError, RunError
from propneat.model import load_model
from propneat.run import open_run_folder, prepare_run, resume, run, start
from propneat.run.time_budget import fit_into
from propneat.settings.file import read_settings_file, resolve_settings
from propneat.training import train_population

pytestmark = pytest.mark.usefixtures("folder")

TINY = {"generations": 2, "populations": 1, "fine_tune_epochs": 5, "prune_epochs": 1, "evolution": {"population_size": 10}}
XD6 = TINY | {"data": {"source": "xd6"}}
SAME = ("champion.json", "history.csv", "config.toml")


def outcome(path) -> list[bytes]:
    """The files that must not depend on how a run was begun."""
    return [(Path(path) / name).read_bytes() for name in SAME]


def test_a_run_from_python_writes_what_the_command_does(request, folder):
    command = request.getfixturevalue("run")
    summary = start(XD6, "python")
    assert (
        command(
            "evolve",
            "xd6",
            "--generations",
            "2",
            "--populations",
            "1",
            "--population",
            "10",
            "--fine-tune-epochs",
            "5",
            "--prune-epochs",
            "1",
            "--out",
            "a",
        )[0]
        == 0
    )
    assert outcome("python") == outcome("a")
    assert summary["champion"] == str(Path("python") / "champion.json")
    assert load_model(summary["champion"]).about["seed"] == 0
    assert summary == open_run_folder(Path("python")).read_summary()


def test_a_run_that_stopped_and_grew_ends_as_if_it_had_not(capsys):
    start(XD6 | {"generations": 4}, "whole")
    stopping = partial(run, callbacks=[lambda state: True])
    assert start(resolve_settings([XD6]), "parts", perform=stopping)["finished"] is False
    assert resume("parts", {"generations": 4})["generations"] == 4
    assert outcome("parts") == outcome("whole")
    assert capsys.readouterr().err == ""
    before = outcome("parts")
    assert resume(open_run_folder(Path("parts")))["finished"] is True
    assert "parts is finished, nothing is left to do" in capsys.readouterr().err
    assert outcome("parts") == before


def test_a_table_of_ones_own_is_found_from_another_folder(folder, monkeypatch):
    rng = np.random.default_rng(0)
    rows = [f"{x:.2f},{'yes' if x > 0 else 'no'}" for x in rng.normal(size=60)]
    (folder / "people.csv").write_text("\n".join(["height,ill", *rows]) + "\n")
    stopping = partial(run, callbacks=[lambda state: True])
    summary = start(TINY | {"data": {"source": "people.csv", "target": "ill"}}, perform=stopping)
    assert summary["folder"] == "results/people-seed0"
    assert read_settings_file(Path("results/people-seed0/config.toml"))["data"]["source"] == str(folder / "people.csv")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert resume(folder / "results" / "people-seed0")["finished"] is True


def test_default_folders_are_counted_and_a_taken_one_is_replaced_when_asked(folder):
    made = [start(XD6)["folder"] for _ in range(2)]
    assert made == ["results/xd6-seed0", "results/xd6-seed0-2"]
    assert outcome(made[0]) == outcome(made[1])
    assert start(XD6 | {"generations": 1}, made[1], force=True)["generations"] == 1


REFUSED = [
    ({"generatons": 5}, "unknown key 'generatons', did you mean 'generations'"),
    ({"data": {"source": "xd6", "epochs": 5}}, r"unknown key 'data.epochs', which belongs in the table \[training\]"),
    ({"data": "xd6"}, "data must be a dict such as {'seed': 1}, of settings and their values, not 'xd6'"),
    ("xd6", "the settings must be a dict such as {'seed': 1}, of settings and their values, not 'xd6'"),
    ({"generations": 5}, "no data set is given"),
    (XD6 | {"engine": "padded", "device": "nowhere"}, "nowhere"),
]


@pytest.mark.parametrize(("settings", "words"), REFUSED)
def test_what_cannot_be_run_is_refused_before_a_folder_is_made(folder, settings, words):
    with pytest.raises(ConfigError, match=words):
        start(settings)
    assert list(folder.iterdir()) == []


def test_folders_in_use_or_of_other_runs_are_refused(folder):
    start(XD6, "a", perform=partial(run, callbacks=[lambda state: True]))
    before = outcome("a")
    with pytest.raises(ConfigError, match="a is not empty"):
        start(XD6, "a")
    with pytest.raises(CheckpointError, match="begun with seed = 0, and now it is 1"):
        resume("a", {"seed": 1})
    with pytest.raises(CheckpointError, match="there is no run folder b"):
        resume("b")
    held = open_run_folder(Path("a"))
    with held.held(), pytest.raises(RunError, match="another process is writing a"):
        resume(held)
    assert outcome("a") == before


def test_a_time_budget_becomes_settings_that_repeat_the_run(request, monkeypatch):
    """Whatever the clock says, the run is the one of the populations and generations that are said."""
    command = request.getfixturevalue("run")
    ticks = iter(np.arange(0.0, 1000.0, 0.5))
    config = resolve_settings([XD6]).evolve
    data = prepare_run(resolve_settings([XD6]))
    with monkeypatch.context() as patched:
        patched.setattr("propneat.run.time_budget.time.perf_counter", lambda: float(next(ticks)))
        # half a second a tick: generations of .75 s at 1.5 times the trial's, half a second for the end, three seconds gone
        for seconds, expected in [(20.0, (8, 2)), (5.0, (1, 2)), (1e6, (50, 2))]:
            found = fit_into(replace(config, generations=2), data.prepared.problem, seconds, train_population)
            assert (found.populations, found.generations) == expected
        few = fit_into(replace(config, generations=1000), data.prepared.problem, 12.0, train_population)
        assert few.populations == 1 and few.generations == 12
        short: list[str] = []
        fewest = fit_into(replace(config, generations=1000), data.prepared.problem, 4.0, train_population, short.append)
        assert fewest.generations == 5 and short[0].startswith("4 s are too short") and "about 7 s here" in short[0]
    said: list[str] = []
    start(XD6, "timed", seconds=0.5, say=said.append)
    counts = re.search(r"--populations (\d+) --generations (\d+)$", said[-1])
    populations, generations = map(int, counts.groups())
    start(XD6 | {"populations": populations, "generations": generations}, "again")
    assert outcome("timed") == outcome("again")
    for wrong in ("0", "soon", "-3s", "5 days"):
        assert command("evolve", "xd6", "--time-budget", wrong)[0] == 2
    assert "do not go with it" in command("evolve", "--resume", "timed", "--time-budget", "5s")[2]
    assert "leave --populations out" in command("evolve", "xd6", "--populations", "2", "--time-budget", "5s")[2]
    for wrong in (0.0, "10s"):
        with pytest.raises(ConfigError, match="seconds above 0"):
            fit_into(config, data.prepared.problem, wrong, train_population)
