"""The store: rows that were acknowledged stay, readers never wait, and what is not a store is refused."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas
import pytest

from propneat.base.errors import RunError, StoreError
from propneat.benchmark import Outcome, Planned, Task, create_store, open_store
from propneat.benchmark.export import export_results
from propneat.benchmark.results import read_rows, summarise
from propneat.benchmark.store import FILE_NAME


def planned(number: int, method: str = "a", dataset: str = "d", options: str = "{}") -> Planned:
    return Planned(Task(method, options, dataset, "00", "cv-5", 0, number, "0.1"), dataset, "binary", 100, 5, 2, 1.0)


def outcome(auc: float = 0.5) -> Outcome:
    return Outcome("ok", metrics={"auc": auc}, fit_seconds=1.0, n_parameters=np.int64(7), predictions=b"some")


def test_what_is_added_is_read_back(tmp_path):
    entry = planned(0)
    with create_store(tmp_path) as store:
        environment = store.add_environment({"cpu": "x"})
        assert store.add_environment({"cpu": "x"}) == environment != store.add_environment({"cpu": "y"})
        store.add_plan([entry, planned(1)])
        store.add_result(entry.task.key, outcome(0.75), environment)
        store.note("configuration", {"protocol": "cv-5"})
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", FILE_NAME]
    with open_store(tmp_path) as store:
        rows = store.rows().set_index("fold")
        assert rows["status"].to_dict() == {0: "ok", 1: "missing"}
        assert rows.loc[0, "auc"] == 0.75 and rows.loc[0, "n_parameters"] == 7 and np.isnan(rows.loc[1, "auc"])
        assert store.prediction(entry.task.key) == b"some" and store.prediction("none") is None
        assert store.meta("configuration") == {"protocol": "cv-5"} and store.meta("other") is None
        assert store.environments()[environment] == {"cpu": "x"}


def test_a_result_is_never_replaced_but_a_failure_can_be_forgotten(tmp_path):
    good, bad = planned(0), planned(1)
    with create_store(tmp_path) as store:
        store.add_plan([good, bad])
        store.add_result(good.task.key, outcome(0.9), 1)
        store.add_result(good.task.key, outcome(0.1), 1)
        store.add_result(bad.task.key, Outcome("error", "why"), 1)
        assert store.rows().set_index("fold")["auc"][0] == 0.9
        assert store.discard(["error", "ok"]) == 1
        assert store.statuses() == {good.task.key: "ok"}


def test_a_reader_sees_rows_while_one_process_writes_and_a_second_writer_is_refused(tmp_path):
    with create_store(tmp_path) as store:
        store.add_plan([planned(0)])
        with open_store(tmp_path) as reader:
            assert len(reader.rows()) == 1
            store.add_result(planned(0).task.key, outcome(), 1)
            assert len(reader.statuses()) == 1
        with pytest.raises(RunError, match="another process is writing"):
            create_store(tmp_path)
    create_store(tmp_path).close()


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_benchmark_store import create_store, outcome, planned
with create_store(Path(sys.argv[1])) as store:
    store.add_plan([planned(k) for k in range(10**4)])
    for k in range(10**4):
        store.add_result(planned(k).task.key, outcome(), 1)
        print(k, flush=True)
"""


def test_a_killed_writer_loses_no_acknowledged_row(tmp_path):
    for moment in (0.02, 0.15):
        folder = tmp_path / str(moment)
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), os.path.dirname(__file__)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "0\n"
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        told = [0, *map(int, process.stdout.read().split("\n")[:-1])]
        process.wait()
        process.stdout.close()
        with open_store(folder) as store:
            kept = store.statuses()
        assert {planned(k).task.key for k in told} <= set(kept) and len(kept) <= len(told) + 1
        with create_store(folder) as store:
            assert store.statuses() == kept


