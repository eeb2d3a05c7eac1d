"""One pass over the bytes of delimited text, compiled: where its cells are, and the numbers they spell."""

import numpy as np

from propneat.base.native import bare, outer
from propneat.data.number_kernel import CODE, EXACT, NONE, NUMBER, POWERS, read_number
from propneat.data.word_kernel import ONES, number_of_zeros, text_word, word_at, zero_bytes

__all__ = [
    "FILLED",
    "LENGTH_BITS",
    "MANY",
    "REFUSED",
    "TEXT",
    "WIDE",
    "copy_texts",
    "find_cells",
    "join_codes",
    "sweep_rows",
]

TEXT, WIDE, FILLED = 8, 16, 32
"""What was seen of a column beside that of `number_kernel`: cells that are no plain numbers, cells whose first or last byte is
not ASCII, and cells that are not empty."""

REFUSED = -1
"""Instead of the number of rows: the text is not as plain as this pass wants it, and has to be read with more care."""

LENGTH_BITS = 24
"""The place of a cell is a whole number: its first byte, and in this many lower bits its number of bytes."""

MANY = -1
"""Instead of the number of different texts: they are too many."""

_LENGTH = (1 << LENGTH_BITS) - 1
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_NEWLINE, _RETURN, _QUOTE = 10, 13, 34
_BLANK = 32  # no text has control characters other than blanks and ends of lines
_NEWLINES, _RETURNS, _QUOTES = (np.uint64(byte) * ONES for byte in (_NEWLINE, _RETURN, _QUOTE))
_BAD = -1


@bare
def _is_blank(byte, delimiter):
    return byte <= _BLANK and byte != delimiter and byte != _NEWLINE and byte != _RETURN


@bare
def _is_end(byte, delimiter):
    return byte == delimiter or byte == _NEWLINE or byte == _RETURN


@bare
def _end_bits(data, position, delimiters):
    """Return a number whose lowest bit lies in the first of eight bytes that ends a cell or is a quotation mark, 0 if none does."""
    word = word_at(data, position)
    ends = zero_bytes(word ^ delimiters) | zero_bytes(word ^ _NEWLINES) | zero_bytes(word ^ _RETURNS)
    return ends | zero_bytes(word ^ _QUOTES)


@bare
def _find_end(data, position, delimiter):
    """Return the position of the end of the cell that goes on at `position`, or -1 where a quotation mark lies inside it."""
    delimiters = np.uint64(delimiter) * ONES
    bits, start = _end_bits(data, position, delimiters), position
    while bits == np.uint64(0):
        start += 8
        bits = _end_bits(data, start, delimiters)
    end = start + (number_of_zeros(bits) >> 3)
    return np.int64(_BAD) if data[end] == _QUOTE else end


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
        last = _find_end(data, first, delimiter)
        after = last
    if last == _BAD:
        return first, first, _BAD
    while first < last and data[first] <= _BLANK:
        first += 1
    while first < last and data[last - 1] <= _BLANK:
        last -= 1
    return first, last, after


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
def _text_cell(data, position, stop, delimiter):
    """Return first byte and end of a cell, the position after it, -1 where it cannot be told, and `WIDE` and `FILLED`."""
    first, last, after = _cell(data, position, stop, delimiter)
    if last - first >> LENGTH_BITS:
        after = _BAD
    if after == _BAD or first == last:
        return first, last, after, 0
    if data[first] < 128 and data[last - 1] < 128:
        return first, last, after, FILLED
    return first, last, after, WIDE if _may_be_blank(data, first) else WIDE | FILLED


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


@bare
def _code_of(data, first, length, table, firsts, count):
    """Return the number of a text among those that `table` knows; a new one gets `count`, and its place goes to `firsts`."""
    hashed, step = np.uint64(length), 0
    while step < length:
        hashed ^= text_word(data, first + step, length - step)
        hashed = (hashed ^ hashed >> np.uint64(32)) * _MULTIPLIER
        step += 8
    place, mask = np.int64(hashed >> np.uint64(40)) & (len(table) - 1), len(table) - 1
    while table[place] >= 0 and not _is_same(data, firsts[table[place]], first, length):
        place = (place + 1) & mask
    if table[place] < 0:
        table[place] = count
        firsts[count] = first << LENGTH_BITS | length
    return np.int64(table[place])


