"""Pictures of the native study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from propneat.methods.sparse_fourier.latent_study import Volumes

__all__ = ["draw_costs", "draw_fsc", "draw_latent", "draw_volumes"]

_WAYS = {
    "sparse": ("sparse slices, sparse gradient", "#d62728"),
    "sparse, dense gradient": ("sparse slices, dense gradient", "#ff9896"),
    "sparse, compiled": ("sparse slices, compiled", "#e377c2"),
    "dense": ("a volume per slice", "#1f77b4"),
    "dense, compiled": ("a volume per slice, compiled", "#aec7e8"),
    "grid": ("grid: product and inverse FFT", "#d62728"),
    "network 256": ("network of coordinates, 3 x 256", "#7f7f7f"),
    "network 1024": ("network of coordinates, 3 x 1024", "black"),
}


def draw_latent(path: Path, found: Mapping[str, Any]) -> None:
    """Draw latents of held-out particles coloured by angle, each latent against the angle, and training by epoch."""
    latents, angles = np.array(found["latents"]), np.array(found["angles"])
    figure = Figure((16, 4.6), layout="constrained")
    plane, line, course, fit = figure.subplots(1, 4)
    dots = plane.scatter(latents[:, 0], latents[:, -1], c=angles, s=8, cmap="viridis")
    figure.colorbar(dots, ax=plane, label="hidden angle [rad]")
    plane.set(xlabel="latent 1", ylabel=f"latent {latents.shape[1]}", title="Posterior means, held-out particles")
    for place in range(latents.shape[1]):
        line.plot(angles, latents[:, place], ".", markersize=3, label=f"latent {place + 1}")
    line.set(xlabel="hidden angle [rad]", ylabel="latent", title=f"Quadratic $R^2$ = {found['r2']:.3f}")
    line.legend(fontsize=9, markerscale=3)
    looks = found["looks"]
    epochs = [look["epoch"] for look in looks]
    chosen = max(looks, key=lambda look: look["held_out_correlation"])["epoch"]
    course.plot(epochs, [look["r2"] for look in looks], "o-", markersize=4, label="$R^2$ of the angle")
    course.plot(epochs, [look["state_fsc"] for look in looks], "o-", markersize=4, label="mean FSC of states against truth")
    course.plot(epochs, [look["held_out_correlation"] for look in looks], "s--", markersize=4, label="held-out correlation")
    course.axhline(np.mean(found["consensus_fsc"]), color="grey", linewidth=1, label="mean FSC of the consensus")
    course.set(xlabel="epoch", title="By epoch", ylim=(0, 1))
    fit.plot(epochs, [look["loss"] for look in looks], "o-", markersize=4, label="half-set learnt from")
    fit.plot(epochs, [look["held_out_loss"] for look in looks], "o-", markersize=4, label="held-out half-set")
    fit.axhline(found["consensus_loss"][0][-1], color="grey", linewidth=1, label="consensus")
    fit.set(xlabel="epoch", title="Data term of the loss (noise alone: 1)")
    for axes in (course, fit):
        axes.axvline(chosen, color="#d62728", linestyle=":", label="model kept")
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def draw_fsc(path: Path, found: Mapping[str, Any]) -> None:
    """Draw shell correlations with the truth of every state, of the consensus and of the shuffled control, and of half-maps."""
    figure = Figure((12, 4.6), layout="constrained")
    curves, bars = figure.subplots(1, 2)
    shells = np.arange(1, len(found["half_map_fsc"]) + 1)
    parts = (
        ("state_fsc", "latent's volumes", "#d62728"),
        ("consensus_fsc", "consensus", "grey"),
        ("shuffled_fsc", "shuffled", "#1f77b4"),
    )
    for name, label, colour in parts:
        values = np.array(found[name])
        curves.plot(shells, values.mean(0), "o-", color=colour, markersize=3, label=f"{label} against truth, mean of states")
        curves.fill_between(shells, values.min(0), values.max(0), color=colour, alpha=0.15, linewidth=0)
    curves.plot(shells, found["half_map_fsc"], "k:", label="consensus of half-sets with each other")
    for level in (0.5, 0.143):
        curves.axhline(level, color="black", linewidth=0.5)
    curves.set(xlabel="shell [periods per box]", ylabel="Fourier shell correlation", title="By shell (band: range of states)")
    curves.legend(fontsize=8)
    for name, label, colour in parts:
        bars.plot(found["state_angles"], np.mean(found[name], axis=1), "o-", color=colour, label=label)
    bars.set(xlabel="angle of the state [rad]", ylabel="mean correlation over shells", title="By state")
    bars.legend(fontsize=9)
    for axes in (curves, bars):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def draw_volumes(path: Path, volumes: Volumes) -> None:
    """Draw sums along z of volumes at five states along the latent: truth, decoded, and their difference from the consensus."""
    chosen = np.unique(np.linspace(0, len(volumes.angles) - 1, 5).round().astype(int))
    truth = volumes.truth[chosen]
    decoded = volumes.decoded[chosen] / _gain(volumes.decoded, volumes.truth)
    consensus = volumes.consensus / _gain(volumes.consensus, volumes.truth.mean(0))
    rows = {"truth": truth, "from the latent": decoded}
    rows |= {"truth less consensus": truth - consensus, "from the latent less consensus": decoded - consensus}
    rows = {name: many.sum(1) for name, many in rows.items()}
    figure = Figure((2.5 * len(chosen) + 1, 10.4), layout="constrained")
    panels = figure.subplots(len(rows), len(chosen), squeeze=False)
    limits = [
        max(np.abs(many).max() for name, many in rows.items() if ("less" in name) == is_change) for is_change in (False, True)
    ]
    for line, (name, images) in zip(panels, rows.items(), strict=True):
        is_change = int("less" in name)
        for axes, image, angle in zip(line, images, volumes.angles[chosen], strict=True):
            high = limits[is_change]
            colours = (
                {"cmap": "RdBu_r", "vmin": -high, "vmax": high} if is_change else {"cmap": "gray", "vmin": 0, "vmax": high}
            )
            axes.imshow(image, origin="lower", **colours)
            axes.set_title(f"{angle:+.2f} rad", fontsize=10)
            axes.set(xticks=[], yticks=[])
        line[0].set_ylabel(name)
    figure.suptitle("Sums of volumes along z")
    figure.savefig(path, dpi=110)


def draw_costs(path: Path, costs: Mapping[str, Any]) -> None:
    """Draw by side of the box: milliseconds of a step and of a volume, and how many times slower than sparse slices."""
    figure = Figure((15, 4.6), layout="constrained")
    step, ratio, volume = figure.subplots(1, 3)
    for axes, part in ((step, "step"), (volume, "volume")):
        for way, (label, colour) in _WAYS.items():
            sides = [int(n) for n, cost in costs.items() if way in cost[part]]
            if sides:
                times = [1e3 * costs[str(n)][part][way] for n in sides]
                axes.plot(sides, times, "o-", color=colour, markersize=4, label=label)
        axes.set(
            ylabel="milliseconds", title={"step": "Step: forward and backward", "volume": "A volume for a given latent"}[part]
        )
        # room for the legend below the curves
        axes.set_yscale("log")
        axes.set_ylim(bottom=axes.get_ylim()[0] / 20)
    for way in ("dense", "network 256", "network 1024"):
        label, colour = _WAYS[way]
        sides = [int(n) for n, cost in costs.items() if way in cost["step"]]
        times = [costs[str(n)]["step"][way] / costs[str(n)]["step"]["sparse"] for n in sides]
        ratio.plot(sides, times, "o-", color=colour, markersize=4, label=label)
    sides = [int(n) for n in costs]
    ratio.plot(sides, [n // 2 / 6 for n in sides], "k:", label="operations: radius / 6")
    ratio.set(ylabel="times the sparse step", title="Step time over that of sparse slices")
    for axes in (step, ratio, volume):
        axes.set(xscale="log", yscale="log")
        axes.set_xticks(sides, [str(n) for n in sides])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("side of the box n [voxels]")
        axes.legend(fontsize=8, loc="best" if axes is ratio else "lower right")
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def _gain(found: np.ndarray, truth: np.ndarray) -> float:
    """Return what a volume is multiplied by against the truth, data being in units of the noise."""
    return float((found * truth).sum() / (truth**2).sum())
