"""How weight positions of dense layers are wired by messages, whatever sits at them: an LSTM, or backpropagation itself."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from propneat.methods.vsml.parameters import GATE_CONSTANTS, MESSAGE, UNITS, block_of

__all__ = ["BackpropCell", "Cell", "LstmCell", "backward_sweep", "forward_sweep", "learn_online"]


class Cell(Protocol):
    """What sits at every weight position. A layer of A inputs and B outputs keeps one state array (A, B, S).

    Messages have shape (A, M) going in at the inputs and (B, M) at the outputs. The wiring reduces what positions send,
    (A, B, M), over the other side, and hands it to the next layer.
    """

    def tell_input(self, x: np.ndarray) -> np.ndarray:
        """Return the forward messages (A, M) that say x (A,)."""

    def tell_error(self, error: np.ndarray, label: np.ndarray) -> np.ndarray:
        """Return the backward messages (B, M) that say the error and the label, both (B,)."""

    def read_output(self, message: np.ndarray) -> np.ndarray:
        """Return the outputs (B,) that forward messages (B, M) of the last layer say."""

    def forward(self, state: np.ndarray, heard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a layer's new state, and its forward messages (B, M), having heard (A, M)."""

    def backward(self, state: np.ndarray, heard: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a layer's new state, and its backward messages (A, M), having heard (A, M) before and back (B, M) now."""


def forward_sweep(cell: Cell, states: Sequence[np.ndarray], x: np.ndarray) -> tuple[list, list, np.ndarray]:
    """Send x (A,) through all layers, first to last; returns new states, the messages each layer heard, and the outputs."""
    message, new, heard = cell.tell_input(x), [], []
    for state in states:
        heard.append(message)
        state, message = cell.forward(state, message)
        new.append(state)
    return new, heard, cell.read_output(message)


def backward_sweep(
    cell: Cell, states: Sequence[np.ndarray], heard: Sequence[np.ndarray], error: np.ndarray, label: np.ndarray
) -> list[np.ndarray]:
    """Send error and label (B,) through all layers, last to first, which also get what they heard; returns new states."""
    message, new = cell.tell_error(error, label), []
    for state, before in zip(reversed(states), reversed(heard), strict=True):
        state, message = cell.backward(state, before, message)
        new.append(state)
    return new[::-1]


def learn_online(cell: Cell, states: Sequence[np.ndarray], X: np.ndarray, Y: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Meet the rows X (T, A) one by one: predict, then learn from the error softmax(outputs) - Y, one-hot (T, B).

    Returns the last states and the outputs before each label was seen (T, B).
    """
    states, outputs = list(states), np.empty(Y.shape)
    for t in range(len(X)):
        states, heard, outputs[t] = forward_sweep(cell, states, X[t])
        odds = np.exp(outputs[t] - outputs[t].max())
        states = backward_sweep(cell, states, heard, odds / odds.sum() - Y[t], Y[t])
    return states, outputs


class BackpropCell:
    """The exact rule in place of an LSTM: state (w, b), y = tanh(x) w + b, and gradient descent on both.

    Messages have one channel. Positions send y forward and e w (1 - tanh(x)^2) back, and both are summed, so that the
    wiring computes sum over a of tanh(x_a) w_ab + b_ab; backpropagation reaches w -= rate e tanh(x), b -= bias_rate e.
    """

    def __init__(self, rate: float, bias_rate: float) -> None:
        self.rate, self.bias_rate = rate, bias_rate

    def tell_input(self, x: np.ndarray) -> np.ndarray:
        """Return x as messages (A, 1)."""
        return np.asarray(x, float)[:, None]

    def tell_error(self, error: np.ndarray, label: np.ndarray) -> np.ndarray:
        """Return the error as messages (B, 1); the rule needs no label."""
        return np.asarray(error, float)[:, None]

    def read_output(self, message: np.ndarray) -> np.ndarray:
        """Return the summed outputs (B,)."""
        return message[:, 0]

    def forward(self, state: np.ndarray, heard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the state (A, B, 2) as it is, and the outputs (B, 1)."""
        sent = np.tanh(heard) * state[..., 0] + state[..., 1]
        return state, sent.sum(0)[:, None]

    def backward(self, state: np.ndarray, heard: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the state after a step down the gradient, and the errors of the inputs (A, 1)."""
        squashed, error = np.tanh(heard), back[:, 0]
        sent = error * state[..., 0] * (1 - squashed**2)
        step = np.stack([self.rate * squashed * error, np.broadcast_to(self.bias_rate * error, sent.shape)], axis=-1)
        return state - step, sent.sum(1)[:, None]


class LstmCell:
    """The paper's cell: two LSTM steps per sweep, messages by linear maps of h, averaged and layer-normalised.

    The parameters are shared by all positions of all layers. The state (A, B, 2 UNITS) is h, then c. Written for clarity
    and any number of layers; `kernel` computes the same for one layer, fast. Departures from the paper: messages are
    averaged, not summed, as in the authors' published configuration, and layers hear no backward message in the forward sweep.
    """

    def __init__(self, values: np.ndarray) -> None:
        self.values = np.asarray(values, float)
        self._bias = block_of(self.values, "bias") + GATE_CONSTANTS

    def tell_input(self, x: np.ndarray) -> np.ndarray:
        """Return messages (A, MESSAGE) with x in channel 0 and 0 elsewhere."""
        message = np.zeros((len(x), MESSAGE))
        message[:, 0] = x
        return message

    def tell_error(self, error: np.ndarray, label: np.ndarray) -> np.ndarray:
        """Return messages (B, MESSAGE) with the error in channel 0, the label in channel 1, 0 elsewhere."""
        message = np.zeros((len(error), MESSAGE))
        message[:, 0], message[:, 1] = error, label
        return message

    def read_output(self, message: np.ndarray) -> np.ndarray:
        """Return channel 1, softly clipped at 100."""
        return 100 * np.tanh(message[:, 1] / 100)

    def forward(self, state: np.ndarray, heard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the state two ticks on, and the mean messages to each output."""
        state = self._ticks(state, heard, np.zeros((state.shape[1], MESSAGE)))
        return state, self._send(state, "forward", 0)

    def backward(self, state: np.ndarray, heard: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the state two ticks on, and the mean messages to each input."""
        state = self._ticks(state, heard, back)
        return state, self._send(state, "backward", 1)

    def _ticks(self, state: np.ndarray, heard: np.ndarray, back: np.ndarray) -> np.ndarray:
        h, c = state[..., :UNITS], state[..., UNITS:]
        told = (heard @ block_of(self.values, "forward_in").T)[:, None] + back @ block_of(self.values, "backward_in").T
        for _ in range(2):
            gates = told + h @ block_of(self.values, "recurrent").T + self._bias
            i, g, f, o = np.split(gates, 4, axis=-1)
            c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
            h = _sigmoid(o) * np.tanh(c)
        return np.concatenate([h, c], axis=-1)

    def _send(self, state: np.ndarray, way: str, axis: int) -> np.ndarray:
        sent = state[..., :UNITS].mean(axis) @ block_of(self.values, f"{way}_out").T + block_of(self.values, f"{way}_bias")
        normal = (sent - sent.mean(-1, keepdims=True)) / np.sqrt(sent.var(-1, keepdims=True) + 1e-5)
        return normal * block_of(self.values, f"{way}_gain") + block_of(self.values, f"{way}_offset")


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(0.5 * x)
