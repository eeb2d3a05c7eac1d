"""Answers of genomes: their compiled walks over rows, or over the steps of sequences."""

import numpy as np

from propneat.compiler.plan import LayerPlan, compile_pool, compile_programs, refuse_recurrent
from propneat.compiler.programs import Programs
from propneat.compiler.reference import evaluate as in_numpy
from propneat.compiler.walk import step_once, walk_population, walk_rows
from propneat.genome import GenePool, has_own

__all__ = ["evaluate", "evaluate_pool", "flat_cells", "room_for"]

_ITEM = 8
_ROWS_AT_ONCE = 256
_NUMBERS_AT_ONCE = 2**22


def evaluate(plan: LayerPlan, X: np.ndarray) -> np.ndarray:
    """Compute the network on rows `X`, shape (n_rows, n_inputs); returns float64 of shape (n_rows, n_outputs).

    Or on sequences, shape (n_rows, n_steps, n_inputs), each of which begins without a past; returns the outputs at every step,
    (n_rows, n_steps, n_outputs). A row's answer depends on that row alone, to the bit, whatever other rows stand beside it.
    Raises ValueError when the number of columns is not the number of inputs, and GenomeError, which is one, for rows without
    steps where the network is recurrent. Networks with functions of one's own are computed by numpy, node by node.
    """
    X = _checked(X, plan.n_inputs, plan.is_recurrent)
    if has_own(vars(plan)):
        return in_numpy(plan, X)
    answers, program = np.empty((*X.shape[:-1], plan.n_outputs)), plan.program
    if X.ndim == 2 and len(X) == 1:
        step_once(program.code, program.numbers, X[0], np.empty(plan.n_slots), answers[0])
        return answers
    steps = X if X.ndim == 3 else X[:, None]
    outputs = answers.reshape(*steps.shape[:2], plan.n_outputs)
    walk_rows(program.code, program.numbers, *flat_cells(steps), outputs, room_for(program, len(X)))
    return answers


def evaluate_pool(pool: GenePool, X: np.ndarray) -> np.ndarray:
    """Compute every network of a pool on the same rows or sequences, in one compiled call; see `evaluate`.

    Returns float64 of shape (n_genomes, n_rows, n_outputs), or (n_genomes, n_rows, n_steps, n_outputs). Raises as `evaluate`.
    """
    plan = compile_pool(pool)
    X = _checked(X, plan.n_inputs, plan.is_recurrent)
    if has_own(vars(plan)):
        return np.stack([in_numpy(own, X) for own in plan])
    programs = compile_programs(plan)
    answers = np.empty((len(pool), *X.shape[:-1], plan.n_outputs))
    steps = X if X.ndim == 3 else X[:, None]
    outputs = answers.reshape(len(pool), *steps.shape[:2], plan.n_outputs)
    starts = programs.code_start, programs.number_start, programs.slot_start
    walk_population(programs.code, programs.numbers, *starts, *flat_cells(steps), outputs, room_for(programs, len(X)))
    return answers


def _checked(X: np.ndarray, n_inputs: int, is_recurrent: bool) -> np.ndarray:
    X = np.asarray(X, dtype=np.float64)
    if X.ndim not in (2, 3) or X.shape[-1] != n_inputs:
        raise ValueError(f"expected rows of {n_inputs} inputs, got an array of shape {X.shape}")
    if X.ndim == 2 and is_recurrent:
        refuse_recurrent("a single row")
    return X


def room_for(programs: Programs, n_rows: int) -> np.ndarray:
    """Return room for as many rows of the largest genome as are computed side by side, float64 (n_slots, that many).

    They are few enough that the values of a usual network stay near the processor, and those of a large one in memory.
    """
    n_slots = int(np.diff(programs.slot_start).max())
    return np.empty((n_slots, max(1, min(_ROWS_AT_ONCE, n_rows, _NUMBERS_AT_ONCE // n_slots))))


def flat_cells(X: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return all numbers of an array in the order of memory, and the strides by which they are found; a copy if need be."""
    ordered = X if X.flags.c_contiguous or X.T.flags.c_contiguous else np.ascontiguousarray(X)
    cells = ordered.reshape(-1, order="A")
    # compiled code is compiled anew for arrays that cannot be written to
    cells.flags.writeable = False
    return cells, tuple(stride // _ITEM for stride in ordered.strides)
