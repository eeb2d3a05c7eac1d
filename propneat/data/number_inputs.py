"""The rules of network inputs for tables of plain numbers, as arrays that compiled code applies to block after block."""

import math
from collections.abc import Container
from dataclasses import dataclass

import numpy as np

from propneat.base.native import bare
from propneat.data.input_rule import InputRule
from propneat.data.numbers import NumberForm, spelled_number
from propneat.data.plan import ColumnPlan
from propneat.data.preprocessing import Preprocessor

__all__ = ["NumberInputs", "fill_inputs"]

_NUMBER, _LEVEL, _MISSING, _MEANS = range(4)
_COLUMN, _KIND, _CENTER, _SCALE, _LOW, _HIGH, _LEVEL_OR_DEFAULT, _FIRST_MEAN, _LAST_MEAN, _FIRST_GAP, _LAST_GAP, _SLOT = range(
    12
)


@dataclass(frozen=True, eq=False)
class NumberInputs:
    """What `fill_inputs` needs to know of a preprocessing; the inputs are those of `Preprocessor.transform`, to the bit."""

    n_columns: int
    """Columns that an array must have."""
    rules: np.ndarray
    """One row per input that is made: its column, kind and numbers, float64."""
    means: np.ndarray
    """Levels, ascending within a rule, and the number that each stands for, float64, shape (n, 2)."""
    gaps: np.ndarray
    """Numbers that mean "missing", float64."""

    @classmethod
    def of(cls, preprocessor: Preprocessor, features: Container[str]) -> "NumberInputs | None":
        """Return the rules of inputs from some columns, or None where one of these is read as texts or dates."""
        plan = preprocessor.plan
        position = {column.name: index for index, column in enumerate(plan.columns)}
        rules, means, gaps = [], [], []
        for slot, rule in enumerate(preprocessor.rules):
            if rule.feature not in features:
                continue
            column = plan.columns[position[rule.feature]]
            if rule.part is not None or not column.reads_numbers:
                return None
            own_means, own_gaps = sorted(rule.means or ()), _gaps(column, plan.missing)
            first_mean, first_gap = len(means), len(gaps)
            means, gaps = means + own_means, gaps + own_gaps
            places = first_mean, len(means), first_gap, len(gaps)
            rules.append((position[rule.feature], *_numbers_of(rule), *places, slot))
        return cls(
            len(plan.columns),
            np.array(rules, np.float64).reshape(-1, 12),
            np.array(means, np.float64).reshape(-1, 2),
            np.array(gaps, np.float64),
        )


def _gaps(column: ColumnPlan, markers: tuple[str, ...]) -> list[float]:
    spelled = [spelled_number(marker, NumberForm()) for marker in markers]
    return [number for number in spelled if math.isfinite(number)] + ([] if column.sentinel is None else [column.sentinel])


def _numbers_of(rule: InputRule) -> tuple[float, ...]:
    if rule.missing:
        kind, level = _MISSING, 0.0
    elif rule.means is not None:
        kind, level = _MEANS, rule.default
    else:
        kind, level = (_NUMBER, 0.0) if rule.level is None else (_LEVEL, rule.level)
    low, high = (-math.inf, math.inf) if rule.low is None else (rule.low, rule.high)
    return kind, rule.center, rule.scale, low, high, level


@bare
def _mean_of(number, means, first, last, default):
    """What a number stands for among levels: a binary search."""
    while first < last:
        middle = (first + last) // 2
        if means[middle, 0] == number:
            return means[middle, 1]
        if means[middle, 0] < number:
            first = middle + 1
        else:
            last = middle
    return default


@bare
def _apply(rule, means, row):
    """Turn the numbers of a column, NaN where missing, into an input; says whether none of them is infinite."""
    center, scale, low, high, level = rule[_CENTER], rule[_SCALE], rule[_LOW], rule[_HIGH], rule[_LEVEL_OR_DEFAULT]
    kind, n_infinite = int(rule[_KIND]), 0
    for i in range(row.shape[0]):
        n_infinite += abs(row[i]) == np.inf
    if kind == _NUMBER:
        for i in range(row.shape[0]):
            number = row[i]
            held = low if number < low else (high if number > high else number)
            row[i] = 0.0 if number != number else (held - center) / scale
            n_infinite += abs(row[i]) == np.inf
    elif kind == _LEVEL:
        for i in range(row.shape[0]):
            row[i] = ((1.0 if row[i] == level else 0.0) - center) / scale
    elif kind == _MISSING:
        for i in range(row.shape[0]):
            row[i] = ((1.0 if row[i] != row[i] else 0.0) - center) / scale
    else:
        first, last = int(rule[_FIRST_MEAN]), int(rule[_LAST_MEAN])
        for i in range(row.shape[0]):
            row[i] = (_mean_of(row[i], means, first, last, level) - center) / scale
    return n_infinite == 0


@bare
def fill_inputs(rules, means, gaps, cells, begin, strides, values):
    """Write the inputs of a block of rows to `values`, (n_slots, n_rows), 0 for those that no rule makes.

    The number of row i and column k is `cells[begin + i * strides[0] + k * strides[1]]`. Returns whether every number and
    every input is finite or missing; otherwise what was written is not to be used.
    """
    n_rows, usable = values.shape[1], True
    for r in range(rules.shape[0]):
        rule = rules[r]
        first, row = begin + int(rule[_COLUMN]) * strides[1], values[int(rule[_SLOT])]
        for i in range(n_rows):
            row[i] = cells[first + i * strides[0]]
        for gap in gaps[int(rule[_FIRST_GAP]) : int(rule[_LAST_GAP])]:
            for i in range(n_rows):
                row[i] = np.nan if row[i] == gap else row[i]
        usable &= _apply(rule, means, row)
    return usable
