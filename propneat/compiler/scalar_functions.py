"""Activation functions in float64 for compiled walks: of one number, and of a row of them, to the same bits.

The exponential and the sine are plain arithmetic, so that a loop over a row becomes vector code, and what a row of a table is
answered does not depend on the rows beside it. All arguments of the exponential are 0 or less.
"""

import math
from collections.abc import Callable

from numba.core import types
from numba.extending import intrinsic

from propneat.base.native import bare
from propneat.genome import activation_code, check_functions

__all__ = ["activate_row", "activated", "exponential"]

_LOG2E = 1.4426950408889634
# the logarithm of 2 in two parts, of which the first has bits to spare, so that its product with a whole number is exact
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_MANTISSA = 52
_ONE_BITS = 1023 << _MANTISSA
# added to a number of at most 51 bits this leaves its nearest whole number in the lowest bits
_ROUNDER = 1.5 * 2.0**_MANTISSA
_LEAST = -708.0
_STEEPNESS = 4.9
_LEAK = 0.01
_GELU_LINEAR = 2.0 * math.sqrt(2.0 / math.pi)
_GELU_CUBIC = 0.044715
_C = tuple(1 / math.factorial(k + 1) for k in range(14))
_S = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(1, 11))
# pi in parts likewise
_PI_HIGH, _PI_MIDDLE, _PI_LOW = 3.14159265346825122833e00, 1.21542010126079319532e-10, 4.04453249759190126908e-21
_FAR = 1e6
"""From here on the C library reduces the argument of a sine."""


@intrinsic
def _bits(typing_context, number):
    """The bits of a float64 as int64."""
    return types.int64(types.float64), lambda context, builder, signature, args: builder.bitcast(
        args[0], context.get_value_type(types.int64)
    )


@intrinsic
def _of_bits(typing_context, bits):
    """The float64 that some bits are."""
    return types.float64(types.int64), lambda context, builder, signature, args: builder.bitcast(
        args[0], context.get_value_type(types.float64)
    )


@bare
def _reduced(x):
    """2^n and exp(r) - 1, of which exp(x) is the product of the first with one more than the second, for x from -708 to 0."""
    shifted = x * _LOG2E + _ROUNDER
    n = shifted - _ROUNDER
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    r2 = r * r
    r4 = r2 * r2
    low = (_C[0] + _C[1] * r) + r2 * (_C[2] + _C[3] * r)
    middle = (_C[4] + _C[5] * r) + r2 * (_C[6] + _C[7] * r)
    high = (_C[8] + _C[9] * r) + r2 * (_C[10] + _C[11] * r)
    tail = _C[12] + _C[13] * r
    scale = _of_bits((_bits(shifted) << _MANTISSA) + _ONE_BITS)
    return scale, r * (low + r4 * (middle + r4 * (high + r4 * tail)))


@bare
def exponential(x):
    scale, rest = _reduced(x)
    return 0.0 if x < _LEAST else scale + scale * rest


@bare
def _exponential_less_one(x):
    scale, rest = _reduced(x)
    return -1.0 if x < _LEAST else (scale - 1.0) + scale * rest


@bare
def _identity(z):
    return z


@bare
def _sigmoid(z):
    e = exponential(-abs(z))
    return (1.0 if z >= 0.0 else e) / (1.0 + e)


@bare
def _steep_sigmoid(z):
    return _sigmoid(_STEEPNESS * z)


@bare
def _tanh(z):
    m = _exponential_less_one(-2.0 * abs(z))
    t = m / (m + 2.0)
    return t if z < 0.0 else -t


@bare
def _relu(z):
    return 0.0 if z <= 0.0 else z


@bare
def _leaky_relu(z):
    return z if z > 0.0 else _LEAK * z


@bare
def _elu(z):
    return z if z > 0.0 else _exponential_less_one(z)


@bare
def _gelu(z):
    return z * _sigmoid(_GELU_LINEAR * (z + _GELU_CUBIC * (z * z * z)))


@bare
def _silu(z):
    return z * _sigmoid(z)


@bare
def _softplus(z):
    return _relu(z) + math.log1p(exponential(-abs(z)))


@bare
def _near_sine(z):
    shifted = z * (1.0 / math.pi) + _ROUNDER
    n = shifted - _ROUNDER
    r = ((z - n * _PI_HIGH) - n * _PI_MIDDLE) - n * _PI_LOW
    t = r * r
    t2 = t * t
    low = (_S[0] + _S[1] * t) + t2 * (_S[2] + _S[3] * t)
    high = (_S[4] + _S[5] * t) + t2 * (_S[6] + _S[7] * t)
    sine = r + r * (t * (low + t2 * t2 * (high + t2 * t2 * (_S[8] + _S[9] * t))))
    # an odd number of half turns changes the sign
    return _of_bits(_bits(sine) ^ (_bits(shifted) << 63))


@bare
def _sin(z):
    return _near_sine(z) if abs(z) < _FAR else math.sin(z)


@bare
def _sin_row(row):
    n_far = 0
    for i in range(row.shape[0]):
        n_far += not abs(row[i]) < _FAR
    if n_far == 0:
        for i in range(row.shape[0]):
            row[i] = _near_sine(row[i])
    else:
        for i in range(row.shape[0]):
            row[i] = _sin(row[i])


@bare
def _gauss(z):
    return exponential(-(z * z))


@bare
def _abs(z):
    return abs(z)


@bare
def _square(z):
    return z * z


_FORMULAS = {
    "identity": _identity,
    "sigmoid": _sigmoid,
    "steep_sigmoid": _steep_sigmoid,
    "tanh": _tanh,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "gelu": _gelu,
    "silu": _silu,
    "softplus": _softplus,
    "sin": _sin,
    "gauss": _gauss,
    "abs": _abs,
    "square": _square,
}

check_functions(__name__, activations=_FORMULAS)


def _over(formula: Callable) -> Callable:
    """A compiled loop that replaces every number of a row by a formula of it."""

    @bare
    def loop(row):
        for i in range(row.shape[0]):
            row[i] = formula(row[i])

    return loop


def _chosen(functions: dict[str, Callable]) -> Callable:
    """A compiled choice among one function per activation, by the activation's code: nested ifs, which become a jump table."""

    def choice(names: list[str]) -> Callable:
        code, function = activation_code(names[0]), functions[names[0]]
        if len(names) == 1:
            return bare(lambda which, argument: function(argument))
        others = choice(names[1:])
        return bare(lambda which, argument: function(argument) if which == code else others(which, argument))

    return choice(list(functions))


activated = _chosen(_FORMULAS)
"""activated(code, z): the activation with a code of one float64."""

activate_row = _chosen({name: _over(formula) for name, formula in _FORMULAS.items()} | {"sin": _sin_row})
"""activate_row(code, row): the activation with a code of every number of a float64 row, in place."""
