"""The runner: every task ends in a row with the right blame, whatever its method does to its worker."""

import time

from propneat.benchmark import BenchmarkConfig, Outcome, Protocol, create_store, make_plan, run_benchmark
from propneat.benchmark.executor import Limits, execute
from propneat.benchmark.local_executor import LocalExecutor
from propneat.benchmark.plan import options_of
from propneat.benchmark.tables import read_benchmark_table

QUICK = Protocol("cv", 2)


class InProcess:
    """An executor that runs each job when it is polled; `outcomes` overrules what comes of a method, call by call."""

    name = "in process"

    def __init__(self, outcomes=None):
        self.jobs, self.outcomes, self.calls = [], outcomes or {}, []

    def n_free(self):
        return 1 - len(self.jobs)

    def submit(self, job):
        self.jobs.append(job)
        self.calls.append(job.task.key)

    def poll(self, seconds):
        ended = []
        for job in self.jobs:
            prepared = self.outcomes.get(job.task.method, [])
            ended.append((job.task, prepared.pop(0) if prepared else execute(job)))
        self.jobs = []
        return ended

    def running(self):
        return [(job.task, 0.0) for job in self.jobs]

    def close(self):
        self.jobs = []


def make(methods, datasets=("parity5",), options=None, protocol=QUICK):
    config = BenchmarkConfig(datasets=datasets, methods=tuple(methods), options=options or {}, protocol=protocol)
    return make_plan(config), {name: options_of(config, name) for name in methods}


def run(folder, plan, options, executor, **more):
    with create_store(folder) as store:
        store.add_plan(plan)
        progress = run_benchmark(plan, store, executor, environment=1, options=options, **more)
        return progress, store.rows()


def test_each_kind_of_failure_is_blamed_on_its_own_task_and_the_rest_ends_well(tmp_path):
    bad = {"RAISES": "error", "DIES": "crashed", "EATS": "memory", "SLEEPS": "timeout"}
    methods = [f"bench_methods:{name}" for name in ("GOOD", "DIES_ONCE", *bad)]
    marker = str(tmp_path / "marker")
    plan, options = make(methods, options={"bench_methods:DIES_ONCE": {"marker": marker}}, protocol=Protocol("paper"))
    executor = LocalExecutor(2, 1, Limits(seconds=12.0, memory_mb=420.0))
    try:
        progress, rows = run(tmp_path / "run", plan, options, executor)
    finally:
        executor.close()
    found = {method.split(":")[1]: status for method, status in zip(rows["method"], rows["status"], strict=True)}
    assert found == {"GOOD": "ok", "DIES_ONCE": "ok", **bad}
    reasons = dict(zip(rows["method"], rows["reason"], strict=True))
    assert "this method always fails" in reasons["bench_methods:RAISES"]
    assert "time limit of 12 s" in reasons["bench_methods:SLEEPS"] and "above the limit" in reasons["bench_methods:EATS"]
    assert len((tmp_path / "marker").read_text().splitlines()) == 2
    assert (progress.n_done, progress.n_failed, progress.n_remaining) == (2, 4, 0)


def test_results_do_not_depend_on_workers_or_processes(tmp_path):
    plan, options = make(["logistic-regression", "bench_methods:GOOD"], ("parity5", "mux6"))
    executor = LocalExecutor(2, 1, Limits())
    try:
        _, rows = run(tmp_path / "two", plan, options, executor)
    finally:
        executor.close()
    _, alone = run(tmp_path / "one", plan[::-1], options, InProcess())
    columns = ["key", "status", "auc", "log_loss", "brier", "n_parameters", "depth"]
    assert rows[columns].equals(alone[columns]) and set(rows["status"]) == {"ok"}


def test_what_is_stored_is_not_done_again(tmp_path):
    plan, options = make(["bench_methods:GOOD"])
    first, again = InProcess(), InProcess()
    run(tmp_path, plan[:1], options, first)
    progress, rows = run(tmp_path, plan, options, again)
    assert len(first.calls) == 1 and again.calls == [plan[1].task.key]
    assert progress.n_stored_before == 1 and set(rows["status"]) == {"ok"}


def test_a_crash_is_tried_once_more_and_anything_else_is_not(tmp_path):
    names = ["bench_methods:GOOD", "bench_methods:SLOW", "bench_methods:RAISES"]
    plan, options = make(names, protocol=Protocol("paper"))
    dead, late = Outcome("crashed", "died"), Outcome("timeout", "late")
    executor = InProcess({names[0]: [dead], names[1]: [dead, dead], names[2]: [late]})
    _, rows = run(tmp_path, plan, options, executor)
    assert dict(zip(rows["method"], rows["status"], strict=True)) == dict(zip(names, ("ok", "crashed", "timeout"), strict=True))
    assert len(executor.calls) == 5


def test_stopping_hands_nothing_more_out_and_keeps_what_ended(tmp_path):
    plan, options = make(["bench_methods:GOOD"], ("parity5", "mux6"))
    executor = InProcess()
    progress, rows = run(tmp_path, plan, options, executor, stopping=lambda: 5.0 if executor.calls else None)
    assert progress.n_remaining == 3 and sorted(rows["status"]) == ["missing"] * 3 + ["ok"]


def test_a_stop_without_grace_abandons_what_is_under_way(tmp_path):
    plan, options = make(["bench_methods:SLEEPS"])
    executor = LocalExecutor(1, 1, Limits())
    begin = time.monotonic()
    try:
        progress, rows = run(tmp_path, plan, options, executor, stopping=lambda: 0.0 if executor.running() else None)
    finally:
        executor.close()
    assert progress.n_remaining == 2 and set(rows["status"]) == {"missing"} and time.monotonic() - begin < 60


def test_one_class_of_test_rows_is_skipped_not_scored(tmp_path):
    table = tmp_path / "rare.csv"
    table.write_text("x,target\n" + "".join(f"{k},{int(k == 0)}\n" for k in range(30)))
    plan, options = make(["bench_methods:GOOD"], (str(table),), protocol=Protocol("cv", 3))
    _, rows = run(tmp_path / "run", plan, options, InProcess())
    assert sorted(rows["status"]) == ["skipped"] * 3
    assert rows["reason"].str.startswith("one class").all() and rows["auc"].isna().all()


def test_changed_data_are_an_error_not_a_result(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("x,target\n" + "".join(f"{k},{k % 2}\n" for k in range(30)))
    plan, options = make(["bench_methods:GOOD"], (str(table),))
    table.write_text("x,target\n" + "".join(f"{k + 1},{k % 2}\n" for k in range(30)))
    read_benchmark_table.cache_clear()
    _, rows = run(tmp_path / "run", plan, options, InProcess())
    assert set(rows["status"]) == {"error"} and rows["reason"].str.contains("other values").all()


def test_an_empty_plan_is_done(tmp_path):
    progress, rows = run(tmp_path, [], {}, InProcess())
    assert progress.n_done == progress.n_remaining == len(rows) == 0