def test_merging_takes_every_result_once(tmp_path):
    for name, folds in (("one", (0, 1)), ("two", (1, 2))):
        with create_store(tmp_path / name) as store:
            environment = store.add_environment({"name": name})
            store.add_plan([planned(fold) for fold in range(4)])
            for fold in folds:
                store.add_result(planned(fold).task.key, outcome(fold / 10), environment)
    with create_store(tmp_path / "all") as store:
        counts = []
        for name in ("one", "two", "two"):
            with open_store(tmp_path / name) as source:
                counts += store.absorb([source])
        assert counts == [(2, 0), (1, 1), (0, 2)]
        rows = store.rows().set_index("fold")
        assert rows["status"].to_dict() == {0: "ok", 1: "ok", 2: "ok", 3: "missing"}
        environments = store.environments()
        assert [environments[int(rows.loc[fold, "environment"])]["name"] for fold in range(3)] == ["one", "one", "two"]
        assert store.prediction(planned(2).task.key) == b"some"


def test_what_is_not_a_store_is_refused_and_left_alone(tmp_path):
    with pytest.raises(RunError, match="there are no benchmark results"):
        open_store(tmp_path)
    path = tmp_path / FILE_NAME
    path.write_bytes(b"this is no database at all, but it is long enough to be looked at" * 20)
    before = path.read_bytes()
    for opener in (open_store, create_store):
        with pytest.raises(StoreError, match="may be damaged"):
            opener(tmp_path)
    assert path.read_bytes() == before
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE other (x)")
    connection.close()
    for opener in (open_store, create_store):
        with pytest.raises(StoreError, match="not one of benchmark results"):
            opener(tmp_path)


def test_a_store_of_another_version_is_refused(tmp_path):
    create_store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="schema version 99"):
        open_store(tmp_path)


def test_methods_with_several_sets_of_options_get_labels_that_tell_them_apart(tmp_path):
    entries = [planned(0, "a"), planned(0, "a", options='{"n":2}'), planned(0, "b", options='{"n":2}')]
    with create_store(tmp_path) as store:
        store.add_plan(entries)
        for number, entry in enumerate(entries):
            store.add_result(entry.task.key, outcome(number / 10), 1)
        rows = read_rows(store)
    assert rows.set_index("label")["auc"].to_dict() == {"a (as it is)": 0.0, "a (n=2)": 0.1, "b": 0.2}


def test_the_summary_averages_folds_first_and_compares_on_common_data_sets(tmp_path):
    entries = [planned(fold, method, dataset) for method in "ab" for dataset in ("d", "e") for fold in (0, 1)]
    scores = {("a", "d"): (0.9, 0.7), ("b", "d"): (0.6, 0.6), ("a", "e"): (0.5, 0.5), ("b", "e"): (None, None)}
    with create_store(tmp_path) as store:
        store.add_plan(entries)
        for entry in entries:
            auc = scores[entry.task.method, entry.task.dataset][entry.task.fold]
            store.add_result(entry.task.key, Outcome("error", "no") if auc is None else outcome(auc), 1)
        first, second = summarise(read_rows(store))
    assert (first["method"], first["mean_rank"], first["n_common"], first["n_datasets"]) == ("a", 1.0, 1, 2)
    assert first["mean_auc"] == pytest.approx(0.8) and second["failed"] == 2 and second["n_datasets"] == 1


def test_texts_that_a_spreadsheet_would_run_are_quoted_in_csv_alone(tmp_path):
    reason, entry = "=cmd|' /C calc'!A0", planned(0)
    with create_store(tmp_path) as store:
        store.add_plan([entry, planned(1)])
        store.add_result(entry.task.key, Outcome("error", reason), 1)
        store.add_result(planned(1).task.key, replace(outcome(), metrics={"auc": 0.5, "log_loss": 1.25}), 1)
        for file_format in ("csv", "parquet", "json"):
            export_results(store, tmp_path / file_format, file_format)
        plain = read_rows(store).drop(columns="environment").to_csv(index=False, lineterminator="\n")
    assert (tmp_path / "csv").read_text() == plain.replace(reason, "'" + reason)
    assert ",1.25," in plain
    rows = json.loads((tmp_path / "json").read_text())
    assert reason in [row["reason"] for row in rows]
    assert reason in pandas.read_parquet(tmp_path / "parquet")["reason"].tolist()
