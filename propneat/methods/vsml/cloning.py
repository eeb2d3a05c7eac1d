"""Learning-algorithm cloning: an LSTM at a weight position is taught to do what backpropagation does there."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from propneat.base.rng import make_rng
from propneat.methods.vsml.clone_kernel import clone_gradient
from propneat.methods.vsml.episodes import fuse
from propneat.methods.vsml.kernel import ROWS, TICKS
from propneat.methods.vsml.parameters import UNITS, draw_parameters

__all__ = ["Clone", "CloneCell", "CloneLosses", "clone_backpropagation", "draw_samples", "exact_targets"]

_BATCH = 1024


@dataclass(frozen=True)
class CloneLosses:
    """Mean squared errors of a clone on samples it was not taught."""

    output: float
    """Of the forward message y."""
    error: float
    """Of the backward message e'."""
    step: float
    """Of the steps of w and b, relative to the squared learning rate."""


@dataclass(frozen=True, eq=False)
class Clone:
    """A cell that imitates backpropagation with one learning rate."""

    cell: np.ndarray
    """float32 (4 UNITS, ROWS), as `episodes.fuse` gives it."""
    heads: np.ndarray
    """float32 (2, UNITS + 1): linear maps with bias from h to y and to e'."""
    rate: float
    """The learning rate of w that it imitates."""
    bias_rate: float
    """The learning rate of b that it imitates."""
    losses: CloneLosses


