"""What all tests share: fixtures for tests of the command line."""

import os

import pytest

# tests run side by side, so each takes one thread for what is not compiled here
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of the test's own to work in, without settings from outside."""
    for name in [name for name in os.environ if name.startswith("PROPNEAT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Return a function that runs the command line in this process and returns exit code, stdout and stderr."""
    from propneat.cli import main as cli

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main(list(arguments))
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    return run
