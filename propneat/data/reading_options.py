"""What a person says of the columns of a table."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from propneat.base.errors import DataError
from propneat.data.cells import MISSING_TEXTS

__all__ = ["ReadingOptions"]

_COLUMN_GROUPS = ("drop", "keep", "categories", "numbers", "dates", "texts")


@dataclass(frozen=True)
class ReadingOptions:
    """What a person says of the columns; empty where the table is to tell.

    `drop` names columns to leave out, `keep` the only ones to use; `categories`, `numbers` and `dates` columns to be read as
    these, `texts` columns of free text, which are left out. A column of categories gets at most `max_levels` inputs of levels.
    `missing` lists the texts that mean "no value here"; `decimal` and `thousands` are the marks of numbers. A column of numbers
    or dates may have the share `odd_cells` of cells that are none, which are read as missing.
    """

    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    missing: tuple[str, ...] = MISSING_TEXTS
    decimal: str | None = None
    thousands: str | None = None
    odd_cells: float = 0.05

    def __post_init__(self) -> None:
        """Raise DataError for a value that cannot be used; an empty cell is always missing."""
        object.__setattr__(self, "missing", tuple(dict.fromkeys(["", *self.missing])))
        if self.decimal not in (None, ".", ","):
            raise DataError(f"decimal must be '.' or ',', not {self.decimal!r}")
        if self.thousands not in (None, "", ".", ",", "'", " ", "_") or (self.thousands and self.thousands == self.decimal):
            raise DataError(f"thousands must be one of , . ' _ and a blank, and not the decimal mark, not {self.thousands!r}")
        if not 0 <= self.odd_cells < 1:
            raise DataError(f"odd_cells must be a share, 0 or more and below 1, not {self.odd_cells}")
        said: dict[str, str] = {}
        for group in ("drop", "categories", "numbers", "dates", "texts"):
            for name in getattr(self, group):
                if said.setdefault(name, group) != group:
                    raise DataError(f"column {name!r} stands in {said[name]} and in {group}: it can be in one of them")

    def checked(self, names: Sequence[str]) -> "ReadingOptions":
        """Return the options; raises DataError when they name a column that the table does not have."""
        for group in _COLUMN_GROUPS:
            for name in getattr(self, group):
                if name not in names:
                    close = difflib.get_close_matches(name, names, n=1)
                    hint = f": did you mean {close[0]!r}?" if close else ""
                    raise DataError(f"{group} names the column {name!r}, and the table has none of that name{hint}")
        return self

    def without(self, name: str) -> "ReadingOptions":
        """Return the options without what they say of one column."""
        return replace(
            self, **{group: tuple(other for other in getattr(self, group) if other != name) for group in _COLUMN_GROUPS}
        )

    def kind_of(self, name: str) -> str | None:
        """Return what a column is to be read as: "number", "category", "date" or "text", None where the table is to tell."""
        said = (("numbers", "number"), ("categories", "category"), ("dates", "date"), ("texts", "text"))
        return next((kind for group, kind in said if name in getattr(self, group)), None)
