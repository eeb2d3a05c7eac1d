"""What a formula can be written as."""

from collections.abc import Callable

from propneat.export.excel_text import to_excel
from propneat.export.javascript import to_javascript
from propneat.export.latex_text import to_latex
from propneat.export.python_text import to_python
from propneat.export.sql_text import to_sql
from propneat.export.sympy_text import to_sympy_script
from propneat.formula import Formula

__all__ = ["FORMULA_TEXTS"]

FORMULA_TEXTS: dict[str, Callable[[Formula], str]] = {
    "excel": to_excel,
    "js": to_javascript,
    "latex": to_latex,
    "python": to_python,
    "sql": to_sql,
    "sympy": to_sympy_script,
}
"""Formats by name, and what writes a formula in each."""
