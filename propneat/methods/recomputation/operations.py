"""What the operations of a network compute, and the way back through each from the values that it says it reads."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from propneat.methods.recomputation.networks import LINEAR, Operation

__all__ = ["compute", "input_gradient", "parameter_gradients"]

Parameters = Mapping[str, torch.Tensor]


def _dropout_mask(operation: Operation, x: torch.Tensor, seed: int) -> torch.Tensor:
    """The mask of a node, the same whenever it is drawn."""
    generator = torch.Generator(x.device).manual_seed(seed)
    rate = operation.options["rate"]
    return torch.empty_like(x).bernoulli_(1 - rate, generator=generator).div_(1 - rate)


def _labels(x: torch.Tensor, seed: int) -> torch.Tensor:
    """Random labels of a network's rows or pixels; the second axis of x is that of classes."""
    generator = torch.Generator(x.device).manual_seed(seed)
    return torch.randint(x.shape[1], (x.shape[0], *x.shape[2:]), generator=generator, device=x.device)


def _cropped(x: torch.Tensor, sides: Sequence[int]) -> torch.Tensor:
    """View the middle of an image."""
    for axis, side in zip((2, 3), sides, strict=False):
        x = x.narrow(axis, (x.shape[axis] - side) // 2, side)
    return x


def compute(operation: Operation, inputs: Sequence[torch.Tensor], parameters: Parameters, seed: int) -> torch.Tensor:
    """Return the value of an operation, differentiable by inputs and parameters; `seed` is that of its random numbers."""
    x, o, p = inputs[0], operation.options, parameters
    match operation.kind:
        case "convolution":
            return functional.conv2d(x, p["weight"], p.get("bias"), o["stride"], o["padding"], o["dilation"])
        case "up_convolution":
            return functional.conv_transpose2d(x, p["weight"], p["bias"], stride=2)
        case "linear":
            return functional.linear(x.flatten(1), p["weight"], p["bias"])
        case "batch_norm":
            return functional.batch_norm(x, None, None, p["weight"], p["bias"], training=True)
        case "local_norm":
            return functional.local_response_norm(x, 5)
        case "relu":
            return functional.relu(x)
        case "tanh":
            return torch.tanh(x)
        case "dropout":
            return x * _dropout_mask(operation, x, seed)
        case "max_pool":
            return functional.max_pool2d(x, o["size"], o["stride"], o["padding"], ceil_mode=o["ceil"])
        case "average_pool":
            return functional.avg_pool2d(x, o["size"], o["stride"])
        case "pool_to":
            return functional.adaptive_avg_pool2d(x, operation.shape[2:])
        case "resize":
            return functional.interpolate(x, operation.shape[2:], mode="bilinear", align_corners=True)
        case "sum":
            total = o["weights"][0] * x
            for weight, other in zip(o["weights"][1:], inputs[1:], strict=True):
                total = total + weight * other
            return total
        case "concat":
            return torch.cat([_cropped(other, operation.shape[2:]) for other in inputs], dim=1)
        case "log_softmax":
            return functional.log_softmax(x, dim=1)
        case "loss":
            return functional.nll_loss(x, _labels(x, seed))
    raise ValueError(f"unknown kind of operation: {operation.kind}")


def input_gradient(
    operation: Operation,
    place: int,
    reads: Any,
    shapes: Sequence[tuple[int, ...]],
    parameters: Parameters,
    seed: int,
    by_value: torch.Tensor,
) -> torch.Tensor:
    """Return the gradient by the input at a place, from that by the value and from what the operation reads backward.

    `reads(k)` is the value of input k and `reads(None)` that of the operation itself; of others only the shapes are known.
    A rectifier is run again on its own value, which has the signs of its input, and a linear operation at zero.
    """
    if operation.kind == "log_softmax":
        return torch.ops.aten._log_softmax_backward_data(by_value, reads(None), 1, by_value.dtype)
    if operation.kind == "relu":
        values = [reads(None)]
    elif operation.kind in LINEAR:
        values = [by_value.new_zeros(shape) if k == place else by_value.new_empty(shape) for k, shape in enumerate(shapes)]
    else:
        values = [reads(k) for k in range(len(shapes))]
    values = [value.detach().requires_grad_(k == place) for k, value in enumerate(values)]
    with torch.enable_grad():
        value = compute(operation, values, parameters, seed)
    return torch.autograd.grad(value, values[place], by_value)[0]


def parameter_gradients(
    operation: Operation, inputs: Sequence[torch.Tensor], parameters: Parameters, seed: int, by_value: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return the gradients by the parameters of an operation, from that by its value."""
    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    with torch.enable_grad():
        value = compute(operation, [x.detach() for x in inputs], leaves, seed)
    return dict(zip(leaves, torch.autograd.grad(value, list(leaves.values()), by_value), strict=True))
