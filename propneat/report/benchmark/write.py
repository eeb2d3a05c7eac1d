"""The report on disk: one page, its Markdown and JSON twins, and the pictures as files."""

import json
from dataclasses import dataclass
from pathlib import Path

from propneat import __version__
from propneat.records import write_atomic
from propneat.report.benchmark.analysis import Analysis, analyse
from propneat.report.benchmark.drawing import Drawing, render_png, render_svg
from propneat.report.benchmark.figures import draw_effects, draw_pairs, draw_ranks
from propneat.report.benchmark.html import render_html
from propneat.report.benchmark.json_form import make_json
from propneat.report.benchmark.markdown import render_markdown
from propneat.report.benchmark.results import Results
from propneat.report.benchmark.scatter import draw_cost
from propneat.report.benchmark.sections import compose
from propneat.report.benchmark.strips import draw_folds

__all__ = ["ReportPaths", "draw_all", "write_report"]


@dataclass(frozen=True)
class ReportPaths:
    """Where a report was written."""

    html: Path
    markdown: Path
    json: Path
    figures: tuple[Path, ...]


def write_report(results: Results, folder: Path) -> ReportPaths:
    """Write report.html, report.md, report.json and figures/*.svg and *.png into `folder`, which is made if absent.

    The same results give the same bytes on one installation. Each file is written whole or not at all; report.html is the last.
    Raises OSError where the folder cannot be written.
    """
    analysis = analyse(results)
    drawings = draw_all(analysis)
    sections = compose(results, analysis, drawings)
    paths = ReportPaths(folder / "report.html", folder / "report.md", folder / "report.json", _figure_paths(folder, drawings))
    pictures = folder / "figures"
    pictures.mkdir(parents=True, exist_ok=True)
    for drawing in drawings.values():
        write_atomic(pictures / f"{drawing.name}.svg", render_svg(drawing))
        write_atomic(pictures / f"{drawing.name}.png", render_png(drawing))
    numbers = make_json(results, analysis, __version__)
    write_atomic(paths.json, json.dumps(numbers, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    write_atomic(paths.markdown, render_markdown(results.title, __version__, sections))
    write_atomic(paths.html, render_html(results.title, __version__, results.protocol, analysis, sections))
    return paths


def draw_all(analysis: Analysis) -> dict[str, Drawing]:
    """Return all pictures that can be drawn, by name."""
    drawings = (
        draw_effects(analysis),
        draw_pairs(analysis),
        draw_ranks(analysis),
        draw_cost(analysis, "n_parameters"),
        draw_cost(analysis, "fit_seconds"),
        draw_folds(analysis),
    )
    return {drawing.name: drawing for drawing in drawings if drawing is not None}


def _figure_paths(folder: Path, drawings: dict[str, Drawing]) -> tuple[Path, ...]:
    return tuple(folder / "figures" / f"{name}.{kind}" for name in drawings for kind in ("svg", "png"))
