"""Pictures made of few primitives, written as SVG whose text stays text, and as PNG of the same coordinates.

Colours are named by role, so that a page can set them for light and dark. Coordinates are pixels, x right and y down.
"""

import io
import warnings
from dataclasses import dataclass
from xml.sax.saxutils import escape

from propneat.genome.presentation import clean_text

__all__ = [
    "DARK", "LIGHT", "METHOD_COLOURS", "SHAPES", "Area", "Drawing", "Dots", "Marker", "Rect", "Segments", "Text", "format_colours",
    "line", "method_role", "method_shape", "render_png", "render_svg", "shorten", "text_width",
]  # fmt: skip

_BASE = {"ink": "#1f2933", "soft": "#5b6672", "grid": "#e4e8ec", "axis": "#98a2ad", "paper": "#ffffff"}
METHOD_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#b8860b", "#7d7d86")
LIGHT = {**_BASE, "good": "#0072b2", "bad": "#d55e00", "even": "#aab3bc", **{f"m{k}": c for k, c in enumerate(METHOD_COLOURS)}}
"""Roles on white paper: text, grid, a win, a loss, neither, and seven method colours near those of Okabe and Ito (2008)."""

_DARK_METHODS = ("#4aa8e0", "#f0874a", "#2fc79a", "#e29ac4", "#9ad4f5", "#e3b341", "#a9a9b3")
DARK = {
    "ink": "#e6eaee", "soft": "#a3adb8", "grid": "#2c343d", "axis": "#6a7581", "paper": "#14181d", "good": "#4aa8e0",
    "bad": "#f0874a", "even": "#66717c", **{f"m{k}": c for k, c in enumerate(_DARK_METHODS)},
}  # fmt: skip

SHAPES = ("circle", "square", "triangle", "diamond", "down")
_FONTS = "system-ui, 'Segoe UI', Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
_MATPLOTLIB_SHAPES = {"circle": "o", "square": "s", "triangle": "^", "diamond": "D", "down": "v"}
_PNG_SCALE, _TALL = 2, 6000.0


@dataclass(frozen=True)
class Segments:
    """Straight lines (x1, y1, x2, y2) of one role."""

    points: tuple[tuple[float, float, float, float], ...]
    role: str
    width: float = 1.0
    opacity: float = 1.0
    dashed: bool = False


@dataclass(frozen=True)
class Dots:
    """Round dots at (x, y); `size` is the diameter."""

    points: tuple[tuple[float, float], ...]
    role: str
    size: float
    opacity: float = 1.0


@dataclass(frozen=True)
class Marker:
    """One mark of a shape of SHAPES; `title` shows when pointed at."""

    x: float
    y: float
    shape: str
    role: str
    size: float
    title: str = ""


@dataclass(frozen=True)
class Rect:
    """A filled rectangle; `title` shows when pointed at."""

    x: float
    y: float
    width: float
    height: float
    role: str
    opacity: float = 1.0
    title: str = ""


@dataclass(frozen=True)
class Area:
    """A filled polygon through (x, y); `title` shows when pointed at."""

    points: tuple[tuple[float, float], ...]
    role: str
    opacity: float = 1.0
    title: str = ""


@dataclass(frozen=True)
class Text:
    """A line of text whose baseline starts, is centred or ends at (x, y), as `anchor` is "start", "middle" or "end"."""

    x: float
    y: float
    text: str
    role: str = "ink"
    size: float = 12.0
    anchor: str = "start"
    bold: bool = False
    rotation: int = 0
    """Degrees anticlockwise: 0 or 90."""


Item = Segments | Dots | Marker | Rect | Area | Text


@dataclass(frozen=True)
class Drawing:
    """A picture: `title` names it, `description` says for those who cannot see it what it shows."""

    name: str
    title: str
    description: str
    width: float
    height: float
    items: tuple[Item, ...]


def line(x1: float, y1: float, x2: float, y2: float, role: str = "axis", width: float = 1.0, dashed: bool = False) -> Segments:
    """Return a single straight line."""
    return Segments(((x1, y1, x2, y2),), role, width, dashed=dashed)


