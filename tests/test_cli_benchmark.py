"""`propneat benchmark`: what it writes, what it refuses, that it goes on where it stopped, and what its tools say."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas
import pytest

from propneat.base.errors import ConfigError
from propneat.benchmark import BenchmarkConfig, Protocol, create_store, make_plan, open_store
from propneat.cli.benchmark_view import count_workers
from propneat.methods import METHODS

pytestmark = pytest.mark.usefixtures("folder")

GOOD = ("--datasets", "parity5,mux6", "--methods", "bench_methods:GOOD,logistic-regression", "--folds", "2", "--workers", "1")

ENSEMBLE = "propneat-ensemble"


def test_a_run_writes_store_and_report_and_the_same_command_adds_nothing(run, folder):
    code, out, err = run("benchmark", *GOOD, "--out", "r", "--json")
    summary = json.loads(out)
    assert code == 0 and {row["method"] for row in summary["methods"]} == {"bench_methods:GOOD", "logistic-regression"}
    assert {"results.sqlite", "report.html", "report.md", "report.json", "tables.tex", "figures"} <= set(os.listdir("r"))
    assert "8 done, 0 failed, 0 remaining" in err
    again = run("benchmark", *GOOD, "--out", "r", "--json", "--no-report")
    assert again[0] == 0 and again[1] == out and "8 stored before" in again[2]
    for file_format, read in (("csv", pandas.read_csv), ("parquet", pandas.read_parquet), ("json", pandas.read_json)):
        code, out, _ = run("benchmark", "export", "r", "--format", file_format)
        frame = read(out.strip())
        assert code == 0 and len(frame) == 8 and frame["auc"].between(0, 1).all()
    with open("r/results.csv", newline="") as file:
        exact = {row["key"]: float(row["auc"]) for row in csv.DictReader(file)}
    with open_store(folder / "r") as store:
        assert store.rows().set_index("key")["auc"].to_dict() == exact
    code, out, _ = run("benchmark", "status", "r", "--json")
    assert code == 0 and json.loads(out)["counts"] == {"ok": 8}


def test_files_are_learnt_from_by_the_column_named(run, folder):
    rng = np.random.default_rng(0)
    size = rng.normal(size=60)
    frame = pandas.DataFrame({"size": size, "noise": rng.normal(size=60), "sort": np.where(size > 0, "a", "b")})
    frame.assign(class_=rng.choice(["x", "y"], 60)).rename(columns={"class_": "class"}).to_csv("a.csv", index=False)
    frame.to_csv("b.csv", index=False)
    asked = ("--methods", "logistic-regression", "--folds", "2", "--workers", "1", "--no-report", "--quiet", "--out", "r")
    code, _, err = run("benchmark", "--datasets", "a.csv:class,a.csv,b.csv", "--target", "sort", *asked)
    with open_store(folder / "r") as store:
        means = store.rows().groupby("dataset")["auc"].mean()
    assert code == 0, err
    assert set(means.index) == {"a.csv:class", "a.csv:sort", "b.csv:sort"} and means["b.csv:sort"] > 0.95 > means["a.csv:class"]
    for wrong, words in [
        (("--target", "sort"), "--target is for files"),
        (("--datasets", "b.csv:sorts"), "did you mean 'sort'"),
    ]:
        code, _, err = run("benchmark", *wrong, *asked)
        assert code == 2 and words in err


def test_failures_are_rows_and_the_exit_code_is_one_until_they_are_retried(run, folder, monkeypatch):
    arguments = ("benchmark", "--datasets", "parity5", "--methods", "bench_methods:RAISES,bench_methods:GOOD", "--folds", "2")
    code, out, err = run(*arguments, "--out", "r", "--no-report", "--workers", "1")
    assert code == 1 and "this method always fails" in err
    code, out, err = run("benchmark", "status", "r")
    assert code == 1 and "2 error" in err
    code, _, err = run(*arguments, "--out", "r", "--no-report", "--workers", "1", "--retry", "failed")
    assert code == 1 and "2 stored before" in err


def test_shards_joined_are_the_whole(run, folder):
    for number in ("1", "2"):
        assert run("benchmark", *GOOD, "--shard", f"{number}/2", "--out", f"s{number}", "--no-report", "--quiet")[0] == 0
    assert run("benchmark", *GOOD, "--out", "whole", "--no-report", "--quiet")[0] == 0
    code, out, err = run("benchmark", "merge", "all", "s1", "s2")
    assert (code, out) == (0, "all\n")
    tables = []
    for name in ("all", "whole"):
        with open_store(folder / name) as store:
            tables.append(store.rows()[["key", "status", "auc", "log_loss"]])
    assert tables[0].equals(tables[1]) and len(tables[0]) == 8


def test_a_dry_run_lists_tasks_and_writes_nothing(run, folder):
    code, out, err = run("benchmark", *GOOD, "--dry-run")
    assert code == 0 and len(out.splitlines()) == 8 and err.startswith("8 tasks") and os.listdir(folder) == []
    code, out, _ = run("benchmark", *GOOD, "--dry-run", "--json")
    assert len(json.loads(out)) == 8


WRONG = [
    (("benchmark", "--suite", "embeded"), 2, "did you mean 'embedded'"),
    (("benchmark", "--methods", "propnet"), 2, "did you mean 'propneat'"),
    (("benchmark", "--datasets", "monk9", "--methods", "neat"), 2, "monk9"),
    (("benchmark", "--protocol", "holdout"), 2, "protocol must be one of"),
    (("benchmark", "--set", "generations=3"), 2, "METHOD.OPTION=VALUE"),
    (("benchmark", "--set", "propneat.colour=3", "--datasets", "monk1"), 2, "there is no option 'colour': the options are"),
    (("benchmark", "--shard", "3/2"), 2, "I/N"),
    (("benchmark", "--executor", "dask"), 2, "go together"),
    (("benchmark", "--workers", "4000"), 2, "cores"),
    (("benchmark", "statsu", "r"), 2, "Did you mean 'status'"),
    (("benchmark", "status", "nowhere"), 4, "no benchmark results"),
    (("benchmark", "report", "nowhere"), 4, "no benchmark results"),
    (("benchmark", "report", "damaged"), 3, "may be damaged"),
    (("benchmark", "merge", "all", "nowhere"), 4, "no benchmark results"),
    (("benchmark", *GOOD[:4], "--protocol", "paper", "--out", "done"), 4, "give another --out"),
    (("benchmark", *GOOD, "--out", "damaged"), 3, "may be damaged"),
    (("benchmark", "native", "no-such"), 2, "the studies are forward-gradients, fusion-control"),
    (("benchmark", "native", "fusion-contrl"), 2, "did you mean 'fusion-control'?"),
    (("benchmark", "native", "pid-backprop"), 2, "did you mean 'fusion-control'?"),
    (("benchmark", "native", "recomputed-nn"), 2, "did you mean 'recomputation'?"),
    (("benchmark", "native", "modprop", "--out", "one.csv"), 2, "one.csv cannot be written"),
    (("benchmark", "native", "modprop", "--out", "one.csv/new"), 2, "one.csv/new cannot be written"),
    (("benchmark", "speed", "--quick", "--out", "one.csv"), 2, "one.csv"),
    (("benchmark", "speed", "--quick", "--out", "one.csv/new"), 2, "one.csv/new cannot be written"),
    (("benchmark", "--set", "propneat.generations=abc", "--datasets", "monk1"), 2, "generations must be a whole number"),
    (("benchmark", "--methods", ENSEMBLE, "--set", f"{ENSEMBLE}.n_populations=0", "--datasets", "monk1"), 2, "n_populations"),
    (("benchmark", "--set", "logistic-regression.C=foo", "--datasets", "monk1"), 2, "'C' parameter"),
    (("benchmark", "--set", "logistic-regression.maxiter=9", "--datasets", "monk1"), 2, "did you mean 'max_iter'?"),
    (("benchmark", "--datasets", ""), 2, "without a name"),
    (("benchmark", "--methods", ""), 2, "without a name"),
    (("benchmark", "--out", ""), 2, "a folder needs a name"),
    (("benchmark", "native", "vsml", "--out", ""), 2, "a folder needs a name"),
    (("benchmark", "speed", "--out", ""), 2, "a folder needs a name"),
    (("benchmark", *GOOD, "--out", "damaged/results.sqlite"), 2, "cannot be written"),
    (("benchmark", *GOOD, "--out", "blocked"), 3, "blocked/results.sqlite cannot be read"),
    (("benchmark", "export", "done", "--out", "done/results.sqlite"), 2, "is what is read here"),
    (("benchmark", "merge", "", "done"), 2, "a folder needs a name"),
    (("benchmark", "merge", "new", "done", "otherwise"), 4, "different protocols"),
    (("benchmark", "--suite", "tabmini", "--datasets", "monk1"), 2, "give one of them"),
    (("benchmark", "--protocol", "paper", "--folds", "3"), 2, "goes with --protocol cv"),
    (("benchmark", "--datasets", "parity5", "--folds", "40"), 2, "too few for 40 folds"),
    (("benchmark", "--datasets", "one.csv", "--methods", "neat"), 2, "one.csv"),
    (("benchmark", "--methods", "no_such_file:METHOD", "--datasets", "monk1"), 2, "cannot be imported"),
    (("benchmark", "status", "torn"), 3, "may be damaged"),
    (("benchmark", "report", "torn"), 3, "may be damaged"),
    (("benchmark", "export", "torn"), 3, "may be damaged"),
    (("benchmark", "merge", "done", "torn"), 3, "may be damaged"),
]


def test_wrong_input_is_one_sentence_and_leaves_everything_as_it_was(run, folder):
    (folder / "damaged").mkdir()
    (folder / "damaged" / "results.sqlite").write_bytes(b"SQLite format 3\x00" + b"rubbish" * 500)
    (folder / "damaged" / ".lock").touch()
    (folder / "one.csv").write_text("x,target\n" + "1,0\n" * 20)
    (folder / "blocked" / "results.sqlite").mkdir(parents=True)
    (folder / "blocked" / ".lock").touch()
    for name in ("done", "torn", "otherwise"):
        with create_store(folder / name) as store:
            protocol = "paper" if name == "otherwise" else "cv-5"
            store.note("configuration", {"protocol": protocol, "suites": [], "methods": {}, "limits": {}})
            store.add_plan(make_plan(BenchmarkConfig(datasets=("mux6",), methods=("neat",), protocol=Protocol("cv", 60))))
    torn = bytearray((folder / "torn" / "results.sqlite").read_bytes())
    torn[4096 * 4 :] = b"\xff" * (len(torn) - 4096 * 4)
    (folder / "torn" / "results.sqlite").write_bytes(torn)

    def contents():
        """Every file but the readable store, whose header counts openings, and what that store holds."""
        store = folder / "done" / "results.sqlite"
        readable = (store, folder / "otherwise" / "results.sqlite")
        files = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and path not in readable}
        with open_store(store.parent) as opened:
            return files, opened.meta("configuration"), len(opened.rows())

    before = contents()
    for arguments, expected, words in WRONG:
        code, out, err = run(*arguments)
        assert (code, out) == (expected, ""), (arguments, code, err)
        assert words in err.replace("\n", " ") and "Traceback" not in err, (arguments, err)
        assert contents() == before, arguments


MINE = """
from sklearn.tree import DecisionTreeClassifier
from propneat.methods import Method
METHOD = Method("mine", "a tree", lambda random_state, **options: DecisionTreeClassifier(**options), "none")
BROKEN = Method("broken", "fails", lambda random_state: Broken(), "none")
class Broken(DecisionTreeClassifier):
    def fit(self, X, y):
        raise RuntimeError("the first line\\nand the second")
