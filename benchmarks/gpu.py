"""Time the engines on a GPU: against each other, against the population, against the depth, and against the memory's bandwidth.

    python benchmarks/gpu.py                       # on a GPU: triton, padded, layered, naive at 150, 1,000 and 10,000 genomes
    python benchmarks/gpu.py --device cpu          # without one: numba in place of triton, at 15, 30 and 60 genomes
    python benchmarks/gpu.py --populations 150 1000 --out DIR

Writes gpu.json and gpu.png, prints the table. An epoch's time is the slope between a short run and a long one, so that what
happens once per call (copying the plan to the device, recording the epoch as a CUDA graph) is told apart as "once". The slow
engines train a few genomes, and their times are scaled by connections. "bandwidth" is what the walk over nodes reads and writes
if no cache helps, over the time, as a fraction of what a copy of a large tensor reaches on the same device: above 1, caches help.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import torch

from propneat.base.records import write_atomic
from propneat.benchmark.speed.networks import ladder_network, made_up_rows, multiply_adds, random_population
from propneat.compiler import PopulationPlan, compile_pool
from propneat.genome import GenePool, Genome
from propneat.training import Samples, TrainingConfig, train_population

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

N_INPUTS, N_HIDDEN, N_ROWS, BATCH_SIZE = 14, 50, 4096, 1024
LADDER_HIDDEN, DEPTHS = 128, (4, 8, 16, 32, 64, 128)
SLOW_GENOMES = {"layered": 5, "naive": 2}
LONG_RUN_SECONDS, MOST_EPOCHS = 1.0, 2000


def tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def run_seconds(engine: str, device: str, plan: PopulationPlan, samples: Samples, epochs: int, repeats: int) -> float:
    """Best of several runs."""
    config = TrainingConfig(epochs=epochs, batch_size=BATCH_SIZE, learning_rate=0.01)
    place = "cpu" if engine == "numba" else device
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        train_population(plan, samples, config, np.random.default_rng(0), engine=engine, device=place)
        times.append(time.perf_counter() - begin)
    return min(times)


def measure(engine: str, device: str, genomes: list[Genome], samples: Samples, bytes_per_second: float) -> dict:
    """Seconds per epoch of the whole population, seconds once per call, and rates."""
    whole = compile_pool(GenePool.pack(genomes))
    n_trained = min(SLOW_GENOMES.get(engine, len(genomes)), len(genomes))
    plan = whole if n_trained == len(genomes) else compile_pool(GenePool.pack(genomes[:n_trained]))
    run_seconds(engine, device, plan, samples, 2, 1)
    first = run_seconds(engine, device, plan, samples, 2, 3)
    # a long run takes about a second, so that the slope stands out from the noise
    long = 2 + min(max(round(2 * LONG_RUN_SECONDS / first), 1), MOST_EPOCHS)
    second = run_seconds(engine, device, plan, samples, long, 1 if engine in SLOW_GENOMES else 3)
    slope = (second - first) / (long - 2) if second > first else second / long
    epoch = slope * len(whole.weights) / len(plan.weights)
    n_nodes, n_edges = len(whole.biases) - len(genomes) * N_INPUTS, len(whole.weights)
    # forward a value per connection, a value and a slope per node; back a gradient per connection, and per node its value,
    # its slope and its gradient; inputs are read once more on the way back
    moved = 4 * len(samples) * (2 * n_edges + 5 * n_nodes + len(genomes) * N_INPUTS)
    result = {
        "engine": engine, "population": len(genomes), "connections": n_edges, "trained_genomes": n_trained,
        "epoch_seconds": epoch, "once_seconds": max(first - 2 * slope, 0.0),
        "gflops": 2 * multiply_adds(whole) * len(samples) / epoch / 1e9, "bandwidth": moved / epoch / bytes_per_second,
    }  # fmt: skip
    tell(f"{engine:8} {len(genomes):6} genomes, {n_edges:8} connections: {1e3 * epoch:10.2f} ms an epoch")
    return result


def copy_bandwidth(device: str) -> float:
    """Bytes read and written per second by the copy of a tensor that no cache holds."""
    n_bytes = 2**30 if device.startswith("cuda") else 2**28
    source = torch.ones(n_bytes // 4, device=device)
    target = torch.empty_like(source)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        target.copy_(source)
        target[-1].item()
        times.append(time.perf_counter() - begin)
    return 2 * n_bytes / min(times)


def agreement(engines: list[str], device: str, genomes: list[Genome], samples: Samples) -> dict:
    """Largest difference of any weight from the numba engine's after 3 epochs, and whether a second run gives the same bytes."""
    plan, config = compile_pool(GenePool.pack(genomes)), TrainingConfig(epochs=3, batch_size=BATCH_SIZE)
    expected = train_population(plan, samples, config, np.random.default_rng(0)).weights
    found = {}
    for engine in engines:
        place = "cpu" if engine == "numba" else device
        first, second = (
            train_population(plan, samples, config, np.random.default_rng(0), engine=engine, device=place).weights
            for _ in range(2)
        )
        found[engine] = {
            "largest_difference": float(np.abs(first - expected).max()),
            "same_bytes": first.tobytes() == second.tobytes(),
        }
        tell(f"{engine:8} {found[engine]}")
    return found


