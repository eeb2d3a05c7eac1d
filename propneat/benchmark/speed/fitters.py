"""Whoever can be fitted to rows of two classes: propneat by its presets, other evolving methods, and two that do not evolve."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np

from propneat import __version__
from propneat.benchmark.speed.size import SpeedSize
from propneat.training import Samples

__all__ = ["Fitter", "fit_open_es", "usable_fitters"]

Answer = Callable[[np.ndarray], np.ndarray]
"""Gives a number for every row, larger for the second class."""

_N_UNITS, _SIGMA, _STEP, _BATCH = 8, 0.1, 0.05, 1024
_MOMENTS = 0.9, 0.999


@dataclass(frozen=True)
class Fitter:
    """A method; `fit(X, y, seed)` learns classes y, bool (n_rows,), from X, float64 (n_rows, n_inputs)."""

    label: str
    package: str
    version: str
    does: str
    """Its settings, in words."""
    fit: Callable[[np.ndarray, np.ndarray, int], Answer]
    warm: Callable[[np.ndarray, np.ndarray, int], Any]
    """A brief fit, after which nothing has to be loaded or compiled any more."""


def usable_fitters(size: SpeedSize) -> tuple[list[Fitter], list[str]]:
    """Return the methods whose packages are installed, and a sentence for each that is not."""
    found = [
        Fitter(
            f"propneat, {preset}", "propneat", __version__, f"preset {preset}", partial(_fit_propneat, preset), _warm_propneat
        )
        for preset in size.quality_presets
    ]
    missing = []
    if find_spec("neat") is None:
        missing.append("neat-python is not installed, so propneat runs without it: pip install 'propneat[peers]'")
    else:
        n = size.quality_generations
        does, fit = f"150 genomes, {n} generations, all rows at once", partial(_fit_neat_python, n)
        found.append(Fitter("neat-python", "neat-python", version("neat-python"), does, fit, partial(_fit_neat_python, 1)))
    if find_spec("gplearn") is None:
        missing.append("gplearn is not installed, so its formulas are missing: pip install gplearn")
    else:
        n = size.quality_formulas
        does, fit = f"{n} formulas, 20 generations", partial(_fit_gplearn, n)
        found.append(Fitter("gplearn", "gplearn", version("gplearn"), does, fit, partial(_fit_gplearn, 50)))
    steps = size.quality_steps
    does = f"{_N_UNITS} units, {steps} steps of 64 pairs, batches of {_BATCH} rows"
    found.append(Fitter("OpenES", "numpy", np.__version__, does, partial(fit_open_es, steps), partial(fit_open_es, 2)))
    for label, fit in (("histogram gradient boosting", _fit_boosting), ("logistic regression", _fit_logistic)):
        found.append(Fitter(label, "scikit-learn", version("scikit-learn"), "defaults", fit, fit))
    return found, missing


def _fit_propneat(preset: str, X: np.ndarray, y: np.ndarray, seed: int, **settings: Any) -> Answer:
    from propneat import PropNEATClassifier

    model = PropNEATClassifier(preset=preset, random_state=seed, **settings).fit(X, y)
    return lambda rows: model.predict_proba(rows)[:, 1]


def _warm_propneat(X: np.ndarray, y: np.ndarray, seed: int) -> Answer:
    return _fit_propneat("default", X, y, seed, generations=2, populations=1)


def _fit_neat_python(generations: int, X: np.ndarray, y: np.ndarray, seed: int) -> Answer:
    from propneat.benchmark.speed.neat_python import CONTESTANTS

    found = CONTESTANTS[-1].run(Samples.make(X, y), 150, generations, seed).best
    return lambda rows: np.broadcast_to(found(Samples.make(rows, np.zeros(len(rows), bool))), len(rows))


def _fit_gplearn(n_formulas: int, X: np.ndarray, y: np.ndarray, seed: int) -> Answer:
    from gplearn.genetic import SymbolicClassifier

    model = SymbolicClassifier(population_size=n_formulas, tournament_size=20, random_state=seed).fit(X, y)
    return lambda rows: model.predict_proba(rows)[:, 1]


def _fit_boosting(X: np.ndarray, y: np.ndarray, seed: int) -> Answer:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(random_state=seed).fit(X, y)
    return lambda rows: model.predict_proba(rows)[:, 1]


def _fit_logistic(X: np.ndarray, y: np.ndarray, seed: int) -> Answer:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=1000).fit(X, y)
    return lambda rows: model.predict_proba(rows)[:, 1]


def fit_open_es(n_steps: int, X: np.ndarray, y: np.ndarray, seed: int) -> Answer:
    """Fit a network of one hidden layer of tanh by the evolution strategy of Salimans et al. 2017.

    Each step draws 64 pairs of mirrored deviations, ranks their log losses on the same batch of rows, and gives the gradient
    that these ranks make to Adam.
    """
    rng = np.random.default_rng(seed)
    X, n_inputs = X.astype(np.float32), X.shape[1]
    n_numbers = _N_UNITS * (n_inputs + 2) + 1
    centre = (0.3 * rng.standard_normal(n_numbers)).astype(np.float32)
    first, second = np.zeros_like(centre), np.zeros_like(centre)
    for step in range(1, n_steps + 1):
        rows = rng.integers(len(X), size=min(_BATCH, len(X)))
        deviations = rng.standard_normal((64, n_numbers)).astype(np.float32)
        z = _outputs(centre + _SIGMA * np.concatenate([deviations, -deviations]), X[rows])
        losses = np.logaddexp(0, np.where(y[rows], -z, z)).mean(axis=1)
        ranks = losses.argsort().argsort() / (len(losses) - 1) - 0.5
        gradient = (ranks[:64] - ranks[64:]) @ deviations / (2 * 64 * _SIGMA)
        first = _MOMENTS[0] * first + (1 - _MOMENTS[0]) * gradient
        second = _MOMENTS[1] * second + (1 - _MOMENTS[1]) * gradient**2
        unbiased = first / (1 - _MOMENTS[0] ** step), second / (1 - _MOMENTS[1] ** step)
        centre -= (_STEP * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8)).astype(np.float32)
    return lambda rows: _outputs(centre[None], rows.astype(np.float32))[0]


def _outputs(numbers: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Return the outputs of networks, (n_networks, n_rows), each given by a row of numbers."""
    n_inputs = X.shape[1]
    weights, rest = np.split(numbers, [_N_UNITS * n_inputs], axis=1)
    biases, out, last = rest[:, :_N_UNITS], rest[:, _N_UNITS:-1], rest[:, -1:]
    hidden = np.tanh(X @ weights.reshape(len(numbers), n_inputs, _N_UNITS) + biases[:, None])
    return (hidden @ out[:, :, None])[:, :, 0] + last
