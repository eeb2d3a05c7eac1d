"""What a formula can be written as."""

from collections.abc import Callable

from propneat.export.python_text import to_python
from propneat.formula import Formula

__all__ = ["FORMULA_TEXTS"]

FORMULA_TEXTS: dict[str, Callable[[Formula], str]] = {"python": to_python}
"""Formats by name, and what writes a formula in each."""
