"""What float32 can hold: a model whose columns or target lie beyond it has no right answers there, and is not written."""

import numpy as np

from propneat.base.errors import ConfigError
from propneat.export.c_columns import Layout
from propneat.export.c_float import is_plain
from propneat.model import Model

__all__ = ["check_columns", "check_float32"]

_LEAST, _MOST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


def check_columns(layout: Layout) -> None:
    """Raise ConfigError for a column whose centre, bounds, spread or levels lie beyond float32."""
    for rule, place in zip(layout.rules, layout.places, strict=True):
        title = f"column {layout.columns[place].title!r}"
        if is_plain(rule):
            _check(title, (rule.center, rule.low, rule.high), rule.scale)
    for place, column in enumerate(layout.columns):
        levels = _levels(layout, place)
        small = [level for level in levels if 0 < abs(level) < _LEAST]
        _check(f"column {column.title!r}", levels, *small)


def check_float32(model: Model, layout: Layout) -> None:
    """Raise ConfigError for columns as `check_columns` does, for levels that are one float32, and for a target beyond it."""
    check_columns(layout)
    for place, column in enumerate(layout.columns):
        levels = set(_levels(layout, place))
        if len({np.float32(level) for level in levels}) < len(levels):
            raise ConfigError(
                f"float32 holds about 7 digits, and column {column.title!r} has levels that differ only beyond them: "
                f"read it as texts with --categories {column.feature}"
            )
    if model.task == "regression":
        scale = model.target_scale
        _check(f"the target {model.target_name!r}", (scale.center, scale.low, scale.high), scale.scale)


def _levels(layout: Layout, place: int) -> list[float]:
    """Return the numbers that the rules of a column compare with."""
    if layout.columns[place].is_text:
        return []
    rules = [rule for rule, own in zip(layout.rules, layout.places, strict=True) if own == place]
    levels = [level for rule in rules for level in (rule.level, *(level for level, _ in rule.means or ()))]
    return [float(level) for level in levels if level is not None]


def _check(title: str, numbers: object, *spreads: float) -> None:
    """Raise ConfigError for numbers that are too large, and for spreads that float32 cannot multiply or divide by."""
    found = [number for number in numbers if number is not None and abs(number) > _MOST]
    found += [spread for spread in spreads if not _LEAST <= abs(spread) <= 1 / _LEAST]
    if found:
        raise ConfigError(
            f"float32 holds sizes from {_LEAST:.2g} to {_MOST:.2g}, and {title} needs {found[0]:.2g}: give it in another unit"
        )
