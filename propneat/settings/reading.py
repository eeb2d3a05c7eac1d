"""What a person says of the columns of a table, and of a delimited text."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from propneat.base.errors import DataError
from propneat.settings.fields import refusal, setting

__all__ = ["MISSING_TEXTS", "ColumnSettings", "DelimitedForm", "FormSettings", "ReadingOptions"]

MISSING_TEXTS = ("", "?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "<NA>")
"""Texts that mean "no value here", after blanks at both ends are removed; so do None, NaN, NaT and pandas.NA."""

_COLUMN_GROUPS = ("drop", "keep", "categories", "numbers", "dates", "texts")


@dataclass(frozen=True)
class ColumnSettings:
    """The settings of columns, for ReadingOptions and for the table [data] of a configuration."""

    drop: tuple[str, ...] = setting((), "Columns to leave out.")
    keep: tuple[str, ...] = setting((), "The only columns to use, if any is named.")
    categories: tuple[str, ...] = setting((), "Columns to read as categories, whatever they look like.")
    numbers: tuple[str, ...] = setting((), "Columns to read as numbers; cells that are none are missing.")
    dates: tuple[str, ...] = setting((), "Columns to read as dates.")
    texts: tuple[str, ...] = setting((), "Columns of free text, which are left out.")
    missing: tuple[str, ...] = setting(MISSING_TEXTS, 'Texts that mean "no value here".')
    decimal: str | None = setting(None, 'Decimal mark of numbers, "." or ","; "none" finds it out column by column.')
    thousands: str | None = setting(None, 'Mark between thousands, such as "," or "."; "none" finds it out.')
    odd_cells: float = setting(
        0.05, "Share of cells that are no numbers, or no dates, up to which a column is still read as these.", least=0, below=1
    )


@dataclass(frozen=True)
class ReadingOptions(ColumnSettings):
    """What a person says of the columns; empty where the table is to tell."""

    def __post_init__(self) -> None:
        """Raise DataError for a value that cannot be used; an empty cell is always missing."""
        object.__setattr__(self, "missing", tuple(dict.fromkeys(["", *self.missing])))
        if told := refusal(self):
            raise DataError(told)
        if self.decimal not in (None, ".", ","):
            raise DataError(f"decimal must be '.' or ',', not {self.decimal!r}")
        if self.thousands not in (None, "", ".", ",", "'", " ", "_") or (self.thousands and self.thousands == self.decimal):
            raise DataError(f"thousands must be one of , . ' _ and a blank, and not the decimal mark, not {self.thousands!r}")
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


@dataclass(frozen=True)
class FormSettings:
    """The settings of delimited text, for DelimitedForm and for the table [data] of a configuration."""

    delimiter: str | None = setting(None, 'Character between the cells of a text file, " " for blanks; "none" finds it out.')
    encoding: str | None = setting(None, 'Encoding of a text file, such as "utf-8" or "cp1252"; "none" finds it out.')
    header: bool | None = setting(
        None, 'Whether the first line of a text file names the columns; "none" looks, and asks where it may be data.'
    )


@dataclass(frozen=True)
class DelimitedForm(FormSettings):
    """What a person says of a text: None where it is to be found."""

    def __post_init__(self) -> None:
        """Raise DataError for a value that cannot be used."""
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise DataError(
                f"delimiter must be one character, such as ';', or a blank for any number of blanks, not {self.delimiter!r}"
            )
        if self.encoding is not None:
            try:
                "".encode(self.encoding)
            except LookupError as error:
                raise DataError(f"there is no encoding {self.encoding!r}: utf-8, cp1252 and latin-1 are common ones") from error
