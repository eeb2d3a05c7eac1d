"""How good the answers are for the time they take: fits of propneat and of others, on the same rows of the same sets."""

import time
from typing import Any

import numpy as np

from propneat.base.rng import make_rng
from propneat.benchmark.speed.fitters import Fitter, usable_fitters
from propneat.benchmark.speed.size import SpeedSize
from propneat.benchmark.speed.timing import Note, spread
from propneat.data import encode_target, load_table
from propneat.data.named import is_at_hand

__all__ = ["made_like", "measure"]

_TEST_FRACTION = 0.25


def measure(size: SpeedSize, seed: int, note: Note) -> dict[str, Any]:
    """Fit every contestant to three quarters of every set, and judge it by the rest; time is the processor's.

    Libraries that take threads for one fit take one, since threads that wait for each other count as at work.
    A set of PMLB is taken where it is at hand, and otherwise rows made up in its size. Inputs are scaled to mean 0 and
    spread 1 before anybody is timed. Every contestant answers for a few rows first, so that nothing is loaded meanwhile.
    """
    fitters, missing = usable_fitters(size)
    _warm_up(fitters, seed, note)
    found = []
    for name, n_rows, n_inputs in size.quality_sets:
        X, y, source = _rows(name, n_rows, n_inputs, seed)
        rounds: dict[str, list[tuple[float, float]]] = {fitter.label: [] for fitter in fitters}
        for number in range(size.quality_rounds):
            learnt, judged = _divide(X, y, make_rng(seed, "speed", "quality", name, number))
            for k, fitter in enumerate(fitters):
                note(f"quality: {name}, {fitter.label}", k, len(fitters))
                rounds[fitter.label].append(_fit(fitter, learnt, judged, seed + number))
        contestants = [_told(fitter, rounds[fitter.label]) for fitter in fitters]
        found.append({"set": name, "source": source, "rows": len(X), "inputs": X.shape[1], "contestants": contestants})
    return {"sets": found, "rounds": size.quality_rounds, "missing": missing}


def made_like(n_rows: int, n_inputs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return normal inputs, and classes drawn by a smooth function of four of them that no straight line describes."""
    rng = make_rng(seed, "speed", "quality", n_rows, n_inputs)
    X = rng.standard_normal((n_rows, n_inputs))
    a, b, c, d = X[:, :4].T
    z = 2 * a * b + np.sin(2 * c) + 0.5 * d + 0.7 * rng.standard_normal(n_rows)
    return X, z > 0


def _rows(name: str, n_rows: int, n_inputs: int, seed: int) -> tuple[np.ndarray, np.ndarray, str]:
    if is_at_hand(name):
        table = load_table(name)
        return table.features.to_numpy(np.float64), encode_target(table.target, table.task)[1] == 1, table.source
    return *made_like(n_rows, n_inputs, seed), "made up in its size"


def _divide(X: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Return the rows to learn from and those to judge by, scaled by the former."""
    order = rng.permutation(len(X))
    test, train = np.split(order, [int(_TEST_FRACTION * len(X))])
    mean, deviation = X[train].mean(axis=0), X[train].std(axis=0)
    scaled = (X - mean) / np.where(deviation > 0, deviation, 1)
    return (scaled[train], y[train]), (scaled[test], y[test])


def _fit(fitter: Fitter, learnt: tuple[np.ndarray, ...], judged: tuple[np.ndarray, ...], seed: int) -> tuple[float, float]:
    """Return the area under the curve on the rows to judge by, and the processor's seconds of the fit."""
    from sklearn.metrics import roc_auc_score
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        begin = time.process_time()
        answer = fitter.fit(*learnt, seed)
        seconds = time.process_time() - begin
    return float(roc_auc_score(judged[1], answer(judged[0]))), seconds


def _told(fitter: Fitter, rounds: list[tuple[float, float]]) -> dict[str, Any]:
    scores, seconds = zip(*rounds, strict=True)
    who = {"label": fitter.label, "package": fitter.package, "version": fitter.version, "does": fitter.does}
    return {**who, "aucs": list(scores), "auc": spread(scores), "seconds": list(seconds), "cpu_seconds": spread(seconds)}


def _warm_up(fitters: list[Fitter], seed: int, note: Note) -> None:
    X, y = made_like(60, 4, seed)
    for number, fitter in enumerate(fitters):
        note(f"quality: {fitter.label}, loading", number, len(fitters))
        fitter.warm(X, y, seed)
