"""Deblurring: the taps of an unknown blur are learnt through the inverse layer, from pairs of blurred and sharp images."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

from propneat.base.rng import make_rng
from propneat.methods.contract import Claim
from propneat.methods.inverse_flow.wavefront import convolve, deconvolve

__all__ = ["BLUR", "DeblurPlan", "deblur_claims", "deblur_study"]

BLUR = ((0.04, 0.08, 0.05), (0.09, 0.16, 0.12), (0.06, 0.14, 0.5))
"""A blur towards the upper left, not symmetric; the pixel's own tap comes last."""


@dataclass(frozen=True)
class DeblurPlan:
    """How many pairs are learnt from, and how: Adam with a rate that falls by half a cosine, all pairs in every update."""

    n_pairs: int = 200
    n_updates: int = 600
    learning_rate: float = 0.02


def deblur_study(plan: DeblurPlan, seed: int, device: str, progress: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Return true and learnt taps, the error of taps by update, and held-out digits sharp, blurred and restored."""
    images = load_digits().images[:, None].astype(np.float32) / 16
    order = make_rng("inverse-flow", seed, "deblur").permutation(len(images))[: plan.n_pairs + 8]
    sharp = torch.from_numpy(images[order]).to(device)
    blur = torch.tensor(BLUR, dtype=torch.float32, device=device)[None, None]
    blurred = convolve(sharp, blur)
    taps = torch.zeros_like(blur)
    taps[..., -1, -1] = 1
    taps.requires_grad_()
    optimiser = torch.optim.Adam([taps], plan.learning_rate)
    pairs, errors, gains = slice(0, plan.n_pairs), [], []
    for update in range(plan.n_updates):
        optimiser.param_groups[0]["lr"] = plan.learning_rate * 0.5 * (1 + cos(pi * update / plan.n_updates))
        optimiser.zero_grad()
        restored = deconvolve(blurred[pairs], taps)
        torch.mean((restored - sharp[pairs]) ** 2).backward()
        optimiser.step()
        errors.append(float((taps.detach() - blur).abs().max()))
        gains.append(float(restored.detach().abs().max() / blurred[pairs].abs().max()))
        if (update + 1) % 20 == 0 or update + 1 == plan.n_updates:
            progress("deblurring: updates", update + 1, plan.n_updates)
    with torch.no_grad():
        shown = blurred[plan.n_pairs :]
        restored = deconvolve(shown, taps)
    return {
        "taps": {"true": blur[0, 0].tolist(), "learnt": taps.detach()[0, 0].tolist()},
        "errors": errors,
        "largest gain": max(gains),
        "held out": {
            name: part[:, 0].tolist()
            for name, part in (("sharp", sharp[plan.n_pairs :]), ("blurred", shown), ("restored", restored))
        },
    }


def deblur_claims(found: dict[str, Any]) -> list[Claim]:
    """Say whether the taps were recovered, and what that does for images that were not learnt from."""
    error = found["errors"][-1]
    sharp, restored = (np.array(found["held out"][name]) for name in ("sharp", "restored"))
    worst = float(np.abs(restored - sharp).max())
    return [
        Claim("deblurring: largest error of a learnt tap", "below 1e-3", error, error < 1e-3),
        Claim("deblurring: largest error of a restored pixel, held out, of 1", "below 0.01", worst, worst < 0.01),
    ]
