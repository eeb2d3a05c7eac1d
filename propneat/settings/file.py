"""Settings of a run as a TOML file: strict on reading, commented and the same bytes for the same settings on writing."""

import difflib
import json
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from propneat.base.errors import ConfigError, DataError
from propneat.base.setting_types import check_settings
from propneat.data.cells import MISSING_TEXTS
from propneat.data.delimited_form import DelimitedForm
from propneat.data.reading_options import ReadingOptions
from propneat.data.sequence_rows import ANSWERS, VALUE, SequenceColumns
from propneat.evolution import EvolutionConfig
from propneat.settings.evolve_config import SEQUENCE_RECURRENT_RATE, EvolveConfig, default_config
from propneat.settings.notes import NOTES, SECTIONS
from propneat.training import TrainingConfig

__all__ = [
    "DataSettings",
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
class DataSettings:
    """Which table to learn from and how to divide its rows; see `load_table` and `prepare_problem`."""

    source: str | None = None
    target: str | None = None
    task: str | None = None
    data_dir: str | None = None
    test_fraction: float = 0.25
    validation_fraction: float = 0.4
    class_weight: str | None = None
    one_hot_integers: int = 10
    max_levels: int = 20
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    missing: tuple[str, ...] = MISSING_TEXTS
    decimal: str | None = None
    thousands: str | None = None
    odd_cells: float = 0.05
    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    sequence_id: str | None = None
    time: str | None = None
    next_step: str | None = None
    answer: str = "last"
    id: str | None = None
    positive: str | None = None
    folds: int = 0
    fold: int = 1

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        check_settings(self)
        for name in ("source", "target", "data_dir"):
            try:
                (getattr(self, name) or "").encode()
            except UnicodeEncodeError as error:
                reason = "is not UTF-8 text, which settings are written in"
                raise ConfigError(f"{name} {error.object!r} {reason}: rename it") from error
        if not 0 <= self.test_fraction < 1:
            raise ConfigError(f"test_fraction must be 0 or more and below 1, not {self.test_fraction}")
        if not 0 < self.validation_fraction < 1:
            raise ConfigError(f"validation_fraction must lie between 0 and 1, not {self.validation_fraction}")
        if self.class_weight not in (None, "balanced"):
            raise ConfigError(f"class_weight must be 'balanced' or 'none', not {self.class_weight!r}")
        if self.one_hot_integers < 0:
            raise ConfigError(f"one_hot_integers must be 0 or more, not {self.one_hot_integers}")
        if self.time is not None and self.sequence_id is None and self.next_step is None:
            raise ConfigError(f"time {self.time!r} orders the steps of sequences: it needs a sequence_id to tell these apart")
        if self.next_step is not None and self.target is not None:
            raise ConfigError(f"next_step {self.next_step!r} is what is predicted, so there is no target {self.target!r} too")
        if self.answer not in ANSWERS:
            raise ConfigError(f"answer must be {' or '.join(ANSWERS)}, not {self.answer!r}")
        if self.answer != "last" and self.next_step is not None:
            raise ConfigError(f"answer {self.answer!r} is for one answer a sequence, and next_step is forecast at every step")
        if self.next_step is not None and self.folds and self.sequence_id is None:
            raise ConfigError("one series is divided by time, and folds are for many: name a sequence_id, or leave them out")
        if self.folds == 1 or self.folds < 0 or not 1 <= self.fold <= max(1, self.folds):
            raise ConfigError(f"folds must be 0, or 2 or more, and fold one of 1 to folds, not {self.folds} and {self.fold}")
        if self.id is not None and self.id in (self.target, self.next_step, self.sequence_id, self.time):
            raise ConfigError(f"id {self.id!r} names a row, so it cannot be the target, the sequence id or the time too")
        if self.max_levels < 1:
            raise ConfigError(f"max_levels must be 1 or more, not {self.max_levels}")
        try:
            _ = self.reading, self.form
        except DataError as error:
            raise ConfigError(str(error)) from error

    @property
    def sequence(self) -> SequenceColumns | None:
        """What tells the sequences of a long table apart, None for a table of single rows."""
        if self.next_step is not None:
            return SequenceColumns(self.sequence_id, self.time, VALUE)
        return None if self.sequence_id is None else SequenceColumns(self.sequence_id, self.time, answer=self.answer)

    def refuse_answer(self) -> None:
        """Raise ConfigError where single rows are to be answered as sequences are."""
        if self.answer != "last":
            raise ConfigError(f"answer {self.answer!r} is for sequences, and a single row has no steps: leave it out")

    @property
    def preparing(self) -> dict[str, Any]:
        """How columns become inputs and rows are divided, as keywords of `prepare_problem`."""
        names = ("validation_fraction", "one_hot_integers", "max_levels")
        return {name: getattr(self, name) for name in names}

    @property
    def reading(self) -> ReadingOptions:
        """What is said of the columns."""
        said = {entry.name: getattr(self, entry.name) for entry in fields(ReadingOptions)}
        if self.id is not None and self.id not in self.drop:
            said["drop"] = (*self.drop, self.id)
        return ReadingOptions(**said)

    @property
    def form(self) -> DelimitedForm:
        """What is said of delimited text."""
        return DelimitedForm(self.delimiter, self.encoding, self.header)


@dataclass(frozen=True)
class Settings:
    """All settings of a run."""

    data: DataSettings = field(default_factory=DataSettings)
    evolve: EvolveConfig = field(default_factory=default_config)


_OWNERS = {"": EvolveConfig, "data": DataSettings, "evolution": EvolutionConfig, "training": TrainingConfig}
_TYPES = {section: typing.get_type_hints(owner) for section, owner in _OWNERS.items()}


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
        for key, note in NOTES[section].items():
            value = values[section][key] if section else values[key]
            lines += ["", f"# {note}", f"{key} = {format_value(value)}"]
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
