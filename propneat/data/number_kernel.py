"""One plain number from the bytes of a text, compiled: to the bit what Python's float reads.

Nineteen digits and an exponent make a 64-bit significand and a power of ten; their product is rounded once (Lemire, Number
parsing at a gigabyte per second, 2021, section 5). What that leaves open (more digits, subnormal and infinite numbers) is said.
"""

import numpy as np

from propneat.base.native import bare
from propneat.data.word_kernel import digits_in_front, n_digits, word_at

__all__ = ["CODE", "EXACT", "MARK", "NONE", "NUMBER", "OPEN", "POINT", "POWERS", "read_number"]

NUMBER, NONE, OPEN = 0, 1, 2
"""What the bytes are: a number that was read, no plain number, or one that has to be read with more care."""

CODE, POINT, MARK = 1, 2, 4
"""What was seen of a number: zeros in front as of codes, a point, and a point that cannot mark thousands."""

_LEAST_POWER, _MOST_POWER = -342, 308
_ONE = np.uint64(1)
_TENS = np.array([10**power for power in range(9)], np.uint64)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_TAIL = np.uint64(0x1FF)
_HIDDEN = np.uint64(1 << 52)


def _powers() -> np.ndarray:
    """Return the leading 128 bits of the powers of five from -342 to 308, uint64 (651, 2), the higher half first."""
    rows = []
    for power in range(_LEAST_POWER, _MOST_POWER + 1):
        if power >= 0:
            bits = 5**power
            bits = bits << (128 - bits.bit_length()) if bits.bit_length() <= 128 else bits >> (bits.bit_length() - 128)
        else:
            divisor = 5**-power
            size = (divisor - 1).bit_length()
            bits = (1 << (size + 127 if power >= -27 else 2 * size + 128)) // divisor + 1
            bits >>= max(bits.bit_length() - 128, 0)
        rows.append((bits >> 64, bits & (2**64 - 1)))
    return np.array(rows, dtype=np.uint64)


POWERS = _powers()
EXACT = np.array([float(10**power) for power in range(23)])
"""The powers of ten that float64 holds exactly."""


@bare
def _product(a, b):
    """Return the higher and the lower half of the product of two 64-bit numbers."""
    a_low, a_high = a & _LOW_HALF, a >> _HALF
    b_low, b_high = b & _LOW_HALF, b >> _HALF
    low, high = a_low * b_low, a_high * b_high
    middle = a_high * b_low + (low >> _HALF)
    other = a_low * b_high + (middle & _LOW_HALF)
    return high + (middle >> _HALF) + (other >> _HALF), a * b


@bare
def _leading_zeros(bits):
    """Return the number of zero bits in front of the first one, and the number shifted by as many."""
    count = 0
    for step in (32, 16, 8, 4, 2, 1):
        if bits >> np.uint64(64 - step) == np.uint64(0):
            bits <<= np.uint64(step)
            count += step
    return count, bits


@bare
def _rounded(digits, power, powers):
    """Return whether digits times ten to the power could be rounded, and the bits of the float64 nearest to it."""
    if power < _LEAST_POWER or power > _MOST_POWER:
        return False, np.uint64(0)
    zeros, digits = _leading_zeros(digits)
    high, low = _product(digits, powers[power - _LEAST_POWER, 0])
    if high & _TAIL == _TAIL:
        more = _product(digits, powers[power - _LEAST_POWER, 1])[0]
        low += more
        if low < more:
            high += _ONE
    if low == _ALL and (power < -27 or power > 55):
        return False, np.uint64(0)
    upper = high >> np.uint64(63)
    shift = upper + np.uint64(9)
    mantissa = high >> shift
    exponent = ((217706 * power) >> 16) + 63 + np.int64(upper) - zeros + 1023
    if exponent <= 0:
        return False, np.uint64(0)
    if low <= _ONE and -4 <= power <= 23 and mantissa & np.uint64(3) == _ONE and mantissa << shift == high:
        mantissa &= ~_ONE
    mantissa = (mantissa + (mantissa & _ONE)) >> _ONE
    if mantissa >= np.uint64(1 << 53):
        mantissa = _HIDDEN
        exponent += 1
    if exponent >= 0x7FF:
        return False, np.uint64(0)
    return True, (mantissa & ~_HIDDEN) | (np.uint64(exponent) << np.uint64(52))


@bare
def _zeros_in_front(data, position):
    """Return how many digits 0 stand before any other."""
    count = 0
    while data[position] == 48 or data[position] == 46:
        count += data[position] == 48
        position += 1
    return count


@bare
def _read_digits(data, position, digits):
    """Append the decimal digits that begin at `position` to a number, and return it and the position after them."""
    while True:
        word = word_at(data, position)
        count = n_digits(word)
        if count == 0:
            return digits, position
        digits = digits * _TENS[count] + digits_in_front(word, count)
        position += count
        if count < 8:
            return digits, position


@bare
def _read_power(data, position):
    """Return the power of ten behind an e at `position`, and the position after it, the same where there is none."""
    start = position + 1
    sinks = data[start] == 45
    if sinks or data[start] == 43:
        start += 1
    power, stop = 0, start
    digit = np.int64(data[stop]) - 48
    while 0 <= digit <= 9:
        power = min(10 * power + digit, 99_999)
        stop += 1
        digit = np.int64(data[stop]) - 48
    return (-power if sinks else power), position if stop == start else stop


@bare
def _value_of(digits, power, powers, exact):
    """Return whether digits times ten to the power could be computed, and the float64 nearest to it."""
    if digits == np.uint64(0):
        return True, 0.0
    if digits <= np.uint64(1 << 53) and -22 <= power <= 22:
        value = np.float64(digits)
        return True, value / exact[-power] if power < 0 else value * exact[power]
    is_read, bits = _rounded(digits, power, powers)
    return is_read, np.uint64(bits).view(np.float64)


@bare
def read_number(data, start, powers, exact):
    """Read the number that begins at `start`; the bytes must end in one that is no part of a number.

    `data` is uint8, `powers` is `POWERS`, `exact` is `EXACT`. Returns `NUMBER`, `NONE` or `OPEN`, the value, what was seen
    (`CODE`, `POINT`, `MARK`), and the position after the last byte of it.
    """
    is_negative = data[start] == 45
    first = start + 1 if is_negative else start
    digits, position = _read_digits(data, first, np.uint64(0))
    n_whole, n_after, seen = position - first, 0, 0
    if n_whole > 1 and not is_negative and data[first] == 48:
        seen = CODE
    if data[position] == 46:
        digits, after = _read_digits(data, position + 1, digits)
        n_after = after - position - 1
        position = after
        seen |= POINT
    if n_whole + n_after == 0:
        return NONE, np.nan, seen, position
    power = -n_after
    if data[position] == 101 or data[position] == 69:
        more, after = _read_power(data, position)
        if after == position:
            return NONE, np.nan, seen, position
        power += more
        position = after
    if n_after > 0 and n_whole > 0 and (position - first - n_whole != 4 or n_whole > 3 or data[first] == 48):
        seen |= MARK
    if n_whole + n_after > 19 and n_whole + n_after - _zeros_in_front(data, first) > 19:
        return OPEN, np.nan, seen, position
    is_read, value = _value_of(digits, power, powers, exact)
    return NUMBER if is_read else OPEN, -value if is_negative else value, seen, position
