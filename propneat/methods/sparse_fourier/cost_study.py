"""What a training step and a volume cost: sparse slices, slices of whole volumes, and a network of coordinates."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import pi
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import nn
from torch.nn import functional

from propneat.base.rng import derive_seed, make_rng
from propneat.methods.heartbeat import with_heartbeat
from propneat.methods.sparse_fourier.grid import HalfBall, half_ball, half_disc
from propneat.methods.sparse_fourier.model import make_linear
from propneat.methods.sparse_fourier.slices import SlicePlan, dense_slices, plan_slices, take_slices

__all__ = ["CoordinateNetwork", "CostPlan", "cost_study", "growth"]

_RUNS_PER_TURN = 3


@dataclass(frozen=True)
class CostPlan:
    """What is measured: sides of the box, slices per step, basis volumes, and turns of each way."""

    sides: tuple[int, ...] = (17, 33, 65, 97)
    n_slices: int = 16
    n_basis: int = 8
    n_repeats: int = 5
    network_widths: tuple[int, ...] = (256, 1024)
    """Widths of networks of coordinates with 3 hidden layers, 1024 being about what such reconstructions use."""
    largest_network_sides: tuple[int, ...] = (65, 33)
    """Largest side that the network of each width is run at."""
    network_repeats: int = 1


class CoordinateNetwork(nn.Module):
    """A perceptron from a frequency's sines and cosines and a code to a coefficient, real and imaginary part.

    Source: the kind of decoder that the paper replaces. Each of three coordinates gives sines and cosines of n // 2 periods,
    geometrically spaced from 1 to n // 2; hidden layers are residual after the first.
    """

    def __init__(self, n: int, n_basis: int, width: int, generator: torch.Generator, n_layers: int = 3) -> None:
        """Make a network for a box of n voxels and codes of n_basis numbers."""
        super().__init__()
        self.register_buffer("periods", torch.logspace(0, np.log10(n // 2), n // 2) * pi / (n // 2))
        self.first = make_linear(6 * (n // 2) + n_basis, width, generator)
        self.blocks = nn.ModuleList(make_linear(width, width, generator) for _ in range(n_layers - 1))
        self.last = make_linear(width, 2, generator)

    def forward(self, points: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        """Return coefficients (n_slices, n_points, 2) at points (n_slices, n_points, 3) for codes (n_slices, n_basis)."""
        waves = (points[..., None] * self.periods).flatten(2)
        shared = code[:, None, :].expand(-1, points.shape[1], -1)
        hidden = functional.relu(self.first(torch.cat([waves.sin(), waves.cos(), shared], dim=-1)))
        for block in self.blocks:
            hidden = functional.relu(block(hidden) + hidden)
        return self.last(hidden)


def cost_study(plan: CostPlan, seed: int, device: str, progress: Callable[[str, int, int], None]) -> dict[str, dict[str, Any]]:
    """Return by side of the box: sizes, and seconds by way of a step (forward, backward) and of a volume (to real space).

    Ways of a step: "sparse" (sparse gradient), "sparse, dense gradient", "dense" (a volume per slice), all three by torch's
    bags; "sparse, compiled", which trains on a processor, and "dense, compiled"; and "network" with a width. The plan of
    interpolation is made before and shared. Ways take turns; on the processor times are those of its clock in this process, on
    one thread whatever torch may use. The median of all runs counts; "turns" has that of every turn of a way of a step.
    """
    results = {}
    for place, n in enumerate(plan.sides):
        tell = partial(progress, "timing", place, len(plan.sides))
        # in a thread that has one torch thread, or exponents would depend on how many cores there are
        results[str(n)] = with_heartbeat(tell, partial(_measure, plan, n, seed, device))
    progress("timing", len(plan.sides), len(plan.sides))
    return results


def _measure(plan: CostPlan, n: int, seed: int, device: str) -> dict[str, Any]:
    """Return sizes and times at one side of the box."""
    ball, disc = half_ball(n), torch.from_numpy(half_disc(n))
    rotations = torch.from_numpy(Rotation.from_quat(_normal(seed, n, plan.n_slices, 4)).as_matrix())
    slices = SlicePlan(*(part.to(device) for part in plan_slices(ball, disc, rotations)))
    generator = torch.Generator().manual_seed(derive_seed("sparse-fourier", seed, "cost", n) % 2**63)
    table = torch.randn(ball.n_voxels, 2 * plan.n_basis, generator=generator).to(device).requires_grad_()
    code = torch.randn(plan.n_slices, plan.n_basis, generator=generator).to(device).requires_grad_()
    ways = {
        "sparse": partial(take_slices, table, code, slices, sparse=True),
        "sparse, dense gradient": partial(take_slices, table, code, slices, compiled=False),
        "dense": partial(dense_slices, table, code, slices, compiled=False),
    }
    if torch.device(device).type == "cpu":
        ways |= {
            "sparse, compiled": partial(take_slices, table, code, slices),
            "dense, compiled": partial(dense_slices, table, code, slices),
        }
    turns = _timed({name: _step(way, [table, code]) for name, way in ways.items()}, plan.n_repeats, device)
    volumes = _timed({"grid": partial(_volume, ball, table, code)}, plan.n_repeats, device)
    points, voxels = (part.float().to(device) for part in (disc.double() @ rotations[:, :2], torch.from_numpy(ball.voxels)))
    for width, largest in zip(plan.network_widths, plan.largest_network_sides, strict=True):
        if n <= largest:
            network = CoordinateNetwork(n, plan.n_basis, width, generator).to(device)
            step = _step(partial(network, points, code), [*network.parameters(), code])
            whole = partial(_network_volume, network, voxels, code)
            turns |= _timed({f"network {width}": step}, plan.network_repeats, device)
            volumes |= _timed({f"network {width}": whole}, plan.network_repeats, device)
    return {
        "n_voxels": ball.n_voxels,
        "n_points": len(disc),
        "touched_by_a_slice": len(torch.unique(slices.ids[0])) / ball.n_voxels,
        "operations_ratio": ball.n_voxels / (8 * len(disc)),
        "step": _medians(turns),
        "turns": {name: np.median(times, axis=1).tolist() for name, times in turns.items()},
        "volume": _medians(volumes),
    }


def growth(results: dict[str, dict[str, Any]], way: str) -> float:
    """Return the exponent of n by which the time of a way of step grows over the three largest boxes, by least squares.

    Two boxes would not do: their times vary by a fifth from run to run, and the exponent by 0.9.
    """
    largest = list(results.items())[-3:]
    sides, seconds = zip(*((int(n), cost["step"][way]) for n, cost in largest), strict=True)
    return float(np.polyfit(np.log(sides), np.log(seconds), 1)[0])


def _step(forward: Callable[[], torch.Tensor], parts: list[torch.Tensor]) -> Callable[[], None]:
    def step() -> None:
        for part in parts:
            part.grad = None
        forward().square().sum().backward()

    return step


def _volume(ball: HalfBall, table: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
    """Return a real volume: the product of table and code laid into half a spectrum, and its inverse transform."""
    with torch.no_grad():
        values = torch.view_as_complex((table.view(len(table), -1, 2) * code[0, :, None]).sum(1))
        x, y, z = torch.from_numpy(ball.voxels.T).to(table.device)
        spectrum = values.new_zeros(ball.n, ball.n, ball.n // 2 + 1)
        spectrum[z % ball.n, y % ball.n, x] = values
        return torch.fft.irfftn(spectrum, s=(ball.n,) * 3)


def _network_volume(network: CoordinateNetwork, points: torch.Tensor, code: torch.Tensor) -> None:
    """Evaluate a network at all voxels; laying them out and transforming them is left out, in the network's favour."""
    with torch.no_grad():
        for part in points.split(20_000):
            network(part[None], code[:1])


