"""Training by a rule: the loss of the last step's outputs, gradients, and a step of Adam that keeps Dale's law."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from propneat.base.errors import ConfigError
from propneat.methods.modprop.layer import run_layer
from propneat.methods.modprop.network import Network
from propneat.methods.modprop.rules import RULES, Feedback, Rule, make_feedback

__all__ = ["StepSettings", "Trainer", "last_step_losses", "last_step_outputs", "rule_gradients"]


@dataclass(frozen=True)
class StepSettings:
    """How numbers follow gradients: Adam (Kingma and Ba 2015; betas 0.9 and 0.999, epsilon 1e-8).

    The learning rate is multiplied by `decay` after every `decay_every` steps. `l2` adds l2 * weight to the gradient of every
    weight, not of biases. `shrink` takes learning rate * shrink off every strength, in W and W_out, after a step (the gradient
    of an L1 penalty). `clip` is the most that the norm of a replica's gradient may be.
    """

    learning_rate: float = 5e-4
    decay: float = 0.8
    decay_every: int = 300
    l2: float = 5e-4
    shrink: float = 0.01
    clip: float | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        for name in ("learning_rate", "decay", "decay_every"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("l2", "shrink"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} must be 0 or more, not {getattr(self, name)}")
        if self.clip is not None and not self.clip > 0:
            raise ConfigError(f"clip must be positive, not {self.clip}")


class Trainer:
    """Trains the replicas of a network in place, side by side; none has an influence on another.

    Dale's law is kept by projection: after a step every strength below 0 is set to 0, and may grow again. The paper's code
    prunes synapses whose strengths go below 0 and connects as many others at random.
    """

    def __init__(self, network: Network, rule: Rule, settings: StepSettings, slopes: Sequence[float] | None = None) -> None:
        self.network, self.rule, self.settings = network, rule, settings
        self.slopes = None if slopes is None else torch.tensor(slopes, dtype=network.bias.dtype, device=network.bias.device)
        decayed = [{"params": network.parameters[:3], "weight_decay": settings.l2}, {"params": [network.bias]}]
        self._adam = torch.optim.Adam(decayed, lr=settings.learning_rate)
        self._n_steps = 0

    def step(self, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Learn from one batch and return the losses before the step, shape (n_replicas,); see `last_step_losses`."""
        with torch.enable_grad():
            feedback = make_feedback(self.rule, self.network.weights(), self.network.cells, self.slopes)
            losses = last_step_losses(self.network, inputs, labels, feedback)
            gradients = torch.autograd.grad(losses.sum(), self.network.parameters)
        with torch.no_grad():
            scale = _clip_factors(gradients, self.settings.clip) if self.settings.clip is not None else None
            for parameter, gradient in zip(self.network.parameters, gradients, strict=True):
                parameter.grad = gradient if scale is None else gradient * scale.view(-1, *[1] * (gradient.ndim - 1))
            rate = self.settings.learning_rate * self.settings.decay ** (self._n_steps // self.settings.decay_every)
            for group in self._adam.param_groups:
                group["lr"] = rate
            self._adam.step()
            for strengths in (self.network.strengths, self.network.out_strengths):
                strengths.sub_(rate * self.settings.shrink).clamp_(min=0)
        self._n_steps += 1
        return losses.detach()


def last_step_losses(network: Network, inputs: torch.Tensor, labels: torch.Tensor, feedback: Feedback) -> torch.Tensor:
    """Return the cross entropy of the softmax of the last step's outputs, nats, the mean over rows, shape (n_replicas,).

    `inputs` has shape (n_replicas, n_steps, n_rows, n_inputs), `labels` shape (n_replicas, n_rows).
    """
    outputs = network.readout(run_layer(network, inputs, feedback)[:, -1])
    losses = torch.nn.functional.cross_entropy(outputs.flatten(0, 1), labels.flatten(), reduction="none")
    return losses.view(labels.shape).mean(dim=1)


def last_step_outputs(network: Network, inputs: torch.Tensor) -> torch.Tensor:
    """Return the last step's outputs (n_replicas, n_rows, n_outputs), without gradients, for inputs as above."""
    with torch.no_grad():
        any_feedback = make_feedback(RULES["bptt"], network.weights(), network.cells)
        return network.readout(run_layer(network, inputs, any_feedback)[:, -1])


def rule_gradients(network: Network, inputs: torch.Tensor, labels: torch.Tensor, rule: Rule) -> torch.Tensor:
    """Return what a rule takes for the gradient of the loss by W's strengths, shape (n_replicas, n_cells, n_cells)."""
    with torch.enable_grad():
        feedback = make_feedback(rule, network.weights(), network.cells)
        return torch.autograd.grad(last_step_losses(network, inputs, labels, feedback).sum(), network.strengths)[0]


def _clip_factors(gradients: tuple[torch.Tensor, ...], largest: float) -> torch.Tensor:
    """Return the factor, at most 1, that brings every replica's gradient to a norm of at most `largest`, (n_replicas,)."""
    squares = sum(gradient.flatten(1).square().sum(dim=1) for gradient in gradients)
    return (largest / squares.sqrt().clamp(min=1e-30)).clamp(max=1)
