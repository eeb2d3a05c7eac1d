"""How a table is read, as a person sees it: shown before training, said in a run, stored, and applied by predict."""

import json

import numpy as np
import pandas
import pytest


def write_houses(path, n_rows: int = 120) -> pandas.DataFrame:
    """A table with an index, a currency, a stray text, a date, padded texts, and a target in dollars, some of it missing."""
    rng = np.random.default_rng(0)
    size = rng.uniform(50, 250, n_rows)
    frame = pandas.DataFrame(
        {
            "Id": range(1, n_rows + 1),
            "size": [f"{value:.1f}" if row % 40 else "n.a." for row, value in enumerate(size)],
            "sold": [f"{1 + row % 28:02d}/{1 + row % 12:02d}/2020" for row in range(n_rows)],
            "street": rng.choice(["Pave ", "Grvl", "NA"], n_rows),
            "price": [f"${1000 * value:,.2f}" if row % 60 != 1 else "" for row, value in enumerate(size)],
        }
    )
    frame.to_csv(path, index=False)
    return frame


def write_sequences(folder) -> None:
    """A tide of one series, walks of one answer each, and a network of another table."""
    steps = np.arange(60)
    pandas.DataFrame({"day": steps, "level": np.sin(steps / 3).round(4)}).to_csv(folder / "tide.csv", index=False)
    walks = np.repeat(np.arange(24), 4)
    told = pandas.DataFrame({"walk": walks, "x": np.arange(96) % 7, "who": np.where(walks % 2, "up", "down")})
    told.to_csv(folder / "walks.csv", index=False)


TIDE = ("tide.csv", "--next-step", "level", "--time", "day")
WALKS = ("walks.csv", "--target", "who", "--sequence-id", "walk")
SMALL = ("--generations", "1", "--populations", "1", "--population", "6", "--no-report", "--quiet")
HOUSES = ("houses.csv", "--target", "price")


@pytest.mark.parametrize(
    "asked",
    [
        (*TIDE, "--cv", "3"),
        (*TIDE, "--class-weight", "balanced"),
        (*TIDE, "--test-fraction", ".99"),
        (*TIDE, "--seeds", "2", "--test-fraction", ".99"),
        (*TIDE, "--engine", "padded"),
        (*TIDE, "--answer", "mean"),
        (*WALKS, "--test-fraction", ".95"),
        (*WALKS, "--positive", "left"),
        (*WALKS, "--engine", "layered", "--memory-budget", "1MiB"),
        (*HOUSES, "--test-fraction", ".99"),
        (*HOUSES, "--class-weight", "balanced"),
        (*HOUSES, "--positive", "1"),
        (*HOUSES, "--answer", "mean"),
        (*HOUSES, "--memory-budget", "1"),
        (*HOUSES, "--device", "cuda"),
        (*HOUSES, "--loss", "bce"),
        (*HOUSES, "--start", "other.json"),
        (*HOUSES, "--engine", "padded", "--device", "no such device"),
        (*HOUSES, "--out", "taken"),
        (*HOUSES, "--out", "taken", "--seeds", "2"),
        (*HOUSES, "--executor", "dask", "--address", "rubbish"),
    ],
    ids=lambda asked: " ".join(asked),
)
def test_a_dry_run_refuses_what_the_run_refuses(run, folder, asked):
    write_houses(folder / "houses.csv")
    write_sequences(folder)
    (folder / "taken").mkdir()
    (folder / "taken" / "file").touch()
    before = sorted(folder.rglob("*"))
    code, out, said = run("evolve", *asked, *SMALL)
    assert (code, out) == (2, "") and said.startswith("Error: ") and said.count("\n") == 1
    assert run("evolve", *asked, *SMALL, "--dry-run") == (code, out, said)
    assert sorted(folder.rglob("*")) == before


def test_a_dry_run_of_a_run_to_resume_refuses_what_that_refuses(run, folder):
    write_sequences(folder)
    assert run("evolve", *TIDE, *SMALL, "--out", "one")[0] == 0
    assert run("evolve", *TIDE, *SMALL, "--out", "two", "--seeds", "2")[0] == 0
    for asked in (("one", "--population", "7"), ("two", "--population", "7"), ("one", "--start", "other.json")):
        code, out, said = run("evolve", "--resume", *asked, "--quiet")
        assert code != 0 and out == ""
        assert run("evolve", "--resume", *asked, "--quiet", "--dry-run") == (code, out, said)
    for folder_name in ("one", "two"):
        assert "the last 15 held out" in run("evolve", "--resume", folder_name, "--dry-run")[1]
    pandas.read_csv("tide.csv")[:50].to_csv("tide.csv", index=False)
    for folder_name in ("one", "two"):
        code, _, said = run("evolve", "--resume", folder_name, "--quiet")
        told = run("evolve", "--resume", folder_name, "--quiet", "--dry-run")
        # runs that are finished are left as they are
        assert code == {"one": 2, "two": 0}[folder_name] and (told[0], told[2]) == (code, said)


@pytest.mark.parametrize("way", [(), ("--seeds", "2"), ("--cv", "2")])
def test_a_dry_run_calls_no_kernel_that_trains_and_starts_no_process(run, folder, monkeypatch, way):
    write_houses(folder / "houses.csv")

    def refuse(*_, **__):
        raise AssertionError("this takes long where it is compiled first")

    monkeypatch.setattr("propneat.training.kernel_engine.train", refuse)
    monkeypatch.setattr("propneat.base.second_process._started", refuse)
    code, out, _ = run("evolve", *HOUSES, *SMALL, *way, "--dry-run")
    assert code == 0 and "target 'price'" in out
    with pytest.raises(AssertionError, match="takes long"):
        run("evolve", *HOUSES, *SMALL)


