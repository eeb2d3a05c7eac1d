"""VSML's classifier that reads the inputs, or random ReLU features of them where rows left out say so, inside training rows.

    python benchmarks/vsml_inputs.py [--data-dir FOLDER] [--datasets NAME,...] [--features N] [--folds N] [--out FILE]

Of every data set only the training part of the benchmark's `paper` protocol is used (70 % of the rows). Prints for every data set
the mean AUC over inner folds of both, and in how many folds the features were taken; at the end the mean gain of a data set with
two standard errors. Goes on where it stopped if FILE is there.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from propneat.base.records import write_atomic
from propneat.benchmark.splits import split
from propneat.benchmark.tables import read_benchmark_table
from propneat.methods import METHODS
from propneat.methods.claims import spread

NAMES = "monk1,monk2,parity5+5,tic_tac_toe,sonar,phoneme"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="folder of PMLB files")
    parser.add_argument("--datasets", default=NAMES)
    parser.add_argument("--features", type=int, default=100)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("results/vsml-inputs.json"))
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    found = json.loads(options.out.read_text()) if options.out.exists() else {}
    gains = []
    for name in options.datasets.split(","):
        if name not in found:
            found[name] = measure(name, options.features, options.folds, options.data_dir)
            write_atomic(options.out, json.dumps(found, indent=1) + "\n")
        plain, chosen = (np.array(found[name][kind]) for kind in ("plain", "chosen"))
        taken = f"features taken in {sum(found[name]['taken'])} of {len(plain)} folds"
        print(f"{name:16} {plain.mean():.4f} {chosen.mean():.4f}  {taken}, {found[name]['seconds']:.0f} s", flush=True)
        gains.append((chosen - plain).mean())
    mean, interval, n_sets = spread(gains)
    print(f"gain {mean:.4f}, two standard errors {interval}, {n_sets} data sets")


def measure(name: str, n_features: int, n_folds: int, data_dir: str | None) -> dict[str, list[float] | float]:
    """Return AUCs by inner fold without features ("plain") and with a choice of them, and whether they were "taken"."""
    table = read_benchmark_table(name, data_dir)
    rows = split("paper", name, table.codes, 0, 0).train
    found: dict[str, list[float]] = {"plain": [], "chosen": [], "taken": []}
    begin = time.process_time()
    for fold, (learn, judge) in enumerate(
        StratifiedKFold(n_folds, shuffle=True, random_state=1).split(rows, table.codes[rows])
    ):
        learn, judge = rows[learn], rows[judge]
        for kind, n_random in (("plain", 0), ("chosen", n_features)):
            model = METHODS["vsml"].make(random_state=fold, n_random=n_random)
            model.fit(table.features.iloc[learn], table.codes[learn])
            odds = model.predict_proba(table.features.iloc[judge])
            found[kind].append(float(roc_auc_score(table.codes[judge], odds[:, 1])))
        found["taken"].append(int(model["classify"].n_random_ > 0))
    return {**found, "seconds": time.process_time() - begin}


if __name__ == "__main__":
    main()
