"""Flows of digits with the inverse in either direction: bits per dimension, samples, and time to sample and to encode."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import log2
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

from propneat.base.rng import derive_seed, make_rng
from propneat.methods.claims import at_most, near
from propneat.methods.contract import Claim
from propneat.methods.inverse_flow.flow import Flow, FlowPlan, make_flow
from propneat.methods.inverse_flow.training import FlowTraining, evaluate, train_flow

__all__ = ["WAYS", "FlowStudyPlan", "flow_claims", "flow_study"]

WAYS = {"inverse-flow": True, "FInC-style": False}
_LEVELS = 17
_SHOWN = 40


@dataclass(frozen=True)
class FlowStudyPlan:
    """The flow of digits and its training."""

    flow: FlowPlan = field(default_factory=FlowPlan)
    training: FlowTraining = field(default_factory=FlowTraining)
    n_rows: int | None = None


def flow_study(plan: FlowStudyPlan, seed: int, device: str, progress: Callable) -> dict[str, Any]:
    """Return by way the epochs, bits, errors and samples.

    A fifth of the digits is held out; it has no influence on training. Both ways start from the same nets.
    """
    images = load_digits().images[:, None].astype(np.int64)
    order = make_rng("inverse-flow", seed, "digits").permutation(len(images))[: plan.n_rows]
    n_test = len(order) // 5
    train, test = images[order[n_test:]], images[order[:n_test]]
    ways = {}
    for way, is_inverted in WAYS.items():
        flow = make_flow((1, 8, 8), replace(plan.flow, is_inverted=is_inverted), _seed(seed, "nets"), device)
        epochs: list[dict[str, float]] = []

        def after_epoch(epoch: Any, epochs: list = epochs, way: str = way) -> None:
            epochs.append(vars(epoch))
            progress(f"digits: training, {way}", len(epochs), plan.training.n_epochs)

        train_flow(flow, train, test, _LEVELS, plan.training, make_rng("inverse-flow", seed, "training"), after_epoch)
        ways[way] = {"epochs": epochs, **_judge(flow, test, seed)}
    real = test[:_SHOWN, 0].tolist()
    return {"ways": ways, "real": real}


def flow_claims(runs: Sequence[dict[str, Any]]) -> list[Claim]:
    """Say how many bits both ways need over runs of `flow_study`, and whether they stay exact in the worst of them."""
    claims, bits = [], {}
    for way in WAYS:
        judged = [run["ways"][way] for run in runs]
        bits[way] = [one["bits"] for one in judged]
        epochs = [epoch for one in judged for epoch in one["epochs"]]
        worst, gain = (max(epoch[name] for epoch in epochs) for name in ("reconstruction", "gain"))
        drawn = f"digits, {way}: error of latents drawn with deviation 2 and encoded again, in double precision"
        claims += [
            at_most(f"digits, {way}: bits per dimension, held out", bits[way], log2(_LEVELS), ": uniform"),
            _below(f"digits, {way}: largest reconstruction error of any epoch", worst, 1e-3, len(runs)),
            _below(drawn, max(one["latent_error"] for one in judged), 1e-3, len(runs)),
            _below(f"digits, {way}: largest max|x| / max|y| of an inverse", gain, 100, len(runs)),
        ]
    ours, control = bits.values()
    means = f" ({np.mean(ours):.4g} less {np.mean(control):.4g})"
    claims.append(near("digits: bits of Inverse-Flow less those of the control", np.subtract(ours, control), 0, 0.1, means))
    return claims


def _below(name: str, worst: float, bound: float, n_runs: int) -> Claim:
    return Claim(name, f"below {bound:.3g}, the worst of the runs", worst, worst < bound, n_runs=n_runs)


@torch.no_grad()
def _judge(flow: Flow, test: np.ndarray, seed: int) -> dict[str, Any]:
    """Return bits averaged over 10 draws of noise, the error of latents that training never met, samples, and sizes."""
    rng = make_rng("inverse-flow", seed, "noise")
    bits = float(np.mean([evaluate(flow, test, _LEVELS, rng)[0] for _ in range(10)]))
    generator = torch.Generator().manual_seed(_seed(seed, "samples"))
    samples = {str(temperature): _grey(flow.sample(_SHOWN, generator, temperature)) for temperature in (1.0, 0.7)}
    n_parameters = sum(part.numel() for part in flow.parameters())
    double = flow.double()
    latents = [2 * torch.randn(64, *shape, generator=generator, dtype=torch.float64) for shape in flow.latent_shapes]
    latents = [latent.to(next(flow.parameters()).device) for latent in latents]
    # before the logit, which cannot tell numbers far out apart
    again = double.encode_logits(double.decode_logits(latents))[0]
    error = max(float((a - b).abs().max()) for a, b in zip(latents, again, strict=True))
    return {"bits": bits, "samples": samples, "latent_error": error, "parameters": n_parameters}


def _grey(images: torch.Tensor) -> list:
    """Return images as grey levels 0 to 16, values outside cut off."""
    return torch.nan_to_num(images[:, 0] * _LEVELS).clamp(0, _LEVELS - 1).floor().int().tolist()


def _seed(seed: int, use: str) -> int:
    return derive_seed("inverse-flow", seed, use) % 2**63
