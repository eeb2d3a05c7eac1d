"""Reading a large table: time and memory of reading, planning and encoding a CSV file, beside pandas' own `read_csv`.

`python benchmarks/read_table.py [--rows 1000000]` writes a file of 20 columns (numbers, whole numbers, texts, a date, a currency)
into a temporary folder, and reads it in turns: by `pandas.read_csv`, and by propneat down to network inputs.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas


def write_table(path: Path, n_rows: int) -> None:
    """Write a table of 20 columns and a target."""
    rng = np.random.default_rng(0)
    columns = {f"number{index}": np.round(rng.normal(size=n_rows) * 100, 4) for index in range(10)}
    columns |= {f"whole{index}": rng.integers(0, 10 ** (index + 1), n_rows) for index in range(4)}
    columns |= {f"level{index}": rng.choice([f"level {value}" for value in range(4**(index + 1))], n_rows) for index in range(3)}
    columns["gaps"] = np.where(rng.random(n_rows) < 0.1, np.nan, np.round(rng.normal(size=n_rows), 3))
    days = pandas.date_range("2015-01-01", periods=3000).strftime("%Y-%m-%d").to_numpy()
    columns["when"] = days[rng.integers(0, len(days), n_rows)]
    columns["money"] = np.char.add("$", np.round(rng.uniform(1, 900, n_rows), 2).astype(str))
    columns["target"] = rng.integers(0, 2, n_rows)
    pandas.DataFrame(columns).to_csv(path, index=False)


def read_by_pandas(path: str) -> dict[str, float]:
    """Read the file as pandas does by default."""
    start = time.perf_counter()
    frame = pandas.read_csv(path)
    return {"seconds": time.perf_counter() - start, "frame_mb": frame.memory_usage(deep=True).sum() / 2**20}


def read_by_propneat(path: str) -> dict[str, float]:
    """Read the file, plan its columns, and encode all rows."""
    from propneat.data import Preprocessor, encode_target, load_table

    start = time.perf_counter()
    table = load_table(path)
    loaded = time.perf_counter()
    targets = encode_target(table.target, table.task)[1].astype(np.float64)[:, None]
    inputs = Preprocessor.fit_transform(table.features, plan=table.plan, targets=targets)[1]
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "load_seconds": loaded - start, "inputs_mb": inputs.nbytes / 2**20}


def main() -> None:
    """Time both ways, each in a process of its own, three times in turns, and print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--read", nargs=2, metavar=("WAY", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        way, path = options.read
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        told = {"pandas": read_by_pandas, "propneat": read_by_propneat}[way](path)
        print(json.dumps(told | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "start_mb": before / 1024}))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.csv"
        write_table(path, options.rows)
        print(f"{options.rows} rows, {path.stat().st_size / 2**20:.0f} MiB of CSV")
        found: dict[str, list[dict[str, float]]] = {"pandas": [], "propneat": []}
        for _ in range(options.rounds):
            for way, results in found.items():
                run = subprocess.run([sys.executable, __file__, "--read", way, str(path)], capture_output=True, text=True, check=True)
                results.append(json.loads(run.stdout))
    for way, results in found.items():
        medians = {key: float(np.median([result[key] for result in results])) for key in results[0]}
        print(f"{way}: " + ", ".join(f"{key} {value:.2f}" for key, value in medians.items()))
        found[way] = medians
    print(f"seconds: {found['propneat']['seconds'] / found['pandas']['seconds']:.2f} times pandas.read_csv")
    print(f"peak memory: {found['propneat']['peak_mb'] / found['pandas']['frame_mb']:.2f} times the frame")


if __name__ == "__main__":
    main()