@bare
def _is_same(data, cell, first, length):
    other = cell >> LENGTH_BITS
    if cell & _LENGTH != length:
        return False
    step = 0
    while step < length:
        if text_word(data, other + step, length - step) != text_word(data, first + step, length - step):
            return False
        step += 8
    return True


@bare
def _keep_text(data, first, length, cells, row, table, firsts, counts, slot):
    """Put the code of a text into its cell, or its place if there are too many texts; then those before become places, too."""
    count = counts[slot]
    if count == MANY:
        cells[row] = first << LENGTH_BITS | length
        return
    code = _code_of(data, first, length, table, firsts, count)
    cells[row] = code
    if code == count:
        counts[slot] = count + 1
        if count + 1 == len(firsts):
            counts[slot] = MANY
            for other in range(row + 1):
                cells[other] = firsts[cells[other]]


@outer
def sweep_rows(data, start, stop, delimiter, numbers, cells, seen, slots, coding, markers, marker_ends, any_marker):
    """Read rows from `start` to `stop`, and return how many there are, or `REFUSED`.

    `data` is uint8 (n_bytes,), its last byte a newline. What was seen of each column goes to `seen`, uint8 (n_columns,).

    Numbers go to `numbers`, float64 (n_columns, n_rows): NaN for empty cells and for the texts of
    `markers`, uint8, which end at `marker_ends`; `any_marker` says that a marker may be a number. They mean nothing in
    columns in which `TEXT` is seen.

    Columns for which `TEXT` is given have a slot in `slots`, int64 (n_columns,), and codes of their texts, which number them
    in the order in which they come, go to `cells`, int64, which may be the same memory as `numbers`. `coding` holds by slot a
    table full of -1 (n_slots, a power of two), the places of texts by code (n_slots, most), and the number of texts
    (n_slots,), 0 at first. It is `MANY` in the end where there are too many, and `cells` holds places (see `LENGTH_BITS`).
    """
    table, firsts, counts = coding
    row = 0
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
            is_text, status, flags, after = seen[column] & TEXT != 0, NONE, 0, position
            if not is_text and not any_marker:
                status, value, flags, after = read_number(data, position, POWERS, EXACT)
            if status == NUMBER and _is_end(data[after], delimiter):
                flags |= FILLED
                numbers[column, row] = value
            else:
                first, last, after, flags = _text_cell(data, position, stop, delimiter)
                if after == _BAD:
                    return REFUSED
                slot = slots[column]
                if slot >= 0:
                    place = (data, first, last - first, cells[column], row)
                    _keep_text(*place, table[slot], firsts[slot], counts, slot)
                elif not is_text:
                    numbers[column, row], more = _number_of(data, first, last, markers, marker_ends)
                    flags |= more
            seen[column] |= flags
            is_filled |= flags & FILLED != 0
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
def join_codes(data, firsts, table, known, count, numbers):
    """Find the texts at the places `firsts`, int64 (n,), among `count` known ones, whose places `known` has, int64.

    `numbers`, int64 (n,), get their numbers; those of new texts go on from `count`, and their places into `known`. `table`, of a
    power of two, more than all texts, is full of -1 at first and keeps what is known. Returns how many are known then.
    """
    for position in range(len(firsts)):
        code = _code_of(data, firsts[position] >> LENGTH_BITS, firsts[position] & _LENGTH, table, known, count)
        numbers[position] = code
        count = max(count, code + 1)
    return count


@outer
def find_cells(data, start, stop, delimiter, row, n_columns, wanted, cells):
    """Put the places of the cells of the column `wanted`, of rows that `sweep_rows` can read, into `cells`, int64 (n_rows,)."""
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
