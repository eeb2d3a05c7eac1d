"""Rollouts by workers: the bytes of one process, whoever plays, whoever dies, and however often the run is interrupted."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest
from control_cases import population

from propneat.base.crew import ProcessCrew
from propneat.base.errors import ConfigError
from propneat.control.finding import find_world
from propneat.control.moments import Moments
from propneat.control.shared import share

pytestmark = pytest.mark.usefixtures("folder")

HERE = Path(__file__).parent
TINY = ("--env", "control_cases:pendulum", "--population", "8", "--episodes", "2", "--max-steps", "30", "--method", "propneat")
SAME = ("champion.json", "history.csv", "config.toml")


@pytest.fixture(scope="module")
def crew():
    with closing(ProcessCrew(2)) as made:
        yield made


def outcome(path) -> list[bytes]:
    return [(Path(path) / name).read_bytes() for name in SAME]


class Reversed:
    """Has its tasks done last first, in this process."""

    n_workers = 5

    def carry_out(self, function, tasks):
        return [function(task) for task in reversed(tasks)][::-1]


@pytest.mark.parametrize("name", ["control_cases:InPython", "control_cases:pendulum"])
def test_rollouts_are_those_of_one_process_to_the_bit(crew, name):
    world = find_world(name, 40)
    _, programs = population(world.environment)
    seeds = np.random.default_rng(1).integers(0, 2**63, (len(programs), 3), dtype=np.uint64)
    moments = Moments(4, np.full(programs.n_inputs, 0.01), np.full(programs.n_inputs, 2.0))
    whole = world.roll_out(programs, seeds, moments, keep=True)
    chosen = np.random.default_rng(2).random(seeds.shape) < 0.5
    for those in (crew, Reversed()):
        found = share(world, those).roll_out(programs, seeds, moments, keep=True)
        for one, other in (
            (found.returns, whole.returns),
            (found.steps, whole.steps),
            (found.seen.mean, whole.seen.mean),
            (found.seen.squares, whole.seen.squares),
            *((getattr(found.replay(chosen), part), getattr(whole.replay(chosen), part)) for part in
              ("inputs", "actions", "rewards", "episode")),
        ):  # fmt: skip
            assert one.dtype == other.dtype and one.tobytes() == other.tobytes()
        assert found.seen.count == whole.seen.count == whole.n_steps
    assert not len(whole.replay(np.zeros_like(chosen)).rewards)
    world.close()


def test_episodes_do_not_depend_on_those_beside_them():
    world = find_world("control_cases:pendulum", 25)
    _, programs = population(world.environment)
    seeds = np.random.default_rng(3).integers(0, 2**63, (len(programs), 5), dtype=np.uint64)
    whole = world.roll_out(programs, seeds, None)
    some = world.play(programs, np.array([7, 2]), seeds[[7, 2], [3, 0]], None, False)
    assert [episode.total for episode in some] == [whole.returns[7, 3], whole.returns[2, 0]]
    made = world.made(3)
    assert world.made(2) == made[:2]
    world.close()
    assert world.made(1)[0] not in made


def test_compiled_environments_stay_here(crew):
    with pytest.raises(ConfigError, match="CartPole-v1 are compiled"):
        share(find_world("CartPole-v1"), crew)


def test_a_run_has_the_same_bytes_with_any_number_of_workers_and_interruptions(run, folder):
    assert run("evolve", *TINY, "--generations", "3", "--out", "one", "--quiet")[0] == 0
    code, _, err = run("evolve", *TINY, "--generations", "3", "--out", "two", "--workers", "2")
    assert code == 0 and "Episodes in 2 processes" in err
    assert outcome("one") == outcome("two")
    # begun with workers, gone on with without, and with others
    assert run("evolve", *TINY, "--generations", "1", "--out", "parts", "--workers", "3", "--quiet")[0] == 0
    assert run("evolve", "--resume", "parts", "--generations", "2", "--quiet")[0] == 0
    assert run("evolve", "--resume", "parts", "--generations", "3", "--workers", "2", "--quiet")[0] == 0
    assert outcome("parts") == outcome("one")


def test_options_that_do_not_go_together_are_one_sentence(run, folder):
    for words, said in (
        (("--env", "CartPole-v1", "--workers", "2"), "are compiled and take the threads of this process"),
        (("monk1", "--workers", "2"), "--workers is for environments in Python"),
        (("--env", "control_cases:InPython", "--workers", "0"), "0 is not in the range"),
        (("--env", "control_cases:InPython", "--executor", "dask"), "go together"),
        (("--env", "control_cases:InPython", "--executor", "dask", "--address", "tcp://h:1", "--workers", "2"), "it has"),
        (("--env", "control_cases:InPython", "--executor", "dask", "--address", "rubbish"), "of the form tcp://HOST:PORT"),
    ):
        code, out, err = run("evolve", *words)
        assert (code, out) == (2, "") and said in err and "Traceback" not in err, words
        assert list(folder.iterdir()) == []


def wait_until(holds, seconds=120.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_worker_that_is_killed_and_a_signal_to_all_change_nothing(run, folder):
    options = (*TINY, "--generations", "40", "--quiet")
    assert run("evolve", *options, "--out", "whole")[0] == 0
    command = [sys.executable, "-m", "propneat", "evolve", *options, "--out", "cut", "--workers", "2"]
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    with subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.PIPE, text=True) as process:
        workers = []

        def are_begun() -> bool:
            workers[:] = [
                child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())
            ]
            return len(workers) == 2

        wait_until(are_begun)
        wait_until(lambda: (folder / "cut" / "checkpoint.npz").exists() or process.poll() is not None)
        workers[0].kill()
        time.sleep(0.2)
        # as Ctrl-C does: to this process and all of its workers
        os.killpg(process.pid, signal.SIGINT)
        told = process.stderr.read()
        code = process.wait(timeout=120)
    assert (code, told) in [(130, ""), (0, "")]
    psutil.wait_procs(workers, timeout=10)
    assert not any(worker.is_running() for worker in workers)
    assert run("evolve", "--resume", "cut", "--quiet")[0] == 0
    assert outcome("cut") == outcome("whole")
