"""Pictures of the native study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["draw_cloning", "draw_horizon", "draw_meta_training", "draw_transfer"]

_COLOURS = {"VSML": "#0b6e4f", "SGD": "#c1440e", "Adam": "#7a5195"}
_SMOOTHING = 15


def _save(figure: Figure, path: Path) -> str:
    figure.set_layout_engine("constrained")
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=110)
    return path.name


def _smooth(values: Any, width: int) -> np.ndarray:
    """Mean over the last `width` values, fewer at the beginning."""
    total = np.concatenate([[0.0], np.cumsum(np.asarray(values, float))])
    ends = np.arange(1, len(total))
    begins = np.maximum(ends - width, 0)
    return (total[ends] - total[begins]) / (ends - begins)


def draw_cloning(data: Mapping[str, Any], folder: Path) -> str:
    """Draw online accuracy on digits of true SGD and of its clone, shallow and deep; returns the file's name."""
    figure = Figure(figsize=(9, 3.8))
    for axes, depth in zip(figure.subplots(1, 2, sharey=True), ("shallow", "deep"), strict=True):
        for key, label, colour in (("sgd", "true SGD", _COLOURS["SGD"]), ("clone", "clone", _COLOURS["VSML"])):
            right = data[depth][f"{key}_right"]
            axes.plot(_smooth(right, 100), color=colour, label=f"{label}, frozen test {data[depth][key]:.1%}")
        axes.set(title=f"Digits, {depth} network", xlabel="examples met", ylim=(0, 1))
        axes.legend(loc="lower right", frameon=False)
        axes.grid(alpha=0.25)
    figure.axes[0].set_ylabel("accuracy on the last 100 examples")
    return _save(figure, folder / "vsml-cloning.png")


def draw_transfer(data: Mapping[str, Any], control: Mapping[str, float], first: int, folder: Path) -> str:
    """Draw online accuracy on unseen data sets of the meta-trained learner, SGD and Adam; returns the file's name."""
    figure = Figure(figsize=(10, 7))
    for axes, (name, found) in zip(figure.subplots(2, 2).flat, data.items(), strict=True):
        for learner, curve in found["curve"].items():
            label = f"{learner}, first {first}: {found['first'][learner]:.2f}, frozen: {found['frozen'][learner]:.2f}"
            axes.plot(np.arange(1, len(curve) + 1), _smooth(curve, _SMOOTHING), color=_COLOURS[learner], label=label)
        if name in control:
            axes.axhline(control[name], color="grey", linestyle=":", label=f"Meta-RNN, first {first}: {control[name]:.2f}")
        axes.axvline(first, color="black", linewidth=0.7, alpha=0.5)
        axes.set(title=f"{name.capitalize()}, never seen in meta-training", ylim=(0, 1.02), xscale="log")
        axes.set(xlabel="examples met", ylabel=f"accuracy, last {_SMOOTHING} examples")
        axes.legend(loc="lower right", framealpha=0.9, edgecolor="none", fontsize=8)
        axes.grid(alpha=0.25)
    return _save(figure, folder / "vsml-transfer.png")


def draw_horizon(data: Mapping[str, Any], taught: int, folder: Path) -> str:
    """Draw accuracy over long episodes of the parameters after every stage, and of SGD; returns the file's name."""
    figure = Figure(figsize=(8, 4.4))
    axes = figure.subplots()
    by_kind = {kind: [name for name in data["curves"] if name.startswith(kind)] for kind in ("VSML", "online SGD")}
    for names, map_name, style in zip(by_kind.values(), ("Greens", "Oranges"), ("-", "--"), strict=True):
        for shade, name in zip(np.linspace(0.4, 0.95, len(names)), names, strict=True):
            curve = data["curves"][name]
            rows = (np.arange(len(curve)) + 0.5) * data["window"]
            axes.plot(rows, curve, color=colormaps[map_name](shade), linestyle=style, label=name)
    axes.axvline(taught, color="black", linewidth=0.7)
    axes.annotate(
        "longest episode of\nmeta-training", (taught, axes.get_ylim()[0]), xytext=(6, 8), textcoords="offset points", fontsize=8
    )
    axes.set(title="Synthetic tasks never met", xlabel="examples met", ylabel=f"accuracy, means of {data['window']} examples")
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.25)
    return _save(figure, folder / "vsml-horizon.png")


def draw_meta_training(losses: Mapping[str, Any], stage_ends: list[int], folder: Path) -> str:
    """Draw meta-training losses of VSML by gradient and by evolution, and of the Meta-RNN; returns the file's name."""
    figure = Figure(figsize=(10, 3.8))
    left, right = figure.subplots(1, 2, sharey=True)
    left.plot(_smooth(losses["VSML"], 25), color=_COLOURS["VSML"], label="VSML, backpropagation through time")
    for end in stage_ends[:-1]:
        left.axvline(end, color="black", linewidth=0.7, alpha=0.6)
    left.set(title="The parameters in the package", xlabel="meta-step (lines: a new stage begins)")
    left.set_ylabel("loss relative to chance")
    right.plot(_smooth(losses["VSML"][: len(losses["Meta-RNN"])], 25), color=_COLOURS["VSML"], label="VSML, gradient")
    right.plot(_smooth(losses["Meta-RNN"], 25), color="grey", label="Meta-RNN, gradient")
    right.plot(_smooth(losses["evolution"], 10), color=_COLOURS["Adam"], label="VSML, evolution strategy")
    right.set(title="From scratch", xlabel="meta-step")
    for axes in (left, right):
        axes.axhline(1, color="black", linewidth=0.7, linestyle=":")
        axes.legend(frameon=False)
        axes.grid(alpha=0.25)
    return _save(figure, folder / "vsml-meta-training.png")
