"""Options that stand for settings: what they take, their help and their default follow from the field of the setting."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import click

from propneat.base.setting_types import types_of
from propneat.cli.kinds import OrWord
from propneat.settings.evolve_config import METHOD_DEFAULTS, METHODS
from propneat.settings.fields import notes_of, words_of
from propneat.settings.notes import OWNERS, home_of

__all__ = ["SettingOption", "default_words", "key_of", "setting_option"]


class SettingOption(click.Option):
    """An option that stands for a setting; `place` is the table and the key of it, `owner` the dataclass that has it.

    What click.Option takes beside may be given; `type` and `metavar` follow from the setting where they are not.
    """

    def __init__(self, flags: Sequence[str], place: tuple[str, str], owner: type, **more: Any) -> None:
        self.place = place
        super().__init__(flags, help=notes_of(owner)[place[1]], **({"default": None} | _kind(owner, place[1]) | more))


def setting_option(flag: str, key: str | None = None, **more: Any) -> SettingOption:
    """Return the option of a setting, by default that of its own name, in the first table of a run that has it."""
    key = key or key_of(flag)
    return SettingOption([flag], (home_of(key), key), OWNERS[home_of(key)], **more)


def key_of(flag: str) -> str:
    """Return the name of the setting that an option such as --write-back/--no-write-back is called after."""
    return flag.split("/")[0].removeprefix("--").replace("-", "_")


def _kind(owner: type, key: str) -> dict[str, Any]:
    """Return type and metavar of a setting."""
    expected, words = types_of(owner)[key], words_of(owner, key)
    options = getattr(expected, "__args__", (expected,))
    words = (*words, *(["none"] if type(None) in options else []))
    number = next((kind for option, kind in ((int, click.INT), (float, click.FLOAT)) if option in options), None)
    if bool in options:
        return {"type": bool, "is_flag": True}
    if number is not None:
        return {"type": OrWord(number, *words) if words else number}
    return {"type": str, **({"metavar": "|".join(words)} if words_of(owner, key) else {})}


def default_words(places: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return option -> default as people write it, of the options that have one; `places` says which table and key they are."""
    own = METHOD_DEFAULTS[METHODS[0]]
    told = {}
    for option, (section, key) in places.items():
        usual = {entry.name: entry.default for entry in fields(OWNERS[section])} | own.get(section, {})
        if usual[key] is not None and usual[key] != ():
            told[option] = _in_words(usual[key])
    return told


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(filter(None, value)) if isinstance(value, tuple) else str(value)
