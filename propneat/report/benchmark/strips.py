"""A picture of every fold: one small panel per data set, one row per method."""

import numpy as np

from propneat.report.axes import Scale, linear_scale
from propneat.report.benchmark.analysis import Analysis
from propneat.report.benchmark.elements import plural
from propneat.report.benchmark.figures import heading, label_of
from propneat.report.benchmark.metric import Metric
from propneat.report.benchmark.scatter import value_range
from propneat.report.drawing import Dots, Drawing, Item, Rect, Segments, Text, method_role, shorten, text_width

__all__ = ["draw_folds"]

_PANELS_ACROSS, _PANEL, _GAP = 4, 222.0, 26.0
_ROW = 12.0
_MOST_PANELS, _MOST_DOTS = 120, 30
"""Data sets beyond the first bound have no panel; cells of more folds than the second show range and quartiles instead."""


def draw_folds(analysis: Analysis) -> Drawing | None:
    """Draw the score of every fold: dots, or range and quartiles where there are many, and a tick at the mean.

    Each panel has an axis of its own; methods have the same row everywhere, in order of mean rank.
    """
    cells = analysis.cells
    measured = np.flatnonzero(cells.is_measured)
    datasets = measured[:_MOST_PANELS]
    if not len(datasets):
        return None
    order = [summary.method for summary in analysis.summary if not cells.published[summary.method]]
    names = [label_of(cells.methods[method]) for method in order]
    left = max(text_width(name, 10.5) for name in names) + 26
    panel_height = _ROW * len(order) + 58
    n_across = min(_PANELS_ACROSS, len(datasets))
    n_down = -(-len(datasets) // n_across)
    width, height = max(left + n_across * (_PANEL + _GAP), 640.0), 46 + n_down * panel_height
    values = _split_folds(analysis)
    more = len(measured) - len(datasets)
    title = f"{cells.metric.label} of every fold" + (f", first {len(datasets)} of {len(measured)} data sets" if more else "")
    items: list[Item] = [heading(title)]
    marks = _Marks(len(cells.methods))
    for place, dataset in enumerate(datasets.tolist()):
        x, y = left + (place % n_across) * (_PANEL + _GAP), 46 + (place // n_across) * panel_height
        if place % n_across == 0:
            items += [Text(left - 10, y + 30 + _ROW * k, name, "soft", 10.5, "end") for k, name in enumerate(names)]
        scale = _panel_scale(cells.metric, values[dataset], x)
        items += _panel_frame(cells.datasets[dataset].name, scale, x, y, len(order), cells.metric.constant)
        for k, method in enumerate(order):
            marks.add(method, values[dataset].get(method), scale, y + 26 + _ROW * k)
    items += marks.items()
    text = f"{title}, {plural(len(cells.folds.score), 'usable fold')} of {plural(len(measured), 'data set')} in all."
    return Drawing("folds", title, text, width, height, tuple(items))


def _split_folds(analysis: Analysis) -> list[dict[int, np.ndarray]]:
    """Return for each data set the scores of its folds by method."""
    cells = analysis.cells
    place = cells.folds.dataset * len(cells.methods) + cells.folds.method
    starts = np.searchsorted(place, np.arange(cells.planned.size + 1))
    values: list[dict[int, np.ndarray]] = [{} for _ in cells.datasets]
    for k in np.flatnonzero(np.diff(starts)).tolist():
        values[k // len(cells.methods)][k % len(cells.methods)] = cells.folds.score[starts[k] : starts[k + 1]]
    return values


def _panel_scale(metric: Metric, values: dict[int, np.ndarray], x: float) -> Scale:
    return linear_scale(*value_range(metric, np.concatenate(list(values.values()))), x, x + _PANEL, 3)


def _panel_frame(name: str, scale: Scale, x: float, y: float, n_rows: int, constant: float | None) -> list[Item]:
    """Return a panel's name, pale ground, tick lines and their labels."""
    bottom = y + 20 + _ROW * n_rows
    items: list[Item] = [
        Text(x, y + 12, shorten(name, 32), "ink", 11, bold=True),
        Rect(x, y + 18, _PANEL, bottom - y - 18, "grid", 0.3),
    ]
    ticks = scale.ticks
    items.append(Segments(tuple((scale(value), y + 18, scale(value), bottom) for value, _ in ticks), "grid", 1))
    items += [Text(scale(value), bottom + 12, text, "soft", 9.5, "middle") for value, text in ticks]
    if constant is not None and scale.low < constant < scale.high:
        items.append(Segments(((scale(constant), y + 18, scale(constant), bottom),), "axis", 1, dashed=True))
    return items


class _Marks:
    """Collects the marks of all panels by method, so that each method is one path and the picture stays small."""

    def __init__(self, n_methods: int) -> None:
        """Begin without marks."""
        self._dots: list[dict[tuple[float, float], None]] = [{} for _ in range(n_methods)]
        self._thin: list[list[tuple[float, float, float, float]]] = [[] for _ in range(n_methods)]
        self._thick: list[list[tuple[float, float, float, float]]] = [[] for _ in range(n_methods)]
        self._means: list[tuple[float, float, float, float]] = []
        self._crosses: list[tuple[float, float, float, float]] = []

    def add(self, method: int, values: np.ndarray | None, scale: Scale, y: float) -> None:
        """Add one row: `values` are the scores of the folds, None where there is none."""
        if values is None:
            x = scale.start + 8
            self._crosses += [(x - 3, y - 3, x + 3, y + 3), (x - 3, y + 3, x + 3, y - 3)]
            return
        if len(values) <= _MOST_DOTS:
            self._dots[method].update(((round(scale(value), 1), y), None) for value in values.tolist())
        else:
            low, first, third, high = (scale(value) for value in np.quantile(values, [0, 0.25, 0.75, 1]).tolist())
            self._thin[method].append((low, y, high, y))
            self._thick[method].append((first, y, third, y))
        x = scale(float(values.mean()))
        self._means.append((x, y - 4.5, x, y + 4.5))

    def items(self) -> list[Item]:
        """Return all marks, means last, over the others."""
        made: list[Item] = []
        for method, (dots, thin, thick) in enumerate(zip(self._dots, self._thin, self._thick, strict=True)):
            role = method_role(method)
            made += [Segments(tuple(thin), role, 1.4, 0.8)] if thin else []
            made += [Segments(tuple(thick), role, 5, 0.8)] if thick else []
            made += [Dots(tuple(dots), role, 5, 0.6)] if dots else []
        return [*made, Segments(tuple(self._means), "ink", 1.8), Segments(tuple(self._crosses), "soft", 1.2)]
