"""What a person says of a delimited text."""

from dataclasses import dataclass

from propneat.base.errors import DataError

__all__ = ["DelimitedForm"]


@dataclass(frozen=True)
class DelimitedForm:
    """What a person says of a text: None where it is to be found. `header` says whether the first line names the columns."""

    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None

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
