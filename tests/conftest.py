"""What all tests share: a folder for compiled code, and fixtures for tests of the command line."""

import hashlib
import os
import tempfile
from pathlib import Path

import pytest

# compiled code lives in a folder named after the sources it comes from: never stale, and reused between runs
_SOURCES = Path(__file__).resolve().parent.parent / "propneat"
_digest = hashlib.sha256(str(Path.home()).encode())
for _path in sorted(_SOURCES.rglob("*.py")):
    _text = _path.read_bytes()
    if b"numba" in _text or b"propneat.native" in _text:
        _digest.update(str(_path.relative_to(_SOURCES)).encode() + _text)
# numba reads this when it is imported, which happens after this file has run
os.environ["NUMBA_CACHE_DIR"] = str(Path(tempfile.gettempdir()) / f"propneat-tests-{_digest.hexdigest()[:20]}")


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
