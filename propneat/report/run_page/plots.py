"""Small charts with two axes, made of the primitives of `propneat.report.drawing`: what the charts of a run have in common."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from propneat.report.axes import Scale
from propneat.report.drawing import Drawing, Item, Marker, Segments, Text, line, shorten, text_width

__all__ = ["HEIGHT", "WIDTH", "Plot", "finite_range"]

WIDTH, HEIGHT = 360.0, 280.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 14.0, 34.0, 46.0
_LEGEND = 18.0
_LARGEST, _LONGEST = 1e150, 7
"""The largest number that is drawn, and the most characters of one at an axis."""


@dataclass
class Plot:
    """A chart in the making: scales fit its frame, and what is drawn is added in order."""

    title: str
    x_label: str
    y_label: str
    items: list[Item] = field(default_factory=list)
    legend: list[tuple[str, str]] = field(default_factory=list)
    """Role and text of every entry."""
    width: float = WIDTH
    height: float = HEIGHT

    @property
    def across(self) -> tuple[float, float]:
        """The pixels from left to right."""
        return _LEFT, self.width - _RIGHT

    @property
    def up(self) -> tuple[float, float]:
        """The pixels from bottom to top."""
        return self.height - _BOTTOM, _TOP

    def path(self, x: Sequence[float], y: Sequence[float], role: str, width: float = 2.0, dashed: bool = False) -> None:
        """Add a line through points given in pixels; one that is not finite leaves a gap."""
        points = list(zip(x, y, strict=True))
        pairs = [(*a, *b) for a, b in zip(points, points[1:], strict=False) if np.isfinite([*a, *b]).all()]
        if pairs:
            self.items.append(Segments(tuple(pairs), role, width, dashed=dashed))

    def mark(self, x: float, y: float, role: str, title: str, shape: str = "circle", size: float = 7.0) -> None:
        """Add a mark at a point given in pixels, which says `title` when pointed at."""
        self.items.append(Marker(x, y, shape, role, size, title))

    def drawing(self, name: str, description: str, x: Scale, y: Scale) -> Drawing:
        """Return the finished chart with its axes below what was added."""
        left, right = self.across
        low, high = self.up
        axes: list[Item] = [Text(left - 46, 17, shorten(self.title, 46), "ink", 13, bold=True)]
        for value, text in _short(y):
            axes += [line(left, y(value), right, y(value), "grid"), Text(left - 7, y(value) + 4, text, "soft", 11, "end")]
        end = -np.inf
        for value, text in _short(x):
            place, half = x(value), text_width(text, 11) / 2
            if place - half > end + 4:
                axes += [line(place, low, place, low + 4), Text(place, low + 17, text, "soft", 11, "middle")]
                end = place + half
        axes.append(line(left, low, right, low))
        axes.append(Text((left + right) / 2, self.height - 10, shorten(self.x_label, 46), "soft", 11.5, "middle"))
        axes.append(Text(13, (low + high) / 2, shorten(self.y_label, 34), "soft", 11.5, "middle", rotation=90))
        key, place = [], left
        rows = 0
        for role, text in self.legend:
            shown = shorten(text, 26)
            if place + 22 + text_width(shown, 11) > self.width and place > left:
                place, rows = left, rows + 1
            level = self.height + 10 + rows * _LEGEND
            key += [line(place, level - 4, place + 14, level - 4, role, 3.0), Text(place + 19, level, shown, "soft", 11)]
            place += 34 + text_width(shown, 11)
        height = self.height + (_LEGEND * (rows + 1) if self.legend else 0)
        return Drawing(name, self.title, description, self.width, height, (*axes, *self.items, *key))


def _short(scale: Scale) -> list[tuple[float, str]]:
    """Return the ticks of a scale, long numbers in powers of ten."""
    return [(value, text if len(text) <= _LONGEST else f"{value:.3g}") for value, text in scale.ticks]


def finite_range(*values: Sequence[float]) -> tuple[float, float]:
    """Return the least and the largest of some numbers that can be drawn, 0 and 1 where there is none."""
    everything = np.concatenate([np.asarray(each, dtype=np.float64).ravel() for each in values])
    finite = everything[np.abs(everything) < _LARGEST]
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
