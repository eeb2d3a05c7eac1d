"""Leaky integrate-and-fire neurons over discrete time: spikes, the traces that stand for their past, and BPTT's recursion."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from propneat.base.errors import ConfigError
from propneat.methods.rate_backprop import kernel

__all__ = ["Lif", "Traces", "advance", "membrane_gradient", "membranes", "rest"]


@dataclass(frozen=True)
class Lif:
    """A leaky integrate-and-fire neuron: u_t = decay * (u_{t-1} after its reset) + I_t, and s_t = 1 where u_t >= threshold.

    A spike takes the threshold off the membrane ("soft" reset) or sets it to zero ("hard"). The derivative of a spike by
    its membrane is taken to be that of a sigmoid, g(u) = slope * y * (1 - y) with y = sigmoid(slope * (u - threshold)). With
    `detach_reset` no derivative passes through the reset. Raises ConfigError for values that cannot be used.
    """

    decay: float = 0.2
    threshold: float = 1.0
    slope: float = 4.0
    reset: str = "soft"
    detach_reset: bool = True

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        if not 0 <= self.decay <= 1:
            raise ConfigError(f"decay must lie between 0 and 1, not {self.decay}")
        for name in ("threshold", "slope"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} must be positive, not {getattr(self, name)}")
        if self.reset not in ("soft", "hard"):
            raise ConfigError(f"reset must be soft or hard, not {self.reset!r}")

    def surrogate(self, membrane: torch.Tensor) -> torch.Tensor:
        """Return g(u) for membranes of any shape."""
        y = torch.sigmoid(self.slope * (membrane - self.threshold))
        return self.slope * y * (1 - y)

    def drop(self, membrane: torch.Tensor) -> torch.Tensor | float:
        """Return by how much a spike lowers a membrane."""
        return membrane if self.reset == "hard" else self.threshold

    def carry(self, membrane: torch.Tensor, spikes: torch.Tensor, surrogate: torch.Tensor) -> torch.Tensor | float:
        """Return d(u after reset) / d(u before), in the sense of the surrogate."""
        kept = 1 - spikes if self.reset == "hard" else 1.0
        return kept if self.detach_reset else kept - surrogate * self.drop(membrane)

    def numbers(self) -> np.ndarray:
        """Return decay, threshold, slope, and 1 for a hard and 1 for an attached reset, float32, as the kernels want them."""
        flags = self.reset == "hard", not self.detach_reset
        return np.array([self.decay, self.threshold, self.slope, *flags], np.float32)


class Traces(NamedTuple):
    """All that is left of a neuron's past, each (n_rows, ...): no axis of time.

    `membrane` u after its reset; `sensitivity` rho = du_t/dc for a current that is held at c; and the sums over past steps of
    rho_t * g(u_t), which is about ds_t/dc, and of spikes. Divided by the number of steps the sums are D and the rate.
    """

    membrane: torch.Tensor
    sensitivity: torch.Tensor
    derivative_sum: torch.Tensor
    spike_sum: torch.Tensor


def rest(like: torch.Tensor) -> Traces:
    """Return the traces of neurons at rest, of the shape and type of `like` (n_rows, ...)."""
    membrane, derivative_sum, spike_sum = (_empty(like[None], 1)[0].zero_() for _ in range(3))
    return Traces(membrane, torch.ones_like(membrane), derivative_sum, spike_sum)


def advance(lif: Lif, currents: torch.Tensor, n_steps: int, traces: Traces) -> torch.Tensor:
    """Return spikes (n_steps, n_rows, ...) under currents of that shape, or (1, n_rows, ...) if constant; update the traces.

    Nothing here is differentiated by autograd. The traces are the paper's (its figure 1): rho_0 = 1, k_t = rho_t g(u_t) is
    added up, and rho_{t+1} = 1 + decay * rho_t * (d(u after reset) / du).
    """
    spikes = _empty(currents, n_steps)
    if _is_compiled(currents):
        kernel.spikes_and_traces(
            _flat(_dense(currents)), _flat(spikes), *(_flat(part[None])[0] for part in traces), lif.numbers()
        )
        return spikes
    membrane, sensitivity, derivative_sum, spike_sum = traces
    for t in range(n_steps):
        membrane.mul_(lif.decay).add_(currents[min(t, len(currents) - 1)])
        fired = (membrane >= lif.threshold).to(membrane.dtype)
        g = lif.surrogate(membrane)
        derivative_sum.addcmul_(sensitivity, g)
        sensitivity.mul_(lif.carry(membrane, fired, g)).mul_(lif.decay).add_(1)
        membrane.sub_(fired * lif.drop(membrane))
        spike_sum.add_(fired)
        spikes[t] = fired
    return spikes


def membranes(lif: Lif, currents: torch.Tensor, n_steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return membranes before their reset and spikes, both (n_steps, n_rows, ...), under currents as in `advance`."""
    before_reset, spikes = _empty(currents, n_steps), _empty(currents, n_steps)
    if _is_compiled(currents):
        kernel.membranes(_flat(_dense(currents)), _flat(before_reset), _flat(spikes), lif.numbers())
        return before_reset, spikes
    left = torch.zeros_like(currents[0])
    for t in range(n_steps):
        u = lif.decay * left + currents[min(t, len(currents) - 1)]
        fired = (u >= lif.threshold).to(u.dtype)
        left = u - fired * lif.drop(u)
        before_reset[t], spikes[t] = u, fired
    return before_reset, spikes


