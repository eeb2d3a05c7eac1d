"""Figures of the native study."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from propneat.methods.forward_gradients.aggregators import expected_cosine, expected_length
from propneat.methods.forward_gradients.estimate_study import Moment

__all__ = ["draw_angles", "draw_champion", "draw_digits", "draw_estimates", "draw_functions"]

_COLOURS = {0: "black", 1: "#7f7f7f", 2: "#d95f02", 4: "#7570b3", 16: "#1b9e77", 64: "#1f78b4"}
_STYLES = {"single": "-", "mean": "-", "projection": "--", "backprop": ":"}
_MARKERS = {"single": "o", "mean": "o", "projection": "s", "backprop": "x"}


def _arm_style(arm: str) -> dict[str, Any]:
    """Colour by k, line by aggregator."""
    aggregator, _, k = arm.partition("-")
    style = {"color": _COLOURS[int(k or 0)], "linestyle": _STYLES[aggregator], "marker": _MARKERS[aggregator]}
    return {**style, "markersize": 4, "linewidth": 1.4, "label": f"{aggregator}, k = {k}" if k else "backpropagation"}


def _save(figure: Figure, folder: Path, name: str) -> str:
    figure.savefig(folder / name, dpi=110)
    return name


def draw_functions(tables: dict[str, dict[str, dict[str, list[float]]]], folder: Path) -> str:
    """Draw the mean best value of every arm against the dimension, a panel per function; returns the file's name."""
    figure = Figure(figsize=(13, 4.8), layout="constrained")
    panels = figure.subplots(1, 3)
    for panel, (name, table) in zip(panels, tables.items(), strict=True):
        dimensions = [int(n) for n in table]
        for arm in next(iter(table.values())):
            values = np.array([np.mean(row[arm]) for row in table.values()])
            shown = values / dimensions if name == "styblinski-tang" else np.maximum(values, 1e-12)
            panel.plot(dimensions, shown, **_arm_style(arm))
        panel.set_xscale("log", base=2)
        panel.set_xlabel("dimensions n")
        panel.grid(alpha=0.3)
        panel.set_title(name)
        if name == "styblinski-tang":
            panel.axhline(-39.166, color="black", linewidth=0.6)
            panel.set_ylabel("best value / n")
        else:
            panel.set_yscale("log")
            panel.set_ylabel("best value (1e-12 and less as 1e-12)")
    panels[0].legend(fontsize=8)
    return _save(figure, folder, "functions.png")


def draw_estimates(moments: Sequence[Moment], dimensions: Sequence[int], folder: Path) -> str:
    """Draw cosine and length against k, sampled (points, 3 standard errors) and closed (lines); returns the file's name."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    colours = {n: f"C{number}" for number, n in enumerate(dimensions)}
    for panel, quantity, closed in zip(
        figure.subplots(1, 2), ("cosine", "length"), (expected_cosine, expected_length), strict=True
    ):
        for n in dimensions:
            for aggregator, marker in (("mean", "o"), ("projection", "s")):
                found = [m for m in moments if (m.aggregator, m.n, m.quantity) == (aggregator, n, quantity)]
                ks = [m.k for m in found]
                panel.errorbar(
                    ks, [m.mean for m in found], [3 * m.error for m in found],
                    fmt=marker, color=colours[n], markersize=5, fillstyle="none" if aggregator == "mean" else "full",
                )  # fmt: skip
                grid = np.unique(np.geomspace(1, max(ks), 60).round().astype(int))
                label = f"{aggregator}, n = {n}"
                style = {"color": colours[n], "linestyle": _STYLES[aggregator], "label": label}
                panel.plot(grid, [closed(aggregator, n, int(k)) for k in grid], **style)
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        panel.set_xlabel("tangents k")
        panel.set_ylabel("cosine with the gradient" if quantity == "cosine" else "length / length of the gradient")
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    figure.suptitle("Estimates from Gaussian tangents: sampled (points) and closed form (lines)")
    return _save(figure, folder, "estimates.png")


def draw_angles(cosines: dict[str, list[float]], angles: Sequence[float], losses: dict[str, Any], folder: Path) -> str:
    """Draw cosine and Styblinski-Tang value against the angle of the tangents, n = 64; returns the file's name."""
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for arm, values in cosines.items():
        left.plot(angles, values, **_arm_style(arm))
    left.set_ylabel("cosine with the gradient")
    for arm, row in losses.items():
        right.plot([float(angle) for angle in row], [np.mean(values) for values in row.values()], **_arm_style(arm))
    right.set_ylabel("Styblinski-Tang, best value / n")
    for panel in (left, right):
        panel.set_xlabel("angle of the tangents to the first, degrees")
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8, loc="upper left" if panel is left else "upper right", ncols=2 if panel is left else 1)
    left.set_ylim(0, 1.3)
    return _save(figure, folder, "angles.png")


def draw_digits(rows: Sequence[dict[str, Any]], folder: Path) -> str:
    """Draw the test accuracy of every arm on every split, and its mean; returns the file's name."""
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    panel = figure.subplots()
    for position, arm in enumerate(arms):
        values = np.array([row["accuracy"] for row in rows if row["arm"] == arm])
        panel.plot(np.full(len(values), position), 100 * values, "o", color="C0", alpha=0.5, markersize=5)
        panel.plot([position - 0.25, position + 0.25], [100 * values.mean()] * 2, color="black", linewidth=2)
        panel.annotate(f"{100 * values.mean():.1f}", (position + 0.27, 100 * values.mean()), fontsize=9, va="center")
    panel.set_xticks(range(len(arms)), [arm.replace(", ", "\n") for arm in arms], fontsize=9)
    panel.set_xlim(-0.5, len(arms) - 0.2)
    panel.set_ylabel("test accuracy on digits, %")
    panel.set_title("Dense network 64-64: each split, and the mean")
    panel.grid(alpha=0.3, axis="y")
    return _save(figure, folder, "digits.png")


def draw_champion(curves: dict[str, Any], folder: Path) -> str:
    """Draw the training loss of the evolved network over the epochs of its tuning; returns the file's name."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    panel: Axes = figure.subplots()
    for arm, losses in curves["losses"].items():
        style = {**_arm_style(arm), "marker": None}
        style["label"] += f" (rate {curves['rates'][arm]:g})"
        panel.plot(losses, **style)
    panel.set_xlabel("epochs, one step each")
    panel.set_ylabel("training loss, nats")
    panel.set_title(f"An evolved network of {curves['n_numbers']} numbers, tuned from where evolution left it")
    panel.grid(alpha=0.3)
    panel.legend(fontsize=9)
    return _save(figure, folder, "champion.png")
