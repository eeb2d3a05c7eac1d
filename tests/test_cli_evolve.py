"""`propneat evolve`: what it writes, what it refuses, and that no interruption changes what it comes to."""

import csv
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss, mean_squared_error, r2_score, roc_auc_score

from propneat.cli.run_view import RunView, say_when_compiling
from propneat.data import load_table
from propneat.model import load_model
from propneat.model.scores import answer, score_model
from propneat.run.checkpoint import CheckpointWriter, load_checkpoint
from propneat.run.folder import default_run_folders
from propneat.settings.evolve_config import default_config
from propneat.settings.file import read_settings_file, resolve_settings

pytestmark = pytest.mark.usefixtures("folder")

TINY = ("--generations", "2", "--populations", "1", "--population", "10", "--fine-tune-epochs", "5", "--prune-epochs", "1")
SAME = ("champion.json", "history.csv", "species.csv", "lineage.csv")
FILES = [
    "champion.json",
    "checkpoint.journal",
    "checkpoint.npz",
    "config.toml",
    "descent.png",
    "front.csv",
    "front.json",
    "front.png",
    "history.csv",
    "lineage.csv",
    "network.svg",
    "progress.png",
    "progress.svg",
    "report.html",
    "species.csv",
    "summary.json",
    "timing.csv",
]


@pytest.fixture
def run(unreported):
    """Reports are made where they are told of: they have tests of their own."""
    return unreported


_COMPILE_AND_WARM_UP = """
import propneat.cli.run_view as view
from propneat.base.native import outer

view._SECONDS_OF_COMPILING = 0.0

@outer
def add(a, b):
    return a + b

with view.say_why_it_takes_long("numba", quiet=False):
    add(1, 2)
"""


def write_people(path) -> None:
    """Write a table with numbers, texts, missing values and the classes "no" and "yes"."""
    rng = np.random.default_rng(0)
    lines = ["height,eyes,steps,ill"]
    for _ in range(80):
        height, eyes = rng.normal(170, 10), rng.choice(["blue", "brown", "green", ""])
        ill = "yes" if (height > 172) != (eyes == "blue") else "no"
        lines.append(f"{height:.1f},{eyes},{rng.integers(5)},{ill}")
    path.write_text("\n".join(lines) + "\n")


def outcome(path) -> list[bytes]:
    """The files that must not depend on how a run went."""
    return [(path / name).read_bytes() for name in SAME]