def membrane_gradient(lif: Lif, before_reset: torch.Tensor, spikes_gradient: torch.Tensor, is_constant: bool) -> torch.Tensor:
    """Return the gradient by currents from that by spikes (n_steps, n_rows, ...), summed over steps if they were constant.

    dL/du_t = g(u_t) dL/ds_t + decay * (d(u after reset) / du_t) dL/du_{t+1}, the recursion of backpropagation through time.
    """
    n_steps = len(before_reset)
    gradient = torch.zeros_like(before_reset[:1] if is_constant else before_reset)
    if _is_compiled(before_reset):
        kernel.membrane_gradient(_flat(before_reset), _flat(_dense(spikes_gradient)), _flat(gradient), lif.numbers())
        return gradient
    delta = torch.zeros_like(before_reset[0])
    for t in reversed(range(n_steps)):
        u = before_reset[t]
        g = lif.surrogate(u)
        delta = spikes_gradient[t] * g + lif.decay * lif.carry(u, (u >= lif.threshold).to(u.dtype), g) * delta
        gradient[0 if is_constant else t] += delta
    return gradient


def _is_compiled(values: torch.Tensor) -> bool:
    """Whether the compiled loops are for these values; other devices and double precision take torch's own operations."""
    return values.device.type == "cpu" and values.dtype == torch.float32


def _empty(like: torch.Tensor, n_steps: int) -> torch.Tensor:
    """Return unset values (n_steps, ...) for `like` (any, ...), images with channels last in memory."""
    if like.ndim != 5:
        return like.new_empty((n_steps, *like.shape[1:]))
    n_rows, channels, height, width = like.shape[1:]
    return like.new_empty((n_steps, n_rows, height, width, channels)).movedim(-1, 2)


def _dense(values: torch.Tensor) -> torch.Tensor:
    """Return the values in the memory layout of `_empty`."""
    return values.movedim(2, -1).contiguous().movedim(-1, 2) if values.ndim == 5 else values.contiguous()


def _flat(values: torch.Tensor) -> np.ndarray:
    """Return the memory of values in the layout of `_empty` as an array (n_steps, n_neurons)."""
    ordered = values.movedim(2, -1) if values.ndim == 5 else values
    return ordered.view(len(ordered), -1).numpy()