def test_a_dry_run_shows_the_plan_and_trains_nothing(run, folder):
    write_houses(folder / "houses.csv")
    code, out, _ = run("evolve", "houses.csv", "--target", "price", "--dry-run")
    assert code == 0
    assert [path.name for path in folder.iterdir()] == ["houses.csv"]
    for line in (
        "2 of 120 rows left out: they have no target 'price'",
        "target 'price': a number to predict",
        "Id: left out, its whole numbers only count the rows",
        "3 cells of 120 that hold no number read as missing ('n.a.')",
        "sold: dates such as '01/01/2020'",
        "street: 'NA' in",
    ):
        assert line in out
    code, out, _ = run(
        "evolve", "houses.csv", "--target", "price", "--dry-run", "--json", "--drop", "sold", "--missing", "n.a."
    )
    facts = json.loads(out)
    kinds = {row["column"]: row["read_as"] for row in facts["columns"]}
    assert kinds == {"Id": "dropped", "size": "number", "sold": "dropped", "street": "category"}
    assert facts["task"] == "regression" and facts["target"]["prefix"] == "$"
    assert next(row for row in facts["columns"] if row["column"] == "street")["distinct"] == 3


def test_what_was_decided_is_said_stored_and_applied(run, folder):
    frame = write_houses(folder / "houses.csv")
    sizes = ["--generations", "2", "--population", "10", "--seed", "1", "--out", "r"]
    code, out, err = run("evolve", "houses.csv", "--target", "price", "--categories", "street", *sizes)
    assert code == 0 and "Id: left out" in err and "2 of 120 rows left out" in err
    summary = json.loads((folder / "r" / "summary.json").read_text())
    assert any(line.startswith("sold: dates") for line in summary["reading"])
    document = json.loads((folder / "r" / "champion.json").read_text())
    columns = {column["name"]: column for column in document["model"]["preprocessing"]["columns"]}
    assert columns["sold"] == {"name": "sold", "kind": "date", "format": "%d/%m/%Y"}
    assert columns["Id"]["kind"] == "dropped" and document["model"]["target_column"]["prefix"] == "$"
    assert 'categories = ["street"]' in (folder / "r" / "config.toml").read_text()
    frame.drop(columns=["Id", "price"]).assign(size="9e9", street="Mud").to_csv(folder / "new.csv", index=False)
    code, out, err = run("predict", "r/champion.json", "new.csv", "--json")
    answers = json.loads(out)
    scale = document["model"]["target_scale"]
    assert code == 0 and all(scale["low"] <= answer <= scale["high"] for answer in answers["prediction"])
    used = {rule["feature"] for rule in document["model"]["preprocessing"]["rules"]}
    assert ("size: 120 cells of 120 lie outside" in err) == any("size: 120" in note for note in answers["notes"])
    assert {"size", "street", "sold"} == used
    code, out, err = run("predict", "r/champion.json", "houses.csv", "--score")
    assert code == 0 and "2 of 120 rows have no target 'price' and are not scored" in err and "r2" in out


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet", ".feather", ".xlsx", ".jsonl"])
def test_answers_are_written_by_the_ending(run, folder, ending):
    write_houses(folder / "houses.csv")
    run("evolve", "houses.csv", "--target", "street", "--generations", "1", "--population", "8", "--out", "r", "--quiet")
    code, _, err = run("predict", "r/champion.json", "houses.csv", "--proba", "--out", f"answers{ending}")
    assert code == 0 and "120 answers written" in err
    readers = {".parquet": pandas.read_parquet, ".feather": pandas.read_feather, ".xlsx": pandas.read_excel}
    readers |= {".tsv": lambda path: pandas.read_csv(path, sep="\t"), ".jsonl": lambda path: pandas.read_json(path, lines=True)}
    found = readers.get(ending, pandas.read_csv)(folder / f"answers{ending}")
    assert list(found.columns) == ["prediction", "probability_Grvl", "probability_Pave"]
    assert set(found["prediction"]) <= {"Grvl", "Pave"} and len(found) == 120


def test_a_table_without_a_header_is_trained_and_answered(run, folder):
    rows = "".join(f"{number / 7:.3f},{number % 5},{number % 2}\n" for number in range(60))
    (folder / "bare.csv").write_text(rows)
    code, _, err = run("evolve", "bare.csv", "--target", "column 3")
    assert code == 2 and "looks like a row of data" in err and "--no-header" in err
    few = ["--generations", "1", "--population", "8", "--out", "r", "--quiet"]
    assert run("evolve", "bare.csv", "--target", "column 3", "--no-header", *few)[0] == 0
    code, out, _ = run("predict", "r/champion.json", "bare.csv")
    assert code == 0 and len(out.splitlines()) == 61


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--drop", "siez"], "drop names the column 'siez', and the table has none of that name: did you mean 'size'?"),
        (["--decimal", ";"], "decimal must be '.' or ','"),
        (["--delimiter", "ab"], "delimiter must be one character"),
        (["--encoding", "klingon"], "there is no encoding 'klingon'"),
        (["--dates", "street"], "column 'street' holds no dates"),
        (["--max-levels", "0"], "max_levels must be 1 or more"),
    ],
)
def test_wrong_reading_options_are_one_sentence(run, folder, options, words):
    write_houses(folder / "houses.csv")
    for command in (("evolve", "houses.csv", "--dry-run"), ("datasets", "info", "houses.csv")):
        code, out, err = run(*command, "--target", "price", *options)
        assert (code, out) == (2, "")
        assert words in err and "Traceback" not in err
