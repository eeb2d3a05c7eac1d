"""Activations in integers: the same arithmetic for numpy, which measures what it costs, and as C, to the bit.

A node's argument is z, in units of 2**-bits_z; its answer is a whole number of at most 15 bits and a sign. Curved functions are a
straight part and a remainder h(|z|) that dies away, which is read from a table of 65 values with lines in between.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from propneat.genome import check_functions

__all__ = [
    "COMPUTED", "CURVE", "FIXED", "TABLES", "WAVE", "FixedFunction", "apply_fixed", "function_of", "logistic", "power_of_half",
    "saturate", "table_values",
]  # fmt: skip

TOP = 32767
STEPS = 64


@dataclass(frozen=True)
class FixedFunction:
    """How an activation is computed in integers.

    `table` names its table, whose argument reaches to 2**reach. `factor` multiplies z before all else. `shape` says how the
    straight part and the remainder are joined: "bounded" answers have 15 bits after the point, "curved" ones those of z,
    "straight" ones are chosen, as are those of "square".
    """

    shape: str
    table: str = ""
    reach: int = 0
    factor: float = 1.0

    @property
    def bits_of_table(self) -> int:
        """Bits after the point of the argument of the table."""
        return 15 - self.reach


FIXED = {
    "identity": FixedFunction("straight"),
    "sigmoid": FixedFunction("bounded", "sigmoid", 3),
    "steep_sigmoid": FixedFunction("bounded", "sigmoid", 3, 4.9),
    "tanh": FixedFunction("bounded", "sigmoid", 3, 2.0),
    "relu": FixedFunction("straight"),
    "leaky_relu": FixedFunction("straight"),
    "elu": FixedFunction("curved", "exp", 3),
    "gelu": FixedFunction("curved", "gelu", 2),
    "silu": FixedFunction("curved", "silu", 3),
    "softplus": FixedFunction("curved", "softplus", 3),
    "sin": FixedFunction("bounded", "", -1, 0.5 / np.pi),
    "gauss": FixedFunction("bounded", "gauss", 2),
    "abs": FixedFunction("straight"),
    "square": FixedFunction("square"),
}
"""The functions; the argument of sin is in turns."""

COMPUTED = {
    "sigmoid": FixedFunction("bounded", "", 4, np.log2(np.e)),
    "steep_sigmoid": FixedFunction("bounded", "", 4, 4.9 * np.log2(np.e)),
    "tanh": FixedFunction("bounded", "", 4, 2.0 * np.log2(np.e)),
}
"""Sigmoids without a table: by a power of two and a division, as the probabilities are; smaller, and slower."""


def function_of(name: str, is_computed: bool) -> FixedFunction:
    """Return how an activation is computed, without a table where that is asked for and possible."""
    return COMPUTED.get(name, FIXED[name]) if is_computed else FIXED[name]


check_functions(__name__, activations=FIXED)


def _low_sigmoid(a: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(a))


TABLES: dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]] = {
    "sigmoid": (3, _low_sigmoid),
    "exp": (3, lambda a: np.exp(-a)),
    "gelu": (2, lambda a: a * _low_sigmoid(2 * np.sqrt(2 / np.pi) * (a + 0.044715 * a**3))),
    "silu": (3, lambda a: a * _low_sigmoid(a)),
    "softplus": (3, lambda a: np.log1p(np.exp(-a))),
    "gauss": (2, lambda a: np.exp(-(a**2))),
}
"""For each table the power of two that its argument reaches to, and the function."""

CURVE = (45324, 15150, 2596)
"""2**-r = 1 - r (a - r (b - r c)), right to 1e-4 for r from 0 to 1; 16 bits after the point."""

WAVE = (51456, 21041, 2355)
"""sin(pi / 2 * u) = u (a - u^2 (b - u^2 c)), right to 1.1e-4 for u from 0 to 1; 15 bits after the point."""


def table_values(name: str) -> np.ndarray:
    """Return the 65 values of a table, 15 bits after the point, int64 (65,).

    They lie beside the function by half of what the lines between them would be off, which halves the largest error.
    """
    reach, function = TABLES[name]
    step = 2.0**reach / STEPS
    a = np.arange(STEPS + 1) * step
    bend = function(a + step / 2) + function(a - step / 2) - 2 * function(a)
    return np.clip(np.rint(32768 * (function(a) - bend / 4)), -TOP, TOP).astype(np.int64)


def saturate(z: np.ndarray) -> np.ndarray:
    """Return whole numbers brought within 15 bits and a sign."""
    return np.clip(z, -TOP, TOP)


def _lookup(name: str, a: np.ndarray) -> np.ndarray:
    table, place = table_values(name), a >> 9
    return table[place] + (((table[place + 1] - table[place]) * ((a & 511) << 7)) >> 16)


def _remainder(name: str, z: np.ndarray, more: int = 0) -> np.ndarray:
    return _lookup(name, np.minimum(np.minimum(np.abs(z), TOP) << more, TOP))


def power_of_half(d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return m and n with 2**-d = m / 2**(16 + n) for whole numbers d of 16 bits after the point; n is 31 at most."""
    r, (first, second, third) = d & 0xFFFF, CURVE
    m = 65535 - ((r * (first - ((r * (second - ((r * third) >> 16))) >> 16))) >> 16)
    return m, np.minimum(d >> 16, 31)


