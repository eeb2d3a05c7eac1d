"""Answers of a genome: its compiled walk over rows, or over the steps of sequences."""

import numpy as np

from propneat.compiler.plan import LayerPlan, without_past
from propneat.compiler.programs import Programs
from propneat.compiler.walk import step_once, walk_rows

__all__ = ["evaluate", "flat_cells", "room_for"]

_ITEM = 8
_ROWS_AT_ONCE = 256
_NUMBERS_AT_ONCE = 2**22


def evaluate(plan: LayerPlan, X: np.ndarray) -> np.ndarray:
    """Compute the network on rows `X`, shape (n_rows, n_inputs); returns float64 of shape (n_rows, n_outputs).

    Or on sequences, shape (n_rows, n_steps, n_inputs), each of which begins without a past; returns the outputs at every step,
    (n_rows, n_steps, n_outputs). A row's answer depends on that row alone, to the bit, whatever other rows stand beside it.
    Raises ValueError when the number of columns is not the number of inputs, and GenomeError, which is one, for rows without
    steps where the network is recurrent.
    """
    X = np.asarray(X, dtype=np.float64)
    if X.ndim not in (2, 3) or X.shape[-1] != plan.n_inputs:
        raise ValueError(f"expected rows of {plan.n_inputs} inputs, got an array of shape {X.shape}")
    if X.ndim == 2:
        without_past(plan, "a single row")
    answers, program = np.empty((*X.shape[:-1], plan.n_outputs)), plan.program
    if X.ndim == 2 and len(X) == 1:
        step_once(program.code, program.numbers, X[0], np.empty(plan.n_slots), answers[0])
        return answers
    steps = X if X.ndim == 3 else X[:, None]
    cells, strides = flat_cells(steps)
    outputs = answers.reshape(*steps.shape[:2], plan.n_outputs)
    walk_rows(program.code, program.numbers, cells, strides, outputs, room_for(program, len(X)))
    return answers


def room_for(program: Programs, n_rows: int) -> np.ndarray:
    """Return room for the values of as many rows of one genome as are computed side by side, float64 (n_slots, that many).

    They are few enough that the values of a usual network stay near the processor, and those of a large one in memory.
    """
    n_slots = int(program.slot_start[-1])
    return np.empty((n_slots, max(1, min(_ROWS_AT_ONCE, n_rows, _NUMBERS_AT_ONCE // n_slots))))


def flat_cells(X: np.ndarray) -> tuple[np.ndarray, tuple[int, int, int]]:
    """Return all numbers of an array in the order of memory, and the strides by which they are found; a copy if need be."""
    ordered = X if X.flags.c_contiguous or X.T.flags.c_contiguous else np.ascontiguousarray(X)
    cells = ordered.reshape(-1, order="A")
    # compiled code is compiled anew for arrays that cannot be written to
    cells.flags.writeable = False
    return cells, tuple(stride // _ITEM for stride in ordered.strides)
