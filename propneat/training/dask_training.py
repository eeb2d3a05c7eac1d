"""`train_population` on the workers of a dask cluster, to the same bytes. Needs the optional extra `propneat[dask]`."""

import pickle
import threading
from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from propneat import __version__
from propneat.base.cluster import Cluster, check_version
from propneat.base.errors import ClusterError
from propneat.compiler import PopulationPlan
from propneat.training.population import train_population
from propneat.training.settings import Samples, TrainedPopulation, TrainingConfig, make_schedule
from propneat.training.shards import divide, fresh, join

if TYPE_CHECKING:
    from distributed import Future

__all__ = ["DaskTrainer"]

_INDIVISIBLE = ("padded",)
"""Engines whose last bits depend on which genomes are trained together: one worker trains them all."""
_ATTEMPTS = 3
_MOST_HELD = 6

_held: dict[str, Samples] = {}
"""In a worker: rows by their name on the cluster, the last few. dask keeps rows too, but takes copies back when memory is short
or nothing waits for them."""
_holding = threading.Lock()


def _hold(samples: Mapping[str, Samples]) -> None:
    with _holding:
        _held.update(samples)
        for name in list(_held)[:-_MOST_HELD]:
            del _held[name]


def _train_shard(
    shard: bytes,
    names: tuple[str, ...],
    rows: tuple[Samples, ...],
    version: str,
    config: TrainingConfig,
    rng: np.random.Generator,
    place: dict[str, Any],
) -> TrainedPopulation | str:
    """Train a shard, which is pickled, in one thread of a worker: its other threads are given shards of their own.

    `names` are those of the rows to train on and, if there are any, to judge by. Returns the address of the worker when it
    does not have them and they did not come along.
    """
    check_version(version)
    _hold(dict(zip(names, rows, strict=bool(rows))))
    samples = [_held.get(name) for name in names]
    if any(part is None for part in samples):
        from distributed import get_worker

        return get_worker().address
    numba.config.NUMBA_NUM_THREADS = 1
    train, validation = (*samples, None)[:2]
    return train_population(fresh(pickle.loads(shard)), train, config, rng, validation=validation, **place)


class DaskTrainer:
    """Called like `train_population`, it has the workers of a cluster train the shards of the plan, and returns the same bytes.

    There is a shard for every thread of a worker, all of about the same cost; engine "padded" is not divided, one worker
    trains all. Rows are sent once, to all workers, which keep them; a worker that joins later gets them from another. A shard
    whose worker dies goes to another worker, and rows that no worker has any more are sent again. Bytes are the same where
    processors and versions of libraries are.

    Raises ConfigError as `connect` does and, when called, as `train_population` does; ClusterError when the cluster has had
    no worker for `patience` seconds, its scheduler is gone, or workers die of a shard again and again.
    """

    def __init__(self, address: str, *, patience: float = 60.0) -> None:
        self.cluster = Cluster(address, patience=patience)
        self._sent: dict[Samples, Future] = {}

    @property
    def n_threads(self) -> int:
        """Number of threads that all workers have together."""
        return self.cluster.n_workers

    def __call__(
        self,
        plan: PopulationPlan,
        train: Samples,
        config: TrainingConfig,
        rng: np.random.Generator,
        *,
        validation: Samples | None = None,
        **place: Any,
    ) -> TrainedPopulation:
        """Train every genome of a plan; see `train_population`, whose other keywords are those in `place`."""
        from distributed import CancelledError

        config = config.for_rows(len(train))
        task = partial(_train_shard, version=__version__, config=config, rng=deepcopy(rng), place=place)
        # draws what training here would, so that the generator goes on alike
        make_schedule(len(train), config, rng)
        with self.cluster.watched():
            for _ in range(_ATTEMPTS):
                try:
                    return self._attempt(task, plan, [train] if validation is None else [train, validation])
                except CancelledError:
                    # the last worker that held the rows is gone
                    self._sent.clear()
        raise ClusterError(f"workers of the dask cluster at {self.cluster.address} die too often to get through a generation")

    def _attempt(self, task: partial, plan: PopulationPlan, samples: list[Samples]) -> TrainedPopulation:
        client, n_threads = self.cluster.client, self.cluster.wait_for_workers()
        # a worker that cannot import a function of somebody's own says so, where dask would lose the worker
        shards = [
            pickle.dumps(shard)
            for shard in divide(plan, 1 if task.keywords["place"].get("engine") in _INDIVISIBLE else n_threads)
        ]
        rows = [self._send(part) for part in samples]
        task = partial(task, names=tuple(future.key for future in rows))
        parts = self.cluster.results(client.map(partial(task, rows=()), shards, pure=False, retries=0))
        without = [k for k, part in enumerate(parts) if isinstance(part, str)]
        # a shard goes back to the worker that had no rows, so that it has them from now on, unless that is gone
        again = [
            client.submit(task, shards[k], rows=tuple(rows), workers=parts[k], allow_other_workers=True, pure=False, retries=0)
            for k in without
        ]
        for k, part in zip(without, self.cluster.results(again), strict=True):
            parts[k] = part
        return join(parts)

    def _send(self, samples: Samples) -> "Future":
        """Return what stands for some rows on the cluster, and send them to every worker unless that was done."""
        if samples not in self._sent:
            self._sent[samples] = self.cluster.client.scatter(samples, broadcast=True, hash=False)
        return self._sent[samples]

    def close(self) -> None:
        """Take back what is under way and leave the cluster as it was."""
        self._sent.clear()
        self.cluster.close()
