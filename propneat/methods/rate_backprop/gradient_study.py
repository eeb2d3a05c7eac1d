"""How near the gradient by rates is to that of BPTT: where they must be equal, and by steps and depth where not."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from propneat.base.rng import derive_seed
from propneat.methods.claims import at_least, at_most, near
from propneat.methods.contract import Claim
from propneat.methods.rate_backprop.network import RULES, LayerPlan, SpikingNetwork, make_network
from propneat.methods.rate_backprop.neuron import Lif

__all__ = ["compare_gradients", "gradient_claims", "gradient_study", "weight_gradients"]

LIFS = {
    "soft reset": Lif(),
    "soft reset, attached": Lif(detach_reset=False),
    "hard reset": Lif(reset="hard"),
    "hard reset, attached": Lif(reset="hard", detach_reset=False),
}
STEPS = (1, 2, 4, 8, 16, 32)
DEPTHS = (1, 2, 3, 4, 6, 8)
_PROTOTYPE = {2: (0.979, 0.975, 0.975), 4: (0.988, 0.985, 0.983), 8: (0.992, 0.990, 0.988), 32: (0.994, 0.991, 0.988)}
"""Cosine by steps and hidden layer that a prototype of the same sizes gave."""


def weight_gradients(
    network: SpikingNetwork, inputs: torch.Tensor, labels: torch.Tensor, rule: str, n_steps: int
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return logits and the gradients of the cross entropy by all weights of maps; the network stays as it was."""
    copied = deepcopy(network).train()
    weights = [part for part in copied.parameters() if part.ndim > 1]
    with torch.enable_grad():
        logits = RULES[rule](copied, inputs, n_steps)
        gradients = torch.autograd.grad(functional.cross_entropy(logits, labels), weights)
    return logits.detach(), list(gradients)


def compare_gradients(
    network: SpikingNetwork, inputs: torch.Tensor, labels: torch.Tensor, n_steps: int, rule: str = "rate-multi"
) -> dict[str, Any]:
    """Return per weight matrix the `cosine` of a rule's gradient with BPTT's and the `ratio` of BPTT's norm to it.

    Also `error`, the largest difference of an entry over the largest entry of its matrix, and `logits`, the largest difference.
    """
    (logits, exact), (found, others) = (weight_gradients(network, inputs, labels, name, n_steps) for name in ("bptt", rule))
    pairs = [(a.flatten().double(), b.flatten().double()) for a, b in zip(exact, others, strict=True)]
    return {
        "cosine": [float(functional.cosine_similarity(a, b, dim=0)) for a, b in pairs],
        "ratio": [float(a.norm() / b.norm()) for a, b in pairs],
        "error": max(float((a - b).abs().max() / a.abs().max()) for a, b in pairs),
        "logits": float((logits - found).abs().max()),
    }


def gradient_study(seed: int, n_seeds: int, device: str, progress: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Return equalities and cosines as plain values; see `gradient_claims`. Networks are random and in double precision."""
    total = 1 + n_seeds * (len(STEPS) + len(DEPTHS) + 1)
    found: dict[str, Any] = {"exact": _equalities(seed, device), "steps": {}, "depth": {}, "moving": []}
    progress("gradients", 1, total)
    done = 1
    for k in range(n_seeds):
        for n_steps in STEPS:
            found["steps"].setdefault(str(n_steps), []).append(_random(3, n_steps, (seed, k), device))
            progress("gradients", done := done + 1, total)
        for depth in DEPTHS:
            found["depth"].setdefault(str(depth), []).append(_random(depth, 8, (seed, k), device))
            progress("gradients", done := done + 1, total)
        found["moving"].append(_random(3, 8, (seed, k), device, is_constant=False))
        progress("gradients", done := done + 1, total)
    return found


def _equalities(seed: int, device: str) -> dict[str, dict[str, float]]:
    """Return gaps where rates and BPTT must agree: one hidden layer at 8 steps, and three layers at one step."""
    found = {}
    for name, lif in LIFS.items():
        for rule in ("rate-multi", "rate-single"):
            one = _random(1, 8, (seed, 0), device, lif=lif, rule=rule)
            three = _random(3, 1, (seed, 0), device, lif=lif, rule=rule)
            found[f"{name}, {rule}"] = {
                "one layer": one["error"],
                "one step": three["error"],
                "logits": max(one["logits"], three["logits"]),
            }
    return found


def _random(
    depth: int,
    n_steps: int,
    seed: tuple[int, int],
    device: str,
    is_constant: bool = True,
    lif: Lif | None = None,
    rule: str = "rate-multi",
) -> dict[str, Any]:
    """Compare on a dense network 20-64-...-64-5 with batch norm, 256 rows of normal inputs and labels at random."""
    generator = torch.Generator().manual_seed(derive_seed("rate-backprop gradients", *seed) % 2**63)
    network = make_network((LayerPlan(64),) * depth, (20,), 5, generator, lif, dtype=torch.float64)
    inputs = torch.randn(1 if is_constant else n_steps, 256, 20, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 5, (256,), generator=generator)
    return compare_gradients(network.to(device), inputs.to(device), labels.to(device), n_steps, rule)


def gradient_claims(found: dict[str, Any]) -> Iterable[Claim]:
    """Say whether equalities hold to rounding, and cosines are those of the prototype and rise with the number of steps."""
    for part, name in (
        ("one layer", "one hidden layer, 8 steps, all resets, both forms: largest relative difference from BPTT's gradient"),
        ("one step", "three hidden layers, 1 step, all resets, both forms: largest relative difference from BPTT's gradient"),
    ):
        worst = max(gaps[part] for gaps in found["exact"].values())
        yield Claim(name, "below 1e-10", worst, worst < 1e-10)
    every = [case["logits"] for cases in (*found["steps"].values(), *found["depth"].values()) for case in cases]
    worst = max(*every, *(gaps["logits"] for gaps in found["exact"].values()))
    yield Claim(
        "logits of the rate pass against mean logits of spikes, largest difference", "below 1e-12", worst, worst < 1e-12
    )
    cosines = {n: np.array([case["cosine"] for case in cases])[:, :-1] for n, cases in found["steps"].items()}
    for n_steps, expected in _PROTOTYPE.items():
        for layer, cosine in enumerate(expected):
            name = f"cosine with BPTT, {n_steps} steps, hidden layer {layer + 1} of 3"
            yield near(name, cosines[str(n_steps)][:, layer], cosine, 0.01, " (a prototype)")
    rises = [(cosines[str(b)] - cosines[str(a)])[:, layer] for a, b in ((2, 4), (4, 8), (8, 32)) for layer in range(3)]
    least = min(rises, key=lambda rise: rise.mean())
    yield at_least("cosine rises from 2 to 4 to 8 to 32 steps in every layer, least rise", least, 0)
    ratios = np.mean([case["ratio"] for n in (2, 4, 8, 32) for case in found["steps"][str(n)]], axis=0)
    worst = float(ratios[np.argmax(np.abs(ratios - 1))])
    yield Claim(
        "norm of BPTT's gradient over that by rates, layer farthest from 1", "1 within 0.03", worst, abs(worst - 1) <= 0.03
    )
    what = "cosine in the first of 3 layers when the input is fresh noise at every step, which breaks what the rule assumes"
    yield at_most(what, [case["cosine"][0] for case in found["moving"]], 0.9)
