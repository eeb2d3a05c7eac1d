"""The variational autoencoder: an encoder of images, a basis decoder, and volumes on a grid that are linear in its output."""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from propneat.base.errors import ConfigError
from propneat.methods.sparse_fourier.grid import HalfBall
from propneat.methods.sparse_fourier.slices import SlicePlan, take_slices

__all__ = ["Architecture", "HeterogeneousModel", "Inference", "make_linear"]


class Architecture(NamedTuple):
    """Sizes of the networks; the paper's are 16 latents, 16 basis volumes, 5 blocks of 1024."""

    n_latent: int = 2
    n_basis: int = 4
    width: int = 256
    n_blocks: int = 2
    decoder_depth: int = 2
    """Hidden layers of width 32 between latent and basis code; 0 is a gain and an offset per latent."""
    basis_scale: float = 0.01
    """Standard deviation of the basis volumes at the start, in units of the whitened consensus."""


class Inference(NamedTuple):
    """The encoder's posterior of latents, (n_particles, n_latent) each."""

    mean: torch.Tensor
    log_variance: torch.Tensor

    def divergence(self) -> torch.Tensor:
        """Return the Kullback-Leibler divergence from a standard normal, in nats, (n_particles,)."""
        return 0.5 * (self.mean**2 + self.log_variance.exp() - 1 - self.log_variance).sum(1)


class HeterogeneousModel(nn.Module):
    """Volumes V_i = A (b + sum_j s_ij W_j) with s_i = decoder(z_i), z_i ~ encoder(image i).

    A is the radial amplitude of the signal, so that b and W are whitened: Adam's steps, which are of about equal size, could
    not span the range from the middle of the spectrum to its edge. Source: the paper's structure decoder. Departures: no
    embedding of optics groups and no code of post-processing (contrast, B-factor). Raises ConfigError for a decoder without
    hidden layers unless n_basis is n_latent.
    """

    def __init__(
        self,
        ball: HalfBall,
        amplitude: torch.Tensor,
        consensus: torch.Tensor,
        n_inputs: int,
        sizes: Architecture,
        generator: torch.Generator,
    ) -> None:
        """Start from a whitened consensus (n_voxels, 2); `amplitude` is that of shells (radius + 1,)."""
        super().__init__()
        if sizes.decoder_depth == 0 and sizes.n_basis != sizes.n_latent:
            raise ConfigError(f"a decoder of depth 0 has as many outputs as latents, {sizes.n_latent}, not {sizes.n_basis}")
        basis = sizes.basis_scale * torch.randn(ball.n_voxels, 2 * sizes.n_basis, generator=generator)
        self.table = nn.Parameter(torch.cat([consensus.cpu(), basis], dim=1))
        self.register_buffer("voxel_amplitude", amplitude.cpu()[torch.from_numpy(ball.shells)])
        self.encoder = _Encoder(n_inputs, sizes, generator)
        self.decoder = _Decoder(sizes, generator)

    def infer(self, inputs: torch.Tensor) -> Inference:
        """Return the posterior of latents for encoder inputs (n_particles, n_inputs)."""
        return self.encoder(inputs)

    def code(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the weights of consensus and basis volumes, (n, 1 + n_basis); the first is 1."""
        return torch.cat([torch.ones_like(latents[:, :1]), self.decoder(latents)], dim=1)

    def slices(self, latents: torch.Tensor, plan: SlicePlan) -> torch.Tensor:
        """Return whitened slices (n_particles, n_points, 2)."""
        return take_slices(self.table, self.code(latents), plan)

    def coefficients(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the volumes' complex coefficients, (n, n_voxels), one product of a matrix and a vector each."""
        pairs = torch.einsum("vjc,bj->bvc", self.table.view(len(self.table), -1, 2), self.code(latents))
        return torch.view_as_complex(pairs.contiguous()) * self.voxel_amplitude


class _Encoder(nn.Module):
    """Linear, GELU, blocks x <- GELU(Lx + x), linear; log variance = 1 - ELU(raw), at most 2."""

    def __init__(self, n_inputs: int, sizes: Architecture, generator: torch.Generator) -> None:
        super().__init__()
        self.first = make_linear(n_inputs, sizes.width, generator)
        self.blocks = nn.ModuleList(make_linear(sizes.width, sizes.width, generator) for _ in range(sizes.n_blocks))
        self.last = make_linear(sizes.width, 2 * sizes.n_latent, generator)

    def forward(self, inputs: torch.Tensor) -> Inference:
        hidden = functional.gelu(self.first(inputs))
        for block in self.blocks:
            hidden = functional.gelu(block(hidden) + hidden)
        mean, raw = self.last(hidden).chunk(2, dim=1)
        return Inference(mean, 1 - functional.elu(raw))


class _Decoder(nn.Module):
    """From latents to the weights of basis volumes."""

    def __init__(self, sizes: Architecture, generator: torch.Generator) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        if sizes.decoder_depth == 0:
            self.gain, self.offset = nn.Parameter(torch.ones(sizes.n_basis)), nn.Parameter(torch.zeros(sizes.n_basis))
            return
        widths = [sizes.n_latent, *[32] * sizes.decoder_depth, sizes.n_basis]
        self.layers.extend(make_linear(widths[k], widths[k + 1], generator) for k in range(len(widths) - 1))

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        if not self.layers:
            return self.gain * latents + self.offset
        for layer in self.layers[:-1]:
            latents = functional.gelu(layer(latents))
        return self.layers[-1](latents)


def make_linear(n_inputs: int, n_outputs: int, generator: torch.Generator) -> nn.Linear:
    """Return a linear layer with normal weights of variance 1 / n_inputs drawn from a generator, and no offset."""
    layer = nn.utils.skip_init(nn.Linear, n_inputs, n_outputs)
    with torch.no_grad():
        layer.weight.normal_(std=n_inputs**-0.5, generator=generator)
        layer.bias.zero_()
    return layer
