"""The command line's frame and `propneat datasets`: what is printed where, and with which exit code."""

import json
import os
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import click
import pytest

from propneat.base.errors import CheckpointError, DamagedCheckpointError, PropneatWarning
from propneat.cli import main as cli
from propneat.data import pmlb_source, read_catalogue

HEAVY = ("torch", "numba", "sklearn", "pandas", "matplotlib", "numpy", "rich", "pmlb")


@pytest.fixture
def failing(monkeypatch) -> object:
    """Return a function that makes `propneat fail` raise an error, or give a warning."""

    def install(error: BaseException) -> None:
        @click.command()
        @click.option("--quiet", is_flag=True)
        def fail(quiet: bool) -> None:
            if not isinstance(error, Warning):
                raise error
            warnings.simplefilter("always")
            warnings.warn(error, stacklevel=1)

        monkeypatch.setitem(cli.propneat.commands, "fail", fail)

    return install


def test_help_lists_every_command_without_importing_one():
    code = "import sys, propneat.cli.main as m; m._run(['--help']); print(sorted(set(sys.argv[1:]) & set(sys.modules)))"
    commands = [entry[0].split(":")[0] for entry in cli.COMMANDS.values()]
    done = subprocess.run([sys.executable, "-c", code, *HEAVY, *commands], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    width = max(map(len, cli.COMMANDS)) + 2
    for name, (_, line) in cli.COMMANDS.items():
        assert f"  {name:<{width}}{line}" in done.stdout


def test_python_m_propneat_is_the_command():
    done = subprocess.run([sys.executable, "-m", "propneat", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("propneat ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evolv"], "Did you mean 'evolve'?"),
        (["qqq"], "The commands are evolve, predict"),
        (["datasets", "lst"], "Did you mean 'list'?"),
        (["datasets", "list", "--jsn"], "Did you mean '--json'?"),
        (["datasets", "info"], "Missing argument 'NAME'"),
        (["datasets", "fetch"], "Name the data sets to fetch"),
        (["datasets", "fetch", "--suite", "all"], "paper"),
        (["datasets", "fetch", "phonem"], "did you mean 'phoneme'?"),
        (["datasets", "fetch", "digits"], "needs no download"),
        (["datasets", "info", "tic_tac_to"], "did you mean 'tic_tac_toe'?"),
        (["datasets", "info", "absent.csv"], "there is no file absent.csv"),
        (["datasets", "info", "monk1", "--target", "Jacket colour"], "did you mean 'Jacket color'?"),
    ],
)
def test_wrong_input_is_one_sentence_on_stderr_and_exit_code_2(run, arguments, words):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (CheckpointError("the run is damaged: start anew"), 2, "Error: the run is damaged: start anew\n"),
        (DamagedCheckpointError("the run is damaged: start anew"), 3, "Error: the run is damaged: start anew\n"),
        (MemoryError("Unable to allocate 9 TiB"), 1, "Error: there is not enough memory (Unable to allocate 9 TiB): use"),
        (MemoryError(), 1, "Error: there is not enough memory: use fewer rows"),
        (KeyboardInterrupt(), 130, "Interrupted."),
        (caused(SystemError("returned a result with an exception set"), KeyboardInterrupt()), 130, "Interrupted."),
        (OSError(28, "No space left on device", "results/x.json"), 1, "Error: results/x.json: No space left on device\n"),
        (PermissionError(13, "Permission denied"), 1, "Error: Permission denied\n"),
        (click.exceptions.Exit(7), 7, ""),
    ],
)
def test_errors_become_exit_codes_in_one_place(run, failing, error, code, words):
    failing(error)
    found, out, err = run("fail")
    assert (found, out) == (code, "")
    assert words in err


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), SystemError("a bug")])
def test_programming_errors_are_not_hidden(failing, error):
    failing(error)
    with pytest.raises(type(error)):
        cli.main(["fail"])


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX pipe")
def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} -m propneat datasets list --json | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [("datasets", "list"), ("datasets", "list", "--json"), ("--version",)])
def test_a_stdout_that_takes_nothing_is_named(arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "propneat", *arguments], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "Error: stdout: No space left on device\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_lead_nowhere(tmp_path, closed):
    """What is written for them must not end up in the next file that is opened either."""
    out = tmp_path / "out.toml"
    command = f"{sys.executable} -m propneat init --out {out} {closed} && {sys.executable} -m propneat datasets list {closed}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert tomllib.loads(out.read_text())["seed"] == 0


def test_a_stdout_of_few_characters_gets_the_others_escaped():
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "propneat", "show", b"bytes\xff.json".decode(errors="surrogateescape")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "Error: there is no genome file 'bytes\\udcff.json'\n")


def test_own_warnings_are_a_line_of_talk_and_others_stay_warnings(run, failing):
    failing(PropneatWarning("kernels are compiled anew"))
    assert run("fail") == (0, "", "Note: kernels are compiled anew\n")
    assert run("fail", "--quiet") == (0, "", "")
    failing(UserWarning("somebody else's"))
    with pytest.warns(UserWarning, match="somebody else's"):
        run("fail")


