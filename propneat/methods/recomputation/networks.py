"""A builder of convolutional networks as computation graphs with shapes: what a graph weighs, and what running it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from types import MappingProxyType
from typing import Any

from propneat.recompute.graph import Graph

__all__ = ["BYTES", "LINEAR", "Builder", "Network", "Operation"]

BYTES = MappingProxyType({"float32": 4, "float64": 8})
_SLOW = ("convolution",)
LINEAR = ("average_pool", "concat", "dropout", "loss", "pool_to", "resize", "sum")
"""Kinds whose way back reads nothing but gradients; dropout's mask comes again from its seed."""
_READS_OUTPUT = ("log_softmax", "relu")


@dataclass(frozen=True)
class Operation:
    """One node of a network: its kind, where its inputs come from, and what comes out.

    An input of -1 is the network's own. `parameters` maps names to shapes.
    """

    kind: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    """Operations in topological order, the last one the loss; `shape` is that of the input, (n_rows, channels, height, width)."""

    name: str
    shape: tuple[int, ...]
    operations: tuple[Operation, ...]

    def graph(self, dtype: str = "float32") -> Graph:
        """Return the graph of intermediate values, of numbers of a type in BYTES.

        A convolution takes 10 units of time and anything else 1, as in the program of Kusumoto et al. (2019), where fully
        connected and transposed convolutional layers count 1 as well.
        """
        return Graph(
            names=tuple(f"{number} {operation.kind}" for number, operation in enumerate(self.operations)),
            predecessors=tuple(tuple(k for k in operation.inputs if k >= 0) for operation in self.operations),
            memory=tuple(BYTES[dtype] * prod(operation.shape) for operation in self.operations),
            time=tuple(10 if operation.kind in _SLOW else 1 for operation in self.operations),
            reads=tuple(_reads(number, operation) for number, operation in enumerate(self.operations)),
        )

    def n_parameters(self) -> int:
        """Count the trainable numbers."""
        return sum(prod(shape) for operation in self.operations for shape in operation.parameters.values())


def _reads(number: int, operation: Operation) -> tuple[int, ...]:
    """What the way back through an operation reads: its inputs, its own value, or nothing."""
    if operation.kind in LINEAR:
        return ()
    return (number,) if operation.kind in _READS_OUTPUT else tuple(k for k in operation.inputs if k >= 0)


class Builder:
    """Collects operations; every method adds one and returns its number, to be passed on as the input of others.

    Views, such as the flattening of a row before a fully connected layer, are part of what reads them: they weigh nothing.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.operations: list[Operation] = []

    def shape_of(self, node: int) -> tuple[int, ...]:
        """Return the shape of a value, -1 being the input's."""
        return self.shape if node < 0 else self.operations[node].shape

    def add(self, kind: str, inputs: tuple[int, ...], shape: tuple[int, ...], parameters: Any = None, **options: Any) -> int:
        """Add an operation of any kind that keeps to no rule of its own for shapes."""
        self.operations.append(Operation(kind, inputs, shape, options, parameters or {}))
        return len(self.operations) - 1

    def convolution(
        self,
        x: int,
        channels: int,
        size: int,
        *,
        stride: int = 1,
        padding: int | None = None,
        dilation: int = 1,
        bias: bool = True,
    ) -> int:
        """Add a convolution with square kernels; `padding` None keeps the size at stride 1."""
        padding = dilation * (size // 2) if padding is None else padding
        n_rows, n_in, *sides = self.shape_of(x)
        sides = [(side + 2 * padding - dilation * (size - 1) - 1) // stride + 1 for side in sides]
        parameters = {"weight": (channels, n_in, size, size), **({"bias": (channels,)} if bias else {})}
        return self.add(
            "convolution", (x,), (n_rows, channels, *sides), parameters, stride=stride, padding=padding, dilation=dilation
        )  # fmt: skip

    def up_convolution(self, x: int, channels: int) -> int:
        """Add a transposed convolution of kernel 2 and stride 2, which doubles the sides."""
        n_rows, n_in, *sides = self.shape_of(x)
        parameters = {"weight": (n_in, channels, 2, 2), "bias": (channels,)}
        return self.add("up_convolution", (x,), (n_rows, channels, *(2 * side for side in sides)), parameters)

    def batch_norm(self, x: int) -> int:
        """Add normalisation by the statistics of the batch."""
        channels = self.shape_of(x)[1]
        return self.add("batch_norm", (x,), self.shape_of(x), {"weight": (channels,), "bias": (channels,)})

    def relu(self, x: int) -> int:
        """Add a rectifier."""
        return self.add("relu", (x,), self.shape_of(x))

    def dropout(self, x: int, rate: float = 0.5) -> int:
        """Add dropout."""
        return self.add("dropout", (x,), self.shape_of(x), rate=rate)

    def local_norm(self, x: int) -> int:
        """Add local response normalisation over five channels."""
        return self.add("local_norm", (x,), self.shape_of(x))

    def max_pool(self, x: int, size: int, stride: int, padding: int = 0, *, ceil: bool = False) -> int:
        """Add maximum pooling; with `ceil` a window may hang over the far edge."""
        n_rows, channels, *sides = self.shape_of(x)
        extra = stride - 1 if ceil else 0
        pooled = []
        for side in sides:
            out = (side + 2 * padding - size + extra) // stride + 1
            # the last window has to begin inside the image or its near padding
            pooled.append(out - (ceil and (out - 1) * stride >= side + padding))
        return self.add(
            "max_pool", (x,), (n_rows, channels, *pooled), size=size, stride=stride, padding=padding, ceil=ceil
        )  # fmt: skip

    def average_pool(self, x: int, size: int, stride: int) -> int:
        """Add average pooling without padding."""
        n_rows, channels, *sides = self.shape_of(x)
        return self.add(
            "average_pool", (x,), (n_rows, channels, *((side - size) // stride + 1 for side in sides)), size=size, stride=stride
        )

    def pool_to(self, x: int, side: int) -> int:
        """Add average pooling into side * side windows that cover the image."""
        n_rows, channels, *_ = self.shape_of(x)
        return self.add("pool_to", (x,), (n_rows, channels, side, side))

    def resize(self, x: int, sides: tuple[int, ...]) -> int:
        """Add bilinear interpolation."""
        return self.add("resize", (x,), (*self.shape_of(x)[:2], *sides))

    def linear(self, x: int, n_outputs: int) -> int:
        """Add a fully connected layer over all numbers of a row."""
        n_rows, *rest = self.shape_of(x)
        return self.add("linear", (x,), (n_rows, n_outputs), {"weight": (n_outputs, prod(rest)), "bias": (n_outputs,)})

    def sum(self, *xs: int, weights: tuple[float, ...] | None = None) -> int:
        """Add a weighted sum of values of one shape."""
        return self.add("sum", xs, self.shape_of(xs[0]), weights=weights or (1.0,) * len(xs))

    def concat(self, *xs: int) -> int:
        """Add a concatenation along channels; larger images are cropped to the middle, as large as the last one."""
        shapes = [self.shape_of(x) for x in xs]
        return self.add("concat", xs, (shapes[0][0], sum(shape[1] for shape in shapes), *shapes[-1][2:]))

    def cross_entropy(self, x: int) -> int:
        """Add log-softmax over the second axis and the mean negative logarithm at fixed labels; returns the loss."""
        return self.add("loss", (self.add("log_softmax", (x,), self.shape_of(x)),), ())

    def network(self, name: str) -> Network:
        """Return the network collected so far."""
        return Network(name, self.shape, tuple(self.operations))
