"""A report as one HTML page that loads nothing: pictures, style and script are inside."""

import re
from collections.abc import Sequence
from html import escape

from propneat.genome.presentation import clean_text
from propneat.report.benchmark.analysis import Analysis
from propneat.report.drawing import Drawing, render_svg
from propneat.report.benchmark.elements import Cell, Column, Section, Table, plural
from propneat.report.benchmark.page import SCRIPT, STYLE

__all__ = ["render_html"]

_PLAIN = re.compile(r"\d+(\.\d+)?")
"""Text that the page's script sorts by as it is."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def render_html(title: str, version: str, protocol: str, analyses: Sequence[Analysis], sections: tuple[Section, ...]) -> str:
    """Return the page as text, the same for the same report."""
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{_text(title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        f'<a class="skip" href="#{sections[0].name}">Skip to the report</a>',
        *_header(title, protocol, analyses),
        '<nav aria-label="Contents"><ol>',
        *(f'<li><a href="#{section.name}">{_text(section.heading)}</a></li>' for section in sections),
        "</ol></nav>",
        "<main>",
        *(line for section in sections for line in _section(section)),
        "</main>",
        f"<footer>Written by propneat {_text(version)}. The same numbers are in report.json.</footer>",
        f"<script>{SCRIPT}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _text(text: str) -> str:
    return escape(clean_text(text), quote=True)


def _prose(text: str) -> str:
    """Return text that does not break within "p < 0.05"."""
    return _text(text).replace("p &lt; ", "p&nbsp;&lt;&nbsp;").replace("p = ", "p&nbsp;=&nbsp;")


def _header(title: str, protocol: str, analyses: Sequence[Analysis]) -> list[str]:
    """Return the title and the numbers that say how much there is."""
    everything = [analysis.cells for analysis in analyses]
    n_families = len({dataset.family for cells in everything for dataset in cells.datasets})
    n_datasets = sum(len(cells.datasets) for cells in everything)
    n_methods = len({method for cells in everything for method in cells.methods})
    usable, planned = (
        sum(cells.n_usable_tasks for cells in everything),
        sum(int(cells.planned.sum()) for cells in everything),
    )
    facts = (
        (str(n_methods), "method" if n_methods == 1 else "methods"),
        (
            str(n_datasets),
            f"data set{'' if n_datasets == 1 else 's'} in {n_families} famil{'y' if n_families == 1 else 'ies'}",
        ),
        (f"{usable:,}", f"usable of {plural(planned, 'task')}"),
        (protocol, "protocol"),
    )
    items = [f"<div><dt>{_text(label)}</dt><dd>{_text(value)}</dd></div>" for value, label in facts]
    return ["<header>", f"<h1>{_text(title)}</h1>", '<dl class="facts">', *items, "</dl>", "</header>"]


def _section(section: Section) -> list[str]:
    parts = [f'<section id="{section.name}" aria-labelledby="{section.name}-heading">']
    parts.append(f'<h2 id="{section.name}-heading">{_text(section.heading)}</h2>')
    parts += [f"<p>{_prose(paragraph)}</p>" for paragraph in section.paragraphs]
    if section.reading:
        lines = [f"<p>{_prose(text)}</p>" for text in section.reading]
        parts += ['<aside class="reading" aria-label="How to read this">', *lines, "</aside>"]
    for block in section.blocks:
        parts += _figure(block) if isinstance(block, Drawing) else _table(block)
    return [*parts, "</section>"]


def _figure(drawing: Drawing) -> list[str]:
    frame = f'<div class="scroll" tabindex="0" role="group" aria-label="{_text(drawing.title)}">'
    return [f'<figure id="figure-{drawing.name}">', frame, render_svg(drawing, standalone=False), "</div>", "</figure>"]


def _table(table: Table) -> list[str]:
    classes, frame = ("compact", "scroll tall") if table.is_compact else ("plain", "scroll")
    parts = [
        f'<div class="{frame}" tabindex="0" role="group" aria-label="{_text(table.caption)}">',
        f'<table id="table-{table.name}" class="sortable {classes}">',
        f"<caption>{_text(table.caption)}</caption>",
        f"<thead><tr>{''.join(_heading(column) for column in table.columns)}</tr></thead>",
        "<tbody>",
        *(_row(row, table) for row in table.rows),
        "</tbody>",
    ]
    if table.totals:
        parts += ["<tfoot>", *(_row(row, table) for row in table.totals), "</tfoot>"]
    parts += ["</table>", "</div>"]
    return [*parts, f'<p class="note">{_prose(table.note)}</p>'] if table.note else parts


def _heading(column: Column) -> str:
    side = ' class="n"' if column.is_number else ""
    title = f' title="{_text(column.title)}"' if column.title else ""
    # a long name may break at its underscores
    return f'<th scope="col"{side}{title}>{_text(column.label).replace("_", "_<wbr>")}</th>'


def _row(row: tuple[Cell, ...], table: Table) -> str:
    # the style sheet aligns compact tables as a whole, which keeps the page small
    aligned = [column.is_number and not table.is_compact for column in table.columns]
    cells = [_cell(cell, right, k == 0) for k, (cell, right) in enumerate(zip(row, aligned, strict=True))]
    return f"<tr>{''.join(cells)}</tr>"


def _cell(cell: Cell, is_right: bool, is_first: bool) -> str:
    classes = " ".join([*(("n",) if is_right and not is_first else ()), *cell.marks])
    attributes = f' class="{classes}"' if classes else ""
    if cell.value is not None and (cell.detail or not _PLAIN.fullmatch(cell.text)):
        attributes += f' data-v="{cell.value:.6g}"'
    if cell.title or is_first:
        attributes += f' title="{_text(cell.title or cell.text)}"'
    text = _text(cell.text) + (f"<small>{_text(cell.detail)}</small>" if cell.detail else "")
    return f'<th scope="row"{attributes}>{text}</th>' if is_first else f"<td{attributes}>{text}</td>"
