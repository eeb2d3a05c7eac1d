"""Kill `propneat benchmark` with SIGKILL at random moments, go on, and compare with a run that nobody disturbed.

    python benchmarks/kill_benchmark.py [--kills 20] [--seed 0]

After every kill the store is read: no result that was there before may be gone, none may be there twice, none may be a
failure, and no worker may live on. Every third kill hits a worker instead, at any age from the start of its process; then
the run must go on by itself. At the end the table of results must be that of the undisturbed run, but for times and memory.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from propneat.benchmark import open_store

RUN = [
    "benchmark", "--datasets", "monk1,parity5,mux6,corral,wine_recognition,iris", "--methods",
    "logistic-regression,gradient-boosting,random-forest-default,propneat", "--set", "propneat.generations=5",
    "--set", "random-forest-default.n_estimators=50", "--repeats", "2", "--no-report", "--quiet",
]  # fmt: skip
COMPARED = ["key", "method", "dataset", "status", "auc", "log_loss", "brier", "n_parameters", "depth"]


def start(folder: Path) -> subprocess.Popen:
    """Start the benchmark into a folder."""
    command = [sys.executable, "-m", "propneat", *RUN, "--out", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def stored(folder: Path):
    """Return the rows of a folder's store."""
    with open_store(folder) as store:
        return store.rows()


def ended(folder: Path) -> list[str]:
    """Return the keys of the tasks that a folder's store has results of."""
    if not (folder / "results.sqlite").exists():
        return []
    rows = stored(folder)
    return rows.loc[rows["status"] != "missing", "key"].tolist()


def workers_of(process: subprocess.Popen) -> list[psutil.Process]:
    """Return the worker processes that a benchmark has now."""
    try:
        return [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    except psutil.Error:
        return []


def kill_a_worker(process: subprocess.Popen, rng: random.Random) -> str:
    """Kill one of the workers of a benchmark, and say how old it was."""
    while process.poll() is None:
        if workers := workers_of(process):
            victim = rng.choice(workers)
            try:
                age = time.time() - victim.create_time()
                victim.kill()
            except psutil.Error:
                continue
            return f"a worker of {age:.1f} s"
    return "nothing, too late"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as root:
        whole, killed = Path(root) / "whole", Path(root) / "killed"
        begin = time.monotonic()
        start(whole).wait()
        seconds = time.monotonic() - begin
        print(f"undisturbed: {len(stored(whole))} tasks in {seconds:.0f} s", flush=True)
        known: set[str] = set()
        for number in range(options.kills):
            process, what = start(killed), "the coordinator"
            if number % 3 == 2:
                time.sleep(rng.random() * 6.0)
                what = kill_a_worker(process, rng)
            while process.poll() is None and len(ended(killed)) <= len(known):
                time.sleep(0.1)
            time.sleep(rng.random() * seconds / options.kills)
            workers = workers_of(process)
            process.kill()
            process.wait()
            _, alive = psutil.wait_procs(workers, timeout=20.0)
            done = ended(killed)
            if not known <= set(done) or len(set(done)) < len(done):
                sys.exit(f"kill {number + 1}: results were lost or doubled")
            if alive:
                sys.exit(f"kill {number + 1}: {len(alive)} workers live on without their coordinator")
            if set(stored(killed)["status"]) - {"ok", "missing"}:
                sys.exit(f"kill {number + 1}: there are false failures")
            known = set(done)
            print(f"kill {number + 1:3} hit {what}: {len(known)} results stored, none lost, no worker left", flush=True)
        start(killed).wait()
        print("and on to the end", flush=True)
        same = stored(killed)[COMPARED].equals(stored(whole)[COMPARED])
        print("the table is that of the undisturbed run" if same else "THE TABLE DIFFERS from that of the undisturbed run")
        sys.exit(not same)


if __name__ == "__main__":
    main()
