"""A native study that is interrupted goes on with the parts that it lacks, to the same result as one that was not."""

import json
from pathlib import Path

import pytest

from propneat.methods.contract import Claim, NativeOutcome, NativeRun, NativeStudy
from propneat.methods.study_parts import StudyParts

pytestmark = pytest.mark.usefixtures("folder")

DONE: list[str] = []
STUDY = NativeStudy("counting", "Counts.", "None", "test_study_parts:count", is_cpu_only=True)


def count(request: NativeRun) -> NativeOutcome:
    """A study of three parts, whose second is interrupted where a file says so."""
    found = {name: request.part(name, lambda name=name: part(name, request.seed)) for name in ("one", "two", "three")}
    return NativeOutcome((Claim("parts", "3", len(found), True),), (), found)


def part(name: str, seed: int) -> dict[str, object]:
    if name == "two" and Path("interrupt").exists():
        raise KeyboardInterrupt
    DONE.append(name)
    return {"pair": (0.1 + seed, float("nan")), "name": name}


@pytest.fixture
def native(run, monkeypatch):
    """Run the study by its command into a folder; returns exit code, what is done, and all of the result but its seconds."""
    monkeypatch.setitem(__import__("propneat.methods.natives", fromlist=["NATIVES"]).NATIVES, "counting", STUDY)
    DONE.clear()

    def native(folder: str, *options: str):
        begin = len(DONE)
        code, _, err = run("benchmark", "native", "counting", "--out", folder, "--quiet", *options)
        result = Path(folder) / "result.json"
        text = result.read_text() if code == 0 else err.strip()
        return code, DONE[begin:], "\n".join(line for line in text.splitlines() if '"seconds"' not in line)

    return native


def test_an_interrupted_study_does_the_other_parts_and_comes_to_the_same(native):
    whole = native("whole")
    assert whole[:2] == (0, ["one", "two", "three"])
    Path("interrupt").touch()
    assert native("cut") == (130, ["one"], "Interrupted.") and not Path("cut/result.json").exists()
    Path("interrupt").unlink()
    assert native("cut") == (0, ["two", "three"], whole[2])
    # a study that is done begins anew
    assert {path.name for path in Path("cut").iterdir()} == {"result.json"}
    assert native("cut") == whole


@pytest.mark.parametrize("options", [("--seed", "1"), ("--full",)])
def test_parts_of_other_settings_are_done_anew(native, options):
    Path("interrupt").touch()
    native("cut")
    Path("interrupt").unlink()
    assert native("cut", *options)[1] == ["one", "two", "three"]


def test_a_damaged_part_is_refused_in_a_sentence_and_left_as_it_is(native):
    Path("interrupt").touch()
    native("cut")
    for text in ("{", "[]", '{"part": "one"}'):
        Path("cut/parts/one.json").write_text(text)
        code, done, err = native("cut")
        assert (code, done) == (3, []) and "one.json is damaged" in err and Path("cut/parts/one.json").read_text() == text


def test_seconds_of_parts_that_were_done_before_count(tmp_path):
    first = StudyParts(tmp_path, {"name": "a"})
    first.found("x", lambda: 1)
    row = json.loads((tmp_path / "parts/x.json").read_text())
    (tmp_path / "parts/x.json").write_text(json.dumps(row | {"seconds": 7.0}))
    again = StudyParts(tmp_path, {"name": "a"})
    assert again.found("x", lambda: 2) == 1 and again.seconds_before == 7.0 and first.seconds_before == 0.0
    assert StudyParts(tmp_path, {"name": "b"}).found("x", lambda: 2) == 2
