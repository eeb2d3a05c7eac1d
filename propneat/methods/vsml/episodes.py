"""Episodes of many tasks: draw states, stream rows, predict from a frozen state, and differentiate the loss."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from propneat.base.native import share_out
from propneat.methods.vsml.kernel import LANES, ROWS, TICKS, episode, episode_gradient, frozen_logits
from propneat.methods.vsml.parameters import GATE_CONSTANTS, MESSAGE, N_PARAMETERS, UNITS, block_of, truncated_normal

__all__ = ["Stream", "Task", "draw_state", "fuse", "gradient_of_tasks", "predict", "stream", "stream_and_average", "unfuse"]

_AVERAGED = 10


@dataclass(frozen=True, eq=False)
class Task:
    """Rows to be met one by one, and the random state that an episode starts from."""

    X: np.ndarray
    """float32 (T, A), standardised."""
    Y: np.ndarray
    """One-hot float32 (T, B)."""
    state: np.ndarray
    """float32 (2, UNITS, P): h and c of every position a * B + b, padded to whole vectors."""


def fuse(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of a parameter vector (N_PARAMETERS,) that one dense layer reads, as the kernel wants them.

    They are the cell, float32 (4 UNITS, ROWS): columns for h, forward message, error, label and bias, the constants of the
    gates added; and the head, (MESSAGE, UNITS + 2): forward map, its bias, and below each other in the last column gain and
    offset of the output channel. Message channels that one layer never fills, and the backward map, have no part in it.
    """
    cell = np.empty((4 * UNITS, ROWS), np.float32)
    cell[:, :UNITS] = block_of(values, "recurrent")
    cell[:, UNITS] = block_of(values, "forward_in")[:, 0]
    cell[:, UNITS + 1 : UNITS + 3] = block_of(values, "backward_in")[:, :2]
    cell[:, UNITS + 3] = block_of(values, "bias") + GATE_CONSTANTS
    head = np.zeros((MESSAGE, UNITS + 2), np.float32)
    head[:, :UNITS], head[:, UNITS] = block_of(values, "forward_out"), block_of(values, "forward_bias")
    head[0, UNITS + 1], head[1, UNITS + 1] = block_of(values, "forward_gain")[1], block_of(values, "forward_offset")[1]
    return cell, head


