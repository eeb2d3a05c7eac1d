"""One column as it came: its values, and the readings that deciding about it needs more than once."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from propneat.data.cells import Cells, arrow_texts, dtype_kind
from propneat.data.number_columns import cast_plain, may_be_codes
from propneat.data.numbers import NumberForm, is_ambiguous
from propneat.data.plan import ColumnPlan, ReadColumn

if TYPE_CHECKING:
    from propneat.data.delimited_sweep import SweptColumn

__all__ = ["SourceColumn"]

_HEAD_ROWS = 1000


@dataclass(frozen=True, eq=False)
class SourceColumn:
    """A Series, an array (n_rows,) or a column of swept text, its name, and the texts that mean "missing"."""

    source: "object | SweptColumn"
    name: str
    missing: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.source)

    @cached_property
    def swept(self) -> "SweptColumn | None":
        """The column of swept text, None where it is made of anything else."""
        return self.source if hasattr(type(self.source), "few_cells") else None

    @property
    def values(self) -> object:
        """The cells as a Series or an array (n_rows,)."""
        return self.source if self.swept is None else self.swept.series

    @cached_property
    def kind(self) -> str:
        """What it is made of, see `dtype_kind`."""
        return "object" if self.swept is not None else dtype_kind(self.source)

    @cached_property
    def texts(self) -> object:
        """Its stripped texts as a pyarrow array, None where it is not made of Arrow's texts."""
        return arrow_texts(self.source) if self.swept is None else self.swept.texts

    @cached_property
    def numbers(self) -> np.ndarray | None:
        """Its texts as numbers, float64 (n_rows,), where they are all plain numbers or missing, else None."""
        if self.swept is None:
            return cast_plain(self.texts, self.missing)
        if self.swept.numbers is not None:
            return self.swept.numbers
        if self.swept.few_cells is None:
            return cast_plain(self.texts, self.missing)
        numbers = cast_plain(self.distinct, self.missing)
        return None if numbers is None else self.cells.spread(numbers, np.nan)

    @property
    def may_be_codes(self) -> bool:
        """Whether some of its plain numbers have zeros in front, as codes have and numbers have not."""
        if self.swept is not None and self.swept.numbers is not None:
            return False
        return may_be_codes(self.texts if self.swept is None else self.distinct)

    @property
    def head(self) -> list[str]:
        """The first of its texts, without empty ones."""
        return [text for text in self.texts[:_HEAD_ROWS].to_pylist() if text]

    @property
    def is_ambiguous(self) -> bool:
        """Whether the points of its plain numbers may as well mark thousands."""
        if self.swept is not None and self.swept.numbers is not None:
            return False
        return is_ambiguous(self.head) and is_ambiguous([text for text in self.distinct.to_pylist() if text])

    @cached_property
    def distinct(self) -> object:
        """Its different texts in the order in which they come, None where it is not made of Arrow's texts."""
        if self.swept is not None and self.swept.few_cells is not None:
            import pyarrow

            return pyarrow.array(self.cells.values, pyarrow.string())
        return None if self.texts is None else self.texts.unique()

    def read(self, plan: ColumnPlan) -> ReadColumn:
        """Read all its cells by a plan, as the plan reads `values`."""
        if self.kind != "object":
            return plan.read(self.values, self.missing)
        if plan.kind == "date" or (plan.kind == "category" and not plan.has_number_levels):
            return plan.read(self.cells, self.missing)
        if plan.form == NumberForm() and self.numbers is not None:
            return plan.read(self.numbers, self.missing)
        return plan.read(self.values, self.missing)

    @cached_property
    def cells(self) -> Cells:
        """Its distinct values."""
        if self.swept is not None and self.swept.few_cells is not None:
            return self.swept.few_cells
        if self.texts is not None:
            return Cells.of_texts(self.texts)
        return Cells.of(self.values.astype(object) if self.kind == "categorical" else self.values, self.name)
