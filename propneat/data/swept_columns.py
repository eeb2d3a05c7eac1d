"""The columns of a long file of delimited text, read for planning without a frame of texts in between."""

import csv
import io
from collections.abc import Sequence

from propneat.data.delimited import DELIMITERS, column_names, is_plainly_quoted, prepared, refuse_data, width_of
from propneat.data.delimited_sweep import SweptColumn, sweep
from propneat.data.mapped import Text
from propneat.settings.reading import DelimitedForm

__all__ = ["sweep_columns"]


def sweep_columns(
    data: Text, label: str, form: DelimitedForm, markers: Sequence[str]
) -> tuple[dict[str, SweptColumn], tuple[str, ...]] | None:
    """Return the columns by name, and a line for every choice made, as `read_delimited` does.

    `markers` are the texts that mean "missing". None for text that is not plain enough for one pass; raises DataError for
    text that cannot be read.
    """
    data, delimiter, notes = prepared(data, label, form)
    width = width_of(data, delimiter, label)
    first_end = data.find(b"\n") + 1
    head = data[: data.find(b"\n", first_end) + 1]
    if delimiter not in DELIMITERS or not head or (b'"' in head and not is_plainly_quoted(head, delimiter)):
        return None
    lines = list(csv.reader(io.StringIO(head.decode(), newline=""), delimiter=delimiter, skipinitialspace=True))
    if [len(line) for line in lines] != [width, width]:
        return None
    first, second = ([cell.strip() for cell in line] for line in lines)
    if form.header is None:
        refuse_data(first, second, label)
    text = sweep(data, 0 if form.header is False else first_end, delimiter, width, markers)
    if text is None:
        return None
    names = [f"column {number}" for number in range(1, width + 1)] if form.header is False else first
    columns = [SweptColumn(text, position) for position in range(width)]
    kept = [(name, column) for name, column in zip(names, columns, strict=True) if name or column.is_filled]
    if len(kept) < width:
        notes = [*notes, f"{width - len(kept)} columns without name and content left out"]
    found = column_names([name for name, _ in kept], label)
    return dict(zip(found, (column for _, column in kept), strict=True)), tuple(notes)