def contents(path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_a_table_of_ones_own_becomes_a_folder_with_all_that_was_promised(run, folder):
    write_people(folder / "people.csv")
    code, out, err = run("evolve", "people.csv", "--target", "ill", *TINY, "--report")
    made = folder / "results" / "people-seed0"
    assert code == 0
    assert sorted(path.name for path in made.iterdir()) == FILES
    assert "held out" in out
    assert "champion.json" in out
    assert "generation 2/2" in err
    model = load_model(made / "champion.json")
    assert model.classes == ("no", "yes")
    assert model.target_name == "ill"
    assert (made / "network.svg").read_text().startswith("<svg")
    assert (made / "progress.png").read_bytes().startswith(b"\x89PNG")
    with (made / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["generation"] for row in rows] == ["1", "2"]
    assert "seconds" not in rows[0]
    assert (made / "timing.csv").read_text().startswith("generation,seconds\n1,")


def test_json_is_one_object_on_stdout_and_quiet_is_silent(run, folder):
    code, out, err = run("evolve", "monk1", *TINY, "--json", "--quiet", "--seed", "3")
    summary = json.loads(out)
    assert (code, err) == (0, "")
    assert summary == json.loads((folder / "results" / "monk1-seed3" / "summary.json").read_text())
    assert (summary["finished"], summary["generations"], summary["seed"]) == (True, 2, 3)
    assert set(summary["test"]) == {"auc", "balanced_accuracy", "log_loss"}
    assert summary["test_rows"] == 140


def test_the_champion_says_nothing_about_when_and_where_it_was_made(run, folder):
    run("evolve", "monk1", *TINY, "--out", "a")
    about = load_model(folder / "a" / "champion.json").about
    assert about["data"] == "monk1"
    assert not {"seconds", "folder", "champion", "finished"} & set(about)
    run("evolve", "monk1", *TINY, "--out", "b/c")
    assert outcome(folder / "a") == outcome(folder / "b" / "c")


def test_rows_held_out_are_stratified_never_learnt_from_and_scored_as_scikit_learn_does(run, folder):
    write_people(folder / "people.csv")
    run("evolve", "people.csv", "--target", "ill", *TINY, "--test-fraction", "0.4", "--out", "a")
    model = load_model(folder / "a" / "champion.json")
    table = load_table("people.csv", target="ill")
    share = (table.target == "yes").mean()
    assert model.about["test_rows"] == round(0.4 * share * 80) + round(0.4 * (1 - share) * 80)
    # the preprocessing holds means of the rows learnt from alone
    rule = model.preprocessor.rules[0]
    assert rule.feature == "height"
    assert rule.center != pytest.approx(table.features["height"].mean(), rel=1e-9)
    truth = (table.target == "yes").to_numpy()
    probabilities = model.predict_proba(table.features)
    scores = score_model(model, table.features, table.target)
    assert scores["auc"] == pytest.approx(roc_auc_score(truth, probabilities[:, 1]))
    said_yes = answer(model, table.features)[0] == "yes"
    assert scores["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, said_yes))
    assert scores["log_loss"] == pytest.approx(log_loss(truth, probabilities[:, 1]))


def test_changing_rows_held_out_changes_nothing_but_their_score(run, folder):
    write_people(folder / "people.csv")
    run("evolve", "people.csv", "--target", "ill", *TINY, "--out", "a")
    lines = (folder / "people.csv").read_text().splitlines()
    model = load_model(folder / "a" / "champion.json")
    for row in range(1, 81):
        fields = lines[row].split(",")
        changed = lines.copy()
        changed[row] = ",".join(["500.0", *fields[1:]])
        (folder / "people.csv").write_text("\n".join(changed) + "\n")
        run("evolve", "people.csv", "--target", "ill", *TINY, "--generations", "1", "--out", "b", "--force")
        found = load_model(folder / "b" / "champion.json")
        if found.preprocessor == model.preprocessor:
            run("evolve", "people.csv", "--target", "ill", *TINY, "--out", "b", "--force")
            found = load_model(folder / "b" / "champion.json")
            assert found.genome == model.genome
            assert found.about["validation_loss"] == model.about["validation_loss"]
            return
    pytest.fail("no row was held out")


def test_regression_and_several_classes(run, folder):
    code, out, _ = run("evolve", "diabetes_progression", *TINY, "--json", "--out", "a")
    model, table = load_model(folder / "a" / "champion.json"), load_table("diabetes_progression")
    assert code == 0
    assert set(json.loads(out)["test"]) == {"r2", "rmse"}
    scores = score_model(model, table.features, table.target)
    predicted = model.predict(table.features)
    assert scores["r2"] == pytest.approx(r2_score(table.target, predicted))
    assert scores["rmse"] == pytest.approx(mean_squared_error(table.target, predicted) ** 0.5)
    code, out, _ = run("evolve", "iris", *TINY, "--json", "--out", "b", "--test-fraction", "0")
    assert code == 0
    assert json.loads(out)["test"] == {}
    assert json.loads(out)["task"] == "multiclass"


def test_the_method_without_gradients(run, folder):
    code, _, _ = run("evolve", "xd6", "--method", "neat", "--generations", "3", "--population", "20", "--out", "a")
    assert code == 0
    assert resolve_settings([read_settings_file(folder / "a" / "config.toml")]).evolve.evolution.weight_mutation_rate > 0


def test_every_option_reaches_the_settings_and_the_written_file_repeats_the_run(run, folder):
    write_people(folder / "people.csv")
    options = {
        "--target": "ill",
        "--task": "binary",
        "--data-dir": "somewhere",
        "--test-fraction": "0.2",
        "--validation-fraction": "0.3",
        "--class-weight": "balanced",
        "--method": "propneat",
        "--generations": "2",
        "--population": "9",
        "--activations": "sin, tanh",
        "--epochs": "3",
        "--learning-rate": "0.01",
        "--batch-size": "7",
        "--l2": "0.001",
        "--loss": "bce",
        "--size-penalty": "0.0001",
        "--fine-tune-epochs": "4",
        "--refit-epochs": "6",
        "--engine": "numba",
        "--device": "cpu",
        "--memory-budget": "1.5MiB",
        "--seed": "11",
    }
    typed = [word for pair in options.items() for word in pair]
    code, _, _ = run("evolve", "people.csv", *typed, "--no-write-back", "--retrain", "--out", "a")
    document = tomllib.loads((folder / "a" / "config.toml").read_text())
    assert code == 0
    assert document["data"]["source"] == str(folder / "people.csv")
    assert [document["data"][key] for key in ("target", "test_fraction", "class_weight")] == ["ill", 0.2, "balanced"]
    assert [document[key] for key in ("generations", "seed", "write_back", "retrain")] == [2, 11, False, True]
    assert document["memory_budget"] == 3 * 2**19
    assert [document["evolution"][key] for key in ("population_size", "activations")] == [9, ["sin", "tanh"]]
    assert [document["training"][key] for key in ("epochs", "learning_rate", "batch_size", "l2")] == [3, 0.01, 7, 0.001]
    run("evolve", "--config", "a/config.toml", "--out", "b")
    assert outcome(folder / "a") == outcome(folder / "b")


def test_a_memory_budget_changes_nothing_but_memory(run, folder):
    least = (*TINY, "--population", "4", "--fine-tune-epochs", "2", "--refit-epochs", "2", "--prune-epochs", "0", "--no-report")
    for name, budget in (("a", "none"), ("b", "256MiB")):
        code, _, _ = run("evolve", "xd6", *least, "--engine", "layered", "--memory-budget", budget, "--out", name)
        assert code == 0
    assert outcome(folder / "a") == outcome(folder / "b")


def test_flag_before_environment_before_file_before_default(run, folder, monkeypatch):
    (folder / "my.toml").write_text(
        "seed = 1\ngenerations = 1\npopulations = 1\nfine_tune_epochs = 1\n[evolution]\npopulation_size = 8\n"
    )
    monkeypatch.setenv("PROPNEAT_SEED", "2")
    monkeypatch.setenv("PROPNEAT_POPULATION", "9")
    code, out, _ = run("evolve", "xd6", "--config", "my.toml", "--seed", "3", "--json", "--out", "a")
    found = resolve_settings([read_settings_file(folder / "a" / "config.toml")]).evolve
    assert code == 0
    assert (found.seed, found.evolution.population_size, found.generations) == (3, 9, 1)
    assert found.training == default_config().training


def test_runs_never_overwrite_each_other(run, folder):
    one = ("evolve", "xd6", "--generations", "1", "--populations", "1", "--population", "5", "--fine-tune-epochs", "1")
    run(*one)
    run(*one)
    assert sorted(path.name for path in (folder / "results").iterdir()) == ["xd6-seed0", "xd6-seed0-2"]
    before = contents(folder)
    code, out, err = run(*one, "--out", "results/xd6-seed0")
    assert (code, out) == (2, "")
    assert "--resume" in err
    assert contents(folder) == before
    (folder / "results" / "xd6-seed0" / "notes.txt").write_text("mine")
    code, _, _ = run(*one, "--seed", "1", "--out", "results/xd6-seed0", "--force")
    assert code == 0
    assert (folder / "results" / "xd6-seed0" / "notes.txt").read_text() == "mine"
    assert load_model(folder / "results" / "xd6-seed0" / "champion.json").about["seed"] == 1


WRONG = [
    (["evolve"], "propneat evolve breast_cancer_wisconsin"),
    (["evolve", "monk11"], "did you mean"),
    (["evolve", "absent.csv"], "there is no file"),
    (["evolve", "./"], "is a folder: name a file in it"),
    (["evolve", "people.csv"], "no column called target or class"),
    (["evolve", "people.csv", "--target", "il"], "did you mean 'ill'?"),
    (["evolve", "people.csv", "--target", "ill", "--task", "regression"], "column 'ill' must hold numbers"),
    (["evolve", "people.csv", "--target", "ill", "--task", "ranking"], "binary, multiclass, regression"),
    (["evolve", "people.csv", "--target", "steps", "--task", "binary"], "use task 'multiclass'"),
    (["evolve", "two.csv", "--target", "y", "--test-fraction", "0.9"], "leaves 2 rows to learn from"),
    (["evolve", "two.csv", "--target", "x", "--test-fraction", "0.9"], "leaves 1 row to learn from"),
    (["evolve", "monk1", "--seed", "-1"], "-1 is not in the range x>=0"),
    (["evolve", "monk1", "--config", "seed.toml"], "seed must be 0 or more, not -1"),
    (["evolve", "monk1", "--test-fraction", "1.5"], "test_fraction"),
    (["evolve", "monk1", "--validation-fraction", "0"], "validation_fraction"),
    (["evolve", "monk1", "--generations", "0"], "generations must be 1 or more"),
    (["evolve", "monk1", "--generations", "many"], "not a valid integer"),
    (["evolve", "monk1", "--populations", "many"], "'many' is neither auto, nor: "),
    (
        ["evolve", "monk1", "--pick", "BEST"],
        "pick must be best, one-standard-error, a price of a connection such as 1%, or a number of connections, 1 or more, not 'BEST'",
    ),
    (["evolve", "monk1", "--generatons", "3"], "--generations"),
    (["evolve", "monk1", "--population", "0"], "population_size must be 2 or more"),
    (["evolve", "monk1", "--activations", "tanh,tahn"], "tahn"),
    (["evolve", "monk1", "--batch-size", "0"], "batch_size must be 1 or more"),
    (["evolve", "monk1", "--batch-size", "some"], "not a valid integer"),
    (["evolve", "monk1", "--memory-budget", "256MB"], "such as 64000000, 512KiB, 256MiB"),
    (["evolve", "monk1", "--memory-budget", "0.1"], "memory_budget must be 1 or more, in bytes"),
    (["evolve", "monk1", "--memory-budget", "100"], "the numba engine needs"),
    (["evolve", "monk1", "--memory-budget", "100", "--out", "run", "--force"], "the numba engine needs"),
    (["evolve", "monk1", "--device", "cuda"], "works on the CPU"),
    (["evolve", "monk1", "--learning-rate", "nan"], "learning_rate must be above 0"),
    (["evolve", "monk1", "--l2", "-1"], "l2 must be from 0 to 3.4e+38"),
    (["evolve", "monk1", "--method", "sgd"], "method must be one of propneat, neat"),
    (["evolve", "monk1", "--engine", "cuda"], "engine must be one of"),
    (["evolve", "monk1", "--config", "absent.toml"], "absent.toml cannot be read"),
    (["evolve", "monk1", "--config", "wrong.toml"], "did you mean 'generations'?"),
    (["evolve", "monk1", "--out", "people.csv"], "is a file"),
    (["evolve", "monk1", "--out", ""], "a folder needs a name"),
    (["evolve", "monk1", "--out", "people.csv/run"], "the folder people.csv/run cannot be written"),
    (["evolve", "monk1", "--out", "run", "--force", "--loss", "mse"], "loss"),
    (["evolve", "--resume", "absent"], "there is no run folder absent"),
    (["evolve", "--resume", "."], "is not the folder of a run"),
    (["evolve", "--resume", "run", "--out", "other"], "do not go with it"),
    (["evolve", "--resume", "run", "--seed", "9"], "begun with seed = 0, and now it is 9"),
    (["evolve", "--resume", "run", "--generations", "1"], "not lowered from 2 to 1"),
    (["evolve", "--resume", "run", "--learning-rate", "0.5"], "training.learning_rate = "),
    (["evolve", "monk2", "--resume", "run"], "data set = "),
    (["evolve", "other/xd6.csv", "--resume", "run"], "SHA-256 of the data"),
    (["evolve", "--resume", "damaged"], "damaged"),
    (["evolve", "--resume", "halved"], "lacks its other half"),
    (["evolve", "--resume", "swapped"], "networks that do not fit the data or the settings"),
    (["evolve", "--resume", "lost"], "there is no checkpoint"),
    (["evolve", "monk1", "--out", "mine", "--force"], "mine is not the folder of a run, so its history.csv is not replaced"),
    (["evolve", b"bytes\xff.csv".decode(errors="surrogateescape")], "is not UTF-8 text"),
]
DAMAGED = ("damaged", "halved", "swapped")


def test_wrong_input_is_one_sentence_and_leaves_everything_as_it_was(run, folder):
    write_people(folder / "people.csv")
    (folder / "two.csv").write_text("x,y\n" + "".join(f"{k / 7},{'ab'[k % 5 == 0]}\n" for k in range(10)))
    (folder / "wrong.toml").write_text("generatons = 5")
    (folder / "seed.toml").write_text("seed = -1")
    (folder / "other").mkdir()
    table = load_table("xd6")
    for name in ("run", "damaged", "halved", "swapped", "lost"):
        run("evolve", "xd6", *TINY, "--out", name)
    (folder / "halved" / "checkpoint.journal").unlink()
    # a checkpoint of other data that claims, with a checksum that fits, to be of these
    run("evolve", "monk1", *TINY, "--out", "other-data")
    identity = load_checkpoint(folder / "swapped" / "checkpoint.npz")[1]
    state = load_checkpoint(folder / "other-data" / "checkpoint.npz")[0]
    CheckpointWriter(folder / "swapped" / "checkpoint.npz", identity).save(state)
    (folder / "mine").mkdir()
    (folder / "mine" / "history.csv").write_text("year,event\n")
    (folder / "mine" / "config.toml").write_text("mine = true\n")
    (folder / "damaged" / "checkpoint.npz").write_bytes((folder / "damaged" / "checkpoint.npz").read_bytes()[:-5000])
    (folder / "lost" / "checkpoint.npz").unlink()
    table.features.assign(target=1 - table.target).to_csv(folder / "other" / "xd6.csv", index=False)
    before = contents(folder)
    for arguments, words in WRONG:
        code, out, err = run(*arguments)
        assert (code, out) == (3 if arguments[-1] in DAMAGED else 2, ""), arguments
        assert words in err.replace("\n", " "), (arguments, err)
        assert "Traceback" not in err
        assert len(err.strip().splitlines()) <= (4 if err.startswith("Usage") else 1), err
        assert contents(folder) == before, arguments


def test_rows_that_train_and_judge_alike_are_said_to(run, folder):
    (folder / "names.csv").write_text("x,target\n" + "".join(f"{k},name{k}\n" for k in range(12)))
    code, _, err = run("evolve", "names.csv", *TINY)
    assert code == 0 and "the same rows train and judge" in err
    assert "the same rows" not in run("evolve", "xd6", *TINY)[2]


def test_a_data_set_that_no_checksum_guards_is_said_so_where_it_is_used(run, folder):
    load_table("xd6").features.assign(target=load_table("xd6").target).to_csv("x.tsv", sep="\t", index=False)
    (folder / "yeast").mkdir()
    (folder / "yeast" / "yeast.tsv.gz").write_bytes(gzip.compress((folder / "x.tsv").read_bytes()))
    line = "yeast: the catalogue has no checksum of this data set, so its file is taken as it is."
    code, out, err = run("evolve", "yeast", *TINY, "--data-dir", ".", "--out", "a", "--json")
    assert (code, json.loads(out)["source"], err.splitlines().count(line)) == (0, "PMLB, not checked", 1)
    assert run("predict", "a/champion.json", "yeast", "--data-dir", ".")[2] == line + "\n"
    _, _, err = run("benchmark", "--datasets", "yeast,x.tsv,monk1", "--methods", "propneat", "--data-dir", ".", "--dry-run")
    assert err.splitlines().count(line) == err.count("no checksum") == 1
    code, out, err = run("evolve", "xd6", *TINY, "--out", "b", "--json")
    assert (json.loads(out)["source"], "checksum" in err) == ("embedded in propneat", False)


def test_many_classes_are_said_with_their_rows_and_the_way_out(run, folder):
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},P{k:03},Q{k % 20}" for k, (a, b) in enumerate(rng.normal(size=(60, 2)))]
    (folder / "people.csv").write_text("a,b,id,group\n" + "\n".join(rows) + "\n")
    code, _, err = run("evolve", "people.csv", "--target", "id", *TINY, "--generations", "1")
    (line,) = [line for line in err.splitlines() if line.startswith("'id' has")]
    # 22 inputs: two numbers and the twenty groups
    assert code == 0
    assert line.startswith("'id' has 60 classes, 1.0 rows each on average, and the first networks about 1,320 connections: ")
    assert "--target" in line and "--task regression" in line
    assert "has 20 classes" not in run("evolve", "people.csv", "--target", "group", *TINY, "--generations", "1")[2]


def test_kernels_are_said_to_compile_when_they_do_and_not_when_it_is_slow(monkeypatch):
    from numba.core import event

    monkeypatch.setattr("propneat.cli.run_view._SECONDS_OF_COMPILING", 0.05)
    said = []
    with say_when_compiling("compiling", said.append):
        time.sleep(0.15)
        with event.trigger_event("numba:compile"):
            pass
        time.sleep(0.15)
    assert said == []
    with say_when_compiling("compiling", said.append):
        for _ in range(2):
            with event.trigger_event("numba:compile"), event.trigger_event("numba:compile"):
                time.sleep(0.15)
    assert said == ["compiling"]


def test_compiling_is_said_the_first_time_and_no_more(folder):
    (folder / "warm_up.py").write_text(_COMPILE_AND_WARM_UP)
    command = [sys.executable, "warm_up.py"]
    first, again = (
        subprocess.run(command, env=os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache")}, capture_output=True, text=True)
        for _ in range(2)
    )
    assert (first.returncode, again.returncode) == (0, 0), first.stderr
    assert first.stderr.splitlines() == ["Compiling kernels, once per installation: ten to twenty seconds ..."]
    assert again.stderr == ""


def test_a_folder_that_another_process_writes_is_left_to_it(run, folder):
    run("evolve", "xd6", *TINY, "--out", "a")
    before = contents(folder)
    code = "import sys; from pathlib import Path; from propneat.run.folder import RunFolder\n"
    code += "with RunFolder(Path('a')).held(): print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        for arguments in (("--resume", "a", "--generations", "9"), ("xd6", *TINY, "--out", "a", "--force")):
            code, out, err = run("evolve", *arguments)
            assert (code, out) == (4, "") and "another process is writing a" in err and contents(folder) == before
        other.stdin.close()
    assert run("evolve", "--resume", "a", "--generations", "3")[0] == 0


def test_a_finished_run_resumed_says_so_and_changes_nothing(run, folder):
    _, first, _ = run("evolve", "xd6", *TINY, "--out", "a")
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (folder / "a").iterdir()}
    code, out, err = run("evolve", "--resume", "a")
    assert (code, out) == (0, first)
    assert "finished" in err
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (folder / "a").iterdir()} == before


