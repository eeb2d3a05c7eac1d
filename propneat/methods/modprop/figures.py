"""The pictures of the native study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["draw_alignment", "draw_curves", "draw_digits", "draw_hops"]

LABELS = {
    "bptt": "BPTT",
    "e-prop": "e-prop",
    "mdgl": "MDGL",
    "modprop-cells": "ModProp, cell-specific W",
    "modprop-types": "ModProp, type-averaged W",
    "modprop-cells-receiver": "ModProp, cell-specific W, receiver's h kept",
    "modprop-types-receiver": "ModProp, type-averaged W, receiver's h kept",
}
_STYLES = {
    "bptt": ("black", "-"),
    "e-prop": ("#d62728", "-"),
    "mdgl": ("#9467bd", "-"),
    "modprop-cells": ("#1f77b4", "-"),
    "modprop-types": ("#2ca02c", "-"),
    "modprop-cells-receiver": ("#1f77b4", "--"),
    "modprop-types-receiver": ("#2ca02c", "--"),
}

_HIGHEST_LOSS = 1.4


def draw_curves(path: Path, curves: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw the cross entropy on test trials by update: the mean over seeds of every rule, and every seed of four rules."""
    figure = Figure((12, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for name, curve in curves.items():
        colour, line = _STYLES[name]
        left.plot(curve["updates"], np.mean(curve["loss"], axis=1), line, color=colour, label=LABELS[name])
        if name in ("bptt", "e-prop", "modprop-cells", "modprop-types"):
            right.plot(curve["updates"], curve["loss"], color=colour, alpha=0.7, linewidth=1)
    for axes, title in ((left, "mean over seeds"), (right, "every seed of four rules")):
        axes.axhline(np.log(2), color="grey", linestyle=":", linewidth=1)
        axes.set(xlabel="update", title=f"Delayed XOR, {title}", ylim=(0, _HIGHEST_LOSS))
    left.legend(fontsize=8, loc="upper right")
    peaks = {name: np.max(curve["loss"]) for name, curve in curves.items()}
    beyond = [f"{LABELS[name]}: {peak:.3g}" for name, peak in peaks.items() if peak > _HIGHEST_LOSS]
    if beyond:
        box = {"facecolor": "white", "edgecolor": "lightgrey"}
        text = "highest of a seed, beyond the frame\n" + "\n".join(beyond)
        right.text(0.98, 0.97, text, fontsize=8, ha="right", va="top", transform=right.transAxes, bbox=box)
    left.set_ylabel("cross entropy on test trials [nats] (dotted: chance)")
    figure.savefig(path, dpi=110)


def draw_alignment(path: Path, updates: list[int], alignment: Mapping[str, np.ndarray]) -> None:
    """Draw cosines with BPTT's gradient of W, arrays (n_checks, n_seeds): by update for every rule, and by slope."""
    figure = Figure((12, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in (name for name in LABELS if name in alignment):
        colour, line = _STYLES[name]
        _draw_mean(left, updates, alignment[name], color=colour, linestyle=line, label=LABELS[name])
    left.set(
        xlabel="update of training by BPTT", ylabel="cosine with BPTT's gradient of W, mean ± s.e.", title="Gradient alignment"
    )
    left.legend(fontsize=8)
    slopes = (0.1, 0.25, 0.5, 1.0)
    for name in ("modprop-cells", "modprop-types"):
        by_slope = np.array([alignment[name if slope == 0.25 else f"{name}, mu {slope}"][1:].mean(axis=0) for slope in slopes])
        _draw_mean(right, slopes, by_slope, color=_STYLES[name][0], marker="o", label=LABELS[name])
    right.axhline(alignment["e-prop"][1:].mean(), color=_STYLES["e-prop"][0], label="e-prop (slope 0)")
    right.set(xlabel="constant slope μ", ylabel="cosine, mean of all checks after the first", title="Sensitivity to the slope")
    right.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def _draw_mean(axes: Axes, x: Any, values: np.ndarray, **style: Any) -> None:
    """Draw the mean over the last axis with its standard error as a band."""
    mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1]) if values.shape[1] > 1 else 0
    axes.plot(x, mean, **style)
    axes.fill_between(x, mean - error, mean + error, color=style["color"], alpha=0.12, linewidth=0)


def draw_digits(path: Path, accuracies: Mapping[str, Mapping[str, list[float]]]) -> None:
    """Draw every seed's test accuracy and the mean as a bar, one panel for each kind of sequence: title -> rule -> values."""
    figure = Figure((12, 4.8), layout="constrained")
    panels = figure.subplots(
        1, len(accuracies), sharey=True, width_ratios=[len(rules) for rules in accuracies.values()], squeeze=False
    )[0]
    for axes, (title, rules) in zip(panels, accuracies.items(), strict=True):
        for place, (name, values) in enumerate(rules.items()):
            base = name.partition(",")[0]
            axes.bar(
                place, np.mean(values), color=_STYLES[base][0], alpha=0.35, hatch="//" if _STYLES[base][1] == "--" else None
            )
            axes.plot([place] * len(values), values, "o", color=_STYLES[base][0], markersize=4)
            axes.text(place, 1.02, f"{np.mean(values):.3f}", ha="center", fontsize=9)
        axes.set_xticks(range(len(rules)), [_broken(name) for name in rules], fontsize=8)
        axes.set(title=title, ylim=(0, 1.1))
        axes.axhline(0.1, color="grey", linestyle=":", linewidth=1)
    panels[0].set_ylabel("test accuracy (dotted: chance)")
    figure.savefig(path, dpi=110)


def _broken(name: str) -> str:
    base, _, slope = name.partition(",")
    short = {"bptt": "BPTT", "e-prop": "e-prop", "mdgl": "MDGL"}.get(
        base, base.replace("modprop", "ModProp").replace("-", "\n")
    )
    return f"{short}\n{slope.strip().replace('mu', 'μ')}" if slope else short


def draw_hops(path: Path, gaps: Mapping[str, list[float]]) -> None:
    """Draw by the number of synapses that errors may cross how far the online gradient is from that of all hops."""
    figure = Figure((7, 4.8), layout="constrained")
    axes = figure.subplots()
    for name, values in gaps.items():
        colour, line = _STYLES[name]
        axes.semilogy(range(len(values)), values, line, color=colour, marker="o", markersize=4, label=LABELS[name])
    axes.axhline(1e-12, color="grey", linestyle=":", linewidth=1, label="1e-12")
    axes.set(xlabel="orders of traces S in the online form", ylabel="largest relative difference from the autograd form")
    axes.set_title("The online form comes to equal the autograd form")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
