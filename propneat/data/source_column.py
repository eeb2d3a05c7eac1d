"""One column as it came: its values, and the readings that deciding about it needs more than once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from propneat.data.cells import Cells, arrow_texts, dtype_kind
from propneat.data.number_columns import cast_plain

__all__ = ["SourceColumn"]


@dataclass(frozen=True, eq=False)
class SourceColumn:
    """A Series or an array (n_rows,), its name, and the texts that mean "missing"."""

    values: object
    name: str
    missing: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def kind(self) -> str:
        """What it is made of, see `dtype_kind`."""
        return dtype_kind(self.values)

    @cached_property
    def texts(self) -> object:
        """Its stripped texts as a pyarrow array, None where it is not made of Arrow's texts."""
        return arrow_texts(self.values)

    @cached_property
    def numbers(self) -> np.ndarray | None:
        """Its texts as numbers, float64 (n_rows,), where they are all plain numbers or missing, else None."""
        return cast_plain(self.texts, self.missing)

    def cells(self) -> Cells:
        """Return its distinct values."""
        return Cells.of(self.values.astype(object) if self.kind == "categorical" else self.values, self.name)
