"""The torch form of a layer plan: one dense matrix product per layer, differentiable in exactly the numbers of the genome."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from propneat.base.records import write_atomic
from propneat.compiler.arrangement import MatrixBlock, TermBlock, arrange
from propneat.compiler.plan import LayerPlan, without_past
from propneat.genome import ACTIVATIONS, AGGREGATIONS, Activation, Aggregation, check_functions, refuse_own

__all__ = ["CompiledNetwork", "apply_activation", "export_program", "own_join"]


def _identity(z: torch.Tensor) -> torch.Tensor:
    return z


def _steep_sigmoid(z: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(4.9 * z)


def _gelu(z: torch.Tensor) -> torch.Tensor:
    # beyond 12 the function is its own asymptote in float64, and the fused gradient would overflow to NaN further out
    return functional.gelu(z.clamp(-12.0, 12.0), approximate="tanh") + functional.relu(z - 12.0)


def _softplus(z: torch.Tensor) -> torch.Tensor:
    # the default threshold of 20 is off by 2e-9, beyond 40 the line is exact in float64
    return functional.softplus(z, threshold=40.0)


def _gauss(z: torch.Tensor) -> torch.Tensor:
    return torch.exp(-torch.square(z))


_FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "identity": _identity,
    "sigmoid": torch.sigmoid,
    "steep_sigmoid": _steep_sigmoid,
    "tanh": torch.tanh,
    "relu": functional.relu,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "gelu": _gelu,
    "silu": functional.silu,
    "softplus": _softplus,
    "sin": torch.sin,
    "gauss": _gauss,
    "abs": torch.abs,
    "square": torch.square,
}


def apply_activation(code: int, z: torch.Tensor) -> torch.Tensor:
    """Apply the activation with a code (its position in ACTIVATIONS) to every element of `z`.

    At their kinks relu and abs have gradient 0 and leaky_relu 0.01; no gradient is NaN for a finite `z`.
    """
    if own := ACTIVATIONS.own(code):
        return _Own.apply(z, own)
    return _FUNCTIONS[ACTIVATIONS[code]](z)


class _Own(torch.autograd.Function):
    """An activation of one's own: numpy functions in float64, wherever the numbers lie."""

    @staticmethod
    def forward(context: Any, z: torch.Tensor, own: Activation) -> torch.Tensor:
        """Return its values."""
        context.save_for_backward(z)
        context.own = own
        return _computed(own.function, z)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return the gradient in `z`."""
        (z,) = context.saved_tensors
        return gradients[0] * _computed(context.own.derivative, z), None


def _computed(part: Callable[[np.ndarray], np.ndarray], z: torch.Tensor) -> torch.Tensor:
    values = np.asarray(part(z.detach().cpu().numpy().astype(np.float64)), np.float64)
    return torch.as_tensor(values, dtype=z.dtype, device=z.device)


def own_join(name: str) -> Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor] | None:
    """Return what joins terms, (n_nodes, n_terms, n_rows) without filling, in a way of one's own; None for a built-in name."""
    own = AGGREGATIONS.own(AGGREGATIONS.index(name))
    return None if own is None else lambda terms, is_term: _OwnJoin.apply(terms, own)


