"""Workers: deaths at any age, real kills of them and of coordinators, signals to all, and what comes before a fit is timed."""

import os
import pty
import select
import signal
import subprocess
import sys
import time

import psutil
import pytest
from test_benchmark_runner import InProcess, make, run

from propneat.benchmark import Outcome, Protocol, open_store
from propneat.benchmark.executor import Job, Limits
from propneat.benchmark.local_executor import LocalExecutor
from propneat.benchmark.plan import _check_parameters
from propneat.benchmark.slot import Slot
from propneat.cli.signals import stop_signals
from propneat.methods import METHODS

HERE = os.path.dirname(__file__)
SLOW = ("--datasets", "parity5,mux6,monk1", "--methods", "bench_methods:SLOW", "--folds", "4", "--workers", "1", "--no-report")


@pytest.fixture
def one_worker():
    executor = LocalExecutor(1, 1, Limits())
    yield executor
    executor.close()


def worker_of(executor):
    return (executor._busy or executor._idle)[0]._worker._process


def test_a_worker_that_dies_while_starting_is_a_death_like_any_other(tmp_path, one_worker):
    plan, options = make(["bench_methods:GOOD"])
    ages = [0.0, 0.3]

    def kill(progress):
        if ages and progress.running:
            time.sleep(ages.pop(0))
            worker_of(one_worker).kill()

    progress, rows = run(tmp_path, plan, options, one_worker, watch=kill)
    assert not ages and set(rows["status"]) <= {"ok", "crashed"} and progress.n_remaining == 0
    reasons = rows.loc[rows["status"] == "crashed", "reason"]
    assert len(reasons) <= 1 and reasons.str.contains("exit code -9 while starting").all()
    assert "ok" in set(rows["status"])


def test_a_worker_killed_once_while_starting_costs_nothing(tmp_path, one_worker):
    plan, options = make(["bench_methods:GOOD"])
    killed = []

    def kill(progress):
        if progress.running and not killed:
            worker_of(one_worker).kill()
            killed.append(True)

    _, rows = run(tmp_path, plan, options, one_worker, watch=kill)
    assert killed and rows["status"].tolist() == ["ok", "ok"]


def test_a_worker_killed_while_it_has_nothing_to_do_is_replaced(one_worker):
    plan, options = make(["bench_methods:GOOD"])
    for planned in plan:
        one_worker.submit(Job(planned.task, options[planned.task.method], None, 1))
        ended = []
        while not ended:
            ended = one_worker.poll(1.0)
        assert ended[0][1].status == "ok"
        worker_of(one_worker).kill()
        worker_of(one_worker).join()


def test_a_death_while_the_run_stops_is_no_result(tmp_path):
    plan, options = make(["bench_methods:GOOD"])
    dead = [Outcome("crashed", "killed with its coordinator")] * 4
    executor = InProcess({"bench_methods:GOOD": dead})
    progress, rows = run(tmp_path, plan, options, executor, stopping=lambda: 5.0 if executor.calls else None)
    assert set(rows["status"]) == {"missing"} and progress.n_remaining == 2 and len(executor.calls) == 1


def start(arguments, **more):
    environment = {**os.environ, "PYTHONPATH": HERE}
    command = [sys.executable, "-m", "propneat", "benchmark", *arguments]
    return subprocess.Popen(command, env=environment, start_new_session=True, **more)


def wait_for_results(folder, n=1, seconds=120.0, meanwhile=lambda: None):
    """Wait until a store holds results, and return how many."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (folder / "results.sqlite").exists():
            with open_store(folder) as store:
                if (found := len(store.statuses())) >= n:
                    return found
        meanwhile()
        time.sleep(0.05)
    raise AssertionError("no result came")


def is_worker(process: psutil.Process) -> bool:
    """Whether a child process is a worker; one that has just ended is none."""
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def test_workers_end_with_a_coordinator_that_is_killed(folder):
    """With kill -9 at work, and while the worker is starting."""
    for moment in ("at work", "at once"):
        process = start((*SLOW, "--out", moment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        workers = []
        while not workers:
            workers = [child for child in psutil.Process(process.pid).children() if is_worker(child)]
            assert process.poll() is None
            time.sleep(0.02)
        if moment == "at work":
            wait_for_results(folder / moment)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(workers, timeout=60.0 if moment == "at once" else 3.0)
        assert not alive, moment


WATCHED = """
import multiprocessing, os, sys, time
def child(path):
    from propneat.base.processes import end_with_parent
    sys.platform = "another"
    end_with_parent()
    open(path, "w").write(str(os.getpid()))
    time.sleep(600)
