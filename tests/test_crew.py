"""Work in processes of our own: every task has its answer whoever dies, errors come through, and nobody is left behind."""

import os
from contextlib import closing

import psutil
import pytest
from crew_cases import deadly, failing, killed_once, process_and_threads, squared

from propneat.base.crew import ProcessCrew
from propneat.base.errors import ClusterError


@pytest.fixture(scope="module")
def crew():
    with closing(ProcessCrew(2)) as made:
        yield made


def test_every_task_has_its_answer_in_its_place(crew):
    assert crew.carry_out(squared, range(23)) == [number**2 for number in range(23)]
    assert crew.carry_out(squared, []) == []
    assert sorted(crew.as_completed(squared, [4, 5])) == [(0, 16), (1, 25)]


def test_processes_stay_and_have_one_thread_and_this_one_keeps_its_own(crew, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    first, again = (crew.carry_out(process_and_threads, range(6)) for _ in range(2))
    assert set(first) == set(again) and len(set(first)) == 2 and {threads for _, threads in first} == {"1"}
    assert os.environ["NUMBA_NUM_THREADS"] == "2"


def test_what_goes_wrong_in_a_process_is_raised_here_and_work_goes_on(crew):
    with pytest.raises(ZeroDivisionError, match="three") as caught:
        crew.carry_out(failing, range(4))
    assert "in failing" in "".join(caught.value.__notes__)
    with pytest.raises(RuntimeError, match="Odd: this and that"):
        crew.carry_out(failing, [4])
    assert crew.carry_out(failing, [0, 1]) == [0, 1]


def test_a_task_whose_process_dies_goes_to_another(crew, tmp_path):
    tasks = [None, str(tmp_path / "a"), None, str(tmp_path / "b")]
    assert crew.carry_out(killed_once, tasks) == tasks
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_a_task_that_kills_every_process_is_one_sentence(crew):
    with pytest.raises(ClusterError, match="3 worker processes died of the same work, the last with exit code 7: give fewer"):
        crew.carry_out(deadly, [0])
    assert crew.carry_out(squared, [3]) == [9]


def test_nobody_is_left_behind():
    before = set(psutil.Process().children())
    with closing(ProcessCrew(2)) as crew:
        crew.carry_out(process_and_threads, range(4))
        begun = set(psutil.Process().children()) - before
        assert len(begun) >= 2
        # work that nobody waits for any more
        next(crew.as_completed(process_and_threads, range(4)))
    left = [child for child in begun if child.is_running() and "spawn_main" in " ".join(child.cmdline())]
    assert not left
