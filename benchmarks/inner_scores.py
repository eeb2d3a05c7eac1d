"""Scores of the default estimators inside training rows, to compare two checkouts: nothing here ever sees a test row.

    python benchmarks/inner_scores.py --data-dir DIR --json before.json      # in one checkout
    python benchmarks/inner_scores.py --data-dir DIR --json after.json       # in the other
    python benchmarks/inner_scores.py --compare before.json after.json

Of every data set 30 % of the rows are left out for good; of the others 70 % train and 30 % are scored, by AUC or R2. Without
--data-dir the embedded data sets are used. What is in the JSON file already is not computed again.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import train_test_split

from propneat import PropNEATClassifier, PropNEATRegressor
from propneat.data import encode_target, load_table, read_catalogue


def inner_rows(codes: np.ndarray, task: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows to train on and rows to score, both training rows: 30 % of all rows, whose targets are `codes`, are in neither."""
    strata = None if task == "regression" else codes
    rows, _ = train_test_split(np.arange(len(codes)), test_size=0.3, random_state=1000 + seed, stratify=strata)
    strata = None if strata is None else codes[rows]
    return tuple(train_test_split(rows, test_size=0.3, random_state=seed, stratify=strata))


def score(name: str, data_dir: str | None, seed: int) -> float:
    """Train on a part of the training rows of a data set and score the rest of them."""
    table = load_table(name, data_dir=data_dir)
    codes = encode_target(table.target, table.task)[1]
    learn, judge = inner_rows(codes, table.task, seed)
    X, judged = table.features.iloc[learn], table.features.iloc[judge]
    if table.task == "regression":
        return r2_score(codes[judge], PropNEATRegressor(random_state=seed).fit(X, codes[learn]).predict(judged))
    shares = PropNEATClassifier(random_state=seed).fit(X, codes[learn]).predict_proba(judged)
    return roc_auc_score(codes[judge], shares[:, 1] if shares.shape[1] == 2 else shares, multi_class="ovr")


def compare(before: Path, after: Path) -> None:
    """Print the mean difference with its standard error, and the data sets of the largest ones."""
    old, new = (json.loads(path.read_text()) for path in (before, after))
    names = sorted({key.partition(" ")[0] for key in old.keys() & new.keys()})
    kept = {name: [new[key] - old[key] for key in old.keys() & new.keys() if key.partition(" ")[0] == name] for name in names}
    gains = {name: float(np.mean(values)) for name, values in kept.items()}
    for task in ("AUC", "R2"):
        of_task = [name for name in names if task == ("R2" if new[f"{name} task"] else "AUC")]
        values = np.array([gains[name] for name in of_task])
        if len(values) > 1:
            error = values.std(ddof=1) / np.sqrt(len(values))
            print(
                f"{task}: {len(values)} sets, mean difference {values.mean():+.4f} (se {error:.4f}), median {np.median(values):+.4f}"
            )
            for name in sorted(of_task, key=gains.__getitem__)[:5] + sorted(of_task, key=gains.__getitem__)[-5:]:
                print(f"  {gains[name]:+.4f} {name}")


def main() -> None:
    """Score all data sets of a folder, or those built in, and write what came of it after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir")
    parser.add_argument("--max-rows", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("inner_scores.json"))
    parser.add_argument("--compare", type=Path, nargs=2, metavar=("BEFORE", "AFTER"))
    options = parser.parse_args()
    if options.compare:
        compare(*options.compare)
        return
    if options.data_dir:
        names = sorted(path.name for path in Path(options.data_dir).iterdir() if path.is_dir())
    else:
        names = sorted(entry.name for entry in read_catalogue().values() if entry.embedded)
    found = json.loads(options.json.read_text()) if options.json.exists() else {}
    for seed in range(options.seeds):
        for name in names:
            key = f"{name} {seed}"
            table = load_table(name, data_dir=options.data_dir)
            if key in found or len(table) > options.max_rows:
                continue
            found[key] = score(name, options.data_dir, seed)
            found[f"{name} task"] = float(table.task == "regression")
            print(f"{name:<30} {seed} {found[key]:.4f}", flush=True)
            options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
