"""Long delimited text read in one pass: columns of plain numbers become numbers without ever being texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow

from propneat.data.cells import Cells, stripped
from propneat.data.number_kernel import CODE, MARK, POINT
from propneat.data.sweep_kernel import (
    FILLED,
    LENGTH_BITS,
    MANY,
    REFUSED,
    TEXT,
    WIDE,
    copy_texts,
    find_cells,
    sweep_rows,
)
from propneat.data.threads import map_columns

if TYPE_CHECKING:
    import pandas

__all__ = ["SweptColumn", "SweptText", "sweep"]

_BLOCKS = 8
_NEWLINE = 10
_LENGTH = (1 << LENGTH_BITS) - 1
_HEAD_BYTES = 2**16
_MOST_CODED = 2**12
_MOST_BYTES_OF_TEXTS = 2**31 - 1
_NUMBER_STARTS = frozenset(b"+-.0123456789")


@dataclass(frozen=True, eq=False)
class _Block:
    """Whole lines: bytes from `start` to `stop`, and the number of their first row.

    `firsts`, int64 (n_columns, most), has the places of the texts of each column by code, `counts` (n_columns,) their number.
    """

    start: int
    stop: int
    row: int
    firsts: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True, eq=False)
class SweptText:
    """Delimited text after the pass over it.

    `numbers` (n_columns, n_rows) holds the numbers of columns of plain numbers, and in columns of texts codes or places as
    `sweep_rows` says; `seen`, uint8 (n_columns,), is what was seen of each column, `late` (n_columns,) whether that it holds texts
    was not seen in the first rows.
    """

    data: bytes
    delimiter: int
    blocks: tuple[_Block, ...]
    numbers: np.ndarray
    seen: np.ndarray
    late: np.ndarray

    def _parts(self, column: int) -> list[tuple[_Block, np.ndarray]]:
        """Return what each of the blocks has of a column of texts, int64 (n_rows_of_block,)."""
        ends = [block.row for block in self.blocks[1:]] + [self.numbers.shape[1]]
        kept = self.numbers[column].view(np.int64)
        return [(block, kept[block.row : end]) for block, end in zip(self.blocks, ends, strict=True)]

    def places(self, column: int) -> np.ndarray:
        """Return the places of the cells of a column, int64 (n_rows,)."""
        if self.seen[column] & TEXT and not self.late[column]:
            parts = self._parts(column)
            return np.concatenate(
                [part if block.counts[column] == MANY else block.firsts[column][part] for block, part in parts]
            )
        places, data = np.empty(self.numbers.shape[1], np.int64), np.frombuffer(self.data, np.uint8)
        for block in self.blocks:
            find_cells(data, block.start, block.stop, self.delimiter, block.row, len(self.numbers), column, places)
        return places

    def coded(self, column: int) -> Cells | None:
        """Return the distinct texts of a column, blanks at their ends as they are; None where they were not told apart."""
        if self.late[column] or not self.seen[column] & TEXT:
            return None
        codes, known = np.empty(self.numbers.shape[1], np.int64), {}
        for block, part in self._parts(column):
            if block.counts[column] == MANY:
                return None
            firsts = block.firsts[column, : block.counts[column]]
            ends = (firsts >> LENGTH_BITS) + (firsts & _LENGTH)
            texts = [self.data[start:end] for start, end in zip((firsts >> LENGTH_BITS).tolist(), ends.tolist(), strict=True)]
            places = np.array([known.setdefault(text, len(known)) for text in texts], np.int64)
            np.take(places, part, out=codes[block.row : block.row + len(part)])
        return Cells(codes, [text.decode() for text in known])


@dataclass(frozen=True, eq=False)
class SweptColumn:
    """One column of a swept text."""

    text: SweptText
    position: int

    def __len__(self) -> int:
        return self.text.numbers.shape[1]

    def _has(self, flag: int) -> bool:
        return bool(self.text.seen[self.position] & flag)

    @property
    def numbers(self) -> np.ndarray | None:
        """The numbers that its texts spell, float64 (n_rows,), NaN for those that mean "missing"; None where not all are plain."""
        return None if self._has(TEXT) else self.text.numbers[self.position]

    @property
    def is_filled(self) -> bool:
        """Whether any cell holds something."""
        # what is not ASCII may be blanks
        return self._has(FILLED) or (self._has(WIDE) and any(self.texts.unique().to_pylist()))

    @property
    def may_be_codes(self) -> bool:
        """Whether some numbers have zeros in front, as codes have."""
        return self._has(CODE)

    @property
    def has_plain_points(self) -> bool:
        """Whether the numbers have no points, or some that are sure to be decimal ones."""
        return self._has(MARK) or not self._has(POINT)

    @cached_property
    def texts(self) -> pyarrow.Array:
        """The texts, without blanks at their ends."""
        cells = self.text.places(self.position)
        size = int((cells & _LENGTH).sum())
        is_large = size > _MOST_BYTES_OF_TEXTS
        ends, texts = np.zeros(len(cells) + 1, np.int64 if is_large else np.int32), np.empty(size, np.uint8)
        copy_texts(np.frombuffer(self.text.data, np.uint8), cells, ends, texts)
        kind = pyarrow.large_string() if is_large else pyarrow.string()
        array = pyarrow.Array.from_buffers(kind, len(cells), [None, pyarrow.py_buffer(ends), pyarrow.py_buffer(texts)])
        return stripped(array) if self._has(WIDE) else array

    @cached_property
    def few_cells(self) -> Cells | None:
        """Its distinct texts, None where there are very many."""
        return None if self._has(WIDE) else self.text.coded(self.position)

    @cached_property
    def series(self) -> "pandas.Series":
        """The texts as a column of a frame."""
        import pandas

        return pandas.Series(self.texts, dtype=pandas.ArrowDtype(self.texts.type))


def sweep(data: bytes, start: int, delimiter: str, n_columns: int, markers: Sequence[str]) -> SweptText | None:
    """Read the rows of UTF-8 text from the byte `start` on; `markers` are the texts that mean "missing".

    None for text that is not plain enough: rows of another length, blank ones, quotation marks inside cells.
    """
    data = data if data.endswith(b"\n") else data + b"\n"
    places, n_rows = _blocks(data, start)
    texts = [marker.encode() for marker in markers if marker]
    marks = np.frombuffer(b"".join(texts), np.uint8)
    mark_ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    any_marker = any(text[0] in _NUMBER_STARTS for text in texts)
    numbers = np.empty((n_columns, n_rows))
    array = np.frombuffer(data, np.uint8)

    def read(start: int, stop: int, row: int) -> tuple[int, np.ndarray, _Block]:
        seen, counts = expected.copy(), np.zeros(n_columns, np.int64)
        table, firsts = np.full((n_columns, 2 * _MOST_CODED), -1, np.int32), np.empty((n_columns, _MOST_CODED), np.int64)
        place = (array, start, stop, ord(delimiter), row, numbers, numbers.view(np.int64), seen, (table, firsts, counts))
        return sweep_rows(*place, marks, mark_ends, any_marker), seen, _Block(start, stop, row, firsts, counts)

    expected = np.zeros(n_columns, np.uint8)
    head_end = data.find(b"\n", min(start + _HEAD_BYTES, len(data) - 1)) + 1
    expected = read(start, head_end, 0)[1] & TEXT
    found = map_columns(read, *zip(*places, strict=True), n_rows=n_rows)
    ends = [row for row, _, _ in found]
    if REFUSED in ends or ends[:-1] != [row for _, _, row in places[1:]]:
        return None
    seen = np.bitwise_or.reduce([block_seen for _, block_seen, _ in found])
    blocks, late = tuple(block for _, _, block in found), (seen & ~expected & TEXT) > 0
    return SweptText(data, ord(delimiter), blocks, numbers[:, : ends[-1]], seen, late)


def _blocks(data: bytes, start: int) -> tuple[list[tuple[int, int, int]], int]:
    """Divide lines into blocks to read side by side: first byte, end, and first row of each, and the number of rows; in text with quotation marks a line may go on, so it stays in one."""
    n_blocks = 1 if data.find(b'"', start) >= 0 else _BLOCKS
    size = -(-(len(data) - start) // n_blocks)
    blocks, row = [], 0
    while start < len(data):
        stop = data.find(b"\n", min(start + size, len(data)) - 1) + 1
        blocks.append((start, stop, row))
        row += int(np.count_nonzero(np.frombuffer(data, np.uint8, stop - start, start) == _NEWLINE))
        start = stop
    return blocks, row
