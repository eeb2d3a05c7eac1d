"""The activation functions and their derivatives, as vector code."""

from collections.abc import Callable
from functools import partial

import numpy as np

from propneat.genome import activation_code, check_functions
from propneat.training.kernel_math import cosine, exponential, log_one_plus, sigmoid, sine, tanh
from propneat.training.kernel_tile import LANES, ROWS
from propneat.training.vector_code import Lanes, constant, maximum, minimum, select, vector_function

__all__ = ["IDENTITY", "RELU", "activate"]

IDENTITY, RELU = activation_code("identity"), activation_code("relu")

_STEEPNESS = 4.9
_LEAK = 0.01
_GELU_LINEAR = float(2.0 * np.sqrt(2.0 / np.pi))
_GELU_CUBIC = 0.044715


def _sigmoid(z: Lanes) -> tuple[Lanes, Lanes]:
    s = sigmoid(z)
    return s, s * (1.0 - s)


def _steep_sigmoid(z: Lanes) -> tuple[Lanes, Lanes]:
    s = sigmoid(_STEEPNESS * z)
    return s, _STEEPNESS * s * (1.0 - s)


def _tanh(z: Lanes) -> tuple[Lanes, Lanes]:
    t = tanh(z)
    return t, 1.0 - t * t


def _relu(z: Lanes) -> tuple[Lanes, None]:
    return maximum(z, 0.0), None


def _leaky_relu(z: Lanes) -> tuple[Lanes, Lanes]:
    slope = select(z > 0.0, constant(z, 1.0), _LEAK)
    return z * slope, slope


def _elu(z: Lanes) -> tuple[Lanes, Lanes]:
    e = exponential(minimum(z, 0.0))
    return select(z > 0.0, z, e - 1.0), e


def _gelu(z: Lanes) -> tuple[Lanes, Lanes]:
    square = z * z
    s = sigmoid(_GELU_LINEAR * z * (1.0 + _GELU_CUBIC * square))
    return z * s, s + z * s * (1.0 - s) * _GELU_LINEAR * (1.0 + 3.0 * _GELU_CUBIC * square)


def _silu(z: Lanes) -> tuple[Lanes, Lanes]:
    s = sigmoid(z)
    return z * s, s + z * s * (1.0 - s)


def _softplus(z: Lanes) -> tuple[Lanes, Lanes]:
    return maximum(z, 0.0) + log_one_plus(exponential(-abs(z))), sigmoid(z)


def _sin(z: Lanes) -> tuple[Lanes, Lanes]:
    return sine(z), cosine(z)


def _gauss(z: Lanes) -> tuple[Lanes, Lanes]:
    e = exponential(-(z * z))
    return e, -2.0 * z * e


def _abs(z: Lanes) -> tuple[Lanes, Lanes]:
    return abs(z), select(z > 0.0, constant(z, 1.0), select(z < 0.0, constant(z, -1.0), 0.0))


def _square(z: Lanes) -> tuple[Lanes, Lanes]:
    return z * z, 2.0 * z


_FORMULAS = {
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

check_functions(__name__, activations=("identity", *_FORMULAS))


@vector_function
def activate(emit, code, h, slope):
    """Replace z in row `h` by activation(z) and write the derivative at z into `slope` (left alone by identity and ReLU)."""

    def apply(formula: Callable[[Lanes], tuple[Lanes, Lanes | None]]) -> None:
        with emit.loop(0, ROWS, LANES) as start:
            value, derivative = formula(emit.load(emit.at(h, start), LANES))
            emit.store(value, emit.at(h, start))
            if derivative is not None:
                emit.store(derivative, emit.at(slope, start))

    emit.choose(code, {activation_code(name): partial(apply, formula) for name, formula in _FORMULAS.items()})