class _OwnJoin(torch.autograd.Function):
    """An aggregation of one's own, as `_Own`."""

    @staticmethod
    def forward(context: Any, terms: torch.Tensor, own: Aggregation) -> torch.Tensor:
        """Return what the terms of every node join to, (n_nodes, n_rows)."""
        context.save_for_backward(terms)
        context.own = own
        return _computed(own.function, _columns(terms)).unflatten(0, (len(terms), terms.shape[2]))

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return the gradients in the terms."""
        (terms,) = context.saved_tensors
        slopes = _computed(context.own.derivative, _columns(terms)).unflatten(1, (len(terms), terms.shape[2]))
        return gradients[0].unsqueeze(1) * slopes.transpose(0, 1), None


def _columns(terms: torch.Tensor) -> torch.Tensor:
    return terms.transpose(0, 1).flatten(1)


def _product(terms: torch.Tensor, is_term: torch.Tensor) -> torch.Tensor:
    # multiplying halves pairwise differentiates exactly where factors are zero, without dividing by them
    terms = torch.where(is_term, terms, 1.0)
    while terms.shape[1] > 1:
        half = terms.shape[1] // 2
        terms = torch.cat([terms[:, :half] * terms[:, half : 2 * half], terms[:, 2 * half :]], dim=1)
    return terms.squeeze(1)


_JOINS = {
    "product": _product,
    "max": lambda terms, is_term: terms.max(dim=1).values,
    "min": lambda terms, is_term: terms.min(dim=1).values,
}
"""How `terms`, shape (n_nodes, most terms, n_rows), are joined over their second axis; where not `is_term` they are filling.
Sums and means are matrix products instead."""

check_functions(__name__, activations=_FUNCTIONS, aggregations=("sum", "mean", *_JOINS))


class _MatrixNodes(torch.nn.Module):
    """A MatrixBlock as torch operations."""

    source_rows: torch.Tensor

    def __init__(self, block: MatrixBlock) -> None:
        super().__init__()
        self.shape = (block.n_nodes, len(block.source_rows))
        self.register_buffer("source_rows", torch.tensor(block.source_rows), persistent=False)

    def forward(self, sources: torch.Tensor, weights: torch.Tensor, matrix: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return torch.addmm(bias, matrix.view(self.shape), sources.index_select(0, self.source_rows))


class _TermNodes(torch.nn.Module):
    """A TermBlock as torch operations."""

    edges: torch.Tensor
    source_rows: torch.Tensor
    is_term: torch.Tensor

    def __init__(self, block: TermBlock) -> None:
        super().__init__()
        self.join = own_join(block.join) or _JOINS[block.join]
        self.register_buffer("edges", torch.tensor(block.edges), persistent=False)
        self.register_buffer("source_rows", torch.tensor(block.source_rows), persistent=False)
        self.register_buffer("is_term", torch.tensor(block.is_edge).unsqueeze(2), persistent=False)

    def forward(self, sources: torch.Tensor, weights: torch.Tensor, matrix: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        # embedding gathers rows like indexing does, and adds up their gradients in a fixed order on every device
        terms = weights[self.edges].unsqueeze(2) * functional.embedding(self.source_rows, sources)
        return self.join(terms, self.is_term) + bias


class CompiledNetwork(torch.nn.Module):
    """A genome as a layered torch module (PropNEAT, Merry, Riddle and Warren, GECCO 2025).

    Nodes of one depth form a layer; its input is gathered from all earlier layers it draws from, so a skip connection is a
    column of a wider input, and all nodes that sum or average are one dense matrix product. The only parameters are
    `weights`, shape (n_edges,), and `biases`, shape (n_slots - n_inputs,), both in plan order; the state dict holds these two.

    Departures from the paper's description: the numbers are placed into a matrix of zeros in every forward pass, so that
    places without a connection stay exactly zero; there may be several outputs, at any depth; nodes without inputs
    emit a constant; within a layer nodes are grouped by aggregation and activation; nodes joined by product, maximum or
    minimum work on gathered terms. Where several terms are the maximum (minimum), the gradient goes to the first in edge order.

    A value that overflows to infinity also spoils nodes that have no connection to it but share a layer with one that has
    (0 * inf in the dense product); wherever all values are finite the module computes the same function as `evaluate`.
    """

    matrix_edges: torch.Tensor
    matrix_places: torch.Tensor
    matrix_divisor: torch.Tensor
    bias_order: torch.Tensor
    output_rows: torch.Tensor

    def __init__(self, plan: LayerPlan, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        arrangement = arrange(without_past(plan, "a CompiledNetwork"))
        blocks = arrangement.blocks
        self.n_inputs = plan.n_inputs
        self.weights = torch.nn.Parameter(torch.tensor(plan.weights, dtype=dtype))
        self.biases = torch.nn.Parameter(torch.tensor(plan.biases, dtype=dtype))
        self.blocks = torch.nn.ModuleList(_MatrixNodes(b) if isinstance(b, MatrixBlock) else _TermNodes(b) for b in blocks)
        self.drawn_from = [block.drawn_from for block in blocks]
        self.activation_runs = [block.activation_runs for block in blocks]
        self.block_widths = [block.n_nodes for block in blocks]
        self.matrix_sizes = arrangement.matrix_sizes
        self.output_pieces = arrangement.output_pieces
        edges, places, divisor = arrangement.matrix_entries()
        self._register("matrix_edges", edges)
        self._register("matrix_places", places)
        self._register("matrix_divisor", divisor)
        self._register("bias_order", arrangement.order[plan.n_inputs :] - plan.n_inputs)
        self._register("output_rows", arrangement.output_rows)

    def _register(self, name: str, index: np.ndarray) -> None:
        self.register_buffer(name, torch.tensor(index), persistent=False)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Compute rows `X`, shape (n_rows, n_inputs), in the module's precision; returns shape (n_rows, n_outputs).

        Raises ValueError when the number of columns is not the number of inputs.
        """
        if X.ndim != 2 or X.shape[1] != self.n_inputs:
            raise ValueError(f"expected rows of {self.n_inputs} inputs, got an array of shape {tuple(X.shape)}")
        placed = self.weights.index_select(0, self.matrix_edges) / self.matrix_divisor
        dense = self.weights.new_zeros(sum(self.matrix_sizes)).scatter(0, self.matrix_places, placed)
        matrices = dense.split(self.matrix_sizes)
        biases = self.biases.index_select(0, self.bias_order).unsqueeze(1).split(self.block_widths)
        # a piece is one layer's nodes of one activation, shape (n_nodes, n_rows): rows of data run along memory
        pieces = [X.to(self.weights.dtype).T]
        for number, block in enumerate(self.blocks):
            sources = _concatenate(pieces, self.drawn_from[number])
            z = block(sources, self.weights, matrices[number], biases[number])
            runs = self.activation_runs[number]
            parts = z.split([n_nodes for _, n_nodes in runs])
            pieces.extend(apply_activation(code, part) for (code, _), part in zip(runs, parts, strict=True))
        return _concatenate(pieces, self.output_pieces).index_select(0, self.output_rows).T

    def numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """Return copies of (weights, biases) as arrays in plan order, as `write_back` takes them."""
        return self.weights.detach().cpu().numpy().copy(), self.biases.detach().cpu().numpy().copy()


def _concatenate(pieces: list[torch.Tensor], numbers: tuple[int, ...]) -> torch.Tensor:
    """Join some pieces along the node axis; a single one is passed on without a copy."""
    return pieces[numbers[0]] if len(numbers) == 1 else torch.cat([pieces[number] for number in numbers])


def export_program(plan: LayerPlan, path: Path | str) -> None:
    """Write the network as a `torch.export` program (.pt2), which runs with torch alone on any number of rows.

    Load it by `torch.export.load(path).module()`; it maps float32 of shape (n_rows, n_inputs) to (n_rows, n_outputs).
    Raises OSError when the folder cannot be written, and GenomeError for a function of one's own.
    """
    refuse_own(vars(plan), "a program of torch")
    network = CompiledNetwork(plan).eval()
    example = torch.zeros(2, plan.n_inputs)
    program = torch.export.export(network, (example,), dynamic_shapes={"X": {0: torch.export.Dim("n_rows")}})
    for node in program.graph.nodes:
        # where the sources lie on the exporting machine is nobody's business
        node.meta.pop("stack_trace", None)
    content = io.BytesIO()
    torch.export.save(program, content)
    write_atomic(path, content.getvalue())
