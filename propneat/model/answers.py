"""Answers to rows of plain numbers: preprocessing and network in one compiled call, block after block."""

from dataclasses import dataclass

import numpy as np

from propneat.base.native import bare, outer
from propneat.compiler import Programs
from propneat.compiler.evaluation import flat_cells, room_for
from propneat.compiler.scalar_functions import exponential
from propneat.compiler.walk import compute_block, step
from propneat.data.number_inputs import NumberInputs, fill_inputs

__all__ = ["QuickAnswers", "class_probabilities"]


@outer
def _answer_rows(rules, code, numbers, cells, strides, answers, room):
    """Write the outputs for rows of numbers, or return False where a number or an input is infinite."""
    n_outputs, n_block = code[3], room.shape[1]
    for begin in range(0, answers.shape[0], n_block):
        n_rows = min(n_block, answers.shape[0] - begin)
        values = room[:, :n_rows]
        if not fill_inputs(rules[0], rules[1], rules[2], cells, begin * strides[0], (strides[0], strides[2]), values):
            return False
        compute_block(code, numbers, values)
        for k in range(n_outputs):
            for i in range(n_rows):
                answers[begin + i, k] = values[code[4 + k], i]
    return True


@outer
def answer_step(rules, code, numbers, row, values, out):
    """`step` on a row of a table; False, and nothing done, where a number or an input is infinite."""
    x = np.zeros((code[0], 1))
    if not fill_inputs(rules[0], rules[1], rules[2], row, 0, (0, 1), x):
        return False
    step(code, numbers, x[:, 0], values, out)
    return True


@dataclass(frozen=True, eq=False)
class QuickAnswers:
    """A network without memory and the rules of its inputs, where these are made of numbers alone."""

    program: Programs
    inputs: NumberInputs

    @property
    def rules(self) -> tuple[np.ndarray, ...]:
        """The arrays that `fill_inputs` reads."""
        return self.inputs.rules, self.inputs.means, self.inputs.gaps

    def outputs(self, table: object) -> np.ndarray | None:
        """Return the outputs for rows of an array, float64 (n_rows, n_outputs), each of which depends on that row alone.

        None for anything but an array of numbers as wide as the table learnt from, and for infinite numbers, of which
        something is to be said that is not said here.
        """
        if type(table) is not np.ndarray or table.dtype.kind not in "fiu" or table.ndim != 2:
            return None
        if table.shape[1] != self.inputs.n_columns:
            return None
        X = table if table.dtype == np.float64 else table.astype(np.float64)
        answers = np.empty((len(X), self.program.n_outputs))
        cells, strides = flat_cells(X[:, None])
        room = room_for(self.program, len(X))
        room[: self.program.n_inputs] = 0.0
        usable = _answer_rows(self.rules, self.program.code, self.program.numbers, cells, strides, answers, room)
        return answers if usable else None


@bare
def _spread(logits, probabilities):
    """Softmax of one row."""
    highest, total = logits[0], 0.0
    for k in range(1, logits.shape[0]):
        highest = logits[k] if logits[k] > highest else highest
    for k in range(logits.shape[0]):
        probabilities[k] = exponential(logits[k] - highest)
        total += probabilities[k]
    for k in range(logits.shape[0]):
        probabilities[k] /= total


@outer
def _fill_probabilities(outputs, probabilities):
    for i in range(outputs.shape[0]):
        if outputs.shape[1] == probabilities.shape[1]:
            _spread(outputs[i], probabilities[i])
        else:
            logit = outputs[i, 0]
            e = exponential(-abs(logit))
            likelier, other = 1.0 / (1.0 + e), e / (1.0 + e)
            probabilities[i, 0] = other if logit > 0.0 else likelier
            probabilities[i, 1] = likelier if logit > 0.0 else other


def class_probabilities(task: str, outputs: np.ndarray) -> np.ndarray:
    """Turn logits, shape (n_rows, 1) for "binary" or (n_rows, n_classes), into probabilities (n_rows, n_classes)."""
    outputs = np.ascontiguousarray(outputs, np.float64)
    probabilities = np.empty((len(outputs), 2 if task == "binary" else outputs.shape[1]))
    _fill_probabilities(outputs, probabilities)
    return probabilities
