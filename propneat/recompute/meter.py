"""Measures the bytes of all tensors that are alive while torch operations run, on any device."""

from collections.abc import Iterable
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["MemoryMeter"]


class MemoryMeter(TorchDispatchMode):
    """Watches, as a context, every storage that an operation returns, until nothing refers to it any more.

    Views count once with what they view. Tensors of before the context are not seen, nor what a kernel holds only while it
    runs; `ignore` takes further ones out, such as the gradients of parameters. `peak` is the most bytes after any operation.
    """

    def __init__(self, ignored: Iterable[torch.Tensor] = ()) -> None:
        super().__init__()
        self.peak = 0
        self._held: dict[int, tuple[StorageWeakRef, int]] = {}
        self._ignored: dict[int, StorageWeakRef] = {}
        for tensor in ignored:
            self.ignore(tensor)

    def ignore(self, tensor: torch.Tensor) -> None:
        """Count the storage of a tensor no more."""
        reference = StorageWeakRef(tensor.untyped_storage())
        self._ignored[reference.cdata] = reference
        self._held.pop(reference.cdata, None)

    def watch(self, tensors: Iterable[torch.Tensor]) -> None:
        """Count tensors of before the context too."""
        for tensor in tensors:
            self._hold(tensor)

    def _hold(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        reference = StorageWeakRef(storage)
        if reference.cdata not in self._ignored:
            self._held[reference.cdata] = (reference, storage.nbytes())

    def live(self) -> int:
        """Return the bytes alive now."""
        self._held = {key: entry for key, entry in self._held.items() if not entry[0].expired()}
        return sum(size for _, size in self._held.values())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and look at what it returns."""
        out = func(*args, **(kwargs or {}))
        n_known = len(self._held)
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor):
                self._hold(leaf)
        if len(self._held) > n_known:
            self.peak = max(self.peak, self.live())
        return out
