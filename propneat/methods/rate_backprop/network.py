"""A deep spiking network, and the three ways to a loss's gradient: through time, by rates, and by rates one step at a time."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from propneat.base.errors import ConfigError
from propneat.methods.rate_backprop.functions import RateNeuron, SpikeTrain
from propneat.methods.rate_backprop.layers import Current, SpikingLayer
from propneat.methods.rate_backprop.neuron import Lif, advance, rest

__all__ = ["RULES", "LayerPlan", "SpikingNetwork", "make_network"]


@dataclass(frozen=True)
class LayerPlan:
    """One spiking layer: how many neurons or channels, "dense" or "conv" (3 by 3), pooled before, with a shortcut or not.

    `pool` is the side of squares that are averaged before a convolution. `residual` adds to the currents what came into
    the layer before: as it is where shapes agree, else by a map of its own (1 by 1 for a convolution) with batch norm.
    """

    width: int
    kind: str = "dense"
    pool: int = 1
    residual: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigError for a layer that cannot be."""
        if self.kind not in ("dense", "conv"):
            raise ConfigError(f"kind must be dense or conv, not {self.kind!r}")
        if self.width < 1 or self.pool < 1:
            raise ConfigError(f"width and pool must be 1 or more, not {self.width} and {self.pool}")
        if self.pool > 1 and self.kind == "dense":
            raise ConfigError("pool is for layers of kind conv")


class SpikingNetwork(nn.Module):
    """Spiking layers, and a linear readout of the last layer's spikes whose mean over time are the logits.

    Inputs have shape (n_steps, n_rows, ...), or (1, n_rows, ...) for values that are the same at every step (direct coding);
    the currents of the first layer are then made once. All ways return logits (n_rows, n_classes); `forward` and `rate_multi`
    agree in value, and differ in what `backward` makes of them. In evaluation mode `forward`, which is spikes alone, is the
    network; the other two are for training.

    Source: Yu et al. (2024). Departures from the released code: gradients are not divided by n_steps (see TrainingPlan), norms
    of single steps are averaged over time (see NormStatistics) and move their running statistics once per batch.
    """

    def __init__(self, layers: list[SpikingLayer], readout: nn.Linear, lif: Lif) -> None:
        super().__init__()
        self.layers, self.readout, self.lif = nn.ModuleList(layers), readout, lif

    def forward(self, inputs: torch.Tensor, n_steps: int) -> torch.Tensor:
        """Return logits that are differentiated through time (BPTT), batch norm being over steps and rows jointly."""
        return self.readout(self.spike_trains(inputs, n_steps)[-1].mean(0).flatten(1))

    def spike_trains(self, inputs: torch.Tensor, n_steps: int) -> list[torch.Tensor]:
        """Return the last two layers' spikes, each (n_steps, n_rows, ...)."""
        _check(inputs, n_steps)
        skipped, spikes = None, inputs
        for layer in self.layers:
            skipped, spikes = spikes, SpikeTrain.apply(layer(spikes, skipped), n_steps, self.lif)
        return [skipped, spikes]

    def rate_multi(self, inputs: torch.Tensor, n_steps: int) -> torch.Tensor:
        """Return logits that are differentiated by rates, all steps of a layer at once (the paper's multi-step mode).

        Spikes pass layer by layer without gradients, normalised over steps and rows jointly; what is saved for backward has no
        axis of time, and the spikes of all steps exist for two or three layers at a time.
        """
        _check(inputs, n_steps)
        spikes, rate, skipped, skipped_rate = inputs, inputs.mean(0), None, None
        for layer in self.layers:
            statistics = layer.statistics()
            with torch.no_grad():
                currents = layer.spike_pass(spikes, skipped, statistics)
                traces = rest(currents[0])
                skipped, spikes = spikes, advance(self.lif, currents, n_steps, traces)
                layer.update_norms(statistics)
            mean_current = layer.rate_pass(rate, skipped_rate, statistics)
            skipped_rate, rate = rate, RateNeuron.apply(mean_current, traces.spike_sum, traces.derivative_sum, n_steps)
        return self.readout(rate.flatten(1))

    def rate_single(self, inputs: torch.Tensor, n_steps: int) -> torch.Tensor:
        """Return logits that are differentiated by rates, the whole network one step at a time (the paper's single-step mode).

        Neither what is saved for backward nor what exists on the way grows with n_steps. Each step is normalised by its own
        statistics, so with batch norm the values differ from those of the other ways from the second layer on.
        """
        _check(inputs, n_steps)
        statistics = [layer.statistics() for layer in self.layers]
        with torch.no_grad():
            traces = self._step_through(inputs, n_steps, statistics)
            for layer, found in zip(self.layers, statistics, strict=True):
                layer.update_norms(found)
        rate, skipped_rate = inputs.mean(0), None
        for layer, found, left in zip(self.layers, statistics, traces, strict=True):
            mean_current = layer.rate_pass(rate, skipped_rate, found)
            skipped_rate, rate = rate, RateNeuron.apply(mean_current, left.spike_sum, left.derivative_sum, n_steps)
        return self.readout(rate.flatten(1))

    def _step_through(self, inputs: torch.Tensor, n_steps: int, statistics: list) -> list:
        """Run all layers step by step, and return what is left of time in each, Traces."""
        traces = [None] * len(self.layers)
        first = None
        for t in range(n_steps):
            skipped, spikes = None, inputs[min(t, len(inputs) - 1)][None]
            for k, layer in enumerate(self.layers):
                currents = first if k == 0 and first is not None else layer.spike_pass(spikes, skipped, statistics[k])
                if k == 0 and len(inputs) == 1:
                    first = currents
                if traces[k] is None:
                    traces[k] = rest(currents[0])
                skipped, spikes = spikes, advance(self.lif, currents, 1, traces[k])
        return traces


