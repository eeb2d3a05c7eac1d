"""A deep residual network trained under budgets, beside torch's own checkpoints and memory-budget partitioner."""

import warnings
from collections.abc import Callable
from functools import partial
from time import process_time
from typing import Any

import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint_sequential

from propneat.base.rng import derive_seed
from propneat.methods.heartbeat import with_heartbeat
from propneat.methods.recomputation.classifier import ResidualNetwork
from propneat.recompute.budget import least_peak
from propneat.recompute.meter import MemoryMeter
from propneat.recompute.training import train_under_budget

__all__ = ["training_table"]

_SHARES = (0.8, 0.65, 0.5, 0.35, 0.0)
Forward = Callable[[torch.Tensor], torch.Tensor]


def training_table(
    size: tuple[int, int, int], partitioner_budgets: tuple[float, ...], seed: int, progress: Callable[[str, int, int], None]
) -> list[dict[str, Any]]:
    """Return peak bytes, time as a multiple of plain training, and gradient differences of every way to train.

    `size` is (rows, width, blocks) of the network, in float64; a share of the plain peak that cannot be kept to gives way to
    the least that can.
    """

    def tell(done: int) -> None:
        progress("training under budgets, beside torch's own ways", done, 3)

    n_rows, width, n_blocks = size
    generator = torch.Generator().manual_seed(derive_seed("recomputation", seed, "training") % 2**63)
    x = torch.randn(n_rows, width, generator=generator, dtype=torch.float64)
    y = torch.randint(10, (n_rows,), generator=generator)

    def make() -> ResidualNetwork:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed("recomputation", seed, "network") % 2**63)
            return ResidualNetwork(width, 10, width, n_blocks, 0.0).double()

    own = with_heartbeat(partial(tell, 0), lambda: _rows(make, x, y, _under_budgets(make, x, y)))
    torchs = with_heartbeat(partial(tell, 1), lambda: _rows(make, x, y, _checkpointed(make, n_blocks)))
    compiled = with_heartbeat(partial(tell, 2), lambda: [_partitioned(make, x, y, budget) for budget in partitioner_budgets])
    tell(3)
    return [*own, *torchs[1:], *compiled]


def _under_budgets(make: Callable[[], ResidualNetwork], x: torch.Tensor, y: torch.Tensor) -> dict[str, tuple[Any, Forward]]:
    plain, least = _step(make(), None, x, y)["peak"], least_peak(make(), x)
    budgets = dict.fromkeys(max(least, int(share * plain)) for share in _SHARES)
    ways = {}
    for budget in budgets:
        network = train_under_budget(make(), budget)
        ways[f"budget {budget / plain:.2f}"] = network, network
    return ways


def _checkpointed(make: Callable[[], ResidualNetwork], n_blocks: int) -> dict[str, tuple[Any, Forward]]:
    """torch's checkpoints of about as many blocks each as there are of them (Chen et al. 2016)."""
    network = make()
    n_parts = round(len(network.blocks) ** 0.5)

    def forward(x: torch.Tensor) -> torch.Tensor:
        return network.head(checkpoint_sequential(network.blocks, n_parts, x, use_reentrant=False))

    return {f"checkpoint_sequential, {n_parts} parts": (network, forward)}


def _rows(
    make: Callable[[], ResidualNetwork], x: torch.Tensor, y: torch.Tensor, ways: dict[str, tuple[Any, Forward]]
) -> list[dict[str, Any]]:
    """Measure ways and plain training in turns; times are minima of five, in units of the plain one's."""
    plain = make()
    ways = {"plain": (plain, plain), **ways}
    measured = {name: _step(network, forward, x, y) for name, (network, forward) in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(5):
        for name, (network, forward) in ways.items():
            network.zero_grad()
            start = process_time()
            functional.cross_entropy(forward(x), y).backward()
            seconds[name].append(process_time() - start)
    exact = measured["plain"]["gradients"]
    return [
        {
            "way": name,
            "peak": found["peak"],
            "time": min(seconds[name]) / min(seconds["plain"]),
            "gradient_difference": _difference(exact, found["gradients"]),
        }
        for name, found in measured.items()
    ]


def _step(network: torch.nn.Module, forward: Forward | None, x: torch.Tensor, y: torch.Tensor) -> dict[str, Any]:
    """Take gradients once to warm up and once under the meter."""
    forward = forward or network
    functional.cross_entropy(forward(x), y).backward()
    parameters = list(network.parameters())
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    meter = MemoryMeter([x, y, *parameters, *(parameter.grad for parameter in parameters)])
    with meter:
        functional.cross_entropy(forward(x), y).backward()
    return {"peak": meter.peak, "gradients": [parameter.grad for parameter in parameters]}


def _difference(a: list[torch.Tensor], b: list[torch.Tensor]) -> float:
    return max(float((one - other).abs().max()) for one, other in zip(a, b, strict=True))


def _partitioned(make: Callable[[], ResidualNetwork], x: torch.Tensor, y: torch.Tensor, budget: float) -> dict[str, Any]:
    """Compile with torch's activation memory budget, a share of the bytes saved for the backward pass.

    The peak is what was saved plus what the backward pass makes. Compiled code is not timed: without the compiler's
    kernels, which need a C++ compiler, its time says nothing about the method.
    """
    from torch._dynamo import reset
    from torch._functorch import config

    network = make()
    exact = _step(network, None, x, y)["gradients"]
    network.zero_grad()
    reset()
    with warnings.catch_warnings(), config.patch(activation_memory_budget=budget):
        warnings.simplefilter("ignore")
        compiled = torch.compile(network, backend="aot_eager_decomp_partition")
        outputs = compiled(x)
        saved = list(outputs.grad_fn.saved_tensors)
        meter = MemoryMeter([x, y, *network.parameters()])
        meter.watch(saved)
        n_saved = meter.live()
        del saved
        with meter:
            functional.cross_entropy(outputs, y).backward()
    reset()
    return {
        "way": f"torch's partitioner, budget {budget:g}",
        "peak": meter.peak,
        "saved": n_saved,
        "gradient_difference": _difference(exact, [parameter.grad for parameter in network.parameters()]),
    }
