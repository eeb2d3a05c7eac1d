"""The solver by itself: exactness, sequential steps, and time by size beside the plain ways."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch

from propneat.base.rng import derive_seed
from propneat.methods.claims import FEWEST_RUNS, at_least
from propneat.methods.contract import Claim
from propneat.methods.inverse_flow.layers import normal
from propneat.methods.inverse_flow.naive import dense_matrix, dense_solve, pixel_loop
from propneat.methods.inverse_flow.wavefront import CORNERS, convolve, deconvolve, diagonal_block, solve_compiled, solve_skewed

__all__ = ["AlgorithmPlan", "algorithm_claims", "algorithm_study", "clock"]

Progress = Callable[[str, int, int], None]
_HEADLINE = 32


@dataclass(frozen=True)
class AlgorithmPlan:
    """Sides of square images by way, and what holds for all of them."""

    sides: tuple[int, ...] = (8, 16, 32, 64, 128)
    loop_sides: tuple[int, ...] = (8, 16, 32, 64)
    dense_sides: tuple[int, ...] = (4, 8, 16, 32)
    n_images: int = 32
    n_channels: int = 4
    side_of_kernel: int = 3
    n_repeats: int = 7


def algorithm_study(plan: AlgorithmPlan, seed: int, device: str, progress: Progress) -> dict[str, Any]:
    """Return errors of the solver, steps by side, and by way and side the seconds of every repeat and the least of them.

    Seconds are those of the processor, or of the wall clock that waits for CUDA. Ways take turns.
    """
    generator = torch.Generator().manual_seed(derive_seed("inverse-flow", seed, "algorithm") % 2**63)
    errors = _errors(generator, device)
    steps = {str(side): _steps(side, device) for side in plan.sides}
    timed = {"wavefront": plan.sides, "convolution": plan.sides, "pixel loop": plan.loop_sides, "dense": plan.dense_sides}
    ways = {"wavefront": deconvolve, "convolution": convolve, "pixel loop": pixel_loop, "dense": dense_solve}
    repeats: dict[str, dict[str, list[float]]] = {way: {} for way in (*ways, "solver, compiled", "solver, torch")}
    sides = sorted({side for numbers in timed.values() for side in numbers})
    total = len(sides) * plan.n_repeats
    for place, side in enumerate(sides):
        y, weight = _problem(generator, (plan.n_images, plan.n_channels, side, side), plan.side_of_kernel, device)
        for repeat in range(plan.n_repeats):
            for way, solve in ways.items():
                if side in timed[way] and (repeat < FEWEST_RUNS or way in ("wavefront", "convolution")):
                    repeats[way].setdefault(str(side), []).append(_both_passes(solve, y, weight))
            for name, solver in (("solver, compiled", solve_compiled), ("solver, torch", solve_skewed)):
                if name == "solver, torch" or device == "cpu":
                    repeats[name].setdefault(str(side), []).append(_once(partial(solver, y, weight), y.device.type))
            progress("solver: time by size", place * plan.n_repeats + repeat + 1, total)
    seconds = {way: {side: min(times) for side, times in by_side.items()} for way, by_side in repeats.items()}
    sizes = {"images": plan.n_images, "channels": plan.n_channels}
    return {"errors": errors, "steps": steps, "seconds": seconds, "repeats": repeats, **sizes}


def algorithm_claims(found: dict[str, Any]) -> list[Claim]:
    """Say whether the solver is exact, how its steps grow, and what it gains."""
    errors, steps, seconds, repeats = (found[part] for part in ("errors", "steps", "seconds", "repeats"))
    largest = max(steps, key=int)
    expected = 2 * int(largest) - 1
    slope = _slope({side: float(n) for side, n in steps.items()})
    claims = [Claim(f"{name}, float64", "below 1e-10", value, value < 1e-10) for name, value in errors.items()]
    claims += [
        Claim(
            f"sequential steps of a {largest} x {largest} image",
            f"{expected}: H + W - 1",
            steps[largest],
            steps[largest] == expected,
        ),
        Claim("slope of log steps by log pixels", "0.50, a root, within 0.05", slope, abs(slope - 0.5) < 0.05),
    ]
    common = [side for side in seconds["wavefront"] if side in seconds["pixel loop"] and side in seconds["dense"]]
    side = str(_HEADLINE) if str(_HEADLINE) in common else max(common, key=int)
    what = f"{side} x {side}, both passes: seconds of {{}} over the wavefront's"
    for way, name, bound, note in (
        ("pixel loop", "the pixel loop under autograd", 15, ""),
        ("dense", "dense elimination", 1, ": O(n^3)"),
    ):
        slow, fast = repeats[way][side], repeats["wavefront"][side]
        claims.append(at_least(what.format(name), np.divide(slow, fast[: len(slow)]), bound, note))
    slope = _slope(dict(list(seconds["wavefront"].items())[-3:]))
    claims.append(
        Claim(
            "slope of log seconds by log pixels, three largest, this device",
            "below 0.6 (paper: 0.50, with a core per pixel of a diagonal)",
            slope,
            slope < 0.6,
        )
    )
    return claims


def clock(device: str) -> float:
    """Return seconds: of this process's processor time, or of the wall clock once a CUDA device has finished."""
    if device == "cuda":
        torch.cuda.synchronize()
        return perf_counter()
    return process_time()


