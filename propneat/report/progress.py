"""How a run went, generation by generation, as one picture of six panels."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from propneat.base.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_progress"]

_BLUE, _ORANGE, _GREEN, _PINK, _GREY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#555555"
"""Colours told apart with every common colour vision deficiency (Okabe and Ito 2008)."""

_MARKED_ROWS = 40
"""Up to this many generations every one is marked with a dot; beyond, only those that no line reaches are."""


def draw_progress(
    history: Sequence[Mapping[str, float]], *, score_name: str = "score", each: int | None = None
) -> tuple[bytes, bytes]:
    """Draw a run's history as one picture in PNG and in SVG, the same bytes for the same history and installation.

    A row per generation has the keys generation, best_fitness, mean_fitness, n_species, validation_loss, validation_score,
    n_connections and n_hidden (of the champion) and seconds (elapsed since the start). A value that is missing, None or not
    finite leaves a gap. `score_name` says what the validation score is, for instance "AUC". Dashed lines stand between
    populations of `each` generations. Raises DataError when there is no row.
    """
    if not history:
        raise DataError("the history has no generation to draw; let the run finish at least one generation first")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6.2), dpi=110, facecolor="white", layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
    panels = figure.subplots(2, 3)
    generations = [float(row["generation"]) + 1 for row in history]
    figure.suptitle(_heading(history), x=0.012, ha="left", fontsize=12, fontweight="bold", color="#111111")
    divisor, unit = _time_unit(max((s for s in _column(history, "seconds") if math.isfinite(s)), default=0.0))
    elapsed = [seconds / divisor for seconds in _column(history, "seconds")]
    best, mean = _column(history, "best_fitness"), _column(history, "mean_fitness")
    score, loss = _column(history, "validation_score"), _column(history, "validation_loss")
    connections, hidden = _column(history, "n_connections"), _column(history, "n_hidden")
    species = _column(history, "n_species")
    _panel(panels[0, 0], "Fitness", "fitness", generations, [("best", best, _BLUE), ("mean", mean, _ORANGE)])
    _panel(panels[0, 1], "Champion on validation rows", _plain(score_name), generations, [("", score, _GREEN)])
    _panel(panels[0, 2], "Champion's validation loss", "loss", generations, [("", loss, _PINK)])
    sizes = [("connections", connections, _BLUE), ("hidden nodes", hidden, _ORANGE)]
    _panel(panels[1, 0], "Champion's size", "number of genes", generations, sizes, counts=True)
    _panel(panels[1, 1], "Species", "number of species", generations, [("", species, _GREEN)], counts=True)
    _panel(panels[1, 2], "Time", f"elapsed time ({unit})", generations, [("", elapsed, _GREY)])
    for edge in range(each or len(history), len(history), each or len(history)):
        for panel in panels.flat:
            panel.axvline(generations[edge] - 0.5, color="#999999", linewidth=0.9, linestyle=(0, (4, 3)))
    return _pictures(figure)


def _pictures(figure: "Figure") -> tuple[bytes, bytes]:
    """Return a figure as PNG and as SVG, laid out once, without its date and without names drawn by chance."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    dots, lines = io.BytesIO(), io.BytesIO()
    canvas = FigureCanvasAgg(figure)
    # what takes longest is finding room for all labels
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine("none")
    canvas.print_png(dots, metadata={"Software": None})
    with rc_context({"svg.hashsalt": "propneat"}):
        FigureCanvasSVG(figure).print_svg(lines, metadata={"Date": None, "Creator": None})
    return dots.getvalue(), lines.getvalue()


def _column(history: Sequence[Mapping[str, float]], name: str) -> list[float]:
    """Return a column with NaN for what is missing, None or not finite."""
    values = (row.get(name) for row in history)
    return [float(value) if value is not None and math.isfinite(value) else math.nan for value in values]


def _heading(history: Sequence[Mapping[str, float]]) -> str:
    n_rows = len(history)
    text = "1 generation" if n_rows == 1 else f"{n_rows} generations"
    seconds = [s for s in _column(history, "seconds") if math.isfinite(s)]
    if not seconds:
        return text
    divisor, unit = _time_unit(max(seconds))
    return f"{text} in {max(seconds) / divisor:.3g} {unit}"


def _time_unit(seconds: float) -> tuple[float, str]:
    """Return by what to divide seconds, and the unit that they are in then."""
    if seconds < 300:
        return 1.0, "s"
    return (60.0, "min") if seconds < 3 * 3600 else (3600.0, "h")


def _plain(text: str) -> str:
    """Return text that matplotlib shows as it is instead of reading dollar signs as mathematics."""
    return text.replace("$", r"\$")


def _marked(values: list[float]) -> list[int]:
    """Return the rows to mark with a dot: all of a short history, else those between two gaps."""
    if len(values) <= _MARKED_ROWS:
        return list(range(len(values)))
    padded = [math.nan, *values, math.nan]
    return [k for k in range(len(values)) if math.isnan(padded[k]) and math.isnan(padded[k + 2])]


def _panel(
    axes: "Axes",
    title: str,
    label: str,
    generations: list[float],
    lines: list[tuple[str, list[float], str]],
    *,
    counts: bool = False,
) -> None:
    """Draw the named, coloured lines against the generation; `counts` starts the axis at 0 and ticks whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    for name, values, colour in lines:
        marked = _marked(values)
        axes.plot(generations, values, color=colour, linewidth=1.8, marker="o", markersize=3.5, markevery=marked, label=name)
    first, last = min(generations), max(generations)
    margin = max(0.5, 0.03 * (last - first))
    axes.set_xlim(first - margin, last + margin)
    axes.set_title(title, loc="left", fontsize=11, color="#222222")
    axes.set_xlabel("generation", fontsize=9)
    axes.set_ylabel(label, fontsize=9)
    axes.tick_params(labelsize=8.5, color="#bbbbbb")
    axes.grid(color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#bbbbbb")
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, min_n_ticks=1))
    if counts:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.set_ylim(bottom=0, top=max(1.0, axes.get_ylim()[1]))
    if all(math.isnan(value) for _, values, _ in lines for value in values):
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", va="center", color="#888888", fontsize=10)
    elif len(lines) > 1:
        axes.legend(frameon=False, fontsize=9)
