"""Several runs in one folder, lists and comparisons of runs, and the options that say which rows and classes are meant."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest

import propneat.cli.evolve as cli_evolve
import propneat.data.files as files
import propneat.run.life as life
from propneat.base.errors import ConfigError
from propneat.cli.evolve_options import DEFAULTS, SETTINGS
from propneat.cli.reading import READING_KEYS
from propneat.data.split import fold_rows
from propneat.model import load_model
from propneat.run import prepare_run
from propneat.run.data import RunData
from propneat.settings.file import Settings, resolve_settings, to_layer
from propneat.stats import nadeau_bengio

pytestmark = pytest.mark.usefixtures("folder")

TINY = (
    "--generations",
    "1",
    "--populations",
    "1",
    "--population",
    "8",
    "--fine-tune-epochs",
    "5",
    "--prune-epochs",
    "1",
    "--quiet",
)


def write_people(path: Path) -> pandas.DataFrame:
    rng = np.random.default_rng(0)
    height = rng.normal(170, 10, 90)
    ill = np.where(height + rng.normal(0, 4, 90) > 170, "ill", "well")
    table = pandas.DataFrame(
        {"patient": [f"p{k}" for k in range(90)], "height": height.round(1), "noise": rng.normal(size=90), "state": ill}
    )
    table.to_csv(path, index=False)
    return table


def test_folds_are_even_apart_and_all_of_the_rows():
    rng = np.random.default_rng(0)
    for stratified in (True, False):
        target = rng.integers(0, 4, 103)
        target[7] = 9
        held = [fold_rows(target, 5, fold, stratified, np.random.default_rng(1)) for fold in range(1, 6)]
        judged = np.concatenate([judge for _, judge in held])
        assert len(judged) == len(set(judged.tolist())) == (102 if stratified else 103)
        for learn, judge in held:
            assert sorted([*learn, *judge]) == list(range(103)) and abs(len(judge) - 103 / 5) < 1
            if stratified:
                assert 9 in target[learn]
                assert all(abs((target[judge] == k).sum() - (target == k).sum() / 5) < 1 for k in range(4))


def test_a_cross_validation_holds_every_row_out_once_and_gives_means(run):
    table = write_people(Path("people.csv"))
    code, out, _ = run("evolve", "people.csv", "--target", "state", "--id", "patient", *TINY, "--cv", "3")
    result = json.loads(Path("results/people-cv3/series.json").read_text())
    assert code == 0 and result["finished"] and "mean and standard deviation over 3 runs" in out
    parts = [held_out(f"results/people-cv3/fold{k}") for k in (1, 2, 3)]
    rows = [index for part in parts for index in part.test_target.index]
    assert sorted(rows) == list(range(len(table)))
    scores = [one["test"]["auc"] for one in result["runs"]]
    assert result["mean"]["auc"]["mean"] == pytest.approx(np.mean(scores))
    assert result["mean"]["auc"]["deviation"] == pytest.approx(np.std(scores, ddof=1))
    beside = result["baselines"][0]
    own = [
        json.loads(Path(f"results/people-cv3/fold{k}/summary.json").read_text())["baselines"][0]["test"]["auc"]
        for k in (1, 2, 3)
    ]
    gaps = np.array(scores) - own
    assert beside["network_less_it"]["auc"]["p_value"] == pytest.approx(nadeau_bengio(gaps, 1 / 3).p_value)


def held_out(path: str) -> RunData:
    from propneat.run.folder import RunFolder
    from propneat.run.life import settings_of_run

    return prepare_run(settings_of_run(RunFolder(Path(path)), {}))


def test_seeds_are_runs_of_their_own_and_what_was_stopped_goes_on(run):
    write_people(Path("people.csv"))
    asked = ("people.csv", "--target", "state", "--drop", "patient", *TINY, "--no-report")
    assert run("evolve", *asked, "--seeds", "2", "--seed", "4", "--out", "s")[0] == 0
    assert run("evolve", *asked, "--seed", "5", "--out", "single")[0] == 0
    assert Path("s/seed5/champion.json").read_bytes() == Path("single/champion.json").read_bytes()
    before = {name: Path(f"s/{name}/champion.json").read_bytes() for name in ("seed4", "seed5")}
    # as if the second had been stopped before it was done, and its files were not there
    summary = json.loads(Path("s/seed4/summary.json").read_text())
    for file in Path("s/seed5").iterdir():
        file.unlink()
    code, out, _ = run("evolve", "--resume", "s", "--quiet", "--json")
    assert not Path("s/seed5/report.html").exists(), "what was said of the report is kept"
    assert code == 0 and json.loads(out)["finished"] and len(json.loads(out)["runs"]) == 2
    assert {name: Path(f"s/{name}/champion.json").read_bytes() for name in before} == before
    assert json.loads(Path("s/seed4/summary.json").read_text()) == summary
    for wrong, words in [
        (("--resume", "s", "--epochs", "3"), "leave --epochs out"),
        ((*asked, "--seeds", "2", "--out", "s"), "s is not empty"),
        ((*asked, "--seeds", "2", "--cv", "2"), "give one of them"),
        ((*asked, "--cv", "1"), "1 is not in the range"),
        ((*asked, "--cv", "91", "--out", "t"), "91 folds need as many rows that can be held out, and there are 90"),
        ((*asked, "--seeds", "2", "--time-budget", "5s"), "is for a single run"),
    ]:
        code, _, err = run("evolve", *wrong)
        assert code == 2 and words in err and "Traceback" not in err
    assert not Path("t").exists()
    Path("s/series.json").write_text("{")
    assert run("evolve", "--resume", "s")[0] == 2


@pytest.mark.parametrize("way", [("--seeds", "3"), ("--cv", "3")])
def test_the_table_is_read_once_and_each_run_is_prepared_once(run, monkeypatch, way):
    write_people(Path("people.csv"))
    called = []
    for place, name in ((files, "read_columns"), (life, "prepare_run"), (cli_evolve, "_warm_up")):

        def counted(*arguments, call=getattr(place, name), name=name, **options):
            called.append((name, Path("runs").exists()))
            return call(*arguments, **options)

        monkeypatch.setattr(place, name, counted)
    code, _, err = run("evolve", "people.csv", "--target", "state", "--out", "runs", *way, *TINY, "--no-report")
    assert code == 0, err
    assert [name for name, _ in called] == ["read_columns", *["prepare_run", "_warm_up"] * 3]
    # the folder is made when the first run can no longer be refused
    assert [there for _, there in called] == [False] * 3 + [True] * 4
    called.clear()
    assert run("evolve", "--resume", "runs", "--quiet")[0] == 0
    assert called == []


def test_runs_are_listed_and_compared(run):
    write_people(Path("people.csv"))
    asked = ("people.csv", "--target", "state", "--drop", "patient", *TINY, "--no-report")
    assert run("evolve", *asked, "--out", "runs/a")[0] == run("evolve", *asked, "--l2", "30", "--out", "runs/b")[0] == 0
    assert run("evolve", *asked, "--seed", "1", "--out", "runs/c")[0] == 0
    listed = json.loads(run("runs", "runs", "--json")[1])
    assert [row["folder"] for row in listed] == ["runs/a", "runs/b", "runs/c"]
    assert all(row["state"] == "finished" and row["rows"] == 90 for row in listed)
    Path("runs/c/summary.json").unlink()
    assert "begun" in run("runs", "runs")[1] and run("runs", "nowhere")[0] == 2
    found = json.loads(run("compare", "runs/a", "runs/b", "--json")[1])
    assert found["same_test_rows"] and found["settings"] == {"training.l2": [1.0, 30.0]}
    a, b = (load_model(f"runs/{name}/champion.json") for name in "ab")
    data = held_out("runs/a")
    losses = [
        -np.log(
            model.predict_proba(data.test_features)[np.arange(data.n_test), [model.classes.index(y) for y in data.test_target]]
        ).mean()
        for model in (a, b)
    ]
    assert found["first_less_second"]["log_loss"]["value"] == pytest.approx(losses[0] - losses[1])
    code, out, _ = run("compare", "runs/a", "runs/b")
    assert code == 0 and "training.l2" in out and "p = " in out
    code, _, err = run("compare", "runs/a", "runs/c")
    assert code == 2 and "has no results yet" in err
    assert run("evolve", "--resume", "runs/c", "--quiet", "--no-report")[0] == 0
    assert "held out other rows" in run("compare", "runs/a", "runs/c")[1]


def test_the_positive_class_is_the_one_whose_probability_is_told(run):
    write_people(Path("people.csv"))
    asked = ("people.csv", "--target", "state", "--drop", "patient", *TINY, "--no-report")
    assert run("evolve", *asked, "--out", "usual")[0] == run("evolve", *asked, "--positive", "ill", "--out", "ill")[0] == 0
    assert load_model("usual/champion.json").classes == ("ill", "well")
    model = load_model("ill/champion.json")
    assert model.classes == ("well", "ill") and model.output_names == ["state=ill"]
    data = held_out("ill")
    right = (model.predict(data.test_features) == data.test_target.to_numpy()).mean()
    assert right > 0.7
    for positive, words in (("dead", "positive must be 'ill' or 'well'"), ("5", "positive must be")):
        code, _, err = run("evolve", *asked, "--positive", positive, "--out", "x")
        assert code == 2 and words in err and not Path("x").exists()
    with pytest.raises(ConfigError, match="one of two classes, and the task is regression"):
        prepare_run(
            resolve_settings([{"data": {"source": "people.csv", "target": "height", "drop": ("patient",), "positive": "a"}}])
        )


def test_a_column_of_names_is_not_learnt_from_and_stands_beside_the_answers(run, monkeypatch):
    table = write_people(Path("people.csv"))
    assert run("evolve", "people.csv", "--target", "state", "--id", "patient", *TINY, "--no-report", "--out", "a")[0] == 0
    assert "patient" not in load_model("a/champion.json").preprocessor.features
    answers = pandas.read_csv(io.StringIO(run("predict", "a/champion.json", "people.csv", "--proba")[1]))
    assert list(answers["patient"]) == list(table["patient"]) and list(answers)[1] == "prediction"
    table.drop(columns="patient").to_csv("nameless.csv", index=False)
    assert run("predict", "a/champion.json", "nameless.csv")[1].startswith("prediction")
    again = pandas.read_csv(io.StringIO(run("predict", "a/champion.json", "people.csv", "--id", "height")[1]))
    assert list(again) == ["height", "prediction"]
    code, _, err = run("predict", "a/champion.json", "people.csv", "--id", "shoe")
    assert code == 2 and "no column 'shoe'" in err
    code, _, err = run("evolve", "people.csv", "--target", "state", "--id", "state", *TINY)
    assert code == 2 and "cannot be the target" in err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path("people.csv").read_bytes())))
    assert run("predict", "a/champion.json", "-", "--proba")[1] == run("predict", "a/champion.json", "people.csv", "--proba")[1]


def test_a_table_from_stdin_is_kept_beside_its_run(run, monkeypatch):
    write_people(Path("people.csv"))
    content = Path("people.csv").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert run("evolve", "-", "--target", "state", *TINY, "--out", "runs/a")[0] == 0
    (kept,) = Path("runs").glob("stdin-*.csv")
    assert kept.read_bytes() == content
    assert run("report", "runs/a")[0] == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    code, _, err = run("evolve", "-", "--target", "state", *TINY)
    assert code == 2 and "stdin holds no table" in err


def test_a_dry_run_speaks_of_sequences(run):
    rows = [
        f"{walk},{step},{step * walk % 3},{'up' if walk % 2 else 'down'}" for walk in range(24) for step in range(3 + walk % 2)
    ]
    Path("walks.csv").write_text("\n".join(["walk,second,x,who", *rows]) + "\n")
    asked = ("walks.csv", "--target", "who", "--sequence-id", "walk", "--time", "second", "--dry-run")
    code, out, _ = run("evolve", *asked)
    assert code == 0 and "24 of 3 to 4 steps" in out and "sequences of each class: down (12), up (12)" in out
    assert "steps of each" in out and "rows of each" not in out
    assert json.loads(run("evolve", *asked, "--json")[1])["notes"][0].startswith("sequences: 24 ")
    Path("walks.csv").write_text(Path("walks.csv").read_text() + "0,9,1,up\n")
    code, _, err = run("evolve", *asked)
    assert code == 2 and "one answer for a sequence" in err


def test_an_error_speaks_of_the_variable_that_the_value_came_from(run, monkeypatch):
    monkeypatch.setenv("PROPNEAT_SEED", "-5")
    code, _, err = run("evolve", "xd6", *TINY)
    assert code == 2 and "PROPNEAT_SEED" in err and "--seed" not in err.replace("'--help'", "")
    code, _, err = run("evolve", "xd6", *TINY, "--seed", "-3")
    assert code == 2 and "'--seed'" in err


def test_help_stands_in_groups_with_defaults(run):
    code, out, _ = run("evolve", "--help")
    heads = ["The table:", "The search:", "Training:", "The folder:", "Help:"]
    assert code == 0 and [out.index(head) for head in heads] == sorted(out.index(head) for head in heads)
    assert "[default: 50]" in " ".join(out.split()) and "--help" in out
    layer = to_layer(Settings())
    places = SETTINGS | {key: ("data", key) for key in READING_KEYS}
    values = {option: (layer[section] if section else layer)[key] for option, (section, key) in places.items()}
    given = {option: value for option, value in values.items() if value is not None and value != ()}
    assert given.keys() == DEFAULTS.keys()
    for option, value in given.items():
        words = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
        told = ",".join(filter(None, value)) if isinstance(value, tuple) else str(words)
        assert DEFAULTS[option] == told
