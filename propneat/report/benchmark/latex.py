"""The tables of a report in LaTeX, to be included in a paper: booktabs, one table environment each."""

from propneat.genome.presentation import clean_text
from propneat.report.benchmark.elements import Cell, Section, Table

__all__ = ["render_latex"]

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_\allowbreak{}", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "−": "$-$", "×": r"$\times$", "≤": r"$\leq$", "≥": r"$\geq$", "∞": r"$\infty$", "²": r"\textsuperscript{2}", "χ": r"$\chi$",
    "†": r"\textdagger{}", "–": "--", "…": r"\dots{}", "±": r"$\pm$",
}  # fmt: skip
"""What LaTeX would take for something else, and what its plain fonts lack."""


def render_latex(version: str, sections: tuple[Section, ...]) -> str:
    """Return every table of a report that is not one of data sets, the same for the same report."""
    head = [f"% Tables of a benchmark, written by propneat {version}; needs the packages booktabs and graphicx."]
    tables = [block for section in sections for block in section.blocks if isinstance(block, Table) and not block.is_compact]
    return "\n\n".join([*head, *map(_table, tables)]) + "\n"


def _table(table: Table) -> str:
    sides = "".join("r" if column.is_number and k else "l" for k, column in enumerate(table.columns))
    lines = [
        r"\begin{table}",
        rf"\caption{{{_text(table.caption)}}}\label{{tab:{table.name}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{sides}}}",
        r"\toprule",
        " & ".join(_text(column.label) for column in table.columns) + r" \\",
        r"\midrule",
        *(_row(row) for row in table.rows),
        *([r"\midrule", *(_row(row) for row in table.totals)] if table.totals else []),
        r"\bottomrule",
        r"\end{tabular}}",
        *([rf"\par\smallskip{{\footnotesize {_text(table.note)}}}"] if table.note else []),
        r"\end{table}",
    ]
    return "\n".join(lines)


def _row(row: tuple[Cell, ...]) -> str:
    return " & ".join(_cell(cell) for cell in row) + r" \\"


def _cell(cell: Cell) -> str:
    text = _text(cell.text)
    text = rf"\textbf{{{text}}}" if "best" in cell.marks and text else text
    return f"{text} {_text(cell.detail)}" if cell.detail else text


def _text(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in clean_text(text))