def test_list_as_table_and_as_json(run, tmp_path):
    code, out, err = run("datasets", "list", "--embedded", "--json", "--data-dir", str(tmp_path))
    rows = json.loads(out)
    assert code == 0
    assert [row["name"] for row in rows] == [entry.name for entry in read_catalogue().values() if entry.embedded]
    assert not any(row["cached"] for row in rows)
    code, out, err = run("datasets", "list", "--data-dir", str(tmp_path))
    assert "289 data sets, 139 of them not checked" in err
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.strip()}
    assert lines["wdbc"] == ["569", "30", "2", "binary", "yes", "no", "yes", "breast_cancer_wisconsin"]
    assert lines["573_cpu_act"] == ["8192", "21", "0", "regression", "no", "no", "yes", "197_cpu_act"]
    assert lines["yeast"] == ["-", "-", "-", "classification", "no", "no", "no", "-"]
    assert "\x1b" not in out


def test_list_shows_what_is_cached(run, tmp_path):
    (tmp_path / "sonar").mkdir()
    (tmp_path / "sonar" / "sonar.tsv.gz").touch()
    code, out, _ = run("datasets", "list", "--cached", "--json", "--data-dir", str(tmp_path))
    assert [row["name"] for row in json.loads(out)] == ["sonar"]


def test_info_of_an_embedded_set_a_file_and_a_set_not_at_hand(run, tmp_path):
    _, out, _ = run("datasets", "info", "monk3", "--json")
    facts = json.loads(out)
    assert (facts["rows"], facts["target_summary"]) == (554, {"0": 266, "1": 288})
    assert [column["column"] for column in facts["columns"]][:2] == ["Head shape", "Body shape"]
    path = tmp_path / "people.csv"
    path.write_text("height,eyes,height in feet\n" + "1.5,blue,4.9\n,,5.9\n1.7,brown,5.6\n" * 4)
    code, out, _ = run("datasets", "info", str(path), "--target", "height in feet")
    assert code == 0
    assert "task: regression" in out
    assert "target summary: min 4.9, mean 5.46667, max 5.9" in out
    assert ["height", "number", "4", "2", "0", "1.5", "to", "1.7"] in [line.split() for line in out.splitlines()]
    assert ["eyes", "category", "4", "2", "0", "blue,", "brown"] in [line.split() for line in out.splitlines()]
    code, out, err = run("datasets", "info", "phoneme", "--data-dir", str(tmp_path))
    assert (code, "rows: 5404" in out, "propneat datasets fetch phoneme" in err) == (0, True, True)


def test_a_file_that_no_checksum_guards_is_said_to_be_unchecked(run, tmp_path):
    from propneat.data.embedded import EMBEDDED

    (tmp_path / "yeast").mkdir()
    EMBEDDED["wdbc"]().to_csv(tmp_path / "yeast" / "yeast.tsv.gz", sep="\t", index=False)
    where = ("--data-dir", str(tmp_path))
    facts = {name: json.loads(run("datasets", "info", name, "--json", *where)[1]) for name in ("yeast", "wdbc")}
    expected = [(False, "PMLB, not checked"), (True, "embedded in propneat")]
    assert [(found["checked"], found["source"]) for found in facts.values()] == expected
    assert "checked: no" in run("datasets", "info", "1027_ESL", *where)[1].splitlines()
    code, out, err = run("datasets", "fetch", "yeast", *where)
    assert (code, len(out.splitlines())) == (0, 1)
    lines = [line for line in err.splitlines() if "checksum" in line]
    assert lines == ["yeast: the catalogue has no checksum of this data set, so its file is taken as it is."]
    rows = json.loads(run("datasets", "list", "--cached", "--json", *where)[1])
    assert [(row["name"], row["checked"]) for row in rows] == [("yeast", False)]


def test_fetch_reports_each_failure_and_goes_on(run, monkeypatch, tmp_path):
    asked = []

    def answer(stored: str, name: str, cache: object) -> bytes:
        asked.append(stored)
        if name == "sonar":
            raise pmlb_source.UnreachableError("no connection")
        return b"not a gzip file"

    monkeypatch.setattr(pmlb_source, "_download", answer)
    code, out, err = run("datasets", "fetch", "phoneme", "sonar", "pima", "--json", "--data-dir", str(tmp_path))
    results = json.loads(out)
    assert code == 1
    assert [result["name"] for result in results] == ["phoneme", "sonar", "pima"]
    assert "damaged" in results[0]["error"]
    assert "not tried" in results[2]["error"]
    assert asked == ["phoneme", "sonar"]
    assert "0 of 3 data sets are in the cache" in err


def test_fetch_of_the_papers_suite_asks_for_all_of_it(run, monkeypatch, tmp_path):
    monkeypatch.setattr(pmlb_source, "fetch", lambda name, data_dir: tmp_path / name)
    code, out, err = run("datasets", "fetch", "--suite", "paper", "--data-dir", str(tmp_path))
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()] == [
        entry.name for entry in read_catalogue().values() if entry.in_paper_list
    ]
    assert "61 of 61" in err
