"""Numbers with marks for thousands, a decimal comma, a currency or a unit, from the bytes of many texts; compiled."""

import numpy as np

from propneat.base.native import bare, outer
from propneat.data.number_kernel import EXACT, NUMBER, POWERS, read_number

__all__ = ["read_formed"]

_MOST_BYTES = 64


@bare
def _after(data, position, stop, part):
    """Return the position after a part that stands at `position`, which it is where another does."""
    if len(part) > stop - position:
        return position
    for step in range(len(part)):
        if data[position + step] != part[step]:
            return position
    return position + len(part)


@bare
def _after_blanks(data, position, stop):
    while position < stop and (data[position] == 32 or 9 <= data[position] <= 13):
        position += 1
    return position


@bare
def _copy_digits(data, position, stop, plain, size):
    """Copy digits behind the first `size` bytes of `plain`; return the position after them, and the new size."""
    while position < stop and 48 <= data[position] <= 57 and size < _MOST_BYTES - 2:
        plain[size] = data[position]
        position += 1
        size += 1
    return position, size


@bare
def _plain(data, position, stop, decimal, thousands, prefix, suffix, plain):
    """Write a number as Python's float reads it into `plain`, and return its size, 0 for what has not this form."""
    size = 0
    if position < stop and (data[position] == 43 or data[position] == 45):
        if data[position] == 45:
            plain[0] = 45
            size = 1
        position += 1
    after = _after(data, position, stop, prefix)
    if after > position:
        position = _after_blanks(data, after, stop)
    first = size
    position, size = _copy_digits(data, position, stop, plain, size)
    if size == first:
        return 0
    if len(thousands) and _after(data, position, stop, thousands) > position:
        if size - first > 3:
            return 0
        while _after(data, position, stop, thousands) > position:
            before = size
            position, size = _copy_digits(data, position + len(thousands), stop, plain, size)
            if size - before != 3:
                return 0
    if position < stop and data[position] == decimal:
        plain[size] = 46
        position, size = _copy_digits(data, position + 1, stop, plain, size + 1)
    position = _after_blanks(data, position, stop)
    position = _after(data, position, stop, suffix)
    return size if position == stop else 0


@outer
def read_formed(data, ends, decimal, thousands, prefix, suffix, numbers, read):
    """Read texts that lie behind each other in `data`, uint8, the first from `ends[0]` to `ends[1]`, integers (n_rows + 1,).

    `decimal` is a byte, the other marks are uint8 arrays. Where a text has the form, `numbers`, float64 (n_rows,), get its
    number and `read` (n_rows,) True.
    """
    plain = np.empty(_MOST_BYTES, np.uint8)
    for row in range(len(ends) - 1):
        size = _plain(data, ends[row], ends[row + 1], decimal, thousands, prefix, suffix, plain)
        if size:
            plain[size] = 0
            status, value, _, stop = read_number(plain, 0, POWERS, EXACT)
            if status == NUMBER and stop == size:
                numbers[row] = value
                read[row] = True
