"""Invertible layers of a flow: `forward` returns what comes out and its log|det| per image, `reverse` what went in.

Images are (B, C, H, W). A log|det| is that of the derivative of all outputs of an image by all its inputs, shape (B,) or a
scalar that holds for every image.
"""

import torch
from torch import nn
from torch.nn import functional

from propneat.base.errors import ConfigError
from propneat.methods.inverse_flow.wavefront import CORNERS, convolve, deconvolve

__all__ = ["ActNorm", "Conv", "Coupling", "InverseConv", "Mix", "conv_net", "normal", "squeeze", "unsqueeze"]

_STEEPEST = 2.0
_GAIN_RATE = 3.0


def normal(generator: torch.Generator, *shape: int, scale: float = 1.0) -> torch.Tensor:
    """Return float32 numbers of a normal distribution, made on the generator's device whatever torch's default type is."""
    return scale * torch.randn(*shape, generator=generator, dtype=torch.float32)


class InverseConv(nn.Module):
    """The inverse of a convolution padded at a corner; `reverse` is the convolution.

    The kernel is W = A0 T: A0 is lower triangular with diagonal exp(s), trained if `trains_diagonal`, else 1; T has the
    identity at the pixel itself, and `raw` elsewhere. Rows of `raw` whose absolute values add up to more than `limit` are
    scaled down to it, so that x = A0^-1 y - (T - I) x gives max|x| <= max|A0^-1 y| / (1 - limit): the inverse cannot blow up.
    Nagar and Varma (2025) mask gradients and clamp parameters; here the mask and the limit are part of how the kernel is built,
    so no optimiser can leave them. `limit` may be None. With `is_inverted` false, forward is the convolution instead, and
    reverse its inverse: what flows with exactly inverted convolutions (FInC) do.

    `largest_gain` is the largest max|x| / max|y| that the inverse has met since it was last set to 0, while `watches_gain`.
    """

    def __init__(
        self,
        n_channels: int,
        kernel: tuple[int, int],
        corner: str,
        generator: torch.Generator,
        is_inverted: bool = True,
        trains_diagonal: bool = True,
        limit: float | None = 0.9,
    ) -> None:
        super().__init__()
        if corner not in CORNERS:
            raise ConfigError(f"corner must be one of {', '.join(CORNERS)}, not {corner}")
        if limit is not None and not 0 < limit < 1:
            raise ConfigError(f"limit must lie between 0 and 1, not {limit}")
        self.corner, self.is_inverted, self.limit = corner, is_inverted, limit
        self.raw = nn.Parameter(normal(generator, n_channels, n_channels, *kernel, scale=0.05 / n_channels))
        self.log_diagonal = nn.Parameter(torch.zeros(n_channels, dtype=torch.float32)) if trains_diagonal else None
        self.largest_gain, self.watches_gain = 0.0, True

    def weight(self) -> torch.Tensor:
        """Return the kernel W, (C, C, kernel rows, kernel columns), as `convolve` takes it."""
        n_channels = len(self.raw)
        identity = torch.eye(n_channels, dtype=self.raw.dtype, device=self.raw.device)
        own = torch.zeros_like(self.raw)
        own[:, :, -1, -1] = 1
        others = self.raw * (1 - own)
        if self.limit is not None:
            sums = others.abs().sum((1, 2, 3), keepdim=True)
            others = others * (self.limit / sums.clamp(min=self.limit))
        taps = others + own * identity[:, :, None, None]
        diagonal = identity if self.log_diagonal is None else torch.diag(self.log_diagonal.exp())
        weight = torch.einsum("oi,ijab->ojab", self.raw[:, :, -1, -1].tril(-1) + diagonal, taps)
        return weight.flip(CORNERS[self.corner])

    def forward(self, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the layer's output and its log|det|: -H W log|det A0| of the inverse, + of the convolution."""
        volume = y.shape[2] * y.shape[3] * (y.new_zeros(()) if self.log_diagonal is None else self.log_diagonal.sum())
        return (self._invert(y), -volume) if self.is_inverted else (convolve(y, self.weight(), self.corner), volume)

    def reverse(self, x: torch.Tensor) -> torch.Tensor:
        """Return the input of which x is the output."""
        return convolve(x, self.weight(), self.corner) if self.is_inverted else self._invert(x)

    def _invert(self, y: torch.Tensor) -> torch.Tensor:
        x = deconvolve(y, self.weight(), self.corner)
        if self.watches_gain:
            x_max, y_max = x.detach().abs().max(), y.detach().abs().max()
            self.largest_gain = max(self.largest_gain, float(x_max / y_max.clamp(min=1e-12)))
        return x


class ActNorm(nn.Module):
    """A scale and a shift per channel, set by the first batch it meets in training so that this one comes out standard.

    Source: Kingma and Dhariwal 2018, Glow. The first batch alone decides: `is_set` is stored with the parameters, so copies,
    pickles and later batches keep what was set. Until then, in evaluation, the layer is the identity.
    """

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(shape, dtype=torch.float32))
        self.shift = nn.Parameter(torch.zeros(shape, dtype=torch.float32))
        self.register_buffer("is_set", torch.zeros((), dtype=torch.bool))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (x + shift) exp(log_scale) and its log|det|."""
        if self.training and not self.is_set:
            self._set(x.detach())
        repeats = x[0].numel() / self.log_scale.numel()
        return (x + self.shift) * self.log_scale.exp(), repeats * self.log_scale.sum()

    def reverse(self, z: torch.Tensor) -> torch.Tensor:
        """Return the input of which z is the output."""
        return z * (-self.log_scale).exp() - self.shift

    @torch.no_grad()
    def _set(self, x: torch.Tensor) -> None:
        axes = [0] + [axis + 1 for axis, size in enumerate(self.shift.shape) if size == 1]
        mean = x.mean(axes, keepdim=True)
        deviation = ((x - mean) ** 2).mean(axes, keepdim=True).sqrt()
        self.shift.copy_(-mean[0])
        # a channel without variance keeps its scale
        self.log_scale.copy_(torch.where(deviation > 1e-3, -deviation.clamp(min=1e-3).log(), 0.0)[0])
        self.is_set.fill_(True)


class Mix(nn.Module):
    """An invertible 1x1 convolution, a rotation at first (Kingma and Dhariwal 2018)."""

    def __init__(self, n_channels: int, generator: torch.Generator) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.linalg.qr(normal(generator, n_channels, n_channels))[0].contiguous())

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mixed channels and H W log|det matrix|."""
        log_det = x.shape[2] * x.shape[3] * torch.linalg.slogdet(self.matrix)[1]
        return functional.conv2d(x, self.matrix[:, :, None, None]), log_det

    def reverse(self, z: torch.Tensor) -> torch.Tensor:
        """Return the input of which z is the output."""
        return functional.conv2d(z, torch.linalg.inv(self.matrix)[:, :, None, None])


