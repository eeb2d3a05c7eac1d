"""Laws of compiling in two processes: done once, waited for, of use to the first, and harmless where it fails."""

import json
import subprocess
import sys
import time

import pytest

from propneat.base import second_process
from propneat.base.second_process import compiling_beside

NOTE = "from pathlib import Path\nwith Path({notes!r}).open('a') as file:\n    file.write('once ')\n"
RUN = """
import json
import numpy as np
from propneat.evolution.later_kernels import compile_later_kernels
from propneat.model import prepare_problem
from propneat.run import warm_up
from propneat.settings.evolve_config import default_config
from propneat.evolution import breeding, speciation
from propneat.compiler import walk

kernels = [breeding._breed, speciation._move_to_nearer, walk.pack_programs, walk.walk_rows]
compile_later_kernels()
rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
warm_up(default_config("propneat"), prepare_problem(X, (X[:, 0] > 0).astype(int), "binary", seed=0).problem)
print(json.dumps([len(kernel.signatures) for kernel in kernels]))
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder for code and for modules, in which `notes` shows how often one ran to its end; there are two cores."""
    monkeypatch.setattr(second_process, "code_folder", lambda: tmp_path)
    monkeypatch.setattr(second_process.os, "cpu_count", lambda: 2)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def module(place, name, text=""):
    (place / f"{name}.py").write_text(text + NOTE.format(notes=str(place / "notes")))
    return name


def notes(place):
    return (place / "notes").read_text().split() if (place / "notes").exists() else []


def test_a_module_runs_once_and_is_waited_for(place):
    name = module(place, "slow_module", "import time\ntime.sleep(0.3)\n")
    for _ in range(2):
        with compiling_beside(name) as wait:
            wait()
            assert notes(place) == ["once"]
            wait()


def test_one_that_fails_is_tried_again_and_disturbs_nobody(place, capfd):
    name = module(place, "failing_module", "raise OSError('nothing to see')\n")
    for _ in range(2):
        with compiling_beside(name) as wait:
            wait()
    assert notes(place) == [] and capfd.readouterr() == ("", "")
    module(place, name)
    with compiling_beside(name) as wait:
        wait()
    assert notes(place) == ["once"]


def test_it_ends_with_what_it_was_started_for(place):
    name = module(place, "endless_module", "import time\ntime.sleep(60)\n")
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt), compiling_beside(name):
        raise KeyboardInterrupt
    assert time.perf_counter() - begin < 30 and notes(place) == []


@pytest.mark.parametrize("lacking", ["code_folder", "cores", "python"])
def test_without_a_second_core_a_place_for_code_or_an_interpreter_nothing_is_started(place, monkeypatch, lacking):
    if lacking == "code_folder":
        monkeypatch.setattr(second_process, "code_folder", lambda: None)
    elif lacking == "cores":
        monkeypatch.setattr(second_process.os, "cpu_count", lambda: 1)
    else:
        monkeypatch.setattr(sys, "executable", str(place / "no-python"))
    with compiling_beside(module(place, "some_module")) as wait:
        wait()
    assert notes(place) == []


def test_what_the_second_process_compiles_is_what_a_run_needs_and_of_one_kind_alone():
    done = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [1, 1, 1, 1]
