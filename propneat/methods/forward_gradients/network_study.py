"""The dense network on digits: forward gradients beside backpropagation, and the control with as many tangents as nodes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from propneat.base.rng import derive_seed, make_rng
from propneat.data.split import split_rows
from propneat.methods.forward_gradients.aggregators import ForwardGradient
from propneat.methods.forward_gradients.perceptron import Perceptron, backprop_gradient, node_gradient
from propneat.methods.forward_gradients.perceptron_training import Rows, Schedule, run_epochs, train
from propneat.methods.forward_gradients.ticker import Ticker

__all__ = ["NETWORK_ARMS", "SCHEDULE", "control", "digits_table"]

NETWORK_ARMS: dict[str, tuple[str, ForwardGradient]] = {
    "backprop": ("backprop", ForwardGradient()),
    "single-1": ("node", ForwardGradient("single", 1)),
    "mean-4": ("node", ForwardGradient("mean", 4)),
    "projection-4": ("node", ForwardGradient("projection", 4)),
    "mean-16": ("node", ForwardGradient("mean", 16)),
    "projection-16": ("node", ForwardGradient("projection", 16)),
    "weight, projection-16": ("weight", ForwardGradient("projection", 16)),
}
"""Ways to train the network: how the gradient is found, and from which tangents."""

SCHEDULE = Schedule(batch_size=32, max_steps=4000, patience=10)
"""What every way gets, the classifier's own."""


def digits_table(
    n_splits: int,
    seed: int,
    progress: Callable[[str, int, int], None],
    layers: tuple[int, ...] = (64, 64),
    schedule: Schedule = SCHEDULE,
    arms: dict[str, tuple[str, ForwardGradient]] = NETWORK_ARMS,
    device: str = "cpu",
    data: tuple[np.ndarray, np.ndarray] | None = None,
) -> list[dict[str, Any]]:
    """Train every arm on several divisions of the digits, or of other `data` (X, y).

    All have the same budget and way of choosing the learning rate.

    A quarter of the rows tests. Returns one row per arm and split: arm, split, test accuracy in [0, 1], learning rate,
    epochs, validation loss in nats.
    """
    ticker = Ticker(progress, "digits", n_splits * len(arms) * schedule.max_steps * 2)
    rows = []
    for split in range(n_splits):
        (learn, labels), (test, test_labels) = _divide(split, data or load_digits(return_X_y=True))
        division = split_rows(labels, 0.2, True, make_rng("forward-gradients", seed, "digits", split))
        network = Perceptron((learn.X.shape[1], *layers, learn.targets.shape[1]))
        for arm, (way, rule) in arms.items():
            stream = derive_seed("forward-gradients", seed, "digits", split)
            parts = (torch.from_numpy(division[0]), torch.from_numpy(division[1]))
            found = train(network, learn.to(device), [parts], way, rule, None, schedule, stream, ticker.advance)
            answers = network.outputs(found.numbers, test.to(device).X)[0].argmax(1).numpy(force=True)
            rows.append(
                {
                    "arm": arm,
                    "split": split,
                    "accuracy": float(np.mean(answers == test_labels)),
                    "learning_rate": found.rate,
                    "n_epochs": found.n_epochs,
                    "validation_loss": found.loss,
                }
            )
            ticker.reach(len(rows) * schedule.max_steps * 2)
    return rows


def _divide(
    split: int, data: tuple[np.ndarray, np.ndarray], dtype: torch.dtype = torch.float32
) -> tuple[tuple[Rows, np.ndarray], tuple[Rows, np.ndarray]]:
    """Return rows and labels to train on and to test by; the numbers are standardised by the former."""
    X, X_test, y, y_test = train_test_split(*data, test_size=0.25, stratify=data[1], random_state=split)
    scaler = StandardScaler().fit(X)
    parts = []
    for values, labels in ((X, y), (X_test, y_test)):
        rows = Rows(torch.tensor(scaler.transform(values), dtype=dtype), torch.eye(10, dtype=dtype)[labels])
        parts.append((rows, labels))
    return parts[0], parts[1]


def control(seed: int, n_epochs: int = 2, layers: tuple[int, ...] = (64, 64), rate: float = 0.1) -> dict[str, float]:
    """Train one network on digits by backpropagation, and again by node perturbation with as many tangents as nodes.

    Returns the largest difference of a single estimate from the gradient at the start ("gradient"), and of a number of the
    network after `n_epochs` epochs on the same batches ("numbers"), in float64, where both should be the same but for rounding.
    """
    (learn, _), _ = _divide(0, load_digits(return_X_y=True), torch.float64)
    network = Perceptron((64, *layers, 10))
    rule = ForwardGradient("projection", network.n_nodes)
    start = network.draw(torch.Generator().manual_seed(seed)).to(torch.float64)
    tangents = torch.Generator().manual_seed(seed + 1)
    first = learn.take(torch.arange(32))
    gradients = [
        node_gradient(network, start, first.X, first.targets, rule, tangents),
        backprop_gradient(network, start, first.X, first.targets),
    ]
    rates, ends = torch.tensor([rate], dtype=torch.float64), []
    for estimate in (
        lambda numbers, batch: node_gradient(network, numbers, batch.X, batch.targets, rule, tangents),
        lambda numbers, batch: backprop_gradient(network, numbers, batch.X, batch.targets),
    ):
        ends.append(run_epochs(start, rates, learn, estimate, n_epochs, 32, torch.Generator().manual_seed(seed)))
    return {
        "gradient": float((gradients[0] - gradients[1]).abs().max()),
        "numbers": float((ends[0] - ends[1]).abs().max()),
        "moved": float((ends[1] - start).abs().max()),
    }
