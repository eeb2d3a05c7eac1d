"""The padded engine: the whole population as batched matrix products, layer by layer of the longest path, on any torch device."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from torch.nn import functional

from propneat.base.errors import ConfigError
from propneat.base.words import count
from propneat.compiler import PopulationPlan
from propneat.compiler.network import apply_activation, own_join
from propneat.genome import check_functions
from propneat.training.devices import usable_device
from propneat.training.padded_layers import PaddedLayer, PaddedPopulation, TermTable, pad_population
from propneat.training.population_loop import Batch, TrainingRows, train_numbers
from propneat.training.settings import Samples, TrainedPopulation, TrainingConfig
from propneat.training.shards import take
from propneat.training.torch_loop import sample_loss

__all__ = ["PaddedGradient", "train"]

DEFAULT_BUDGET = 2**30
"""Bytes that genomes trained side by side may take where no budget is given; see `train`."""

_JOINS = {
    "product": lambda terms, is_term: reduce(torch.mul, torch.where(is_term, terms, 1.0).unbind(1)),
    "max": lambda terms, is_term: terms.max(dim=1).values,
    "min": lambda terms, is_term: terms.min(dim=1).values,
}

check_functions(__name__, aggregations=("sum", "mean", *_JOINS))


class _Table:
    """A TermTable on the device."""

    def __init__(self, table: TermTable, device: torch.device) -> None:
        self.join = own_join(table.join) or _JOINS[table.join]
        self.sources, self.edges = (torch.tensor(index, device=device) for index in (table.sources, table.edges))
        self.is_term = torch.tensor(table.is_term, device=device).unsqueeze(2)

    def __call__(self, numbers: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
        # embedding gathers rows like indexing does, and adds up their gradients in a fixed order on every device
        weights = functional.embedding(self.edges, numbers[:, None])
        return self.join(weights * functional.embedding(self.sources, sources), self.is_term)


class _Layer:
    """A PaddedLayer on the device."""

    def __init__(self, layer: PaddedLayer, device: torch.device) -> None:
        index = (layer.numbers, layer.sources, layer.places, layer.edges, layer.divisor, layer.picked)
        self.numbers, self.sources, self.places, self.edges, self.divisor, self.picked = (
            torch.tensor(part, device=device) for part in index
        )
        self.shape, self.runs, self.draws_on_nodes = layer.shape, layer.activation_runs, layer.draws_on_nodes
        self.rows = slice(layer.first_row, layer.first_row + layer.n_nodes)
        self.tables = [_Table(table, device) for table in layer.tables]

    def __call__(self, numbers: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
        """Compute the layer's nodes, (n_nodes, n_rows), from its numbers and its gathered sources (n_sources, n_rows)."""
        n_genomes, most_nodes, most_sources = self.shape
        matrices = numbers.new_zeros(n_genomes * most_nodes * most_sources)
        matrices = matrices.scatter(0, self.places, numbers.index_select(0, self.edges) / self.divisor).view(self.shape)
        z = torch.bmm(matrices, sources.unflatten(0, (n_genomes, most_sources))).flatten(0, 1)
        if self.tables:
            z = torch.cat([z, *(table(numbers, sources) for table in self.tables)])
        z = z.index_select(0, self.picked) + numbers[-len(self.picked) :, None]
        parts = z.split([n_nodes for _, n_nodes in self.runs])
        return torch.cat([apply_activation(code, part) for (code, _), part in zip(self.runs, parts, strict=True)])


@dataclass(frozen=True, eq=False)
class _Kept:
    """What a layer keeps for the way back: its own small graph from numbers and sources to values."""

    numbers: torch.Tensor
    sources: torch.Tensor
    values: torch.Tensor


