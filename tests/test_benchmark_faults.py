"""Stores that cannot be written or read: the cause is named, nothing that is stored is lost, and damage is refused whole."""

import contextlib
import importlib.util
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest
from test_benchmark_store import outcome, planned

from propneat.base.errors import ConfigError, RunError, StoreError
from propneat.benchmark import create_store, open_store
from propneat.benchmark.store import FILE_NAME

NOTED = {"protocol": "cv-5", "suites": [], "methods": {}, "limits": {}}
GOOD = ("--datasets", "parity5", "--methods", "bench_methods:GOOD", "--folds", "2", "--workers", "1", "--no-report")


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 1 MiB; skipped where none can be mounted."""
    place = tmp_path / "tiny"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


def fill(place):
    """Take all the room there is, and return the file that has it."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
    return filler


def test_a_store_that_is_full_says_so_and_keeps_what_it_acknowledged(tmp_path):
    done = []
    with create_store(tmp_path) as store:
        store.add_plan([planned(fold) for fold in range(4000)])
        n_pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {n_pages + 20}")
        with pytest.raises(OSError, match="no space is left: make room") as caught:
            for fold in range(4000):
                store.add_result(planned(fold).task.key, outcome(), 1)
                done.append(planned(fold).task.key)
    assert caught.value.filename == str(tmp_path / FILE_NAME) and len(done) > 10
    with create_store(tmp_path) as store:
        assert set(store.statuses()) == set(done)
        store.add_result(planned(3999).task.key, outcome(), 1)


def test_on_a_full_disk_nothing_acknowledged_is_lost_and_with_room_it_goes_on(tiny_disk):
    done, folder = [], tiny_disk / "r"
    with create_store(folder) as store:
        store.add_plan([planned(fold) for fold in range(500)])
        filler = fill(tiny_disk)
        with pytest.raises(OSError, match="no space is left"):
            for fold in range(500):
                store.add_result(planned(fold).task.key, outcome(), 1)
                done.append(planned(fold).task.key)
    filler.unlink()
    with create_store(folder) as store:
        assert set(store.statuses()) == set(done)
        store.add_result(planned(499).task.key, outcome(), 1)


def test_a_run_onto_a_full_disk_is_one_sentence_and_exit_code_1(run, tiny_disk, folder):
    fill(tiny_disk)
    code, out, err = run("benchmark", *GOOD, "--out", str(tiny_disk / "new"), "--quiet")
    assert (code, out) == (1, "") and "no space is left" in err and len(err.splitlines()) == 1


def test_a_read_only_disk_is_named_as_the_cause_and_can_still_be_read(run, tiny_disk, folder):
    with create_store(tiny_disk / "r") as store:
        store.note("configuration", NOTED)
        store.add_plan([planned(0)])
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    for out in ("r", "new"):
        code, said, err = run("benchmark", *GOOD, "--out", str(tiny_disk / out), "--quiet")
        assert (code, said) == (2, "") and "Read-only file system" in err and len(err.splitlines()) == 1
    code, _, err = run("benchmark", "status", str(tiny_disk / "r"))
    assert code == 0 and "1 missing" in err


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("SQLITE_FULL", OSError, "no space is left"),
        ("SQLITE_READONLY", OSError, "cannot be opened or written"),
        ("SQLITE_CANTOPEN", OSError, "cannot be opened or written"),
        ("SQLITE_IOERR_WRITE", OSError, "could not read or write"),
        ("SQLITE_BUSY", RunError, "another program holds"),
        ("SQLITE_CORRUPT", StoreError, "may be damaged"),
        ("SQLITE_NOTADB", StoreError, "may be damaged"),
    ],
)
def test_what_sqlite_refuses_is_told_by_its_cause(tmp_path, monkeypatch, name, kind, words):
    class Refusing:
        def execute(self, *_):
            error = sqlite3.OperationalError("refused")
            error.sqlite_errorcode = getattr(sqlite3, name)
            raise error

        def close(self):
            pass

    with create_store(tmp_path) as store:
        monkeypatch.setattr(os, "access", lambda place, mode: False)
        connection, store._connection = store._connection, Refusing()
        with pytest.raises(kind, match=words) as caught:
            store.statuses()
        store._connection = connection
    assert FILE_NAME in str(caught.value)


