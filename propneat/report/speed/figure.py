"""A speed document as one picture, a panel for each part that was measured."""

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from propneat.base.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_speed"]

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
"""Colours told apart with every common colour vision deficiency (Okabe and Ito 2008)."""

Document = Mapping[str, Any]


def draw_speed(document: Document) -> bytes:
    """Draw a document of `propneat benchmark speed` as a PNG picture; raises DataError when no part of it can be drawn.

    Bars and points are medians over rounds, thin lines reach from the least to the most.
    """
    panels = [(draw, document[part]) for part, draw in _PANELS if document.get(part)]
    panels += [(_draw_quality, found) for found in document.get("quality", {}).get("sets", ())]
    if not panels:
        raise DataError(f"nothing of this document can be drawn: measure one of {', '.join(dict(_PANELS))}, quality")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    n_rows = 1 if len(panels) < 4 else 2
    n_columns = -(-len(panels) // n_rows)
    figure = Figure(figsize=(5.4 * n_columns, 4.3 * n_rows + 0.5), dpi=110, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for place, (draw, part) in zip(axes, panels, strict=False):
        draw(place, part)
    for place in axes[len(panels) :]:
        place.set_axis_off()
    environment = document["environment"]
    heading = f"propneat {environment['propneat']}, {environment['cpu']}, {environment['threads_per_worker']} threads"
    figure.suptitle(heading, x=0.012, ha="left", fontsize=12, fontweight="bold", color="#111111")
    picture = io.BytesIO()
    canvas.print_png(picture, metadata={"Software": None})
    return picture.getvalue()


def _style(axes: "Axes", title: str, x_label: str, y_label: str = "") -> None:
    axes.set_title(title, loc="left", fontsize=11, color="#222222")
    axes.set_xlabel(x_label, fontsize=9)
    axes.set_ylabel(y_label, fontsize=9)
    axes.tick_params(labelsize=8.5, color="#bbbbbb")
    axes.grid(color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#bbbbbb")


def _bar(axes: "Axes", place: float, spread: Mapping[str, float], height: float, colour: str, label: str | None = None) -> None:
    """Draw a lying bar from the left edge of a logarithmic axis to the median, and say it in figures."""
    reach = [[spread["median"] - spread["least"]], [spread["most"] - spread["median"]]]
    thin = {"linewidth": 1, "ecolor": "#222222"}
    axes.barh(place, spread["median"], height, color=colour, xerr=reach, error_kw=thin, label=label)
    axes.text(spread["most"], place, f"  {_seconds(spread['median'])}", va="center", fontsize=8, color="#222222")


def _on_lines(text: str) -> str:
    return text.replace(", ", ",\n")


def _seconds(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{1e6 * seconds:.3g} µs"
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _log_bars(axes: "Axes", values: list[float]) -> None:
    """Have a logarithmic x axis with room for the figures at the ends of bars."""
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 3, max(values) * 12)
    axes.grid(axis="y", visible=False)
    axes.invert_yaxis()


def _draw_engines(axes: "Axes", part: Document) -> None:
    shapes = part["shapes"]
    labels = [row["label"] for row in shapes[0]["engines"]]
    height = 0.8 / len(labels)
    for number, shape in enumerate(shapes):
        for k, row in enumerate(shape["engines"]):
            place = number + height * (k - (len(labels) - 1) / 2)
            _bar(axes, place, row["seconds_per_epoch"], height, _COLOURS[k], row["label"] if number == 0 else None)
    names = [f"{shape['inputs']} inputs\n{shape['connections']:.0f} conn.\n{shape['rows']:,} rows" for shape in shapes]
    axes.set_yticks(range(len(shapes)), names)
    _style(axes, f"One epoch of training {shapes[0]['genomes']} genomes", "seconds")
    _log_bars(axes, [row["seconds_per_epoch"]["median"] for shape in shapes for row in shape["engines"]])
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="lower right", bbox_to_anchor=(1.0, 1.05))


def _draw_peers(axes: "Axes", part: Document) -> None:
    rows = part["contestants"]
    for place, row in enumerate(rows):
        own = row["package"] == "propneat"
        _bar(axes, place, row["seconds_per_generation"], 0.6, _COLOURS[0] if own else _COLOURS[1])
    axes.set_yticks(range(len(rows)), [_on_lines(f"{row['label']}, {row['does']}") for row in rows])
    _style(axes, f"One generation of {part['population']}, {part['task']}", "seconds")
    _log_bars(axes, [row["seconds_per_generation"]["median"] for row in rows])


def _draw_steps(axes: "Axes", rows: list[Document], key: str, exponent: float) -> None:
    sizes = [row[key] for row in rows]
    for k, step in enumerate(rows[0]["steps_ms"]):
        medians = [row["steps_ms"][step]["median"] for row in rows]
        axes.plot(sizes, medians, "o-", color=_COLOURS[k + 1], linewidth=1.3, markersize=3.5, label=step)
    totals = [row["total_ms"] for row in rows]
    medians = [total["median"] for total in totals]
    reach = [[t["median"] - t["least"] for t in totals], [t["most"] - t["median"] for t in totals]]
    axes.errorbar(sizes, medians, reach, fmt="o-", color=_COLOURS[0], linewidth=2, markersize=4, label="together")
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
    axes.set_xticks([], minor=True)
    axes.text(0.98, 0.04, f"together ~ size^{exponent:.2f}", transform=axes.transAxes, ha="right", fontsize=9)
    axes.legend(frameon=False, fontsize=8)


def _draw_populations(axes: "Axes", part: Document) -> None:
    rows = part["populations"]
    _draw_steps(axes, rows, "genomes", part["populations_exponent"])
    _style(axes, f"All but training, {rows[0]['connections']:.0f} connections", "genomes", "ms a generation")


def _draw_genome_sizes(axes: "Axes", part: Document) -> None:
    rows = part["genome_sizes"]
    _draw_steps(axes, rows, "connections", part["genome_sizes_exponent"])
    _style(axes, f"All but training, {rows[0]['genomes']:,} genomes", "connections per genome", "ms a generation")


def _draw_depth(axes: "Axes", part: Document) -> None:
    depths = [entry["depth"] for entry in part["depths"]]
    for k, label in enumerate(part["line"]):
        spreads = [row["seconds_per_epoch"] for entry in part["depths"] for row in entry["engines"] if row["label"] == label]
        medians = [spread["median"] / spreads[0]["median"] for spread in spreads]
        text = f"{label}, {_seconds(spreads[0]['median'])} at depth {depths[0]}"
        axes.plot(depths, medians, "o-", color=_COLOURS[k], linewidth=1.8, markersize=4, label=text)
    axes.set_ylim(bottom=0)
    connections = part["depths"][0]["connections"]
    _style(axes, f"One epoch, {connections:.0f} connections in ever more layers", "hidden layers", "times the shallowest")
    axes.legend(frameon=False, fontsize=8)


def _draw_start_up(axes: "Axes", part: Document) -> None:
    rows = part["commands"]
    for place, row in enumerate(rows):
        _bar(axes, place, row["seconds"], 0.6, _COLOURS[2])
    axes.set_yticks(range(len(rows)), [_on_lines(row["label"]) for row in rows])
    _style(axes, "Start-up", "seconds")
    _log_bars(axes, [row["seconds"]["median"] for row in rows])


def _draw_large_data(axes: "Axes", part: Document) -> None:
    parts = (("when it begins", part["before_mib"]), ("the rows themselves", part["data_mib"]), ("at most", part["peak_mib"]))
    for place, (_, mebibytes) in enumerate(parts):
        axes.barh(place, mebibytes, 0.6, color=_COLOURS[6])
        axes.text(mebibytes, place, f"  {mebibytes:,.0f} MiB", va="center", fontsize=8)
    axes.set_yticks(range(len(parts)), [name for name, _ in parts])
    axes.set_xlim(0, 1.3 * max(mebibytes for _, mebibytes in parts))
    rows = f"{part['rows']:,} x {part['features']}, {part['genomes']} genomes"
    _style(axes, f"Memory, {rows}: {_seconds(part['seconds_per_epoch']['median'])} an epoch", "MiB")
    axes.invert_yaxis()


def _draw_quality(axes: "Axes", found: Document) -> None:
    rows = found["contestants"]
    own = [row for row in rows if row["package"] == "propneat"]
    others = [row for row in rows if row not in own]
    beside: dict[str, Any] = {"xytext": (5, -3), "va": "top"}
    # presets lie close together, so their names lean away from the line, and the others stay below
    leaning: dict[str, Any] = {"xytext": (0, 6), "va": "bottom", "rotation": 50}
    for group, colour, line, place in ((own, _COLOURS[0], "-", leaning), (others, _COLOURS[1], "none", beside)):
        times, scores = ([row[key]["median"] for row in group] for key in ("cpu_seconds", "auc"))
        axes.plot(times, scores, "o", color=colour, linestyle=line, linewidth=1.2, markersize=5)
        for row, seconds, score in zip(group, times, scores, strict=True):
            text = row["label"] if row in own else _on_lines(row["label"]).replace("histogram gradient", "histogram\ngradient")
            axes.annotate(text, (seconds, score), textcoords="offset points", fontsize=8, color=colour, **place)
    axes.set_xscale("log")
    axes.margins(x=0.3, y=0.25)
    _style(axes, f"{found['set']}, {found['rows']:,} x {found['inputs']}", "CPU seconds of a fit", "test AUC")


_PANELS: tuple[tuple[str, Callable[["Axes", Document], None]], ...] = (
    ("engines", _draw_engines),
    ("peers", _draw_peers),
    ("genetics", _draw_populations),
    ("genetics", _draw_genome_sizes),
    ("depth", _draw_depth),
    ("start-up", _draw_start_up),
    ("large-data", _draw_large_data),
)
