"""Runs begun and gone on with from Python: the same files as the command's, and errors in one sentence."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from propneat.base.errors import CheckpointError, ConfigError, RunError
from propneat.model import load_model
from propneat.run import open_run_folder, resume, run, start
from propneat.settings.file import read_settings_file, resolve_settings

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
    assert command("evolve", "xd6", "--generations", "2", "--populations", "1", "--population", "10", "--fine-tune-epochs", "5", "--prune-epochs", "1", "--out", "a")[0] == 0
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
