"""Makes a torch module train under a memory budget, with the same bits as without."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import _disable_current_modes

from propneat.recompute.budget import RecomputationPlan, plan_evaluation, plan_recomputation
from propneat.recompute.running import StrategyForward

__all__ = ["plans_of", "train_under_budget"]


def train_under_budget(module: torch.nn.Module, budget_bytes: int, *, family: str = "pruned") -> torch.nn.Module:
    """Make a module keep to a budget of bytes when its result is to be differentiated; returns the same module.

    Its parameters, names, state and results stay what they are, and so do its gradients, running statistics and random
    numbers, to the bit; only its `forward` is exchanged. The first batch of every shape is traced and planned for by
    `plan_recomputation`; one that cannot keep to the budget raises ConfigError. A pass without gradients that would take more
    than the budget drops every value after its last reader, and takes what it then needs. The module must take one tensor and
    return one, and do the same operations on all inputs of a shape.

    The strategy's parts are torch checkpoints that keep the values of U_k. Departure from the paper: the last part, which the
    backward pass begins with, is not recomputed.
    """
    module.forward = _BudgetedForward(module, budget_bytes, family)
    return module


def plans_of(module: torch.nn.Module) -> list[RecomputationPlan]:
    """Return the plans that a module which trains under a budget has made so far, one for every kind of input."""
    return [plan for plan, _ in module.forward.made.values()]


class _BudgetedForward:
    """A module's forward pass under a budget; holds one plan per kind of input."""

    def __init__(self, module: torch.nn.Module, budget_bytes: int, family: str) -> None:
        self.module, self.budget_bytes, self.family = module, budget_bytes, family
        self.original = module.forward
        self.made: dict[Any, tuple[RecomputationPlan, StrategyForward | None]] = {}
        self.made_without_gradients: dict[Any, StrategyForward | None] = {}

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the module's result."""
        modes = tuple(part.training for part in self.module.modules())
        needs = tuple(parameter.requires_grad for parameter in self.module.parameters())
        key = (tuple(x.shape), x.dtype, x.device, x.requires_grad, modes, needs)
        forward = (self._with_gradients if torch.is_grad_enabled() else self._without_gradients)(key, x)
        if forward is None:
            return self.original(x)
        return forward({**dict(self.module.named_parameters()), **dict(self.module.named_buffers())}, x)

    def _with_gradients(self, key: Any, x: torch.Tensor) -> StrategyForward | None:
        if key not in self.made:
            with self._as_it_was():
                plan = plan_recomputation(self.module, self.budget_bytes, x, family=self.family)
            self.made[key] = plan, None if plan.strategy is None else StrategyForward(plan.traced, plan.strategy)
        return self.made[key][1]

    def _without_gradients(self, key: Any, x: torch.Tensor) -> StrategyForward | None:
        if key not in self.made_without_gradients:
            with self._as_it_was():
                self.made_without_gradients[key] = plan_evaluation(self.module, self.budget_bytes, x)
        return self.made_without_gradients[key]

    @contextmanager
    def _as_it_was(self) -> Iterator[None]:
        self.module.forward = self.original
        try:
            # what watches the training, a meter for instance, is not to see operations on tensors without contents
            with _disable_current_modes():
                yield
        finally:
            self.module.forward = self
