"""Eight bytes of a text at a time, as one number of 64 bits, the first byte lowest; compiled."""

import sys

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from propneat.base.native import bare

__all__ = ["ONES", "digits_in_front", "n_digits", "number_of_zeros", "text_word", "word_at", "zero_bytes"]

ONES = np.uint64(0x0101010101010101)
"""One in every byte."""

_HIGH_BITS = np.uint64(0x8080808080808080)
_ZEROS, _NO_DIGIT = np.uint64(0x3030303030303030), np.uint64(0x7676767676767676)
_ALL, _BYTE = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(8)
_PAIRS, _FOURS, _EIGHTS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF), np.uint64(0xFFFFFFFF)
_INT = ir.IntType(64)


@intrinsic
def _load(typing_context, data, position):
    """Return the eight bytes of an array of uint8 from a position on, all of which it must have, uint64."""

    def generate(context, builder, signature, args):
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.bitcast(builder.gep(array.data, [args[1]]), _INT.as_pointer())
        word = builder.load(place, align=1)
        return builder.bswap(word) if sys.byteorder == "big" else word

    return types.uint64(data, types.int64), generate


@intrinsic
def number_of_zeros(typing_context, word):
    """Return how many bits below the lowest one are 0, int64, 64 if all are."""

    def generate(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@bare
def word_at(data, position):
    """Return the eight bytes from a position on; those after the end are 0."""
    if position + 8 <= data.shape[0]:
        return _load(data, position)
    word = np.uint64(0)
    for step in range(data.shape[0] - position):
        word |= np.uint64(data[position + step]) << np.uint64(8 * step)
    return word


@bare
def text_word(data, position, length):
    """Return the bytes from a position on, up to eight of the `length` that there are, at least one; others are 0."""
    return word_at(data, position) & (_ALL >> np.uint64(64 - 8 * min(length, 8)))


@bare
def zero_bytes(word):
    """Return a number whose lowest bit that is 1 lies in the lowest byte that is 0; it is 0 where none is."""
    return (word - ONES) & ~word & _HIGH_BITS


@bare
def n_digits(word):
    """Return how many of the first bytes are decimal digits."""
    word ^= _ZEROS
    return number_of_zeros(((word + _NO_DIGIT) | word) & _HIGH_BITS) >> 3


@bare
def digits_in_front(word, count):
    """Return the number that the first bytes spell, `count` of them, from 1 to 8, all decimal digits."""
    word = (word ^ _ZEROS) << np.uint64(64 - 8 * count)
    word = (word * np.uint64(10) + (word >> _BYTE)) & _PAIRS
    word = (word * np.uint64(100) + (word >> np.uint64(16))) & _FOURS
    return (word * np.uint64(10000) + (word >> np.uint64(32))) & _EIGHTS
