"""What is claimed for ST-RSBP, beside what a run of the native study found."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from propneat.methods.claims import ahead, at_least, near
from propneat.methods.contract import Claim

__all__ = ["gradient_claims", "learning_claims", "picture_claims"]

_GOLDEN = {
    "recurrent": (0.967, 0.953),
    "recurrent, direct weights": (0.950, 0.953),
    "recurrent, no compensation": (0.814, 0.828),
}
"""Test accuracies on pictures of digits of the specification's prototype, in two folds."""

_SHORT = {
    "recurrent": "recurrent",
    "recurrent, direct weights": "direct weights",
    "recurrent, no compensation": "no compensation",
    "recurrent, frozen": "frozen recurrent weights",
    "feed-forward": "feed-forward",
    "recurrent, BPTT": "BPTT",
}


def gradient_claims(gradients: Mapping[str, Any]) -> list[Claim]:
    """Claims from "identity", "solve", "active" and "half_silent" of the gradient studies."""
    identity, active = gradients["identity"], gradients["active"]
    correlation, quiet = active["correlation"], gradients["half_silent"]["correlation"]
    hops = gradients["solve"]["gaps"]
    shrinks = bool((np.diff(hops) < 0).all())
    return [
        Claim(
            "weights times e against potentials at spikes, largest relative difference",
            "below 1e-10: they are the same",
            identity["largest"],
            identity["largest"] < 1e-10,
        ),
        near("a / (threshold times count), mean over cells that fire", [identity["overshoot"]], 1.14, 0.1, " in the prototype"),
        at_least("finite differences of counts, correlation with the rule", correlation["adjoint"], 0.98, ", prototype 0.9987"),
        *(
            _loses("finite differences, correlation", correlation, line, f", prototype {prototype}")
            for line, prototype in (
                ("direct weights", 0.9964),
                ("no compensation", 0.9515),
                ("neither term", "no C but Theta 0.9433"),
            )
        ),
        near("finite differences, scale of what is found over what is foreseen", active["scale"]["adjoint"], 0.75, 0.1),
        _loses("finite differences, correlation", correlation, "BPTT", ", no figure in the paper"),
        *(
            _loses("half of the cells silent, correlation", quiet, line, ", no figure in the paper")
            for line in ("direct weights", "no compensation", "BPTT")
        ),
        Claim(
            "truncated sums come nearer to the linear system with every hop; difference left at the last",
            f"falls at each of {len(hops) - 1} hops from {hops[0]:.3f}",
            hops[-1],
            shrinks,
        ),
    ]


def picture_claims(pictures: Mapping[str, list[Mapping[str, Any]]]) -> list[Claim]:
    """Claims from digits shown as pictures: runs by arm."""
    ends = {arm: np.array([run["accuracy"][-1] for run in runs]) for arm, runs in pictures.items()}
    claims = [
        near(f"pictures of digits, test accuracy, {_SHORT[arm]}", ends[arm], float(np.mean(golden)), 0.03, " in the prototype")
        for arm, golden in _GOLDEN.items()
    ]
    dead = max(float(run["dead_share"]) for run in pictures["recurrent"])
    return [
        *claims,
        _more("pictures of digits, without compensation it is worse", ends, "recurrent", "recurrent, no compensation"),
        Claim("pictures of digits, share of hidden cells that fire for no picture", "below 0.5", dead, dead < 0.5),
    ]


def learning_claims(task: str, runs: Mapping[str, list[Mapping[str, Any]]]) -> list[Claim]:
    """Claims from a sequence task: runs by arm."""
    ends = {arm: np.array([run["accuracy"][-1] for run in found]) for arm, found in runs.items()}
    return [
        _more(f"{task}, test accuracy", ends, "recurrent", other)
        for other in ("feed-forward", "recurrent, frozen", "recurrent, BPTT")
    ]


def _more(what: str, ends: Mapping[str, np.ndarray], first: str, second: str) -> Claim:
    """Claim that the mean over seeds is larger for the first arm; both have the same seeds."""
    return ahead(f"{what}: {_SHORT[first]} minus {_SHORT[second]}", ends[first], ends[second])


def _loses(what: str, correlation: Mapping[str, list[float]], line: str, note: str) -> Claim:
    """Claim that the whole rule correlates better than one of its lines, on the same networks."""
    return ahead(f"{what}: the rule less {line}", correlation["adjoint"], correlation[line], note)
