"""Accuracy after equal training by BPTT and by rates: digits, dense and as images, and moving bars as events."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold

from propneat.base.rng import derive_seed, make_rng
from propneat.data.real_sets import mnist
from propneat.methods.claims import near
from propneat.methods.contract import Claim
from propneat.methods.rate_backprop.cost_study import CONV
from propneat.methods.rate_backprop.data import Frames, MovingBars, digits_as_images, vowels_as_frames
from propneat.methods.rate_backprop.gradient_study import compare_gradients
from propneat.methods.rate_backprop.network import RULES, LayerPlan, make_network
from propneat.methods.rate_backprop.training import TrainingPlan, answer, count_updates, train

__all__ = ["AccuracyPlan", "accuracy_claims", "accuracy_study", "real_study"]

Progress = Callable[[str, int, int], None]

_DENSE = (LayerPlan(128), LayerPlan(128))
_BARS_NETWORK = (LayerPlan(16, "conv"), LayerPlan(16, "conv", pool=2), LayerPlan(32, "conv", pool=2))
_BARS = {
    "moving bars": MovingBars(),
    "moving bars, noisy": MovingBars(loss=0.5, noise=0.1),
    "moving bars, no polarity": MovingBars(polarity=False),
}
"""Streams of events, from one that any single step tells to one whose direction shows in the order of steps alone."""
_PROTOTYPE = {2: (97.55, 97.38), 4: (97.66, 97.55), 8: (97.77, 97.72)}
"""Percent correct on digits in 5 folds of a prototype, dense 64-128-128-10, by steps: BPTT and rates."""


@dataclass(frozen=True)
class AccuracyPlan:
    """How much is trained: folds or seeds, epochs, steps in time, and trials of moving bars."""

    n_dense_folds: int = 5
    dense_steps: tuple[int, ...] = (2, 4, 8)
    dense_epochs: int = 40
    n_image_folds: int = 5
    image_folds_used: int = 5
    image_steps: tuple[int, ...] = (4,)
    image_epochs: int = 15
    n_bar_seeds: int = 5
    bar_epochs: int = 6
    n_bar_train: int = 2000
    n_bar_test: int = 1000


def accuracy_study(plan: AccuracyPlan, seed: int, device: str, progress: Progress) -> dict[str, Any]:
    """Return test accuracies by task and rule, one per fold or seed, and for images and bars loss and cosines along BPTT.

    The rules share folds, initial numbers and batches; every fold or seed has its own.
    """
    digits = digits_as_images()
    flat = Frames(digits.inputs.reshape(1, -1, 64), digits.labels)
    found: dict[str, Any] = {}
    for n_steps in plan.dense_steps:
        training = TrainingPlan(n_steps=n_steps, n_epochs=plan.dense_epochs)
        splits = _folds(flat, plan.n_dense_folds, plan.n_dense_folds, seed)
        found[f"digits, dense, {n_steps} steps"] = _compare("dense digits", splits, _DENSE, training, seed, device, progress)
    for n_steps in plan.image_steps:
        training = TrainingPlan(n_steps=n_steps, n_epochs=plan.image_epochs)
        splits = _folds(digits, plan.n_image_folds, plan.image_folds_used, seed)
        found[f"digits, images, {n_steps} steps"] = _compare("images of digits", splits, CONV, training, seed, device, progress)
    for name, bars in _BARS.items():
        training = TrainingPlan(n_steps=bars.n_steps, n_epochs=plan.bar_epochs, batch_size=64)
        splits = [_draw_bars(bars, plan, seed, k) for k in range(plan.n_bar_seeds)]
        found[name] = _compare(name, splits, _BARS_NETWORK, training, seed, device, progress)
    return found


def real_study(seed: int, device: str, progress: Progress, n_folds: int = 5) -> dict[str, Any]:
    """Return the same for 5,000 images of MNIST by convolutions, and for the speech of nine speakers by dense layers."""
    images, digits = mnist()
    frames = Frames((images / 255).astype(np.float32)[None, :, None], digits)
    training = TrainingPlan(n_steps=4, n_epochs=3)
    found = {"MNIST": _compare("MNIST", _folds(frames, n_folds, n_folds, seed), CONV, training, seed, device, progress)}
    spoken = vowels_as_frames()
    training = TrainingPlan(n_steps=spoken.inputs.shape[0], n_epochs=30)
    name = "speakers of vowels"
    found[name] = _compare(name, _folds(spoken, n_folds, n_folds, seed), _DENSE, training, seed, device, progress)
    return found


def _folds(frames: Frames, n_folds: int, n_used: int, seed: int) -> list[tuple[Frames, Frames]]:
    shuffled = StratifiedKFold(n_folds, shuffle=True, random_state=derive_seed("rate-backprop folds", seed) % 2**32)
    cuts = list(shuffled.split(frames.labels, frames.labels))[:n_used]
    return [tuple(Frames(frames.inputs[:, rows], frames.labels[rows]) for rows in cut) for cut in cuts]


def _draw_bars(bars: MovingBars, plan: AccuracyPlan, seed: int, k: int) -> tuple[Frames, Frames]:
    draws = (("train", plan.n_bar_train), ("test", plan.n_bar_test))
    return tuple(bars.draw(make_rng("rate-backprop bars", seed, k, use), n_rows) for use, n_rows in draws)


def _compare(
    name: str,
    splits: list[tuple[Frames, Frames]],
    layers: tuple[LayerPlan, ...],
    training: TrainingPlan,
    seed: int,
    device: str,
    progress: Progress,
) -> dict[str, Any]:
    """Train one network per split and rule; return `accuracy` by rule, and of the first split `losses` and BPTT's `cosines`."""
    found: dict[str, Any] = {"accuracy": {rule: [] for rule in RULES}, "losses": {}, "cosines": []}
    for k, split in enumerate(splits):
        for rule in RULES:
            plan = replace(training, rule=rule)
            step = f"{name}, {plan.n_steps} steps, {rule}, {k + 1} of {len(splits)}"
            cosines = found["cosines"] if k == 0 and rule == "bptt" else None
            accuracy, losses = _train_one(split, layers, plan, (seed, k), device, cosines, step, progress)
            found["accuracy"][rule].append(accuracy)
            if k == 0:
                found["losses"][rule] = losses
    return found


