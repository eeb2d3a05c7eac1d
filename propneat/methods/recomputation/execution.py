"""Follows a schedule with real tensors: computes, frees, recomputes and differentiates, and measures what is alive."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from propneat.base.rng import derive_seed
from propneat.methods.recomputation.networks import Network
from propneat.methods.recomputation.operations import compute, input_gradient, parameter_gradients
from propneat.recompute.meter import MemoryMeter
from propneat.recompute.schedule import Action, Step

__all__ = ["Execution", "Instance", "execute", "run_plainly"]

Gradients = list[dict[str, torch.Tensor]]


@dataclass(frozen=True, eq=False)
class Instance:
    """A network with numbers: its input, one mapping of parameters per operation, and one seed per operation."""

    network: Network
    x: torch.Tensor
    parameters: Sequence[dict[str, torch.Tensor]]
    seeds: Sequence[int]

    @classmethod
    def make(cls, network: Network, seed: int, dtype: torch.dtype = torch.float64, device: str = "cpu") -> "Instance":
        """Draw an input and parameters: weights of variance 2 / fan-in, biases near 0."""
        generator = torch.Generator().manual_seed(derive_seed("recomputation", seed, network.name) % 2**63)

        def draw(name: str, shape: tuple[int, ...]) -> torch.Tensor:
            scale = 0.1 if len(shape) < 2 else (2 / torch.Size(shape[1:]).numel()) ** 0.5
            shift = 1.0 if name == "weight" and len(shape) < 2 else 0.0
            return (shift + scale * torch.randn(shape, generator=generator, dtype=dtype)).to(device)

        x = torch.randn(network.shape, generator=generator, dtype=dtype).to(device)
        drawn = [{name: draw(name, shape) for name, shape in o.parameters.items()} for o in network.operations]
        seeds = [derive_seed("recomputation", seed, network.name, k) % 2**63 for k in range(len(network.operations))]
        return cls(network, x, drawn, seeds)


@dataclass(frozen=True, eq=False)
class Execution:
    """What following a schedule gave: the loss, the gradients of every operation's parameters, and bytes.

    `live` are the bytes alive after every step. `peak` is their maximum, and `peak_within` that of all operations, within
    steps too, where a step's own intermediate results are alive; parameters, their gradients and the input are in neither.
    """

    loss: float
    gradients: Gradients
    live: list[int]
    peak_within: int
    n_computed: int

    @property
    def peak(self) -> int:
        """Most bytes alive after a step."""
        return max(self.live)


@torch.no_grad()
def execute(instance: Instance, steps: Sequence[Step]) -> Execution:
    """Follow a schedule. Gradients come together in the order of backpropagation, last reader first, whatever the schedule."""
    network, x = instance.network, instance.x
    readers: list[list[tuple[int, int]]] = [[] for _ in network.operations]
    for number, operation in enumerate(network.operations):
        for place, source in enumerate(operation.inputs):
            if source >= 0:
                readers[source].append((number, place))
    values: dict[int, torch.Tensor] = {-1: x}
    gradients: dict[int, torch.Tensor] = {}
    found: Gradients = [{} for _ in network.operations]
    live, n_computed, loss = [], 0, float("nan")
    meter = MemoryMeter([x, *(value for p in instance.parameters for value in p.values())])
    with meter:
        for action, node in steps:
            operation = network.operations[node]
            if action is Action.COMPUTE:
                inputs = [values[k] for k in operation.inputs]
                values[node] = compute(operation, inputs, instance.parameters[node], instance.seeds[node])
                n_computed += 1
                loss = float(values[node]) if node == len(network.operations) - 1 else loss
                del inputs
            elif action is Action.DIFFERENTIATE:
                gradients[node] = _differentiate(instance, node, readers[node], values, gradients)
                if operation.parameters:
                    found[node] = _by_parameters(instance, node, values, gradients[node])
                    for gradient in found[node].values():
                        meter.ignore(gradient)
            else:
                del (values if action is Action.FREE_VALUE else gradients)[node]
            live.append(meter.live())
    return Execution(loss, found, live, meter.peak, n_computed)


def _differentiate(
    instance: Instance,
    node: int,
    readers: list[tuple[int, int]],
    values: dict[int, torch.Tensor],
    gradients: dict[int, torch.Tensor],
) -> torch.Tensor:
    """Return the gradient by one value; the loss's own is 1. Every gradient owns its storage."""
    total = None
    for reader, place in sorted(readers, key=lambda pair: (-pair[0], pair[1])):
        operation = instance.network.operations[reader]
        shapes = [instance.network.operations[k].shape if k >= 0 else instance.network.shape for k in operation.inputs]

        def read(k: int | None, reader=reader, operation=operation) -> torch.Tensor:
            return values[reader if k is None else operation.inputs[k]]

        part = input_gradient(
            operation, place, read, shapes, instance.parameters[reader], instance.seeds[reader], gradients[reader]
        )  # fmt: skip
        if total is None:
            shared = part.untyped_storage().nbytes() != part.nbytes or part.data_ptr() == gradients[reader].data_ptr()
            total = part.clone(memory_format=torch.contiguous_format) if shared else part
        else:
            total += part
    return torch.ones((), dtype=instance.x.dtype, device=instance.x.device) if total is None else total


def _by_parameters(
    instance: Instance, node: int, values: dict[int, torch.Tensor], by_value: torch.Tensor
) -> dict[str, torch.Tensor]:
    operation = instance.network.operations[node]
    inputs = [values[k] for k in operation.inputs]
    return parameter_gradients(operation, inputs, instance.parameters[node], instance.seeds[node], by_value)


def run_plainly(instance: Instance) -> Execution:
    """Run the network and torch's own backpropagation once; `live` holds one entry, the peak of all operations."""
    leaves = [{name: value.detach().requires_grad_() for name, value in p.items()} for p in instance.parameters]
    flat = [leaf for p in leaves for leaf in p.values()]
    for leaf in flat:
        leaf.grad = torch.zeros_like(leaf)
    meter = MemoryMeter([instance.x, *flat, *(leaf.grad for leaf in flat)])
    with meter, torch.enable_grad():
        loss = _forward(instance, leaves)
        loss.backward()
        peak = meter.peak
    gradients = [{name: leaf.grad for name, leaf in p.items()} for p in leaves]
    return Execution(loss.item(), gradients, [peak], peak, len(instance.network.operations))


def _forward(instance: Instance, leaves: Sequence[dict[str, torch.Tensor]]) -> torch.Tensor:
    """Compute the loss, each value dropped by this function after its last reader."""
    operations = instance.network.operations
    last = {source: number for number, operation in enumerate(operations) for source in operation.inputs}
    values = {-1: instance.x}
    for number, operation in enumerate(operations):
        values[number] = compute(operation, [values[k] for k in operation.inputs], leaves[number], instance.seeds[number])
        for source in set(operation.inputs) - {-1}:
            if last[source] == number:
                del values[source]
    return values[len(operations) - 1]
