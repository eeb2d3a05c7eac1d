"""PropNEAT beside logistic regression and random forest on the same folds: mean test AUC over stratified 5-fold.

    python benchmarks/six_data_sets.py [--data-dir FOLDER] [--folds N] [NAME ...]

Sets that are not built in come from PMLB. Every row is tested once; all fitting sees training rows only.
"""

import argparse
import time

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from propneat import PropNEATClassifier
from propneat.data import Preprocessor, encode_target, load_table

NAMES = ["monk1", "monk2", "parity5+5", "tic_tac_toe", "phoneme", "sonar"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--data-dir", help="folder of PMLB files")
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    print(f"{'data set':24} rows | logistic  forest  propneat | connections hidden  seconds a fit")
    for name in options.names:
        table = load_table(name, data_dir=options.data_dir)
        y = encode_target(table.target, table.task)[1]
        areas, sizes = [], []
        for train, test in StratifiedKFold(options.folds, shuffle=True, random_state=0).split(table.features, y):
            rows, held_out = table.features.iloc[train], table.features.iloc[test]
            encoding = Preprocessor.fit(rows)
            X, X_test = encoding.transform(rows), encoding.transform(held_out)
            begin = time.perf_counter()
            propneat = PropNEATClassifier(random_state=0).fit(rows, y[train])
            sizes.append((propneat.model_.plan.n_edges, propneat.champion_.n_hidden, time.perf_counter() - begin))
            scores = [
                model.fit(X, y[train]).predict_proba(X_test)[:, 1]
                for model in (LogisticRegression(max_iter=5000), RandomForestClassifier(500, random_state=0))
            ]
            scores.append(propneat.predict_proba(held_out)[:, 1])
            areas.append([roc_auc_score(y[test], score) for score in scores])
        logistic, forest, ours = np.mean(areas, axis=0)
        connections, hidden, seconds = np.mean(sizes, axis=0)
        print(
            f"{name:24} {len(y):4} | {logistic:8.4f} {forest:7.4f} {ours:9.4f} | {connections:11.0f} {hidden:6.1f} {seconds:8.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
