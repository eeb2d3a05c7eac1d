"""Settings of a run as a TOML file: strict on reading, commented and the same bytes for the same settings on writing."""

import difflib
import json
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from propneat.base.errors import ConfigError
from propneat.settings.data import DataSettings
from propneat.settings.evolve_config import SEQUENCE_RECURRENT_RATE, EvolveConfig, default_config
from propneat.settings.fields import explain
from propneat.settings.notes import NOTES, OWNERS, SECTIONS

__all__ = [
    "Layer",
    "Settings",
    "format_settings",
    "format_value",
    "read_settings_file",
    "resolve_settings",
    "to_layer",
]

Layer = Mapping[str, Any]
"""Some settings: key -> value, and for the tables of the file table name -> key -> value."""

_MAX_BYTES = 2**20


@dataclass(frozen=True)
class Settings:
    """All settings of a run."""

    data: DataSettings = field(default_factory=DataSettings)
    evolve: EvolveConfig = field(default_factory=default_config)


_TYPES = {section: typing.get_type_hints(owner) for section, owner in OWNERS.items()}


def read_settings_file(path: Path | str) -> Layer:
    """Read the settings a TOML file gives, in the types the settings have; "none" is read as None where that has a meaning.

    Raises ConfigError, one sentence, for a file that is missing or not TOML, an unknown key, or a value of another type.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{path} has more than {_MAX_BYTES} bytes, so it cannot be a configuration file")
        document = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigError(f"the configuration file {path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the configuration file {path} is not UTF-8 text") from error
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path} is not valid TOML: {' '.join(str(error).split())[:200]}") from error
    layer: dict[str, Any] = {}
    for key, value in document.items():
        if key in NOTES and key:
            if not isinstance(value, dict):
                raise ConfigError(f"{path}: {key} must be a table [{key}], not {_shown(value)}")
            layer[key] = {name: _read(name, entry, key, path) for name, entry in value.items()}
        else:
            layer[key] = _read(key, value, "", path)
    return layer


def _read(key: str, value: Any, section: str, path: Path) -> Any:
    """Return a value of the file in the type of its setting."""
    if key not in NOTES[section]:
        raise ConfigError(f"{path}: unknown key {_full(section, key)!r}{_suggestion(key, section)}")
    expected = _TYPES[section][key]
    options = typing.get_args(expected) if isinstance(expected, types.UnionType) else (expected,)
    if value == "none" and type(None) in options:
        return None
    for kind in options:
        if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**1023:
            return float(value)
        if kind in (bool, int, float, str) and type(value) is kind:
            return value
        if kind == tuple[str, ...] and isinstance(value, list) and all(isinstance(entry, str) for entry in value):
            return tuple(value)
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", tuple[str, ...]: "a list of texts"}
    described = " or ".join(words[kind] if kind is not type(None) else '"none"' for kind in options)
    raise ConfigError(f"{path}: {_full(section, key)} must be {described}, not {_shown(value)}")


def _suggestion(key: str, section: str) -> str:
    """Name the nearest key of the same table, or else the table where the key belongs."""
    homes = [_full(name, key) for name, notes in NOTES.items() if key in notes]
    if homes:
        table, dot, _ = homes[0].partition(".")
        return f", which belongs in the table [{table}]" if dot else ", which belongs above all tables"
    known = [*NOTES[section], *(name for name in NOTES if name and not section)]
    close = difflib.get_close_matches(key.replace("-", "_").lower(), known, n=1)
    if close:
        return f", did you mean {close[0]!r}?"
    return f"; the keys are {', '.join(known)}" if len(known) <= 20 else "; propneat init writes a file with all keys"


def _full(section: str, key: str) -> str:
    return f"{section}.{key}" if section else key


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def resolve_settings(layers: Sequence[Layer], *, sequences: bool = False) -> Settings:
    """Lay settings over each other, later ones on top, above the defaults of the method they name.

    For sequences, which `sequences`, a sequence_id or a next_step tells, the default of recurrent_rate is `SEQUENCE_RECURRENT_RATE`.

    Raises ConfigError for a key that is none, or a value that cannot be used.
    """
    joined: dict[str, dict[str, Any]] = {section: {} for section in NOTES}
    for layer in layers:
        for key, value in _mapping("the settings", layer).items():
            if key in joined and key:
                joined[key].update(_mapping(key, value))
            else:
                joined[""][key] = value
    for section, values in joined.items():
        if unknown := [key for key in values if key not in NOTES[section]]:
            raise ConfigError(f"unknown key {_full(section, str(unknown[0]))!r}{_suggestion(str(unknown[0]), section)}")
    base = default_config(joined[""].get("method", EvolveConfig.method), joined[""].get("preset", EvolveConfig.preset))
    sequences = sequences or any(joined["data"].get(name) is not None for name in ("sequence_id", "next_step"))
    of_sequences = {"recurrent_rate": SEQUENCE_RECURRENT_RATE} if sequences else {}
    evolution = replace(base.evolution, **(of_sequences | joined["evolution"]))
    training = replace(base.training, **joined["training"])
    return Settings(DataSettings(**joined["data"]), replace(base, evolution=evolution, training=training, **joined[""]))


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise ConfigError(f"{name} must be a dict such as {{'seed': 1}}, of settings and their values, not {_shown(value)}")


def to_layer(settings: Settings) -> Layer:
    """Return all settings as plain nested values; `resolve_settings([to_layer(settings)])` is `settings` again."""
    values = {"": asdict(settings.evolve), "data": asdict(settings.data)}
    values |= {section: values[""][section] for section in ("evolution", "training")}
    tables = {section: {key: values[section][key] for key in notes} for section, notes in NOTES.items()}
    return tables.pop("") | tables


def format_settings(settings: Settings) -> str:
    """Write all settings as TOML text, each below a line that explains it."""
    values = to_layer(settings)
    lines = [
        "# Configuration of propneat, read by: propneat evolve --config FILE",
        "# A line left out takes the default of the method. Options on the command line come before this file.",
    ]
    for section, about in SECTIONS.items():
        lines += ["", f"# {about}", *([f"[{section}]"] if section else [])]
        for key in NOTES[section]:
            value = values[section][key] if section else values[key]
            lines += ["", f"# {explain(OWNERS[section], key)}", f"{key} = {format_value(value)}"]
    return "\n".join(lines) + "\n"


def format_value(value: Any) -> str:
    """Return a value of a setting as TOML text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return '"none"'
    if isinstance(value, tuple):
        return "[" + ", ".join(map(format_value, value)) + "]"
    # JSON's escapes are TOML's, except that TOML wants the delete character escaped as well
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f") if isinstance(value, str) else repr(value)