class PaddedGradient:
    """Losses and gradients of a population, see `PopulationGradient`.

    Values stand in one table that layers read from and write to. Torch differentiates within a layer, and the gradients of
    the table's rows are handed down from layer to layer here, so that time and memory are linear in the depth.
    """

    def __init__(self, population: PaddedPopulation, loss: str, device: torch.device) -> None:
        self.layers = [_Layer(layer, device) for layer in population.layers]
        self.n_rows, self.outputs = population.n_rows, torch.tensor(population.outputs, device=device)
        self.loss_of_genome = torch.vmap(lambda outputs, batch: sample_loss(loss, outputs.T, *batch), in_dims=(0, None))

    def loss(self, numbers: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return every genome's loss, shape (n_genomes,)."""
        values = self._table(batch)
        for layer in self.layers:
            values[layer.rows] = layer(numbers[layer.numbers], values[layer.sources])
        return self._loss(values[self.outputs], batch)

    def loss_and_gradient(self, numbers: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return every genome's loss and the gradient of their sum, shape (n_numbers,)."""
        values = self._table(batch)
        kept = []
        for layer in self.layers:
            own = numbers[layer.numbers].requires_grad_()
            sources = values[layer.sources].requires_grad_(layer.draws_on_nodes)
            with torch.enable_grad():
                kept.append(_Kept(own, sources, layer(own, sources)))
            values[layer.rows] = kept[-1].values.detach()
        outputs = values[self.outputs].requires_grad_()
        with torch.enable_grad():
            losses = self._loss(outputs, batch)
        gradients = torch.zeros_like(values)
        gradients[self.outputs] = torch.autograd.grad(losses, outputs, torch.ones_like(losses))[0]
        return losses.detach(), self._backward(kept, gradients, torch.zeros_like(numbers))

    def _table(self, batch: Batch) -> torch.Tensor:
        values = batch.X.new_zeros(self.n_rows, batch.X.shape[1])
        values[1 : 1 + len(batch.X)] = batch.X
        return values

    def _loss(self, outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.loss_of_genome(outputs, (batch.targets.T, batch.shares))

    def _backward(self, kept: list[_Kept], gradients: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Fill in `gradient`, the last layer first; `gradients` holds those of the outputs in the table."""
        for layer in reversed(self.layers):
            own = kept.pop()
            wanted = (own.numbers, own.sources) if layer.draws_on_nodes else (own.numbers,)
            gradient[layer.numbers], *back = torch.autograd.grad(own.values, wanted, gradients[layer.rows])
            if back:
                # a genome's sources in a layer are all different, so no row is written twice but those nobody reads
                gradients[layer.sources] = gradients[layer.sources] + back[0]
        return gradient


def _chunks(
    plan: PopulationPlan, batch_rows: int, item_bytes: int, budget: int | None
) -> Iterator[tuple[PopulationPlan, PaddedPopulation]]:
    """Halve the population until every part fits the budget, or is one genome and there is no budget but the default.

    Raises ConfigError for a genome that does not fit a budget of the user's.
    """
    padded = pad_population(plan)
    needed = padded.bytes_needed(batch_rows, item_bytes)
    if needed <= (DEFAULT_BUDGET if budget is None else budget) or (budget is None and len(plan) == 1):
        yield plan, padded
    elif len(plan) == 1:
        raise ConfigError(
            f"training within {count(budget, 'byte')} is not possible: the padded engine needs {needed} bytes for one of the genomes "
            f"on {batch_rows} rows at a time: take a larger memory_budget or a smaller batch_size"
        )
    else:
        half = len(plan) // 2
        yield from _chunks(take(plan, 0, half), batch_rows, item_bytes, budget)
        yield from _chunks(take(plan, half, len(plan)), batch_rows, item_bytes, budget)


def train(
    plan: PopulationPlan,
    train: Samples,
    validation: Samples | None,
    config: TrainingConfig,
    rng: np.random.Generator,
    device: str,
    memory_budget: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> TrainedPopulation:
    """Train all genomes side by side on a torch device; see `train_population`. Numbers come back in `dtype`.

    Where the values of a step would take more than the memory budget, by default 1 GiB, the population is halved until they
    do not, and its parts are trained in turn; by default a single genome may take more. A genome's padding depends on its
    neighbours, so other company or another budget may change the last bits of its numbers.

    A value that overflows to infinity also spoils nodes of the same genome and depth that have no connection to it (0 * inf).
    Raises ConfigError when the device cannot be used, and for a genome that cannot keep to the budget.
    """
    place = usable_device(device)
    rows = TrainingRows.make(train, validation, config, rng, place, dtype)
    batch_rows = max(rows.batches.X.shape[-1], 0 if rows.judge is None else rows.judge.X.shape[-1])
    # all parts are made before any is trained, so that one too large is refused at once
    chunks = list(_chunks(plan, batch_rows, rows.batches.X.element_size(), memory_budget))
    outcomes = [train_numbers(PaddedGradient(padded, config.loss, place), part, rows, config) for part, padded in chunks]
    parts = ("weights", "biases", "train_loss", "validation_loss", "epochs")
    return TrainedPopulation(*(np.concatenate([getattr(outcome, name) for outcome in outcomes]) for name in parts))
