"""The parameters of the estimators: what each of them means, and the settings of a run they stand for."""

import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

import numpy as np

from propneat.errors import ConfigError
from propneat.evolution import EvolutionConfig
from propneat.evolve import METHODS, EvolveConfig, default_config
from propneat.setting_notes import NOTES
from propneat.settings_file import DataSettings, Settings, resolve_settings, to_layer
from propneat.training import TrainingConfig

__all__ = ["describe_parameters", "settings_of"]

_OWNERS = {"": EvolveConfig, "data": DataSettings, "evolution": EvolutionConfig, "training": TrainingConfig}
_TYPES = {section: typing.get_type_hints(owner) for section, owner in _OWNERS.items()}

_OWN_NOTES = {
    "class_weight": '"balanced" makes classes weigh the same in total; a dict gives weights of classes, 1 where it has none.',
    "evolution": "Further settings of evolution by name, see EvolutionConfig; none of those that are parameters themselves.",
    "random_state": "All randomness follows from this: an int, for the same result at every fit, or a RandomState.",
    "verbose": "1 prints a line to the standard error stream after every generation.",
}
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", tuple[str, ...]: "a list of texts"}


def settings_of(parameters: Mapping[str, Any], seed: int) -> Settings:
    """Return the settings that estimator parameters stand for; None means the default of the method.

    Raises ConfigError, naming the parameter, for a value of another type or one that cannot be used.
    """
    layer: dict[str, Any] = {"seed": seed, "data": {}, "evolution": _read_evolution(parameters), "training": {}}
    for name, value in parameters.items():
        section = _section_of(name)
        if section is not None and value is not None:
            (layer[section] if section else layer)[name] = _read(section, name, value)
    return resolve_settings([layer])


def describe_parameters(cls: type) -> str:
    """Return the part of a docstring that explains the parameters of an estimator, a dataclass, with their defaults."""
    lines = ["Parameters", "----------"]
    defaults = {method: to_layer(Settings(DataSettings(), default_config(method))) for method in METHODS}
    for field in fields(cls):
        section = _section_of(field.name)
        note = _OWN_NOTES[field.name] if section is None else NOTES[section][field.name].replace('"none"', "None")
        if section is not None and field.default is None:
            values = {method: (layer[section] if section else layer)[field.name] for method, layer in defaults.items()}
            first, *others = values.items()
            special = [f'{value!r} for method "{method}"' for method, value in others if value != first[1]]
            note += f" None: {', '.join([repr(first[1]), *special])}." if set(values.values()) != {None} else ""
        lines += [f"{field.name} : default {field.default!r}", f"    {note}"]
    return "\n".join(f"    {line}" for line in lines)


def _section_of(name: str) -> str | None:
    """Return the table of settings that a parameter belongs to, None when it is the estimator's own."""
    if name in _OWN_NOTES:
        return None
    return next(section for section, notes in NOTES.items() if name in notes)


def _read_evolution(parameters: Mapping[str, Any]) -> dict[str, Any]:
    given = parameters["evolution"]
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ConfigError(f"evolution must be a dict of settings, not {_shown(given)}")
    for name in given:
        if name not in NOTES["evolution"]:
            raise ConfigError(f"evolution has no setting {_shown(name)}; its settings are {', '.join(NOTES['evolution'])}")
        if name in parameters:
            raise ConfigError(f"{name} is a parameter of its own: set it there, not in evolution")
    return {name: _read("evolution", name, value) for name, value in given.items()}


def _read(section: str, name: str, value: Any) -> Any:
    """Return a value as the plain Python type of its setting; numpy's numbers and lists are understood."""
    expected = _TYPES[section][name]
    options = typing.get_args(expected) if isinstance(expected, types.UnionType) else (expected,)
    if value is None and type(None) in options:
        return None
    if isinstance(value, bool | np.bool_):
        if bool in options:
            return bool(value)
    elif int in options and isinstance(value, Integral):
        return int(value)
    elif float in options and isinstance(value, Real):
        return float(value)
    elif str in options and isinstance(value, str):
        return str(value)
    elif tuple[str, ...] in options and isinstance(value, list | tuple | np.ndarray) and all(isinstance(v, str) for v in value):
        return tuple(map(str, value))
    described = " or ".join(_WORDS.get(kind, "None") for kind in options)
    raise ConfigError(f"{name} must be {described}, not {_shown(value)}")


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
