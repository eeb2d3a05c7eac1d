"""The pictures of the native study."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from propneat.methods.recomputation.architectures import PAPER_NETWORKS

__all__ = ["draw_execution", "draw_frontier", "draw_table", "draw_training"]

_COLOURS = {"approximate": "#1f77b4", "exact": "#2ca02c", "Chen": "#d95f02", "vanilla": "#7f7f7f"}


def draw_table(path: Path, table: dict[str, Any]) -> None:
    """Draw least peaks with liveness and parameters of all planners as bars, the paper's as black marks."""
    figure = Figure((13, 4.8), layout="constrained")
    axes = figure.subplots()
    for number, (name, row) in enumerate(table.items()):
        paper, own = PAPER_NETWORKS[name], row["parameter_bytes"]
        bars = (
            ("vanilla", row["vanilla"], paper.vanilla),
            ("Chen", row["chen"]["peak"], paper.chen[0]),
            ("exact", row["exact"].get("memory", {}).get("peak"), paper.exact[0]),
            ("approximate", row["pruned"]["memory"]["peak"], paper.approximate[0]),
        )
        for place, (planner, peak, published) in enumerate(bars):
            at = number + 0.2 * (place - 1.5)
            mark = axes.plot([at - 0.09, at + 0.09], [published] * 2, color="black", linewidth=2)
            if number == place == 0:
                mark[0].set_label("published")
            if peak is None:
                axes.text(at, 0.15, "not run", ha="center", fontsize=9, rotation=90)
                continue
            value = (peak + own) / 1e9
            axes.bar(at, value, 0.18, color=_COLOURS[planner], label=planner if number == 0 else None)
            if place:
                reduction = f"-{100 * (1 - (peak + own) / (row['vanilla'] + own)):.0f}"
                axes.text(at, 0.15, reduction, ha="center", fontsize=9, color="white")
    axes.set_xticks(range(len(table)), [f"{name}\nbatch {row['batch']}" for name, row in table.items()])
    axes.set(
        ylim=(0, 11), ylabel="peak memory with liveness [GB]", title="Least peak memory; numbers are reductions in % of vanilla"
    )
    axes.legend(fontsize=9, ncols=5)
    figure.savefig(path, dpi=110)


def draw_frontier(path: Path, table: dict[str, Any]) -> None:
    """Draw the overhead of the approximate, time-centric programme against the peak it leads to."""
    figure = Figure((9, 5.2), layout="constrained")
    axes = figure.subplots()
    for number, (name, row) in enumerate(table.items()):
        points = row["frontier"]
        axes.plot([100 * p["peak"] for p in points], [p["overhead"] for p in points], "o-", color=f"C{number}", label=name)
        chen = 100 * row["chen"]["peak"] / row["vanilla"], row["chen"]["overhead"]
        axes.plot(*chen, "x", color=f"C{number}", markersize=9, markeredgewidth=2)
    axes.plot([], [], "kx", markersize=9, markeredgewidth=2, label="Chen")
    axes.set(
        xlabel="peak with liveness, % of the vanilla peak",
        ylabel="recomputation, in forward passes",
        title="Time against memory, approximate programme, budgets of 1 to 3 times the least",
        ylim=(0, 1.05),
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9)
    figure.savefig(path, dpi=110)


def draw_execution(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Draw bytes predicted against bytes measured while schedules were followed."""
    figure = Figure((7.5, 6), layout="constrained")
    axes = figure.subplots()
    names = list(dict.fromkeys(row["network"] for row in rows))
    for planner, marker in (("time-centric", "o"), ("memory-centric", "s"), ("chen", "x")):
        for row in (row for row in rows if row["planner"] == planner):
            fill = "none" if marker != "x" else "full"
            colour = f"C{names.index(row['network'])}"
            axes.plot(row["predicted"] / 1e6, row["measured"] / 1e6, marker, color=colour, fillstyle=fill, markersize=9)
        axes.plot([], [], marker, color="black", fillstyle="none", label=planner)
    for number, name in enumerate(names):
        axes.plot([], [], "-", color=f"C{number}", linewidth=4, label=name)
    ends = [min(row["predicted"] for row in rows) / 1.3e6, max(row["predicted"] for row in rows) * 1.3e-6]
    axes.plot(ends, ends, ":", color="grey", label="equal")
    axes.set(xscale="log", yscale="log", xlabel="predicted peak [MB]", ylabel="measured peak [MB]")
    axes.set_title("Schedules followed with real tensors, small images, float64")
    axes.legend(fontsize=9)
    figure.savefig(path, dpi=110)


def draw_training(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Draw measured peaks of a residual network's training step, and its time where it was taken."""
    figure = Figure((9.5, 4.6), layout="constrained")
    axes = figure.subplots()
    plain = rows[0]["peak"]
    for place, row in enumerate(reversed(rows)):
        own = row["way"].startswith("budget")
        colour = "#1f77b4" if own else "#7f7f7f" if row["way"] == "plain" else "#d95f02"
        axes.barh(place, row["peak"] / 1e6, color=colour)
        time = f", time x {row['time']:.2f}" if "time" in row else ""
        axes.text(row["peak"] / 1e6, place, f"  {100 * row['peak'] / plain:.0f} %{time}", va="center", fontsize=9)
    axes.set_yticks(range(len(rows)), [row["way"] for row in reversed(rows)], fontsize=9)
    axes.set(xlabel="measured peak of values and gradients [MB]", xlim=(0, 1.3 * max(row["peak"] for row in rows) / 1e6))
    axes.set_title("One training step of a deep residual network; torch's own ways in orange")
    figure.savefig(path, dpi=110)
