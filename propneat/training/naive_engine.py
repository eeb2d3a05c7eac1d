"""The naive engine: the same training node by node and edge by edge, the baseline that layers are compared with."""

from collections.abc import Callable
from functools import reduce

import numpy as np
import torch

from propneat.base.errors import ConfigError
from propneat.compiler import LayerPlan, PopulationPlan
from propneat.compiler.network import apply_activation, own_join
from propneat.genome import AGGREGATIONS, check_functions
from propneat.training.settings import Samples, TrainedPopulation, TrainingConfig
from propneat.training.torch_loop import train_one_by_one

__all__ = ["NodeByNodeNetwork", "train"]

_JOINS = {
    "sum": lambda terms: reduce(torch.add, terms),
    "mean": lambda terms: reduce(torch.add, terms) / len(terms),
    "product": lambda terms: reduce(torch.mul, terms),
    "max": lambda terms: torch.stack(terms).max(dim=0).values,
    "min": lambda terms: torch.stack(terms).min(dim=0).values,
}

check_functions(__name__, aggregations=_JOINS)


class NodeByNodeNetwork(torch.nn.Module):
    """A genome computed one node at a time, with one scalar parameter per gene and one product per connection.

    Every operation takes all rows at once. The published naive arm also loops over rows, and passes no gradient.
    """

    def __init__(self, plan: LayerPlan, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.n_inputs = plan.n_inputs
        self.weights = _scalars(plan.weights, dtype)
        self.biases = _scalars(plan.biases, dtype)
        self.sources = plan.edge_source.tolist()
        self.activations = plan.activation.tolist()
        self.joins = [_join(AGGREGATIONS[code]) for code in plan.aggregation]
        self.edges = [range(*ends) for ends in zip(plan.edge_start[:-1].tolist(), plan.edge_start[1:].tolist(), strict=True)]
        self.outputs = plan.output_slot.tolist()

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Compute rows `X`, shape (n_rows, n_inputs); returns shape (n_rows, n_outputs)."""
        weights, biases = list(self.weights), list(self.biases)
        values = list(X.T.contiguous())
        for slot in range(self.n_inputs, len(self.edges)):
            bias = biases[slot - self.n_inputs]
            terms = [weights[edge] * values[self.sources[edge]] for edge in self.edges[slot]]
            z = self.joins[slot](terms) + bias if terms else bias.expand(len(X))
            values.append(apply_activation(self.activations[slot], z))
        return torch.stack([values[slot] for slot in self.outputs], dim=1)

    def numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """Return copies of (weights, biases) as arrays in plan order, as `write_back` takes them."""
        return _values(self.weights, self.biases[0].dtype), _values(self.biases, self.biases[0].dtype)


def _join(name: str) -> Callable[[list[torch.Tensor]], torch.Tensor]:
    own = own_join(name)
    return _JOINS[name] if own is None else lambda terms: own(torch.stack(terms)[None], None)[0]


def _scalars(numbers: np.ndarray, dtype: torch.dtype) -> torch.nn.ParameterList:
    return torch.nn.ParameterList(torch.nn.Parameter(torch.tensor(number, dtype=dtype)) for number in numbers)


def _values(parameters: torch.nn.ParameterList, dtype: torch.dtype) -> np.ndarray:
    numbers = [parameter.detach() for parameter in parameters]
    return (torch.stack(numbers) if numbers else torch.zeros(0, dtype=dtype)).cpu().numpy()


def train(
    plan: PopulationPlan,
    train: Samples,
    validation: Samples | None,
    config: TrainingConfig,
    rng: np.random.Generator,
    device: str,
    memory_budget: int | None = None,
) -> TrainedPopulation:
    """Train every genome as a NodeByNodeNetwork in float32 on a torch device; see `train_population`.

    Raises ConfigError when the device cannot be used, and for a memory budget.
    """
    if memory_budget is not None:
        raise ConfigError("the naive engine cannot keep to a memory budget: choose engine 'layered' or 'numba'")
    return train_one_by_one(NodeByNodeNetwork, plan, train, validation, config, rng, device)
