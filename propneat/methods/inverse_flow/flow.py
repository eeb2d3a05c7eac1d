"""A multi-scale flow: images to latent numbers of a standard normal distribution, and back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log, pi

import torch
from torch import nn

from propneat.base.errors import ConfigError
from propneat.methods.inverse_flow.layers import ActNorm, Coupling, InverseConv, Mix, conv_net, normal, squeeze, unsqueeze
from propneat.methods.inverse_flow.wavefront import CORNERS

__all__ = ["Chain", "Flow", "FlowPlan", "Logit", "Split", "log_normal", "make_flow", "make_step"]


@dataclass(frozen=True)
class FlowPlan:
    """The shape of a flow: L scales of K steps (Nagar and Varma 2025 take L = 2, K = 16 and widths of 128 to 512)."""

    n_scales: int = 2
    n_steps: int = 4
    width: int = 32
    kernel: tuple[int, int] = (3, 3)
    is_inverted: bool = True
    """Whether the inverse runs from image to latent, and sampling convolves; else the other way round, as in FInC."""
    trains_diagonal: bool = True
    limit: float | None = 0.9
    squeeze_margin: float = 1e-6
    """Alpha of the logit that images in [0, 1] go through."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        if min(self.n_scales, self.n_steps, self.width, *self.kernel) < 1:
            raise ConfigError("n_scales, n_steps, width and both sides of the kernel must be 1 or more")
        if not 0 < self.squeeze_margin < 0.5:
            raise ConfigError(f"squeeze_margin must lie between 0 and 0.5, not {self.squeeze_margin}")


class Chain(nn.Module):
    """Layers one after the other."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what comes out and the log|det| of all layers, (B,)."""
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, log_det = layer(x)
            total = total + log_det
        return x, total

    def reverse(self, z: torch.Tensor) -> torch.Tensor:
        """Return the input of which z is the output."""
        for layer in reversed(self.layers):
            z = layer.reverse(z)
        return z


