"""What a model needs on a chip whose compiler is not installed: an estimate, from how programs of the same kind turned out."""

import re

__all__ = ["estimate_flash"]

_WIDTHS = {"uint8_t": 1, "int8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "float": 4}
_CODE = {"avr": (730, 4600), "cortex-m0": (500, 6700), "cortex-m4": (330, 3000), "riscv32": (430, 6300), "host": (500, 2200)}
"""Bytes of code, library included, of one node in fixed point and in float32; the rest is counted in the source."""
_BYTES_A_TERM = 34


def estimate_flash(source: str, target: str) -> int:
    """Return the bytes of flash that a C source may take, good to about a third: its tables, and code as it usually is."""
    tables = re.findall(r"static const (\w+) \w+\[(\d+)\]", source)
    size = sum(_WIDTHS[kind] * int(count) for kind, count in tables)
    is_float = "float" in source
    terms = source.count(" * ") if is_float else 0
    return size + _CODE[target][is_float] + _BYTES_A_TERM * terms
