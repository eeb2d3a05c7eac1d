"""Long delimited text read in one pass: columns of plain numbers become numbers without ever being texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow

from propneat.data.cells import stripped
from propneat.data.number_kernel import CODE, MARK, POINT
from propneat.data.sweep_kernel import FILLED, REFUSED, TEXT, WIDE, copy_texts, measure_texts, sweep_numbers
from propneat.data.threads import map_columns

if TYPE_CHECKING:
    import pandas

__all__ = ["SweptColumn", "SweptText", "sweep"]

_BLOCKS = 8
_MOST_BYTES_OF_TEXTS = 2**31 - 1
_NUMBER_STARTS = frozenset(b"+-.0123456789")


@dataclass(frozen=True, eq=False)
class _Block:
    """Whole lines: bytes from `start` to `stop`, and the number of their first row."""

    start: int
    stop: int
    row: int


@dataclass(frozen=True, eq=False)
class SweptText:
    """Delimited text after the pass over it: `numbers` (n_columns, n_rows), and what was seen of each column, uint8 (n_columns,)."""

    data: bytes
    delimiter: int
    blocks: tuple[_Block, ...]
    numbers: np.ndarray
    seen: np.ndarray

    @property
    def n_rows(self) -> int:
        return self.numbers.shape[1]

    @cached_property
    def _texts(self) -> dict[int, pyarrow.Array]:
        """The texts of the columns that are no plain numbers."""
        return self.texts_of(np.flatnonzero(self.seen & TEXT).tolist())

    def texts(self, column: int) -> pyarrow.Array:
        """Return the texts of a column, without blanks at their ends."""
        return self._texts[column] if self.seen[column] & TEXT else self.texts_of([column])[column]

    def texts_of(self, columns: Sequence[int]) -> dict[int, pyarrow.Array]:
        """Return the texts of some columns, without blanks at their ends, by column."""
        slots = np.full(len(self.numbers), -1, np.int64)
        slots[list(columns)] = np.arange(len(columns))
        is_large = len(self.data) > _MOST_BYTES_OF_TEXTS
        ends = np.zeros((len(columns), self.n_rows + 1), np.int64 if is_large else np.int32)
        data, n_columns = np.frombuffer(self.data, np.uint8), len(self.numbers)

        def measure(block: _Block) -> None:
            measure_texts(data, block.start, block.stop, self.delimiter, block.row, n_columns, slots, ends)

        map_columns(measure, self.blocks, n_rows=self.n_rows)
        lasts = [block.row for block in self.blocks[1:]] + [self.n_rows]
        sizes = ends[:, lasts].astype(np.int64)
        bases = np.concatenate([np.zeros((len(columns), 1), np.int64), np.cumsum(sizes, axis=1)], axis=1)
        text_starts = np.concatenate([[0], np.cumsum(bases[:, -1])]).astype(np.int64)
        texts = np.empty(text_starts[-1], np.uint8)

        def copy(block: _Block, number: int) -> None:
            base = np.ascontiguousarray(bases[:, number])
            place = (data, block.start, block.stop, self.delimiter, block.row, n_columns)
            copy_texts(*place, slots, ends, base, texts, text_starts)

        map_columns(copy, self.blocks, range(len(self.blocks)), n_rows=self.n_rows)
        kind = pyarrow.large_string() if is_large else pyarrow.string()
        found = {}
        for slot, column in enumerate(columns):
            content = pyarrow.py_buffer(texts[text_starts[slot] : text_starts[slot + 1]])
            array = pyarrow.Array.from_buffers(kind, self.n_rows, [None, pyarrow.py_buffer(ends[slot]), content])
            found[column] = stripped(array) if self.seen[column] & WIDE else array
        return found


@dataclass(frozen=True, eq=False)
class SweptColumn:
    """One column of a swept text."""

    text: SweptText
    position: int

    def __len__(self) -> int:
        return self.text.n_rows

    def _has(self, flag: int) -> bool:
        return bool(self.text.seen[self.position] & flag)

    @property
    def numbers(self) -> np.ndarray | None:
        """The numbers that its texts spell, float64 (n_rows,), NaN for those that mean "missing"; None where not all are plain."""
        return None if self._has(TEXT) else self.text.numbers[self.position]

    @property
    def is_filled(self) -> bool:
        """Whether any cell holds something."""
        return self._has(FILLED)

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
        return self.text.texts(self.position)

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
    blocks, n_rows = _blocks(data, start)
    texts = [marker.encode() for marker in markers if marker]
    marks = np.frombuffer(b"".join(texts), np.uint8)
    mark_ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    any_marker = any(text[0] in _NUMBER_STARTS for text in texts)
    numbers = np.empty((n_columns, n_rows))
    array = np.frombuffer(data, np.uint8)

    def read(block: _Block) -> tuple[int, np.ndarray]:
        seen = np.zeros(n_columns, np.uint8)
        place = (array, block.start, block.stop, ord(delimiter), block.row)
        return sweep_numbers(*place, numbers, seen, marks, mark_ends, any_marker), seen

    found = map_columns(read, blocks, n_rows=n_rows)
    ends = [row for row, _ in found]
    if REFUSED in ends or ends[:-1] != [block.row for block in blocks[1:]]:
        return None
    seen = np.bitwise_or.reduce([block_seen for _, block_seen in found])
    if ((seen & (WIDE | FILLED)) == WIDE).any():
        # perhaps a column of blanks that are not ASCII
        return None
    return SweptText(data, ord(delimiter), tuple(blocks), numbers[:, : ends[-1]], seen)


def _blocks(data: bytes, start: int) -> tuple[list[_Block], int]:
    """Divide lines into blocks to read side by side; in text with quotation marks a line may go on, so it stays in one."""
    n_blocks = 1 if data.find(b'"', start) >= 0 else _BLOCKS
    size = -(-(len(data) - start) // n_blocks)
    blocks, row = [], 0
    while start < len(data):
        stop = data.find(b"\n", min(start + size, len(data)) - 1) + 1
        blocks.append(_Block(start, stop, row))
        row += data.count(b"\n", start, stop)
        start = stop
    return blocks, row