class Logit(nn.Module):
    """logit(alpha + (1 - 2 alpha) u) of values u in [0, 1]."""

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, u: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits and the log|det|, (B,)."""
        p = self.alpha + (1 - 2 * self.alpha) * u
        logits = p.log() - torch.log1p(-p)
        slope = log(1 - 2 * self.alpha) - p.log() - torch.log1p(-p)
        return logits, slope.flatten(1).sum(1)

    def reverse(self, z: torch.Tensor) -> torch.Tensor:
        """Return the values of which z are the logits."""
        return (torch.sigmoid(z) - self.alpha) / (1 - 2 * self.alpha)


class Split(nn.Module):
    """Parts with half of the channels, made standard normal by a scale and a shift that a net reads from the rest."""

    def __init__(self, n_channels: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.n_kept = n_channels // 2
        self.net = conv_net(self.n_kept, 2 * (n_channels - self.n_kept), width, generator)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the channels that go on, the latent numbers of the others, and the log|det|."""
        kept, parted = x[:, : self.n_kept], x[:, self.n_kept :]
        log_scale, shift = self._affine(kept)
        return kept, parted * log_scale.exp() + shift, log_scale.flatten(1).sum(1)

    def reverse(self, kept: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
        """Return the channels of which both are made."""
        log_scale, shift = self._affine(kept)
        return torch.cat([kept, (latent - shift) * (-log_scale).exp()], dim=1)

    def _affine(self, kept: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        log_scale, shift = self.net(kept).chunk(2, dim=1)
        return 2 * torch.tanh(log_scale / 2), shift


class Flow(nn.Module):
    """The logit, then scales: squeeze, steps, and a split between scales.

    Source: Nagar and Varma 2025, supplement and slides: inverse convolution, ActNorm, 1x1 convolution, coupling. Departures: no
    spline, and the limit of the taps (see InverseConv).
    """

    def __init__(self, shape: tuple[int, int, int], plan: FlowPlan, generator: torch.Generator) -> None:
        super().__init__()
        factor = 2**plan.n_scales
        if shape[1] % factor or shape[2] % factor:
            raise ConfigError(f"sides of images must be multiples of {factor} for {plan.n_scales} scales, not {shape[1:]}")
        self.logit = Logit(plan.squeeze_margin)
        self.scales, self.splits = nn.ModuleList(), nn.ModuleList()
        n_channels, self.latent_shapes = shape[0], []
        for scale in range(plan.n_scales):
            n_channels *= 4
            steps = [make_step(n_channels, plan, corner, generator) for corner in _corners(plan.n_steps)]
            self.scales.append(Chain(steps))
            sides = shape[1] >> (scale + 1), shape[2] >> (scale + 1)
            if scale < plan.n_scales - 1:
                self.splits.append(Split(n_channels, plan.width, generator))
                self.latent_shapes.append((n_channels - n_channels // 2, *sides))
                n_channels //= 2
        self.latent_shapes.append((n_channels, *sides))

    def encode(self, u: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Return the latent images of u, (B, C, H, W) in [0, 1], one per scale, and the log|det|, (B,)."""
        x, of_logit = self.logit(u)
        latents, total = self.encode_logits(x)
        return latents, of_logit + total

    def decode(self, latents: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the images of which `latents` are those."""
        return self.logit.reverse(self.decode_logits(latents))

    def encode_logits(self, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Return what `encode` does for images that are logits, any real numbers."""
        total, latents = x.new_zeros(len(x)), []
        for scale, split in zip(self.scales, [*self.splits, None], strict=True):
            x, log_det = scale(squeeze(x))
            total = total + log_det
            if split is not None:
                x, latent, log_det = split(x)
                latents.append(latent)
                total = total + log_det
        return [*latents, x], total

    def decode_logits(self, latents: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the logits of the images of which `latents` are those."""
        x = latents[-1]
        parts = [None, *reversed(latents[:-1])]
        for scale, split, latent in zip(reversed(self.scales), [None, *reversed(self.splits)], parts, strict=True):
            if split is not None:
                x = split.reverse(x, latent)
            x = unsqueeze(scale.reverse(x))
        return x

    def log_prob(self, u: torch.Tensor) -> torch.Tensor:
        """Return the log density in nats of images, (B,), by values in [0, 1]."""
        latents, total = self.encode(u)
        return total + sum(log_normal(latent) for latent in latents)

    def sample(self, n_images: int, generator: torch.Generator, temperature: float = 1.0) -> torch.Tensor:
        """Return images of latent numbers drawn with standard deviation `temperature`."""
        device = self.scales[0].layers[0].layers[0].raw.device
        latents = [normal(generator, n_images, *shape, scale=temperature).to(device) for shape in self.latent_shapes]
        return self.decode(latents)

    def inverse_convs(self) -> Iterator[InverseConv]:
        """Yield the inverse convolutions, first to last."""
        return (module for module in self.modules() if isinstance(module, InverseConv))


def make_flow(shape: tuple[int, int, int], plan: FlowPlan, seed: int, device: str = "cpu") -> Flow:
    """Return an untrained flow of images (C, H, W); the same seed draws the same nets whatever runs inverted."""
    return Flow(shape, plan, torch.Generator().manual_seed(seed)).to(device)


def make_step(n_channels: int, plan: FlowPlan, corner: str, generator: torch.Generator) -> Chain:
    """Return one step of a flow; a single channel has nothing to mix nor to couple."""
    options = plan.is_inverted, plan.trains_diagonal, plan.limit
    step = [InverseConv(n_channels, plan.kernel, corner, generator, *options), ActNorm(n_channels, 1, 1)]
    if n_channels > 1:
        step += [Mix(n_channels, generator), Coupling(n_channels, plan.width, generator)]
    return Chain(step)


def log_normal(z: torch.Tensor) -> torch.Tensor:
    """Return the log density of a standard normal distribution, (B,), summed over all other axes."""
    return -0.5 * (z**2 + log(2 * pi)).flatten(1).sum(1)


def _corners(n_steps: int) -> list[str]:
    names = list(CORNERS)
    return [names[k % len(names)] for k in range(n_steps)]