def _train_one(
    split: tuple[Frames, Frames],
    layers: tuple[LayerPlan, ...],
    plan: TrainingPlan,
    seed: tuple[int, int],
    device: str,
    cosines: list[dict[str, Any]] | None,
    step: str,
    progress: Progress,
) -> tuple[float, list[float]]:
    """Return test accuracy and training losses by update; `cosines` takes comparisons with BPTT at the ends of epochs."""
    (inputs, labels), (test_inputs, test_labels) = ((torch.from_numpy(part).to(device) for part in half) for half in split)
    generator = torch.Generator().manual_seed(derive_seed("rate-backprop accuracy", *seed) % 2**63)
    network = make_network(layers, tuple(inputs.shape[2:]), int(labels.max()) + 1, generator).to(device)
    total = count_updates(plan, len(labels))
    per_epoch = total // plan.n_epochs
    losses: list[float] = []

    def compare(n_done: int) -> None:
        found = compare_gradients(network, inputs[:, : plan.batch_size], labels[: plan.batch_size], plan.n_steps)
        cosines.append({"update": n_done, "cosine": found["cosine"], "ratio": found["ratio"]})

    def after_update(n_done: int, loss: float) -> None:
        losses.append(loss)
        if cosines is not None and n_done % per_epoch == 0:
            compare(n_done)
        if n_done % 5 == 0 or n_done == total:
            progress(step, n_done, total)

    if cosines is not None:
        compare(0)
    train(network, inputs, labels, plan, make_rng("rate-backprop accuracy", *seed, "batches"), after_update)
    right = answer(network, test_inputs, plan.n_steps).argmax(1) == test_labels
    return float(right.double().mean()), losses


def accuracy_claims(found: dict[str, Any]) -> Iterable[Claim]:
    """Say whether rates are as accurate as BPTT within a point (percent), and digits near the prototype."""
    for task, results in found.items():
        percent = {rule: 100 * np.array(values) for rule, values in results["accuracy"].items()}
        for rule in ("rate-multi", "rate-single"):
            means = f" ({percent[rule].mean():.2f} and {percent['bptt'].mean():.2f} %)"
            yield near(f"{task}: points of accuracy, {rule} minus BPTT", percent[rule] - percent["bptt"], 0, 1, means)
    for n_steps, expected in _PROTOTYPE.items():
        results = found.get(f"digits, dense, {n_steps} steps")
        for rule, percent in zip(("bptt", "rate-multi"), expected, strict=True) if results else ():
            name = f"digits, dense, {n_steps} steps: percent correct, {rule}"
            yield near(name, 100 * np.array(results["accuracy"][rule]), percent, 1, " (a prototype)")
    for task, results in found.items():
        if not results["cosines"] or "dense" in task:
            continue
        value = min(min(check["cosine"]) for check in results["cosines"])
        yield Claim(f"{task}: least cosine with BPTT of any layer, before and along training", "above 0", value, value > 0)
