"""The front of a run as a picture: loss and score of the best network of every size."""

import io
import math
from collections.abc import Mapping, Sequence

__all__ = ["draw_front"]

_BLUE, _GREEN, _RED = "#0072b2", "#009e73", "#d55e00"


def draw_front(rows: Sequence[Mapping[str, float | None]], *, score_name: str, taken: int | None = None) -> bytes:
    """Draw the networks of a front as a PNG picture, the same bytes for the same rows and installation.

    A row per network has the keys connections, validation_loss, standard_error and validation_score; values that are None or
    not finite leave a gap. `score_name` says what the score is, for instance "AUC". The network of `taken` connections, the
    champion, is marked.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), dpi=110, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
    sizes = [max(float(row["connections"]), 0.8) for row in rows]
    losses, errors, scores = (_column(rows, name) for name in ("validation_loss", "standard_error", "validation_score"))
    left, right = figure.subplots(1, 2)
    left.errorbar(sizes, losses, errors, color=_BLUE, marker="o", markersize=4, linewidth=1.2, capsize=3, elinewidth=0.8)
    right.plot(sizes, scores, color=_GREEN, marker="o", markersize=4, linewidth=1.2)
    for k in [k for k, row in enumerate(rows) if row["connections"] == taken]:
        for panel, values in ((left, losses), (right, scores)):
            panel.plot(sizes[k], values[k], marker="D", markersize=8, color=_RED, linestyle="none", label="champion", zorder=5)
            panel.legend(frameon=False, fontsize=8)
    for panel, name in ((left, "loss, with its standard error"), (right, score_name)):
        panel.set_title(f"Validation {name}", loc="left", fontsize=10, fontweight="bold")
        panel.set_xscale("log")
        panel.set_xlabel("connections of the network")
        panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        panel.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:g}"[0] in "25" else "")
        panel.tick_params(which="both", labelsize=8)
        panel.grid(color="#dddddd", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    canvas.print_png(picture, metadata={"Software": None})
    return picture.getvalue()


def _column(rows: Sequence[Mapping[str, float | None]], name: str) -> list[float]:
    return [float(row[name]) if row[name] is not None and math.isfinite(row[name]) else math.nan for row in rows]
