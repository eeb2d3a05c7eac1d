"""Layers of a spiking network: a map with batch norm makes currents of spikes, and neurons make spikes of currents."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from propneat.base.errors import DataError
from propneat.methods.rate_backprop.functions import AnchoredNorm

__all__ = ["Current", "NormStatistics", "SpikingLayer", "over_time"]


def over_time(function: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor) -> torch.Tensor:
    """Apply a function of rows (n, ...) to values (n_steps, n_rows, ...), all steps at once."""
    found = function(values.flatten(0, 1))
    return found.unflatten(0, values.shape[:2])


class NormStatistics:
    """Batch statistics of a norm's inputs, averaged over the times that they were taken.

    Means over time of the mean and of 1 / (variance + epsilon), per channel. The latter makes the variance a harmonic mean,
    which counts once the epsilon that the released code counts twice, and averages where that code takes the last step.
    """

    def __init__(self) -> None:
        self._mean_sum, self._precision_sum, self._variance_sum = 0.0, 0.0, 0.0
        self._count, self._n_values = 0, 0

    def take(self, norm: nn.BatchNorm1d | nn.BatchNorm2d, values: torch.Tensor) -> torch.Tensor:
        """Return values (n, n_channels, ...) normalised by their own statistics, which are taken down; no gradient.

        Raises DataError for a single value per channel, which has no spread.
        """
        self._n_values = values[:, 0].numel()
        if self._n_values < 2:
            raise DataError("batch norm needs 2 rows or more to learn from, got 1")
        weight, bias = norm.weight, norm.bias
        found, mean, inverse_deviation = torch.native_batch_norm(values, weight, bias, None, None, True, 0.0, norm.eps)
        precision = inverse_deviation.square()
        self._mean_sum = self._mean_sum + mean
        self._precision_sum = self._precision_sum + precision
        self._variance_sum = self._variance_sum + (1 / precision - norm.eps)
        self._count += 1
        return found

    def averages(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and inverse deviation, each (n_channels,)."""
        return self._mean_sum / self._count, (self._precision_sum / self._count).sqrt()

    def update(self, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        """Move the norm's running statistics once, as torch would for one batch: by unbiased variances, averaged over time."""
        unbiased = self._n_values / (self._n_values - 1)
        norm.running_mean.lerp_(self._mean_sum / self._count, norm.momentum)
        norm.running_var.lerp_(self._variance_sum / self._count * unbiased, norm.momentum)
        norm.num_batches_tracked.add_(1)


class Current(nn.Module):
    """A linear map of spikes into currents: average pooling, a dense or convolutional map, and batch norm over rows.

    `pool` is the side of the squares that are averaged. Without a `norm` the map should have a bias of its own.
    """

    def __init__(self, linear: nn.Linear | nn.Conv2d, norm: nn.BatchNorm1d | nn.BatchNorm2d | None, pool: int = 1) -> None:
        super().__init__()
        self.linear, self.norm, self.pool = linear, norm, pool

    def _map(self, rows: torch.Tensor) -> torch.Tensor:
        if self.pool > 1:
            rows = functional.avg_pool2d(rows, self.pool)
        return self.linear(rows.flatten(1) if isinstance(self.linear, nn.Linear) else rows)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return currents of rows (n, ...), the plain way: rows of different steps are normalised together."""
        mapped = self._map(rows)
        return mapped if self.norm is None else self.norm(mapped)

    def spike_pass(self, rows: torch.Tensor, statistics: NormStatistics) -> torch.Tensor:
        """Return currents of rows (n, ...) without gradients, and take down the statistics that normalised them."""
        mapped = self._map(rows)
        return mapped if self.norm is None else statistics.take(self.norm, mapped)

    def rate_pass(self, rates: torch.Tensor, statistics: NormStatistics) -> torch.Tensor:
        """Return mean currents of rates (n_rows, ...), differentiable, normalised by what the spike pass took down."""
        mapped = self._map(rates)
        if self.norm is None:
            return mapped
        return AnchoredNorm.apply(mapped, self.norm.weight, self.norm.bias, *statistics.averages())


class SpikingLayer(nn.Module):
    """Neurons and all that reaches them: the layer before, and by a shortcut the layer before that.

    `shortcut` is a Current, or nn.Identity where shapes agree (the spikes themselves are then the current), or None. The sum
    of both is what a residual block's last neurons receive.
    """

    def __init__(self, current: Current, shortcut: Current | nn.Identity | None = None) -> None:
        super().__init__()
        self.current, self.shortcut = current, shortcut

    def forward(self, before: torch.Tensor, skipped: torch.Tensor | None) -> torch.Tensor:
        """Return currents for spikes of one and of two layers before, each (n_steps or 1, n_rows, ...)."""
        currents = over_time(self.current, before)
        return currents if self.shortcut is None else currents + over_time(self.shortcut, skipped)

    def statistics(self) -> tuple[NormStatistics, NormStatistics]:
        """Return empty statistics for the current and the shortcut."""
        return NormStatistics(), NormStatistics()

    def spike_pass(
        self, before: torch.Tensor, skipped: torch.Tensor | None, statistics: tuple[NormStatistics, NormStatistics]
    ) -> torch.Tensor:
        """Return currents as `forward` does, without gradients, and take down statistics."""
        currents = over_time(lambda rows: self.current.spike_pass(rows, statistics[0]), before)
        if self.shortcut is None:
            return currents
        if isinstance(self.shortcut, nn.Identity):
            return currents + skipped
        return currents + over_time(lambda rows: self.shortcut.spike_pass(rows, statistics[1]), skipped)

    def rate_pass(
        self, rate: torch.Tensor, skipped: torch.Tensor | None, statistics: tuple[NormStatistics, NormStatistics]
    ) -> torch.Tensor:
        """Return mean currents (n_rows, ...) for rates (n_rows, ...) of one and of two layers before, differentiable."""
        currents = self.current.rate_pass(rate, statistics[0])
        if self.shortcut is None:
            return currents
        if isinstance(self.shortcut, nn.Identity):
            return currents + skipped
        return currents + self.shortcut.rate_pass(skipped, statistics[1])

    def update_norms(self, statistics: tuple[NormStatistics, NormStatistics]) -> None:
        """Move the running statistics of all norms once."""
        for part, found in zip((self.current, self.shortcut), statistics, strict=True):
            if isinstance(part, Current) and part.norm is not None:
                found.update(part.norm)