if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=child, args=(sys.argv[1],)).start()
    time.sleep(600)
"""


def test_where_the_system_does_not_do_it_workers_watch_their_parent(tmp_path):
    (tmp_path / "watched.py").write_text(WATCHED)
    process = subprocess.Popen([sys.executable, str(tmp_path / "watched.py"), str(tmp_path / "pid")])
    for _ in range(1200):
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            break
        time.sleep(0.05)
    worker = psutil.Process(int((tmp_path / "pid").read_text()))
    process.kill()
    process.wait()
    assert not psutil.wait_procs([worker], timeout=3.0)[1]


def test_a_terminal_that_is_closed_stops_the_run_like_a_polite_kill(folder):
    """The system sends SIGHUP to the coordinator and its workers; nobody is left to talk to."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["PYTHONPATH"] = HERE
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        os.execv(sys.executable, [sys.executable, "-m", "propneat", "benchmark", *SLOW, "--out", "r"])

    def read():
        while select.select([terminal], [], [], 0.0)[0]:
            assert os.read(terminal, 2**16)

    kept = wait_for_results(folder / "r", meanwhile=read)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    assert sorted(os.listdir("r")) == [".lock", "results.sqlite"]
    with open_store(folder / "r") as store:
        assert kept <= len(store.statuses()) < 12 and set(store.statuses().values()) == {"ok"}


def test_a_signal_to_the_whole_group_leaves_no_false_failure(folder):
    process = start((*SLOW, "--out", "r"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_results(folder / "r")
    os.killpg(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM and "Continue with the same command" in err and "Traceback" not in err
    with open_store(folder / "r") as store:
        assert set(store.statuses().values()) == {"ok"}


def test_hanging_up_is_heard_unless_it_is_ignored_on_purpose():
    received, before = [], signal.getsignal(signal.SIGHUP)
    try:
        for former in (signal.SIG_DFL, signal.SIG_IGN):
            signal.signal(signal.SIGHUP, former)
            with stop_signals(received.append):
                signal.raise_signal(signal.SIGHUP)
            assert received == [signal.SIGHUP] and signal.getsignal(signal.SIGHUP) is former
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_is_loaded_at_first_use_is_charged_to_no_task(tmp_path):
    """The method takes 0.8 s at its first fit in a process; each of two workers makes one fit more than it has tasks."""
    marker = tmp_path / "marker"
    own = {"bench_methods:LAZY": {"marker": str(marker), "seconds": 0.2}}
    plan, options = make(["bench_methods:LAZY"], options=own, protocol=Protocol("cv", 6))
    executor = LocalExecutor(2, 1, Limits())
    try:
        _, rows = run(tmp_path / "run", plan, options, executor)
    finally:
        executor.close()
    workers = marker.read_text().splitlines()
    assert set(rows["status"]) == {"ok"} and rows["fit_seconds"].max() < 0.7
    assert len(workers) == len(plan) + len(set(workers))


def test_a_limit_holds_for_the_warm_up_too():
    plan, options = make(["bench_methods:LAZY"], options={"bench_methods:LAZY": {"seconds": 60.0}})
    slot = Slot(Limits(seconds=0.5))
    try:
        slot.begin(Job(plan[0].task, options["bench_methods:LAZY"], None, 1))
        outcome = slot.finish()
    finally:
        slot.close()
    assert outcome.status == "timeout" and "time limit of 0.5 s while warming up" in outcome.reason


@pytest.mark.parametrize("name", METHODS)
def test_every_method_can_be_made_with_its_quick_options(name):
    method = METHODS[name]
    assert method.quick is not None
    for task in {"regression" if task == "regression" else "binary" for task in method.tasks}:
        _check_parameters(method.maker(task)(random_state=0, **{**method.options, **method.quick}))


COMPILED = """
import gc
from numba.core.dispatcher import Dispatcher
from propneat.benchmark.tables import read_benchmark_table
from propneat.benchmark.task import Task
from propneat.benchmark.work import warm_up
from propneat.methods import METHODS

def compiled():
    known = [d for d in gc.get_objects() if isinstance(d, Dispatcher)]
    return {(d.py_func.__module__, d.__name__, str(s)) for d in known for s in d.signatures}

warm_up(Task("propneat", "{}", "mux6", "", "cv-5", 0, 0, ""), {}, None, 1)
before = compiled()
table = read_benchmark_table("mux6")
METHODS["propneat"].make(random_state=0, generations=4).fit(table.features, table.codes)
assert before and not compiled() - before, compiled() - before
"""


def test_a_warm_worker_compiles_nothing_more_for_propneat():
    done = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
