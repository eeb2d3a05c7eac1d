"""The autograd form: a recurrent layer that computes forward exactly and backward by any rule of the family."""

from typing import Any

import torch

from propneat.methods.modprop.network import Network
from propneat.methods.modprop.rules import Feedback

__all__ = ["run_layer"]


def run_layer(network: Network, inputs: torch.Tensor, feedback: Feedback) -> torch.Tensor:
    """Return rates (n_replicas, n_steps, n_rows, n_cells) for inputs (n_replicas, n_steps, n_rows, n_inputs).

    Whatever is computed from the rates may be differentiated: gradients of W_in and W are those of the feedback's rule, all
    others are exact, and the rates are the same to the bit whatever the rule. No gradient reaches the inputs.
    """
    return _Layer.apply(inputs, network.w_in, network.weights(), feedback, network.leak)


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: torch.Tensor, w_in: torch.Tensor, weights: torch.Tensor, feedback: Feedback, leak: float
    ) -> torch.Tensor:
        n_replicas, n_steps, n_rows, n_inputs = inputs.shape
        drive = inputs.reshape(n_replicas, -1, n_inputs) @ w_in.mT
        states = drive.mul_(1 - leak).view(n_replicas, n_steps, n_rows, -1)
        rates = torch.empty_like(states)
        scaled = (1 - leak) * weights.mT
        for t in range(n_steps):
            if t:
                states[:, t].add_(states[:, t - 1], alpha=leak).baddbmm_(rates[:, t - 1], scaled)
            torch.clamp(states[:, t], min=0, out=rates[:, t])
        ctx.save_for_backward(inputs, weights, rates)
        ctx.feedback, ctx.leak = feedback, leak
        return rates

    @staticmethod
    def backward(ctx: Any, rate_gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        inputs, weights, rates = ctx.saved_tensors
        active = (rates > 0).to(rates.dtype)
        deltas = _errors(rate_gradients * active, active, ctx.feedback, ctx.leak)
        n_replicas, n_steps, n_rows, n_cells = deltas.shape
        flat = deltas.mul_(1 - ctx.leak).view(n_replicas, -1, n_cells).mT
        w_in_gradient = flat @ inputs.reshape(n_replicas, -1, inputs.shape[-1])
        earlier = rates[:, :-1].reshape(n_replicas, -1, n_cells)
        weights_gradient = flat[:, :, n_rows:] @ earlier
        return None, w_in_gradient, weights_gradient, None, None


def _errors(alphas: torch.Tensor, active: torch.Tensor, feedback: Feedback, leak: float) -> torch.Tensor:
    """Return delta_t of the rule, same shape as `alphas`: (n_replicas, n_steps, n_rows, n_cells)."""
    if feedback.rule.n_hops is None:
        return _all_hops(alphas, active, feedback, leak)
    return _few_hops(alphas, active, feedback, leak, feedback.rule.n_hops)


def _all_hops(alphas: torch.Tensor, active: torch.Tensor, feedback: Feedback, leak: float) -> torch.Tensor:
    """Any number of hops: delta_t = alpha_t + a delta_{t+1} + (1 - a) h_t (M' travelling_{t+1}).

    What travels is delta itself where all derivatives are exact; with a constant slope mu it is the solution of the same
    recursion with mu for h, which is delta where the derivative of the receiving unit is replaced too.
    """
    derivative = feedback.rule.derivative
    matrix = (1 - leak) * (feedback.matrix if derivative == "exact" else feedback.slopes * feedback.matrix)
    received = (1 - leak) * feedback.matrix
    deltas = alphas.clone()
    travelling = alphas.clone() if derivative == "receiver" else deltas
    for t in range(alphas.shape[1] - 2, -1, -1):
        later = travelling[:, t + 1]
        if derivative == "mean":
            deltas[:, t].add_(later, alpha=leak).baddbmm_(later, matrix)
            continue
        arriving = torch.bmm(later, received).mul_(active[:, t])
        deltas[:, t].add_(deltas[:, t + 1], alpha=leak).add_(arriving)
        if derivative == "receiver":
            travelling[:, t].add_(later, alpha=leak).baddbmm_(later, matrix)
    return deltas


def _few_hops(alphas: torch.Tensor, active: torch.Tensor, feedback: Feedback, leak: float, n_hops: int) -> torch.Tensor:
    """Hop by hop: errors that crossed k times, d^k_t = a d^k_{t+1} + (1 - a) g_t (M' d^{k-1}_{t+1}), are summed over k."""
    derivative = feedback.rule.derivative
    n_rows, slopes = alphas.shape[2], feedback.slopes[:, None]
    travelling = _leaky_sum(alphas, leak)
    deltas = travelling.clone()
    for hop in range(1, n_hops + 1):
        arriving = torch.zeros_like(alphas)
        later = travelling.flatten(1, 2)[:, n_rows:]
        arriving.flatten(1, 2)[:, :-n_rows] = (later @ feedback.matrix).mul_(1 - leak)
        received = _leaky_sum(arriving * (slopes if derivative == "mean" else active), leak)
        deltas += received
        travels_apart = derivative == "receiver" and hop < n_hops
        travelling = _leaky_sum(arriving * slopes, leak) if travels_apart else received
    return deltas


def _leaky_sum(signals: torch.Tensor, leak: float) -> torch.Tensor:
    """Return sums over the steps to come, each later step weighed by one more factor of the leak."""
    sums = signals.clone()
    for t in range(signals.shape[1] - 2, -1, -1):
        sums[:, t].add_(sums[:, t + 1], alpha=leak)
    return sums
