"""PMLB data sets that a rule defines: every case of their space, labelled by the rule, as often as PMLB's file holds it.

| name | cases | PMLB's rows | PMLB's file in terms of the rule |
|---|---|---|---|
| monk1, monk2 | 432 | 556, 601 | all cases (the published test part) and the published training part once more |
| monk3 | 432 | 554 | the same, with six training rows labelled against the rule on purpose |
| mux6 | 64 | 128 | every case twice |
| parity5 | 32 | 32 | every case once |
| parity5+5, mofn_3_7_10 | 1,024 | 1,124, 1,324 | every case, and a sample of them once more |
| xd6 | 512 | 973 | every case, and most of them once more |
| threeOf9 | 512 | 512 | every case once |
| corral | 64 | 160 | all 32 cases five times, with an input that agrees with the class in three rows of four |
| tic_tac_toe | 958 | 958 | every finished board once |

No rule says which rows of a sample are repeated, nor which six labels are wrong, so these counts are kept beside this file in
`rule_rows.json`; with them the rows are PMLB's, in ascending order instead of PMLB's. The MONK's problems are those of
Thrun et al. (1991), corral that of John, Kohavi and Pfleger (1994).
"""

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas

__all__ = ["RULES", "Rule", "rule_cases", "rule_frame"]


@dataclass(frozen=True)
class Rule:
    """A data set's column names, the values each column can take, and the labels its rule gives.

    `label` takes cases, int64 of shape (n_cases, n_columns), and returns truth values (n_cases,). `cases` lists the cases where
    they are fewer than all combinations of `values`.
    """

    columns: tuple[str, ...]
    values: tuple[Sequence[int], ...]
    label: Callable[[np.ndarray], np.ndarray]
    cases: Callable[[], np.ndarray] | None = None


def rule_cases(name: str) -> np.ndarray:
    """Return every case of a rule's space once, in ascending order, int64 of shape (n_cases, n_columns)."""
    rule = RULES[name]
    return np.array(list(itertools.product(*rule.values)), dtype=np.int64) if rule.cases is None else rule.cases()


def rule_frame(name: str) -> "pandas.DataFrame":
    """Return the rows of PMLB's data set, in ascending order, the label 0 or 1 in the last column, "target"."""
    import pandas

    rule, cases, rows = RULES[name], rule_cases(name), _read_rows().get(name, {})
    labels = rule.label(cases).astype(np.int64)
    counts = np.fromiter(map(int, rows["counts"]), np.int64) if "counts" in rows else np.ones(len(cases), np.int64)
    against = np.zeros(len(cases), np.int64)
    against[rows.get("mislabelled", [])] = 1
    both = np.stack([counts - against, against], axis=1)
    case = np.repeat(np.arange(len(cases)).repeat(2), both.ravel())
    flipped = np.repeat(np.tile([0, 1], len(cases)), both.ravel())
    frame = pandas.DataFrame(cases[case], columns=list(rule.columns))
    return frame.assign(target=labels[case] ^ flipped)


@cache
def _read_rows() -> dict[str, dict[str, object]]:
    """Per data set: "counts", one digit per case in ascending order; "mislabelled", the cases with one row against the rule."""
    return json.loads((files("propneat.data") / "rule_rows.json").read_text("utf-8"))


def _finished_boards() -> np.ndarray:
    """Return the boards on which a game of noughts and crosses can end, crosses moving first, shape (958, 9).

    A square is 0 when blank, 1 for a nought, 2 for a cross.
    """
    finished: set[tuple[int, ...]] = set()
    seen: set[tuple[int, ...]] = set()
    waiting = [(0,) * 9]
    while waiting:
        board = waiting.pop()
        if board in seen:
            continue
        seen.add(board)
        if 0 not in board or _has_line(np.array([board]), 1)[0] or _has_line(np.array([board]), 2)[0]:
            finished.add(board)
            continue
        mover = 2 if board.count(2) == board.count(1) else 1
        waiting += [(*board[:square], mover, *board[square + 1 :]) for square in range(9) if board[square] == 0]
    return np.array(sorted(finished), dtype=np.int64)


_LINES = np.array([(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)])


