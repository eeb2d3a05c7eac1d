"""Arrays of constants in C, which stay in flash on chips where that needs to be said."""

from collections.abc import Sequence

from propneat.export.c_names import float_literal, wrap

__all__ = ["Tables", "flash_code", "int_literal", "loop"]

_READ = {
    "BYTE": "pgm_read_byte(&(place))",
    "WORD": "((int16_t)pgm_read_word(&(place)))",
    "LONG": "((int32_t)pgm_read_dword(&(place)))",
    "REAL": "pgm_read_float(&(place))",
}
"""How a number is read from flash on AVR; elsewhere flash is read as memory is."""

_INTEGERS = {
    "uint8_t": (0, 255, "BYTE"),
    "int8_t": (-128, 127, "(int8_t)BYTE"),
    "int16_t": (-32768, 32767, "WORD"),
    "uint16_t": (0, 65535, "(uint16_t)WORD"),
    "int32_t": (-(2**31), 2**31 - 1, "LONG"),
}
"""For each type the numbers that it holds, smallest type first, and how one is read."""


class Tables:
    """Arrays of constants: each of the smallest type that holds its numbers, or no array where all are one number."""

    def __init__(self) -> None:
        self.code: list[str] = []

    def add(self, name: str, values: Sequence[int], at: str, kind: str = "") -> str:
        """Add an array of whole numbers and return the expression that reads it at a place."""
        if len(set(values)) == 1 and not kind:
            return int_literal(values[0])
        kind = kind or next(kind for kind, (low, high, _) in _INTEGERS.items() if low <= min(values) and max(values) <= high)
        self._declare(kind, name, [int_literal(value) for value in values])
        return f"{_INTEGERS[kind][2]}({name}[{at}])"

    def add_floats(self, name: str, values: Sequence[float], at: str) -> str:
        """Add an array of float32 and return the expression that reads it at a place."""
        literals = [float_literal(value) for value in values]
        if len(set(literals)) == 1:
            return literals[0]
        self._declare("float", name, literals)
        return f"REAL({name}[{at}])"

    def _declare(self, kind: str, name: str, literals: list[str]) -> None:
        self.code.append(f"static const {kind} {name}[{len(literals)}] FLASH = {{\n{wrap(literals)}\n}};")


def int_literal(value: int) -> str:
    """Return a whole number of 32 bits as C reads it."""
    return f"({value + 1} - 1)" if value == -(2**31) else str(value)


def loop(letter: str, count: int) -> tuple[str, str]:
    """Return the head of a loop over so many things, and the type that counts them."""
    kind = "uint8_t" if count < 256 else "uint16_t"
    return f"for ({kind} {letter} = 0; {letter} < {count}; {letter}++) {{", kind


def flash_code(parts: Sequence[str]) -> list[str]:
    """Return the macros by which these parts of a source keep constants in flash, if they do."""
    used = [name for name in _READ if any(f"{name}(" in part for part in parts)]
    if not used:
        return []
    on_avr = ["#include <avr/pgmspace.h>", "#define FLASH PROGMEM", *(f"#define {name}(place) {_READ[name]}" for name in used)]
    elsewhere = ["#define FLASH", *(f"#define {name}(place) (place)" for name in used)]
    return ["\n".join(["#ifdef __AVR__", *on_avr, "#else", *elsewhere, "#endif"])]
