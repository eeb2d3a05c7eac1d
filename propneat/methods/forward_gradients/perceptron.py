"""A dense ReLU network as functions of one row of numbers, several networks at a time, and three ways to its gradient."""

from dataclasses import dataclass
from itertools import pairwise

import torch

from propneat.methods.forward_gradients.aggregators import ForwardGradient
from propneat.methods.forward_gradients.forward_mode import directional_derivatives

__all__ = ["Perceptron", "backprop_gradient", "node_derivatives", "node_gradient", "row_losses", "weight_gradient"]

Layer = tuple[torch.Tensor, torch.Tensor]
"""Weights (n_networks, n_out, n_in) and biases (n_networks, n_out)."""


@dataclass(frozen=True)
class Perceptron:
    """The shape of a dense network: `widths` of inputs, hidden layers and outputs. Its numbers are a row of length P."""

    widths: tuple[int, ...]

    @property
    def n_parameters(self) -> int:
        """Number P of weights and biases."""
        return sum(n_out * (n_in + 1) for n_in, n_out in pairwise(self.widths))

    @property
    def n_nodes(self) -> int:
        """Number of nodes after the inputs, the dimension that node perturbation works in."""
        return sum(self.widths[1:])

    def draw(self, generator: torch.Generator) -> torch.Tensor:
        """Return the numbers of one new network, float32 (1, P), uniform within 1 / sqrt(n_in) of 0, as torch's layers are."""
        parts = [
            (2 * torch.rand(n_out * (n_in + 1), generator=generator) - 1) / n_in**0.5 for n_in, n_out in pairwise(self.widths)
        ]
        return torch.cat(parts).unsqueeze(0)

    def layers(self, numbers: torch.Tensor) -> list[Layer]:
        """Return views of numbers (n_networks, P) as layers: of each, first all weights, then the biases."""
        found, start = [], 0
        for n_in, n_out in pairwise(self.widths):
            middle, end = start + n_out * n_in, start + n_out * (n_in + 1)
            found.append((numbers[:, start:middle].unflatten(1, (n_out, n_in)), numbers[:, middle:end]))
            start = end
        return found

    def outputs(self, numbers: torch.Tensor, X: torch.Tensor, nodes: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (n_networks, n_rows, n_classes) of rows X, (n_rows, n_inputs).

        `nodes`, shape (n_nodes,) or (n_networks, n_rows, n_nodes), is added to what the nodes emit, layer after layer, and
        later layers see it.
        """
        shifts = [None] * len(self.widths[1:]) if nodes is None else nodes.split(self.widths[1:], dim=-1)
        values, layers = X.expand(len(numbers), *X.shape), self.layers(numbers)
        for position, ((weights, biases), shift) in enumerate(zip(layers, shifts, strict=True)):
            values = torch.baddbmm(biases.unsqueeze(1), values, weights.mT)
            if position + 1 < len(layers):
                values = values.relu()
            if shift is not None:
                values = values + shift
        return values


def row_losses(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the cross entropy of every row in nats, (n_networks, n_rows), for one-hot `targets` (n_rows, n_classes)."""
    return logits.logsumexp(-1) - (logits * targets).sum(-1)


def node_derivatives(
    network: Perceptron, numbers: torch.Tensor, X: torch.Tensor, targets: torch.Tensor, tangents: torch.Tensor
) -> tuple[torch.Tensor, list[tuple[torch.Tensor, torch.Tensor]]]:
    """Return derivatives of every row's loss along shifts of all nodes, (n_networks, n_rows, k), and what each layer saw.

    `tangents` has shape (k, n_nodes): tangent i adds its numbers to what the nodes emit, the same for every row. One pass
    carries dual numbers, values beside k derivatives, through the network and the loss. What a layer saw is the pair of its
    inputs (n_networks, n_rows, n_in) and its sums before the nonlinearity (n_networks, n_rows, n_out).
    """
    n_networks, n_rows, k = len(numbers), len(X), len(tangents)
    values, dual, seen = X.expand(n_networks, *X.shape), None, []
    layers, shifts = network.layers(numbers), tangents.split(network.widths[1:], dim=1)
    for position, ((weights, biases), shift) in enumerate(zip(layers, shifts, strict=True)):
        sums = torch.baddbmm(biases.unsqueeze(1), values, weights.mT)
        seen.append((values, sums))
        values = sums.relu()
        if dual is None:
            dual = shift.expand(n_networks, n_rows, *shift.shape)
            continue
        dual = torch.bmm(dual.reshape(n_networks, n_rows * k, -1), weights.mT).unflatten(1, (n_rows, k))
        dual = (
            torch.addcmul(shift, dual, (sums > 0).to(dual.dtype).unsqueeze(2)) if position + 1 < len(layers) else dual + shift
        )
    excess = (seen[-1][1].softmax(-1) - targets).unsqueeze(-1)
    return (dual @ excess).squeeze(-1), seen


@torch.no_grad()
def node_gradient(
    network: Perceptron,
    numbers: torch.Tensor,
    X: torch.Tensor,
    targets: torch.Tensor,
    rule: ForwardGradient,
    generator: torch.Generator,
) -> torch.Tensor:
    """Estimate the gradient of the mean loss by node perturbation; returns (n_networks, P).

    The loss of every row is differentiated along k shifts of all nodes, one set of tangents for all rows and networks and
    one system of equations for all layers together. The estimate of a node's gradient in a row, times the slope of that
    node's own nonlinearity and its inputs, is the estimate for its weights: nothing is passed back from node to node.
    Source: Flügel et al. (2024), activity perturbation. With "projection" and k = n_nodes it is the gradient itself.
    """
    tangents = rule.draw(network.n_nodes, generator, dtype=numbers.dtype).to(numbers.device)
    derivatives, seen = node_derivatives(network, numbers, X, targets, tangents)
    blame = ((derivatives / len(X)) @ rule.duals(tangents)).split(network.widths[1:], dim=-1)
    parts = []
    for position, ((inputs, sums), delta) in enumerate(zip(seen, blame, strict=True)):
        if position + 1 < len(seen):
            delta = delta * (sums > 0)
        parts += [torch.bmm(delta.mT, inputs).flatten(1), delta.sum(1)]
    return torch.cat(parts, dim=1)


@torch.no_grad()
def weight_gradient(
    network: Perceptron,
    numbers: torch.Tensor,
    X: torch.Tensor,
    targets: torch.Tensor,
    rule: ForwardGradient,
    generator: torch.Generator,
) -> torch.Tensor:
    """Estimate the gradient of the mean loss by perturbing weights and biases, all as one vector; returns (n_networks, P)."""
    tangents = rule.draw(network.n_parameters, generator, dtype=numbers.dtype).to(numbers.device)
    aligned = tangents.unsqueeze(1).expand(-1, *numbers.shape)

    def mean_losses(point: torch.Tensor) -> torch.Tensor:
        return row_losses(network.outputs(point, X), targets).mean(1)

    _, derivatives = directional_derivatives(mean_losses, numbers, aligned)
    return derivatives.T @ rule.duals(tangents)


def backprop_gradient(
    network: Perceptron, numbers: torch.Tensor, X: torch.Tensor, targets: torch.Tensor, *_: object
) -> torch.Tensor:
    """Return the gradient of the mean loss in reverse mode, (n_networks, P): what the others estimate."""
    return torch.func.grad(lambda point: row_losses(network.outputs(point, X), targets).mean(1).sum())(numbers)
