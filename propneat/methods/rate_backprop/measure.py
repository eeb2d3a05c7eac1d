"""What a training step costs: bytes saved for the backward pass, bytes alive at the peak, and seconds forward and backward."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from propneat.methods.rate_backprop.network import RULES, SpikingNetwork

__all__ = ["Cost", "LiveBytes", "peak_bytes", "saved_bytes", "step_seconds"]


@dataclass(frozen=True)
class Cost:
    """What one training step costs by one rule."""

    saved: int
    """Bytes that autograd saves for the backward pass, beside parameters, buffers and inputs."""
    peak: int
    """Bytes of tensors that were alive at once, at most, of those made during the step."""
    forward: float
    """Least seconds from inputs to loss."""
    backward: float
    """Least seconds from loss to gradients."""
    repeats: list[tuple[float, float]]
    """Both of every repeat, in which the rules took turns."""


class LiveBytes(TorchDispatchMode):
    """Counts, after every operation of torch, the bytes of storages that were made under it and are still alive.

    `peak` is the most that were. Memory that an operation allocates and frees within itself does not show.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Run an operation, and count."""
        found = func(*args, **(kwargs or {}))
        given = {part.untyped_storage()._cdata for part in tree_leaves((args, kwargs)) if isinstance(part, torch.Tensor)}
        self._alive = {key: held for key, held in self._alive.items() if not held[0].expired()}
        for part in tree_leaves(found):
            if isinstance(part, torch.Tensor) and part.untyped_storage()._cdata not in given:
                storage = part.untyped_storage()
                self._alive[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self.peak = max(self.peak, sum(size for _, size in self._alive.values()))
        return found


def saved_bytes(network: SpikingNetwork, inputs: torch.Tensor, labels: torch.Tensor, rule: str, n_steps: int) -> int:
    """Return the bytes of all storages that autograd saves for backward, each once, without parameters and inputs."""
    given = {part.untyped_storage().data_ptr() for part in (*network.parameters(), *network.buffers(), inputs, labels)}
    saved: dict[int, int] = {}

    def pack(part: torch.Tensor) -> torch.Tensor:
        storage = part.untyped_storage()
        if storage.data_ptr() not in given:
            saved[storage.data_ptr()] = storage.nbytes()
        return part

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda part: part):
        loss = _loss(network, inputs, labels, rule, n_steps)
    loss.backward()
    return sum(saved.values())


def peak_bytes(network: SpikingNetwork, inputs: torch.Tensor, labels: torch.Tensor, rule: str, n_steps: int) -> int:
    """Return the bytes alive at the peak of a step: by CUDA's allocator on such a device, else counted by LiveBytes."""
    network.zero_grad()
    if inputs.device.type == "cuda":
        torch.cuda.synchronize(inputs.device)
        torch.cuda.reset_peak_memory_stats(inputs.device)
        before = torch.cuda.memory_allocated(inputs.device)
        _loss(network, inputs, labels, rule, n_steps).backward()
        return torch.cuda.max_memory_allocated(inputs.device) - before
    with LiveBytes() as count:
        _loss(network, inputs, labels, rule, n_steps).backward()
    return count.peak


def step_seconds(
    network: SpikingNetwork,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    n_steps: int,
    n_repeats: int,
    after_repeat: Callable[[], None] = lambda: None,
) -> dict[str, list[tuple[float, float]]]:
    """Return by rule the seconds of processor time, forward and backward, of every repeat, in turn with the other rules.

    On a CUDA device they are seconds of the wall clock, which waits for it.
    """
    found: dict[str, list[tuple[float, float]]] = {rule: [] for rule in RULES}
    for _ in range(n_repeats):
        for rule in RULES:
            network.zero_grad()
            start = _now(inputs)
            loss = _loss(network, inputs, labels, rule, n_steps)
            middle = _now(inputs)
            loss.backward()
            stop = _now(inputs)
            found[rule].append((middle - start, stop - middle))
        after_repeat()
    return found


def _now(inputs: torch.Tensor) -> float:
    if inputs.device.type == "cuda":
        torch.cuda.synchronize(inputs.device)
        return perf_counter()
    return process_time()


def _loss(network: SpikingNetwork, inputs: torch.Tensor, labels: torch.Tensor, rule: str, n_steps: int) -> torch.Tensor:
    return functional.cross_entropy(RULES[rule](network, inputs, n_steps), labels)
