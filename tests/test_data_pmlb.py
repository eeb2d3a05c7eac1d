"""PMLB by name against a server on this machine: what is kept, what is refused, and that nothing half-written stays."""

import gzip
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas
import pytest

from propneat.base.errors import DataError
from propneat.base.records import sha256_hex
from propneat.data import build_catalogue, catalogue, load_table, pmlb_source, read_catalogue
from propneat.data.embedded import EMBEDDED
from propneat.data.named import unchecked_line
from propneat.data.pmlb_source import cached_file, fetch, find_cache, load_pmlb, values_digest

FRAME = pandas.DataFrame({"a": [0.1, 2.5, 1 / 3] * 4, "b": range(12), "target": [0, 1, 1] * 4})
SHARED = Path(os.environ.get("PROPNEAT_TEST_PMLB") or Path(__file__).parents[1] / ".." / "shared" / "pmlb")
PACKED = gzip.compress(FRAME.to_csv(sep="\t", index=False).encode(), mtime=0)


class Server:
    """A stand-in for PMLB's server: `files` maps paths to what is answered, bytes or a status; `asked` lists the requests."""

    def __init__(self) -> None:
        """Listen on a free port of this machine."""
        self.files: dict[str, bytes | int] = {}
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answer with the file, or with a bare status."""
                server.asked.append(self.path)
                answer = server.files.get(self.path, 404)
                self.send_response(answer if isinstance(answer, int) else 200)
                self.end_headers()
                self.wfile.write(b"" if isinstance(answer, int) else answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def serve(self, name: str, answer: bytes | int) -> None:
        """Answer requests for a data set's file."""
        self.files[f"/{name}/{name}.tsv.gz"] = answer

    def stop(self) -> None:
        """Close the port."""
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    """A server that the pmlb package's address points to."""
    from pmlb import pmlb

    running = Server()
    monkeypatch.setattr(pmlb, "GITHUB_URL", f"http://127.0.0.1:{running.http.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield running
    running.stop()


@pytest.fixture
def phoneme_is_frame(monkeypatch) -> None:
    """Put the small FRAME into the catalogue under the name phoneme."""
    entry = read_catalogue()["phoneme"]
    changed = vars(entry) | {"sha256": sha256_hex(PACKED), "values_sha256": values_digest(FRAME)}
    entries = dict(read_catalogue()) | {"phoneme": catalogue.CatalogueEntry(**changed)}
    monkeypatch.setattr(pmlb_source, "read_catalogue", lambda: entries)


def test_a_data_set_is_downloaded_once_and_kept_as_it_is(server, phoneme_is_frame, tmp_path):
    server.serve("phoneme", PACKED)
    path = fetch("phoneme", tmp_path)
    assert path == tmp_path / "phoneme" / "phoneme.tsv.gz"
    assert path.read_bytes() == PACKED
    pandas.testing.assert_frame_equal(load_pmlb("phoneme", tmp_path), FRAME)
    assert fetch("phoneme", tmp_path) == path
    assert len(server.asked) == 1


def test_the_old_names_are_found_where_pmlb_moved_them(server, phoneme_is_frame, tmp_path):
    server.serve("_deprecated_phoneme", PACKED)
    path = fetch("phoneme", tmp_path)
    assert path == tmp_path / "_deprecated_phoneme" / "_deprecated_phoneme.tsv.gz"
    assert server.asked == ["/phoneme/phoneme.tsv.gz", "/_deprecated_phoneme/_deprecated_phoneme.tsv.gz"]
    pandas.testing.assert_frame_equal(load_pmlb("phoneme", tmp_path), FRAME)
    assert len(server.asked) == 2


def test_a_name_that_pmlb_no_longer_serves(server, tmp_path):
    with pytest.raises(DataError, match="does not serve a data set named 'phoneme'"):
        fetch("phoneme", tmp_path)


@pytest.mark.parametrize("content", [PACKED[:-9], b"version 1\noid sha256:0\n", b"", gzip.compress(b"a\tb\n1\t2\n", mtime=0)])
def test_a_bad_download_leaves_nothing_behind(server, phoneme_is_frame, tmp_path, content):
    server.serve("phoneme", content)
    with pytest.raises(DataError, match="what PMLB serves as phoneme"):
        fetch("phoneme", tmp_path)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("status", [403, 429, 500])
def test_a_server_that_refuses_is_reported(server, tmp_path, status):
    server.serve("phoneme", status)
    with pytest.raises(DataError, match=f"the server answered {status}"):
        fetch("phoneme", tmp_path)


def test_without_a_connection_the_sentence_says_what_to_do(server, tmp_path):
    server.stop()
    with pytest.raises(DataError) as caught:
        load_table("phoneme", data_dir=tmp_path)
    text = str(caught.value)
    assert "no connection" in text
    assert str(tmp_path / "phoneme" / "phoneme.tsv.gz") in text
    assert all(name in text for name in EMBEDDED)
    assert "\n" not in text


def store(folder: Path, name: str, data: bytes) -> Path:
    """Put a file into a cache folder."""
    path = folder / name / f"{name}.tsv.gz"
    path.parent.mkdir()
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "data", [PACKED[:-9], PACKED[:40] + b"\x00\x00" + PACKED[42:], gzip.compress(b"a\ttarget\n1\t0\n", mtime=0), b""]
)
def test_a_damaged_or_foreign_file_in_the_cache_is_refused_and_left(server, phoneme_is_frame, tmp_path, data):
    path = store(tmp_path, "phoneme", data)
    for use in (load_pmlb, fetch):
        with pytest.raises(DataError, match="delete the file"):
            use("phoneme", tmp_path)
    assert path.read_bytes() == data
    assert server.asked == []


