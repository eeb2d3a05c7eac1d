"""Results of different data under one name, or of different versions, are never in one table."""

import os
from dataclasses import replace

import numpy as np
import pandas
import pytest
from test_benchmark_store import outcome, planned

from propneat.base.errors import RunError
from propneat.benchmark import create_store, open_store
from propneat.benchmark.results import comparable_rows, load_results, read_rows
from propneat.benchmark.states import states_of
from propneat.benchmark.tables import read_benchmark_table


def of(number=0, method="a", dataset="d", data_hash="0a", version="0.1"):
    """A planned task of some state of a data set."""
    entry = planned(number, method, dataset)
    return replace(entry, task=replace(entry.task, data_hash=data_hash, version=version))


def test_a_table_is_of_one_state_of_every_data_set_or_is_not_made(tmp_path):
    """Over random mixtures: what is refused names what differs, and what is not refused holds nothing that differs."""
    rng = np.random.default_rng(0)
    n_refused = 0
    for number in range(60):
        entries = {
            entry.task.key: entry
            for _ in range(rng.integers(1, 8))
            for entry in [of(int(rng.integers(2)), *(rng.choice(list(few)) for few in ("ab", "de")),
                             rng.choice(["0a", "0a", "0a", "0b"]), rng.choice(["0.1"] * 9 + ["0.2"]))]
        }  # fmt: skip
        done = [key for key in entries if rng.random() < 0.7]
        with create_store(tmp_path / str(number)) as store:
            store.add_plan(entries.values())
            store.add_results([(key, outcome(), 1, 1.0) for key in done])
            tasks = [entries[key].task for key in done]
            versions = {task.version for task in tasks}
            mixed = [name for name in "de" if len({task.data_hash for task in tasks if task.dataset == name}) > 1]
            try:
                rows = comparable_rows(store)
            except RunError as error:
                n_refused += 1
                named = {"0.1", "0.2"} if len(versions) > 1 and "versions" in str(error) else {"0a", "0b", *mixed[:1]}
                assert all(f" {name}" in str(error) for name in named) and (len(versions) > 1 or mixed)
                with pytest.raises(RunError):
                    load_results(store, "refused as well")
            else:
                assert len(versions) < 2 and not mixed
                assert set(done) <= set(rows["key"]) and (not done or rows.groupby("dataset")["data_hash"].nunique().max() == 1)
            assert len(read_rows(store)) == len(entries)
    assert 10 < n_refused < 50


def test_tasks_that_nobody_did_for_former_data_are_forgotten_without_their_results(tmp_path):
    former, done, now = of(0, data_hash="0a"), of(1, data_hash="0a", dataset="e"), of(0, data_hash="0b")
    with create_store(tmp_path) as store:
        store.add_plan([former, done])
        store.add_result(done.task.key, outcome(), 1)
        store.forget_plan(states_of([now]))
        store.add_plan([now])
        assert set(store.rows()["key"]) == {done.task.key, now.task.key}


def write_table(path, shift):
    rng = np.random.default_rng(1)
    x = rng.standard_normal(40)
    pandas.DataFrame({"x": x + shift, "target": (x + rng.standard_normal(40) > 0).astype(int)}).to_csv(path, index=False)
    read_benchmark_table.cache_clear()
    return read_benchmark_table(str(path)).data_hash


def test_a_file_that_has_changed_is_refused_with_both_hashes_and_nothing_is_mixed(run, folder):
    old = write_table("t.csv", 0.0)
    base = ("benchmark", "--datasets", "t.csv", "--folds", "2", "--workers", "1", "--no-report")
    assert run(*base, "--methods", "logistic-regression", "--out", "r")[0] == 0
    new = write_table("t.csv", 1.0)
    assert old != new
    code, out, err = run(*base, "--methods", "bench_methods:GOOD", "--out", "r")
    assert (code, out) == (4, "") and old in err and new in err and "t.csv" in err and "give another --out" in err
    with open_store(folder / "r") as store:
        rows = store.rows()
    assert set(rows["method"]) == {"logistic-regression"} and set(rows["status"]) == {"ok"}
    assert run(*base, "--methods", "bench_methods:GOOD", "--out", "s")[0] == 0
    code, out, err = run("benchmark", "merge", "both", "r", "s")
    assert (code, out) == (4, "") and old in err and new in err and not os.path.exists("both")


def test_a_store_that_is_mixed_already_has_no_report_but_says_what_is_in_it(run, folder):
    old, new = of(0, "a", data_hash="00aa"), of(0, "b", data_hash="00bb")
    with create_store(folder / "r") as store:
        store.note("configuration", {"protocol": "cv-5", "suites": [], "methods": {}, "limits": {}})
        store.add_plan([old, new])
        store.add_results([(old.task.key, outcome(0.7), 1, 20.0), (new.task.key, outcome(0.2), 1, 10.0)])
    code, out, err = run("benchmark", "report", "r")
    assert (code, out) == (4, "") and "00bb and 00aa" in err and len(err.splitlines()) == 1
    code, out, err = run("benchmark", "status", "r")
    assert code == 0 and "00bb and 00aa" in err and "do not compare" in err
    code, out, err = run("benchmark", "export", "r")
    assert code == 0 and set(pandas.read_csv("r/results.csv")["data_hash"]) == {"00aa", "00bb"}
