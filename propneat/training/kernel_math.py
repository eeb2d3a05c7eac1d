"""Float32 exponential, logarithm, sigmoid, sine and cosine as formulas of plain arithmetic; see `vector_code`.

The C library's functions are scalar calls. The polynomials are truncated series after the usual range reductions, that of
log(1 + x) interpolates log(1 + x) / x at Chebyshev points.
"""

from propneat.training.vector_code import (
    Lanes,
    as_float,
    as_int,
    elementwise,
    floor,
    maximum,
    minimum,
    polynomial,
    select,
    to_float,
)

__all__ = [
    "cosine",
    "exponential",
    "exponential_of",
    "log_one_plus",
    "logarithm",
    "logarithm_of",
    "sigmoid",
    "sigmoid_of",
    "sine",
    "tanh",
]

_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440e-4
_LN2 = 0.6931471805599453
_SQRT_HALF_BITS = 0x3F3504F3
_ONE_BITS = 0x3F800000
_MANTISSA = 23
# added to a number of at most 22 bits this leaves its nearest whole number in the lowest bits
_ROUNDER = 1.5 * 2**_MANTISSA
_PI = 3.141592653589793
# pi in three parts of few bits each, so that their products with small integers are exact
_PI_HIGH, _PI_MIDDLE, _PI_LOW = 3.140625, 9.67502593994140625e-4, 1.509957990978376432e-7


def exponential(x: Lanes) -> Lanes:
    """exp(x), relative error below 2e-7 on [-87, 88], constant outside; NaN gives NaN."""
    x = minimum(maximum(x, -87.0), 88.0)
    shifted = x.times_plus(_LOG2E, _ROUNDER)
    n = shifted - _ROUNDER
    r = n.times_plus(-_LN2_LOW, n.times_plus(-_LN2_HIGH, x))
    p = polynomial(r, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1.0, 1.0)
    return p * as_float((as_int(shifted) << _MANTISSA) + _ONE_BITS)


def logarithm(x: Lanes) -> Lanes:
    """Natural logarithm of a positive normal number, absolute error below 1e-7 near 1 and relative below 2e-7 elsewhere."""
    bits = as_int(x)
    k = (bits - _SQRT_HALF_BITS) >> _MANTISSA
    m = as_float(bits - (k << _MANTISSA))
    s = (m - 1.0) / (m + 1.0)
    p = polynomial(s * s, 1 / 11, 1 / 9, 1 / 7, 1 / 5, 1 / 3, 1.0)
    return to_float(k).times_plus(_LN2, 2.0 * s * p)


def log_one_plus(x: Lanes) -> Lanes:
    """log(1 + x) for x from 0 to 1, absolute and relative error below 2e-7."""
    return x * polynomial(
        x, -0.00317605705, 0.0195425274, -0.0563736132, 0.105436238, -0.152696671, 0.196632743, -0.249516163, 0.333297105,
        -0.499998926, 0.999999995,
    )  # fmt: skip


def sigmoid(x: Lanes) -> Lanes:
    """1 / (1 + exp(-x)), absolute error below 2e-7."""
    e = exponential(-abs(x))
    r = 1.0 / (1.0 + e)
    return select(x >= 0.0, r, e * r)


def tanh(x: Lanes) -> Lanes:
    """Hyperbolic tangent, absolute error below 2e-7."""
    e = exponential(-2.0 * abs(x))
    t = (1.0 - e) / (1.0 + e)
    return select(x >= 0.0, t, -t)


def _reduced(x: Lanes) -> tuple[Lanes, Lanes]:
    """Nearest multiple n of pi and the remainder x - n pi, kept within pi where rounding of a huge x would leave it."""
    n = floor(x.times_plus(1 / _PI, 0.5))
    r = n.times_plus(-_PI_LOW, n.times_plus(-_PI_MIDDLE, n.times_plus(-_PI_HIGH, x)))
    return n, minimum(maximum(r, -_PI), _PI)


def _sign_of_turns(n: Lanes) -> Lanes:
    """+1 for even n, -1 for odd n."""
    return 1.0 - 2.0 * (n - 2.0 * floor(0.5 * n))


def sine(x: Lanes) -> Lanes:
    """sin(x), absolute error below 5e-7 for |x| <= 1000."""
    n, r = _reduced(x)
    t = r * r
    p = polynomial(t, -1 / 39916800, 1 / 362880, -1 / 5040, 1 / 120, -1 / 6)
    return _sign_of_turns(n) * (r * t).times_plus(p, r)


def cosine(x: Lanes) -> Lanes:
    """cos(x), absolute error below 5e-7 for |x| <= 1000."""
    n, r = _reduced(x)
    p = polynomial(r * r, 1 / 479001600, -1 / 3628800, 1 / 40320, -1 / 720, 1 / 24, -0.5, 1.0)
    return _sign_of_turns(n) * p


exponential_of, logarithm_of, sigmoid_of = elementwise(exponential), elementwise(logarithm), elementwise(sigmoid)
"""The same, of one float32, for numba's compiled loops."""
