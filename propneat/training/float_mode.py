"""Have the processor take numbers too small for a normal float32 as 0, in compiled code.

Gradients of rows that are learnt well fall below 1e-38 on their way through a network. Arithmetic on such numbers takes some
hundred cycles an instruction on x86 processors, and made epochs eight times longer; on others it costs nothing and is left alone.
"""

import platform

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = ["FLUSHING", "float_mode", "set_float_mode"]

FLUSHING = 0x8040
"""The bits of the mode that make results and operands too small 0."""

_IS_X86 = platform.machine() in ("x86_64", "AMD64")
_INT = ir.IntType(32)


def _control(builder, name, place):
    pointer = ir.PointerType(ir.IntType(8))
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), [pointer]), f"llvm.x86.sse.{name}")
    builder.call(function, [builder.bitcast(place, pointer)])


@intrinsic
def float_mode(typing_context):
    """Return the mode that this thread computes in, uint32."""

    def generate(context, builder, signature, args):
        place = cgutils.alloca_once_value(builder, ir.Constant(_INT, 0))
        if _IS_X86:
            _control(builder, "stmxcsr", place)
        return builder.load(place)

    return types.uint32(), generate


@intrinsic
def set_float_mode(typing_context, mode):
    """Have this thread compute in a mode that `float_mode` gave, with FLUSHING added or without."""

    def generate(context, builder, signature, args):
        mode = context.cast(builder, args[0], signature.args[0], types.uint32)
        place = cgutils.alloca_once_value(builder, mode)
        if _IS_X86:
            _control(builder, "ldmxcsr", place)
        return context.get_dummy_value()

    return types.void(mode), generate
