"""Vector code for tiles of rows: weighted sums of a tile's rows, and products of one with others, kept in registers.

A tile row holds the values of one node for ROWS data rows. Compiled loops over it would keep their sum in memory, check at
every call whether arrays overlap, and add up the lanes of every product; what is written here as vector instructions does
none of these. LLVM splits the vectors into what the processor has.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = ["LANES", "ROWS", "add_products", "lane_sums", "weigh_rows"]

ROWS = 64
"""Data rows of a tile: enough to hide what a call costs, few enough for a network's values to stay in the fastest cache."""

LANES = 16
"""Partial sums that a product of rows is kept in until the batch is done."""

_FLOAT = ir.FloatType()
_ALIGNMENT = 4


class _Emitter:
    """Emits vector instructions on the data of numba's arrays."""

    def __init__(self, context: Any, builder: Any, signature: Any) -> None:
        self.context, self.builder, self.types = context, builder, signature.args

    def data(self, args: Any, position: int) -> Any:
        """Return a pointer to the first element of the array that is argument `position`."""
        return self.context.make_array(self.types[position])(self.context, self.builder, args[position]).data

    def element(self, pointer: Any, index: Any) -> Any:
        """Return a scalar of an array; integers as int64."""
        value = self.builder.load(self.builder.gep(pointer, [index]))
        if isinstance(value.type, ir.IntType) and value.type.width < 64:
            return self.builder.sext(value, ir.IntType(64))
        return value

    def row(self, pointer: Any, index: Any, width: int) -> Any:
        """Return a pointer to row `index` of a matrix of float32 rows of `width`."""
        return self.builder.gep(pointer, [self.builder.mul(index, ir.Constant(index.type, width))])

    def load(self, pointer: Any, width: int, offset: int = 0) -> Any:
        """Load `width` float32 as one vector."""
        return self.builder.load(self._vector(pointer, width, offset), align=_ALIGNMENT)

    def store(self, value: Any, pointer: Any) -> None:
        """Store a vector."""
        self.builder.store(value, self._vector(pointer, value.type.count, 0), align=_ALIGNMENT)

    def _vector(self, pointer: Any, width: int, offset: int) -> Any:
        if offset:
            pointer = self.builder.gep(pointer, [ir.Constant(ir.IntType(64), offset)])
        return self.builder.bitcast(pointer, ir.VectorType(_FLOAT, width).as_pointer())

    def splat(self, value: Any, width: int) -> Any:
        """Return a vector that repeats a float32."""
        undefined = ir.Constant(ir.VectorType(_FLOAT, width), ir.Undefined)
        single = self.builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
        return self.builder.shuffle_vector(single, undefined, zeros)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """Return a * b + c, rounded once where the processor can."""
        signature = ir.FunctionType(a.type, [a.type] * 3)
        function = cgutils.get_or_insert_function(self.builder.module, signature, f"llvm.fmuladd.v{a.type.count}f32")
        return self.builder.call(function, [a, b, c])

    def either(self, index: Any, n_low: Any, low: Any, high: Any) -> Any:
        """Return a pointer to tile row `index`: of `low` for the first n_low rows, otherwise of `high`."""
        base = self.builder.select(self.builder.icmp_signed("<", index, n_low), low, high)
        return self.row(base, index, ROWS)


@intrinsic
def weigh_rows(typing_context, out, start, adds, factors, factor_index, low, high, row_index, first, last, n_low):
    """out = start + the sum over k in first..last of factors[factor_index[k]] * row row_index[k]; `adds` adds to `out`.

    Rows up to n_low are those of `low`, the others of `high`, both of shape (n, ROWS).
    """

    def generate(context, builder, signature, args):
        emit = _Emitter(context, builder, signature)
        out, factors, factor_index, low, high, row_index = (emit.data(args, k) for k in (0, 3, 4, 5, 6, 7))
        start, adds, first, last, n_low = args[1], args[2], args[8], args[9], args[10]
        total = cgutils.alloca_once(builder, ir.VectorType(_FLOAT, ROWS))
        with builder.if_else(adds) as (then, otherwise):
            with then:
                builder.store(emit.load(out, ROWS), total)
            with otherwise:
                builder.store(emit.splat(start, ROWS), total)
        with cgutils.for_range_slice(builder, first, last, ir.Constant(first.type, 1), inc=True) as (k, _):
            factor = emit.splat(emit.element(factors, emit.element(factor_index, k)), ROWS)
            row = emit.either(emit.element(row_index, k), n_low, low, high)
            builder.store(emit.multiply_add(factor, emit.load(row, ROWS), builder.load(total)), total)
        emit.store(builder.load(total), out)
        return context.get_dummy_value()

    return types.void(out, start, adds, factors, factor_index, low, high, row_index, first, last, n_low), generate


@intrinsic
def add_products(typing_context, sums, g, low, high, row_index, first, last, n_low):
    """Add g * row row_index[k], ROWS numbers folded into LANES, to row k of `sums`, for k in first..last."""

    def generate(context, builder, signature, args):
        emit = _Emitter(context, builder, signature)
        sums, g, low, high, row_index = (emit.data(args, k) for k in range(5))
        first, last, n_low = args[5:]
        parts = [emit.load(g, LANES, offset) for offset in range(0, ROWS, LANES)]
        with cgutils.for_range_slice(builder, first, last, ir.Constant(first.type, 1), inc=True) as (k, _):
            row, place = emit.either(emit.element(row_index, k), n_low, low, high), emit.row(sums, k, LANES)
            total = emit.load(place, LANES)
            for number, part in enumerate(parts):
                total = emit.multiply_add(part, emit.load(row, LANES, number * LANES), total)
            emit.store(total, place)
        return context.get_dummy_value()

    return types.void(sums, g, low, high, row_index, first, last, n_low), generate


@intrinsic
def lane_sums(typing_context, sums, out, n):
    """out[k] = the sum of row k of `sums`, shape (n, LANES); the rows are set to 0."""

    def generate(context, builder, signature, args):
        emit = _Emitter(context, builder, signature)
        sums, out, n = emit.data(args, 0), emit.data(args, 1), args[2]
        vector = ir.VectorType(_FLOAT, LANES)
        signature = ir.FunctionType(_FLOAT, [_FLOAT, vector])
        reduce = cgutils.get_or_insert_function(builder.module, signature, f"llvm.vector.reduce.fadd.v{LANES}f32")
        with cgutils.for_range(builder, n) as loop:
            place = emit.row(sums, loop.index, LANES)
            total = builder.call(reduce, [ir.Constant(_FLOAT, -0.0), emit.load(place, LANES)], fastmath=("reassoc",))
            builder.store(total, builder.gep(out, [loop.index]))
            emit.store(ir.Constant(vector, None), place)
        return context.get_dummy_value()

    return types.void(sums, out, n), generate