def _has_line(boards: np.ndarray, player: int) -> np.ndarray:
    """Say for boards of shape (n_boards, 9) whether the player holds three squares in a row."""
    return (boards[:, _LINES] == player).all(axis=2).any(axis=1)


def _monk1(x: np.ndarray) -> np.ndarray:
    """Head and body of one shape, or a red jacket."""
    return (x[:, 0] == x[:, 1]) | (x[:, 4] == 2)


def _monk2(x: np.ndarray) -> np.ndarray:
    """Exactly two of the six attributes have their first value."""
    return (x == 1).sum(axis=1) == 2


def _monk3(x: np.ndarray) -> np.ndarray:
    """A green jacket and a sword, or a jacket not blue and a body not octagonal."""
    return ((x[:, 4] == 1) & (x[:, 3] == 2)) | ((x[:, 4] != 0) & (x[:, 1] != 0))


def _mux6(x: np.ndarray) -> np.ndarray:
    """The data bit that the two address bits, the first one the higher, point at."""
    return x[np.arange(len(x)), 2 + 2 * x[:, 0] + x[:, 1]] == 1


def _odd(*columns: int) -> Callable[[np.ndarray], np.ndarray]:
    """An odd number of ones among the given columns."""
    return lambda x: x[:, columns].sum(axis=1) % 2 == 1


def _xd6(x: np.ndarray) -> np.ndarray:
    """All ones in the first three, the middle three or the last three columns."""
    return x.reshape(-1, 3, 3).all(axis=2).any(axis=1)


def _three_of_nine(x: np.ndarray) -> np.ndarray:
    """Three ones in a row (what PMLB's file holds; its name would suggest three ones anywhere)."""
    return np.any([x[:, first : first + 3].all(axis=1) for first in range(7)], axis=0)


def _mofn(x: np.ndarray) -> np.ndarray:
    """At least three ones among the seven columns from the third to the ninth."""
    return x[:, 2:9].sum(axis=1) >= 3


def _corral(x: np.ndarray) -> np.ndarray:
    """(A0 and A1) or (B0 and B1)."""
    return ((x[:, 0] & x[:, 1]) | (x[:, 2] & x[:, 3])) == 1


def _bits(*columns: str) -> tuple[tuple[str, ...], tuple[Sequence[int], ...]]:
    return columns, ((0, 1),) * len(columns)


_ROBOT = ("Head shape", "Body shape", "Is smiling", "Holding", "Jacket color", "Has tie")
_ROBOT_VALUES = (range(3), range(3), range(2), range(3), range(4), range(2))

RULES: dict[str, Rule] = {
    "monk1": Rule(_ROBOT, _ROBOT_VALUES, _monk1),
    "monk2": Rule(
        tuple(f"attribute#{number}" for number in range(1, 7)),
        tuple(range(1, len(values) + 1) for values in _ROBOT_VALUES),
        _monk2,
    ),
    "monk3": Rule(_ROBOT, _ROBOT_VALUES, _monk3),
    "mux6": Rule(*_bits("Address bit 1", "Address bit 2", "Bit 0", "Bit 1", "Bit 2", "Bit 3"), _mux6),
    "parity5": Rule(*_bits(*(f"Bit {number}" for number in range(1, 6))), _odd(0, 1, 2, 3, 4)),
    "parity5+5": Rule(*_bits(*(f"Bit {number}" for number in range(1, 11))), _odd(1, 2, 3, 5, 7)),
    "xd6": Rule(*_bits(*(f"Attribute {number}" for number in range(1, 10))), _xd6),
    "threeOf9": Rule(*_bits(*(f"F{number}" for number in range(1, 10))), _three_of_nine),
    "mofn_3_7_10": Rule(*_bits(*(f"Bit-{number}" for number in range(10))), _mofn),
    "corral": Rule(*_bits("A0", "A1", "B0", "B1", "Irrelevant", "Correlated"), _corral),
    "tic_tac_toe": Rule(
        tuple(f"t{number}" for number in range(1, 10)), (range(3),) * 9, lambda x: _has_line(x, 2), _finished_boards
    ),
}
"""The data sets by PMLB name, with PMLB's column names and codes."""
