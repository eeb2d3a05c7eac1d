"""Reading a large table: time and memory of reading, planning and encoding a CSV file, beside pandas' own `read_csv`.

`python benchmarks/read_table.py [--rows 1000000]` writes files of 20 columns into a temporary folder: one of numbers and a
few short levels, one with gaps, many levels, a date and a currency, one of numbers of 17 digits, and one of texts of 3 to 81
levels. It reads them in turns by `pandas.read_csv`, which takes one thread, and by propneat down to network inputs as training
takes them, float32 row by row, in as many threads as there are cores, with `--threads 1` in one; the seconds of all cores
together are said, too. What is said of "encoded" is until the inputs of every row are settled, as numbers, codes of levels and
the rules to make inputs of them; "written" is with the inputs written out. Every process first reads a small file of the same
kind, which loads compiled code; the seconds of that are said, too. Memory is the most of the process during the call, beyond
what it had before.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas

_KINDS = ("plain", "mixed", "digits", "levels")


def write_table(path: Path, n_rows: int, kind: str) -> None:
    """Write a table of 20 columns and a target.

    The columns are "plain" numbers and a few short levels, "mixed" as people have them, "digits": numbers of 17, or "levels".
    """
    rng = np.random.default_rng(0)
    if kind in ("digits", "levels"):
        columns = {
            f"column{index}": rng.normal(size=n_rows)
            if kind == "digits"
            else rng.choice([f"level {value}" for value in range(3 ** (index % 4 + 1))], n_rows)
            for index in range(20)
        }
        columns["target"] = rng.integers(0, 2, n_rows)
        pandas.DataFrame(columns).to_csv(path, index=False)
        return
    columns = {f"number{index}": np.round(rng.normal(size=n_rows) * 100, 4) for index in range(10)}
    columns |= {f"whole{index}": rng.integers(0, 10 ** (index + 1), n_rows) for index in range(4)}
    if kind == "plain":
        columns |= {f"more{index}": np.round(rng.lognormal(size=n_rows), 3) for index in range(4)}
        columns |= {f"level{index}": rng.choice(["low", "middle", "high"], n_rows) for index in range(2)}
    else:
        columns |= {
            f"level{index}": rng.choice([f"level {value}" for value in range(4 ** (index + 1))], n_rows) for index in range(3)
        }
        columns["gaps"] = np.where(rng.random(n_rows) < 0.1, np.nan, np.round(rng.normal(size=n_rows), 3))
        days = pandas.date_range("2015-01-01", periods=3000).strftime("%Y-%m-%d").to_numpy()
        columns["when"] = days[rng.integers(0, len(days), n_rows)]
        columns["money"] = np.char.add("$", np.round(rng.uniform(1, 900, n_rows), 2).astype(str))
    columns["target"] = rng.integers(0, 2, n_rows)
    pandas.DataFrame(columns).to_csv(path, index=False)


def memory_mb(which: str) -> float:
    """Return the memory of this process in MiB: "VmRSS" now, "VmHWM" the most since its mark was set back."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(which))) / 1024


class Watch:
    """Seconds, seconds of all cores together, and the most memory in MiB, since it was made."""

    def __init__(self) -> None:
        self.memory = memory_mb("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        self.start, self.core_start = time.perf_counter(), time.process_time()

    def read(self, what: str) -> dict[str, float]:
        """Return what it shows, by name."""
        seconds, cores = time.perf_counter() - self.start, time.process_time() - self.core_start
        return {f"{what}_s": seconds, f"{what}_core_s": cores, f"{what}_mb": memory_mb("VmHWM") - self.memory}


def read_by_pandas(path: str) -> dict[str, float]:
    """Read the file as pandas does by default."""
    watch = Watch()
    frame = pandas.read_csv(path)
    return watch.read("read") | {"frame_mb": frame.memory_usage(deep=True).sum() / 2**20}


def read_by_propneat(path: str) -> dict[str, float]:
    """Read the file, plan its columns, and encode all rows."""
    from propneat.data import Preprocessor, encode_target, load_table

    watch = Watch()
    table = load_table(path)
    found = watch.read("loaded")
    targets = encode_target(table.target, table.task)[1].astype(np.float64)[:, None]
    encoded = Preprocessor.fit_encoded(table.features, plan=table.plan, targets=targets)[1]
    found |= watch.read("encoded")
    inputs = encoded.rows()
    return found | watch.read("written") | {"inputs_mb": inputs.nbytes / 2**20}


def read_once(way: str, small: str, path: str) -> dict[str, float]:
    """Read the small file and then the large one by pandas or propneat."""
    import propneat.data.files  # noqa: F401  both start with pandas and Arrow loaded

    read = {"pandas": read_by_pandas, "propneat": read_by_propneat}[way]
    start = time.perf_counter()
    read(small)
    return {"first_s": time.perf_counter() - start} | read(path)


def compare(kind: str, n_rows: int, rounds: int, threads: int) -> None:
    """Print the medians of both ways, each in a process of its own, in turns, and their ratios."""
    found: dict[str, list[dict[str, float]]] = {"pandas": [], "propneat": []}
    with tempfile.TemporaryDirectory() as folder:
        small, path = Path(folder) / "small.csv", Path(folder) / "large.csv"
        write_table(small, 20_000, kind)
        write_table(path, n_rows, kind)
        print(f"{kind}: {n_rows} rows, {path.stat().st_size / 2**20:.0f} MiB of CSV")
        for _ in range(rounds):
            for way, results in found.items():
                command = [sys.executable, __file__, "--threads", str(threads), "--read", way, str(small), str(path)]
                results.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    medians = {
        way: {key: float(np.median([result[key] for result in results])) for key in results[0]}
        for way, results in found.items()
    }
    for way, values in medians.items():
        print(f"  {way}: " + ", ".join(f"{key} {value:.2f}" for key, value in values.items()))
    pandas_, ours = medians["pandas"], medians["propneat"]
    frame = pandas_["frame_mb"]
    for what in ("encoded", "written"):
        print(
            f"  {what}: {ours[f'{what}_s'] / pandas_['read_s']:.2f} times the seconds of pandas.read_csv, of all cores together "
            f"{ours[f'{what}_core_s'] / pandas_['read_core_s']:.2f} times, memory {ours[f'{what}_mb'] / frame:.2f} times the frame"
        )
    print(
        f"  the inputs written are {ours['inputs_mb'] / frame:.2f} frames, pandas.read_csv takes {pandas_['read_mb'] / frame:.2f}"
    )


def main() -> None:
    """Time both ways for each kind of table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", default=_KINDS, choices=_KINDS)
    parser.add_argument("--threads", type=int, default=0, help="0 for one on each core")
    parser.add_argument("--read", nargs=3, metavar=("WAY", "SMALL", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        if options.threads:
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.threads :])
        print(json.dumps(read_once(*options.read)))
        return
    for kind in options.kinds:
        compare(kind, options.rows, options.rounds, options.threads)


if __name__ == "__main__":
    main()
