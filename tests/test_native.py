"""Laws of compiled code: kept where it can be, never older than its sources, and no worse off without a place to keep it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import propneat
from propneat.base.code_folder import _sources_digest

HOME = Path(propneat.__file__).parent
SMALL = {
    "constants.py": "FIVE = 5\n",
    "helper.py": (
        "from propneat.constants import (\n    FIVE,\n)\nfrom propneat.base.native import inner\n\n\n"
        "@inner\ndef helper(x):\n    return x + FIVE\n"
    ),
    "kernel.py": (
        "from propneat.helper import helper\nfrom propneat.base.native import outer\n\n\n"
        "@outer\ndef kernel(x):\n    return 2 * helper(x)\n\n\n"
        "@outer(fastmath=True)\ndef second(x):\n    return helper(x)\n"
    ),
    "bystander.py": "FIVE = 5\n",
}
ASK = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import numba
    from propneat.kernel import kernel, second
is_as_it_was = numba.config.CACHE_DIR == ""
print(kernel(1), second(1), sum(kernel.stats.cache_hits.values()), is_as_it_was, *[w.category.__name__ for w in caught])
"""


@pytest.fixture
def small(tmp_path):
    """A package called propneat that holds how loops are compiled and two kernels with a helper; returns its parent folder."""
    package = tmp_path / "place" / "propneat"
    (package / "base").mkdir(parents=True)
    for name in ("__init__.py", "base/__init__.py", "base/code_folder.py", "base/errors.py", "base/native.py"):
        shutil.copy(HOME / name, package / name)
    for name, text in SMALL.items():
        (package / name).write_text(text)
    return package.parent


def ask(place: Path, **environment: str) -> str:
    """Compute in a new process: 2 * (1 + 5), 1 + 5, hits of the cache, whether numba's own folder is as it was, warnings."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME")}
    environment = kept | {"PYTHONPATH": str(place), "HOME": str(place / "home")} | environment
    command = [sys.executable, "-c", ASK]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_an_edit_of_a_helper_or_a_constant_is_seen_though_the_kernel_is_as_it_was(small):
    assert ask(small) == "12 6 0 True"
    assert ask(small) == "12 6 1 True"
    (small / "propneat" / "helper.py").write_text(SMALL["helper.py"].replace("x + FIVE", "x - FIVE"))
    assert ask(small) == "-8 -4 0 True"
    (small / "propneat" / "constants.py").write_text("FIVE = 50\n")
    assert ask(small) == "-98 -49 0 True"
    (small / "propneat" / "bystander.py").write_text("FIVE = 6\n")
    assert ask(small) == "-98 -49 1 True"
    assert len(list((small / "home" / ".cache" / "propneat" / "compiled").iterdir())) == 3


def test_without_a_place_to_keep_it_code_is_compiled_all_the_same_and_that_is_said_once(small):
    # the folder of the package cannot be written where a file is in its way
    (small / "propneat" / "__pycache__").write_text("")
    nowhere = {"HOME": "/dev/null/home", "XDG_CACHE_HOME": "/dev/null/cache", "PYTHONDONTWRITEBYTECODE": "1"}
    assert ask(small, **nowhere) == "12 6 0 True PropneatWarning"
    given = ask(small, **nowhere, NUMBA_CACHE_DIR=str(small / "given"))
    assert given == "12 6 0 False"
    assert ask(small, **nowhere, NUMBA_CACHE_DIR=str(small / "given")) == "12 6 1 False"


def test_the_package_takes_it_where_the_home_cannot(small):
    for hits in (0, 1):
        assert ask(small, HOME="/dev/null/home") == f"12 6 {hits} True"
    assert len(list((small / "propneat" / "__pycache__" / "compiled").iterdir())) == 1


def test_what_nobody_used_for_a_month_goes_when_new_sources_come(small):
    compiled = small / "home" / ".cache" / "propneat" / "compiled"
    for name, days in (("old", 31), ("recent", 29)):
        (compiled / name).mkdir(parents=True)
        os.utime(compiled / name, (time.time() - 86400 * days,) * 2)
    assert ask(small) == "12 6 0 True"
    names = {path.name for path in compiled.iterdir()}
    assert "recent" in names and "old" not in names and len(names) == 2


def test_every_module_that_kernels_are_made_of_counts(tmp_path):
    """An edit of any of these changes compiled code; one of the page that shows results does not."""
    shutil.copytree(HOME, tmp_path / "propneat", ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    seen = {_sources_digest.__wrapped__(tmp_path / "propneat")}
    counting = (
        "base/native.py",
        "base/code_folder.py",
        "training/kernel_math.py",
        "training/vector_code.py",
        "training/settings.py",
    )
    counting += (
        "genome/genes.py",
        "evolution/editing.py",
        "methods/vsml/kernel.py",
        "methods/fusion_control/plant.py",
        "compiler/topology.py",
    )
    for name in counting:
        with (tmp_path / "propneat" / name).open("a") as file:
            file.write("\n")
        seen.add(_sources_digest.__wrapped__(tmp_path / "propneat"))
    assert len(seen) == 1 + len(counting)
    for name in ("report/benchmark/page.py", "run/session.py", "estimators/single.py"):
        with (tmp_path / "propneat" / name).open("a") as file:
            file.write("\n")
        seen.add(_sources_digest.__wrapped__(tmp_path / "propneat"))
    assert len(seen) == 1 + len(counting)
