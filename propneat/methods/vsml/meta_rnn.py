"""The control: one recurrent network for the whole task, meta-trained on the same tasks, which cannot share weights."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn import functional

from propneat.base.rng import derive_seed, make_rng
from propneat.methods.vsml.episodes import Task
from propneat.methods.vsml.tasks import draw_task

__all__ = ["MOST_CLASSES", "MOST_INPUTS", "MetaRnn", "meta_train_rnn", "stream_rnn"]

MOST_INPUTS, MOST_CLASSES = 64, 10
"""What tasks are padded to with zeros: this network has its sizes built in."""
_RATE = 1e-3


class MetaRnn(nn.Module):
    """An LSTM of 128 units, two ticks per row, that reads a row, the error of the row before, and its label.

    Source: Hochreiter et al. (2001), as the control of Kirsch and Schmidhuber (2021).
    """

    def __init__(self, units: int = 128) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(MOST_INPUTS + 2 * MOST_CLASSES, units)
        self.output = nn.Linear(units, MOST_CLASSES)

    def forward(self, X: torch.Tensor, Y: torch.Tensor, is_class: torch.Tensor) -> torch.Tensor:
        """Return outputs before each label was seen, (T, n, MOST_CLASSES).

        X is (T, n, MOST_INPUTS), Y (T, n, MOST_CLASSES), for n tasks; is_class (n, MOST_CLASSES) says which classes are there.
        """
        n, units = X.shape[1], self.output.in_features
        h, c = X.new_zeros(n, units), X.new_zeros(n, units)
        error, label, outputs = torch.zeros_like(Y[0]), torch.zeros_like(Y[0]), []
        for x, y in zip(X, Y, strict=True):
            told = torch.cat([x, error, label], dim=1)
            for _ in range(2):
                h, c = self.cell(told, (h, c))
            logits = self.output(h).masked_fill(~is_class, -1e9)
            error, label = functional.softmax(logits, dim=1) - y, y
            outputs.append(logits)
        return torch.stack(outputs)


def _padded(tasks: Sequence[Task]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    length = len(tasks[0].X)
    X = np.zeros((length, len(tasks), MOST_INPUTS), np.float32)
    Y, is_class = np.zeros((length, len(tasks), MOST_CLASSES), np.float32), np.zeros((len(tasks), MOST_CLASSES), bool)
    for k, task in enumerate(tasks):
        X[:, k, : task.X.shape[1]], Y[:, k, : task.Y.shape[1]] = task.X, task.Y
        is_class[k, : task.Y.shape[1]] = True
    return torch.from_numpy(X), torch.from_numpy(Y), torch.from_numpy(is_class)


def _loss(network: MetaRnn, tasks: Sequence[Task]) -> torch.Tensor:
    """Mean cross-entropy over rows and tasks, each task's relative to the logarithm of its number of classes."""
    X, Y, is_class = _padded(tasks)
    losses = -(functional.log_softmax(network(X, Y, is_class), dim=2) * Y).sum(2).mean(0)
    return (losses / torch.log(is_class.sum(1).float())).mean()


def _new_network(seed: int) -> MetaRnn:
    """A network drawn by a generator of its own; torch's global one stays as it is."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "vsml", "meta-rnn") % 2**63)
    with torch.device("meta"):
        network = MetaRnn()
    network = network.to_empty(device="cpu")
    with torch.no_grad():
        for numbers in network.parameters():
            bound = network.output.in_features**-0.5
            numbers.uniform_(-bound, bound, generator=generator)
    return network


def meta_train_rnn(
    seed: int, steps: int, n_tasks: int, length: int, callback: Callable[[int, float], None] = lambda step, loss: None
) -> MetaRnn:
    """Meta-train by backpropagation through time: Adam, gradient norm cut off at 1, the same tasks that VSML begins with."""
    network = _new_network(seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=_RATE)
    # products this small are slower on two threads than on one, by far where cores are shared
    with torch.enable_grad(), threadpool_limits(1, "openmp"):
        for step in range(steps):
            rng = make_rng(seed, "vsml", "tasks", step)
            loss = _loss(network, [draw_task(rng, length) for _ in range(n_tasks)])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            callback(step + 1, float(loss.detach()))
    return network


def stream_rnn(network: MetaRnn, tasks: Sequence[Task]) -> list[np.ndarray]:
    """Return outputs before each label was seen, float32 (T, B), for tasks of equal length; only the LSTM's state changes."""
    with torch.no_grad():
        outputs = network(*_padded(tasks)).numpy()
    return [outputs[:, k, : task.Y.shape[1]] for k, task in enumerate(tasks)]
