"""Settings of a run in an environment as a TOML file, and laid over each other."""

import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from propneat.base.errors import ConfigError
from propneat.base.setting_types import types_of
from propneat.settings.control_config import CONTROL_NOTES, ControlConfig, default_control
from propneat.settings.evolution import EvolutionConfig
from propneat.settings.fields import explain
from propneat.settings.file import Layer, format_value
from propneat.settings.notes import NOTES, SECTIONS
from propneat.settings.training import TrainingConfig

__all__ = ["control_layer", "format_control", "is_control_file", "read_control_file", "resolve_control"]

_NOTES = {"control": CONTROL_NOTES, "evolution": NOTES["evolution"], "training": NOTES["training"]}
_ABOUT = {"control": "The run.", "evolution": SECTIONS["evolution"], "training": "Backpropagation, of propneat alone."}
_OWNERS = {"control": ControlConfig, "evolution": EvolutionConfig, "training": TrainingConfig}


def is_control_file(path: Path | str) -> bool:
    """Say whether a configuration file is that of a run in an environment; False where it cannot be read."""
    try:
        return "control" in tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False


def read_control_file(path: Path | str) -> Layer:
    """Read the settings a TOML file gives; raises ConfigError, one sentence, for one that is missing or holds other things."""
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the configuration file {path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML: {' '.join(str(error).split())[:200]}") from error
    for section, values in document.items():
        if section not in _NOTES or not isinstance(values, Mapping):
            known = "[control], [evolution] and [training]"
            raise ConfigError(f"{path}: a run in an environment has the tables {known}, not {section}")
    return {section: {key: _read(section, key, value) for key, value in values.items()} for section, values in document.items()}


def _read(section: str, key: str, value: Any) -> Any:
    expected = types_of(_OWNERS[section]).get(key)
    options = typing.get_args(expected) if isinstance(expected, types.UnionType) else ()
    return None if value == "none" and type(None) in options else value


def resolve_control(layers: Sequence[Layer]) -> ControlConfig:
    """Lay settings over each other, later ones on top, above the defaults of the method and environment they name.

    Raises ConfigError for a key that is none, a value that cannot be used, and where no environment is named.
    """
    joined: dict[str, dict[str, Any]] = {section: {} for section in _NOTES}
    for layer in layers:
        for section, values in layer.items():
            joined[section] |= values
    for section, values in joined.items():
        if unknown := [key for key in values if key not in _NOTES[section]]:
            raise ConfigError(f"unknown key {section}.{unknown[0]}; the keys are {', '.join(_NOTES[section])}")
    own = joined["control"]
    if not isinstance(own.get("env"), str):
        raise ConfigError("no environment is named: give one, as in propneat evolve --env CartPole-v1")
    base = default_control(own["env"], own.get("method", ControlConfig.method))
    evolution, training = replace(base.evolution, **joined["evolution"]), replace(base.training, **joined["training"])
    return replace(base, evolution=evolution, training=training, **own)


def control_layer(config: ControlConfig) -> Layer:
    """Return all settings as plain nested values; `resolve_control([control_layer(config)])` is `config` again."""
    values = asdict(config)
    tables = {"control": values, "evolution": values["evolution"], "training": values["training"]}
    return {section: {key: tables[section][key] for key in notes} for section, notes in _NOTES.items()}


def format_control(config: ControlConfig) -> str:
    """Write all settings as TOML text, each below a line that explains it."""
    lines = ["# Configuration of propneat in an environment, read by: propneat evolve --env ENV --config FILE"]
    for section, values in control_layer(config).items():
        lines += ["", f"# {_ABOUT[section]}", f"[{section}]"]
        for key, value in values.items():
            lines += ["", f"# {explain(_OWNERS[section], key)}", f"{key} = {format_value(value)}"]
    return "\n".join(lines) + "\n"