def _timed(ways: dict[str, Callable[[], Any]], n_repeats: int, device: str) -> dict[str, list[list[float]]]:
    """Return the seconds of each way, by turn and run.

    Ways take turns. A turn begins with a run that does not count: in training, too, a step follows its like, and finds memory
    that the last one returned. Without it, the median depends on what the way before has left: up to 2.5 times on a processor,
    as much as 10 ms of new pages for a gradient of 30 MB.
    """
    is_cpu = torch.device(device).type == "cpu"
    clock = time.process_time if is_cpu else time.perf_counter
    seconds: dict[str, list[list[float]]] = {name: [] for name in ways}
    for _ in range(n_repeats):
        for name, way in ways.items():
            seconds[name].append([])
            for counts in (False, *[True] * _RUNS_PER_TURN):
                start = clock()
                way()
                if not is_cpu:
                    torch.zeros(1, device=device).item()
                if counts:
                    seconds[name][-1].append(clock() - start)
    return seconds


def _medians(seconds: dict[str, list[list[float]]]) -> dict[str, float]:
    return {name: float(np.median(times)) for name, times in seconds.items()}


def _normal(seed: int, n: int, *shape: int) -> np.ndarray:
    return make_rng("sparse-fourier", seed, "rotations", n).standard_normal(shape)
