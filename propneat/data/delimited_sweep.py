"""Long delimited text read in one pass: columns of plain numbers become numbers without ever being texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow

from propneat.data.cells import Cells, code_type, stripped
from propneat.data.mapped import Text, bytes_of, let_go
from propneat.data.number_kernel import CODE, MARK, POINT
from propneat.data.numbers import NumberForm
from propneat.data.sweep_kernel import (
    FILLED,
    LENGTH_BITS,
    MANY,
    REFUSED,
    TEXT,
    WIDE,
    copy_texts,
    find_cells,
    join_codes,
    sweep_rows,
)
from propneat.data.threads import map_columns

if TYPE_CHECKING:
    import pandas

    from propneat.data.plan import ColumnPlan

__all__ = ["SweptColumn", "SweptText", "sweep"]

_BLOCKS = 16
_NEWLINE, _QUOTE = 10, 34
_CHUNK = 2**18
_LENGTH = (1 << LENGTH_BITS) - 1
_HEAD_BYTES = 2**16
_MOST_CODED, _MOST_PLACES = 2**12, 2**18
_MOST_BYTES_OF_TEXTS = 2**31 - 1
_NUMBER_STARTS = frozenset(b"+-.0123456789")


@dataclass(frozen=True, eq=False)
class _Block:
    """Whole lines: bytes from `start` to `stop`, and the number of their first row.

    `texts` has of each column of texts what its rows hold, codes of uint16 or places of int64 (see `sweep_rows`), and the
    places of the texts by code, int64 (n_texts,), None beside places.
    """

    start: int
    stop: int
    row: int
    texts: tuple[tuple[np.ndarray, np.ndarray | None], ...]


@dataclass(frozen=True, eq=False)
class SweptText:
    """Delimited text after the pass over it.

    `numbers` has by column the numbers of plain ones, float64 (n_rows,), None for columns of texts; `seen`, uint8 (n_columns,),
    is what was seen of each column, `slots`, int64 (n_columns,), its number among those of texts, -1 for numbers.
    """

    data: Text
    delimiter: int
    blocks: tuple[_Block, ...]
    numbers: tuple[np.ndarray | None, ...]
    seen: np.ndarray
    slots: np.ndarray
    n_rows: int

    def places(self, column: int) -> np.ndarray:
        """Return the places of the cells of a column, int64 (n_rows,)."""
        if self.slots[column] >= 0:
            texts = [block.texts[self.slots[column]] for block in self.blocks]
            return np.concatenate([part if firsts is None else firsts[part] for part, firsts in texts])
        places, data = np.empty(self.n_rows, np.int64), bytes_of(self.data)
        for block in self.blocks:
            find_cells(data, block.start, block.stop, self.delimiter, block.row, len(self.numbers), column, places)
        return places

    def coded(self, column: int) -> Cells | None:
        """Return the distinct texts of a column of texts, blanks at their ends as they are; None where there are very many."""
        texts = [block.texts[self.slots[column]] for block in self.blocks]
        if any(firsts is None for _, firsts in texts):
            return None
        data, known, n_known = bytes_of(self.data), np.empty(2 * _MOST_CODED, np.int64), 0
        table, numbers = np.full(4 * _MOST_CODED, -1, np.int32), []
        for _, firsts in texts:
            if n_known > _MOST_CODED:
                return None
            numbers.append(np.empty(len(firsts), np.int64))
            n_known = join_codes(data, firsts, table, known, n_known, numbers[-1])
        codes, row = np.empty(self.n_rows, code_type(n_known)), 0
        for (part, _), number in zip(texts, numbers, strict=True):
            np.take(number.astype(codes.dtype), part, out=codes[row : row + len(part)])
            row += len(part)
        starts, lengths = known[:n_known] >> LENGTH_BITS, known[:n_known] & _LENGTH
        places = zip(starts.tolist(), (starts + lengths).tolist(), strict=True)
        return Cells(codes, [self.data[start:end].decode() for start, end in places])


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
        """The numbers that its texts spell, float64 (n_rows,), NaN for those that mean "missing".

        None where not all are plain, some have zeros in front as codes have, or no point is sure to be a decimal one.
        """
        return None if self._has(TEXT) else self.text.numbers[self.position]

    @property
    def is_filled(self) -> bool:
        """Whether any cell holds something."""
        # what is not ASCII may be blanks
        return self._has(FILLED) or (self._has(WIDE) and any(self.texts.unique().to_pylist()))

    @cached_property
    def texts(self) -> pyarrow.Array:
        """The texts, without blanks at their ends."""
        cells = self.text.places(self.position)
        size = int((cells & _LENGTH).sum())
        is_large = size > _MOST_BYTES_OF_TEXTS
        ends, texts = np.zeros(len(cells) + 1, np.int64 if is_large else np.int32), np.empty(size, np.uint8)
        copy_texts(bytes_of(self.text.data), cells, ends, texts)
        kind = pyarrow.large_string() if is_large else pyarrow.string()
        array = pyarrow.Array.from_buffers(kind, len(cells), [None, pyarrow.py_buffer(ends), pyarrow.py_buffer(texts)])
        return stripped(array) if self._has(WIDE) else array

    @cached_property
    def few_cells(self) -> Cells | None:
        """Its distinct texts, None where there are very many."""
        return None if self._has(WIDE) or not self._has(TEXT) else self.text.coded(self.position)

    @cached_property
    def series(self) -> "pandas.Series":
        """The texts as a column of a frame."""
        import pandas

        return pandas.Series(self.texts, dtype=pandas.ArrowDtype(self.texts.type))

    def planned(self, plan: "ColumnPlan | None") -> "pandas.Series":
        """Return a column of a frame that the plan reads as it reads the texts: numbers, categories, or the texts themselves."""
        import pandas

        if plan is not None and plan.reads_numbers and plan.form == NumberForm() and self.numbers is not None:
            return pandas.Series(self.numbers)
        if plan is not None and plan.kind == "category" and not plan.has_number_levels and self.few_cells is not None:
            return pandas.Series(pandas.Categorical.from_codes(self.few_cells.codes, self.few_cells.values))
        return self.series


def sweep(data: Text, start: int, delimiter: str, n_columns: int, markers: Sequence[str]) -> SweptText | None:
    """Read the rows of UTF-8 text from the byte `start` on; `markers` are the texts that mean "missing".

    None for text that is not plain enough: rows of another length, blank ones, quotation marks inside cells.
    """
    data = data if data[-1:] == b"\n" else data[:] + b"\n"
    places, n_rows = _blocks(data, start)
    let_go(data, 0, len(data))
    texts = [marker.encode() for marker in markers if marker]
    marks = np.frombuffer(b"".join(texts), np.uint8)
    mark_ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    rest = (marks, mark_ends, any(text[0] in _NUMBER_STARTS for text in texts))

    def read(start: int, stop: int, row: int, n_lines: int) -> tuple[int, np.ndarray, _Block]:
        slots, n_slots = _slots(are_texts)
        most = min(_MOST_CODED, max(_MOST_PLACES >> n_slots.bit_length(), 16))
        table, firsts = np.full((n_slots, 2 * most), -1, np.int32), np.empty((n_slots, most), np.int64)
        seen, counts = np.where(are_texts, TEXT, 0).astype(np.uint8), np.zeros(n_slots, np.int64)
        numbers = np.empty((n_columns, n_lines))
        cells = numbers.view(np.int64)
        n_read = sweep_rows(
            bytes_of(data), start, stop, ord(delimiter), numbers, cells, seen, slots, (table, firsts, counts), *rest
        )
        let_go(data, start, stop)
        rows = max(n_read, 0)
        for column, part in zip(columns, numbers, strict=True):
            if column is not None:
                column[row : row + rows] = part[:rows]
        kept = [
            (part[:rows].copy(), None) if count == MANY else (part[:rows].astype(np.uint16), own[:count].copy())
            for part, count, own in zip(cells[are_texts], counts.tolist(), firsts, strict=True)
        ]
        return n_read, seen, _Block(start, stop, row, tuple(kept))

    are_texts, columns = np.zeros(n_columns, bool), [None] * n_columns
    head_end = data.find(b"\n", min(start + _HEAD_BYTES, len(data) - 1)) + 1
    are_texts = read(start, head_end, 0, _count(data, _NEWLINE, start, head_end))[1] & (TEXT | CODE) > 0
    # once more where what a column is shows late
    for _ in range(2):
        columns = [None if is_text else np.empty(n_rows) for is_text in are_texts]
        found = map_columns(read, *zip(*places, strict=True), n_rows=n_rows)
        counts = [n_read for n_read, _, _ in found]
        if REFUSED in counts or counts[:-1] != [n_lines for *_, n_lines in places[:-1]]:
            return None
        seen = np.bitwise_or.reduce([block_seen for _, block_seen, _ in found])
        late = ~are_texts & (((seen & (TEXT | CODE)) > 0) | ((seen & (POINT | MARK)) == POINT))
        if not late.any():
            break
        are_texts |= late
    blocks = tuple(block for _, _, block in found)
    n_read = blocks[-1].row + counts[-1]
    numbers = tuple(None if column is None else column[:n_read] for column in columns)
    return SweptText(data, ord(delimiter), blocks, numbers, seen, _slots(are_texts)[0], n_read)


def _slots(are_texts: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the numbers of columns among those of texts, int64 (n_columns,), -1 for others, and how many these are."""
    return np.where(are_texts, np.cumsum(are_texts) - 1, -1), int(are_texts.sum())


def _blocks(data: Text, start: int) -> tuple[list[tuple[int, int, int, int]], int]:
    """Divide lines into blocks to read side by side: first byte, end, first row and lines of each; and the number of lines.

    In text with quotation marks a line may go on, so it stays in one block.
    """
    n_blocks = 1 if _count(data, _QUOTE, start, len(data)) else _BLOCKS
    size = -(-(len(data) - start) // n_blocks)
    blocks, row = [], 0
    while start < len(data):
        stop = data.find(b"\n", min(start + size, len(data)) - 1) + 1
        n_lines = _count(data, _NEWLINE, start, stop)
        blocks.append((start, stop, row, n_lines))
        start, row = stop, row + n_lines
    return blocks, row


def _count(data: Text, byte: int, start: int, stop: int) -> int:
    """Return how often a byte stands in a part of a text."""
    part = bytes_of(data)[start:stop]
    return sum(int(np.count_nonzero(part[first : first + _CHUNK] == byte)) for first in range(0, len(part), _CHUNK))
