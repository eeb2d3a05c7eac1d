"""Kinds of values that options take: a number or a word, bytes, and lengths of time."""

import re
from fractions import Fraction
from typing import Any

import click

from propneat.base.errors import ConfigError
from propneat.settings.picking import PICKS, check_pick

__all__ = ["Bytes", "OrWord", "Pick", "Seconds"]


class OrWord(click.ParamType):
    """A number, or one of some words."""

    def __init__(self, kind: click.ParamType, *words: str) -> None:
        self.kind, self.words = kind, words
        self.name = "|".join([kind.name, *words])

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if value in self.words:
            return value
        try:
            return self.kind.convert(value, parameter, context)
        except click.BadParameter as error:
            self.fail(f"{value!r} is neither {', nor '.join(self.words)}, nor: {error.message}", parameter, context)


class Pick(click.ParamType):
    """A rule to pick a network by: a word, a price such as 1%, or a number of connections."""

    name = "|".join([click.INT.name, *PICKS, "N%"])

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        rule = int(value) if isinstance(value, str) and value.isdecimal() else value
        try:
            check_pick(rule)
        except ConfigError as error:
            self.fail(str(error), parameter, context)
        return rule


class Bytes(click.ParamType):
    """A number of bytes, with a binary unit or without."""

    name = "bytes"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        found = re.fullmatch(r"(\d+(?:\.\d+)?) *(KiB|MiB|GiB)?", value)
        if not found:
            self.fail(f"{value!r} is not a number of bytes such as 64000000, 512KiB, 256MiB or 1.5GiB", parameter, context)
        return int(Fraction(found[1]) * {None: 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[found[2]])


class Seconds(click.ParamType):
    """A length of time in seconds, minutes or hours."""

    name = "time"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        found = re.fullmatch(r"(\d+(?:\.\d+)?) *(s|m|min|h)?", value)
        if not found or not float(found[1]) > 0:
            self.fail(f"{value!r} is not a length of time such as 90s, 5m or 1.5h", parameter, context)
        return float(found[1]) * {None: 1, "s": 1, "m": 60, "min": 60, "h": 3600}[found[2]]
