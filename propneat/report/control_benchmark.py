"""What the control benchmark found, as a table, as CSV, and as curves. Reads its document only."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from propneat.base.records import format_csv

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["HEADS", "control_csv", "control_rows", "curves", "draw_control_benchmark"]

HEADS = ("environment", "method", "seeds", "solved", "steps to solve", "return at the end", "CPU seconds")
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#777777", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart with every common colour vision deficiency (Okabe and Ito 2008)."""
_POINTS = 200

Document = Mapping[str, Any]


def control_rows(document: Document) -> list[tuple[str, ...]]:
    """Return the table below `HEADS`, as texts."""
    return [_row(row, document["solved_at"][row["environment"]]) for row in document["rows"]]


def _row(row: Mapping[str, Any], solved_at: float | None) -> tuple[str, ...]:
    head = (row["environment"], row["method"])
    if not row["seeds"]:
        return (*head, "0", "-", f"{row['missing']} is not installed" if row["missing"] else "not run", "-", "-")
    steps = "-"
    if solved_at is not None:
        least = "" if row["solved"] == row["seeds"] else "at least "
        steps = least + _with_interval(row["steps_to_solve"], row["steps_to_solve_interval"], ",.0f")
    solved = "-" if solved_at is None else str(row["solved"])
    returned = _with_interval(row["final_return"], row["final_return_interval"], ".1f")
    return (*head, str(row["seeds"]), solved, steps, returned, f"{row['cpu_seconds']:.1f}")


def _with_interval(mean: float, interval: float | None, form: str) -> str:
    return format(mean, form) + ("" if interval is None else f" ± {interval:{form}}")


def control_csv(document: Document) -> str:
    """Return the rows of the document as CSV."""
    return format_csv(document["rows"], list(document["rows"][0]))


def curves(parts: Sequence[Mapping[str, Any]], most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return steps, (n,), the mean over parts of the return that the champion was judged by then, and two standard errors.

    A run that ended early stays where it ended. The first of the steps is the first by which all have a champion.
    """
    first = max(part["curve"][0][0] for part in parts)
    steps = np.linspace(first, max(most, first), _POINTS)
    known = [np.array(part["curve"], float) for part in parts]
    values = np.array([curve[np.searchsorted(curve[:, 0], steps, side="right") - 1, 1] for curve in known])
    spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(len(steps))
    return steps, values.mean(axis=0), 2 * spread / math.sqrt(len(values))


def draw_control_benchmark(document: Document) -> bytes:
    """Draw the judged return of the champion against steps, a panel an environment, as a PNG picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    environments = list(document["solved_at"])
    n_columns = math.ceil(math.sqrt(len(environments)))
    n_rows = -(-len(environments) // n_columns)
    figure = Figure(figsize=(4.2 * n_columns, 3.1 * n_rows + 0.4), dpi=110, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    places = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    methods = list(dict.fromkeys(row["method"] for row in document["rows"]))
    colours = {method: _COLOURS[k % len(_COLOURS)] for k, method in enumerate(methods)}
    for axes, name in zip(places, environments, strict=False):
        _panel(axes, document, name, colours)
    for axes in places[len(environments) :]:
        axes.set_axis_off()
    handles = {line.get_label(): line for axes in places for line in axes.get_lines() if line.get_label() in colours}
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=6, frameon=False, fontsize=9)
    picture = io.BytesIO()
    canvas.print_png(picture, metadata={"Software": None})
    return picture.getvalue()


def _panel(axes: "Axes", document: Document, name: str, colours: Mapping[str, str]) -> None:
    parts = [part for part in document["parts"] if part["part"]["environment"] == name]
    most = max([document["budget"][name], *(part["steps"] for part in parts)])
    for method, colour in colours.items():
        own = [part for part in parts if part["part"]["method"] == method]
        if not own:
            continue
        steps, mean, interval = curves(own, most)
        axes.plot(steps / 1000, mean, color=colour, label=method, linewidth=1.7)
        axes.fill_between(steps / 1000, mean - interval, mean + interval, color=colour, alpha=0.13, linewidth=0)
    if (solved_at := document["solved_at"][name]) is not None:
        axes.axhline(solved_at, color="#999999", linewidth=0.9, linestyle="--")
    axes.set_title(name, loc="left", fontsize=10.5)
    axes.set_xlabel("thousand steps in the environment", fontsize=8.5)
    axes.set_ylabel("return of the champion", fontsize=8.5)
    axes.tick_params(labelsize=8, color="#bbbbbb")
    axes.grid(color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
