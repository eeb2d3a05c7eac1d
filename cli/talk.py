"""Words on a terminal: lines of talk on the error stream, broken between words where they are read by a person."""

import shutil
import sys
import textwrap
from typing import TextIO

import click

__all__ = ["talk", "wrapped"]

_MOST_COLUMNS = 100


def talk(text: str, quiet: bool) -> None:
    """Print a line on the error stream, unless the person wants none."""
    if not quiet:
        click.echo(wrapped(text, sys.stderr, indent=2), err=True)


def wrapped(text: str, stream: TextIO, indent: int = 0) -> str:
    """Return a line broken between words to the width of a terminal, as it is where the stream is none."""
    if not stream.isatty():
        return text
    width = min(_MOST_COLUMNS, shutil.get_terminal_size((80, 24)).columns)
    lines = textwrap.wrap(
        text, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    )
    return "\n".join(lines)
