"""The causal online form: gradients by traces and error signals of the present step, nothing kept of the past or awaited.

For mu constant in time the error recursion unrolls into filter taps. With presynaptic traces
eps^0(t) = a eps^0(t-1) + (1 - a) z(t-1) and eps^k(t) = a eps^k(t-1) + (1 - a) mu eps^{k-1}(t-1), and with modulatory signals
m^k_p(t) = sum_j alpha_j(t) (W~^k)_jp, the gradient of W_pq is sum_t sum_k m^k_p(t) eps^k_q(t): k counts synapses crossed.
Where the derivative of the receiving unit is kept, the traces of k >= 1 belong to synapses: E^1_pq filters
h_p(t-1) eps^0_q(t-1) in place of mu eps^0_q(t-1), and E^k follows as above.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from propneat.base.errors import ConfigError
from propneat.methods.modprop.network import Cells, Network
from propneat.methods.modprop.rules import Feedback, block_means, type_taps

__all__ = ["OnlineGradients", "online_gradients"]


class OnlineGradients(NamedTuple):
    """Gradients of W_in and of W, shapes (n_replicas, n_cells, n_inputs) and (n_replicas, n_cells, n_cells)."""

    w_in: torch.Tensor
    weights: torch.Tensor


def online_gradients(
    network: Network, inputs: torch.Tensor, error: Callable[[int, torch.Tensor], torch.Tensor], feedback: Feedback, n_hops: int
) -> OnlineGradients:
    """Run forward in time once and return the gradients that have been gathered by its end.

    `inputs` has shape (n_replicas, n_steps, n_rows, n_inputs). `error(t, outputs)` returns dE/dy_t, the derivative of the loss
    by the outputs of step t, both of shape (n_replicas, n_rows, n_outputs). Equals the autograd form with the same `n_hops`;
    from n_steps - 1 hops on nothing more is added. Memory does not grow with the number of steps: traces of n_hops + 1 orders
    for every presynaptic unit, or for every synapse where the receiving unit's derivative is kept.
    Raises ConfigError for a rule with exact derivatives at every hop, which has no such form.
    """
    if not feedback.rule.is_causal:
        raise ConfigError("a rule with the exact derivative at every hop is not causal: choose one with a constant slope")
    with torch.no_grad():
        weights, leak = network.weights(), network.leak
        n_replicas, n_steps, n_rows, n_inputs = inputs.shape
        state = weights.new_zeros(n_replicas, n_rows, network.cells.n_cells)
        traces = _Traces.start(
            feedback, n_hops, (n_replicas, n_rows, network.cells.n_cells, network.cells.n_cells + n_inputs), weights
        )
        gathered = weights.new_zeros(n_replicas, network.cells.n_cells, network.cells.n_cells + n_inputs)
        powers = _powers(feedback, network.cells, weights, n_hops)
        for t in range(n_steps):
            rates = state.clamp(min=0)
            traces = traces.step(torch.cat([rates, inputs[:, t]], dim=2), (state > 0).to(state.dtype), leak)
            state = leak * state + (1 - leak) * (rates @ weights.mT + inputs[:, t] @ network.w_in.mT)
            alphas = (error(t, network.readout(state.clamp(min=0))) @ network.readout_weights()) * (state > 0)
            for k, signal in enumerate(_modulators(alphas, feedback, network.cells, powers)):
                gathered += traces.pair(k, signal)
    return OnlineGradients(gathered[:, :, network.cells.n_cells :], gathered[:, :, : network.cells.n_cells])


class _Traces(NamedTuple):
    """Traces of orders 0 to n_hops, presynaptic units and inputs side by side.

    `cells` holds (n_replicas, n_rows, n_sources) of the orders that belong to presynaptic units, `synapses`
    (n_replicas, n_rows, n_cells, n_sources) of those that belong to synapses.
    """

    feedback: Feedback
    cells: tuple[torch.Tensor, ...]
    synapses: tuple[torch.Tensor, ...]

    @classmethod
    def start(cls, feedback: Feedback, n_hops: int, shape: tuple[int, int, int, int], like: torch.Tensor) -> "_Traces":
        n_replicas, n_rows, n_cells, n_sources = shape
        per_cell = like.new_zeros(n_replicas, n_rows, n_sources)
        per_synapse = like.new_zeros(n_replicas, n_rows, n_cells, n_sources)
        n_kept = n_hops if feedback.rule.derivative == "receiver" else 0
        return cls(feedback, (per_cell,) * (n_hops + 1 - n_kept), (per_synapse,) * n_kept)

    def step(self, sources: torch.Tensor, active: torch.Tensor, leak: float) -> "_Traces":
        """Take in the rates of the step before and the inputs of this one; `active` is h of the step before."""
        slopes = self.feedback.slopes
        cells = [leak * self.cells[0] + (1 - leak) * sources]
        for k in range(1, len(self.cells)):
            cells.append(leak * self.cells[k] + (1 - leak) * slopes * self.cells[k - 1])
        synapses = []
        for k, trace in enumerate(self.synapses):
            passed_on = active[..., None] * self.cells[0][:, :, None] if k == 0 else slopes[..., None] * self.synapses[k - 1]
            synapses.append(leak * trace + (1 - leak) * passed_on)
        return _Traces(self.feedback, tuple(cells), tuple(synapses))

    def pair(self, k: int, signal: torch.Tensor) -> torch.Tensor:
        """Return the sum over rows of signal times trace of order k, (n_replicas, n_cells, n_sources)."""
        if k < len(self.cells):
            return signal.mT @ self.cells[k]
        return torch.einsum("rbp,rbpq->rpq", signal, self.synapses[k - len(self.cells)])


def _powers(feedback: Feedback, cells: Cells, weights: torch.Tensor, n_hops: int) -> torch.Tensor:
    """Return the powers 1 to n_hops of the feedback's weights, or of type-averaged ones only their blocks, powers first."""
    if feedback.rule.weights == "types":
        return type_taps(block_means(weights, cells), cells, n_hops)
    powers = [feedback.matrix]
    while len(powers) < n_hops:
        powers.append(powers[-1] @ feedback.matrix)
    return torch.stack(powers[:n_hops]) if n_hops else weights.new_zeros(0, *weights.shape)


def _modulators(alphas: torch.Tensor, feedback: Feedback, cells: Cells, powers: torch.Tensor) -> list[torch.Tensor]:
    """Return m^0 to m^n_hops, each (n_replicas, n_rows, n_cells); with type-averaged weights only sums over types travel."""
    if feedback.rule.weights != "types":
        return [alphas, *(alphas @ power for power in powers)]
    kinds = torch.as_tensor(cells.types, device=alphas.device)
    of_types = alphas.new_zeros(*alphas.shape[:2], cells.n_types).index_add_(2, kinds, alphas)
    return [alphas, *((of_types @ tap)[:, :, kinds] for tap in powers)]
