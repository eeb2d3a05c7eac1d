"""What all tests share: fixtures for tests of the command line."""

import os
import subprocess
import sys
from tempfile import TemporaryDirectory

import pytest

# tests run side by side, so each takes one thread for what is not compiled here
os.environ.setdefault("OMP_NUM_THREADS", "1")


SLOW = frozenset(
    """
    averaging benchmark_dask benchmark_regression benchmark_runner benchmark_speed benchmark_states benchmark_store
    benchmark_workers cli_benchmark cli_control cli_datasets cli_evolve cli_pick cli_reading cli_series control docs
    estimators evolve_dask export_c export_c_fixed export_c_targets export_micropython extras forward_gradients
    forward_gradients_champion forward_gradients_learning fusion_control fusion_control_learning fusion_control_streams
    inverse_flow inverse_flow_learning limits method_parts methods modprop modprop_learning onnx padded_engine
    paper_study populations rate_backprop rate_backprop_learning rate_backprop_network readme real_sets recomputation
    recomputation_training report_page run_life run_report sequence_engine sequences_use shards shared_rollouts sparse_fourier
    sparse_fourier_learning spike_train spike_train_learning spike_train_recordings spike_train_rule stats_oracles style
    swept_columns torch_engines triton_engine vsml vsml_learners web_page
    """.split()
)
"""Files, without test_ and .py, whose tests are marked as slow: the methods of papers, whole runs of the program, clusters, emulators,
engines beside each other. What is left takes under three minutes on two cores."""


_COMPILED = (
    "-m",
    "propneat",
    "evolve",
    "breast_cancer_wisconsin",
    "--generations",
    "1",
    "--populations",
    "1",
    "--no-report",
    "--quiet",
    "--out",
)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have the kernels of a run compiled before all tests run, on two cores and once: else every worker compiles them all."""
    is_whole = session.config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if is_whole and session.config.getoption("numprocesses", None):
        with TemporaryDirectory() as place:
            command = [sys.executable, *_COMPILED, f"{place}/run"]
            subprocess.run(command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes long."""
    for item in items:
        if item.path.stem.removeprefix("test_") in SLOW:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of the test's own to work in, without settings from outside."""
    for name in [name for name in os.environ if name.startswith("PROPNEAT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(capsys):
    """Return a function that runs the command line in this process and returns exit code, stdout and stderr."""
    from propneat.cli import main as cli

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main(list(arguments))
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    return call


@pytest.fixture
def run(call):
    """What `call` is, for modules to put another in its place."""
    return call


@pytest.fixture
def unreported(call):
    """`call`, but runs train no baselines and write no report unless told to, which takes half their time."""

    def unreported(*arguments: str) -> tuple[int, str, str]:
        told = arguments[0] == "evolve" and "--report" not in arguments
        return call(*arguments, *(["--no-report"] if told else []))

    return unreported
