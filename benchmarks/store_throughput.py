"""How fast and how large is the store, and how long does a report take, at 100,000 results?

python benchmarks/store_throughput.py [N_ROWS]
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from propneat.benchmark import Outcome, Planned, Task, create_store, open_store
from propneat.benchmark.predictions import pack
from propneat.benchmark.results import load_results
from propneat.benchmark.suites import suite_names
from propneat.report.benchmark import write_report

METHODS = [f"method-{letter}" for letter in "abcdefghijkl"]


def tasks(n_rows: int) -> list[Planned]:
    """Twelve methods on the paper's data sets, in as many repeats of five folds as it takes."""
    names = suite_names("pmlb58")
    found = []
    for repeat in range(n_rows // (len(METHODS) * len(names) * 5) + 1):
        for fold in range(5):
            for name in names:
                for method in METHODS:
                    task = Task(method, "{}", name, "00", "cv-5", repeat, fold, "0.1")
                    found.append(Planned(task, name, "binary", 500, 20, 2, 1.0))
    return found[:n_rows]


def main() -> None:
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rng = np.random.default_rng(0)
    plan = tasks(n_rows)
    skill = dict(zip(METHODS, np.linspace(0.7, 0.9, len(METHODS)), strict=True))
    packed = pack(np.arange(100), rng.integers(0, 2, 100), rng.dirichlet([1, 1], 100))

    def outcome(planned: Planned) -> Outcome:
        auc = float(np.clip(skill[planned.task.method] + 0.05 * rng.standard_normal(), 0, 1))
        metrics = {"auc": auc, "balanced_accuracy": auc, "accuracy": auc, "log_loss": 1 - auc, "brier": (1 - auc) / 2}
        return Outcome("ok", None, 400, 100, metrics, 1.0, 0.01, 1.0, 200.0, 50, 4, packed)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with create_store(path) as store:
            environment = store.add_environment({"propneat": "0"})
            store.note("configuration", {"protocol": "cv-5", "suites": ["pmlb58"], "methods": {}, "limits": {}})
            begin = time.perf_counter()
            store.add_plan(plan)
            print(f"plan of {n_rows} tasks written in {time.perf_counter() - begin:.2f} s")
            n_single = min(1000, n_rows)
            begin = time.perf_counter()
            for planned in plan[:n_single]:
                store.add_result(planned.task.key, outcome(planned), environment)
            seconds = time.perf_counter() - begin
            print(f"{n_single / seconds:.0f} results a second, one by one, each on disk before the next")
            begin = time.perf_counter()
            store.add_results((planned.task.key, outcome(planned), environment, 0.0) for planned in plan[n_single:])
            print(f"the other {n_rows - n_single} in one transaction in {time.perf_counter() - begin:.2f} s")
        size = (path / "results.sqlite").stat().st_size
        print(f"{size / 2**20:.1f} MiB, {size / n_rows:.0f} bytes a result, predictions of 100 rows included")
        with open_store(path) as store:
            begin = time.perf_counter()
            results = load_results(store, "synthetic")
            read = time.perf_counter()
            write_report(results, path)
            print(f"rows read in {read - begin:.2f} s, report written in {time.perf_counter() - read:.2f} s")
        print(f"report.html {(path / 'report.html').stat().st_size / 2**10:.0f} KiB")


if __name__ == "__main__":
    main()
