"""Training on a real cluster of two worker processes: the bytes of one machine, whoever dies, and the data sent once."""

import os
import signal
import threading
import time
import warnings
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import replace

import numba
import numpy as np
import pytest
from control_cases import population
from engine_cases import make_pool
from engine_cases import make_samples as engine_samples
from test_evolve import make_problem, make_samples, small, to_bytes

distributed = pytest.importorskip("distributed")

from distributed.comm.tcp import TCP

from propneat import Aggregation, register_aggregation
from propneat.base.cluster import Cluster, connect
from propneat.base.errors import ClusterError, ConfigError
from propneat.cli.run_view import RunView
from propneat.compiler import compile_pool
from propneat.control.finding import find_world
from propneat.control.shared import share
from propneat.evolution import Population
from propneat.genome import GenePool, aggregation_code, find_aggregation
from propneat.search import Problem, evolve
from propneat.training import TrainingConfig, train_population
from propneat.training.dask_training import DaskTrainer

# what dask itself leaves behind when its processes are killed
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.filterwarnings("ignore:.*unclosed.*")]

TINY = ("--generations", "2", "--populations", "2", "--population", "10", "--fine-tune-epochs", "5", "--prune-epochs", "1")


def local_cluster(n_workers: int, *, processes: bool = True):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return distributed.LocalCluster(
            n_workers=n_workers, threads_per_worker=1, processes=processes, dashboard_address=None, silence_logs=50
        )


@pytest.fixture(scope="module")
def cluster():
    with local_cluster(2) as running:
        yield running


@pytest.fixture
def trainer(cluster):
    made = DaskTrainer(cluster.scheduler_address)
    yield made
    made.close()


def test_workers_know_functions_of_ones_own_by_name(trainer):
    assert find_aggregation("own_functions:norm") and find_aggregation("own_functions:times")
    register_aggregation("only_here:mix", Aggregation(lambda terms: terms.sum(axis=0), np.ones_like))
    pool, config = make_pool(5, 6), TrainingConfig("mse", epochs=2)
    samples = engine_samples(1, "mse", 30)

    def trained(name, train):
        nodes = pool.nodes.copy()
        nodes["aggregation"][nodes["kind"] != 0] = aggregation_code(name)
        plan = compile_pool(GenePool(nodes, pool.node_start, pool.connections, pool.connection_start))
        return train(plan, samples, config, np.random.default_rng(0), engine="layered").weights.tobytes()

    assert trained("own_functions:times", trainer) == trained("own_functions:times", train_population)
    with pytest.raises(ConfigError, match="the aggregation 'only_here:mix' cannot be imported"):
        trained("only_here:mix", trainer)


@pytest.fixture
def doomed():
    """A cluster whose workers a test kills, and its trainer: no other test waits for the workers that come instead."""
    with local_cluster(2) as running:
        made = DaskTrainer(running.scheduler_address)
        yield running, made
        made.close()


@pytest.fixture
def brief_cluster(monkeypatch):
    """A cluster of one worker in this process, which a test may end."""
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", numba.config.NUMBA_NUM_THREADS)
    with local_cluster(1, processes=False) as running:
        yield running


