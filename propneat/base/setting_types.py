"""The types of settings: values from a person's code as plain Python values, or one sentence that says what was expected."""

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from numbers import Integral, Real
from typing import Any

from propneat.base.errors import ConfigError

__all__ = ["LARGEST_FLOAT32", "as_setting", "shown", "types_of"]

LARGEST_FLOAT32 = (2 - 2**-23) * 2.0**127
"""Networks are trained in float32, so no number given to training can be larger."""

_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", tuple[str, ...]: "a list of texts"}


def as_setting(name: str, value: Any, expected: Any) -> Any:
    """Return a value as the plain Python type of its setting, `expected`; numpy's numbers and lists are understood.

    Raises ConfigError, naming the setting, for a value of another type.
    """
    options = typing.get_args(expected) if isinstance(expected, types.UnionType) else (expected,)
    if value is None and type(None) in options:
        return None
    if _is_bool(value):
        if bool in options:
            return bool(value)
    elif int in options and isinstance(value, Integral):
        return int(value)
    elif float in options and isinstance(value, Real):
        return _as_float(name, value)
    elif str in options and isinstance(value, str):
        return str(value)
    elif tuple[str, ...] in options and _is_list(value) and all(isinstance(v, str) for v in value):
        return tuple(map(str, value))
    elif any(is_dataclass(option) and isinstance(value, option) for option in options):
        return value
    described = " or ".join(_described(option) for option in options)
    raise ConfigError(f"{name} must be {described}, not {shown(value)}")


@cache
def types_of(owner: type) -> Mapping[str, Any]:
    """Return the type of every field of a dataclass of settings, in order."""
    hints = typing.get_type_hints(owner)
    return {field.name: hints[field.name] for field in fields(owner)}


def shown(value: Any) -> str:
    """Return a value as it is shown in an error: on one line, and cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or type(value).__name__ == "bool" and type(value).__module__ == "numpy"


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) or type(value).__name__ == "ndarray" and value.ndim == 1


def _as_float(name: str, value: Real) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise ConfigError(f"{name} must be a number that a float can hold, not {shown(value)}") from error


def _described(option: Any) -> str:
    return f"an {option.__name__}" if is_dataclass(option) else _WORDS.get(option, "None")
