"""A flow of rows given their class: log densities of every class, and training by likelihood or by Bayes' rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log, pi

import torch
from torch import nn
from torch.nn import functional

from propneat.methods.inverse_flow.layers import ActNorm, InverseConv, normal

__all__ = ["OBJECTIVES", "ClassCoupling", "TabularFlow", "TabularTraining", "train_tabular"]

OBJECTIVES = ("generative", "hybrid")

_DENSITY_SHARE = 0.01
_LARGEST_NORM = 5.0


class ClassCoupling(nn.Module):
    """The first half of the features stays; a net of it and the class scales and shifts the rest (the identity at first)."""

    def __init__(self, n_features: int, n_classes: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.n_kept = n_features // 2
        n_in, n_out = self.n_kept + n_classes, 2 * (n_features - self.n_kept)
        self.inner = nn.Parameter(normal(generator, width, n_in, scale=(2 / n_in) ** 0.5))
        self.inner_bias = nn.Parameter(torch.zeros(width, dtype=torch.float32))
        self.outer = nn.Parameter(torch.zeros(n_out, width, dtype=torch.float32))
        self.outer_bias = nn.Parameter(torch.zeros(n_out, dtype=torch.float32))

    def forward(self, x: torch.Tensor, one_hot: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return rows (n, n_features) of the same order, and the log|det|, (n,)."""
        log_scale, shift = self._affine(x[:, : self.n_kept], one_hot)
        moved = x[:, self.n_kept :] * log_scale.exp() + shift
        return torch.cat([x[:, : self.n_kept], moved], dim=1), log_scale.sum(1)

    def reverse(self, z: torch.Tensor, one_hot: torch.Tensor) -> torch.Tensor:
        """Return the rows of which z are the outcome."""
        log_scale, shift = self._affine(z[:, : self.n_kept], one_hot)
        return torch.cat([z[:, : self.n_kept], (z[:, self.n_kept :] - shift) * (-log_scale).exp()], dim=1)

    def _affine(self, kept: torch.Tensor, one_hot: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = functional.relu(functional.linear(torch.cat([kept, one_hot], dim=1), self.inner, self.inner_bias))
        log_scale, shift = functional.linear(hidden, self.outer, self.outer_bias).chunk(2, dim=1)
        return 2 * torch.tanh(log_scale / 2), shift


class TabularFlow(nn.Module):
    """Rows as images of one pixel row: inverse convolution, ActNorm, permutation and coupling, `n_steps` times.

    The inverse convolution runs along the features, from the left and from the right in turn, a recursive filter of as many
    steps as features. The latent numbers of class k are normal with mean `mean[k]` and log variance `log_variance[k]`.
    """

    def __init__(
        self, n_features: int, n_classes: int, n_steps: int, width: int, n_taps: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        kernel = 1, min(n_taps, n_features)
        corners = [("TL", "TR")[k % 2] for k in range(n_steps)]
        self.filters = nn.ModuleList(InverseConv(1, kernel, corner, generator) for corner in corners)
        self.norms = nn.ModuleList(ActNorm(1, 1, n_features) for _ in corners)
        self.couplings = nn.ModuleList(ClassCoupling(n_features, n_classes, width, generator) for _ in corners)
        orders = torch.stack([torch.randperm(n_features, generator=generator) for _ in corners])
        self.register_buffer("orders", orders)
        self.mean = nn.Parameter(torch.zeros(n_classes, n_features, dtype=torch.float32))
        self.log_variance = nn.Parameter(torch.zeros(n_classes, n_features, dtype=torch.float32))

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return latent rows, (n, n_features), and the log|det|, (n,), of rows x of classes `labels`, (n,)."""
        one_hot = functional.one_hot(labels, len(self.mean)).to(x.dtype)
        total = x.new_zeros(len(x))
        for filter_, norm, order, coupling in zip(self.filters, self.norms, self.orders, self.couplings, strict=True):
            image, filter_volume = filter_(x[:, None, None])
            image, norm_volume = norm(image)
            x, volume = coupling(image[:, 0, 0, order], one_hot)
            total = total + filter_volume + norm_volume + volume
        return x, total

    def reverse(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the rows of which z are the latent rows."""
        one_hot = functional.one_hot(labels, len(self.mean)).to(z.dtype)
        steps = list(zip(self.filters, self.norms, self.orders, self.couplings, strict=True))
        for filter_, norm, order, coupling in reversed(steps):
            image = coupling.reverse(z, one_hot)[:, None, None, order.argsort()]
            z = filter_.reverse(norm.reverse(image))[:, 0, 0]
        return z

    def log_prob(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return log p(x | class) in nats of rows x of classes `labels`, (n,)."""
        z, total = self(x, labels)
        log_variance = self.log_variance[labels]
        squares = (z - self.mean[labels]) ** 2 * (-log_variance).exp()
        return total - 0.5 * (squares + log_variance + log(2 * pi)).sum(1)

    def log_probs(self, x: torch.Tensor) -> torch.Tensor:
        """Return log p(x | class) in nats of every class, (n, n_classes), all classes in one pass."""
        n_classes = len(self.mean)
        labels = torch.arange(n_classes, device=x.device).repeat(len(x))
        return self.log_prob(x.repeat_interleave(n_classes, dim=0), labels).view(-1, n_classes)


@dataclass(frozen=True)
class TabularTraining:
    """Adam on shuffled batches of rows with added noise: -log p(x | y) per feature, or cross entropy with a share of it."""

    objective: str = "hybrid"
    learning_rate: float = 5e-3
    batch_size: int = 64
    noise: float = 0.3
    weight_decay: float = 1e-4
    epoch_rows: int = 1000
    """How many rows an epoch meets, at most, each once; the next epoch draws anew."""


def train_tabular(
    flow: TabularFlow,
    x: torch.Tensor,
    labels: torch.Tensor,
    log_prior: torch.Tensor,
    training: TabularTraining,
    generator: torch.Generator,
) -> Iterator[TabularFlow]:
    """Train in place on rows x, (n, n_features), of classes (n,), with `log_prior` (n_classes,); yield after every epoch."""
    optimiser = torch.optim.Adam(flow.parameters(), training.learning_rate, weight_decay=training.weight_decay)
    n_met = min(len(x), training.epoch_rows)
    n_batches = max(1, round(n_met / training.batch_size))
    while True:
        flow.train()
        for rows in torch.randperm(len(x), generator=generator)[:n_met].tensor_split(n_batches):
            noisy = x[rows] + normal(generator, len(rows), x.shape[1], scale=training.noise)
            with torch.enable_grad():
                loss = _loss(flow, noisy, labels[rows], log_prior, training.objective)
                optimiser.zero_grad()
                loss.backward()
            torch.nn.utils.clip_grad_norm_(flow.parameters(), _LARGEST_NORM)
            optimiser.step()
        yield flow.eval()


def _loss(flow: TabularFlow, x: torch.Tensor, labels: torch.Tensor, log_prior: torch.Tensor, objective: str) -> torch.Tensor:
    if objective == "generative":
        return -flow.log_prob(x, labels).mean() / x.shape[1]
    joint = flow.log_probs(x) + log_prior
    density = joint.gather(1, labels[:, None]).mean() / x.shape[1]
    return functional.cross_entropy(joint, labels) - _DENSITY_SHARE * density
