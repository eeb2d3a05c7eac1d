"""The way from the values of columns to network inputs in whole numbers: no multiplication, for weights take the scale in."""

from dataclasses import dataclass

import numpy as np

from propneat.data.input_rule import InputRule
from propneat.export.c_columns import Column, Layout
from propneat.export.c_fixed_functions import TOP
from propneat.model import Model

__all__ = ["MISSING", "FixedInputs", "Flag", "Means", "Plain", "fix_rows", "plan_inputs"]

MISSING = -(2**31)
"""The value of x that means "missing"."""
_LARGEST_X = 2**30
_YES = 2**14


@dataclass(frozen=True)
class Plain:
    """An input that is the number of a column: 0 where missing, else min(max(x, center + low), center + high) - center."""

    place: int
    center: int
    low: int
    high: int

    def apply(self, x: np.ndarray) -> np.ndarray:
        return np.where(x == MISSING, 0, np.clip(x, self.center + self.low, self.center + self.high) - self.center)


@dataclass(frozen=True)
class Flag:
    """An input that is `yes` where x is `level`, `gone` where x is missing, else `no`."""

    place: int
    level: int
    yes: int
    no: int
    gone: int

    def apply(self, x: np.ndarray) -> np.ndarray:
        return np.where(x == self.level, self.yes, np.where(x == MISSING, self.gone, self.no))


@dataclass(frozen=True)
class Means:
    """An input that is looked up: `found[k]` where x is `levels[k]`, else `default`."""

    place: int
    levels: tuple[int, ...]
    found: tuple[int, ...]
    default: int

    def apply(self, x: np.ndarray) -> np.ndarray:
        known = dict(zip(self.levels, self.found, strict=True))
        return np.array([known.get(value, self.default) for value in x.tolist()], np.int64)


@dataclass(frozen=True)
class FixedInputs:
    """How inputs are made: `bits` (one per column) after the point of x, and for each used input its maker, unit and largest size.

    `errors` are how far an input can be from the exact one, as a share of its spread.
    """

    bits: tuple[int, ...]
    makers: tuple[Plain | Flag | Means, ...]
    units: tuple[float, ...]
    largest: tuple[int, ...]
    errors: tuple[float, ...]


def plan_inputs(model: Model, layout: Layout) -> FixedInputs:
    """Choose the unit of every column, such that its numbers have 15 bits between their bounds, and round the rules to it."""
    bits = [_column_bits(column, [r for r, p in zip(layout.rules, layout.places, strict=True) if p == place])
            for place, column in enumerate(layout.columns)]  # fmt: skip
    made = [
        _maker(rule, layout.columns[place], place, bits[place]) for rule, place in zip(layout.rules, layout.places, strict=True)
    ]
    makers, units, largest, errors = zip(*made, strict=True) if made else ((), (), (), ())
    return FixedInputs(tuple(bits), makers, units, largest, errors)


def _is_plain(rule: InputRule) -> bool:
    return rule.level is None and not rule.missing and rule.means is None


def _bounds(rule: InputRule) -> tuple[float, float]:
    """Return the bounds of a plain rule; where it has none, 16 spreads around its centre."""
    if rule.low is None:
        return rule.center - 16 * rule.scale, rule.center + 16 * rule.scale
    return min(rule.low, rule.center), max(rule.high, rule.center)


def _column_bits(column: Column, rules: list[InputRule]) -> int:
    """Return the bits after the point of x; whole numbers where only levels are asked for and they are whole."""
    plain = [_bounds(rule) for rule in rules if _is_plain(rule)]
    levels = [abs(level) for rule in rules for level in _levels(rule) if not isinstance(level, str)]
    if column.is_text or column.kind == "truth" or not plain:
        whole = column.is_text or all(float(level).is_integer() for level in levels)
        return 0 if whole and max(levels, default=0) < _LARGEST_X else _fit(max(levels), _LARGEST_X)
    width = max(high - low for low, high in plain)
    size = max([abs(bound) for bounds in plain for bound in bounds] + levels)
    return min(_fit(width, TOP), _fit(size, _LARGEST_X))


def _fit(size: float, top: int) -> int:
    """Return the most bits after the point with which numbers up to a size are no larger than `top`."""
    return int(np.floor(np.log2(top / size))) if size > 0 else 0


def _levels(rule: InputRule) -> list[object]:
    return [level for level, _ in rule.means or ()] + ([] if rule.level is None else [rule.level])


def _maker(rule: InputRule, column: Column, place: int, bits: int) -> tuple[Plain | Flag | Means, float, int, float]:
    if _is_plain(rule) and column.kind != "truth":
        low, high = _bounds(rule)
        center = round(rule.center * 2.0**bits)
        edges = max(round(low * 2.0**bits) - center, -TOP), min(round(high * 2.0**bits) - center, TOP)
        unit = 2.0**-bits / rule.scale
        return Plain(place, center, *edges), unit, max(1, *map(abs, edges)), 1.5 * unit
    if rule.means is None and abs(rule.center) <= 1:
        return _flag(rule, column, place, bits)
    yes, no = ((number - rule.center) / rule.scale for number in (1.0, 0.0))
    if rule.means is not None:
        exact = [(mean - rule.center) / rule.scale for _, mean in rule.means] + [(rule.default - rule.center) / rule.scale]
    else:
        exact = [no, no, yes] if rule.missing else [yes, no, 0.0 if _is_plain(rule) else no]
    bits_of_value = _fit(max(map(abs, exact)), TOP)
    whole = [round(value * 2.0**bits_of_value) for value in exact]
    unit = 2.0**-bits_of_value
    if rule.means is not None:
        levels = tuple(_whole_level(level, column, bits) for level, _ in rule.means)
        maker: Flag | Means = Means(place, levels, tuple(whole[:-1]), whole[-1])
    else:
        level = 0 if rule.missing else 1 if _is_plain(rule) else _whole_level(rule.level, column, bits)
        maker = Flag(place, level, *whole)
    return maker, unit, max(1, *map(abs, whole)), 0.5 * unit


def _flag(rule: InputRule, column: Column, place: int, bits: int) -> tuple[Flag, float, int, float]:
    """Return a flag in the unit of which yes and no are `_YES` apart, so that one number stands for both."""
    no = round(-rule.center * _YES)
    yes, unit = no + _YES, 1 / (rule.scale * _YES)
    level = 0 if rule.missing else 1 if _is_plain(rule) else _whole_level(rule.level, column, bits)
    whole = (no, no, yes) if rule.missing else (yes, no, 0 if _is_plain(rule) else no)
    return Flag(place, level, *whole), unit, max(1, *map(abs, whole)), 0.5 * unit


def _whole_level(level: object, column: Column, bits: int) -> int:
    return column.levels.index(level) if column.is_text else round(float(level) * 2.0**bits)


def fix_rows(x: np.ndarray, inputs: FixedInputs) -> np.ndarray:
    """Return rows of `x` (n_rows, n_columns) in whole numbers, int64: halves go away from 0, what is too large saturates."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = x.astype(np.float64) * 2.0 ** np.array(inputs.bits, np.float64)
        rounded = np.trunc(scaled + np.copysign(0.5, scaled))
    whole = np.clip(np.nan_to_num(rounded, nan=0.0, posinf=2.0**31 - 1, neginf=-(2.0**31) + 1), -(2.0**31) + 1, 2.0**31 - 1)
    return np.where(np.isnan(scaled), MISSING, whole).astype(np.int64)
