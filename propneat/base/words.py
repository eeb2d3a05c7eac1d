"""Numbers in sentences."""

__all__ = ["count", "count_cells"]


def count(number: int, thing: str) -> str:
    """Return a number with what it counts, such as 1 layer or 2 layers."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def count_cells(number: int, n_rows: int, holds: str, hold: str) -> str:
    """Return so many cells of a column and what they do, `holds` said of one and `hold` of several."""
    return f"{count(number, 'cell')} of {n_rows} {holds if number == 1 else hold}"
