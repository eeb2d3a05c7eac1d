"""Do our baselines agree with published values? Prints the differences.

    python benchmarks/agreement.py --data-dir FOLDER --tabmini FILE.csv

Logistic regression by the protocol of TabMini (Knauer, Grimm, Rodner 2024, arXiv 2409.01635): rows shuffled with
random_state 42, three unshuffled folds, columns scaled to [0, 1], inner 3-fold grid over C = 1 / lambda by log loss, lambda in
.5, .01, .002, .0004. FILE.csv holds the published AUCs, with the columns "dataset" and "Logistic regression", separated by
semicolons.
Random forest of 500 trees, 10 folds, against automlbenchmark's reports of 2019.
"""

import argparse
import csv
import warnings
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from propneat.benchmark.splits import split
from propneat.benchmark.tables import read_benchmark_table

FOREST = {"australian": 0.9366, "credit_g": 0.7947, "kr_vs_kp": 0.9992, "phoneme": 0.9654}


def tabmini_auc(name: str, data_dir: str | None) -> float:
    """Mean test AUC of logistic regression over TabMini's folds."""
    table = read_benchmark_table(name, data_dir)
    X, y = table.features.to_numpy(float), table.codes
    areas = []
    for fold in range(3):
        rows = split("tabmini", name, y, 0, fold)
        grid = {"logisticregression__C": [1 / strength for strength in (0.5, 0.01, 0.002, 0.0004)]}
        model = make_pipeline(MinMaxScaler(), LogisticRegression(max_iter=10_000))
        search = GridSearchCV(model, grid, scoring="neg_log_loss", cv=3).fit(X[rows.train], y[rows.train])
        areas.append(roc_auc_score(y[rows.test], search.predict_proba(X[rows.test])[:, 1]))
    return float(np.mean(areas))


def forest_auc(name: str, data_dir: str | None) -> float:
    """Mean test AUC of a forest of 500 trees over ten folds."""
    table = read_benchmark_table(name, data_dir)
    X, y = table.features.to_numpy(float), table.codes
    areas = []
    for train, test in StratifiedKFold(10, shuffle=True, random_state=0).split(X, y):
        forest = RandomForestClassifier(500, random_state=0).fit(X[train], y[train])
        areas.append(roc_auc_score(y[test], forest.predict_proba(X[test])[:, 1]))
    return float(np.mean(areas))


def compare(title: str, published: dict[str, float], ours: dict[str, float]) -> None:
    print(f"\n{title}\n{'data set':30} published   ours  difference")
    for name, value in published.items():
        print(f"{name:30} {value:9.4f} {ours[name]:6.4f} {ours[name] - value:+11.4f}")
    differences = np.array([ours[name] - value for name, value in published.items()])
    sizes = np.abs(differences)
    print(f"{len(sizes)} sets: mean absolute difference {sizes.mean():.4f}, largest {sizes.max():.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="folder of PMLB files")
    parser.add_argument("--tabmini", type=Path, required=True)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with options.tabmini.open() as file:
        published = {row["dataset"]: float(row["Logistic regression"]) for row in csv.DictReader(file, delimiter=";")}
    compare("TabMini, logistic regression", published, {name: tabmini_auc(name, options.data_dir) for name in published})
    compare("automlbenchmark, random forest", FOREST, {name: forest_auc(name, options.data_dir) for name in FOREST})


if __name__ == "__main__":
    main()
