"""What the specification expects, beside what this run found.

It gives R^2, the gain over the consensus, and the two ratios of time. The other bounds are this project's own, set near what its
first runs found: they tell a later run that has become worse.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from propneat.methods.claims import at_least
from propneat.methods.contract import Claim
from propneat.methods.sparse_fourier.cost_study import growth

__all__ = ["cost_claims", "latent_claims", "table_claims"]


def latent_claims(found: Mapping[str, Any]) -> tuple[Claim, ...]:
    """Return claims about the latent and its volumes; see `latent_study` for the numbers."""
    states, shuffled, consensus = (np.mean(found[name], axis=1) for name in ("state_fsc", "shuffled_fsc", "consensus_fsc"))
    looks = found["looks"]
    kept = max(looks, key=lambda look: look["held_out_correlation"])["state_fsc"]
    best = max(look["state_fsc"] for look in looks)
    return (
        _at_least("R^2 of the hidden angle from a quadratic of the latent, held-out half-set", found["r2"], 0.85),
        _at_least("mean FSC of states against the truth less that of the consensus", states.mean() - consensus.mean(), 0),
        _at_least("the same difference for the state that gains least", (states - consensus).min(), 0),
        _at_least("the same difference at the best look of training", best - consensus.mean(), 0),
        _at_most("mean FSC lost against the best look by stopping where the held-out half-set says", best - kept, 0.02),
        _at_most("mean FSC of states with shuffled latents less that with their own (control)", (shuffled - states).mean(), 0),
        _at_most("R^2 of the angle from shuffled latents (control)", found["shuffled_r2"], 0.05),
        _at_least("divergence of the posterior in nats, near 0 if it has collapsed", looks[-1]["divergence"], 1),
    )


def cost_claims(costs: Mapping[str, Any]) -> tuple[Claim, ...]:
    """Return claims about times of a step at the sides 65 and 97; without those, none."""
    if not {"65", "97"} <= costs.keys():
        return ()
    small, large = costs["65"]["step"], costs["97"]["step"]
    up_to_97 = {n: cost for n, cost in costs.items() if int(n) <= 97}
    dense, network = large["dense"] / large["sparse"], small["network 256"] / small["sparse"]
    touched = costs["65"]["touched_by_a_slice"]
    return (
        _at_least("step time of whole volumes over sparse slices, n = 97 (specification: 6.2)", dense, 5),
        *_compiled(large),
        _at_least("step time of a 3 x 256 network of coordinates over sparse slices, n = 65 (specification: 66)", network, 30),
        _at_most("exponent of n in the step time of sparse slices, n = 33 to 97 (about 2)", growth(up_to_97, "sparse"), 2.5),
        _at_least("exponent of n in the step time of whole volumes, n = 33 to 97 (about 3)", growth(up_to_97, "dense"), 2.6),
        _at_most("share of voxels that one slice touches, n = 65 (specification: 0.050)", touched, 0.07),
    )


def _compiled(step: Mapping[str, float]) -> tuple[Claim, ...]:
    """Return the claim about compiled loops, which only a processor runs."""
    if "sparse, compiled" not in step:
        return ()
    ratio = step["dense, compiled"] / step["sparse, compiled"]
    return (_at_least("the same ratio with both interpolating in compiled loops", ratio, 2.5),)


def table_claims(tables: Mapping[str, Mapping[str, list[float]]]) -> tuple[Claim, ...]:
    """Return for each table how the classifier compares with its control; parity is expected, not a win."""
    leads = {name: np.subtract(scores["sparse-fourier"], scores["PCA-8 + LR"]) for name, scores in tables.items()}
    what = "balanced accuracy less that of PCA-8 + LR: {} (parity)"
    return tuple(at_least(what.format(name), lead, -0.03) for name, lead in leads.items())


def _at_least(name: str, value: float, bound: float) -> Claim:
    return Claim(name, f">= {bound}" if bound else "> 0", float(value), bool(value >= bound if bound else value > 0))


def _at_most(name: str, value: float, bound: float) -> Claim:
    return Claim(name, f"<= {bound}" if bound else "< 0", float(value), bool(value <= bound if bound else value < 0))