@contextmanager
def kill_at_work(trainer: DaskTrainer, n_workers: int, work: str = "train_shard"):
    """Kill that many of two workers with SIGKILL as soon as so many are at work on shards; fails if that never came."""
    client, killed = trainer.cluster.client, []
    client.wait_for_workers(2, timeout=60)
    pids = client.run(os.getpid)

    def kill() -> None:
        end = time.monotonic() + 60
        while len(killed) < n_workers and time.monotonic() < end:
            busy = [worker for worker, keys in client.processing().items() if any(work in key for key in keys)]
            if len(busy) >= n_workers:
                killed.extend(busy[:n_workers])
        for worker in killed:
            os.kill(pids[worker], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    yield
    thread.join()
    assert len(killed) == n_workers


def long_work():
    """A population and a training long enough to be hit in the middle of it."""
    problem = make_problem()
    config = small()
    plan = compile_pool(Population(3, 1, config.evolution, seed=1).ask())
    return plan, problem, TrainingConfig(epochs=200_000, batch_size=16)


@pytest.mark.parametrize(
    "changes",
    [
        {"training": TrainingConfig(epochs=3, batch_size=16, patience=2)},
        {"method": "neat"},
        {"retrain": True, "write_back": False},
        {"engine": "padded", "generations": 3},
    ],
    ids=["mini-batches", "neat", "retrain", "padded"],
)
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_run_on_the_cluster_is_a_run_on_one_machine(trainer, task, changes):
    problem, config = make_problem(task), small(**changes)
    states = []
    whole = to_bytes(evolve(problem, config, callbacks=[states.append]))
    assert to_bytes(evolve(problem, config, train=trainer)) == whole
    assert to_bytes(evolve(problem, config, train=trainer, state=states[2])) == whole


def test_the_generator_goes_on_as_after_training_here(trainer):
    plan, problem, _ = long_work()
    config, here = TrainingConfig(epochs=2, batch_size=16), np.random.default_rng(7)
    there = deepcopy(here)
    train_population(plan, problem.train, config, here)
    trainer(plan, problem.train, config, there)
    assert here.bit_generator.state == there.bit_generator.state


def test_rows_are_sent_once_and_generations_after_do_without(trainer, monkeypatch):
    client = trainer.cluster.client

    def count_writes() -> None:
        from distributed.comm.tcp import TCP

        TCP.n_written, write = 0, TCP.write

        async def counted(comm, *arguments, **options):
            n_bytes = await write(comm, *arguments, **options)
            TCP.n_written += n_bytes
            return n_bytes

        TCP.write = counted

    monkeypatch.setattr(TCP, "write", TCP.write)
    count_writes()
    client.run(count_writes)
    train, judge = make_samples("binary", 200_000, 1), make_samples("binary", 100_000, 2)
    n_data = sum(array.nbytes for samples in (train, judge) for array in (samples.X, samples.targets, samples.weights))
    after = []

    def look(_: object) -> None:
        # client and scheduler are in this process
        in_workers = client.run(lambda: __import__("distributed").comm.tcp.TCP.n_written)
        after.append(TCP.n_written + sum(in_workers.values()))
        # dask drops copies that nothing waits for: not to send them again is up to the trainer
        client.amm.run_once()

    config = small(generations=4, training=TrainingConfig(epochs=1), fine_tune_epochs=1, refit_epochs=0)
    evolve(Problem(train, judge, "binary"), config, train=trainer, callbacks=[look])
    # once from here to the scheduler, and once to either worker, from there or from the other
    assert 2 * n_data < after[0] < 3.5 * n_data
    assert max(np.diff(after)) < n_data / 20


def test_workers_train_in_one_thread_for_each_of_theirs(trainer):
    evolve(make_problem(), small(generations=1), train=trainer)
    assert set(trainer.cluster.client.run(lambda: __import__("numba").config.NUMBA_NUM_THREADS).values()) == {1}
    assert trainer.n_threads == 2


@pytest.mark.parametrize("n_killed", [1, 2])
def test_workers_killed_at_work_lose_nothing(doomed, n_killed):
    """With both, the rows are gone from the cluster too, and the workers that come instead must get them again."""
    _, trainer = doomed
    plan, problem, config = long_work()
    arguments = (plan, problem.train, config)
    whole = train_population(*arguments, np.random.default_rng(3), validation=problem.validation)
    with kill_at_work(trainer, n_killed):
        found = trainer(*arguments, np.random.default_rng(3), validation=problem.validation)
    for name in ("weights", "biases", "train_loss", "validation_loss", "epochs"):
        assert getattr(found, name).tobytes() == getattr(whole, name).tobytes()


def test_a_shard_that_kills_every_worker_is_one_sentence(doomed, monkeypatch):
    cluster, trainer = doomed
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    plan, problem, config = long_work()
    # far longer than any machine takes to kill both workers: none may have finished its shard by then
    endless = replace(config, epochs=20 * config.epochs)
    with kill_at_work(trainer, 2), pytest.raises(ClusterError, match="give them more memory"):
        trainer(plan, problem.train, endless, np.random.default_rng(3))


def test_other_versions_are_refused_when_connecting_and_when_they_come_later(cluster, trainer, monkeypatch):
    monkeypatch.setattr("propneat.training.dask_training.__version__", "99.1")
    with pytest.raises(ConfigError, match=r"a worker has propneat [\d.]+, and the run 99.1"):
        evolve(make_problem(), small(), train=trainer)
    monkeypatch.setattr("propneat.base.cluster.__version__", "99.1")
    with pytest.raises(ConfigError, match="the cluster's processes have propneat"):
        connect(cluster.scheduler_address)


def test_errors_of_training_come_through_as_they_are(trainer):
    config = small(engine="layered", device="no such device")
    with pytest.raises(ConfigError, match="device must be one that torch can use"):
        evolve(make_problem(), config, train=trainer)


def test_a_run_left_by_all_workers_says_so_and_is_resumed_without_them(brief_cluster, run, folder, monkeypatch):
    monkeypatch.setitem(DaskTrainer.__init__.__kwdefaults__, "patience", 1.0)
    address = brief_cluster.scheduler_address
    on_cluster = ("evolve", "xd6", *TINY, "--executor", "dask", "--address", address)
    run("evolve", "xd6", *TINY, "--out", "whole")
    code, _, err = run(*on_cluster, "--out", "there")
    assert (code, "Training on the cluster" in err) == (0, True), err
    show = RunView.__call__

    def leave(view: RunView, state: object) -> None:
        show(view, state)
        if len(state.history) == 2:
            brief_cluster.scale(0)

    monkeypatch.setattr(RunView, "__call__", leave)
    code, out, err = run(*on_cluster, "--out", "cut", "--quiet")
    assert (code, out) == (1, "")
    assert "no worker for 1 s" in err and "propneat evolve --resume cut" in err and len(err.splitlines()) == 1
    monkeypatch.setattr(RunView, "__call__", show)
    assert run("evolve", "--resume", "cut")[0] == 0
    for name in ("champion.json", "history.csv"):
        whole = (folder / "whole" / name).read_bytes()
        assert (folder / "cut" / name).read_bytes() == whole
        assert (folder / "there" / name).read_bytes() == whole
    assert (folder / "there" / "config.toml").read_bytes() == (folder / "whole" / "config.toml").read_bytes()


def test_results_that_are_lost_with_the_last_worker_are_not_waited_for_without_end(brief_cluster, monkeypatch):
    """Done, told so, and gone before the results were fetched."""
    trainer = DaskTrainer(brief_cluster.scheduler_address, patience=1.0)
    wait = Cluster._wait

    def leave_after(self: Cluster, futures: list) -> None:
        wait(self, futures)
        brief_cluster.scale(0)
        while self.n_workers:
            time.sleep(0.01)

    monkeypatch.setattr(Cluster, "_wait", leave_after)
    plan, problem, _ = long_work()
    with closing(trainer), pytest.raises(ClusterError, match="has had no worker for 1 s"):
        trainer(plan, problem.train, TrainingConfig(epochs=1), np.random.default_rng(0))


IN_PYTHON = (
    "--env",
    "control_cases:pendulum",
    "--generations",
    "3",
    "--population",
    "8",
    "--episodes",
    "2",
    "--max-steps",
    "30",
)


def test_episodes_on_the_cluster_are_those_of_one_machine(cluster, run, folder):
    options = ("evolve", *IN_PYTHON, "--method", "propneat")
    assert run(*options, "--out", "whole", "--quiet")[0] == 0
    code, _, err = run(*options, "--out", "there", "--executor", "dask", "--address", cluster.scheduler_address)
    assert code == 0 and "Episodes on the cluster at" in err, err
    for name in ("champion.json", "history.csv", "config.toml"):
        assert (folder / "there" / name).read_bytes() == (folder / "whole" / name).read_bytes()


def test_episodes_whose_worker_is_killed_are_played_again(doomed):
    cluster, trainer = doomed
    world = find_world("control_cases:InPython")
    _, programs = population(world.environment)
    seeds = np.random.default_rng(1).integers(0, 2**63, (len(programs), 300), dtype=np.uint64)
    whole = world.roll_out(programs, seeds, None)
    with kill_at_work(trainer, 1, "play"):
        found = share(world, trainer.cluster).roll_out(programs, seeds, None)
    assert (found.returns.tobytes(), found.seen.mean.tobytes()) == (whole.returns.tobytes(), whole.seen.mean.tobytes())


def test_a_run_in_an_environment_that_all_workers_leave_says_so(brief_cluster, run, folder, monkeypatch):
    monkeypatch.setitem(Cluster.__init__.__kwdefaults__, "patience", 1.0)
    show = RunView.__call__

    def leave(view: RunView, state: object) -> None:
        show(view, state)
        brief_cluster.scale(0)

    monkeypatch.setattr(RunView, "__call__", leave)
    address = brief_cluster.scheduler_address
    code, out, err = run("evolve", *IN_PYTHON, "--out", "cut", "--quiet", "--executor", "dask", "--address", address)
    assert (code, out) == (1, "")
    assert "no worker for 1 s" in err and "propneat evolve --resume cut" in err and len(err.splitlines()) == 1
    monkeypatch.setattr(RunView, "__call__", show)
    assert run("evolve", *IN_PYTHON, "--out", "whole", "--quiet")[0] == run("evolve", "--resume", "cut", "--quiet")[0] == 0
    assert (folder / "cut" / "history.csv").read_bytes() == (folder / "whole" / "history.csv").read_bytes()


def test_a_cluster_that_cannot_be_used_is_one_sentence_before_anything_is_written(brief_cluster, run, folder, monkeypatch):
    monkeypatch.setitem(connect.__kwdefaults__, "seconds", 1.0)
    brief_cluster.scale(0)
    wrong = [
        (("--executor", "dask"), "go together"),
        (("--address", "tcp://127.0.0.1:9"), "go together"),
        (("--executor", "dask", "--address", "rubbish"), "of the form tcp://HOST:PORT, not 'rubbish'"),
        (("--executor", "dask", "--address", "tcp://127.0.0.1"), "of the form tcp://HOST:PORT"),
        (("--executor", "dask", "--address", "tcp://127.0.0.1:99999"), "of the form tcp://HOST:PORT"),
        (("--executor", "dask", "--address", "tcp://127.0.0.1:9"), "no dask scheduler answers at 'tcp://127.0.0.1:9'"),
        (("--executor", "dask", "--address", brief_cluster.scheduler_address), "has had no worker for 1 s"),
    ]
    for options, words in wrong:
        code, out, err = run("evolve", "xd6", *TINY, *options)
        assert (code, out) == (2, "")
        assert words in err.replace("\n", " ")
        assert "Traceback" not in err
        assert list(folder.iterdir()) == []


def test_a_scheduler_that_is_gone_is_one_sentence(monkeypatch):
    monkeypatch.setitem(connect.__kwdefaults__, "seconds", 1.0)
    problem = make_problem()
    with local_cluster(1, processes=False) as running:
        trainer = DaskTrainer(running.scheduler_address, patience=1.0)
    with pytest.raises(ClusterError, match="scheduler at .* is gone"):
        evolve(problem, small(), train=trainer)
    trainer.close()
