"""Which values the parameters of a classifier may take, checked before any data are looked at.

A classifier lists them as scikit-learn's own do, by name in `_parameter_constraints`; the benchmark asks `check_parameters` of
it before anything runs.
"""

from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions

from propneat.base.errors import ConfigError

__all__ = ["CheckedParameters", "number", "one_of", "several", "whole"]


def whole(least: int) -> list[Interval]:
    """Allow whole numbers from `least` on."""
    return [Interval(Integral, least, None, closed="left")]


def number(low: float, high: float | None = None, closed: str = "neither") -> list[Interval]:
    """Allow numbers between two, which are allowed too on the sides that are `closed`: "left", "right", "both" or "neither"."""
    return [Interval(Real, low, high, closed=closed)]


def one_of(names: Iterable[str]) -> list[StrOptions]:
    """Allow one of some names, which errors list in the order given."""
    # a view of keys is a set that keeps its order
    return [StrOptions(dict.fromkeys(names).keys())]


def several(allowed: list[Interval], least: int = 1) -> list[Interval]:
    """Allow a list, a tuple or an array of `least` members or more, each allowed by `whole`, `number` or `several`."""
    return [_Several(each, least) for each in allowed]


class _Several(Interval):
    """A sequence whose members are all allowed."""

    def __init__(self, each: Interval, least: int) -> None:
        Interval.__init__(self, each.type, each.left, each.right, closed=each.closed)
        self.each, self.least = each, least

    def is_satisfied_by(self, val: Any) -> bool:
        is_list = isinstance(val, Sequence) or (isinstance(val, np.ndarray) and val.ndim == 1)
        return is_list and len(val) >= self.least and all(map(self.each.is_satisfied_by, val))

    def __str__(self) -> str:
        return f"a list of {self.least} or more, each of them {self.each}"


class CheckedParameters:
    """Part of a classifier that lists in `_parameter_constraints` what its parameters may be."""

    def check_parameters(self) -> None:
        """Raise ConfigError for a parameter that cannot be used, as `fit` does before it looks at data."""
        try:
            self._validate_params()
        except InvalidParameterError as error:
            raise ConfigError(str(error)) from error