def method_role(method: int) -> str:
    """Return the colour role of a method; together with `method_shape` it is unique for 35 methods."""
    return f"m{method % len(METHOD_COLOURS)}"


def method_shape(method: int) -> str:
    """Return the marker shape of a method."""
    return SHAPES[method % len(SHAPES)]


def text_width(text: str, size: float = 12.0) -> float:
    """Return about how many pixels wide a text is, on the generous side."""
    return size * sum(
        1.0 if ord(c) > 0x2E80 else 0.34 if c in "iljtf.,:;|'! ()[]" else 0.86 if c in "mwMW@%" else 0.6 for c in text
    )


def shorten(text: str, n_characters: int) -> str:
    """Return clean text of at most `n_characters`, shortened in the middle."""
    text = clean_text(text)
    if len(text) <= n_characters:
        return text
    kept = n_characters - 1
    return text[: kept - kept // 2] + "…" + text[len(text) - kept // 2 :]


def format_colours(colours: dict[str, str], scope: str = "svg.chart") -> str:
    """Return the style sheet that gives roles their colours."""
    return "".join(f"{scope} .{role}{{color:{colour}}}" for role, colour in colours.items())


def render_svg(drawing: Drawing, standalone: bool = True) -> str:
    """Write a drawing as SVG: with its own light style as a file, or without, for a page that styles the roles."""
    name = drawing.name
    size = f'width="{_number(drawing.width)}" height="{_number(drawing.height)}"'
    opening = f'viewBox="0 0 {_number(drawing.width)} {_number(drawing.height)}" {size} class="chart" role="img"'
    if standalone:
        opening = f'xmlns="http://www.w3.org/2000/svg" {opening}'
    parts = [
        f'<svg {opening} aria-labelledby="{name}-title {name}-text" font-family="{_FONTS}">',
        f'<title id="{name}-title">{escape(clean_text(drawing.title))}</title>',
        f'<desc id="{name}-text">{escape(clean_text(drawing.description))}</desc>',
    ]
    if standalone:
        parts.append(f"<style>{format_colours(LIGHT)}</style>")
        parts.append('<rect class="paper" width="100%" height="100%" fill="currentColor"/>')
    parts += [_svg_item(item) for item in drawing.items]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _number(value: float) -> str:
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def _svg_item(item: Item) -> str:
    match item:
        case Segments():
            path = "".join(f"M{_number(a)} {_number(b)}L{_number(c)} {_number(d)}" for a, b, c, d in item.points)
            dashes = ' stroke-dasharray="4 3"' if item.dashed else ""
            return (
                f'<path class="{item.role}" d="{path}" stroke="currentColor" stroke-width="{_number(item.width)}" fill="none"'
                f"{_opacity(item.opacity)}{dashes}/>"
            )
        case Dots():
            path = "".join(f"M{_number(x)} {_number(y)}h0" for x, y in item.points)
            return (
                f'<path class="{item.role}" d="{path}" stroke="currentColor" stroke-width="{_number(item.size)}" '
                f'stroke-linecap="round" fill="none"{_opacity(item.opacity)}/>'
            )
        case Marker():
            return f'<path class="{item.role}" d="{_shape_path(item)}" fill="currentColor"{_close("path", item.title)}'
        case Rect():
            box = f'x="{_number(item.x)}" y="{_number(item.y)}" width="{_number(item.width)}" height="{_number(item.height)}"'
            return f'<rect class="{item.role}" {box} fill="currentColor"{_opacity(item.opacity)}{_close("rect", item.title)}'
        case Area():
            path = "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in item.points) + "z"
            return (
                f'<path class="{item.role}" d="{path}" fill="currentColor"{_opacity(item.opacity)}{_close("path", item.title)}'
            )
        case Text():
            x, y = _number(item.x), _number(item.y)
            turn = f' transform="rotate({-item.rotation} {x} {y})"' if item.rotation else ""
            style = "" if item.anchor == "start" else f' text-anchor="{item.anchor}"'
            style += ' font-weight="600"' if item.bold else ""
            return (
                f'<text class="{item.role}" x="{x}" y="{y}" font-size="{_number(item.size)}" fill="currentColor"{style}{turn}>'
                f"{escape(clean_text(item.text))}</text>"
            )


def _opacity(value: float) -> str:
    return "" if value >= 1 else f' opacity="{value:.2f}"'


def _close(tag: str, title: str) -> str:
    return f"><title>{escape(clean_text(title))}</title></{tag}>" if title else "/>"


def _shape_path(marker: Marker) -> str:
    x, y, r = marker.x, marker.y, marker.size / 2
    if marker.shape == "circle":
        arc = f"a{_number(r)} {_number(r)} 0 1 0"
        return f"M{_number(x - r)} {_number(y)}{arc} {_number(2 * r)} 0{arc} {_number(-2 * r)} 0z"
    corners = {
        "square": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        "triangle": [(0, -1.1), (1.1, 0.9), (-1.1, 0.9)],
        "diamond": [(0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)],
        "down": [(0, 1.1), (1.1, -0.9), (-1.1, -0.9)],
    }[marker.shape]
    return "M" + "L".join(f"{_number(x + r * dx)} {_number(y + r * dy)}" for dx, dy in corners) + "z"


def render_png(drawing: Drawing) -> bytes:
    """Write a drawing as PNG on white paper, the same bytes for the same drawing and installation.

    It has twice the drawing's size in pixels, or once where that would be very tall.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scale = _PNG_SCALE if drawing.height <= _TALL else 1
    figure = Figure(figsize=(drawing.width / 100, drawing.height / 100), dpi=100 * scale, facecolor=LIGHT["paper"])
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    axes.set_axis_off()
    for order, item in enumerate(drawing.items):
        _paint(axes, item, order)
    picture = io.BytesIO()
    with warnings.catch_warnings():
        # a name may hold characters that the font lacks; they show as boxes
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        canvas.print_png(picture, metadata={"Software": None})
    return picture.getvalue()


def _paint(axes: object, item: Item, order: int) -> None:
    """Add one primitive to matplotlib's axes; sizes are points there, of which 72 are 100 pixels."""
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Polygon, Rectangle

    colour, points = LIGHT[item.role], 0.72
    match item:
        case Segments():
            pairs = [((a, b), (c, d)) for a, b, c, d in item.points]
            dashes = (0, (4, 3)) if item.dashed else "solid"
            lines = LineCollection(
                pairs, colors=colour, linewidths=item.width * points, alpha=item.opacity, linestyles=[dashes]
            )
            axes.add_collection(lines, autolim=False)
            lines.set_zorder(order)
        case Dots():
            x, y = zip(*item.points, strict=True) if item.points else ((), ())
            axes.plot(
                x, y, "o", color=colour, markersize=item.size * points, markeredgewidth=0, alpha=item.opacity, zorder=order
            )
        case Marker():
            shape = _MATPLOTLIB_SHAPES[item.shape]
            axes.plot([item.x], [item.y], shape, color=colour, markersize=item.size * points, markeredgewidth=0, zorder=order)
        case Rect():
            box = Rectangle((item.x, item.y), item.width, item.height, facecolor=colour, alpha=item.opacity, linewidth=0)
            box.set_zorder(order)
            axes.add_patch(box)
        case Area():
            shape = Polygon(item.points, facecolor=colour, alpha=item.opacity, linewidth=0)
            shape.set_zorder(order)
            axes.add_patch(shape)
        case Text():
            place = {"start": "left", "middle": "center", "end": "right"}[item.anchor]
            axes.text(
                item.x, item.y, clean_text(item.text), color=colour, fontsize=item.size * points * 0.9, ha=place, va="baseline",
                fontweight="bold" if item.bold else "normal", rotation=item.rotation, rotation_mode="anchor", parse_math=False,
                family="DejaVu Sans", zorder=order,
            )  # fmt: skip
