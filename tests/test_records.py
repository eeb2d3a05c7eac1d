"""Laws of seeds and files: a seed depends on its identity alone, a file is whole or absent."""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from propneat.base.records import as_cell, format_csv, nests_deeper, sha256_hex, write_atomic
from propneat.base.rng import derive_seed, make_rng


def test_a_seed_depends_on_its_identity_alone():
    script = "from propneat.base.rng import derive_seed; print(derive_seed(7, 'breed', 3))"
    for hash_seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
        assert int(told.stdout) == derive_seed(7, "breed", 3)
    assert derive_seed(np.int64(7), "breed", np.uint8(3)) == derive_seed(7, "breed", 3)


def test_identities_do_not_run_into_each_other():
    identities = [(), (1,), ("1",), (1, 1), (11,), ("1", 1), ("a", "b"), ("ab",), ("a,b",), ('a","b',), (-1,), (2**80,)]
    assert len({derive_seed(*identity) for identity in identities}) == len(identities)
    assert all(0 <= derive_seed(*identity) < 2**128 for identity in identities)


@pytest.mark.parametrize("part", [1.5, None, (1,)])
def test_a_part_of_an_identity_is_a_whole_number_or_text(part):
    with pytest.raises(TypeError):
        derive_seed(part)


def test_streams_repeat_and_leave_global_random_state_alone():
    before = np.random.get_state()[1].copy()
    first, again, other = (make_rng(*identity).random(4).tolist() for identity in ((1, "x"), (1, "x"), (1, "y")))
    assert first == again != other
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_a_written_file_holds_exactly_what_was_given(tmp_path):
    write_atomic(tmp_path / "text", "zwölf\nlines\r\n")
    assert (tmp_path / "text").read_bytes() == "zwölf\nlines\r\n".encode()
    write_atomic(str(tmp_path / "text"), b"\x00\xff")
    assert (tmp_path / "text").read_bytes() == b"\x00\xff"
    assert [entry.name for entry in tmp_path.iterdir()] == ["text"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write_atomic(tmp_path / "kept", "old")

    def fail(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomic(tmp_path / "kept", "new")
    assert (tmp_path / "kept").read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]


def test_errors_name_the_file_and_the_cause_and_no_hidden_name(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    long = tmp_path / ("x" * 256)
    for path, kind in (
        (tmp_path / "no" / "file", FileNotFoundError),
        (tmp_path / "folder", IsADirectoryError),
        (tmp_path / "loop", OSError),
        (long, OSError),
        (Path("/dev/full"), OSError),
    ):
        with pytest.raises(kind) as caught:
            write_atomic(path, "x")
        assert caught.value.filename == str(path) and caught.value.strerror
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left on device: .*/name'") as caught:
        write_atomic(tmp_path / "name", "x")
    assert caught.value.errno == 28 and not (tmp_path / "name").exists()


@pytest.mark.parametrize("name", ["x" * 254, "x" * 255, "é" * 127])
def test_a_name_as_long_as_the_file_system_takes_is_written(tmp_path, name):
    write_atomic(tmp_path / name, "one")
    write_atomic(tmp_path / name, "two")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [(name, "two")]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_follows_the_umask_and_one_that_is_replaced_keeps_its_mode(tmp_path, mask, mode):
    (tmp_path / "old").write_text("x")
    (tmp_path / "old").chmod(0o640)
    before = os.umask(mask)
    try:
        write_atomic(tmp_path / "new", "x")
        write_atomic(tmp_path / "old", "y")
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o7777 == mode
    assert (tmp_path / "old").stat().st_mode & 0o7777 == 0o640


def test_links_are_followed_and_stay_links(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there/file")
    (tmp_path / "second").symlink_to("link")
    for text in ("made through a link that leads nowhere yet", "replaced"):
        write_atomic(tmp_path / "second", text)
        assert (tmp_path / "there" / "file").read_text() == text
    assert (tmp_path / "link").is_symlink() and (tmp_path / "second").is_symlink()
    assert [entry.name for entry in (tmp_path / "there").iterdir()] == ["file"]


def test_what_is_no_regular_file_is_written_to_and_stays_what_it_is(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        write_atomic(pipe, "through a pipe")
        assert reader.communicate(timeout=30)[0] == "through a pipe"
    assert pipe.is_fifo()
    write_atomic("/dev/null", "x")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("depth", [0, 1, 2, 7, 20_000])
def test_depth_of_a_document_is_told_without_recursion(depth):
    document = 5
    for k in range(depth):
        document = [1, document] if k % 2 else {"a": document, "b": "[{"}
    assert not nests_deeper(document, depth)
    assert depth == 0 or nests_deeper(document, depth - 1)


def test_numbers_survive_csv_to_the_bit():
    numbers = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 123456789.123456789]
    text = format_csv([{"number": number, "note": 'a,"b"'} for number in numbers], ["number", "note"])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert np.array([float(row["number"]) for row in rows]).tobytes() == np.array(numbers).tobytes()
    assert {row["note"] for row in rows} == {'a,"b"'}
    assert text.startswith("number,note\n") and "\r" not in text


def test_a_row_with_an_unknown_column_is_refused():
    with pytest.raises(ValueError, match="typo"):
        format_csv([{"typo": 1}], ["number"])


def test_sha256_is_the_published_function():
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-", "- 50000.", "=", "-1,5", "+49 30 1"]
)
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    assert as_cell(text) == "'" + text


@pytest.mark.parametrize("value", ["-1", "+2.5", "-.5e-3", "-3.", "1=1", "a-b", "", " =1", -1, -0.5, float("-inf"), None, True])
def test_numbers_and_other_texts_stay_as_they_are(value):
    assert as_cell(value) is value
