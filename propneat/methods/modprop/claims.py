"""What is claimed for ModProp, beside what a run of the native study found."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from propneat.methods.contract import Claim

__all__ = ["alignment_claims", "digit_claims", "online_claims", "xor_claims"]

_RELEASED_LOSS = {200: 0.454, 400: 0.127, 600: 0.104, 1000: 0.032}
"""Mean cross entropy by update of the ten runs with type-averaged weights that the authors published, at 1 ms a step."""

_SHORT = {
    "bptt": "BPTT",
    "e-prop": "e-prop",
    "mdgl": "MDGL",
    "modprop-cells": "ModProp with W",
    "modprop-types": "ModProp with type means",
}


def online_claims(gaps: Mapping[str, list[float]]) -> list[Claim]:
    """Say whether the two forms of a gradient agree, from relative differences by order of traces, for every rule."""
    worst = max(values[-1] for values in gaps.values())
    left = max(values[3] / values[0] for values in gaps.values())
    return [
        _below("online form against autograd form, both variants and weights, largest relative difference", worst, 1e-12),
        _below("share of e-prop's difference from ModProp that is left after three crossings", left, 0.01),
    ]


def xor_claims(curves: Mapping[str, Mapping[str, Any]]) -> list[Claim]:
    """Compare rules by the mean cross entropy on delayed XOR at the end, and with the authors' published runs."""
    ends = {name: np.array(curve["loss"][-1]) for name, curve in curves.items()}
    pairs = (
        ("modprop-cells", "bptt"),
        ("e-prop", "modprop-cells"),
        ("e-prop", "modprop-types"),
        ("mdgl", "modprop-types"),
        ("modprop-types", "modprop-cells"),
    )
    claims = [_difference("delayed XOR, cross entropy at the end", ends, *pair) for pair in pairs]
    updates = curves["modprop-types"]["updates"]
    shared = [update for update in _RELEASED_LOSS if update in updates]
    for name in ("modprop-types", "bptt") if shared else ():
        ours = float(np.mean(curves[name]["loss"][updates.index(shared[-1])]))
        what = f"delayed XOR, mean cross entropy at {shared[-1]} updates, {_SHORT[name]}"
        claims.append(_near(what, ours, _RELEASED_LOSS[shared[-1]], 0.05, " in the authors' runs of ModProp with type means"))
    accuracies = curves["modprop-types"]["accuracy"][-1]
    n_solved = sum(accuracy >= 0.96 for accuracy in accuracies)
    what = "delayed XOR, seeds at 96 % accuracy at the end, ModProp with type means"
    claims.append(
        Claim(what, f"all {len(accuracies)}, as all 10 of the authors' by 640 updates", n_solved, n_solved == len(accuracies))
    )
    radius = max(float(np.max(curves[name]["tap_radius"])) for name in ("modprop-types", "modprop-cells"))
    worst = max(float(np.max(curve["loss"])) for name, curve in curves.items() if name.startswith("modprop"))
    return [
        *claims,
        _below("delayed XOR, largest spectral radius of ModProp's taps in training", radius, 1.0),
        _below("delayed XOR, largest cross entropy of any ModProp network on its way", worst, 2.0, ", so learning is stable"),
    ]


def alignment_claims(alignment: Mapping[str, np.ndarray], far_shares: list[list[float]]) -> list[Claim]:
    """Compare rules by their cosine with BPTT's gradient, arrays (n_checks, n_seeds), averaged over checks after the first.

    `far_shares` is a list of (check, seed), of what two and more crossings add to type-averaged ModProp.
    """
    means = {name: values[1:].mean(axis=0) for name, values in alignment.items()}
    starts = [
        float(values[0].mean()) for name, values in alignment.items() if name.startswith("modprop") and "mu 1.0" not in name
    ]
    pairs = (
        ("modprop-types", "e-prop"),
        ("modprop-cells", "modprop-types"),
        ("modprop-types", "mdgl"),
        ("modprop-types-receiver", "mdgl"),
        ("modprop-cells-receiver", "mdgl"),
    )
    kept = tuple((f"modprop-{weights}-receiver", f"modprop-{weights}") for weights in ("types", "cells"))
    too_large, e_prop = (float(means[name].mean()) for name in ("modprop-cells, mu 1.0", "e-prop"))
    far = float(np.mean(far_shares[0]))
    return [
        *(_difference("alignment with BPTT in training", means, *pair) for pair in pairs + kept),
        Claim(
            "alignment before training, least of ModProp with slopes up to 0.5",
            "at least 0.92",
            min(starts),
            min(starts) >= 0.92,
        ),
        _below("alignment in training, ModProp with W and slope 1, which is too large", too_large, e_prop, " of e-prop"),
        _below(
            "share of two and more crossings in ModProp with type means, before training",
            far,
            0.1,
            ", weights being balanced",
        ),
    ]


def digit_claims(plain: Mapping[str, list[float]], blank: Mapping[str, list[float]]) -> list[Claim]:
    """Compare rules by their mean test accuracy on digits row by row, with and without blank steps at the end."""
    accuracies = {name: np.array(values) for name, values in plain.items()}
    expected = {"bptt": 0.959, "modprop-cells": 0.915, "modprop-types": 0.904, "e-prop": 0.882}
    order = tuple(expected)
    claims = [
        _near(f"digits by rows, test accuracy of {_SHORT[name]}", float(accuracies[name].mean()), value, 0.03)
        for name, value in expected.items()
    ]
    claims += [
        _difference("digits by rows, test accuracy", accuracies, *pair) for pair in zip(order[:-1], order[1:], strict=True)
    ]
    best, e_prop = max(float(np.mean(blank[name])) for name in order[1:3]), float(np.mean(blank["e-prop"]))
    return [
        *claims,
        _below("digits, then blank steps, accuracy of the better ModProp: activity must last", best, e_prop, " of e-prop"),
    ]


def _difference(what: str, values: Mapping[str, np.ndarray], first: str, second: str) -> Claim:
    """Claim that the mean over seeds is larger for the first rule."""
    difference = values[first] - values[second]
    error = difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else np.nan
    mean = float(difference.mean())
    return Claim(
        f"{what}: {_name(first)} minus {_name(second)}", f"above 0 (standard error over seeds {error:.3f})", mean, mean > 0
    )


def _below(what: str, value: float, bound: float, why: str = "") -> Claim:
    return Claim(what, f"below {bound:.3g}{why}", value, value < bound)


def _near(what: str, value: float, expected: float, distance: float, where: str = "") -> Claim:
    return Claim(what, f"{expected}{where}, at most {distance} away", value, abs(value - expected) <= distance)


def _name(rule: str) -> str:
    base = rule.removesuffix("-receiver")
    return _SHORT[base] + (", receiver's h kept" if base != rule else "")
