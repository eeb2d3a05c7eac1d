"""Vector code for compiled loops: arithmetic on lanes of float32 written as Python formulas, emitted as LLVM instructions.

LLVM's own vectoriser is left out of the hottest loops: it keeps sums in memory, checks at every call whether arrays overlap,
and takes rows apart into scalars where one loop follows another. LLVM splits the vectors into what the processor has.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, lower_builtin, type_callable

__all__ = [
    "Emitter",
    "Lanes",
    "as_float",
    "as_int",
    "constant",
    "elementwise",
    "floor",
    "fold_pair",
    "maximum",
    "minimum",
    "polynomial",
    "select",
    "square_root",
    "to_float",
    "vector_function",
]

_FLOAT, _INT, _INDEX = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_ALIGNMENT = 4


class Lanes:
    """A value that compiled code computes: float32, int32 or truth values, one or a vector of them; operators emit instructions.

    A plain number on the other side of an operator stands for a constant of the same type.
    """

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def like(self, other: Any) -> Any:
        """Return another operand as an LLVM value of this one's type."""
        if isinstance(other, Lanes):
            return other.value
        kind = self.value.type
        return ir.Constant(kind, [other] * kind.count if isinstance(kind, ir.VectorType) else other)

    def _apply(self, instruction: str, *others: Any) -> "Lanes":
        return Lanes(self.builder, getattr(self.builder, instruction)(self.value, *map(self.like, others)))

    @property
    def _is_float(self) -> bool:
        kind = self.value.type
        return (kind.element if isinstance(kind, ir.VectorType) else kind) == _FLOAT

    def __add__(self, other: Any) -> "Lanes":
        return self._apply("fadd" if self._is_float else "add", other)

    def __sub__(self, other: Any) -> "Lanes":
        return self._apply("fsub" if self._is_float else "sub", other)

    def __mul__(self, other: Any) -> "Lanes":
        return self._apply("fmul", other)

    def __truediv__(self, other: Any) -> "Lanes":
        return self._apply("fdiv", other)

    def __neg__(self) -> "Lanes":
        return Lanes(self.builder, self.builder.fneg(self.value))

    def __lshift__(self, other: int) -> "Lanes":
        return self._apply("shl", other)

    def __rshift__(self, other: int) -> "Lanes":
        return self._apply("ashr", other)

    def __radd__(self, other: float) -> "Lanes":
        return self + other

    def __rmul__(self, other: float) -> "Lanes":
        return self * other

    def __rsub__(self, other: float) -> "Lanes":
        return constant(self, other) - self

    def __rtruediv__(self, other: float) -> "Lanes":
        return constant(self, other) / self

    def _compare(self, relation: str, other: Any) -> "Lanes":
        return Lanes(self.builder, self.builder.fcmp_ordered(relation, self.value, self.like(other)))

    def __lt__(self, other: Any) -> "Lanes":
        return self._compare("<", other)

    def __le__(self, other: Any) -> "Lanes":
        return self._compare("<=", other)

    def __gt__(self, other: Any) -> "Lanes":
        return self._compare(">", other)

    def __ge__(self, other: Any) -> "Lanes":
        return self._compare(">=", other)

    def __abs__(self) -> "Lanes":
        return self.call("fabs")

    def call(self, name: str, *others: Any) -> "Lanes":
        """Return an LLVM intrinsic of this value and others of its type."""
        kind = self.value.type
        suffix = f"v{kind.count}f32" if isinstance(kind, ir.VectorType) else "f32"
        signature = ir.FunctionType(kind, [kind] * (1 + len(others)))
        function = cgutils.get_or_insert_function(self.builder.module, signature, f"llvm.{name}.{suffix}")
        return Lanes(self.builder, self.builder.call(function, [self.value, *map(self.like, others)]))

    def times_plus(self, factor: Any, term: Any) -> "Lanes":
        """Return self * factor + term, rounded once where the processor can."""
        return self.call("fmuladd", factor, term)

    def cast(self, instruction: str, element: Any) -> "Lanes":
        """Return the value after an LLVM cast to another element type."""
        kind = self.value.type
        target = ir.VectorType(element, kind.count) if isinstance(kind, ir.VectorType) else element
        return Lanes(self.builder, getattr(self.builder, instruction)(self.value, target))

    def shuffled(self, other: "Lanes", lanes: list[int]) -> "Lanes":
        """Return the vector of chosen lanes of this one and another, which are numbered on."""
        mask = ir.Constant(ir.VectorType(_INT, len(lanes)), lanes)
        return Lanes(self.builder, self.builder.shuffle_vector(self.value, other.value, mask))

    def sum(self) -> Any:
        """Return the sum over lanes, an LLVM float, added up in pairs."""
        signature = ir.FunctionType(_FLOAT, [_FLOAT, self.value.type])
        name = f"llvm.vector.reduce.fadd.v{self.value.type.count}f32"
        function = cgutils.get_or_insert_function(self.builder.module, signature, name)
        return self.builder.call(function, [ir.Constant(_FLOAT, -0.0), self.value], fastmath=("reassoc",))