def draw(found: dict, path: Path) -> None:
    """Three panels: time against population, against depth, and bandwidth against population."""
    figure, panels = pyplot.subplots(1, 3, figsize=(14, 4), layout="constrained")
    texts = (
        ("populations", "population", "epoch_seconds", "genomes", "seconds an epoch"),
        ("depths", "depth", "epoch_seconds", "layers", "seconds an epoch"),
        ("populations", "population", "bandwidth", "genomes", "traffic / bandwidth of a copy"),
    )
    for panel, (part, x, y, x_label, y_label) in zip(panels, texts, strict=True):
        for engine in dict.fromkeys(row["engine"] for row in found[part]):
            rows = [row for row in found[part] if row["engine"] == engine]
            panel.loglog([row[x] for row in rows], [row[y] for row in rows], "o-", label=engine)
        panel.set(xlabel=x_label, ylabel=y_label)
        panel.grid(alpha=0.3)
        panel.legend()
    figure.suptitle(f"{found['device']}, {N_ROWS} rows in batches of {BATCH_SIZE}")
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--populations", type=int, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("results/gpu"))
    options = parser.parse_args()
    on_gpu = options.device.startswith("cuda")
    fast = ["triton", "padded"] if on_gpu else ["numba", "padded"]
    populations = options.populations or ([150, 1000, 10_000] if on_gpu else [15, 30, 60])
    rng = np.random.default_rng(1)
    samples = made_up_rows(N_ROWS, N_INPUTS, rng)
    genomes = random_population(max(populations), N_INPUTS, N_HIDDEN, rng)
    ladders = {depth: [ladder_network(depth, N_INPUTS, LADDER_HIDDEN, rng)] * min(populations) for depth in DEPTHS}
    bandwidth = copy_bandwidth(options.device)
    # around the sizes asked for, the fast engines are timed in steps of two, to show where the chip is full
    steps = sorted({*populations, *(2**k for k in range(3, 15) if 2**k < max(populations))})
    found = {
        "device": torch.cuda.get_device_name(options.device) if on_gpu else "CPU",
        "torch": torch.__version__,
        "copy_bytes_per_second": bandwidth,
        "agreement": agreement(fast, options.device, genomes[:15], samples),
        "populations": [
            measure(engine, options.device, genomes[:n], samples, bandwidth)
            for engine in (*fast, *SLOW_GENOMES)
            for n in (steps if engine in fast else populations)
        ],
        "depths": [
            measure(engine, options.device, ladder, samples, bandwidth) | {"depth": depth}
            for engine in fast
            for depth, ladder in ladders.items()
        ],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    write_atomic(options.out / "gpu.json", json.dumps(found, indent=1))
    draw(found, options.out / "gpu.png")
    print("engine   population depth | ms an epoch  once ms  GFLOP/s bandwidth")
    for row in found["populations"] + found["depths"]:
        print(
            f"{row['engine']:8} {row['population']:10} {row.get('depth', '-'):>5} | {1e3 * row['epoch_seconds']:11.3f} "
            f"{1e3 * row['once_seconds']:8.1f} {row['gflops']:8.1f} {row['bandwidth']:9.3f}"
        )
    print(f"\n{found['device']}: a copy moves {bandwidth / 1e9:.0f} GB/s; written to {options.out}/gpu.json and gpu.png")


if __name__ == "__main__":
    main()
