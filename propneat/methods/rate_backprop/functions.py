"""The three derivatives that autograd is told: of spike trains through time, of rates, and of a norm anchored to spikes."""

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from propneat.methods.rate_backprop.neuron import Lif, membrane_gradient, membranes

__all__ = ["AnchoredNorm", "RateNeuron", "SpikeTrain"]


class SpikeTrain(torch.autograd.Function):
    """Spikes (n_steps, n_rows, ...) of currents of that shape, or (1, n_rows, ...) if constant, differentiated through time.

    This is the reference, backpropagation through time with the surrogate; it saves the membranes of all steps and no more.
    """

    @staticmethod
    def forward(ctx: Any, currents: torch.Tensor, n_steps: int, lif: Lif) -> torch.Tensor:
        """Return the spikes."""
        before_reset, spikes = membranes(lif, currents, n_steps)
        ctx.save_for_backward(before_reset)
        ctx.lif, ctx.is_constant = lif, len(currents) == 1
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """Return the gradient by currents."""
        (before_reset,) = ctx.saved_tensors
        return membrane_gradient(ctx.lif, before_reset, gradient, ctx.is_constant), None, None


class RateNeuron(torch.autograd.Function):
    """The rate (n_rows, ...) of a neuron as a function of its mean current: dr/dc = D, the mean of rho_t * g(u_t) over time.

    The value is the rate of the true spikes, whatever the mean current's value; D, elementwise, is all that is saved.
    """

    @staticmethod
    def forward(
        ctx: Any, mean_current: torch.Tensor, spike_sum: torch.Tensor, derivative_sum: torch.Tensor, n_steps: int
    ) -> torch.Tensor:
        """Return the rate."""
        ctx.save_for_backward(derivative_sum / n_steps)
        return spike_sum / n_steps

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        """Return the gradient by the mean current."""
        (derivative,) = ctx.saved_tensors
        return gradient * derivative, None, None, None


class AnchoredNorm(torch.autograd.Function):
    """Batch norm of mean inputs c (n_rows, n_channels, ...) whose statistics have the values of those of the inputs over time.

    y = weight * (c - m) * inverse_deviation + bias, where the derivatives of m and of the variance are those of mean and
    variance of c over all but the channels. As m is the mean of c up to rounding (linear maps and time's mean commute), the
    derivative is that of an ordinary batch norm with another deviation. c is all that is saved beside numbers per channel.
    """

    @staticmethod
    def forward(
        ctx: Any,
        c: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        mean: torch.Tensor,
        inverse_deviation: torch.Tensor,
    ) -> torch.Tensor:
        """Return y."""
        ctx.save_for_backward(c, weight, mean, inverse_deviation)
        shape = (1, -1) + (1,) * (c.ndim - 2)
        scale = weight * inverse_deviation
        return torch.addcmul((bias - mean * scale).view(shape), c, scale.view(shape))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients by c, weight and bias."""
        c, weight, mean, inverse_deviation = ctx.saved_tensors
        wanted = list(ctx.needs_input_grad[:3])
        found = torch.ops.aten.native_batch_norm_backward(
            gradient, c, weight, None, None, mean, inverse_deviation, True, 0.0, wanted
        )
        return *found, None, None
