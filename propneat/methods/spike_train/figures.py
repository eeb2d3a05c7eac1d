"""The pictures of the native study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

__all__ = ["draw_correlation", "draw_curves", "draw_raster", "draw_terms"]

_COLOURS = {
    "recurrent": "#1f77b4",
    "recurrent, direct weights": "#17becf",
    "recurrent, no compensation": "#d62728",
    "recurrent, frozen": "#9467bd",
    "feed-forward": "#2ca02c",
    "recurrent, BPTT": "black",
}
_LINES = {
    "adjoint": "#1f77b4",
    "direct weights": "#17becf",
    "1 hop": "#2ca02c",
    "no compensation": "#d62728",
    "neither term": "#ff7f0e",
    "BPTT": "black",
}


def draw_raster(path: Path, trains: Mapping[str, list[list[int]]], title: str) -> None:
    """Draw the spikes of inputs, hidden and output cells for one example, lists of (step, cell)."""
    figure = Figure((9, 7), layout="constrained")
    panels = figure.subplots(len(trains), 1, sharex=True, height_ratios=[2, 3, 1])
    for axes, (name, spikes) in zip(panels, trains.items(), strict=True):
        steps, cells = np.array(spikes).reshape(-1, 2).T
        axes.plot(steps, cells, "|", color="black", markersize=4)
        axes.set_ylabel(f"{name}\ncell")
        axes.yaxis.get_major_locator().set_params(integer=True)
    panels[0].set_title(title)
    panels[-1].set_xlabel("step")
    figure.savefig(path, dpi=110)


def draw_correlation(path: Path, active: Mapping[str, Any]) -> None:
    """Draw what finite differences found over what gradients foresaw along directions, one panel per line."""
    figure = Figure((11, 7), layout="constrained")
    panels = figure.subplots(2, 3)
    for axes, (line, colour) in zip(panels.flat, _LINES.items(), strict=True):
        for foreseen, found, scale in zip(active["foreseen"][line], active["found"], active["scale"][line], strict=True):
            unit = np.std(found)
            axes.plot(np.array(foreseen) * scale / unit, np.array(found) / unit, ".", color=colour, alpha=0.6, markersize=6)
        axes.axline((0, 0), slope=1, color="grey", linewidth=1, linestyle=":")
        axes.set_title(f"{line}: r = {np.mean(active['correlation'][line]):.4f}", fontsize=11)
    figure.supxlabel("slope foreseen, scaled to fit each network")
    figure.supylabel("slope found by finite differences, in its standard deviations")
    figure.savefig(path, dpi=110)


def draw_terms(path: Path, gradients: Mapping[str, Any]) -> None:
    """Draw the correlation with finite differences by line and regime, and the truncation's error by hops."""
    figure = Figure((12, 5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[2, 1])
    titles = {"active": "all cells fire", "half_silent": "half of the cells silent"}
    for shift, (regime, title) in zip((-0.2, 0.2), titles.items(), strict=True):
        for place, (line, colour) in enumerate(_LINES.items()):
            values = gradients[regime]["correlation"][line]
            style = {"fill": regime == "active", "edgecolor": colour, "facecolor": colour, "alpha": 0.5, "width": 0.38}
            bar = left.bar(place + shift, 1 - np.mean(values), **style)
            left.plot([place + shift] * len(values), 1 - np.array(values), ".", color="black", markersize=5)
            if line == "BPTT":
                bar.set_label(title)
            left.annotate(
                f"{np.mean(values):.4f}", (place + shift, max(1 - np.array(values))), xytext=(0, 4), textcoords="offset points",
                ha="center", fontsize=8, rotation=90, va="bottom",
            )  # fmt: skip
    left.set_xticks(range(len(_LINES)), [line.replace(" ", "\n") for line in _LINES])
    left.set(yscale="log", ylabel="1 - correlation with finite differences (lower is better)")
    left.set_ylim(top=left.get_ylim()[1] * 4)
    left.set_title("Terms of the rule; bars are means over networks, with their correlation")
    left.legend(fontsize=9, loc="upper left")
    gaps = gradients["solve"]["gaps"]
    right.semilogy(range(len(gaps)), gaps, "o-", color="#1f77b4")
    right.set(xlabel="recurrent synapses that the truncated sum follows", ylabel="relative distance from the linear system")
    right.set_title("Gradient of recurrent weights")
    figure.savefig(path, dpi=110)


def draw_curves(path: Path, tasks: Mapping[str, Mapping[str, list[Mapping[str, Any]]]]) -> None:
    """Draw test accuracy by epoch of every arm, mean over seeds and each seed thin; a panel per task."""
    figure = Figure((6 * len(tasks), 5.2), layout="constrained")
    for axes, (title, runs) in zip(np.atleast_1d(figure.subplots(1, len(tasks))), tasks.items(), strict=True):
        for arm, found in runs.items():
            curves = np.array([run["accuracy"] for run in found])
            epochs = np.arange(1, curves.shape[1] + 1)
            axes.plot(epochs, curves.T, color=_COLOURS[arm], linewidth=0.6, alpha=0.5)
            label = f"{arm} ({curves[:, -1].mean():.3f})"
            axes.plot(epochs, curves.mean(axis=0), color=_COLOURS[arm], linewidth=2, label=label)
        axes.set(title=title, xlabel="epoch", ylabel="test accuracy (at the end in brackets)")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="lower right")
    figure.savefig(path, dpi=110)
