"""Training of a spiking network by one of the rules, and what it answers by spikes."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import cos, pi

import numpy as np
import torch
from torch.nn import functional

from propneat.base.errors import ConfigError, DataError
from propneat.methods.rate_backprop.network import RULES, SpikingNetwork

__all__ = ["TrainingPlan", "answer", "count_updates", "train"]

_ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class TrainingPlan:
    """How a network is trained: by a name in `RULES`, for a number of steps in time, by SGD with momentum.

    The learning rate falls from `learning_rate` to 0 as half a cosine over all updates. Weight decay is for weights of maps,
    not for biases and norms. Training makes `n_epochs` passes, or `n_updates` updates where that is given. The defaults are the
    paper's for CIFAR but for the number of epochs. `divide_by_steps` divides the gradient by n_steps, as the released
    code does in rate mode; without it the gradient is as long as that of BPTT, which is what the two are compared by.
    """

    rule: str = "rate-multi"
    n_steps: int = 4
    n_epochs: int = 40
    n_updates: int | None = None
    batch_size: int = 128
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    divide_by_steps: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        if self.rule not in RULES:
            raise ConfigError(f"rule must be one of {', '.join(RULES)}, not {self.rule!r}")
        for name, least in (("n_steps", 1), ("n_epochs", 1), ("batch_size", 2)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be {least} or more, not {getattr(self, name)}")
        if self.n_updates is not None and self.n_updates < 1:
            raise ConfigError(f"n_updates must be 1 or more, or None, not {self.n_updates}")
        if not 0 < self.learning_rate < float("inf"):
            raise ConfigError(f"learning_rate must be positive, not {self.learning_rate}")
        if not 0 <= self.momentum < 1 or not 0 <= self.weight_decay < float("inf"):
            raise ConfigError(
                f"momentum must lie in [0, 1) and weight_decay be 0 or more, not {self.momentum} and {self.weight_decay}"
            )


def count_updates(plan: TrainingPlan, n_rows: int) -> int:
    """Return how many updates training on n_rows makes."""
    return plan.n_epochs * len(_cuts(n_rows, plan.batch_size)) if plan.n_updates is None else plan.n_updates


def train(
    network: SpikingNetwork,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    plan: TrainingPlan,
    rng: np.random.Generator,
    after_update: Callable[[int, float], None] = lambda n_done, loss: None,
) -> None:
    """Train a network in place on inputs (n_steps or 1, n_rows, ...) with labels (n_rows,), on the device where they are.

    The loss is the cross entropy of mean logits. Every epoch takes the rows in a new order, cut into batches of about equal
    size: a small one at the end would upset batch norm, and one of a single row could not be normalised. `after_update` is
    told the number of updates made and the batch's loss in nats. Raises DataError for fewer than 2 rows.
    """
    n_rows = inputs.shape[1]
    if n_rows < 2:
        raise DataError(f"at least 2 rows are needed to train on, got {n_rows}")
    weights = [part for part in network.parameters() if part.ndim > 1]
    others = [part for part in network.parameters() if part.ndim == 1]
    groups = [{"params": weights, "weight_decay": plan.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.SGD(groups, lr=plan.learning_rate, momentum=plan.momentum)
    total, n_done = count_updates(plan, n_rows), 0
    network.train()
    while n_done < total:
        order = torch.from_numpy(rng.permutation(n_rows)).to(inputs.device)
        for start, stop in _cuts(n_rows, plan.batch_size)[: total - n_done]:
            rate = plan.learning_rate * 0.5 * (1 + cos(pi * n_done / total))
            for group in optimiser.param_groups:
                group["lr"] = rate
            rows = order[start:stop]
            loss = _update(network, optimiser, inputs[:, rows], labels[rows], plan)
            n_done += 1
            after_update(n_done, loss)


def _update(
    network: SpikingNetwork, optimiser: torch.optim.Optimizer, inputs: torch.Tensor, labels: torch.Tensor, plan: TrainingPlan
) -> float:
    optimiser.zero_grad()
    with torch.enable_grad():
        loss = functional.cross_entropy(RULES[plan.rule](network, inputs, plan.n_steps), labels)
        (loss / plan.n_steps if plan.divide_by_steps else loss).backward()
    optimiser.step()
    return loss.item()


def answer(network: SpikingNetwork, inputs: torch.Tensor, n_steps: int) -> torch.Tensor:
    """Return the logits (n_rows, n_classes) that the network gives by spikes, with running statistics, whatever trained it."""
    was_training = network.training
    network.eval()
    with torch.no_grad():
        parts = [network(part, n_steps) for part in inputs.split(_ROWS_AT_ONCE, dim=1)]
    network.train(was_training)
    return torch.cat(parts)


def _cuts(n_rows: int, batch_size: int) -> list[tuple[int, int]]:
    """Return where batches begin and end: as many as the batch size asks for, but of 2 rows or more each."""
    n_batches = max(1, min(-(-n_rows // batch_size), n_rows // 2))
    ends = [n_rows * k // n_batches for k in range(n_batches + 1)]
    return list(pairwise(ends))
