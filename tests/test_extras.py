"""What is installed without extras does its work, and what needs one says which."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas
import pytest

from propneat.base.errors import ConfigError
from propneat.base.extras import EXTRAS, check_needs, need
from propneat.cli.answers_file import write_answers
from propneat.data.files import read_table_file
from propneat.methods import METHODS

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

WITHOUT = """
import sys

class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Without())
from propneat.cli.main import main
main(sys.argv[1:])
"""


def run_without(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command where no package of an extra can be imported."""
    code = WITHOUT.format(packages=set(EXTRAS) | {"sympy"})
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True, timeout=300)


def test_every_extra_exists_and_all_has_those_for_every_machine():
    extras = PROJECT["optional-dependencies"]
    assert set(EXTRAS.values()) <= set(extras)
    together = set(re.search(r"\[(.*)\]", extras["all"][0])[1].split(","))
    assert set(EXTRAS.values()) - together == {"gpu"} and together <= set(extras)
    required = {re.match(r"[\w-]+", entry)[0] for entry in PROJECT["dependencies"]}
    assert not required & set(EXTRAS)


def test_a_network_is_evolved_shown_applied_and_exported_without_extras(tmp_path):
    small = ("--generations", "2", "--populations", "1", "--population", "10", "--fine-tune-epochs", "2", "--prune-epochs", "1")
    done = run_without(tmp_path, "evolve", "iris", *small, "--out", "run", "--quiet")
    assert done.returncode == 0 and "champion.json" in done.stdout, done.stderr
    for form in ("c", "js", "python", "sql"):
        done = run_without(tmp_path, "export", "run/champion.json", "--to", form, "--out", f"made.{form}")
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "package"),
    [
        (("export", str(ROOT / "results/examples/c_export/champions/irish.json"), "--to", "torch", "--out", "x"), "torch"),
        (("export", str(ROOT / "results/examples/c_export/champions/irish.json"), "--to", "onnx", "--out", "x"), "onnx"),
        (("evolve", "iris", "--engine", "layered", "--out", "x"), "torch"),
        (("benchmark", "--datasets", "iris", "--methods", "modprop", "--out", "x"), "torch"),
        (("benchmark", "native", "recomputation", "--out", "x"), "torch"),
    ],
    ids=["export to torch", "export to onnx", "engine", "method", "study"],
)
def test_what_needs_an_extra_says_which_in_one_sentence(tmp_path, arguments, package):
    done = run_without(tmp_path, *arguments)
    assert done.returncode == 2 and done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("Note")]
    assert len(lines) == 1
    assert f"needs the package {package}, which is not installed: pip install 'propneat[{EXTRAS[package]}]'" in lines[0]


def test_methods_say_what_they_need():
    needing = {name for name, method in METHODS.items() if method.needs}
    assert {"dense-nn", "modprop", "naive-backprop"} <= needing and not {"propneat", "vsml", "ridge"} & needing


def test_what_is_installed_is_imported():
    assert need("torch", "this").__name__ == "torch"
    check_needs(("torch",), "this")


@pytest.mark.parametrize(
    ("package", "use", "words"),
    [
        ("openpyxl", lambda path: read_table_file(path), "save the sheet as CSV"),
        ("openpyxl", lambda path: write_answers(path, pandas.DataFrame({"prediction": [1]})), "write CSV"),
    ],
    ids=["read", "write"],
)
def test_a_missing_package_is_worded_in_one_place_with_what_to_do_without(tmp_path, monkeypatch, package, use, words):
    path = tmp_path / "table.xlsx"
    path.write_bytes(b"PK")
    monkeypatch.setitem(sys.modules, package, None)
    wanted = f"needs the package {package}, which is not installed: pip install 'propneat[{EXTRAS[package]}]', or {words}"
    with pytest.raises(ConfigError, match=re.escape(wanted)):
        use(path)
