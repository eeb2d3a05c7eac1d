"""Synthetic classification tasks to meta-train on: random inputs, and labels by random teachers or random clusters."""

import numpy as np

from propneat.methods.vsml.episodes import Task, draw_state

__all__ = ["clip_standardised", "draw_task"]

_CLIP = 3.0
_CLASSES, _CLASS_ODDS = np.arange(2, 11), np.array([0.4, 0.2, 0.12, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02])
_TEACHERS, _TEACHER_ODDS = ("linear", "network", "clusters"), (0.4, 0.3, 0.3)


def draw_task(rng: np.random.Generator, length: int, positions: int = 128) -> Task:
    """Return a task of `length` rows with 2 to 10 classes and from 2 inputs on, at most `positions` in product.

    Inputs are correlated and partly skewed, binary or heavy-tailed; labels come from a linear teacher (40 %), a network of
    one tanh layer (30 %) or a mixture of Gaussian clusters (30 %). Some inputs may not matter, and some labels are wrong.
    """
    n_classes = int(rng.choice(_CLASSES, p=_CLASS_ODDS))
    n_inputs = int(np.exp(rng.uniform(np.log(2), np.log(positions / n_classes + 1))))
    teacher = rng.choice(_TEACHERS, p=_TEACHER_ODDS)
    if teacher == "clusters":
        X, labels = _clusters(rng, length, n_inputs, n_classes)
    else:
        X = _correlated(rng, length, n_inputs)
        scores = _linear(rng, X, n_classes) if teacher == "linear" else _network(rng, X, n_classes)
        labels = (scores + rng.standard_normal(n_classes) * rng.uniform(0, 0.7) * scores.std()).argmax(1)
    X = _bent(rng, X)
    wrong = rng.random(length) < rng.choice([0.0, 0.05, 0.15])
    labels = np.where(wrong, rng.integers(n_classes, size=length), rng.permutation(n_classes)[labels])
    Y = np.eye(n_classes, dtype=np.float32)[labels]
    return Task(clip_standardised(X), Y, draw_state(rng, n_inputs, n_classes))


def clip_standardised(X: np.ndarray) -> np.ndarray:
    """Return X (n_rows, A) with columns of mean 0 and deviation 1, cut off at 3 deviations, float32; constants become 0."""
    deviation = X.std(0)
    return np.clip((X - X.mean(0)) / np.where(deviation > 1e-9, deviation, 1.0), -_CLIP, _CLIP).astype(np.float32)


def _correlated(rng: np.random.Generator, length: int, n_inputs: int) -> np.ndarray:
    """Normal inputs, a random part of whose variance is shared through random factors."""
    factors = rng.standard_normal((length, n_inputs)) @ rng.standard_normal((n_inputs, n_inputs)) / np.sqrt(n_inputs)
    share = rng.uniform(0, 0.9)
    return np.sqrt(share) * factors + np.sqrt(1 - share) * rng.standard_normal((length, n_inputs))


def _relevant(rng: np.random.Generator, n_inputs: int) -> np.ndarray:
    """Which inputs matter, bool (n_inputs,): all, or a random part of them."""
    return rng.random(n_inputs) < rng.choice([1.0, 0.7, 0.4]) if n_inputs > 3 else np.ones(n_inputs, bool)


def _linear(rng: np.random.Generator, X: np.ndarray, n_classes: int) -> np.ndarray:
    weights = rng.standard_normal((X.shape[1], n_classes)) * _relevant(rng, X.shape[1])[:, None]
    return X @ weights + 1e-9 * rng.standard_normal((len(X), n_classes))


def _network(rng: np.random.Generator, X: np.ndarray, n_classes: int) -> np.ndarray:
    hidden = int(rng.integers(3, 17))
    weights = rng.standard_normal((X.shape[1], hidden)) * _relevant(rng, X.shape[1])[:, None]
    return np.tanh(X @ weights * rng.uniform(0.5, 2) / np.sqrt(X.shape[1])) @ rng.standard_normal((hidden, n_classes))


def _clusters(rng: np.random.Generator, length: int, n_inputs: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows around random centres, one to three for every class, and classes of unequal size."""
    of_class = np.repeat(np.arange(n_classes), rng.integers(1, 4))
    centres = rng.standard_normal((len(of_class), n_inputs)) * _relevant(rng, n_inputs)
    centres *= rng.uniform(1.0, 5.0) / np.sqrt(n_inputs)
    picked = rng.choice(len(of_class), size=length, p=rng.dirichlet(np.full(len(of_class), rng.choice([2.0, 20.0]))))
    return centres[picked] + _correlated(rng, length, n_inputs), of_class[picked]


def _bent(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
    """Make some columns binary, skewed or heavy-tailed, as the columns of real tables are; half of the tasks keep theirs."""
    if rng.random() < 0.5:
        return X
    kind = rng.integers(5, size=X.shape[1])
    shapes = (X, X, np.where(X > rng.normal(0, 0.7, X.shape[1]), 1.0, 0.0), np.exp(np.clip(X, -4, 4)), X * np.abs(X))
    return np.choose(kind, shapes)