def test_a_file_that_the_pmlb_package_packed_anew_is_accepted(server, phoneme_is_frame, tmp_path):
    path = store(tmp_path, "phoneme", b"")
    FRAME.to_csv(path, sep="\t", compression="gzip", index=False)
    assert path.read_bytes() != PACKED
    pandas.testing.assert_frame_equal(load_pmlb("phoneme", tmp_path), FRAME)
    FRAME.assign(a=FRAME["a"] + 1e-6).to_csv(path, sep="\t", compression="gzip", index=False)
    with pytest.raises(DataError, match="checksum differs"):
        load_pmlb("phoneme", tmp_path)


def test_unknown_names_are_refused_before_anything_is_asked(server, tmp_path):
    with pytest.raises(DataError, match="did you mean 'phoneme'"):
        load_table("phonem", data_dir=tmp_path)
    for name in ("../secret", "", ".", "no such set at all"):
        with pytest.raises(DataError):
            load_pmlb(name, tmp_path)
    with pytest.raises(DataError, match="embedded and needs no download"):
        fetch("digits", tmp_path)
    assert server.asked == []


def test_any_file_in_the_cache_counts_even_one_nobody_knows(tmp_path):
    store(tmp_path, "my_own", PACKED)
    table = load_table("my_own", data_dir=tmp_path)
    assert (len(table), table.task, table.source) == (12, "binary", "PMLB, not checked")
    assert "no checksum" in unchecked_line("my_own", tmp_path)


def test_a_forged_file_is_refused_for_regressions_too_and_said_where_no_checksum_is_known(tmp_path):
    store(tmp_path, "1029_LEV", PACKED)
    with pytest.raises(DataError, match="is not the data set '1029_LEV' that the catalogue knows"):
        load_table("1029_LEV", data_dir=tmp_path)
    store(tmp_path, "digits", PACKED)
    assert load_table("digits", data_dir=tmp_path).source == "PMLB, not checked"
    assert load_table("digits").source == "embedded in propneat"
    assert [unchecked_line(name) for name in ("digits", "monk1", "phoneme", "1029_LEV")] == [None] * 4
    assert unchecked_line("digits", tmp_path) and unchecked_line("yeast")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs PMLB's files")
def test_the_catalogue_is_what_its_files_and_manifests_say(tmp_path, monkeypatch):
    monkeypatch.setattr(build_catalogue, "PACKAGE", tmp_path / "propneat" / "data")
    build_catalogue.PACKAGE.mkdir(parents=True)
    (tmp_path / "datasets").mkdir()
    build_catalogue.main(SHARED)
    made = build_catalogue.PACKAGE
    installed = Path(catalogue.__file__).parent
    assert all((made / name).read_bytes() == (installed / name).read_bytes() for name in ("catalogue.json", "rule_rows.json"))
    assert (tmp_path / "datasets" / "catalogue.json").read_bytes() == (made / "catalogue.json").read_bytes()


def test_a_cache_that_cannot_be_written_is_reported(server, phoneme_is_frame, tmp_path):
    server.serve("phoneme", PACKED)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match="cannot be written"):
        fetch("phoneme", tmp_path / "file")


def test_where_the_cache_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROPNEAT_DATA", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert find_cache() == tmp_path / "home" / ".cache" / "propneat"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert find_cache() == tmp_path / "caches" / "propneat"
    (tmp_path / "datasets").mkdir()
    assert find_cache() == Path("datasets")
    monkeypatch.setenv("PROPNEAT_DATA", "elsewhere")
    assert find_cache() == Path("elsewhere")
    assert find_cache(tmp_path) == tmp_path
    assert cached_file("phoneme", tmp_path) is None


NOT_OF_PMLB = {"digits", "diabetes_progression", "friedman1", "friedman2", "friedman3"}


def test_the_catalogue_stands_in_both_places_and_says_what_it_must():
    root = Path(__file__).parents[1]
    installed = (root / "propneat" / "data" / "catalogue.json").read_bytes()
    assert (root / "datasets" / "catalogue.json").read_bytes() == installed
    document = json.loads(installed)
    assert document["schema"] == catalogue.CATALOGUE_SCHEMA
    entries = read_catalogue()
    assert len(entries) == len(document["data_sets"]) == 150
    assert sum(entry.sha256 is not None for entry in entries.values()) == 145
    assert list(entries) == sorted(entries, key=str.lower)
    assert sum(entry.in_paper_list for entry in entries.values()) == 61
    assert {name for name, entry in entries.items() if entry.embedded} == set(EMBEDDED)
    assert all(entries[entry.family].family == entry.family for entry in entries.values())
    regressions = {entry.name for entry in entries.values() if entry.task == "regression"}
    assert len(regressions) == 82 and {"1029_LEV", "523_analcatdata_neavote", "diabetes_progression"} < regressions
    assert all((entry.classes == 0) == (entry.name in regressions) for entry in entries.values())
    assert entries["573_cpu_act"].family == entries["227_cpu_small"].family == "197_cpu_act"
    assert len({entry.family for entry in entries.values() if entry.in_paper_list}) == 50
    assert all((entry.sha256 is None) == (entry.name in NOT_OF_PMLB) for entry in entries.values())
