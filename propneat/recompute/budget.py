"""Planning for a torch module or a PropNEAT plan: the cheapest strategy that keeps to a budget when it is tried out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from propneat.base.errors import ConfigError
from propneat.base.words import count
from propneat.compiler import LayerPlan
from propneat.compiler.network import CompiledNetwork
from propneat.recompute.chen import chen_strategy
from propneat.recompute.graph import Graph
from propneat.recompute.meter import MemoryMeter
from propneat.recompute.programme import OBJECTIVES, Strategy, best_strategy, least_budget, make_family
from propneat.recompute.running import StrategyForward
from propneat.recompute.tracing import Traced, trace

__all__ = ["RecomputationPlan", "least_peak", "plan_evaluation", "plan_recomputation"]

_STRIDES = (0.7, 0.85, 1.0, 1.15, 1.35, 1.6, 2.0)
"""Multiples of the budget that the programme is asked for: it does not see liveness, nor what torch itself does not keep."""
Forward = Callable[[Mapping[str, torch.Tensor], torch.Tensor], torch.Tensor]


@dataclass(frozen=True, eq=False)
class RecomputationPlan:
    """How a module trains under a budget on inputs of one shape.

    `traced` and `strategy` are None where nothing needs to be recomputed. `peak` and `plain_peak` are bytes of intermediate
    values and their gradients at the worst moment of a training step, with and without recomputation. `overhead` is the
    planner's time of recomputation as a share of one forward pass.
    """

    traced: Traced | None
    strategy: Strategy | None
    peak: int
    plain_peak: int
    overhead: float


def plan_recomputation(
    network: torch.nn.Module | LayerPlan, budget_bytes: int, example: torch.Tensor, *, family: str = "pruned"
) -> RecomputationPlan:
    """Plan the training of a network under a budget of bytes, for batches like `example`, whose first axis is that of rows.

    `network` is a torch module of one input and one output, a `torch.fx.GraphModule` for instance, or a LayerPlan. The budget
    is for intermediate values and their gradients; parameters, their gradients and the input come on top. `family` is one of
    FAMILIES; "exact" may take long where a network has many branches.

    Candidates are both objectives of the programme at several budgets, and the square-root strategy. Each is tried out, by
    overhead, on tensors without contents until one keeps to the budget. Raises ConfigError, with the least budget that would
    do, when none does.
    """
    module = _module_of(network, example)
    plain = _tried_peak(module, example, _plainly(module))
    if plain <= budget_bytes:
        return RecomputationPlan(None, None, plain, plain, 0.0)
    traced = trace(module, example)
    peaks = [plain]
    for overhead, strategy in _candidates(traced.graph, family, budget_bytes):
        peaks.append(_tried_peak(module, example, StrategyForward(traced, strategy)))
        if peaks[-1] <= budget_bytes:
            return RecomputationPlan(traced, strategy, peaks[-1], plain, overhead / max(1, traced.graph.total_time))
    raise ConfigError(
        f"training within {count(budget_bytes, 'byte')} is not possible: the least that was found is {min(peaks)} bytes"
    )


def least_peak(network: torch.nn.Module | LayerPlan, example: torch.Tensor, *, family: str = "pruned") -> int:
    """Return the smallest budget, in bytes, for which `plan_recomputation` surely finds a plan."""
    module = _module_of(network, example)
    traced = trace(module, example)
    tried = [_tried_peak(module, example, StrategyForward(traced, s)) for _, s in _candidates(traced.graph, family, 0)]
    return min(_tried_peak(module, example, _plainly(module)), *tried)


def plan_evaluation(module: torch.nn.Module, budget_bytes: int, example: torch.Tensor) -> StrategyForward | None:
    """Return a forward pass without gradients that drops every value after its last reader, for batches like `example`.

    None where the module's own pass, which may hold on to values for longer, keeps to the budget.
    """
    if _tried_peak(module, example, _plainly(module), with_gradients=False) <= budget_bytes:
        return None
    traced = trace(module, example)
    return StrategyForward(traced, Strategy(traced.graph, (traced.graph.whole,)))


def _module_of(network: torch.nn.Module | LayerPlan, example: torch.Tensor) -> torch.nn.Module:
    return CompiledNetwork(network, example.dtype).to(example.device) if isinstance(network, LayerPlan) else network


def _plainly(module: torch.nn.Module) -> Forward:
    return lambda numbers, x: torch.func.functional_call(module, numbers, (x,))


def _candidates(graph: Graph, family: str, budget: int) -> list[tuple[int, Strategy]]:
    """Return different strategies with their overhead when the last part is kept, the quickest first."""
    if not len(graph):
        return []
    sets = make_family(graph, family)
    least = least_budget(sets)
    asked = (max(least, int(stride * base)) for base in (least, budget) for stride in _STRIDES)
    budgets = dict.fromkeys(min(own, int(2 * sets.memory[-1])) for own in asked)
    found = dict.fromkeys(best_strategy(sets, own, objective) for own in budgets for objective in OBJECTIVES)
    timed = [
        (graph.time_of(graph.whole & ~strategy.cached & ~strategy.parts[-1]), strategy)
        for strategy in dict.fromkeys((*found, chen_strategy(graph)))
    ]
    return sorted(timed, key=lambda pair: pair[0])


def _tried_peak(module: torch.nn.Module, example: torch.Tensor, forward: Forward, *, with_gradients: bool = True) -> int:
    """Run a step on tensors that have shapes but no contents; returns the peak bytes of what it keeps."""
    with FakeTensorMode(allow_non_fake_inputs=True) as mode, torch.set_grad_enabled(with_gradients):
        numbers = {
            name: mode.from_tensor(value.detach()).requires_grad_(value.requires_grad and value.numel() > 0)
            for name, value in (*module.named_parameters(), *module.named_buffers())
        }
        x = mode.from_tensor(example.detach()).requires_grad_(example.requires_grad)
        leaves = [value for value in (*numbers.values(), x) if value.requires_grad]
        for leaf in leaves:
            leaf.grad = torch.zeros_like(leaf, memory_format=torch.contiguous_format)
        meter = MemoryMeter((x, *numbers.values(), *(leaf.grad for leaf in leaves)))
        with meter:
            outputs = forward(numbers, x)
            if outputs.requires_grad:
                outputs.backward(torch.ones_like(outputs))
    return meter.peak
