"""What the native study is held to: the paper's table, and what its own theory says must hold exactly."""

from collections.abc import Iterable
from math import isqrt
from typing import Any

from propneat.methods.contract import Claim
from propneat.methods.recomputation.architectures import PAPER_NETWORKS
from propneat.recompute.graph import Graph
from propneat.recompute.programme import best_strategy, least_budget, make_family

__all__ = ["evolved_claims", "execution_claims", "path_claims", "table_claims", "training_claims"]

_LOWER_SETS = {"VGG19": 47, "ResNet50": 241, "ResNet152": 581, "DenseNet161": 569, "GoogLeNet": 27358}
_REDUCTIONS = (36, 81)
"""The paper's range, in whole per cent."""
_GB = 1e9


def path_claims() -> Iterable[Claim]:
    """The least budget of a path of n equal nodes is 2 sqrt(n) + 1."""
    for n in (16, 49, 100):
        before = ((), *((k,) for k in range(n - 1)))
        graph = Graph(tuple(map(str, range(n))), before, (1,) * n, (1,) * n)
        family = make_family(graph, "exact")
        least, expected = least_budget(family), 2 * isqrt(n) + 1
        yield Claim(f"Path of {n} equal nodes: least budget", f"2 sqrt(n) + 1 = {expected}", least, least == expected)
        overhead = best_strategy(family, n).overhead
        yield Claim(f"Path of {n} equal nodes: least overhead at budget n", "2", overhead, overhead == 2)


def table_claims(table: dict[str, Any]) -> Iterable[Claim]:
    """Least peaks with liveness and parameters beside the paper's, on the paper's batches.

    Peaks are held to 10 % of the paper's and reductions to 6 points, and the approximate programme's reductions as a set to
    the paper's range. The vanilla peak is another here: every gradient and value is freed after its last use, where the paper
    measured a program on a GPU, workspaces of convolutions included. So there are two reductions, against the paper's own
    vanilla and against ours.
    """
    reductions = []
    for name, row in table.items():
        paper, own = PAPER_NETWORKS[name], row["parameter_bytes"]
        vanilla = row["vanilla"] + own
        planners = [("approximate", row["pruned"]["memory"], paper.approximate), ("Chen", row["chen"], paper.chen)]
        if "memory" in row["exact"]:
            planners.append(("exact", row["exact"]["memory"], paper.exact))
        for planner, outcome, (peak, reduction) in planners:
            found = (outcome["peak"] + own) / _GB
            yield Claim(f"{name}, {planner}: peak in GB", f"{peak:g} within 10 %", found, abs(found / peak - 1) <= 0.1)
            found = 100 * (1 - (outcome["peak"] + own) / vanilla)
            reductions += [found] if planner == "approximate" else []
            yield Claim(f"{name}, {planner}: reduction in %", f"{reduction} within 6", found, abs(found - reduction) <= 6)
            cut = 100 * (1 - (outcome["peak"] + own) / (paper.vanilla * _GB))
            claim = (
                f"{name}, {planner}: reduction in % of the paper's own vanilla, {paper.vanilla:g} GB (here {vanilla / _GB:.2f})"
            )
            yield Claim(claim, f"{reduction} within 6", cut, abs(cut - reduction) <= 6)
        if name in _LOWER_SETS:
            n_sets = row["exact"]["n_sets"]
            claim = f"{name}: lower sets, as many as the published graph of that network has"
            yield Claim(claim, str(_LOWER_SETS[name]), n_sets, n_sets == _LOWER_SETS[name])
        gain = 1 - row["pruned"]["memory"]["peak"] / row["chen"]["peak"]
        yield Claim(f"{name}: approximate programme's peak below Chen's, in %", "0 or more", 100 * gain, gain >= 0)
    claim = "Approximate programme: least reduction of all networks in %"
    yield Claim(claim, f"{_REDUCTIONS[0]} or more", min(reductions), min(reductions) >= _REDUCTIONS[0] - 0.5)
    claim = "Approximate programme: greatest reduction of all networks in %"
    yield Claim(claim, f"{_REDUCTIONS[1]} or less", max(reductions), max(reductions) < _REDUCTIONS[1] + 0.5)
    slowest = max(row["pruned"]["seconds"] for row in table.values())
    yield Claim("Approximate programme, slowest network: seconds", "below 1", slowest, slowest < 1)
    excess = max(
        100 * (row[family][objective]["formula"] / row[family]["least_budget"] - 1)
        for row in table.values()
        for family in ("pruned", "exact")
        if "memory" in row[family]
        for objective in ("time", "memory")
    )
    yield Claim(
        "Formula's peak of the strategies beyond the budget they were asked for, worst: %", "0 or less", excess, excess <= 0
    )


def execution_claims(rows: list[dict[str, Any]]) -> Iterable[Claim]:
    """Schedules followed with real tensors are what was predicted."""
    n_differing = sum(row["n_steps_that_differ"] for row in rows)
    n_steps = sum(row["n_steps"] for row in rows)
    claim = f"Following schedules: steps of {n_steps:,} after which the bytes measured are not those predicted"
    yield Claim(claim, "0", n_differing, n_differing == 0)
    worst = max(row["gradient_difference"] for row in rows)
    claim = "Following schedules: largest difference of a gradient or loss from torch's backpropagation, float64"
    yield Claim(claim, "0", worst, worst == 0)


def training_claims(rows: list[dict[str, Any]]) -> Iterable[Claim]:
    """A torch module under budgets."""
    plain = rows[0]["peak"]
    own = [row for row in rows if row["way"].startswith("budget")]
    worst = max(row["gradient_difference"] for row in own)
    yield Claim("Residual network under budgets: largest difference of a gradient from plain training", "0", worst, worst == 0)
    over = max(row["peak"] / plain - float(row["way"].split()[-1]) for row in own)
    claim = "Residual network under budgets: measured peak beyond the budget, worst, as a share of the plain peak"
    yield Claim(claim, "at most 0.005 (rounding)", over, over <= 0.005)
    least = min(own, key=lambda row: row["peak"])
    share = 100 * (1 - least["peak"] / plain)
    yield Claim("Residual network, least budget: reduction of the measured peak in %", "at least 36", share, share >= 36)
    others = [row for row in rows[1:] if row not in own]
    best = min(others, key=lambda row: row["peak"])
    ratio = least["peak"] / best["peak"]
    claim = f"Residual network, least budget: peak as a multiple of the best of torch's own ways ({best['way']})"
    yield Claim(claim, "at most 1", ratio, ratio <= 1)


def evolved_claims(evolved: dict[str, Any], classifier: list[dict[str, Any]]) -> Iterable[Claim]:
    """Evolved networks and the classifier lose memory and nothing else."""
    worst = max(evolved["weight_difference"], *(row["weight_difference"] for row in classifier))
    yield Claim("Evolved network and classifier under budgets: largest difference of a trained number", "0", worst, worst == 0)
    aucs = {row["auc"] for row in classifier}
    spread = max(max(aucs) - min(aucs), abs(evolved["auc"][0] - evolved["auc"][1]))
    yield Claim("Evolved network and classifier under budgets: difference of test AUC", "0", spread, spread == 0)
    share = 100 * (1 - evolved["peak"] / evolved["plain_peak"])
    claim = f"Evolved network of {evolved['n_layers']} layers, least budget: reduction of the peak in %"
    yield Claim(claim, "above 0", share, share > 0)
