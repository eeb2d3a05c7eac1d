"""The pictures of the physics sheet and of the streams of rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

__all__ = ["draw_physics", "draw_streams"]

_RULES = {"p": ("P", "#1f77b4"), "pi": ("PI", "#2ca02c"), "pid": ("PID", "#d62728"), "adam": ("Adam", "#7f7f7f")}


def draw_physics(path: Path, sheet: Mapping[str, Any]) -> None:
    """Draw reactivity, the power ratio, Q by temperature and confinement, and the toll of ash."""
    figure = Figure((12, 9), layout="constrained")
    (rates, ratios), (gains, ash) = figure.subplots(2, 2)
    known = sheet["reactivity"]
    for fit, colour in (("tentori-belloni", "#d62728"), ("nevins-swain", "#1f77b4")):
        rates.semilogy(known["T_i"], known[fit]["integral"], color=colour, label=f"{fit}, integral")
        rates.semilogy(known["T_i"], known[fit]["fit"], color=colour, linestyle=":", linewidth=2.5, label=f"{fit}, fit")
    rates.axvspan(40, 70, color="grey", alpha=0.15, linewidth=0)
    rates.set(xlabel="ion temperature [keV] (shaded: below the fits' range)", ylabel="<σv> [cm³/s]", title="Reactivity")
    rates.legend(fontsize=8)
    for name, values in sheet["power_ratio"].items():
        if name != "T_i":
            ratios.plot(sheet["power_ratio"]["T_i"], values, label=name)
    ratios.axhline(1, color="black", linestyle=":", linewidth=1)
    ratios.set(
        xlabel="ion temperature [keV]", ylabel="P_F / P_B", title="Fusion over bremsstrahlung, electrons in balance, 13 % boron"
    )
    ratios.legend(fontsize=8)
    _draw_gain(gains, sheet)
    shares = [float(share) for share in sheet["ash_at_300"]]
    ash.plot(np.array(shares) * 100, list(sheet["ash_at_300"].values()), "o-", color="#9467bd")
    ash.axhline(1, color="black", linestyle=":", linewidth=1)
    ash.set(xlabel="alpha particles per fuel ion [%]", ylabel="P_F / P_B at T_i 300 keV", title="The toll of ash")
    figure.savefig(path, dpi=110)


def _draw_gain(axes: Any, sheet: Mapping[str, Any]) -> None:
    grid = sheet["gain_map"]
    levels = [0.1, 0.3, 1, 2, 5, 10, 20]
    values = np.array(grid["Q"])
    axes.contourf(grid["tau_E"], grid["T_i"], np.log10(np.clip(values, 1e-2, 1e2)), 30, cmap="viridis")
    lines = axes.contour(grid["tau_E"], grid["T_i"], values, levels, colors="white", linewidths=1)
    axes.clabel(lines, fmt="Q = %g", fontsize=8)
    axes.plot(50, 300, "r*", markersize=12, label=f"operating point, with ash Q = {sheet['operating_point']['Q']:.2f}")
    axes.set(
        xscale="log", xlabel="τ_E [s] at n_e = 1e14/cm³", ylabel="ion temperature [keV]", title="Q without ash: no ignition"
    )
    axes.legend(fontsize=8, loc="upper left")


def draw_streams(path: Path, tables: Mapping[str, Any], drift: Mapping[str, Any]) -> None:
    """Draw frozen test accuracy in every fold by table and rule, and prequential accuracy by row around the change."""
    figure = Figure((13, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    for number, rules in enumerate(tables.values()):
        for place, (rule, scores) in enumerate(rules.items()):
            label, colour = _RULES[rule]
            values, at = scores["accuracy"], number + 0.2 * (place - 1.5)
            left.bar(at, np.mean(values), 0.17, color=colour, alpha=0.4, label=label if number == 0 else None)
            left.plot([at] * len(values), values, "o", color=colour, markersize=3)
            left.text(at, 1.004, f"{np.mean(values):.3f}", ha="center", fontsize=7, rotation=45)
    left.set_xticks(range(len(tables)), list(tables))
    left.set(ylim=(0.85, 1.03), ylabel="accuracy on test folds, network frozen", title="Tables")
    left.legend(fontsize=8, loc="lower left", ncols=4)
    for rule, found in drift.items():
        label, colour = _RULES[rule]
        text = f"{label}: {np.mean(found['recovery']):.0f} ± {np.std(found['recovery'], ddof=1):.0f} rows to recover"
        right.plot(100 * (np.arange(len(found["accuracy"])) + 0.5), found["accuracy"], color=colour, label=text)
    half = 50 * len(found["accuracy"])
    right.axvline(half, color="grey", linestyle=":", linewidth=1)
    right.set(
        xlabel="rows of the stream (dotted: feature means are swapped)",
        ylabel="accuracy before learning from the rows",
        title="Digits as a stream that changes",
    )
    right.set_ylim(0.6, 1.0)
    right.legend(fontsize=8, loc="lower left")
    figure.savefig(path, dpi=110)
