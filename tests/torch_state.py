"""Torch's global state, made unusual for a while: what is right must neither use nor change it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def unusual_torch() -> Iterator[None]:
    """Set another seed, type, gradient mode and number of threads, and check in the end that they are still set."""
    n_threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    try:
        torch.manual_seed(99)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.set_num_threads(2 if n_threads == 1 else 1)
        state, threads = torch.get_rng_state(), torch.get_num_threads()
        yield
        assert torch.equal(torch.get_rng_state(), state) and torch.get_default_dtype() == torch.float64
        assert not torch.is_grad_enabled() and torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(n_threads)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(True)
