"""The pictures of the control study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

__all__ = ["draw_comparison", "draw_evolution", "draw_robustness", "draw_trajectories"]

COLOURS = {
    "open loop": "#7f7f7f",
    "PI by hand": "#c7b299",
    "PI": "#bcbd22",
    "PID": "#1f77b4",
    "LQR": "#9467bd",
    "neural": "#d62728",
    "neural, online": "#ff9896",
    "evolved": "#2ca02c",
}


def draw_trajectories(path: Path, paths: Mapping[str, Mapping[str, list[float]]], wanted: list[float]) -> None:
    """Draw one noise seed of the script: true T_i, boron, the two actuators that answer, and fusion power by second.

    `paths` is controller -> quantity -> values per second; `wanted` is the set-point of T_i in keV.
    """
    figure = Figure((12, 9), layout="constrained")
    rows = (
        ("T_i", "ion temperature [keV]", 1, (285, 345)),
        ("n_B", "boron [1e12/cm³]", 100, (7.2, 8.4)),
        ("P_i", "ion heating [W/cm³]", 1, None),
        ("P_F", "fusion power [W/cm³]", 1, None),
    )
    panels = figure.subplots(len(rows), 1, sharex=True)
    for axes, (quantity, label, unit, limits) in zip(panels, rows, strict=True):
        for name, path_of in paths.items():
            axes.plot(unit * np.array(path_of[quantity]), color=COLOURS[name], linewidth=1.1, label=name)
        axes.axvspan(200, 220, color="#c7b299", alpha=0.25, linewidth=0)
        axes.axvline(120, color="grey", linestyle=":", linewidth=1)
        axes.set(ylabel=label, xlim=(0, len(wanted)))
        if limits:
            axes.set_ylim(*limits)
    panels[0].plot(wanted, color="black", linestyle="--", linewidth=1, label="wanted")
    panels[0].legend(fontsize=8, ncols=6, loc="lower right")
    panels[0].set_title(
        "The script, one noise seed: set-point at 20 s, τ_E falls by a fifth at 120 s (dotted), boron dust at 200 s (shaded)"
    )
    panels[-1].set_xlabel("time [s]")
    figure.savefig(path, dpi=110)


def draw_comparison(path: Path, script: Mapping[str, Mapping[str, list[float]]]) -> None:
    """Draw every noise seed of the script and the mean as a bar: error of T_i, cost, and moves of ion heating."""
    figure = Figure((13, 4.8), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    figures = (
        ("rms_T_i", "RMS error of T_i [keV]"),
        ("cost", "tracking cost"),
        ("moves_P_i", "total variation of ion heating [W/cm³]"),
    )
    names = [name for name in COLOURS if name in script]
    for axes, (key, label) in zip(panels, figures, strict=True):
        for place, name in enumerate(names):
            values = np.array(script[name][key])
            axes.barh(place, values.mean(), color=COLOURS[name], alpha=0.45)
            axes.plot(values, [place] * len(values), "o", color=COLOURS[name], markersize=3)
            axes.annotate(
                f"{values.mean():.3g}",
                (max(values.max(), 1e-9), place),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
        axes.set_xlabel(label)
        if key != "moves_P_i":
            axes.set_xscale("log")
        axes.set_xlim(right=axes.get_xlim()[1] * (1.25 if key == "moves_P_i" else 3))
    panels[0].set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    figure.suptitle("The script of 300 s on held-out noise: one dot per seed, bars are means")
    figure.savefig(path, dpi=110)


def draw_robustness(path: Path, results: Mapping[str, Mapping[str, Mapping[str, list[float]]]]) -> None:
    """Draw the mean RMS error of T_i, keV, of every controller in closed loop in every test, as a table of colours."""
    names = [name for name in COLOURS if name != "open loop"]
    values = np.array([[np.mean(found[name]["rms_T_i"]) for name in names] for found in results.values()])
    figure = Figure((10.5, 5.2), layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(np.log10(values), cmap="YlOrRd", aspect="auto")
    best = values.argmin(axis=1)
    for row, column in np.ndindex(*values.shape):
        weight = "bold" if best[row] == column else "normal"
        is_dark = np.log10(values[row, column]) > np.mean(shown.get_clim())
        axes.text(
            column,
            row,
            f"{values[row, column]:.2f}",
            ha="center",
            va="center",
            weight=weight,
            color="white" if is_dark else "black",
        )
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(results)), list(results))
    axes.set_title("RMS error of T_i [keV], mean over plants; the best of a row in bold. No controller was tuned on these")
    figure.savefig(path, dpi=110)


def draw_evolution(path: Path, tuning: Mapping[str, Any]) -> None:
    """Draw the cost on judging scenarios by simulated plant-seconds, and the evolving champion's size by generation."""
    figure = Figure((12, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    each, search = tuning["plant_seconds"]["each"], tuning["plant_seconds"]["search"]
    for name, checks in tuning["checks"].items():
        begin = search if name == "evolved" else 0
        left.semilogy(np.linspace(begin, each, len(checks)), checks, color=COLOURS[name], marker="o", markersize=3, label=name)
    rows = tuning["generations"]
    seconds = search * np.arange(1, len(rows) + 1) / len(rows)
    left.semilogy(
        seconds, [row["best_so_far"] for row in rows], color=COLOURS["evolved"], linestyle="--", label="evolved, search"
    )
    left.set(
        xlabel="simulated plant-seconds with gradients", ylabel="tracking cost on judging scenarios", title="One budget for all"
    )
    left.legend(fontsize=8)
    generations = np.arange(1, len(rows) + 1)
    for key, label in (("n_connections", "connections"), ("n_hidden", "hidden nodes"), ("n_layers", "layers")):
        right.plot(generations, [row[key] for row in rows], marker="o", markersize=3, label=label)
    right.set(xlabel="generation", ylabel="of the best genome so far", yscale="log", title="Topology found by evolution")
    right.legend(fontsize=8)
    figure.savefig(path, dpi=110)
