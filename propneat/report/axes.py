"""Scales and ticks of pictures: from numbers to pixels."""

import math
from dataclasses import dataclass

__all__ = ["Scale", "linear_scale", "log_scale"]


@dataclass(frozen=True)
class Scale:
    """Maps `low`..`high` to pixels `start`..`end`; ticks are (value, label) within the range."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[tuple[float, str], ...]
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """Return the pixel of a value, values beyond the range at its end."""
        low, high, value = map(math.log10, (self.low, self.high, value)) if self.is_log else (self.low, self.high, value)
        return self.start + (self.end - self.start) * min(1.0, max(0.0, (value - low) / (high - low)))


def linear_scale(low: float, high: float, start: float, end: float, n_ticks: int = 6, signed: bool = False) -> Scale:
    """Return a scale that holds low..high and ends at ticks, which are 1, 2 or 5 times a power of ten apart."""
    if high - low < 1e-9:
        low, high = low - 0.05, high + 0.05
    rough = (high - low) / max(1, n_ticks - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    ticks = tuple((k * step, _tick(k * step, digits, signed)) for k in range(first, last + 1))
    return Scale(first * step, last * step, start, end, ticks)


def _tick(value: float, digits: int, signed: bool) -> str:
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return "0"
    return ("−" if value < 0 else "+" if signed else "") + text


def log_scale(low: float, high: float, start: float, end: float) -> Scale:
    """Return a logarithmic scale around positive numbers, with ticks at powers of ten, and at 2 and 5 times them in "
    "short ranges."""
    low, high = low / 1.3, high * 1.3
    factors = (1, 2, 5) if math.log10(high / low) < 2.5 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [factor * 10.0**power for power in powers for factor in factors]
    ticks = tuple((value, _power(value)) for value in values if low <= value <= high)
    return Scale(low, high, start, end, ticks, is_log=True)


def _power(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:.{-math.floor(math.log10(value) + 1e-9)}f}"
