"""Rows of a made-up benchmark that look like real ones: data sets of unequal difficulty, methods of unequal skill and cost."""

from typing import Any

import numpy as np
import pandas as pd

METHODS = (
    "propneat", "logistic_regression", "random_forest", "mlp", "gradient_boosting", "knn", "decision_tree", "naive_bayes",
    "neat_weights_only", "dense_sgd", "svm_rbf", "vsml",
)  # fmt: skip
SIZES = {"propneat": 40, "logistic_regression": 20, "random_forest": 9000, "mlp": 1200, "gradient_boosting": 3000}


def make_rows(
    n_datasets: int = 12, methods: tuple[str, ...] = METHODS[:5], n_folds: int = 5, n_repeats: int = 1, seed: int = 0
) -> pd.DataFrame:
    """Rows of a run in which everything went well."""
    rng = np.random.default_rng(seed)
    difficulty = rng.beta(5, 1.5, n_datasets)
    skill = {name: 0.05 - 0.012 * k + 0.003 * (k % 3) for k, name in enumerate(methods)}
    rows: list[dict[str, Any]] = []
    for d in range(n_datasets):
        n_rows, n_features, n_classes = int(rng.integers(80, 4000)), int(rng.integers(3, 60)), 2 if d % 4 else 3
        for m, method in enumerate(methods):
            level = 0.5 + 0.5 * difficulty[d] * (0.92 + skill[method]) + rng.normal(0, 0.015)
            for repeat in range(n_repeats):
                for fold in range(n_folds):
                    auc = float(np.clip(level + rng.normal(0, 0.02), 0.2, 1.0))
                    size = SIZES.get(method, 300 + 100 * m)
                    rows.append(
                        {
                            "key": f"{d:03}{m:03}{repeat:03}{fold:03}", "method": method, "dataset": f"data_{d:02}",
                            "family": f"family_{d - d % 2 if d < 8 else d:02}",
                            "task": "binary" if n_classes == 2 else "multiclass",
                            "protocol": f"cv-{n_folds}", "repeat": repeat, "fold": fold, "seed": d,
                            "status": "ok", "reason": None,
                            "n_train": n_rows - n_rows // n_folds, "n_test": n_rows // n_folds, "n_features": n_features,
                            "n_classes": n_classes, "auc": auc, "balanced_accuracy": auc - 0.05, "accuracy": auc - 0.03,
                            "log_loss": 1.2 - auc, "brier": (1 - auc) / 2, "ece": (1 - auc) / 4,
                            "fit_seconds": size * n_rows * 1e-6 * float(rng.lognormal(0, 0.3)), "predict_seconds": 0.002,
                            "cpu_seconds": 1.0, "peak_memory_mb": 120.0,
                            "n_parameters": np.nan if method == "knn" else round(size * float(rng.lognormal(0, 0.6))),
                            "depth": 3.0,
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows)


def spoil(rows: pd.DataFrame, chosen: pd.Series, status: str, reason: str | None = None) -> pd.DataFrame:
    """The same rows with a status that is not "ok" for the chosen ones, whose measures are gone."""
    rows = rows.copy()
    gone = [
        "auc",
        "balanced_accuracy",
        "accuracy",
        "log_loss",
        "brier",
        "ece",
        "fit_seconds",
        "predict_seconds",
        "n_parameters",
        "depth",
    ]
    rows.loc[chosen, "status"] = status
    rows.loc[chosen, "reason"] = reason
    rows.loc[chosen, gone] = np.nan
    return rows


def make_realistic(
    n_datasets: int = 58, methods: tuple[str, ...] = METHODS, n_folds: int = 5, n_repeats: int = 1
) -> pd.DataFrame:
    """Rows of a run in which this and that went wrong."""
    rows = make_rows(n_datasets, methods, n_folds, n_repeats)
    is_vsml = rows["method"] == "vsml"
    rows = spoil(rows, is_vsml & rows["dataset"].isin(["data_03", "data_07"]), "timeout", "took longer than 60 s")
    error = "Traceback (most recent call last):\n  File x\nValueError: Input X contains <NaN> & more"
    rows = spoil(rows, (rows["method"] == "mlp") & (rows["dataset"] == "data_05") & (rows["fold"] == 1), "error", error)
    rows = spoil(rows, (rows["method"] == "svm_rbf") & (rows["dataset"] == "data_09"), "memory", "above 4,096 MiB")
    return spoil(rows, (rows["dataset"] == "data_02") & (rows["fold"] == 0), "skipped", "one class")


PROVENANCE = [
    {"propneat": "0.1", "commit": "0123456789ab", "python": "3.11.9", "packages": {"numpy": "2.1.0", "torch": "2.4.0"},
     "cpu": "A & B", "cores": 8, "threads_per_worker": 1},
    {"propneat": "0.1", "commit": "0123456789ab", "python": "3.12.1", "packages": {"numpy": "2.1.0", "torch": "2.4.0"},
     "cpu": "C", "cores": 8, "threads_per_worker": 1},
]  # fmt: skip
