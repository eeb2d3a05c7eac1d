"""Network inputs of a block of rows, written row by row as training takes them; compiled."""

import numpy as np

from propneat.base.native import outer

__all__ = ["LEVEL", "MISSING", "NUMBER", "write_levels", "write_numbers"]

NUMBER, LEVEL, MISSING = range(3)
"""What an input says: a number itself, whether it equals another, or whether it is missing."""

_MOST = np.float64(np.finfo(np.float32).max)


@outer
def write_levels(codes, slots, tables, table, out):
    """Write inputs of columns of levels to `out`, float32 (n_rows, n_inputs).

    `codes`, int32 (n_columns, n_rows), are the levels, from 0. Column c has inputs from `slots[c, 0]` up to `slots[c, 1]`; those
    of each level lie one behind the other in `table`, float32, from `tables[c]` on.
    """
    for row in range(out.shape[0]):
        for column in range(codes.shape[0]):
            first, last = slots[column, 0], slots[column, 1]
            place = tables[column] + codes[column, row] * (last - first)
            for step in range(last - first):
                out[row, first + step] = table[place + step]


@outer
def write_numbers(numbers, rules, out):
    """Write inputs of a column of numbers (n_rows,), NaN where missing, to `out`, float32 (n_rows, n_inputs).

    Each of `rules`, float64 (n_rules, 7), has the number of its input, what it says, center and scale, the least and the
    greatest number, and the level. Returns whether all inputs are finite; otherwise they are not to be used.
    """
    are_finite = True
    for rule in range(rules.shape[0]):
        slot, kind, center, scale = int(rules[rule, 0]), rules[rule, 1], rules[rule, 2], rules[rule, 3]
        low, high, level = rules[rule, 4], rules[rule, 5], rules[rule, 6]
        yes, no = (1.0 - center) / scale, (0.0 - center) / scale
        for row in range(len(numbers)):
            number = numbers[row]
            if kind == NUMBER:
                held = low if number < low else (high if number > high else number)
                value = 0.0 if number != number else (held - center) / scale
            else:
                says = number != number if kind == MISSING else number == level
                value = yes if says else no
            are_finite &= abs(value) <= _MOST
            out[row, slot] = value + 0.0
    return are_finite
