"""The pictures of the native study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["draw_classes", "draw_deblurring", "draw_directions", "draw_samples", "draw_solver"]

_WAY_COLOURS = {"inverse-flow": "#1f77b4", "FInC-style": "#d62728"}
_SOLVER_STYLES = {
    "dense": ("dense elimination, both passes", "#7f7f7f", "s-"),
    "pixel loop": ("pixel loop under autograd, both passes", "#d62728", "o-"),
    "wavefront": ("wavefront, both passes", "#1f77b4", "o-"),
    "convolution": ("plain convolution, both passes", "#2ca02c", "^-"),
    "solver, torch": ("wavefront by torch, forward", "#9467bd", "x--"),
    "solver, compiled": ("wavefront compiled, forward", "#17becf", "x--"),
}


def draw_solver(path: Path, found: Mapping[str, Any]) -> None:
    """Draw by pixels: seconds of every way, and sequential steps."""
    figure = Figure((13, 5.2), layout="constrained")
    times, steps = figure.subplots(1, 2)
    for way, (label, colour, line) in _SOLVER_STYLES.items():
        seconds = found["seconds"][way]
        times.loglog([int(side) ** 2 for side in seconds], list(seconds.values()), line, color=colour, label=label)
    sides = [int(side) for side in found["steps"]]
    times.set(xlabel="pixels n", ylabel="seconds", title=f"{found['images']} images of {found['channels']} channels, 3x3 taps")
    pixels = np.array([side**2 for side in sides])
    steps.loglog(pixels, list(found["steps"].values()), "o", color="#1f77b4", label="steps counted")
    steps.loglog(pixels, 2 * np.sqrt(pixels) - 1, "-", color="#1f77b4", linewidth=1, label="H + W - 1")
    steps.loglog(pixels, pixels, "--", color="#d62728", label="pixel loop: n")
    steps.set(xlabel="pixels n", ylabel="sequential steps", title="Depth")
    # room for the legend below the curves
    times.set_ylim(bottom=times.get_ylim()[0] / 10)
    for axes in (times, steps):
        ticks = sorted({side**2 for side in sides} | {16})
        axes.set_xticks(ticks, [f"{round(n**0.5)}²" for n in ticks])
        axes.minorticks_off()
        axes.legend(fontsize=9, loc="lower right" if axes is times else "upper left")
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def draw_samples(path: Path, found: Mapping[str, Any]) -> None:
    """Draw held-out digits, and samples of both ways at two temperatures."""
    panels = {"held-out digits": found["real"]}
    for way, judged in found["ways"].items():
        for temperature, images in judged["samples"].items():
            panels[f"{way}, temperature {temperature}"] = images
    figure = Figure((2.5 * len(panels), 4.4), layout="constrained")
    for axes, (title, images) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        _show(axes, images, 5)
        axes.set_title(title, fontsize=10)
    figure.savefig(path, dpi=110)


def draw_directions(path: Path, found: Mapping[str, Any], speed: Mapping[str, Any]) -> None:
    """Draw bits by epoch, stability by epoch, and ratios of time between the directions."""
    figure = Figure((15, 4.6), layout="constrained")
    bits, stability, ratios = figure.subplots(1, 3)
    for way, judged in found["ways"].items():
        epochs, colour = judged["epochs"], _WAY_COLOURS[way]
        numbers = range(1, len(epochs) + 1)
        bits.plot(numbers, [epoch["test_bits"] for epoch in epochs], color=colour, label=f"{way}, held out")
        bits.plot(numbers, [epoch["train_bits"] for epoch in epochs], "--", color=colour, linewidth=1, label=f"{way}, training")
        stability.semilogy(numbers, [epoch["gain"] for epoch in epochs], color=colour, label=f"{way}: max|x| / max|y|")
        errors = [epoch["reconstruction"] for epoch in epochs]
        stability.semilogy(numbers, errors, ":", color=colour, label=f"{way}: reconstruction error")
    bits.axhline(np.log2(17), color="black", linewidth=1, linestyle=":", label="uniform: log2 17")
    bits.set(xlabel="epoch", ylabel="bits per dimension", title="Likelihood of digits, 17 grey levels")
    stability.set(xlabel="epoch", title="Stability of the inverse convolutions")
    cases = list(speed)
    for offset, (name, colour) in enumerate((("sample", "#1f77b4"), ("encode", "#ff7f0e"))):
        times = [part["seconds"][name] for part in speed.values()]
        values = [np.mean(np.divide(part["FInC-style"], part["inverse-flow"])) for part in times]
        ratios.barh(np.arange(len(cases)) + 0.4 * offset, values, 0.38, color=colour, label=f"time to {name}")
    ratios.axvline(1, color="black", linewidth=1)
    ratios.axvline(2.13, color="#1f77b4", linestyle=":", label="paper, sampling CIFAR-10: 2.13")
    ratios.set_yticks(np.arange(len(cases)) + 0.2, cases)
    ratios.set(xlabel="FInC-style over Inverse-Flow", title="Time by direction, same couplings", ylim=(-0.4, len(cases) + 1.2))
    for axes in (bits, stability, ratios):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def draw_deblurring(path: Path, found: Mapping[str, Any]) -> None:
    """Draw the error of taps by update, true and learnt taps, and held-out digits."""
    figure = Figure((14, 4.4), layout="constrained")
    panels = figure.subplots(1, 6, width_ratios=(1.7, 1, 1, 0.8, 0.8, 0.8))
    panels[0].semilogy(range(1, len(found["errors"]) + 1), found["errors"], color="#1f77b4")
    panels[0].axhline(1e-3, color="black", linestyle=":", linewidth=1)
    panels[0].set(xlabel="update", title="Largest error of a tap")
    panels[0].grid(alpha=0.3)
    for axes, (name, taps) in zip(panels[1:3], found["taps"].items(), strict=True):
        axes.imshow(taps, cmap="Blues", vmin=0, vmax=0.7)
        for (a, b), value in np.ndenumerate(np.array(taps)):
            axes.text(b, a, f"{value:.4f}", ha="center", va="center", fontsize=9)
        axes.set(title=f"{name} taps", xticks=[], yticks=[])
    for axes, (name, images) in zip(panels[3:], found["held out"].items(), strict=True):
        _show(axes, images, 2, 1.0)
        axes.set_title(name)
    figure.savefig(path, dpi=110)


def draw_classes(path: Path, drawn: Mapping[str, Any], tables: Mapping[str, Any]) -> None:
    """Draw accuracies: the paper's classifier with and without an activation, and the flow as a classifier of a table."""
    figure = Figure((13, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _bars(
        left,
        {name: np.mean(shares) for name, shares in drawn["accuracy"].items()},
        "Digits: the paper's classifier, by activation",
    )
    _bars(
        right, {name: np.mean(scores["accuracy"]) for name, scores in tables.items()}, "Breast cancer: class-conditional flow"
    )
    figure.savefig(path, dpi=110)


def _bars(axes: Axes, values: Mapping[str, float], title: str) -> None:
    names = list(values)
    bars = axes.barh(range(len(names)), list(values.values()), color="#1f77b4")
    axes.bar_label(bars, [f"{value:.3f}" for value in values.values()], padding=3)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlim=(0.8, 1.02), xlabel="accuracy, held out (axis starts at 0.8)", title=title)


def _show(axes: Axes, images: Any, n_columns: int, highest: float = 16.0) -> None:
    """Tile images, (n, H, W), by rows of n_columns, with coloured gaps, which no grey level can be taken for."""
    tiles = np.pad(np.array(images, dtype=float), ((0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    n_images, height, width = tiles.shape
    grid = tiles.reshape(n_images // n_columns, n_columns, height, width).swapaxes(1, 2).reshape(-1, n_columns * width)
    axes.imshow(grid[:-1, :-1], cmap=colormaps["gray_r"].with_extremes(bad="#9ecae1"), vmin=0, vmax=highest)
    axes.set_axis_off()