@pytest.mark.parametrize("name", ["champion.json", "network.svg", "history.csv", "summary.json", "half a summary"])
def test_what_is_missing_of_a_finished_run_is_made_again(run, folder, name):
    run("evolve", "xd6", *TINY, "--out", "a")
    before = {path.name: path.read_bytes() for path in (folder / "a").iterdir()}
    if name == "half a summary":
        summary = json.loads(before["summary.json"])
        for key in ("test", "seconds"):
            (folder / "a" / "summary.json").write_text(json.dumps({k: v for k, v in summary.items() if k != key}))
            code, out, err = run("evolve", "--resume", "a")
            assert (code, "nothing is left to do" in err) == (0, False) and "held out" in out
    else:
        (folder / "a" / name).unlink()
        assert run("evolve", "--resume", "a", "--quiet")[0] == 0
    after = {path.name: path.read_bytes() for path in (folder / "a").iterdir()}
    timed = ("progress.png", "progress.svg", "summary.json", "timing.csv")
    assert sorted(after) == sorted(before) == [name for name in FILES if name != "report.html"]
    assert all(after[each] == before[each] for each in before if each not in timed)
    assert "nothing is left to do" in run("evolve", "--resume", "a")[2]


def test_default_folders_asked_for_at_once_are_all_different(folder):
    """Four processes begin at one moment, each having seen every name free."""
    code = """
import sys
from pathlib import Path
from propneat.run.folder import claim_folder
from propneat.run.folder import default_run_folders
paths = default_run_folders(Path("results"), "monk1", 0)
first = next(paths)
print(first, flush=True)
sys.stdin.readline()
from itertools import chain
print(claim_folder(chain([first], paths), "seed = 0").path, flush=True)
"""
    start = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", code], **start) for _ in range(4)]
    assert {process.stdout.readline().strip() for process in processes} == {"results/monk1-seed0"}
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    made = sorted(process.communicate(timeout=60)[0].strip() for process in processes)
    assert made == sorted(["results/monk1-seed0", *(f"results/monk1-seed0-{k}" for k in range(2, 5))])


