"""Size, depth and skips of champions, beside the networks of the paper."""

from collections.abc import Callable
from typing import Any

import numpy as np

from propneat.compiler import LayerPlan
from propneat.data.embedded import EMBEDDED
from propneat.methods import METHODS
from propneat.methods.claims import at_most, near
from propneat.methods.contract import Claim

__all__ = ["champion_claims", "champion_sizes", "skippiness"]

_PARAMETERS, _DEPTH, _SKIPPINESS = 176, 12, 2.6
"""The paper's means over data sets: weights and biases, layers, and layers that a connection spans."""


def champion_sizes(
    seed: int, datasets: tuple[str, ...], n_seeds: int, generations: int | None, progress: Callable[[str, int, int], None]
) -> list[dict[str, Any]]:
    """Return parameters, depth and skippiness of the champion of `propneat-single` for every data set and seed."""
    method, found = METHODS["propneat-single"], []
    options = dict(method.options) | ({} if generations is None else {"generations": generations})
    for name in datasets:
        frame = EMBEDDED[name]()
        for k in range(n_seeds):
            model = method.make(random_state=n_seeds * seed + k, **options).fit(frame.drop(columns="target"), frame["target"])
            size = method.size(model)
            skips = skippiness(model.model_.plan)
            found.append({"dataset": name, "parameters": size.n_parameters, "depth": size.depth, "skippiness": skips})
            progress("champions", len(found), len(datasets) * n_seeds)
    return found


def skippiness(plan: LayerPlan) -> float:
    """Return how many layers a connection spans in the mean; 1 where none skips a layer."""
    return float((plan.depth[plan.edge_target] - plan.depth[plan.edge_source]).mean())


def champion_claims(found: list[dict[str, Any]]) -> list[Claim]:
    """Hold champions against the paper's figures: at most as many numbers, as deep, and with such skips."""
    values = {name: np.array([one[name] for one in found], float) for name in ("parameters", "depth", "skippiness")}
    return [
        at_most("champions: weights and biases", values["parameters"], _PARAMETERS, ", the paper's mean"),
        near("champions: depth in layers", values["depth"], _DEPTH, 2, " in the paper's mean"),
        near("champions: layers that a connection spans", values["skippiness"], _SKIPPINESS, 0.5, " in the paper's mean"),
    ]
