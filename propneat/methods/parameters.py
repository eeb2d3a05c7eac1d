"""Which values the parameters of a classifier may take, checked before any data are looked at.

A classifier lists them as scikit-learn's own do, by name in `_parameter_constraints`; the benchmark asks `check_parameters` of
it before anything runs.
"""

from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, InvalidParameterError

from propneat.errors import ConfigError

__all__ = ["check_constraints", "number", "whole"]


def whole(least: int) -> list[Interval]:
    """Allow whole numbers from `least` on."""
    return [Interval(Integral, least, None, closed="left")]


def number(low: float, high: float | None = None, closed: str = "neither") -> list[Interval]:
    """Allow numbers between two, which are allowed too on the sides that are `closed`: "left", "right", "both" or "neither"."""
    return [Interval(Real, low, high, closed=closed)]


def check_constraints(classifier: Any) -> None:
    """Raise ConfigError, naming the parameter, for the first that the classifier's `_parameter_constraints` do not allow."""
    try:
        classifier._validate_params()
    except InvalidParameterError as error:
        raise ConfigError(str(error)) from error
