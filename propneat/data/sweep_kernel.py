"""One pass over the bytes of delimited text, compiled: where its cells are, and the numbers they spell."""

import numpy as np

from propneat.data.number_kernel import CODE, EXACT, NUMBER, POWERS, read_number
from propneat.native import bare, outer

__all__ = ["FILLED", "LENGTH_BITS", "REFUSED", "TEXT", "WIDE", "code_texts", "copy_texts", "find_cells", "sweep_rows"]

TEXT, WIDE, FILLED = 8, 16, 32
"""What was seen of a column beside that of `number_kernel`: cells that are no plain numbers, cells whose first or last byte is
not ASCII, and cells that are not empty."""

REFUSED = -1
"""Instead of the number of rows: the text is not as plain as this pass wants it, and has to be read with more care."""

LENGTH_BITS = 24
"""The place of a cell is a whole number: its first byte, and in this many lower bits its number of bytes."""

_LENGTH = (1 << LENGTH_BITS) - 1
_BASE = np.uint64(31)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
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
def sweep_rows(data, start, stop, delimiter, row, numbers, cells, seen, markers, marker_ends, any_marker):
    """Read rows from `start` to `stop`, and return the number of the row after the last one, or `REFUSED`.

    `data` is uint8 (n_bytes,), its last byte a newline. Numbers, NaN for empty cells and the texts of `markers`, uint8 that end at
    `marker_ends`, go to `numbers`, float64 (n_columns, n_rows), from the column `row` on; what was seen of each column to `seen`,
    uint8 (n_columns,). From the first cell on at which `TEXT` was seen, or was given, places of cells (see `LENGTH_BITS`) go to
    `cells`, int64, which may be the same memory. `any_marker` says that a marker may be a number.
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
            is_text = seen[column] & TEXT != 0
            status = NUMBER + 1
            if not is_text and not any_marker:
                status, value, flags, after = read_number(data, position, POWERS, EXACT)
                if status == NUMBER and _is_end(data[after], delimiter):
                    is_filled = True
                    seen[column] |= flags | FILLED
                    numbers[column, row] = value
                else:
                    status = NUMBER + 1
            if status != NUMBER:
                first, last, after = _cell(data, position, stop, delimiter)
                if after == _BAD or last - first >> LENGTH_BITS:
                    return REFUSED
                flags = 0
                if first < last:
                    flags = WIDE if data[first] >= 128 or data[last - 1] >= 128 else 0
                    if not _may_be_blank(data, first):
                        is_filled = True
                        flags |= FILLED
                if not is_text:
                    value, more = _number_of(data, first, last, markers, marker_ends)
                    flags |= more
                    numbers[column, row] = value
                    is_text = flags & TEXT != 0
                if is_text:
                    cells[column, row] = first << LENGTH_BITS | last - first
                seen[column] |= flags
            position = _next(data, after, delimiter, column == n_columns - 1)
            if position == _BAD:
                return REFUSED
        if not is_filled:
            return REFUSED
        row += 1
    return row


@bare
def _number_of(data, first, last, markers, marker_ends):
    """Return the number in a cell, NaN for an empty one and a marker, and what was seen of it."""
    if first == last:
        return np.nan, 0
    flags = CODE if last - first > 1 and data[first] == 48 and 48 <= data[first + 1] <= 57 else 0
    if _is_marker(data, first, last, markers, marker_ends):
        return np.nan, flags
    status, value, more, end = read_number(data, first, POWERS, EXACT)
    return (value, flags | more) if status == NUMBER and end == last else (np.nan, flags | TEXT)


@outer
def find_cells(data, start, stop, delimiter, row, n_columns, wanted, cells):
    """Put the places of the cells of the column `wanted`, int64, into `cells` (n_rows,) from the row `row` on.

    The rows are such as `sweep_rows` has read.
    """
    position = start
    while position < stop:
        for column in range(n_columns):
            while _is_blank(data[position], delimiter):
                position += 1
            first, last, after = _cell(data, position, stop, delimiter)
            if column == wanted:
                cells[row] = first << LENGTH_BITS | last - first
            position = _next(data, after, delimiter, column == n_columns - 1)
        row += 1


@outer
def copy_texts(data, cells, ends, texts):
    """Copy the texts of cells (n_rows,) behind each other into `texts`, uint8, and their ends into `ends` (n_rows + 1,)."""
    position = 0
    for row in range(len(cells)):
        first, length = cells[row] >> LENGTH_BITS, cells[row] & _LENGTH
        for step in range(length):
            texts[position + step] = data[first + step]
        position += length
        ends[row + 1] = position


@outer
def code_texts(data, cells, codes, firsts, table):
    """Number the different texts of cells (n_rows,) in the order in which they come, and return how many there are.

    The numbers of all rows go to `codes`, int64 (n_rows,), the first row of each text to `firsts` (most + 1,). More texts than
    `most` are given up. `table`, int64, is full of -1 and has a power of two places, more than `most`.
    """
    count, mask = 0, np.uint64(len(table) - 1)
    for row in range(len(cells)):
        first, length = cells[row] >> LENGTH_BITS, cells[row] & _LENGTH
        hashed = np.uint64(length)
        for step in range(length):
            hashed = hashed * _BASE + np.uint64(data[first + step])
        hashed *= _MULTIPLIER
        place = np.int64((hashed >> np.uint64(32)) & mask)
        while table[place] >= 0 and not _is_same(data, cells[firsts[table[place]]], first, length):
            place = (place + 1) & np.int64(mask)
        if table[place] < 0:
            firsts[count] = row
            table[place] = count
            count += 1
            if count == len(firsts):
                return count
        codes[row] = table[place]
    return count


@bare
def _is_same(data, cell, first, length):
    other = cell >> LENGTH_BITS
    if cell & _LENGTH != length:
        return False
    for step in range(length):
        if data[other + step] != data[first + step]:
            return False
    return True