def draw_samples(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return w, b, x, e of n positions, float32 (4, n): normal, of deviations 0.5, 0.2, 1 and 0.5."""
    deviations = np.array([[0.5], [0.2], [1.0], [0.5]])
    return (deviations * rng.standard_normal((4, n))).astype(np.float32)


def exact_targets(samples: np.ndarray, rate: float, bias_rate: float) -> np.ndarray:
    """Return y, e' and the new w and b of positions (4, n) with w, b, x, e: what backpropagation does there, (4, n)."""
    w, b, x, e = samples
    squashed = np.tanh(x)
    return np.stack([squashed * w + b, e * w * (1 - squashed**2), w - rate * e * squashed, b - bias_rate * e])


def clone_backpropagation(
    seed: int,
    steps: int,
    rate: float = 0.05,
    bias_rate: float = 0.05,
    first_rate: float = 2e-3,
    callback: Callable[[int], None] = lambda step: None,
) -> Clone:
    """Teach a cell by Adam, whose step size falls along half a cosine, on `steps` batches of 1,024 fresh positions.

    The loss is the squared error of y, plus that of e', plus that of the new w and b in units of `rate`: without the last
    unit a cell that forgets a little would look as good as one that learns.
    """
    cell, _ = fuse(draw_parameters(make_rng(seed, "vsml", "clone")))
    rng = make_rng(seed, "vsml", "clone samples")
    numbers = np.concatenate([cell.ravel(), (rng.standard_normal(2 * (UNITS + 1)) / np.sqrt(UNITS)).astype(np.float32)])
    mean, square = np.zeros(len(numbers)), np.zeros(len(numbers))
    scratch = np.empty((TICKS + 1, ROWS, _BATCH), np.float32), np.empty((TICKS, 4 * UNITS, _BATCH), np.float32)
    with threadpool_limits(1, "blas"):
        for step in range(steps):
            samples = draw_samples(rng, _BATCH)
            gradient, _ = _gradient(numbers, samples, rate, bias_rate, scratch)
            mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
            unbiased = np.sqrt(square / (1 - 0.999 ** (step + 1))) + 1e-8
            pace = 0.5 * first_rate * (1 + np.cos(np.pi * step / steps))
            numbers = (numbers - pace * mean / (1 - 0.9 ** (step + 1)) / unbiased).astype(np.float32)
            callback(step + 1)
        test = draw_samples(make_rng(seed, "vsml", "clone test"), _BATCH)
        output, error, move = _gradient(numbers, test, rate, bias_rate, scratch)[1]
    cell, heads = _shaped(numbers)
    return Clone(cell.copy(), heads.copy(), rate, bias_rate, CloneLosses(output, error, move / rate**2))


def _shaped(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    split = 4 * UNITS * ROWS
    return numbers[:split].reshape(4 * UNITS, ROWS), numbers[split:].reshape(2, UNITS + 1)


def _gradient(
    numbers: np.ndarray, samples: np.ndarray, rate: float, bias_rate: float, scratch: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, tuple[float, float, float]]:
    """Return the gradient by cell and heads, flat, norm at most 1, and the three parts of the loss."""
    cell, heads = _shaped(numbers)
    targets = exact_targets(samples, rate, bias_rate).astype(np.float32)
    cell_grad, heads_grad = np.empty_like(cell), np.empty_like(heads)
    parts = clone_gradient(cell, heads, samples, targets, 1 / rate**2, *scratch, cell_grad, heads_grad)
    gradient = np.concatenate([cell_grad.ravel(), heads_grad.ravel()]).astype(np.float64)
    return gradient / max(1.0, float(np.linalg.norm(gradient))), parts


class CloneCell:
    """A clone at every weight position, for the wiring of `BackpropCell`: state (A, B, 2) is w and b, messages are summed.

    The scratch channels (h and all of c but w and b) start every example at 0, as they did when the clone was taught.
    """

    def __init__(self, clone: Clone) -> None:
        self.clone = clone

    def tell_input(self, x: np.ndarray) -> np.ndarray:
        """Return x as messages (A, 1)."""
        return np.asarray(x, np.float32)[:, None]

    def tell_error(self, error: np.ndarray, label: np.ndarray) -> np.ndarray:
        """Return the error as messages (B, 1); the label is not told."""
        return np.asarray(error, np.float32)[:, None]

    def read_output(self, message: np.ndarray) -> np.ndarray:
        """Return the summed outputs (B,)."""
        return message[:, 0]

    def forward(self, state: np.ndarray, heard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return w and b as they are, and the outputs (B, 1)."""
        h, _ = self._ticks(*self._begin(state), heard[:, :1], np.zeros((1, 1), np.float32))
        return state, self._read(0, h, state.shape).sum(0)[:, None]

    def backward(self, state: np.ndarray, heard: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what the clone made of w and b in both sweeps, and the errors of the inputs (A, 1)."""
        # the clone goes on from its own forward sweep, which is made again rather than kept
        h, c = self._ticks(*self._begin(state), heard[:, :1], np.zeros((1, 1), np.float32))
        h, c = self._ticks(h, c, heard[:, :1], back.T)
        return c[:2].T.reshape(state.shape), self._read(1, h, state.shape).sum(1)[:, None]

    def _begin(self, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        h = np.zeros((UNITS, state.shape[0] * state.shape[1]), np.float32)
        c = np.zeros_like(h)
        c[:2] = state.reshape(-1, 2).T
        return h, c

    def _ticks(self, h: np.ndarray, c: np.ndarray, x: np.ndarray, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Two ticks with x (A, 1) and e (1, B) told to every position; h and c are (UNITS, A * B)."""
        cell = self.clone.cell
        n_outputs = h.shape[1] // len(x)
        shape = len(x), n_outputs
        told = np.broadcast_to(x, shape).reshape(1, -1), np.broadcast_to(e, shape).reshape(1, -1)
        outside = cell[:, UNITS : UNITS + 1] * told[0] + cell[:, UNITS + 1 : UNITS + 2] * told[1] + cell[:, -1:]
        for _ in range(2):
            i, g, f, o = np.split(cell[:, :UNITS] @ h + outside, 4)
            c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
            h = _sigmoid(o) * np.tanh(c)
        return h, c

    def _read(self, head: int, h: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return (self.clone.heads[head, :-1] @ h + self.clone.heads[head, -1]).reshape(shape[:2])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.5) * x)