def test_places_that_cannot_be_written_are_refused_before_anything_runs(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(ConfigError, match="cannot be written"):
        create_store(tmp_path / "file")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / ".lock").symlink_to(tmp_path / "file")
    with pytest.raises(ConfigError, match="its .lock is a link"):
        create_store(linked)
    assert (tmp_path / "file").read_text() == "precious"
    create_store(tmp_path / "r").close()
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    with pytest.raises(ConfigError, match="cannot be written"):
        create_store(tmp_path / "r")


def test_a_file_that_may_not_be_read_is_the_systems_refusal(tmp_path, monkeypatch, run):
    create_store(tmp_path / "r").close()

    def refuse(self, *_, **__):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    code, out, err = run("benchmark", "status", str(tmp_path / "r"))
    assert (code, out) == (1, "") and "Permission denied" in err and FILE_NAME in err


def test_a_header_that_says_read_only_is_damage_where_the_system_does_not(tmp_path):
    create_store(tmp_path).close()
    with (tmp_path / FILE_NAME).open("r+b") as file:
        file.seek(18)
        file.write(b"\x09")
    with pytest.raises(StoreError, match="may be damaged"):
        create_store(tmp_path)


def damaged(folder, *statements):
    """A store of one result, and what SQL made of it."""
    with create_store(folder) as store:
        store.note("configuration", NOTED)
        environment = store.add_environment({"cpu": "x"})
        store.add_plan([planned(0), planned(1)])
        store.add_result(planned(0).task.key, outcome(), environment)
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM meta WHERE name = 'schema'",
        "UPDATE meta SET value = 'no JSON' WHERE name = 'configuration'",
        "UPDATE meta SET value = '{}' WHERE name = 'configuration'",
        "UPDATE plan SET options = 'no JSON'",
        "UPDATE plan SET n_rows = 'many'",
        "UPDATE plan SET data_hash = 'another'",
        "UPDATE result SET auc = 'good'",
        "UPDATE result SET auc = 1.5",
        "UPDATE result SET fit_seconds = x'00'",
        "UPDATE result SET status = 'fine'",
        "UPDATE environment SET facts = '[]'",
        "ALTER TABLE result DROP COLUMN brier",
        "CREATE TRIGGER more AFTER INSERT ON result BEGIN DELETE FROM plan; END",
    ],
)
def test_a_damaged_store_is_refused_by_merge_and_by_going_on(run, folder, statement):
    damaged(folder / "bad", statement)
    damaged(folder / "good")
    code, out, err = run("benchmark", "merge", "all", "good", "bad")
    assert (code, out) == (3, "") and len(err.splitlines()) == 1 and "bad/results.sqlite" in err
    assert not (folder / "all").exists()
    code, out, err = run("benchmark", *GOOD, "--out", "bad", "--quiet")
    assert (code, out) == (3, "") and len(err.splitlines()) == 1


def test_a_merge_that_fails_half_way_leaves_the_target_as_it_was(run, folder, monkeypatch):
    damaged(folder / "one")
    damaged(folder / "two")
    from propneat.benchmark import store

    copy, copied = store._copy, []

    def fail_at_the_second(source, connection):
        if copied:
            raise sqlite3.OperationalError("disk image is malformed")
        copied.append(copy(source, connection))
        return copied[0]

    monkeypatch.setattr(store, "_copy", fail_at_the_second)
    code, out, err = run("benchmark", "merge", "all", "one", "two")
    assert (code, out) == (3, "") and copied == [(1, 0)] and "new results" not in err
    with open_store(folder / "all") as left:
        assert len(left.rows()) == 0 and left.configuration() is None


def test_forged_and_torn_stores_are_refused_in_one_sentence():
    """The fast size of benchmarks/forged_stores.py."""
    path = Path(__file__).resolve().parent.parent / "benchmarks" / "forged_stores.py"
    spec = importlib.util.spec_from_file_location("forged_stores", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    counts, wrong = module.try_many(60, 30, seed=7, reporting=30)
    assert wrong == [] and counts["forged"] == 60 and counts["torn"] == 30
