"""How a run in an environment went: returns and size against steps, as one picture of two panels."""

import io
import math
from collections.abc import Mapping, Sequence

__all__ = ["draw_control_progress"]

_BLUE, _ORANGE, _GREEN = "#0072b2", "#d55e00", "#009e73"


def draw_control_progress(history: Sequence[Mapping[str, float]]) -> bytes:
    """Draw the history of a run in an environment as a PNG picture, the same bytes for the same history and installation."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), dpi=110, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    steps = [row["env_steps"] for row in history]
    marker = "o" if len(steps) <= 40 else ""
    for key, label, colour in (
        ("best_fitness", "best of the generation", _BLUE),
        ("mean_fitness", "mean of the generation", _ORANGE),
        ("champion_return", "champion, judged apart", _GREEN),
    ):
        values = [row[key] if math.isfinite(row[key]) else math.nan for row in history]
        left.plot(steps, values, color=colour, label=label, linewidth=1.6, marker=marker, markersize=3)
    left.set_title("Mean return", loc="left", fontsize=11)
    left.legend(frameon=False, fontsize=8.5)
    for key, label, colour in (("n_connections", "connections", _BLUE), ("n_hidden", "hidden nodes", _ORANGE)):
        right.plot(steps, [row[key] for row in history], color=colour, label=label, linewidth=1.6, marker=marker, markersize=3)
    right.set_title("Champion's size", loc="left", fontsize=11)
    right.set_ylim(bottom=0)
    right.legend(frameon=False, fontsize=8.5)
    for axes in (left, right):
        axes.set_xlabel("steps in the environment", fontsize=9)
        axes.tick_params(labelsize=8.5, color="#bbbbbb")
        axes.grid(color="#e6e6e6", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    canvas.print_png(picture, metadata={"Software": None})
    return picture.getvalue()