def _errors(generator: torch.Generator, device: str) -> dict[str, float]:
    """Return the largest errors over corners, on an image that is not square and a kernel that is not symmetric."""
    named = {"image convolved after it was solved for": 0.0, "solution, against dense elimination": 0.0}
    for corner in CORNERS:
        y, weight = (part.double() for part in _problem(generator, (3, 3, 5, 7), 3, device, corner))
        x = deconvolve(y, weight, corner)
        _raise_to(named, "image convolved after it was solved for", convolve(x, weight, corner) - y)
        _raise_to(named, "solution, against dense elimination", x - dense_solve(y, weight, corner))
        volume = torch.linalg.slogdet(dense_matrix(weight, 5, 7, corner))[1]
        _raise_to(named, "log-determinant", volume - 35 * torch.linalg.slogdet(diagonal_block(weight, corner))[1])
    y, weight = (part.double().requires_grad_() for part in _problem(generator, (3, 3, 5, 7), 3, device))
    ours, plain = (torch.autograd.grad(solve(y, weight).sin().sum(), (y, weight)) for solve in (deconvolve, pixel_loop))
    for name, a, b in zip(("image", "taps"), ours, plain, strict=True):
        _raise_to(named, f"gradient by {name}, against the pixel loop under autograd", a - b)
    return named


def _raise_to(named: dict[str, float], name: str, difference: torch.Tensor) -> None:
    named[name] = max(named.get(name, 0.0), float(difference.detach().abs().max()))


def _problem(
    generator: torch.Generator, shape: tuple[int, ...], side: int, device: str, corner: str = "TL"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return random images, and taps small enough for a stable inverse with an own tap near the identity."""
    n_channels = shape[1]
    weight = normal(generator, n_channels, n_channels, side, side, scale=0.1 / n_channels)
    weight[:, :, -1, -1] += torch.eye(n_channels, dtype=torch.float32)
    return normal(generator, *shape).to(device), weight.flip(CORNERS[corner]).to(device)


def _steps(side: int, device: str) -> int:
    image = torch.zeros(1, 1, side, side, dtype=torch.float32, device=device)
    taps = torch.zeros(1, 1, 2, 2, dtype=torch.float32, device=device)
    return (solve_compiled if device == "cpu" else solve_skewed)(image, taps)[1]


def _both_passes(solve: Callable, y: torch.Tensor, weight: torch.Tensor) -> float:
    y, weight = y.clone().requires_grad_(), weight.clone().requires_grad_()
    return _once(lambda: torch.autograd.grad(solve(y, weight).sum(), (y, weight)), y.device.type)


def _once(call: Callable[[], Any], device: str) -> float:
    start = clock(device)
    call()
    return clock(device) - start


def _slope(values: dict[str, float]) -> float:
    pixels = [int(side) ** 2 for side in values]
    return float(np.polyfit(np.log(pixels), np.log(list(values.values())), 1)[0])
