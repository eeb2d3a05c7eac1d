"""Texts of a drawn network: their widths, shortened names, and numbers."""

import unicodedata

__all__ = ["number", "shorten", "text_width"]

_LABEL_CHARACTERS = 30
_CHARACTER_WIDTH = 7.0
"""Pixels per character of 12 px text, generous enough for the fonts named below."""


def text_width(text: str) -> float:
    """Return a generous estimate of the width of 12 px text, in pixels; wide and full-width characters count double."""
    return _CHARACTER_WIDTH * sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)


def shorten(text: str, n_characters: int = _LABEL_CHARACTERS) -> str:
    """Return the text with its middle replaced by an ellipsis if it has more than `n_characters` characters."""
    if len(text) <= n_characters:
        return text
    head = (n_characters - 1) * 3 // 5
    return f"{text[:head].rstrip()}\u2026{text[len(text) - (n_characters - 1 - head) :].lstrip()}"


def number(value: float, n_digits: int = 4) -> str:
    """Return a number with so many significant digits."""
    return f"{value:.{n_digits}g}"


def count(number: int, what: str) -> str:
    """Return a number with what it counts, such as 1 input or 2 inputs."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