def constant(like: Lanes, number: float) -> Lanes:
    """Return a constant of the type of another value."""
    return Lanes(like.builder, like.like(number))


def select(condition: Lanes, a: Lanes, b: Any) -> Lanes:
    """Return a where the condition holds, elsewhere b."""
    return Lanes(a.builder, a.builder.select(condition.value, a.value, a.like(b)))


def maximum(x: Lanes, bound: Any) -> Lanes:
    """Return the larger of x and a bound; where x is NaN, NaN."""
    low = constant(x, bound)
    return select(low > x, low, x)


def minimum(x: Lanes, bound: Any) -> Lanes:
    """Return the smaller of x and a bound; where x is NaN, NaN."""
    high = constant(x, bound)
    return select(high < x, high, x)


def floor(x: Lanes) -> Lanes:
    """Return the largest whole number up to x."""
    return x.call("floor")


def square_root(x: Lanes) -> Lanes:
    """Return the square root."""
    return x.call("sqrt")


def fold_pair(a: Lanes, b: Lanes, size: int) -> Lanes:
    """Fold every group of `size` lanes of two vectors in half, the groups of `a` first, then those of `b`."""
    width = a.value.type.count
    lower = [lane for lane in range(2 * width) if lane % size < size // 2]
    upper = [lane + size // 2 for lane in lower]
    return a.shuffled(b, lower) + a.shuffled(b, upper)


def as_int(x: Lanes) -> Lanes:
    """Read the bits of float32 as int32."""
    return x.cast("bitcast", _INT)


def as_float(x: Lanes) -> Lanes:
    """Read the bits of int32 as float32."""
    return x.cast("bitcast", _FLOAT)


def to_float(x: Lanes) -> Lanes:
    """Return int32 as the nearest float32."""
    return x.cast("sitofp", _FLOAT)


def polynomial(x: Lanes, *coefficients: float) -> Lanes:
    """Return a polynomial by Horner's rule, coefficients of the highest power first."""
    total = constant(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total.times_plus(x, coefficient)
    return total


class Emitter:
    """Emits the body of a vector function: reads and writes of arrays, given as pointers, and loops."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def at(self, pointer: Any, *terms: Any) -> Any:
        """Return a pointer moved on by whole elements, the sum of LLVM integers and plain numbers."""
        for term in terms:
            pointer = self.builder.gep(pointer, [ir.Constant(_INDEX, term) if isinstance(term, int) else term])
        return pointer

    def row(self, pointer: Any, index: Any, width: int) -> Any:
        """Return a pointer to row `index` of a matrix of float32 rows of `width`."""
        return self.at(pointer, self.builder.mul(index, ir.Constant(_INDEX, width)))

    def element(self, pointer: Any, *terms: Any) -> Any:
        """Return one element of an array; integers as int64."""
        value = self.builder.load(self.at(pointer, *terms))
        if isinstance(value.type, ir.IntType) and value.type.width < _INDEX.width:
            return self.builder.sext(value, _INDEX)
        return value

    def load(self, pointer: Any, width: int) -> Lanes:
        """Load `width` float32 as one vector."""
        return Lanes(self.builder, self.builder.load(self._vector(pointer, width), align=_ALIGNMENT))

    def store(self, lanes: Lanes, pointer: Any) -> None:
        """Store a vector."""
        self.builder.store(lanes.value, self._vector(pointer, lanes.value.type.count), align=_ALIGNMENT)

    def _vector(self, pointer: Any, width: int) -> Any:
        return self.builder.bitcast(pointer, ir.VectorType(_FLOAT, width).as_pointer())

    def splat(self, value: Any, width: int) -> Lanes:
        """Return a vector that repeats a float32, a plain number or an LLVM value."""
        kind = ir.VectorType(_FLOAT, width)
        if isinstance(value, float):
            return Lanes(self.builder, ir.Constant(kind, [value] * width))
        return Lanes(self.builder, self._repeated(value, kind))

    def first_lanes(self, count: Any, width: int) -> Lanes:
        """Return truth values that hold in as many of the first lanes as `count`, an int64, says."""
        kind = ir.VectorType(_INT, width)
        positions = ir.Constant(kind, list(range(width)))
        counts = self._repeated(self.builder.trunc(count, _INT), kind)
        return Lanes(self.builder, self.builder.icmp_signed("<", positions, counts))

    def _repeated(self, value: Any, kind: Any) -> Any:
        undefined = ir.Constant(kind, ir.Undefined)
        single = self.builder.insert_element(undefined, value, ir.Constant(_INT, 0))
        return self.builder.shuffle_vector(single, undefined, ir.Constant(ir.VectorType(_INT, kind.count), [0] * kind.count))

    def variable(self, initial: Lanes) -> Any:
        """Return a place for a value that changes in a loop; LLVM keeps it in a register."""
        place = cgutils.alloca_once(self.builder, initial.value.type)
        self.put(place, initial)
        return place

    def get(self, place: Any) -> Lanes:
        """Return what a variable holds."""
        return Lanes(self.builder, self.builder.load(place))

    def put(self, place: Any, lanes: Lanes) -> None:
        """Let a variable hold something else."""
        self.builder.store(lanes.value, place)

    @contextmanager
    def loop(self, first: Any, last: Any, step: int = 1) -> Iterator[Any]:
        """Repeat what is emitted inside for indices from `first` up to before `last`; gives the index."""
        first, last = (ir.Constant(_INDEX, end) if isinstance(end, int) else end for end in (first, last))
        with cgutils.for_range_slice(self.builder, first, last, ir.Constant(_INDEX, step), inc=True) as (index, _):
            yield index

    @contextmanager
    def countdown(self, last: Any, first: Any) -> Iterator[Any]:
        """Repeat what is emitted inside for indices from before `last` down to `first`; gives the index."""
        end = self.builder.sub(last, ir.Constant(_INDEX, 1))
        with self.loop(0, self.builder.sub(last, first)) as n_done:
            yield self.builder.sub(end, n_done)

    @contextmanager
    def when(self, value: Any, number: int) -> Iterator[None]:
        """Do what is emitted inside if an LLVM integer equals a number."""
        with self.builder.if_then(self.builder.icmp_signed("==", value, ir.Constant(value.type, number))):
            yield

    @contextmanager
    def unless(self, value: Any, number: int) -> Iterator[None]:
        """Do what is emitted inside if an LLVM integer differs from a number."""
        with self.builder.if_then(self.builder.icmp_signed("!=", value, ir.Constant(value.type, number))):
            yield

    def choose(self, value: Any, branches: dict[int, Callable[[], None]]) -> None:
        """Emit a branch for every number that an LLVM integer may be; for others nothing is done."""
        end = self.builder.append_basic_block("chosen")
        choice = self.builder.switch(value, end)
        for number, branch in branches.items():
            block = self.builder.append_basic_block()
            choice.add_case(ir.Constant(value.type, number), block)
            self.builder.position_at_end(block)
            branch()
            self.builder.branch(end)
        self.builder.position_at_end(end)


def vector_function(body: Callable[..., Any], returns: Any = types.void) -> Any:
    """Return a function for numba's compiled code whose body is what `body(emit, *values)` emits.

    It takes arrays, of which `body` is given pointers to the first element, and numbers: integers as int64, float32 as they
    are. It is compiled by itself, not into its callers, so that they share one and registers suffice. `returns` is void, or
    float32 for a body that returns an LLVM value. The function's `emit_call(builder, *values)` calls it in another's body.
    """

    def function(*values: Any) -> Any:
        raise NotImplementedError(f"{body.__name__} is for compiled code")

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values = [_pass_on(context, builder, *pair) for pair in zip(signature.args, args, strict=True)]
        result = call(builder, *values)
        return context.get_dummy_value() if returns is types.void else result

    def call(builder: Any, *values: Any) -> Any:
        return builder.call(define(builder.module, [value.type for value in values]), values)

    def define(module: Any, kinds: list[Any]) -> Any:
        name = f"{body.__module__}.{body.__qualname__}"
        if name in module.globals:
            return module.globals[name]
        result = ir.VoidType() if returns is types.void else _FLOAT
        made = ir.Function(module, ir.FunctionType(result, kinds), name)
        made.linkage = "internal"
        made.attributes.add("noinline")
        emit = Emitter(ir.IRBuilder(made.append_basic_block("entry")))
        value = body(emit, *made.args)
        emit.builder.ret_void() if returns is types.void else emit.builder.ret(value)
        return made

    def typer(*kinds: Any) -> Any:
        return returns

    parameters = list(inspect.signature(body).parameters.values())
    typer.__signature__ = inspect.Signature(parameters[1:])
    function.emit_call = call
    function.__name__, function.__doc__ = body.__name__, body.__doc__
    type_callable(function)(lambda context: typer)
    lower_builtin(function, types.VarArg(types.Any))(lower)
    return function


def _pass_on(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Return what a vector function is given for an argument of numba's."""
    if isinstance(kind, types.Array):
        return context.make_array(kind)(context, builder, value).data
    if isinstance(kind, types.Integer | types.Boolean):
        return context.cast(builder, value, kind, types.int64)
    return value


def elementwise(formula: Callable[[Lanes], Lanes]) -> Any:
    """Return a formula as a function of one float32 for numba's compiled code, plain arithmetic that LLVM can vectorise."""

    @intrinsic
    def function(typing_context, x):
        def generate(context, builder, signature, args):
            return formula(Lanes(builder, args[0])).value

        return types.float32(types.float32), generate

    return function
