"""The code is in the form that ruff gives it, and keeps the rules and the types chosen in pyproject.toml."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytest.importorskip("ruff", reason="ruff is not installed: pip install '.[test]'")


@pytest.mark.parametrize("arguments", [("check", "--no-cache"), ("format", "--check", "--no-cache")], ids=["rules", "form"])
def test_ruff_has_nothing_to_say(arguments):
    done = subprocess.run([sys.executable, "-m", "ruff", *arguments, "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_mypy_finds_no_wrong_type_in_the_public_packages(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed: pip install '.[test]'")
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path), "--hide-error-context", "--no-error-summary"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout[-2000:] + done.stderr


def test_hooks_and_constraints_name_one_version_of_ruff():
    pinned = re.search(r"^ruff==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)[1]
    assert set(re.findall(r"ruff==([\d.]+)", (ROOT / ".pre-commit-config.yaml").read_text())) == {pinned}
