"""The parameters of the estimators: what each of them means, and the settings of a run they stand for."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from propneat.base.errors import ConfigError
from propneat.base.setting_types import shown
from propneat.settings.data import DataSettings
from propneat.settings.evolve_config import METHODS, default_config
from propneat.settings.fields import explain
from propneat.settings.file import Settings, resolve_settings, to_layer
from propneat.settings.notes import NOTES, OWNERS, home_of

__all__ = ["describe_parameters", "settings_of"]

_OWN_NOTES = {
    "class_weight": '"balanced" makes classes weigh the same in total; a dict gives weights of classes, 1 where it has none.',
    "evolution": "Further settings of evolution by name, see EvolutionConfig; none of those that are parameters themselves.",
    "next_step": "Column of X, by name or position, whose value at the next step is predicted at every step; there is no y then.",
    "random_state": "All randomness follows from this: an int, for the same result at every fit, or a RandomState.",
    "start": "A Genome, a Model or the file of one: it and mutations of it are the first generation of the first population.",
    "verbose": "1 prints a line to the standard error stream after every generation.",
}


def settings_of(parameters: Mapping[str, Any], seed: int, *, sequences: bool = False) -> Settings:
    """Return the settings that estimator parameters stand for; None means the default of the method, for rows or sequences.

    Raises ConfigError, naming the parameter, for a value of another type or one that cannot be used.
    """
    layer: dict[str, Any] = {"seed": seed, "data": {}, "evolution": _read_evolution(parameters), "training": {}}
    for name, value in parameters.items():
        section = _section_of(name)
        if section is not None and value is not None:
            (layer[section] if section else layer)[name] = value
    return resolve_settings([layer], sequences=sequences)


def describe_parameters(cls: type) -> str:
    """Return the part of a docstring that explains the parameters of an estimator, a dataclass, with their defaults."""
    lines = ["Parameters", "----------"]
    defaults = {method: to_layer(Settings(DataSettings(), default_config(method))) for method in METHODS}
    for field in fields(cls):
        section = _section_of(field.name)
        note = _OWN_NOTES[field.name] if section is None else explain(OWNERS[section], field.name).replace('"none"', "None")
        if section is not None and field.default is None:
            values = {method: (layer[section] if section else layer)[field.name] for method, layer in defaults.items()}
            first, *others = values.items()
            special = [f'{value!r} for method "{method}"' for method, value in others if value != first[1]]
            note += f" None: {', '.join([repr(first[1]), *special])}." if set(values.values()) != {None} else ""
        lines += [f"{field.name} : default {field.default!r}", f"    {note}"]
    return "\n".join(f"    {line}" for line in lines)


def _section_of(name: str) -> str | None:
    """Return the table of settings that a parameter belongs to, None when it is the estimator's own."""
    return None if name in _OWN_NOTES else home_of(name)


def _read_evolution(parameters: Mapping[str, Any]) -> dict[str, Any]:
    given = parameters["evolution"]
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ConfigError(f"evolution must be a dict of settings, not {shown(given)}")
    for name in given:
        if name not in NOTES["evolution"]:
            raise ConfigError(f"evolution has no setting {shown(name)}; its settings are {', '.join(NOTES['evolution'])}")
        if name in parameters:
            raise ConfigError(f"{name} is a parameter of its own: set it there, not in evolution")
    return dict(given)
