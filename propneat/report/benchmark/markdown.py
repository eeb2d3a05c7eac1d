"""A report as Markdown, with pictures beside it in `figures/`."""

import re

from propneat.genome.presentation import clean_text
from propneat.report.benchmark.elements import Cell, Section, Table
from propneat.report.drawing import Drawing

__all__ = ["render_markdown"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&])")


def render_markdown(title: str, version: str, sections: tuple[Section, ...]) -> str:
    """Return the report as GitHub-flavoured Markdown, the same for the same report."""
    parts = [f"# {_text(title)}"]
    for section in sections:
        parts.append(f"## {_text(section.heading)}")
        parts += [_text(paragraph) for paragraph in section.paragraphs]
        if section.reading:
            parts.append("\n>\n".join(f"> {_text(text)}" for text in section.reading))
        for block in section.blocks:
            parts.append(_figure(block) if isinstance(block, Drawing) else _table(block))
    parts.append(f"Written by propneat {_text(version)}. The same numbers are in `report.json`.")
    return "\n\n".join(parts) + "\n"


def _text(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", clean_text(text))


def _figure(drawing: Drawing) -> str:
    return f"![{_text(drawing.description)}](figures/{drawing.name}.svg)"


def _table(table: Table) -> str:
    lines = [
        "| " + " | ".join(_text(column.label) for column in table.columns) + " |",
        "|" + "|".join("---:" if column.is_number and k else "---" for k, column in enumerate(table.columns)) + "|",
        *("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in (*table.rows, *table.totals)),
    ]
    parts = [f"**{_text(table.caption)}**", "\n".join(lines)]
    return "\n\n".join([*parts, f"*{_text(table.note)}*"] if table.note else parts)


def _cell(cell: Cell) -> str:
    text = f"**{_text(cell.text)}**" if "best" in cell.marks and cell.text else _text(cell.text)
    return f"{text} {_text(cell.detail)}" if cell.detail else text
