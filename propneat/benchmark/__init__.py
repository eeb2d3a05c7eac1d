"""The benchmark: methods x data sets x splits as tasks, run by an executor, every result kept in one SQLite file."""

from propneat.benchmark.plan import BenchmarkConfig, make_plan, select_shard
from propneat.benchmark.runner import Progress, run_benchmark
from propneat.benchmark.splits import Protocol
from propneat.benchmark.store import Store, create_store, open_store
from propneat.benchmark.task import Outcome, Planned, Task

__all__ = [
    "BenchmarkConfig",
    "Outcome",
    "Planned",
    "Progress",
    "Protocol",
    "Store",
    "Task",
    "create_store",
    "make_plan",
    "open_store",
    "run_benchmark",
    "select_shard",
]
