"""The pictures of the native study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

__all__ = ["draw_accuracy", "draw_costs", "draw_gradients"]

_RULES = {
    "bptt": ("BPTT", "black"),
    "rate-multi": ("rates, multi-step", "#1f77b4"),
    "rate-single": ("rates, single-step", "#d62728"),
}
_LAYER_COLOURS = ("#440154", "#31688e", "#35b779", "#c8a800", "#e07b00", "#8c2d04", "#7f7f7f")


def draw_gradients(path: Path, gradients: Mapping[str, Any], accuracy: Mapping[str, Any]) -> None:
    """Draw cosines with BPTT's gradient per layer: by steps, by depth, and along training of images and of bars."""
    figure = Figure((13, 9.5), layout="constrained")
    (steps, depth), trained = figure.subplots(2, 2)
    numbers = [int(n) for n in gradients["steps"]]
    cosines = np.array([[case["cosine"] for case in cases] for cases in gradients["steps"].values()])
    for layer in range(cosines.shape[2]):
        label = "readout" if layer == cosines.shape[2] - 1 else f"hidden layer {layer + 1}"
        steps.plot(numbers, cosines[:, :, layer].mean(1), "o-", color=_LAYER_COLOURS[layer], label=label)
        low, high = cosines[:, :, layer].min(1), cosines[:, :, layer].max(1)
        steps.fill_between(numbers, low, high, color=_LAYER_COLOURS[layer], alpha=0.15, linewidth=0)
    steps.set_xscale("log", base=2)
    steps.set_xticks(numbers, [str(n) for n in numbers])
    steps.set(xlabel="steps in time T", ylabel="cosine with BPTT's gradient of the weights")
    steps.set_title("By steps: three hidden layers, constant input (band: range of seeds)")
    for cases in gradients["depth"].values():
        values = np.mean([case["cosine"] for case in cases], axis=0)[:-1]
        depth.plot(range(1, len(values) + 1), values, "o-", label=f"{len(values)} hidden layer{'s' * (len(values) > 1)}")
    depth.set(xlabel="hidden layer, from the input", ylabel="cosine", title="By depth: 8 steps, constant input")
    for axes in (steps, depth):
        axes.legend(fontsize=9)
        axes.grid(alpha=0.3)
    tasks = [task for task in accuracy if "dense" not in task][:2]
    for axes, task in zip(trained, tasks, strict=False):
        _draw_trained(axes, task, accuracy[task]["cosines"])
    figure.savefig(path, dpi=110)


def _draw_trained(axes: Axes, task: str, checks: list[Mapping[str, Any]]) -> None:
    updates, cosines = [check["update"] for check in checks], np.array([check["cosine"] for check in checks])
    for layer in range(cosines.shape[1]):
        label = "readout" if layer == cosines.shape[1] - 1 else f"map {layer + 1}"
        axes.plot(updates, cosines[:, layer], "o-", markersize=4, color=_LAYER_COLOURS[layer], label=label)
    axes.set(xlabel="update of training by BPTT", ylabel="cosine", title=f"Along training: {task}")
    axes.legend(fontsize=9)
    axes.grid(alpha=0.3)


def draw_costs(path: Path, costs: Mapping[str, Any]) -> None:
    """Draw by steps, one row per network: bytes saved for backward, bytes alive at the peak, and milliseconds."""
    figure = Figure((15, 4.6 * len(costs)), layout="constrained")
    panels = figure.subplots(len(costs), 4, squeeze=False)
    parts = (("saved", "saved for backward [MB]", 1e6), ("peak", "peak of live tensors [MB]", 1e6))
    parts += (("forward", "forward pass [ms]", 1e-3), ("backward", "backward pass [ms]", 1e-3))
    for row, (name, by_steps) in zip(panels, costs.items(), strict=True):
        numbers = [int(n) for n in by_steps]
        for axes, (part, label, unit) in zip(row, parts, strict=True):
            for rule, (text, colour) in _RULES.items():
                values = [cost[rule][part] / unit for cost in by_steps.values()]
                line = "s--" if rule == "rate-single" else "o-"
                axes.plot(numbers, values, line, color=colour, markersize=4, label=text)
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
            axes.set_xticks(numbers, [str(n) for n in numbers])
            axes.set(xlabel="steps in time T", ylabel=label, title=f"{name} network")
            axes.grid(alpha=0.3)
        row[0].legend(fontsize=9)
    figure.savefig(path, dpi=110)


def draw_accuracy(path: Path, accuracy: Mapping[str, Any]) -> None:
    """Draw test accuracies, every fold or seed as a point and means as bars, and training losses but for dense digits."""
    figure = Figure((14, 9), layout="constrained")
    whole, curves = figure.subfigures(2, 1)
    axes = whole.subplots()
    for place, results in enumerate(accuracy.values()):
        for k, (rule, (text, colour)) in enumerate(_RULES.items()):
            values, x = 100 * np.array(results["accuracy"][rule]), place + 0.27 * (k - 1)
            axes.bar(x, values.mean(), 0.25, color=colour, alpha=0.35, label=text if place == 0 else None)
            axes.plot([x] * len(values), values, "o", color=colour, markersize=3.5)
            axes.text(x, 101.2, f"{values.mean():.1f}", ha="center", fontsize=9, color=colour)
    lowest = min(min(values) for results in accuracy.values() for values in results["accuracy"].values())
    axes.set_xticks(range(len(accuracy)), [task.replace(", ", "\n") for task in accuracy])
    axes.set(ylabel="test accuracy [%]", title="After equal training", ylim=(max(0, 100 * lowest - 5), 103))
    axes.legend(loc="lower left", fontsize=9)
    tasks = [task for task in accuracy if "dense" not in task]
    for panel, task in zip(curves.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
        for rule, losses in accuracy[task]["losses"].items():
            text, colour = _RULES[rule]
            panel.semilogy(_smooth(losses), color=colour, label=text, linewidth=1.3)
        panel.set(xlabel="update", ylabel="training loss [nats], running mean", title=task)
        panel.grid(alpha=0.3)
    panel.legend(fontsize=9)
    figure.savefig(path, dpi=110)


def _smooth(values: list[float]) -> np.ndarray:
    width = max(1, len(values) // 20)
    return np.convolve(values, np.ones(width) / width, mode="valid")
