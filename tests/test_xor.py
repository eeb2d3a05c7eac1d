"""XOR by plain NEAT: a few seeds of the benchmark script, and the control that nothing may solve."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def xor(monkeypatch) -> ModuleType:
    """The script `benchmarks/xor.py` as a module."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parent.parent / "benchmarks"))
    return import_module("xor")


def test_plain_neat_solves_xor_with_few_nodes(xor):
    """Unlucky seeds are part of the law: at most one of ten may fail, and the mean of one hundred is far below 40."""
    runs = [xor.run_xor(xor.XOR_CONFIG, seed) for seed in range(10)]
    wins = [run for run in runs if run.solved]
    assert len(wins) >= 9
    assert np.mean([run.generations for run in wins]) <= 40 and np.mean([run.n_hidden for run in wins]) <= 3.5
    for run in wins:
        assert run.evaluations == 150 * run.generations and run.n_hidden >= 1 and run.n_enabled >= 5
    assert f"solved              {len(wins)} of 10" in xor.summarise(runs)


def test_no_network_without_hidden_nodes_solves_xor(xor):
    control = replace(xor.XOR_CONFIG, add_node_rate=0.0, initial_hidden=0)
    runs = [xor.run_xor(control, seed, max_generations=25) for seed in range(4)]
    assert not any(run.solved for run in runs)
    assert "solved              0 of 4" in xor.summarise(runs)


def test_a_run_is_its_seed(xor):
    first, again = (replace(xor.run_xor(xor.XOR_CONFIG, 3), cpu_seconds=0.0) for _ in range(2))
    assert first == again
