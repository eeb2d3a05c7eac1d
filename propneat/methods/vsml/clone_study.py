"""First part of the native study: the wiring computes online SGD, and a clone of backpropagation learns digits."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from propneat.base.rng import make_rng
from propneat.methods.claims import at_least, at_most
from propneat.methods.contract import Claim
from propneat.methods.vsml.cloning import CloneCell, clone_backpropagation
from propneat.methods.vsml.real_data import Split, make_split
from propneat.methods.vsml.wiring import BackpropCell, Cell, forward_sweep, learn_online

__all__ = ["clone_claims", "clone_study", "wiring_difference"]

Progress = Callable[[str, int, int], None]
_RATE = 0.05
_HIDDEN = 32


def wiring_difference(seed: int, sizes: tuple[int, ...] = (5, 4, 3), steps: int = 50) -> float:
    """Return the largest difference of any weight or output between the wired exact rule and autograd, over online SGD.

    Both are networks of float64 layers tanh(input) @ w + b; the wiring's b is the sum over inputs of b_ab.
    """
    rng = make_rng(seed, "vsml", "wiring")
    states = [np.stack([rng.standard_normal((a, b)), np.zeros((a, b))], axis=-1) for a, b in pairwise(sizes)]
    X, Y = rng.standard_normal((steps, sizes[0])), np.eye(sizes[-1])[rng.integers(sizes[-1], size=steps)]
    numbers = [torch.tensor(np.copy(part), requires_grad=True) for state in states for part in (state[..., 0], state[..., 1])]
    theirs = np.empty(Y.shape)
    for t in range(steps):
        values = torch.tensor(X[t])
        for w, b in zip(numbers[::2], numbers[1::2], strict=True):
            values = torch.tanh(values) @ w + b.sum(0)
        theirs[t] = values.detach().numpy()
        loss = torch.logsumexp(values, 0) - values[int(Y[t].argmax())]
        steps_down = torch.autograd.grad(loss, numbers)
        numbers = [(n - _RATE * g).detach().requires_grad_() for n, g in zip(numbers, steps_down, strict=True)]
    ours, outputs = learn_online(BackpropCell(_RATE, _RATE), states, X, Y)
    pairs = zip((part for state in ours for part in (state[..., 0], state[..., 1])), numbers, strict=True)
    return float(max(np.abs(outputs - theirs).max(), *(np.abs(a - b.detach().numpy()).max() for a, b in pairs)))


def _first_states(split: Split, sizes: tuple[int, ...], seed: int) -> list[np.ndarray]:
    """Weights at zero for one layer, random ones, 1/sqrt(fan in), for more; biases zero."""
    rng, states = make_rng(seed, "vsml", "clone start"), []
    for a, b in pairwise(sizes):
        w = rng.standard_normal((a, b)) / np.sqrt(a) if len(sizes) > 2 else np.zeros((a, b))
        states.append(np.stack([w, np.zeros((a, b))], axis=-1).astype(np.float32))
    return states


def _learn(
    cell: Cell, states: list[np.ndarray], split: Split, n_rows: int | None
) -> tuple[list[np.ndarray], np.ndarray, float]:
    """One pass over the learning rows; returns states, which rows were predicted rightly, and frozen test accuracy."""
    states, outputs = learn_online(cell, states, split.X[:n_rows], split.Y[:n_rows])
    test = np.array([forward_sweep(cell, states, x)[2] for x in split.X_test])
    return states, outputs.argmax(1) == split.labels[:n_rows], split.accuracy(test)


def clone_study(seed: int, steps: int, n_rows: int | None, progress: Progress) -> dict[str, Any]:
    """Return numbers of cloning: `steps` of teaching, then one pass over n_rows rows of digits (None for all)."""
    split = make_split("digits", 0, seed)
    bias_rate = _RATE / split.X.shape[1]
    # every 10th step is often enough to be seen, and seldom enough to cost nothing
    clone = clone_backpropagation(
        seed, steps, _RATE, bias_rate, callback=lambda step: step % 10 == 0 and progress("clone", step, steps)
    )
    found: dict[str, Any] = {"wiring_difference": wiring_difference(seed), "clone_losses": vars(clone.losses)}
    for depth, sizes in (("shallow", (64, 10)), ("deep", (64, _HIDDEN, 10))):
        progress(f"digits, {depth}", 0, 2)
        first = _first_states(split, sizes, seed)
        exact, right, accuracy = _learn(BackpropCell(_RATE, bias_rate), first, split, n_rows)
        progress(f"digits, {depth}", 1, 2)
        cloned, clone_right, clone_accuracy = _learn(CloneCell(clone), first, split, n_rows)
        progress(f"digits, {depth}", 2, 2)
        likeness = [float(np.corrcoef(a[..., 0].ravel(), b[..., 0].ravel())[0, 1]) for a, b in zip(exact, cloned, strict=True)]
        found[depth] = {
            "sgd": accuracy,
            "clone": clone_accuracy,
            "correlation_of_weights": likeness,
            "sgd_right": right.astype(int).tolist(),
            "clone_right": clone_right.astype(int).tolist(),
        }
    return found


def clone_claims(runs: Sequence[dict[str, Any]]) -> list[Claim]:
    """Return claims about runs of `clone_study`: the wiring is exact in all of them, and clones learn nearly as SGD does."""
    worst = max(run["wiring_difference"] for run in runs)
    wiring = "wiring oracle: exact rule in place of the LSTM, against online SGD, the worst of the runs"
    claims = [Claim(wiring, "at most 1e-12", worst, worst <= 1e-12, n_runs=len(runs))]
    for depth in ("shallow", "deep"):
        exact, cloned = ([100 * run[depth][name] for run in runs] for name in ("sgd", "clone"))
        means = f" ({np.mean(exact):.4g} less {np.mean(cloned):.4g} %)"
        claims.append(at_most(f"digits, {depth}: points the clone stays behind true SGD", np.subtract(exact, cloned), 7, means))
    likeness = [min(run["shallow"]["correlation_of_weights"]) for run in runs]
    return [*claims, at_least("digits, shallow: correlation of the clone's weights with SGD's", likeness, 0.95)]
