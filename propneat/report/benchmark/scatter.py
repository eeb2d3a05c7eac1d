"""Pictures of what accuracy costs: the score against the size of the model, and against the time to fit."""

import numpy as np

from propneat.report.axes import Scale, linear_scale, log_scale
from propneat.report.benchmark.analysis import Analysis
from propneat.report.benchmark.cells import Cells
from propneat.report.benchmark.elements import quantity, score
from propneat.report.benchmark.figures import heading, label_of
from propneat.report.benchmark.metric import Metric
from propneat.report.drawing import (
    Dots,
    Drawing,
    Item,
    Marker,
    Segments,
    Text,
    line,
    method_role,
    method_shape,
    text_width,
)

__all__ = ["AXES", "COST_NAMES", "draw_cost", "grid", "legend", "value_range"]

_TITLES = {"n_parameters": "number of parameters", "size": "size of the model", "fit_seconds": "time to fit"}
AXES = {
    "n_parameters": "trainable parameters (log scale)",
    "size": "nodes of the formula, else parameters (log scale)",
    "fit_seconds": "seconds to fit one fold (log scale)",
}
COST_NAMES = {"n_parameters": "parameters", "size": "nodes or parameters", "fit_seconds": "seconds"}


def draw_cost(analysis: Analysis, measure: str) -> Drawing | None:
    """Draw the score against "n_parameters", "size" or "fit_seconds": a dot per data set and method, medians and quartiles
    as large marks.

    Methods without that measure are left out, with their names in the legend.
    """
    cells = analysis.cells
    metric, title = cells.metric, f"{cells.metric.label} against {_TITLES[measure]}"
    points = {method: _points(cells, method, measure) for method in range(len(cells.methods))}
    shown = [summary.method for summary in analysis.summary if len(points[summary.method])]
    if not shown:
        return None
    absent = [cells.methods[summary.method] for summary in analysis.summary if not len(points[summary.method])]
    everything = np.concatenate([points[method] for method in shown])
    labels = {method: label_of(cells.methods[method]) for method in shown}
    x_legend = 700.0
    width = x_legend + max([text_width(label, 12) for label in labels.values()] + [120]) + 60
    height = max(470.0, 90.0 + 22 * (len(shown) + (len(absent) > 0) * (len(absent) + 1)))
    x = log_scale(everything[:, 0].min(), everything[:, 0].max(), 70, x_legend - 30)
    y = linear_scale(*value_range(metric, everything[:, 1]), height - 62, 52, 7)
    items = [heading(title), *grid(x, y, AXES[measure], f"{metric.label}, {cells.statistic} over folds")]
    items += [Dots(tuple((x(a), y(b)) for a, b in points[method]), method_role(method), 4.5, 0.3) for method in shown]
    items += [item for method in shown[::-1] for item in _median(points[method], method, labels[method], x, y, measure, metric)]
    items += legend(shown, absent, labels, x_legend, measure)
    text = title + ", medians over data sets: " + "; ".join(
        f"{labels[method]} {quantity(float(np.median(points[method][:, 0])))} {COST_NAMES[measure]}, {metric.label} "
        f"{score(float(np.median(points[method][:, 1])))}"
        for method in shown
    )  # fmt: skip
    name = f"{metric.name}-{measure}".replace("_", "-")
    return Drawing(name, title, text, width, height, tuple(items))


def value_range(metric: Metric, values: np.ndarray) -> tuple[float, float]:
    """Return the ends of an axis for values, without those that are so low that they would hide the others."""
    low, high = float(values.min()), float(values.max())
    if metric.axis_low is not None and high > metric.axis_low:
        low = max(low, metric.axis_low)
    return low, high


def _points(cells: Cells, method: int, measure: str) -> np.ndarray:
    """Return (measure, score) of every data set that has both, shape (n, 2); only positive measures fit a log scale."""
    cost = cells.size if measure == "size" else cells.means[measure]
    pairs = np.stack([cost[:, method], cells.score[:, method]], axis=1)
    return pairs[np.isfinite(pairs).all(axis=1) & (pairs[:, 0] > 0)]


def grid(x: Scale, y: Scale, label: str, y_label: str, top: float | None = None) -> list[Item]:
    """Return tick lines, their labels, and the names of both axes; `top` is where `y` ends in the picture unless at its end."""
    items: list[Item] = []
    low, high = (y.start, y.end) if top is None else (y.end, top)
    for value, text in y.ticks:
        items += [line(x.start, y(value), x.end, y(value), "grid"), Text(x.start - 8, y(value) + 4, text, "soft", 11, "end")]
    for value, text in x.ticks:
        items += [line(x(value), high, x(value), low, "grid"), Text(x(value), low + 18, text, "soft", 11, "middle")]
    items += [line(x.start, low, x.end, low), line(x.start, low, x.start, high)]
    items.append(Text((x.start + x.end) / 2, low + 40, label, "soft", 12, "middle"))
    items.append(Text(22, (y.start + y.end) / 2, y_label, "soft", 12, "middle", rotation=90))
    return items


def _median(points: np.ndarray, method: int, label: str, x: Scale, y: Scale, measure: str, metric: Metric) -> list[Item]:
    """Return the medians of both axes as a mark, with the quartiles of the data sets as thin lines."""
    (x_low, y_low), (x_mid, y_mid), (x_high, y_high) = np.quantile(points, [0.25, 0.5, 0.75], axis=0)
    title = f"{label}: median {quantity(x_mid)} {COST_NAMES[measure]}, "
    title += f"median {metric.label} {score(y_mid)} over {len(points)} data sets"
    role = method_role(method)
    lines = ((x(x_low), y(y_mid), x(x_high), y(y_mid)), (x(x_mid), y(y_low), x(x_mid), y(y_high)))
    return [
        Segments(lines, role, 1.6, 0.7),
        Marker(x(x_mid), y(y_mid), method_shape(method), "paper", 17),
        Marker(x(x_mid), y(y_mid), method_shape(method), role, 12.5, title),
    ]


def legend(shown: list[int], absent: list[str], labels: dict[int, str], x: float, measure: str) -> list[Item]:
    """Return the names of methods in order of mean rank, and of those that cannot be shown."""
    items: list[Item] = [Text(x, 58, "by mean rank", "soft", 11)]
    y = 80.0
    for method in shown:
        items += [
            Marker(x + 6, y - 4, method_shape(method), method_role(method), 10),
            Text(x + 20, y, labels[method], "ink", 12),
        ]
        y += 22
    if absent:
        items.append(Text(x, y + 6, f"no {COST_NAMES[measure]} stored:", "soft", 11))
        items += [Text(x + 20, y + 28 + 20 * k, label_of(name), "soft", 12) for k, name in enumerate(absent)]
    return items