def logistic(d: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + 2**d), 30 bits after the point, for whole numbers d from 0 on of 16 bits after the point."""
    m, n = power_of_half(d)
    return (m * ((2**31 - 1) // (2**15 + (m >> n >> 1)))) >> np.minimum(n + 2, 31)


def apply_fixed(name: str, z: np.ndarray, more: int, is_computed: bool = False) -> np.ndarray:
    """Apply an activation to arguments in units of its z, int64 of any shape; `more` is the node's extra shift."""
    if is_computed and name in COMPUTED:
        h = logistic(np.minimum(np.abs(z), TOP) << 5) >> 15
        return _two_sided(z, h) if name == "tanh" else np.where(z < 0, h, TOP - h)
    function = FIXED[name]
    if function.shape == "curved":
        shift = function.reach + more
        if name == "elu":
            low = (_remainder("exp", z, more) - 32768) >> shift
            return np.where(z > 0, saturate(z), low)
        rest = _remainder(function.table, z, more) >> shift
        return saturate(np.maximum(z, 0) + (rest if name == "softplus" else -rest))
    return _PLAIN[name](z, more)


def _tanh(z: np.ndarray, more: int) -> np.ndarray:
    return _two_sided(z, _remainder("sigmoid", z))


def _two_sided(z: np.ndarray, h: np.ndarray) -> np.ndarray:
    size = np.maximum(TOP - 2 * h, 0)
    return np.where(z < 0, -size, size)


def _sigmoid(z: np.ndarray, more: int) -> np.ndarray:
    h = _remainder("sigmoid", z)
    return np.where(z < 0, h, TOP - h)


def _sin(z: np.ndarray, more: int) -> np.ndarray:
    half = z & 0x7FFF
    u = np.where(half > 0x3FFF, 0x7FFF - half, half) << 2
    square, (first, second, third) = (u * u) >> 16, WAVE
    size = np.minimum((u * (first - ((square * (second - ((square * third) >> 16))) >> 16))) >> 16, TOP)
    return np.where(z & 0x8000, -size, size)


def _leaky(z: np.ndarray, more: int) -> np.ndarray:
    kept = saturate(z)
    return np.where(z > 0, kept, (kept * 5243) >> 19)


_PLAIN: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "identity": lambda z, more: saturate(z),
    "sigmoid": _sigmoid,
    "steep_sigmoid": _sigmoid,
    "tanh": _tanh,
    "relu": lambda z, more: saturate(np.maximum(z, 0)),
    "leaky_relu": _leaky,
    "sin": _sin,
    "gauss": lambda z, more: _remainder("gauss", z),
    "abs": lambda z, more: saturate(np.abs(z)),
    "square": lambda z, more: saturate((saturate(z) ** 2) >> more),
}
