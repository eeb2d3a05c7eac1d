"""Memory and time of a training step by the number of steps in time, for BPTT and both forms of the rule."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import torch

from propneat.base.rng import derive_seed
from propneat.methods.claims import at_least
from propneat.methods.contract import Claim
from propneat.methods.rate_backprop.measure import Cost, peak_bytes, saved_bytes, step_seconds
from propneat.methods.rate_backprop.network import LayerPlan, SpikingNetwork, make_network

__all__ = ["CONV", "CostPlan", "cost_claims", "cost_study"]

CONV = (
    LayerPlan(16, "conv"),
    LayerPlan(16, "conv"),
    LayerPlan(16, "conv", residual=True),
    LayerPlan(32, "conv", pool=2),
    LayerPlan(32, "conv", residual=True),
)
"""A small residual network: two blocks, the second of half the side and twice the channels."""


@dataclass(frozen=True)
class CostPlan:
    """What is measured: numbers of steps, repeats in which the rules take turns, and rows of a batch of either network."""

    steps: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    n_repeats: int = 7
    dense_rows: int = 256
    conv_rows: int = 64


def cost_study(plan: CostPlan, seed: int, device: str, progress: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Return by network, number of steps and rule the fields of Cost: dense 64-256-256-256-10, and convolutional on 8 by 8."""
    networks = {
        "dense": ((LayerPlan(256),) * 3, (64,), plan.dense_rows),
        "convolutional": (CONV, (1, 8, 8), plan.conv_rows),
    }
    found = {}
    for name, (layers, shape, n_rows) in networks.items():
        generator = torch.Generator().manual_seed(derive_seed("rate-backprop cost", seed) % 2**63)
        network = make_network(layers, shape, 10, generator).to(device).train()
        inputs = torch.randn(1, n_rows, *shape, generator=generator).to(device)
        labels = torch.randint(0, 10, (n_rows,), generator=generator).to(device)
        found[name] = _costs(network, inputs, labels, plan, partial(progress, f"memory and time, {name} network"))
    return found


def _costs(
    network: SpikingNetwork,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    plan: CostPlan,
    progress: Callable[[int, int], None],
) -> dict[str, dict[str, Any]]:
    """Return by number of steps and rule the fields of Cost."""
    found, done, total = {}, count(1), len(plan.steps) * (plan.n_repeats + 1)
    for n_steps in plan.steps:
        step = network, inputs, labels
        seconds = step_seconds(*step, n_steps, plan.n_repeats, lambda: progress(next(done), total))
        found[str(n_steps)] = {}
        for rule, repeats in seconds.items():
            least = map(min, zip(*repeats, strict=True))
            cost = Cost(saved_bytes(*step, rule, n_steps), peak_bytes(*step, rule, n_steps), *least, repeats)
            found[str(n_steps)][rule] = vars(cost)
        progress(next(done), total)
    return found


def cost_claims(found: dict[str, Any]) -> Iterable[Claim]:
    """Say whether memory and time of the backward pass are flat in the number of steps, between 4 and the largest number."""
    for name, by_steps in found.items():
        last = max(by_steps, key=int)
        few, many, times = by_steps["4"], by_steps[last], int(last) / 4

        def growth(rule: str, part: str, few: dict = few, many: dict = many) -> float:
            return many[rule][part] / few[rule][part]

        grown = f"{name} network, {last} steps over 4"
        for rule in ("rate-multi", "rate-single"):
            yield _at_most(f"{grown}: bytes saved for backward, {rule}", growth(rule, "saved"), 1.05)
            yield _at_most(f"{grown}: seconds of the backward pass, {rule}", growth(rule, "backward"), 1.5)
        yield _at_most(f"{grown}: peak bytes, rate-single", growth("rate-single", "peak"), 1.05)
        for part, label in (("saved", "bytes saved for backward"), ("backward", "seconds of the backward pass")):
            value = growth("bptt", part)
            yield Claim(f"{grown}: {label}, BPTT", f"at least {0.75 * times:g}: linear", value, value >= 0.75 * times)
        value = growth("rate-multi", "peak")
        yield Claim(f"{grown}: peak bytes, rate-multi", "above 1: one layer's steps are alive", value, value > 1)
        seconds = {rule: np.array(cost["repeats"]) for rule, cost in many.items()}
        for rule in ("rate-multi", "rate-single"):
            bound, note = (1.8, " (a prototype)") if (name, rule) == ("dense", "rate-multi") else (1, "")
            what = f"{name} network, {last} steps: seconds of BPTT over {rule}, forward and backward"
            yield at_least(what, seconds["bptt"].sum(1) / seconds[rule].sum(1), bound, note)
        what = f"{name} network, {last} steps: seconds of the backward pass, BPTT over rate-multi"
        yield at_least(what, seconds["bptt"][:, 1] / seconds["rate-multi"][:, 1], 5)


def _at_most(name: str, value: float, bound: float) -> Claim:
    return Claim(name, f"at most {bound}: flat", value, value <= bound)
