"""A setting is written once: its default, the line that explains it, and what it may be, in one field of a frozen dataclass."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import Field, field, fields
from typing import Any

from propneat.base.errors import ConfigError
from propneat.base.setting_types import as_setting, types_of

__all__ = ["check_settings", "explain", "notes_of", "range_of", "refusal", "setting", "words_of"]

_KEY = "propneat"


def setting(default: Any, note: str = "", **allowed: Any) -> Any:
    """Return the field of a setting.

    `note` is a line for people; a setting without one stands in no configuration file. Of `allowed`, `least`, `most`, `above` and
    `below` bound its numbers, `unit` is what these count, and `words` are the texts it may be; numbers are finite in any case.
    """
    if unknown := allowed.keys() - {"least", "most", "above", "below", "unit", "words"}:
        raise TypeError(f"a setting has no {sorted(unknown)[0]}")
    return field(default=default, metadata={_KEY: {"note": note, **allowed}})


def notes_of(owner: type) -> dict[str, str]:
    """Return name -> note of the settings of a dataclass that have one, in order."""
    return {entry.name: said["note"] for entry, said in _settings(owner) if said["note"]}


def range_of(owner: type, name: str) -> str:
    """Return what numbers a setting may be, such as "above 0 and below 1" or "1 or more, in rows"; "" where any is allowed."""
    return _range(next(said for entry, said in _settings(owner) if entry.name == name))


def words_of(owner: type, name: str) -> tuple[str, ...]:
    """Return the texts that a setting may be, () where any may be or none."""
    return next(said.get("words", ()) for entry, said in _settings(owner) if entry.name == name)


def explain(owner: type, name: str) -> str:
    """Return the note of a setting with what numbers it may be, where that is more than 0 or 1 and all above."""
    said = range_of(owner, name)
    said = "" if said in ("0 or more", "1 or more") else said
    return notes_of(owner)[name] + (f" {said[0].upper()}{said[1:]}." if said else "")


def check_settings(settings: Any) -> None:
    """Give every field of a frozen dataclass its plain Python type, and check that its value is allowed.

    Raises ConfigError, naming the field, for a value of another type or one that is not allowed.
    """
    for name, expected in types_of(type(settings)).items():
        object.__setattr__(settings, name, as_setting(name, getattr(settings, name), expected))
    if told := refusal(settings):
        raise ConfigError(told)


def refusal(settings: Any) -> str:
    """Return the sentence that names the first value that is not allowed, "" where all are; their types are right."""
    expected = types_of(type(settings))
    for entry, said in _settings(type(settings)):
        value, name = getattr(settings, entry.name), entry.name
        none = ["none"] if type(None) in getattr(expected[name], "__args__", ()) else []
        if told := _not_allowed(value, said, none):
            return f"{name} must be {told}, not {value!r}"
    return ""


def _settings(owner: type) -> Iterator[tuple[Field, Mapping[str, Any]]]:
    return ((entry, entry.metadata[_KEY]) for entry in fields(owner) if _KEY in entry.metadata)


def _not_allowed(value: Any, said: Mapping[str, Any], none: list[str]) -> str:
    """Return what a value should be, "" where it is."""
    numbers = _range(said)
    if isinstance(value, str) and value not in said.get("words", (value,)):
        known = [*said["words"], *none]
        return f"{', '.join(map(repr, known))} or {numbers}" if numbers else f"one of {', '.join(known)}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if not _holds(value, said):
        return numbers
    return "a finite number" if isinstance(value, float) and not math.isfinite(value) else ""


def _holds(value: float, said: Mapping[str, Any]) -> bool:
    least, most, above, below = (said.get(key) for key in ("least", "most", "above", "below"))
    return (
        (least is None or value >= least)
        and (most is None or value <= most)
        and (above is None or value > above)
        and (below is None or value < below)
    )


def _range(said: Mapping[str, Any]) -> str:
    unit = f", in {said['unit']}" if "unit" in said else ""
    if "least" in said and "most" in said:
        return f"from {said['least']:g} to {said['most']:.2g}{unit}"
    words = {"least": "{:g} or more", "above": "above {:g}", "below": "below {:g}", "most": "at most {:.2g}"}
    return " and ".join(text.format(said[key]) for key, text in words.items() if key in said) + unit
