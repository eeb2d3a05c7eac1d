"""Time to sample and to encode by the direction of the inverse, at the paper's shapes, networks untrained and equal.

The paper's ratios compare networks of unlike size: Inverse-Flow with 1.76 million numbers and FInC with 2.72 on CIFAR-10, 1.6
and 10.2 on MNIST. Where its tables 7 and 8 compare like with like, sampling gains a factor of 1.08 to 1.40. Here both directions
have the same nets. The released code samples one image at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from propneat.base.rng import derive_seed
from propneat.methods.claims import at_least, at_most, near
from propneat.methods.contract import Claim
from propneat.methods.inverse_flow.algorithm_study import clock
from propneat.methods.inverse_flow.flow import FlowPlan, make_flow
from propneat.methods.inverse_flow.flow_study import WAYS

__all__ = ["SpeedPlan", "speed_claims", "speed_study"]

_PUBLISHED = {(3, 32, 32): 2.13, (1, 28, 28): 1.73}
"""Sampling time of FInC over that of Inverse-Flow: CIFAR-10 and MNIST, from the tables of ten methods."""
_CODE_IMAGES = 1
_NEAR = 0.2


@dataclass(frozen=True)
class SpeedPlan:
    """Shapes of images (channels, height, width), the flow, and for every number of images the repeats."""

    shapes: tuple[tuple[int, int, int], ...] = tuple(_PUBLISHED)
    flow: FlowPlan = FlowPlan(n_scales=2, n_steps=16, width=128)
    repeats: tuple[tuple[int, int], ...] = ((_CODE_IMAGES, 20), (100, 5))


def speed_study(plan: SpeedPlan, seed: int, device: str, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Return case -> images and shape, and for "sample" and "encode" seconds of every call by way, the ways in turn."""
    found: dict[str, Any] = {}
    n_done, total = 0, len(plan.shapes) * sum(n for _, n in plan.repeats)
    for shape in plan.shapes:
        flows = {
            way: make_flow(shape, replace(plan.flow, is_inverted=flag), _seed(seed), device).eval()
            for way, flag in WAYS.items()
        }
        # only one way inverts in a call, and should not pay for being watched
        for layer in (layer for flow in flows.values() for layer in flow.inverse_convs()):
            layer.watches_gain = False
        for n_images, n_repeats in plan.repeats:
            seconds: dict[str, dict[str, list[float]]] = {name: {way: [] for way in WAYS} for name in ("sample", "encode")}
            generator = torch.Generator().manual_seed(_seed(seed))
            u = torch.rand(n_images, *shape, generator=generator, dtype=torch.float32).to(device)
            # a first round is not counted
            for repeat in range(n_repeats + 1):
                for way, flow in flows.items():
                    calls = {"sample": partial(flow.sample, n_images, generator), "encode": partial(flow.encode, u)}
                    for name, call in calls.items():
                        taken = _seconds(call, device)
                        seconds[name][way] += [taken] if repeat else []
                n_done += bool(repeat)
                progress(n_done, total)
            images = "1 image" if n_images == 1 else f"{n_images} images"
            case = f"{images} of {'x'.join(map(str, shape))}"
            found[case] = {"images": n_images, "shape": list(shape), "seconds": seconds}
    return found


def speed_claims(found: dict[str, Any]) -> list[Claim]:
    """Hold ratios of time against the paper's, one image at a time as in its code, and say what a hundred at once bring."""
    claims = []
    for case, part in found.items():
        ratios = {name: np.divide(by_way["FInC-style"], by_way["inverse-flow"]) for name, by_way in part["seconds"].items()}
        name, published = f"{case}: sampling time, FInC-style over Inverse-Flow", _PUBLISHED.get(tuple(part["shape"]))
        if part["images"] == _CODE_IMAGES and published:
            claims.append(near(name, ratios["sample"], published, _NEAR * published, ", from unequal networks in the paper"))
        else:
            claims.append(at_least(name, ratios["sample"], 1))
        claims.append(at_most(f"{case}: encoding time, FInC-style over Inverse-Flow", ratios["encode"], 1, ", paper 0.76"))
    return claims


@torch.no_grad()
def _seconds(call: Callable, device: str) -> float:
    start = clock(torch.device(device).type)
    call()
    return clock(torch.device(device).type) - start


def _seed(seed: int) -> int:
    return derive_seed("inverse-flow", seed, "timed") % 2**63