class Conv(nn.Module):
    """A convolution with bias that keeps the size of images; `is_zero` starts it at 0 with a trained gain exp(3 g)."""

    def __init__(self, n_in: int, n_out: int, side: int, generator: torch.Generator, is_zero: bool = False) -> None:
        super().__init__()
        scale = 0.0 if is_zero else (2 / (n_in * side**2)) ** 0.5
        self.weight = nn.Parameter(normal(generator, n_out, n_in, side, side, scale=scale))
        self.bias = nn.Parameter(torch.zeros(n_out, dtype=torch.float32))
        self.log_gain = nn.Parameter(torch.zeros(n_out, 1, 1, dtype=torch.float32)) if is_zero else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return images with n_out channels."""
        found = functional.conv2d(x, self.weight, self.bias, padding=self.weight.shape[2] // 2)
        return found if self.log_gain is None else found * (_GAIN_RATE * self.log_gain).exp()


def conv_net(n_in: int, n_out: int, width: int, generator: torch.Generator) -> nn.Sequential:
    """Return a net of 3x3, 1x1 and 3x3 convolutions whose output is 0 at first."""
    return nn.Sequential(
        Conv(n_in, width, 3, generator),
        nn.ReLU(),
        Conv(width, width, 1, generator),
        nn.ReLU(),
        Conv(width, n_out, 3, generator, is_zero=True),
    )


class Coupling(nn.Module):
    """Every other channel is scaled and shifted by a net of the rest, which stays: the identity at first.

    log scale = 2 tanh(h / 2) of the net's output h (Nagar and Varma 2025, supplement).
    """

    def __init__(self, n_channels: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.net = conv_net((n_channels + 1) // 2, 2 * (n_channels // 2), width, generator)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return all channels in their places and the log|det|."""
        log_scale, shift = self._affine(x)
        z = x.clone()
        z[:, 1::2] = x[:, 1::2] * log_scale.exp() + shift
        return z, log_scale.flatten(1).sum(1)

    def reverse(self, z: torch.Tensor) -> torch.Tensor:
        """Return the input of which z is the output."""
        log_scale, shift = self._affine(z)
        x = z.clone()
        x[:, 1::2] = (z[:, 1::2] - shift) * (-log_scale).exp()
        return x

    def _affine(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        log_scale, shift = self.net(x[:, ::2]).chunk(2, dim=1)
        return _STEEPEST * torch.tanh(log_scale / 2), shift


def squeeze(x: torch.Tensor) -> torch.Tensor:
    """Turn blocks of 2x2 pixels into channels: (B, C, H, W) to (B, 4 C, H / 2, W / 2)."""
    return functional.pixel_unshuffle(x, 2)


def unsqueeze(x: torch.Tensor) -> torch.Tensor:
    """Undo `squeeze`."""
    return functional.pixel_shuffle(x, 2)