RULES: dict[str, Callable[[SpikingNetwork, torch.Tensor, int], torch.Tensor]] = {
    "bptt": SpikingNetwork.forward,
    "rate-multi": SpikingNetwork.rate_multi,
    "rate-single": SpikingNetwork.rate_single,
}
"""Ways to logits (network, inputs, n_steps) -> (n_rows, n_classes), by the names that they go by."""


def make_network(
    plans: tuple[LayerPlan, ...],
    input_shape: tuple[int, ...],
    n_classes: int,
    generator: torch.Generator,
    lif: Lif | None = None,
    with_norm: bool = True,
    dtype: torch.dtype = torch.float32,
) -> SpikingNetwork:
    """Return a network for inputs of `input_shape`, (n_features,) or (n_channels, height, width), with numbers drawn.

    Weights and biases are uniform within 1 / sqrt(fan in), as torch draws them; norms begin at weight 1 and bias 0, and maps
    before a norm have no bias. Without norm every map has a bias. Raises ConfigError for plans that do not fit.
    """
    if not plans:
        raise ConfigError("a network needs 1 layer or more")
    layers, shapes = [], [input_shape]
    for plan in plans:
        linear, norm, shape = _map(plan, shapes[-1], with_norm, dtype)
        shortcut = _shortcut(plan, plans[len(layers) - 1] if layers else None, shapes, shape, with_norm, dtype)
        layers.append(SpikingLayer(Current(linear, norm, plan.pool), shortcut))
        shapes.append(shape)
    n_features = torch.Size(shapes[-1]).numel()
    network = SpikingNetwork(layers, nn.utils.skip_init(nn.Linear, n_features, n_classes, dtype=dtype), lif or Lif())
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                bound = module.weight[0].numel() ** -0.5
                for part in module.parameters(recurse=False):
                    part.uniform_(-bound, bound, generator=generator)
    return network


def _check(inputs: torch.Tensor, n_steps: int) -> None:
    if n_steps < 1 or len(inputs) not in (1, n_steps):
        raise ConfigError(f"inputs must have 1 or n_steps = {n_steps} steps, and at least 1, not {len(inputs)}")


def _map(plan: LayerPlan, shape: tuple[int, ...], with_norm: bool, dtype: torch.dtype, kernel: int = 3) -> tuple:
    """Return a map, its norm, and the shape of its output."""
    if plan.kind == "dense":
        n_features = torch.Size(shape).numel()
        linear = nn.utils.skip_init(nn.Linear, n_features, plan.width, bias=not with_norm, dtype=dtype)
        return linear, nn.BatchNorm1d(plan.width, dtype=dtype) if with_norm else None, (plan.width,)
    if len(shape) != 3 or min(shape[1:]) < plan.pool:
        raise ConfigError(f"a convolution pooled by {plan.pool} cannot follow values of shape {shape}")
    linear = nn.utils.skip_init(
        nn.Conv2d, shape[0], plan.width, kernel, padding=kernel // 2, bias=not with_norm, dtype=dtype
    ).to(memory_format=torch.channels_last)
    norm = nn.BatchNorm2d(plan.width, dtype=dtype) if with_norm else None
    return linear, norm, (plan.width, shape[1] // plan.pool, shape[2] // plan.pool)


def _shortcut(
    plan: LayerPlan, before: LayerPlan | None, shapes: list, shape: tuple[int, ...], with_norm: bool, dtype: torch.dtype
) -> nn.Module | None:
    """Return what brings the input of the layer before to this layer's shape."""
    if not plan.residual:
        return None
    if before is None:
        raise ConfigError("the first layer has none before it, so it cannot be residual")
    if shapes[-2] == shape and before.pool == plan.pool == 1:
        return nn.Identity()
    pool = before.pool * plan.pool
    linear, norm, found = _map(LayerPlan(plan.width, plan.kind, pool), shapes[-2], with_norm, dtype, kernel=1)
    if found != shape:
        raise ConfigError(f"a shortcut cannot bring values of shape {shapes[-2]} to shape {shape}")
    return Current(linear, norm, pool)
