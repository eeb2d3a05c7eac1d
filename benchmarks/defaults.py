"""Compare settings of PropNEAT by cross-validation inside training rows, so that defaults are never chosen on test rows.

    python benchmarks/defaults.py [--data-dir FOLDER] [--datasets NAME,...] [--folds N] [--variants NAME,...]

Of every data set only the training part of the benchmark's `paper` protocol is used (70 % of the rows). For every variant the
mean AUC of the champion and of the species' vote over the inner folds is printed, and their mean over the data sets.
"""

import argparse
import os
import time
import warnings
from concurrent.futures import ProcessPoolExecutor

for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from propneat import PropNEATClassifier
from propneat.benchmark.splits import split
from propneat.benchmark.tables import read_benchmark_table
from propneat.estimators.ensemble import PropNEATEnsembleClassifier

DATASETS = (
    "ionosphere,sonar,spectf,heart_statlog,australian,backache,prnn_crabs,tic_tac_toe,kr_vs_kp,pima,biomed,profb,"
    "breast_cancer,molecular_biology_promoters,glass2,Hill_Valley_with_noise,saheart,spect,credit_g,phoneme"
)
VARIANTS = {
    "default": {},
    "one_hot_integers=0": {"one_hot_integers": 0},
    "one_hot_integers=5": {"one_hot_integers": 5},
    "one_hot_integers=10": {"one_hot_integers": 10},
    "n_populations=5": {"n_populations": 5},
    "size_penalty=0.05": {"size_penalty": 0.05},
    "l2=0.3": {"l2": 0.3},
    "l2=3": {"l2": 3.0},
    "generations=100": {"generations": 100},
    "population_size=300": {"population_size": 300},
    "relu, tanh": {"activations": ("relu", "tanh")},
    "validation_fraction=0.25": {"validation_fraction": 0.25},
    "validation_fraction=0.4": {"validation_fraction": 0.4},
}


def measure(job: tuple[str, str, int, int, str | None]) -> tuple[str, str, float, float, float, int]:
    """Return variant, data set, AUC of champion and vote on an inner fold, seconds, and the champion's connections."""
    variant, name, n_folds, fold, data_dir = job
    warnings.simplefilter("ignore")
    table = read_benchmark_table(name, data_dir)
    rows = split("paper", name, table.codes, 0, 0).train
    learn, judge = list(StratifiedKFold(n_folds, shuffle=True, random_state=1).split(rows, table.codes[rows]))[fold]
    learn, judge = rows[learn], rows[judge]
    begin = time.perf_counter()
    settings = dict(VARIANTS[variant])
    n_populations = settings.pop("n_populations", 1)
    vote = PropNEATEnsembleClassifier(PropNEATClassifier(**settings), n_populations, random_state=fold)
    vote.fit(table.features.iloc[learn], table.codes[learn])
    seconds = time.perf_counter() - begin
    X, y = table.features.iloc[judge], table.codes[judge]
    areas = [roc_auc_score(y, model.predict_proba(X)[:, 1]) for model in (vote.evolutions_[0], vote)]
    return variant, name, *areas, seconds, vote.evolutions_[0].model_.plan.n_edges


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="folder of PMLB files")
    parser.add_argument("--datasets", default=DATASETS)
    parser.add_argument("--variants", default=",".join(name for name in VARIANTS if "," not in name))
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    names, variants = options.datasets.split(","), options.variants.split(",")
    print("variant                      champion    vote  connections  seconds")
    with ProcessPoolExecutor(options.workers) as pool:
        for variant in variants:
            jobs = [(variant, name, options.folds, fold, options.data_dir) for name in names for fold in range(options.folds)]
            found = list(pool.map(measure, jobs))
            champion, vote, seconds, size = np.mean([row[2:] for row in found], axis=0)
            print(f"{variant:28} {champion:8.4f} {vote:7.4f} {size:12.0f} {seconds:8.1f}", flush=True)
            for name in names:
                own = np.mean([row[2:4] for row in found if row[1] == name], axis=0)
                print(f"    {name:28} {own[0]:.4f} {own[1]:.4f}", flush=True)


if __name__ == "__main__":
    main()