def unfuse(cell: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Return gradients by cell and head as one by the parameter vector, float64 (N_PARAMETERS,)."""
    values = np.zeros(N_PARAMETERS)
    block_of(values, "recurrent")[...] = cell[:, :UNITS]
    block_of(values, "forward_in")[:, 0] = cell[:, UNITS]
    block_of(values, "backward_in")[:, :2] = cell[:, UNITS + 1 : UNITS + 3]
    block_of(values, "bias")[...] = cell[:, UNITS + 3]
    block_of(values, "forward_out")[...], block_of(values, "forward_bias")[...] = head[:, :UNITS], head[:, UNITS]
    block_of(values, "forward_gain")[1], block_of(values, "forward_offset")[1] = head[0, UNITS + 1], head[1, UNITS + 1]
    return values


def draw_state(rng: np.random.Generator, n_inputs: int, n_outputs: int) -> np.ndarray:
    """Return a random state, float32 (2, UNITS, P): h and the later half of c are 0, the first half of c is random.

    Random numbers are normal, cut off at two deviations, of deviation 1/sqrt(n_inputs). Without them all outputs would
    stay equal for ever.
    """
    n = n_inputs * n_outputs
    state = np.zeros((2, UNITS, -(-n // LANES) * LANES), np.float32)
    state[1, : UNITS // 2, :n] = truncated_normal(rng, (UNITS // 2, n)) / np.sqrt(n_inputs)
    return state


@dataclass(frozen=True, eq=False)
class Stream:
    """What came of meeting a task's rows one by one."""

    state: np.ndarray
    """float32 (2, UNITS, P) after the last row."""
    logits: np.ndarray
    """Outputs before each row's label was seen, float32 (T, B)."""
    loss: float
    """Mean cross-entropy of those outputs, in nats."""


def stream(members: Sequence[np.ndarray], tasks: Sequence[Task]) -> list[Stream]:
    """Let each parameter vector of members (n_tasks,) meet the rows of its task: predict, see the label, go on.

    Nothing but states changes, and no gradient is taken. Tasks run in as many threads as numba may use.
    """
    streams: list[Stream | None] = [None] * len(tasks)

    def work(share: np.ndarray) -> None:
        for k in share:
            task, (cell, head) = tasks[k], fuse(members[k])
            state, logits = task.state.copy(), np.empty(task.Y.shape, np.float32)
            loss = episode(cell, head, task.X, task.Y, state[0], state[1], logits)
            streams[k] = Stream(state, logits, loss)

    with threadpool_limits(1, "blas"):
        share_out(work, _costs(tasks))
    return streams


def stream_and_average(members: Sequence[np.ndarray], tasks: Sequence[Task]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Stream as `stream` does; returns every task's last state, and the mean of ten states along its later half.

    The mean is what Polyak averaging is to weights: a state goes on moving with every row, and its mean holds stiller.
    """
    states, sums = [task.state for task in tasks], [np.zeros_like(task.state) for task in tasks]
    for part in range(2 * _AVERAGED):
        stretches = []
        for task, state in zip(tasks, states, strict=True):
            rows = slice(part * len(task.X) // (2 * _AVERAGED), (part + 1) * len(task.X) // (2 * _AVERAGED))
            stretches.append(Task(task.X[rows], task.Y[rows], state))
        states = [one.state for one in stream(members, stretches)]
        if part >= _AVERAGED:
            sums = [total + state for total, state in zip(sums, states, strict=True)]
    return [(state, total / np.float32(_AVERAGED)) for state, total in zip(states, sums, strict=True)]


def predict(values: np.ndarray, X: np.ndarray, n_outputs: int, states: Sequence[np.ndarray]) -> np.ndarray:
    """Return outputs, float32 (n_states, n_rows, n_outputs), for X (n_rows, A) from states that stay as they are."""
    cell, head = fuse(values)
    X = np.ascontiguousarray(X, np.float32)
    logits = np.empty((len(states), len(X), n_outputs), np.float32)

    def work(share: np.ndarray) -> None:
        for k in share:
            frozen_logits(cell, head, X, n_outputs, states[k][0], states[k][1], logits[k])

    with threadpool_limits(1, "blas"):
        share_out(work, np.ones(len(states)))
    return logits


def gradient_of_tasks(values: np.ndarray, tasks: Sequence[Task]) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient of the mean loss over tasks, float64 (N_PARAMETERS,), and every task's mean loss (n_tasks,).

    A task's loss is its mean cross-entropy over all rows. Tasks run in as many threads as numba may use; the result does
    not depend on how many.
    """
    cell, head = fuse(values)
    gradients = np.empty((len(tasks), N_PARAMETERS))
    losses = np.empty(len(tasks))
    local = threading.local()

    def work(share: np.ndarray) -> None:
        cell_grad, head_grad = np.empty_like(cell), np.empty_like(head)
        for k in share:
            task = tasks[k]
            weights = np.full(len(task.X), 1 / len(task.X), np.float32)
            logits = np.empty(task.Y.shape, np.float32)
            buffers = _buffers(local, task)
            losses[k] = episode_gradient(cell, head, task.X, task.Y, task.state, weights, buffers, cell_grad, head_grad, logits)
            gradients[k] = unfuse(cell_grad, head_grad)

    with threadpool_limits(1, "blas"):
        share_out(work, _costs(tasks))
    return gradients.mean(0), losses


def _costs(tasks: Sequence[Task]) -> np.ndarray:
    return np.array([len(task.X) * task.state.shape[2] for task in tasks], dtype=np.float64)


def _buffers(local: threading.local, task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return this thread's buffers in the shapes of a task; fresh memory for every task would cost as much as the work."""
    ticks, n = len(task.X) * TICKS, task.state.shape[2]
    shapes = ((ticks + 1, ROWS, n), (ticks + 1, UNITS, n), (ticks, 4 * UNITS, n), (ticks, UNITS, n))
    if not hasattr(local, "memory"):
        local.memory = [np.empty(0, np.float32)] * len(shapes)
    for k, shape in enumerate(shapes):
        if local.memory[k].size < np.prod(shape):
            local.memory[k] = np.empty(int(np.prod(shape)), np.float32)
    parts = [memory[: int(np.prod(shape))].reshape(shape) for memory, shape in zip(local.memory, shapes, strict=True)]
    parts[0][:, UNITS:, task.X.shape[1] * task.Y.shape[1] :] = 0
    return tuple(parts)
