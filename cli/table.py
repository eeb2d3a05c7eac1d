"""Tables on stdout."""

from collections.abc import Sequence

__all__ = ["as_text", "print_table"]

_ANY_WIDTH = 10_000


def print_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table, numbers to the right: fitted to a terminal, or one line per row where stdout is something else."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for position, head in enumerate(heads):
        is_numeric = bool(rows) and all(_is_number(row[position]) for row in rows)
        grid.add_column(head, justify="right" if is_numeric else "left", overflow="fold", min_width=len(head))
    for row in rows:
        grid.add_row(*(Text(as_text(value)) for value in row))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _ANY_WIDTH
    console.print(grid)


def as_text(value: object) -> str:
    """Return a value as people read it: yes or no for a truth value, six digits of a fraction."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _is_number(value: object) -> bool:
    """Say whether a value is a number, as such or written out, or the dash that stands for one that is missing."""
    if isinstance(value, (int, float)):
        return not isinstance(value, bool)
    return str(value).replace(".", "", 1).replace("-", "", 1).isdigit() or value == "-"
