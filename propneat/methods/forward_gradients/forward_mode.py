"""Directional derivatives in forward mode: dual numbers, all tangents beside one shared evaluation, no backward pass."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.func import jvp, vmap

from propneat.methods.forward_gradients.aggregators import ForwardGradient

__all__ = ["directional_derivatives", "forward_gradient"]

# torch compiles its rules for dual numbers at their first use, through a function of its own that it warns about
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    jvp(torch.sin, (torch.zeros(1),), (torch.ones(1),))


@torch.no_grad()
def directional_derivatives(
    function: Callable[[torch.Tensor], Any], point: torch.Tensor, tangents: torch.Tensor, has_aux: bool = False
) -> tuple[Any, ...]:
    """Return (value, derivatives): `function(point)`, and its derivative along each tangent, shape (k, *value.shape).

    `tangents` has shape (k, *point.shape). The function may return one tensor of any shape, and with `has_aux` a second
    thing that is not differentiated and comes back third. The evaluation is one pass: values are computed once and
    only their derivatives k times. Reverse mode is off throughout.
    """

    def along(tangent: torch.Tensor) -> tuple[Any, ...]:
        return jvp(function, (point,), (tangent,), has_aux=has_aux)

    return vmap(along, out_dims=(None, 0, None) if has_aux else (None, 0))(tangents)


def forward_gradient(
    function: Callable[[torch.Tensor], torch.Tensor],
    point: torch.Tensor,
    rule: ForwardGradient,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (values, estimates of the gradient) of a function from points (..., n) to values (...), row by row.

    `point` has shape (..., n) and every row of it its own tangents; `estimates` has the same shape. Row r of the values must
    depend on row r of the points alone. Source: Flügel et al. (2024), definitions of the multi-tangent forward gradients.
    """
    *batch, n = point.shape
    tangents = rule.draw(n, generator, tuple(batch), point.dtype)
    values, derivatives = directional_derivatives(function, point, tangents.movedim(-2, 0))
    return values, rule.combine(tangents, derivatives.movedim(0, -1))
