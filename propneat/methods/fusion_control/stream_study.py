"""The same principle on streams of rows: P, PI, PID and Adam on tables, and how soon each recovers when a stream changes."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from propneat.base.rng import make_rng
from propneat.methods.fusion_control.classifier import PIDBackpropClassifier
from propneat.methods.fusion_control.stream import RULES, StreamNetwork, make_rule

__all__ = ["TABLES", "compare_rules", "drift_recovery", "samples_to_recover"]

TABLES = {"breast cancer": load_breast_cancer, "wine": load_wine, "digits": load_digits}
_MOST_ROWS = 600
_BATCH, _WINDOW, _TOLERANCE = 8, 25, 0.02


def compare_rules(
    seed: int,
    n_folds: int = 5,
    tables: tuple[str, ...] = tuple(TABLES),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Return table -> rule -> accuracy, cross entropy in nats and prequential accuracy in every fold.

    Folds keep the classes' shares and are the same for all rules; of the digits 600 rows are used. Networks are frozen before
    they meet a test fold. The prequential accuracy is that of the training stream's first pass.
    """
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    done, total = 0, len(tables) * len(RULES) * n_folds
    for table in tables:
        X, y = TABLES[table](return_X_y=True)
        rows = make_rng("fusion-control", seed, "rows", table).permutation(len(y))[:_MOST_ROWS]
        X, y = X[rows], y[rows]
        folds = list(StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(X, y))
        found[table] = {rule: {"accuracy": [], "cross_entropy": [], "prequential": []} for rule in RULES}
        for rule, scores in found[table].items():
            for train, test in folds:
                scaler = StandardScaler().fit(X[train])
                model = PIDBackpropClassifier(rule, random_state=seed).fit(scaler.transform(X[train]), y[train])
                proba = model.predict_proba(scaler.transform(X[test]))
                scores["accuracy"].append(float((model.classes_[proba.argmax(axis=1)] == y[test]).mean()))
                scores["cross_entropy"].append(float(log_loss(y[test], proba, labels=model.classes_)))
                scores["prequential"].append(model.prequential_accuracy_)
                done += 1
                progress(done, total)
    return found


def _streams(seed: int, use: str, n_streams: int, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return streams of digits (n_streams, n_rows, 64) with labels (n_streams, n_rows), whose means are swapped at half-time.

    Half of the digits are for `use` "tuning", the other half for "test", drawn with replacement; both are scaled by means and
    deviations of the tuning half. Every feature has a mean of its own, drawn from N(0, 1) in every stream; for the second half
    they are shuffled.
    """
    X, y = load_digits(return_X_y=True)
    tuning, test = np.array_split(make_rng("fusion-control", seed, "halves of digits").permutation(len(y)), 2)
    X = StandardScaler().fit(X[tuning]).transform(X)
    rng = make_rng("fusion-control", seed, f"{use} streams")
    rows = rng.choice({"tuning": tuning, "test": test}[use], (n_streams, n_rows))
    means = rng.standard_normal((n_streams, 1, X.shape[1]))
    swapped = rng.permuted(means, axis=2)
    is_late = np.arange(n_rows)[None, :, None] >= n_rows // 2
    return X[rows] + np.where(is_late, swapped, means), y[rows]


def _follow(rule: str, rates: np.ndarray, X: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return whether each row was predicted before it was learnt from, and its cross entropy, both (n_streams, n_rows)."""
    network = StreamNetwork(X.shape[2], 64, 10, make_rule(rule), rates, rng)
    right, losses = np.empty(y.shape, bool), np.empty(y.shape)
    for begin in range(0, y.shape[1], _BATCH):
        rows = slice(begin, begin + _BATCH)
        found = network.learn(X[:, rows], y[:, rows])
        right[:, rows] = found.argmax(axis=2) == y[:, rows]
        losses[:, rows] = -np.take_along_axis(found, y[:, rows, None], axis=2)[:, :, 0]
    return right, losses


def samples_to_recover(right: np.ndarray) -> np.ndarray:
    """Return after how many rows from half-time on each stream is back, (n_streams,), from hits (n_streams, n_rows).

    Back is where 200 rows in a row reach the accuracy of the last 400 before half-time less 0.02; a stream that never gets
    there counts with all its rows.
    """
    n_streams, n_rows = right.shape
    half, window = n_rows // 2, _WINDOW * _BATCH
    level = right[:, half - 2 * window : half].mean(axis=1) - _TOLERANCE
    sums = np.concatenate([np.zeros((n_streams, 1)), np.cumsum(right[:, half:], axis=1)], axis=1)
    is_back = (sums[:, window:] - sums[:, :-window]) / window >= level[:, None]
    return np.where(is_back.any(axis=1), is_back.argmax(axis=1) + window, n_rows - half)


def drift_recovery(
    seed: int, n_streams: int = 16, n_rows: int = 4800, progress: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Any]:
    """Return rule -> the chosen learning rate, accuracy by hundreds of rows, and rows to recover in every stream.

    Each rule takes of its three learning rates the one of the least prequential cross entropy on streams of other digits.
    Streams are followed eight rows at a time, and no rows of the past are shown again.
    """
    tuning, test = (_streams(seed, use, n_streams, n_rows) for use in ("tuning", "test"))
    found: dict[str, Any] = {}
    total = sum(1 + len(rule.rates) for rule in RULES.values())
    n_done = 0

    def follow(rule: str, rate: float, streams: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, ...]:
        nonlocal n_done
        outcome = _follow(rule, np.full(n_streams, rate), *streams, make_rng("fusion-control", seed, "stream network"))
        n_done += 1
        progress(n_done, total)
        return outcome

    for rule in RULES:
        options = make_rule(rule).rates
        rate = options[int(np.argmin([follow(rule, rate, tuning)[1].mean() for rate in options]))]
        right, _ = follow(rule, rate, test)
        found[rule] = {
            "learning_rate": rate,
            "accuracy": right.reshape(n_streams, -1, 100).mean(axis=(0, 2)).tolist(),
            "recovery": samples_to_recover(right).tolist(),
            "before": float(right[:, n_rows // 2 - 400 : n_rows // 2].mean()),
            "after": float(right[:, n_rows // 2 : n_rows // 2 + 400].mean()),
        }
    return found
