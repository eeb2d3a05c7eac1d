"""The picture of SRBench: mean rank of every method against the median size of its models, or its median time to fit."""

import numpy as np

from propneat.report.axes import linear_scale, log_scale
from propneat.report.benchmark.analysis import Analysis, MethodSummary
from propneat.report.benchmark.elements import quantity
from propneat.report.benchmark.figures import heading, label_of
from propneat.report.benchmark.scatter import AXES, COST_NAMES, grid, legend
from propneat.report.drawing import Drawing, Item, Marker, Segments, method_role, method_shape, text_width

__all__ = ["draw_rank_cost"]

_TITLES = {"size": "Mean rank against median size of the model", "fit_seconds": "Mean rank against median time to fit"}


def draw_rank_cost(analysis: Analysis, measure: str) -> Drawing | None:
    """Draw one mark per method: mean rank, best at the top, against "size" or "fit_seconds", medians over data sets.

    A line joins the methods that no other beats in both. Methods without that measure are left out, with their names in the
    legend. None where fewer than two have it, or there are no ranks.
    """
    shown = [row for row in analysis.summary if getattr(row, measure) > 0 and np.isfinite(row.mean_rank)]
    if len(shown) < 2:
        return None
    cells = analysis.cells
    labels = {row.method: label_of(cells.methods[row.method]) for row in shown}
    absent = [cells.methods[row.method] for row in analysis.summary if row.method not in labels]
    x_legend = 700.0
    width = x_legend + max([text_width(label, 12) for label in labels.values()] + [120]) + 60
    height = max(470.0, 90.0 + 22 * (len(shown) + (len(absent) > 0) * (len(absent) + 1)))
    costs, ranks = [getattr(row, measure) for row in shown], [row.mean_rank for row in shown]
    x = log_scale(min(costs), max(costs), 70, x_legend - 30)
    y = linear_scale(min(ranks), max(ranks), 52, height - 62, 7)
    items: list[Item] = [heading(_TITLES[measure]), *grid(x, y, AXES[measure], "mean rank, best at the top", top=52.0)]
    front = _front(shown, measure)
    corners = zip(front, front[1:], strict=False)
    items.append(
        Segments(
            tuple((x(getattr(a, measure)), y(a.mean_rank), x(getattr(b, measure)), y(b.mean_rank)) for a, b in corners),
            "soft",
            1.2,
        )
    )
    for row in shown[::-1]:
        place = x(getattr(row, measure)), y(row.mean_rank)
        title = f"{labels[row.method]}: mean rank {row.mean_rank:.2f}, "
        title += f"median {quantity(getattr(row, measure))} {COST_NAMES[measure]}"
        shape = method_shape(row.method)
        items += [Marker(*place, shape, "paper", 17), Marker(*place, shape, method_role(row.method), 12.5, title)]
    items += legend([row.method for row in shown], absent, labels, x_legend, measure)
    text = f"{_TITLES[measure]}: " + "; ".join(
        f"{labels[row.method]} {row.mean_rank:.2f}, {quantity(getattr(row, measure))} {COST_NAMES[measure]}" for row in shown
    )
    return Drawing(f"rank-{measure.replace('_', '-')}", _TITLES[measure], text, width, height, tuple(items))


def _front(rows: list[MethodSummary], measure: str) -> list[MethodSummary]:
    """Return the methods of which no other is as cheap and better, cheapest first; the rows are in order of rank."""
    kept: list[MethodSummary] = []
    for row in rows:
        if not kept or getattr(row, measure) < getattr(kept[-1], measure):
            kept.append(row)
    return kept[::-1]
