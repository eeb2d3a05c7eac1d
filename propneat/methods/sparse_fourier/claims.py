"""What the specification expects, beside what this run found.

It gives R^2, the gain over the consensus, and the two ratios of time. The other bounds are this project's own, set near what its
first runs found: they tell a later run that has become worse.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from propneat.methods.claims import at_least, at_most
from propneat.methods.contract import Claim
from propneat.methods.sparse_fourier.cost_study import growth

__all__ = ["cost_claims", "latent_claims", "table_claims"]


def latent_claims(runs: Sequence[Mapping[str, Any]]) -> tuple[Claim, ...]:
    """Return claims about the latent and its volumes over runs with molecules of their own; see `latent_study`."""
    means = {name: [np.mean(run[name], axis=1) for run in runs] for name in ("state_fsc", "shuffled_fsc", "consensus_fsc")}
    states, consensus = means["state_fsc"], means["consensus_fsc"]
    gains = [own - other for own, other in zip(states, consensus, strict=True)]
    kept = [max(run["looks"], key=lambda look: look["held_out_correlation"])["state_fsc"] for run in runs]
    best = [max(look["state_fsc"] for look in run["looks"]) for run in runs]
    controls = [(own - other).mean() for own, other in zip(states, means["shuffled_fsc"], strict=True)]
    return (
        at_least(
            "R^2 of the hidden angle from a quadratic of the latent, held-out half-set", [run["r2"] for run in runs], 0.85
        ),
        at_least("mean FSC of states against the truth less that of the consensus", [gain.mean() for gain in gains], 0),
        at_least("the same difference for the state that gains least", [gain.min() for gain in gains], 0),
        at_most(
            "mean FSC lost against the best look by stopping where the held-out half-set says", np.subtract(best, kept), 0.02
        ),
        at_least("mean FSC of states with their own latents less that with shuffled ones (control)", controls, 0),
        at_most("R^2 of the angle from shuffled latents (control)", [run["shuffled_r2"] for run in runs], 0.05),
        at_least(
            "divergence of the posterior in nats, near 0 if it has collapsed",
            [run["looks"][-1]["divergence"] for run in runs],
            1,
        ),
    )


def cost_claims(costs: Mapping[str, Any]) -> tuple[Claim, ...]:
    """Return claims about times of a step at the sides 65 and 97; without those, none."""
    if not {"65", "97"} <= costs.keys():
        return ()
    small, turns = costs["65"]["step"], {way: np.array(seconds) for way, seconds in costs["97"]["turns"].items()}
    up_to_97 = {n: cost for n, cost in costs.items() if int(n) <= 97}
    network = small["network 256"] / small["sparse"]
    touched = costs["65"]["touched_by_a_slice"]
    return (
        at_least(
            "step time of whole volumes over sparse slices, n = 97", turns["dense"] / turns["sparse"], 5, ", 6.2 expected"
        ),
        *_compiled(turns),
        _at_least("step time of a 3 x 256 network of coordinates over sparse slices, n = 65 (specification: 66)", network, 30),
        _at_most("exponent of n in the step time of sparse slices, n = 33 to 97 (about 2)", growth(up_to_97, "sparse"), 2.5),
        _at_least("exponent of n in the step time of whole volumes, n = 33 to 97 (about 3)", growth(up_to_97, "dense"), 2.6),
        _at_most("share of voxels that one slice touches, n = 65 (specification: 0.050)", touched, 0.07),
    )


def _compiled(turns: Mapping[str, np.ndarray]) -> tuple[Claim, ...]:
    """Return the claim about compiled loops, which only a processor runs."""
    if "sparse, compiled" not in turns:
        return ()
    ratios = turns["dense, compiled"] / turns["sparse, compiled"]
    return (at_least("the same ratio with both interpolating in compiled loops", ratios, 2.5),)


def table_claims(tables: Mapping[str, Mapping[str, list[float]]]) -> tuple[Claim, ...]:
    """Return for each table how the classifier compares with its control; parity is expected, not a win."""
    leads = {name: np.subtract(scores["sparse-fourier"], scores["PCA-8 + LR"]) for name, scores in tables.items()}
    what = "balanced accuracy less that of PCA-8 + LR: {} (parity)"
    return tuple(at_least(what.format(name), lead, -0.03) for name, lead in leads.items())


def _at_least(name: str, value: float, bound: float) -> Claim:
    return Claim(name, f"at least {bound}", float(value), bool(value >= bound))


def _at_most(name: str, value: float, bound: float) -> Claim:
    return Claim(name, f"at most {bound}", float(value), bool(value <= bound))
