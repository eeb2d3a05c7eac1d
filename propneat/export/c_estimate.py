"""What a model needs on a chip whose compiler is not installed: an estimate, from how programs of the same kind turned out."""

import re

__all__ = ["estimate_flash"]

_WIDTHS = {"uint8_t": 1, "int8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "float": 4}
_CODE = {
    "avr": (900, 2150, 200),
    "cortex-m0": (780, 5900, 4700),
    "cortex-m4": (500, 2150, 4300),
    "riscv32": (670, 5200, 4500),
    "host": (700, 850, 0),
}
"""Bytes of code and library: in fixed point, in float32, and what a tangent, sine or logarithm in float32 adds."""
_BYTES_A_TERM = 34
_SERIES = ("tanhf(", "sinf(", "logf(")


def estimate_flash(source: str, target: str) -> int:
    """Return the bytes of flash that a C source may take, mostly good to a third: its tables, and code as it usually is."""
    tables = re.findall(r"static const (\w+) \w+\[(\d+)\]", source)
    size = sum(_WIDTHS[kind] * int(count) for kind, count in tables)
    whole, real, series = _CODE[target]
    if "const float *x" not in source:
        return size + whole
    terms = source.count(" * i") + source.count(" * n")
    return size + real + (series if any(call in source for call in _SERIES) else 0) + _BYTES_A_TERM * terms