def test_a_run_in_a_folder_whose_name_is_not_text(run, folder):
    name = b"out\xff".decode(errors="surrogateescape")
    code, out, _ = run("evolve", "xd6", *TINY, "--out", name, "--json", "--quiet")
    assert code == 0
    assert json.loads(out)["folder"] == json.loads((folder / name / "summary.json").read_text())["folder"] == name
    assert run("evolve", "--resume", name)[0] == 0


def test_more_generations_end_as_if_they_had_been_asked_for_at_once(run, folder):
    run("evolve", "xd6", *TINY, "--out", "a")
    code, _, _ = run("evolve", "--resume", "a", "--generations", "5")
    run("evolve", "xd6", *TINY, "--generations", "5", "--out", "b")
    assert code == 0
    assert outcome(folder / "a") == outcome(folder / "b")
    assert tomllib.loads((folder / "a" / "config.toml").read_text())["generations"] == 5


@pytest.fixture
def hearing():
    """SIGHUP as a terminal's programs have it, also where the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hearing")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_stops_after_the_generation_keeps_what_is_done_and_can_be_resumed(run, folder, monkeypatch, number, code):
    options = ("evolve", "xd6", *TINY, "--generations", "4")
    run(*options, "--out", "whole")
    show = RunView.__call__

    def interrupted(view: RunView, state: object) -> None:
        show(view, state)
        if len(state.history) == 2:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(RunView, "__call__", interrupted)
    handlers = [signal.getsignal(known) for known in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    found, out, err = run(*options, "--out", "cut", "--report", "--json")
    assert found == code
    assert "propneat evolve --resume cut" in err
    assert (json.loads(out)["finished"], json.loads(out)["generations"]) == (False, 2)
    assert sorted(path.name for path in (folder / "cut").iterdir()) == FILES
    assert [signal.getsignal(known) for known in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == handlers
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    found, _, err = run("evolve", "--resume", "cut")
    assert found == 0
    assert "Continuing cut" in err
    assert outcome(folder / "cut") == outcome(folder / "whole")


def test_a_run_begun_but_not_through_a_generation_is_resumed_from_the_start(run, folder):
    run("evolve", "xd6", *TINY, "--out", "whole")
    (folder / "cut").mkdir()
    (folder / "cut" / "config.toml").write_bytes((folder / "whole" / "config.toml").read_bytes())
    (folder / "cut" / ".checkpoint.npz.x1y2.part").write_bytes(b"half a file")
    code, _, _ = run("evolve", "--resume", "cut", "--report")
    assert code == 0
    assert outcome(folder / "cut") == outcome(folder / "whole")
    assert sorted(path.name for path in (folder / "cut").iterdir()) == FILES


def test_a_run_killed_at_any_moment_and_resumed_ends_with_the_same_bytes(run, folder):
    options = [
        "evolve",
        "wine_recognition",
        "--generations",
        "12",
        "--populations",
        "1",
        "--population",
        "30",
        "--fine-tune-epochs",
        "30",
    ]
    run(*options, "--out", "whole")
    moments, checkpoint = np.random.default_rng(0), folder / "cut" / "checkpoint.npz"
    command = [*options, "--out", "cut"]
    for during_write in (False, True, False):
        before = checkpoint.stat().st_ino if checkpoint.exists() else None
        process = subprocess.Popen([sys.executable, "-m", "propneat", *command, "--quiet"], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < end:
            is_writing = during_write and any(folder.glob("cut/.checkpoint.*.part"))
            if is_writing or (not during_write and checkpoint.exists() and checkpoint.stat().st_ino != before):
                break
        time.sleep(0.0 if during_write else float(moments.uniform(0, 0.3)))
        process.kill()
        process.wait()
        command = ["evolve", "--resume", "cut"]
    code, _, _ = run(*command)
    assert code == 0
    assert outcome(folder / "cut") == outcome(folder / "whole")


def test_help_starts_with_examples_and_is_made_without_heavy_imports():
    heavy = ("torch", "numba", "sklearn", "pandas", "matplotlib", "numpy")
    code = (
        "import sys, propneat.cli.main as m; m._run([sys.argv[1], '--help']); print(sorted(set(sys.argv) & set(sys.modules)))"
    )
    for name in ("evolve", "predict", "show", "export", "init"):
        done = subprocess.run([sys.executable, "-c", code, name, *heavy], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]"
        assert done.stdout.index("Examples:") < done.stdout.index("The table:" if name == "evolve" else "Options:")


def test_help_shows_folders_as_they_are_made(run):
    shown = [re.findall(r"\S+(?=/champion.json)", run(*command, "--help")[1]) for command in ([], ["predict"], ["show"])]
    assert shown == [[str(next(default_run_folders(Path("results"), "patients", 0)))]] * 3
