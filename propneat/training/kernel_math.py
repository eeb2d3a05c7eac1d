"""Vectorisable float32 exponential, logarithm, sine and cosine for compiled loops.

The C library's functions are scalar calls; these are straight-line arithmetic that the compiler turns into vector code. All
take and return float32. The polynomials are truncated series after the usual range reductions.
"""

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from propneat.native import bare

__all__ = ["cosine", "exponential", "logarithm", "sigmoid", "sine"]

_F = np.float32
_LOG2E = _F(1.4426950408889634)
_LN2_HIGH, _LN2_LOW = _F(0.693359375), _F(-2.12194440e-4)
_LN2 = _F(0.6931471805599453)
_SQRT_HALF_BITS = np.int32(0x3F3504F3)
_PI, _INV_PI = _F(3.141592653589793), _F(0.3183098861837907)
# pi in three parts of few bits each, so that their products with small integers are exact
_PI_HIGH, _PI_MIDDLE, _PI_LOW = _F(3.140625), _F(9.67502593994140625e-4), _F(1.509957990978376432e-7)


@intrinsic
def _as_float(typing_context, value):
    """Read the bits of an int32 as a float32."""

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(types.float32))

    return types.float32(types.int32), generate


@intrinsic
def _as_int(typing_context, value):
    """Read the bits of a float32 as an int32."""

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(types.int32))

    return types.int32(types.float32), generate


@bare(fastmath={"contract"})
def exponential(x):
    """exp(x), relative error below 2e-7 on [-87, 88], constant outside; NaN gives NaN."""
    x = min(max(x, _F(-87.0)), _F(88.0)) if x == x else x
    n = np.floor(x * _LOG2E + _F(0.5))
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    p = _F(1 / 5040)
    p = p * r + _F(1 / 720)
    p = p * r + _F(1 / 120)
    p = p * r + _F(1 / 24)
    p = p * r + _F(1 / 6)
    p = p * r + _F(0.5)
    p = p * r + _F(1.0)
    p = p * r + _F(1.0)
    return p * _as_float((np.int32(n) + np.int32(127)) << np.int32(23))


@bare(fastmath={"contract"})
def logarithm(x):
    """Natural logarithm of a positive normal number, absolute error below 1e-7 near 1 and relative below 2e-7 elsewhere."""
    bits = _as_int(x)
    k = (bits - _SQRT_HALF_BITS) >> np.int32(23)
    m = _as_float(bits - (k << np.int32(23)))
    s = (m - _F(1.0)) / (m + _F(1.0))
    t = s * s
    p = _F(1 / 11)
    p = p * t + _F(1 / 9)
    p = p * t + _F(1 / 7)
    p = p * t + _F(1 / 5)
    p = p * t + _F(1 / 3)
    p = p * t + _F(1.0)
    return _F(k) * _LN2 + _F(2.0) * s * p


@bare(fastmath={"contract"})
def sigmoid(x):
    """1 / (1 + exp(-x)), absolute error below 2e-7."""
    e = exponential(-abs(x))
    r = _F(1.0) / (_F(1.0) + e)
    return r if x >= _F(0.0) else e * r


@bare(fastmath={"contract"})
def _reduced(x):
    """Nearest multiple n of pi and the remainder x - n pi, kept within pi where rounding of a huge x would leave it."""
    n = np.floor(x * _INV_PI + _F(0.5))
    r = ((x - n * _PI_HIGH) - n * _PI_MIDDLE) - n * _PI_LOW
    return n, min(max(r, -_PI), _PI) if r == r else r


@bare(fastmath={"contract"})
def _sign_of_turns(n):
    """+1 for even n, -1 for odd n."""
    return _F(1.0) - _F(2.0) * (n - _F(2.0) * np.floor(_F(0.5) * n))


@bare(fastmath={"contract"})
def sine(x):
    """sin(x), absolute error below 5e-7 for |x| <= 1000."""
    n, r = _reduced(x)
    t = r * r
    p = _F(-1 / 39916800)
    p = p * t + _F(1 / 362880)
    p = p * t + _F(-1 / 5040)
    p = p * t + _F(1 / 120)
    p = p * t + _F(-1 / 6)
    return _sign_of_turns(n) * (r + r * t * p)


@bare(fastmath={"contract"})
def cosine(x):
    """cos(x), absolute error below 5e-7 for |x| <= 1000."""
    n, r = _reduced(x)
    t = r * r
    p = _F(1 / 479001600)
    p = p * t + _F(-1 / 3628800)
    p = p * t + _F(1 / 40320)
    p = p * t + _F(-1 / 720)
    p = p * t + _F(1 / 24)
    p = p * t + _F(-0.5)
    return _sign_of_turns(n) * (_F(1.0) + t * p)
