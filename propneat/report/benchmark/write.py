"""The report on disk: one page, its Markdown and JSON twins, and the pictures as files."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from propneat import __version__
from propneat.base.records import write_atomic
from propneat.report.benchmark.analysis import Analysis, analyse
from propneat.report.benchmark.elements import Section, Table
from propneat.report.benchmark.figures import draw_effects, draw_pairs, draw_ranks
from propneat.report.benchmark.html import measured_on, render_html
from propneat.report.benchmark.json_form import make_json
from propneat.report.benchmark.latex import render_latex
from propneat.report.benchmark.markdown import render_markdown
from propneat.report.benchmark.metric import CLASSES, NUMBERS
from propneat.report.benchmark.rank_cost import draw_rank_cost
from propneat.report.benchmark.results import Results
from propneat.report.benchmark.scatter import draw_cost
from propneat.report.benchmark.sections import compose, compose_setting
from propneat.report.benchmark.strips import draw_folds
from propneat.report.drawing import Drawing, render_png, render_svg

__all__ = ["ReportPaths", "draw_all", "write_report"]


@dataclass(frozen=True)
class ReportPaths:
    """Where a report was written."""

    html: Path
    markdown: Path
    json: Path
    latex: Path
    figures: tuple[Path, ...]


def write_report(results: Results, folder: Path) -> ReportPaths:
    """Write report.html, report.md, report.json, tables.tex and figures/*.svg and *.png into `folder`, which is made if absent.

    The same results give the same bytes on one installation. Each file is written whole or not at all; report.html is the last.
    Raises OSError where the folder cannot be written.
    """
    parts = results.parts()
    analyses = [analyse(part) for part in parts]
    drawn = [draw_all(analysis) for analysis in analyses]
    composed = [compose(*each) for each in zip(parts, analyses, drawn, strict=True)]
    numbers = [make_json(part, analysis, __version__) for part, analysis in zip(parts, analyses, strict=True)]
    if len(parts) > 1:
        # what two kinds of tasks have in common goes by two names
        kinds = results.kinds
        drawn = [
            {f"{kind}-{name}": _named(kind, each) for name, each in own.items()} for kind, own in zip(kinds, drawn, strict=True)
        ]
        composed = [tuple(_of_kind(kind, section) for section in own) for kind, own in zip(kinds, composed, strict=True)]
        numbers = [{"schema": 2, "title": results.title, "kinds": dict(zip(kinds, numbers, strict=True))}]
    drawings = {name: drawing for own in drawn for name, drawing in own.items()}
    sections = (*(section for own in composed for section in own), *compose_setting(results))
    paths = ReportPaths(
        folder / "report.html",
        folder / "report.md",
        folder / "report.json",
        folder / "tables.tex",
        _figure_paths(folder, drawings),
    )
    pictures = folder / "figures"
    pictures.mkdir(parents=True, exist_ok=True)
    for drawing in drawings.values():
        write_atomic(pictures / f"{drawing.name}.svg", render_svg(drawing))
        write_atomic(pictures / f"{drawing.name}.png", render_png(drawing))
    write_atomic(paths.json, json.dumps(numbers[0], indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    write_atomic(paths.markdown, render_markdown(results.title, __version__, sections))
    write_atomic(paths.latex, render_latex(__version__, sections))
    write_atomic(
        paths.html, render_html(results.title, __version__, results.protocol, analyses, sections, measured_on(results))
    )
    return paths


def _named(kind: str, block: Drawing | Table) -> Drawing | Table:
    return replace(block, name=f"{kind}-{block.name}")


def _of_kind(kind: str, section: Section) -> Section:
    """Return a section of a page that has the same for another kind of task."""
    blocks = tuple(_named(kind, block) for block in section.blocks)
    return replace(section, name=f"{kind}-{section.name}", heading=f"{section.heading} ({kind})", blocks=blocks)


def draw_all(analysis: Analysis) -> dict[str, Drawing]:
    """Return all pictures that can be drawn, by name."""
    drawings = (
        draw_effects(analysis),
        draw_pairs(analysis),
        draw_ranks(analysis),
        draw_cost(analysis, "n_parameters" if analysis.cells.metric.kind == CLASSES else "size"),
        draw_cost(analysis, "fit_seconds"),
        *(draw_rank_cost(analysis, measure) for measure in ("size", "fit_seconds") if analysis.cells.metric.kind == NUMBERS),
        draw_folds(analysis),
    )
    return {drawing.name: drawing for drawing in drawings if drawing is not None}


def _figure_paths(folder: Path, drawings: dict[str, Drawing]) -> tuple[Path, ...]:
    return tuple(folder / "figures" / f"{name}.{kind}" for name in drawings for kind in ("svg", "png"))
