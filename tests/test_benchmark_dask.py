"""The dask executor on a real cluster of two worker processes, one of which is killed while it works."""

import os
import signal
import time
import warnings

import pytest

distributed = pytest.importorskip("distributed")

from propneat.base.errors import ConfigError
from propneat.benchmark import BenchmarkConfig, Protocol, create_store, make_plan, run_benchmark
from propneat.benchmark.dask_executor import DaskExecutor
from propneat.benchmark.executor import Limits
from propneat.benchmark.plan import options_of

# what dask itself leaves behind when its processes are killed
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.filterwarnings("ignore:.*unclosed.*")]


@pytest.fixture(scope="module")
def cluster():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50, scheduler_port=0
        ) as running:
            yield running


def test_a_killed_worker_loses_nothing_and_blames_nobody(cluster, tmp_path):
    names = ("bench_methods:SLOW", "bench_methods:RAISES", "logistic-regression")
    config = BenchmarkConfig(datasets=("parity5", "mux6"), methods=names, protocol=Protocol("cv", 3))
    plan, options = make_plan(config), {name: options_of(config, name) for name in names}
    executor = DaskExecutor(cluster.scheduler_address, Limits(seconds=120.0))
    victims = list(executor._client.run(os.getpid).values())
    killed = []

    def kill_once(progress):
        busy = [task for task, seconds in progress.running if task.method == "bench_methods:SLOW"]
        if progress.n_done >= 2 and busy and not killed:
            os.kill(victims[0], signal.SIGKILL)
            killed.append(time.monotonic())

    try:
        with create_store(tmp_path) as store:
            store.add_plan(plan)
            progress = run_benchmark(plan, store, executor, environment=1, options=options, watch=kill_once)
            rows = store.rows()
    finally:
        executor.close()
    assert killed, "the run ended before a worker was killed"
    assert (progress.n_done, progress.n_failed, progress.n_remaining) == (12, 6, 0)
    by_method = rows.groupby("method")["status"].unique().map(list).to_dict()
    assert by_method == {names[0]: ["ok"], names[1]: ["error"], names[2]: ["ok"]}


def test_limits_hold_on_the_cluster_too(cluster, tmp_path):
    config = BenchmarkConfig(datasets=("parity5",), methods=("bench_methods:SLEEPS",), protocol=Protocol("paper"))
    plan, options = make_plan(config), {"bench_methods:SLEEPS": options_of(config, "bench_methods:SLEEPS")}
    executor = DaskExecutor(cluster.scheduler_address, Limits(seconds=1.0))
    try:
        with create_store(tmp_path) as store:
            store.add_plan(plan)
            run_benchmark(plan, store, executor, environment=1, options=options)
            assert store.rows()["status"].tolist() == ["timeout"]
    finally:
        executor.close()


def test_an_address_where_nothing_answers_is_one_sentence(monkeypatch):
    monkeypatch.setattr("propneat.benchmark.dask_executor._CONNECT_SECONDS", 1)
    with pytest.raises(ConfigError, match="no dask scheduler answers"):
        DaskExecutor("tcp://127.0.0.1:9", Limits())