"""


def test_methods_of_a_file_in_the_folder_are_found_and_say_in_one_line_what_goes_wrong(folder):
    (folder / "mine.py").write_text(MINE)
    command = [sys.executable, "-P", "-c", "from propneat.cli.main import main; main()", "benchmark", "--datasets", "parity5"]
    command += ["--folds", "2", "--workers", "1"]
    command += ["--methods", "mine:METHOD,mine:BROKEN", "--set", "mine:METHOD.max_depth=2", "--out", "r", "--no-report"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "RuntimeError: the first line and the second" in done.stderr, done.stderr
    with open_store(folder / "r") as store:
        rows = store.rows()
    assert rows.groupby("method")["status"].unique().map(list).to_dict() == {"mine:METHOD": ["ok"], "mine:BROKEN": ["error"]}
    assert set(rows["options"]) == {"{}", '{"max_depth":2}'}
    assert "mine:METHOD" in done.stdout and len(done.stdout.splitlines()) == 3


def test_workers_times_threads_never_exceed_the_cores():
    cores = len(os.sched_getaffinity(0))
    assert count_workers(None, None) == (cores, 1)
    workers, threads = count_workers(None, cores)
    assert (workers, threads) == (1, cores)
    with pytest.raises(ConfigError, match="cores"):
        count_workers(cores + 1, 1)


def test_methods_and_suites_are_listed(run):
    code, out, _ = run("benchmark", "methods", "--json")
    document = json.loads(out)
    assert [row["name"] for row in document["methods"]] == list(METHODS) and "embedded" in document["suites"]
    code, out, _ = run("benchmark", "methods")
    assert code == 0 and all(name in out for name in METHODS)


def test_an_interrupt_stops_keeps_and_goes_on(folder):
    here = os.path.dirname(__file__)
    command = [
        sys.executable,
        "-m",
        "propneat",
        "benchmark",
        "--datasets",
        "parity5,mux6,monk1",
        "--methods",
        "bench_methods:SLOW",
    ]
    command += ["--folds", "4", "--workers", "1", "--out", "r", "--no-report"]
    environment = {**os.environ, "PYTHONPATH": here}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    stored = 0
    for _ in range(600):
        time.sleep(0.1)
        if (folder / "r" / "results.sqlite").exists():
            with open_store(folder / "r") as store:
                stored = len(store.statuses())
        if stored:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130 and "Continue with the same command" in err and "Traceback" not in err
    with open_store(folder / "r") as store:
        kept = store.statuses()
    assert stored and len(kept) < 12
    again = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert again.returncode == 0 and f"{len(kept)} stored before" in again.stderr


@pytest.mark.parametrize(
    ("study", "device", "words"),
    [
        ("vsml", "cuda", "vsml works on the CPU alone: leave --device out."),
        ("modprop", "toaster", "device must be one that torch can use for float32, such as cpu, not toaster: "),
        ("forward-gradients", "meta", "device must be one that torch can use for float32, such as cpu, not meta: "),
    ],
)
def test_a_device_that_cannot_be_used_is_told_before_anything_is_written(run, folder, study, device, words):
    code, out, err = run("benchmark", "native", study, "--device", device)
    assert code == 2 and not out and words in err and "Traceback" not in err
    assert not os.listdir(folder)
