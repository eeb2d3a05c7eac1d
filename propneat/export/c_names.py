"""C's words: identifiers, comments, text and number literals that any C99 and C++17 compiler takes without a warning."""

import re
import unicodedata
from collections.abc import Iterable

import numpy as np

from propneat.base.errors import ConfigError

__all__ = ["check_name", "comment", "distinct_names", "float_literal", "string_literal", "wrap"]

_KEYWORDS = frozenset(
    """alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t class compl const
    const_cast constexpr continue decltype default delete do double dynamic_cast else enum explicit export extern false float
    for friend goto if inline int long main mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected
    public register reinterpret_cast restrict return short signed sizeof static static_assert static_cast struct switch template
    this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor
    xor_eq""".split()
)
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LONGEST = 31
"""Letters of an identifier that every C99 linker tells apart."""


def check_name(name: str) -> str:
    """Return a name that C and C++ take for a prefix; raises ConfigError for any other."""
    if not _IDENTIFIER.fullmatch(name) or name in _KEYWORDS or len(name) > _LONGEST:
        raise ConfigError(
            f"--name {name[:60]!r} is no name in C: give at most {_LONGEST} letters, digits and underscores, "
            "a letter first, and no word of the language"
        )
    return name


def distinct_names(
    texts: Iterable[str], taken: set[str] | None = None, before: str = "", with_more: Iterable[str] = ("{}",)
) -> list[str]:
    """Return an upper-case identifier for each text, after `before`, all different from each other and from those taken.

    `taken` grows by each name in the forms `with_more`, of which none was taken before.
    """
    taken, names, forms = set() if taken is None else taken, [], list(with_more)
    for text in texts:
        plain = unicodedata.normalize("NFKD", str(text)).encode("ascii", "ignore").decode()
        base = before + (re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_").upper()[:40].rstrip("_") or "X")
        name, count = base, 2
        while any(form.format(name) in taken for form in forms):
            name, count = f"{base}_{count}", count + 1
        taken.update(form.format(name) for form in forms)
        names.append(name)
    return names


def comment(text: object, longest: int = 100) -> str:
    """Return a text that may stand in a comment: one line, printable, without what ends or nests a comment."""
    shown = "".join(letter if letter.isprintable() else " " for letter in str(text))
    shown = shown.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?").rstrip("\\").strip()
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."


def string_literal(text: object) -> str:
    """Return a text as a C literal of its UTF-8 bytes."""
    plain = [chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}" for byte in str(text).encode()]
    return '"' + "".join(plain) + '"'


def float_literal(value: float) -> str:
    """Return the nearest float32 as a C literal that reads back to the same bits; what is too large becomes the largest."""
    largest = float(np.finfo(np.float32).max)
    shown = np.format_float_scientific(np.float32(min(max(float(value), -largest), largest)), unique=True, trim="0")
    mantissa, exponent = shown.split("e")
    plain = str(np.float32(value)) if -3 <= int(exponent) <= 6 else ""
    return f"{plain if re.fullmatch(r'-?[0-9]+[.][0-9]+', plain) else f'{mantissa}e{int(exponent)}'}f"


def wrap(items: Iterable[str], width: int = 110) -> str:
    """Return items joined by commas, in lines no longer than `width` where items allow, each line indented by four."""
    lines, line = [], ""
    for item in items:
        if line and len(line) + len(item) + 2 > width:
            lines.append(line + ",")
            line = ""
        line = f"{line}, {item}" if line else item
    return "\n".join(f"    {text}" for text in [*lines, line])
