"""The learning rules as one family: over which weights an error travels from unit to unit, how far, and by what slope.

With delta_t = dE/ds_t, h_t = [s_t > 0] and alpha_t = (W_out' dE/dy_t) h_t, every rule here replaces, in the exact recursion
delta_t = alpha_t + a delta_{t+1} + (1 - a) h_t (W' delta_{t+1}), what happens where an error crosses from a unit back to those
that reach it: the weights, the slope h, and the number of crossings (hops). The readout, the leak, and the product with
presynaptic rates, dE/dW = sum_t (1 - a) delta_t z_{t-1}', are never approximated.
"""

from dataclasses import dataclass, replace

import torch

from propneat.base.errors import ConfigError
from propneat.methods.modprop.network import Cells

__all__ = ["RULES", "Feedback", "Rule", "block_means", "make_feedback", "make_rule", "tap_radius", "type_taps"]

_WEIGHTS = ("cells", "types", "synapses")
_DERIVATIVES = ("exact", "receiver", "mean")


@dataclass(frozen=True)
class Rule:
    """A learning rule.

    `weights` is "cells" for W itself, "types" for the mean of W over every pair of types, or "synapses" for the mean over the
    synapses that exist, at these only. `derivative` is "exact" for h_t at every hop, "receiver" for h_t at the unit whose
    weight learns and `slope` at those between, or "mean" for `slope` at all. `n_hops` is how often an error may cross, None
    for any number. `slope` is the constant mu.
    """

    weights: str = "types"
    derivative: str = "mean"
    n_hops: int | None = None
    slope: float = 0.25

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        for name, known in (("weights", _WEIGHTS), ("derivative", _DERIVATIVES)):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}")
        if self.n_hops is not None and self.n_hops < 0:
            raise ConfigError(f"n_hops must be 0 or more, not {self.n_hops}")
        if not 0 <= self.slope < float("inf"):
            raise ConfigError(f"slope must be 0 or more, not {self.slope}")

    @property
    def is_causal(self) -> bool:
        """Whether what a rule needs at a step is known at that step, so that it has an online form with fixed taps."""
        return self.derivative != "exact"


RULES: dict[str, Rule] = {
    "bptt": Rule("cells", "exact"),
    "e-prop": Rule(n_hops=0),
    "mdgl": Rule("synapses", "receiver", n_hops=1),
    "modprop-cells": Rule("cells"),
    "modprop-types": Rule("types"),
    "modprop-cells-receiver": Rule("cells", "receiver"),
    "modprop-types-receiver": Rule("types", "receiver"),
}
"""Exact gradients; the three-factor rule of e-prop and RFLO, no hop; MDGL, one hop; and ModProp, any number of hops, with
cell-specific or type-averaged weights, with the constant slope at every hop or with the receiving cell's own derivative.

What the released code of the paper computes is "modprop-cells" whatever it is told: its forward weights are evaluated before
type averages are assigned to them, so that the swap does not reach the gradient."""


def make_rule(name: str, slope: float | None = None) -> Rule:
    """Return a rule by its name in `RULES`, with another slope if one is given. Raises ConfigError for an unknown name."""
    if name not in RULES:
        raise ConfigError(f"rule must be one of {', '.join(RULES)}, not {name!r}")
    return RULES[name] if slope is None else replace(RULES[name], slope=slope)


@dataclass(frozen=True, eq=False)
class Feedback:
    """A rule at the present weights: `matrix` (n_replicas, n_cells, n_cells), receiving unit first, over which errors travel.

    `slopes`, shape (n_replicas, 1, 1), holds every replica's mu.
    """

    rule: Rule
    matrix: torch.Tensor
    slopes: torch.Tensor


def make_feedback(rule: Rule, weights: torch.Tensor, cells: Cells, slopes: torch.Tensor | None = None) -> Feedback:
    """Return the feedback of a rule at weights W (n_replicas, n_cells, n_cells).

    `slopes` (n_replicas,) gives every replica its own mu in place of the rule's.
    """
    weights = weights.detach()
    if rule.weights == "cells":
        matrix = weights
    elif rule.weights == "types":
        kinds = torch.as_tensor(cells.types, device=weights.device)
        matrix = block_means(weights, cells)[:, kinds][:, :, kinds]
    else:
        matrix = _synapse_means(weights, cells)
    if slopes is None:
        slopes = torch.full((weights.shape[0],), rule.slope, dtype=weights.dtype, device=weights.device)
    return Feedback(rule, matrix, slopes.to(weights.dtype)[:, None, None])


def block_means(weights: torch.Tensor, cells: Cells) -> torch.Tensor:
    """Return the mean of W over all pairs of units of every pair of types, shape (n_replicas, n_types, n_types), signs kept.

    Pairs without a synapse count as 0, the pairs of a unit with itself among them.
    """
    members = _members(weights, cells)
    sizes = members.sum(dim=0)
    return members.T @ weights @ members / (sizes[:, None] * sizes)


def type_taps(means: torch.Tensor, cells: Cells, n_hops: int) -> torch.Tensor:
    """Return the type blocks of the powers 1 to n_hops of the type-averaged weights, (n_hops, n_replicas, n_types, n_types).

    With C the block means and D the sizes of types on a diagonal, power k has the blocks C (D C)^(k-1).
    """
    sizes = torch.as_tensor(cells.sizes, dtype=means.dtype, device=means.device)
    taps = [means]
    while len(taps) < n_hops:
        taps.append((taps[-1] * sizes) @ means)
    return torch.stack(taps[:n_hops]) if n_hops else means.new_zeros(0, *means.shape)


def tap_radius(feedback: Feedback, leak: float) -> torch.Tensor:
    """Return the spectral radius of a I + (1 - a) mu W~, shape (n_replicas,): below 1, errors fade with time."""
    taps = (1 - leak) * feedback.slopes * feedback.matrix
    return torch.linalg.eigvals(taps + leak * torch.eye(taps.shape[-1], dtype=taps.dtype, device=taps.device)).abs().amax(dim=1)


def _synapse_means(weights: torch.Tensor, cells: Cells) -> torch.Tensor:
    exists = (weights != 0).to(weights.dtype)
    members = _members(weights, cells)
    counts = members.T @ exists @ members
    means = members.T @ weights @ members / counts.clamp(min=1)
    kinds = torch.as_tensor(cells.types, device=weights.device)
    return means[:, kinds][:, :, kinds] * exists


def _members(weights: torch.Tensor, cells: Cells) -> torch.Tensor:
    kinds = torch.as_tensor(cells.types, device=weights.device)
    return torch.nn.functional.one_hot(kinds, cells.n_types).to(weights.dtype)
