"""One pass over the bytes of delimited text, compiled: where its cells are, and the numbers they spell."""

import numpy as np

from propneat.data.number_kernel import CODE, EXACT, NUMBER, POWERS, read_number
from propneat.native import bare, outer

__all__ = ["FILLED", "REFUSED", "TEXT", "WIDE", "copy_texts", "measure_texts", "sweep_numbers"]

TEXT, WIDE, FILLED = 8, 16, 32
"""What was seen of a column beside that of `number_kernel`: cells that are no plain numbers, cells whose first or last byte is
not ASCII, and cells that are not empty."""

REFUSED = -1
"""Instead of the number of rows: the text is not as plain as this pass wants it, and has to be read with more care."""

_NEWLINE, _RETURN, _QUOTE = 10, 13, 34
_BAD = -1


@bare
def _is_blank(byte, delimiter):
    return (byte == 32 or byte == 9 or byte == 11 or byte == 12) and byte != delimiter


@bare
def _is_end(byte, delimiter):
    return byte == delimiter or byte == _NEWLINE or byte == _RETURN


@bare
def _find_end(data, position, stop, delimiter):
    """Return the position of the end of the cell that goes on at `position`, or -1 where a quotation mark lies inside it."""
    while True:
        byte = data[position]
        if byte == delimiter or byte == _NEWLINE or byte == _RETURN:
            return position
        if byte == _QUOTE:
            return _BAD
        position += 1


@bare
def _find_quote(data, position, stop, delimiter):
    """Return the position of the mark that closes a quoted cell, or -1 where it is not at the end of the cell."""
    while position < stop:
        if data[position] == _QUOTE:
            return position if _is_end(data[position + 1], delimiter) else _BAD
        position += 1
    return _BAD


@bare
def _cell(data, position, stop, delimiter):
    """Return first byte and end of a cell without blanks, and the position after it, -1 where it cannot be told."""
    if data[position] == _QUOTE:
        first = position + 1
        last = _find_quote(data, first, stop, delimiter)
        after = last + 1
    else:
        first = position
        last = _find_end(data, first, stop, delimiter)
        after = last
    if last == _BAD:
        return first, first, _BAD
    while first < last and (_is_blank(data[first], 0) or _is_line_end(data[first])):
        first += 1
    while first < last and (_is_blank(data[last - 1], 0) or _is_line_end(data[last - 1])):
        last -= 1
    return first, last, after


@bare
def _is_line_end(byte):
    return byte == _NEWLINE or byte == _RETURN


@bare
def _next(data, position, delimiter, is_last):
    """Return the position after the end of a cell, -1 where a row has another number of cells than the rest."""
    byte = data[position]
    if not is_last:
        return position + 1 if byte == delimiter else _BAD
    if byte == _RETURN:
        position += 1
    return position + 1 if data[position] == _NEWLINE else _BAD


@bare
def _may_be_blank(data, first):
    """Say whether the character at `first` may be one of Unicode's blanks."""
    byte = data[first]
    return byte == 0xC2 or byte == 0xE1 or byte == 0xE2 or (byte == 0xE3 and data[first + 1] == 0x80)


@bare
def _is_marker(data, first, last, markers, marker_ends):
    start = 0
    for end in marker_ends:
        if end - start == last - first:
            same = True
            for step in range(end - start):
                if data[first + step] != markers[start + step]:
                    same = False
                    break
            if same:
                return True
        start = end
    return False


@outer
def sweep_numbers(data, start, stop, delimiter, row, numbers, seen, markers, marker_ends, any_marker):
    """Read rows from `start` to `stop`, and return the number of the row after the last one, or `REFUSED`.

    `data` is uint8 (n_bytes,), its last byte a newline. Numbers, NaN for empty cells and the texts of `markers`, uint8 that end at
    `marker_ends`, go to `numbers`, float64 (n_columns, n_rows), from the column `row` on; what was seen of each column to `seen`,
    uint8 (n_columns,). The numbers of a column in which `TEXT` was seen mean nothing. `any_marker` says that a marker
    may be a number.
    """
    position, n_columns, n_rows = start, len(numbers), numbers.shape[1]
    while position < stop:
        if row >= n_rows:
            return REFUSED
        is_filled = False
        for column in range(n_columns):
            before = position
            while _is_blank(data[position], delimiter):
                position += 1
            if position > before and data[position] == _QUOTE:
                return REFUSED
            value, flags = np.nan, 0
            if not _is_end(data[position], delimiter):
                status = NUMBER + 1
                if not seen[column] & TEXT and not any_marker:
                    status, value, flags, after = read_number(data, position, POWERS, EXACT)
                    if status != NUMBER or not _is_end(data[after], delimiter):
                        status = NUMBER + 1
                if status == NUMBER:
                    flags |= FILLED
                    is_filled = True
                else:
                    first, last, after = _cell(data, position, stop, delimiter)
                    if after == _BAD:
                        return REFUSED
                    value, flags = np.nan, 0
                    if first < last:
                        if not _may_be_blank(data, first):
                            is_filled = True
                            flags |= FILLED
                        if data[first] >= 128 or data[last - 1] >= 128:
                            flags |= WIDE
                        if not seen[column] & TEXT:
                            if data[first] == 48 and 48 <= data[first + 1] <= 57 and last - first > 1:
                                flags |= CODE
                            if not _is_marker(data, first, last, markers, marker_ends):
                                status, value, more, end = read_number(data, first, POWERS, EXACT)
                                if status == NUMBER and end == last:
                                    flags |= more
                                else:
                                    flags |= TEXT
                position = after
            numbers[column, row] = value
            seen[column] |= flags
            position = _next(data, position, delimiter, column == n_columns - 1)
            if position == _BAD:
                return REFUSED
        if not is_filled:
            return REFUSED
        row += 1
    return row


@outer
def measure_texts(data, start, stop, delimiter, row, n_columns, slots, ends):
    """Add up the lengths of the cells of some columns, row by row from `row` on, as `sweep_numbers` found them.

    `slots`, int64 (n_columns,), is the number of a column among those wanted, -1 for others; `ends`, integers
    (n_wanted, n_rows + 1), get the sum of the lengths of all rows from the first one here to each row.
    """
    position = start
    totals = np.zeros(len(ends), np.int64)
    while position < stop:
        for column in range(n_columns):
            while _is_blank(data[position], delimiter):
                position += 1
            first, last, position = _cell(data, position, stop, delimiter)
            slot = slots[column]
            if slot >= 0:
                totals[slot] += last - first
                ends[slot, row + 1] = totals[slot]
            position = _next(data, position, delimiter, column == n_columns - 1)
        row += 1


@outer
def copy_texts(data, start, stop, delimiter, row, n_columns, slots, ends, bases, texts, text_starts):
    """Copy the cells that `measure_texts` measured: `bases` (n_wanted,) is where those of a column begin, added to `ends`.

    `texts`, uint8, holds the texts of the columns behind each other, those of a column from `text_starts` (n_wanted,) on.
    """
    position = start
    while position < stop:
        for column in range(n_columns):
            while _is_blank(data[position], delimiter):
                position += 1
            first, last, position = _cell(data, position, stop, delimiter)
            slot = slots[column]
            if slot >= 0:
                end = ends[slot, row + 1] + bases[slot]
                ends[slot, row + 1] = end
                target = text_starts[slot] + end - (last - first)
                for step in range(last - first):
                    texts[target + step] = data[first + step]
            position = _next(data, position, delimiter, column == n_columns - 1)
        row += 1
