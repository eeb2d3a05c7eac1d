"""Inverse-Flow: the solver and its gradients, layers and their volumes, flows and their densities."""

import copy
import pickle

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from propneat.base.errors import ConfigError
from propneat.methods.inverse_flow import wavefront
from propneat.methods.inverse_flow.flow import Chain, FlowPlan, Logit, log_normal, make_flow, make_step
from propneat.methods.inverse_flow.layers import ActNorm, Coupling, InverseConv, Mix, squeeze, unsqueeze
from propneat.methods.inverse_flow.naive import dense_matrix, dense_solve, pixel_loop
from propneat.methods.inverse_flow.training import FlowTraining
from propneat.methods.inverse_flow.wavefront import (
    CORNERS,
    InverseConvolution,
    convolve,
    deconvolve,
    diagonal_block,
    solve_compiled,
    solve_skewed,
)

every_corner = pytest.mark.parametrize("corner", CORNERS)
every_kernel = pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (3, 3), (4, 4), (1, 3), (3, 2)])
some_channels = pytest.mark.parametrize("n_channels", [1, 3, 5])


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def some_taps(n_channels: int, kernel: tuple[int, int], corner: str = "TL", seed: int = 1) -> torch.Tensor:
    """Taps without any symmetry, the pixel's own I + 0.3 N(0, 1) / C and not triangular."""
    taps = 0.3 * normal(n_channels, n_channels, *kernel, seed=seed) / n_channels
    taps[:, :, -1, -1] += torch.eye(n_channels, dtype=torch.float64)
    return taps.flip(CORNERS[corner])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@every_corner
@every_kernel
@some_channels
def test_the_solution_convolved_is_the_image_and_agrees_with_elimination(corner, kernel, n_channels):
    y, taps = normal(2, n_channels, 4, 6), some_taps(n_channels, kernel, corner)
    x = deconvolve(y, taps, corner)
    torch.testing.assert_close(convolve(x, taps, corner), y, rtol=0, atol=1e-12)
    torch.testing.assert_close(x, dense_solve(y, taps, corner), rtol=0, atol=1e-12)
    single = deconvolve(y.float(), taps.float(), corner)
    torch.testing.assert_close(convolve(single, taps.float(), corner), y.float(), rtol=0, atol=1e-5)


@every_corner
def test_the_convolution_is_the_sum_over_taps_written_out(corner):
    x, taps = normal(1, 2, 3, 4), some_taps(2, (2, 3), corner)
    rows, columns = (1 if corner[0] == "T" else -1), (1 if corner[1] == "L" else -1)
    expected = torch.zeros_like(x)
    for h in range(3):
        for w in range(4):
            for a in range(2):
                for b in range(3):
                    p, q = h - rows * a, w - columns * b
                    tap = taps[:, :, 1 - a if rows > 0 else a, 2 - b if columns > 0 else b]
                    if 0 <= p < 3 and 0 <= q < 4:
                        expected[0, :, h, w] += tap @ x[0, :, p, q]
    torch.testing.assert_close(convolve(x, taps, corner), expected)
    assert torch.equal(diagonal_block(taps, corner), dense_matrix(taps, 1, 1, corner))


@every_kernel
@some_channels
def test_compiled_and_torch_solvers_and_the_pixel_loop_agree(kernel, n_channels):
    # more images than a chunk, and chunks of different sizes
    y, taps = normal(45, n_channels, 5, 3), some_taps(n_channels, kernel)
    taps[:, :, -1, -1] = 7.0
    (x, n_steps), (same, n_same) = solve_compiled(y, taps), solve_skewed(y, taps)
    torch.testing.assert_close(x, same, rtol=1e-10, atol=1e-12)
    assert n_steps == n_same == 7
    taps[:, :, -1, -1] = torch.eye(n_channels, dtype=torch.float64)
    torch.testing.assert_close(x, pixel_loop(y, taps), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(deconvolve(y, taps), x, rtol=1e-10, atol=1e-12)


def test_threads_and_batches_do_not_change_the_bits(monkeypatch):
    y, taps = normal(70, 4, 6, 6, dtype=torch.float32), some_taps(4, (3, 3)).float()
    whole = deconvolve(y, taps)
    monkeypatch.setattr(wavefront, "_WORTH_THREADS", 0)
    assert torch.equal(deconvolve(y, taps), whole)
    assert torch.equal(deconvolve(y[:32], taps), whole[:32])


class Products(TorchDispatchMode):
    """Counts products of matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.n = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.n += func is torch.ops.aten.mm.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("sides", "n_steps"), [((5, 5), 9), ((4, 6), 9), ((6, 3), 8), ((1, 7), 7), ((1, 1), 1)])
def test_steps_are_h_plus_w_minus_1(sides, n_steps, monkeypatch):
    y, taps = normal(3, 2, *sides), some_taps(2, (3, 3))
    with Products() as count:
        solve_skewed(y, taps)
    assert count.n == n_steps == solve_skewed(y, taps)[1] == solve_compiled(y, taps)[1]
    steps = []

    def counted(*args):
        steps.append(solve_skewed(*args)[1])
        return solve_skewed(*args)

    monkeypatch.setattr(wavefront, "solve_compiled", counted)
    torch.autograd.grad(deconvolve(y.requires_grad_(), taps).sum(), y)
    assert steps == [n_steps, n_steps]


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("side", [2, 3, 4])
def test_gradients_are_those_of_finite_differences_with_any_own_tap(n_channels, side):
    y = normal(1, n_channels, 3, 2).requires_grad_()
    for corner in ("TL", "BR")[: 1 + (n_channels == 1)]:
        taps = some_taps(n_channels, (side, side), corner).requires_grad_()
        assert torch.autograd.gradcheck(lambda y, taps, corner=corner: deconvolve(y, taps, corner), (y, taps))
    y, taps = normal(1, n_channels, 2, 2).requires_grad_(), some_taps(n_channels, (2, 2)).requires_grad_()
    assert n_channels > 1 or torch.autograd.gradgradcheck(deconvolve, (y, taps))


def test_gradients_are_those_of_autograd_through_the_pixel_loop_and_of_the_papers_theorems():
    y, taps = normal(2, 3, 4, 5).requires_grad_(), some_taps(3, (3, 3)).requires_grad_()
    ours, plain = (torch.autograd.grad(way(y, taps).sin().sum(), (y, taps)) for way in (deconvolve, pixel_loop))
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
    y, taps = normal(1, 1, 4, 3), some_taps(1, (3, 3))
    taps[..., -1, -1] = 1
    x = deconvolve(y, taps)[0, 0]
    by_image, by_taps = theorems(x, taps[0, 0])
    found = torch.autograd.functional.jacobian(deconvolve, (y, taps))
    torch.testing.assert_close(found[0].reshape(12, 12), by_image, rtol=0, atol=1e-12)
    torch.testing.assert_close(found[1].reshape(12, 9)[:, :8], by_taps[:, :8], rtol=0, atol=1e-12)


def theorems(x: torch.Tensor, taps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The recursions of the paper's proofs for one channel: dx_q/dy_p (n, n), and dx_q/dW_a (n, k^2)."""
    height, width = x.shape
    side = len(taps)
    shifts = [(a, b) for a in range(side) for b in range(side) if (a, b) != (0, 0)]
    by_image = torch.zeros(height, width, height * width, dtype=x.dtype)
    by_taps = torch.zeros(height, width, side, side, dtype=x.dtype)
    for h in range(height):
        for w in range(width):
            by_image[h, w, h * width + w] = 1
            for a, b in shifts:
                if h >= a and w >= b:
                    tap = taps[side - 1 - a, side - 1 - b]
                    by_image[h, w] -= tap * by_image[h - a, w - b]
                    by_taps[h, w] -= tap * by_taps[h - a, w - b]
                    by_taps[h, w, side - 1 - a, side - 1 - b] -= x[h - a, w - b]
    return by_image.flatten(0, 1), by_taps.flatten(0, 1).flatten(1)


@pytest.mark.parametrize("side", [4, 16])
def test_only_the_solution_and_the_taps_are_saved_however_many_the_diagonals(side):
    y, taps = normal(2, 3, side, side).requires_grad_(), some_taps(3, (3, 3)).requires_grad_()
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda part: saved.append(part) or part, lambda part: part):
        x = InverseConvolution.apply(y, taps)
    assert len(saved) == 2 and torch.equal(saved[0], x) and saved[1] is taps


@every_corner
def test_the_log_determinant_of_the_layer_has_a_minus_and_counts_every_pixel(corner):
    for is_inverted in (True, False):
        layer = InverseConv(3, (2, 3), corner, generator(), is_inverted).double()
        with torch.no_grad():
            layer.raw.add_(normal(3, 3, 2, 3))
            layer.log_diagonal.add_(torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64))
        with torch.no_grad():
            log_det = layer(normal(2, 3, 4, 6))[1]
            volume = float(torch.linalg.slogdet(dense_matrix(layer.weight(), 4, 6, corner))[1])
        sign = -1 if is_inverted else 1
        assert float(log_det) == pytest.approx(sign * volume, abs=1e-10)
        assert float(log_det) == pytest.approx(sign * 24 * 0.6)
    unit = InverseConv(3, (2, 2), corner, generator(), trains_diagonal=False)
    assert float(unit(normal(1, 3, 2, 2).float())[1]) == 0 and len(list(unit.parameters())) == 1


@every_corner
def test_optimisers_cannot_leave_the_mask_nor_the_limit(corner):
    layer = InverseConv(4, (3, 3), corner, generator())
    optimiser = torch.optim.Adam(layer.parameters(), 0.3)
    y = normal(8, 4, 6, 6, dtype=torch.float32)
    for _ in range(10):
        optimiser.zero_grad()
        (layer(y)[0] ** 3).mean().neg().backward()
        optimiser.step()
    layer, y = layer.double(), y.double()
    with torch.no_grad():
        weight = layer.weight()
        own = diagonal_block(weight, corner)
        assert torch.equal(own.triu(1), torch.zeros_like(own)) and own.count_nonzero() == 10
        torch.testing.assert_close(own.diagonal(), layer.log_diagonal.exp())
        others = torch.einsum("oi,ijab->ojab", torch.linalg.inv(own), weight)
        sums = others.abs().sum((1, 2, 3)) - 1
        assert sums.max() < 0.9 + 1e-9 and sums.max() > 0.89
        mixed = torch.einsum("oi,bihw->bohw", torch.linalg.inv(own), y)
        assert layer(y)[0].abs().max() <= mixed.abs().max() / (1 - 0.9)


def test_without_a_limit_the_inverse_may_blow_up_and_the_gain_tells():
    y = normal(4, 12, 16, 16, dtype=torch.float32)
    gains = {}
    for limit in (None, 0.9):
        layer = InverseConv(12, (3, 3), "TL", generator(), trains_diagonal=False, limit=limit)
        with torch.no_grad():
            layer.raw.copy_(0.2 * normal(12, 12, 3, 3, dtype=torch.float32))
            layer.raw[:, :, -1, -1] = 0
            x = layer(y)[0]
        gains[limit] = layer.largest_gain
        assert gains[limit] == pytest.approx(float(x.abs().max() / y.abs().max()))
    assert gains[None] > 1e3 and gains[0.9] <= 10


def test_actnorm_is_set_by_its_first_batch_alone():
    first, second = 3 * normal(50, 4, 3, 3, dtype=torch.float32) + 2, normal(50, 4, 3, 3, seed=2, dtype=torch.float32) - 5
    first[:, 3] = 1.5
    layer = ActNorm(4, 1, 1)
    assert torch.equal(layer.eval()(first)[0], first) and not layer.is_set
    z = layer.train()(first)[0].detach()
    torch.testing.assert_close(z.mean((0, 2, 3)), torch.zeros(4), rtol=0, atol=1e-5)
    torch.testing.assert_close(z.std((0, 2, 3), correction=0), torch.tensor([1.0, 1.0, 1.0, 0.0]), rtol=0, atol=1e-4)
    for same in (layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        before = copy.deepcopy(same.state_dict())
        same(second)
        assert all(torch.equal(part, before[name]) for name, part in same.state_dict().items())
    again = ActNorm(4, 1, 1).train()
    assert torch.equal(again(first)[0], z)
    per_cell = ActNorm(1, 1, 6).train()
    rows = 2 * normal(30, 1, 1, 6, dtype=torch.float32) + 1
    torch.testing.assert_close(per_cell(rows)[0].std(0, correction=0), torch.ones(1, 1, 6))


def shake(module: torch.nn.Module, scale: float = 0.2) -> torch.nn.Module:
    """Move all parameters, for at first couplings are the identity; in double precision."""
    module = module.double().eval()
    with torch.no_grad():
        for place, part in enumerate(module.parameters()):
            part.add_(scale * normal(*part.shape, seed=place))
    return module


@pytest.mark.parametrize("is_inverted", [True, False])
def test_every_layers_volume_is_the_log_determinant_of_its_jacobian(is_inverted):
    layers = [
        InverseConv(4, (2, 2), "TR", generator(), is_inverted),
        ActNorm(4, 1, 1),
        ActNorm(4, 2, 3),
        Mix(4, generator()),
        Coupling(4, 8, generator()),
        Logit(0.05),
    ]
    for layer in [*layers, Chain(layers[:-1]), make_step(3, FlowPlan(width=8, is_inverted=is_inverted), "BL", generator())]:
        layer = shake(layer)
        x = torch.rand(
            2, 3 if layer is not layers[-1] and _n(layer) == 3 else 4, 2, 3, generator=generator(), dtype=torch.float64
        )
        z, log_det = layer(x)
        torch.testing.assert_close(layer.reverse(z), x, rtol=1e-9, atol=1e-9)
        for row in range(2):
            jacobian = torch.autograd.functional.jacobian(lambda u, layer=layer: layer(u[None])[0][0], x[row])
            expected = torch.linalg.slogdet(jacobian.reshape(x[row].numel(), -1))[1]
            torch.testing.assert_close(log_det.expand(2)[row].detach(), expected, rtol=0, atol=1e-9)


def _n(layer: torch.nn.Module) -> int:
    first = layer.layers[0] if isinstance(layer, Chain) else layer
    return len(first.raw) if isinstance(first, InverseConv) else 4


@pytest.mark.parametrize("is_inverted", [True, False])
def test_the_volume_of_a_whole_flow_counts_every_layer_once(is_inverted):
    plan = FlowPlan(n_steps=2, width=8, is_inverted=is_inverted, squeeze_margin=0.05)
    flow = shake(make_flow((1, 4, 4), plan, 0))
    u = torch.rand(1, 1, 4, 4, generator=generator(), dtype=torch.float64)

    def whole(u: torch.Tensor) -> torch.Tensor:
        return torch.cat([latent.flatten() for latent in flow.encode(u)[0]])

    jacobian = torch.autograd.functional.jacobian(whole, u).reshape(16, 16)
    log_det = flow.encode(u)[1]
    torch.testing.assert_close(log_det[0].detach(), torch.linalg.slogdet(jacobian)[1], rtol=0, atol=1e-8)
    expected = log_det + torch.distributions.Normal(0.0, 1.0).log_prob(whole(u)).sum()
    torch.testing.assert_close(flow.log_prob(u), expected)


@pytest.mark.parametrize("is_inverted", [True, False])
def test_flows_are_inverted_from_both_ends_on_numbers_that_training_never_met(is_inverted):
    flow = shake(make_flow((2, 8, 4), FlowPlan(n_steps=4, width=8, is_inverted=is_inverted), 0), 0.05)
    u = torch.rand(5, 2, 8, 4, generator=generator(), dtype=torch.float64)
    latents, _ = flow.encode(u)
    assert [tuple(latent.shape[1:]) for latent in latents] == flow.latent_shapes == [(4, 4, 2), (16, 2, 1)]
    torch.testing.assert_close(flow.decode(latents), u, rtol=0, atol=1e-9)
    far = [2 * normal(5, *shape, seed=place) for place, shape in enumerate(flow.latent_shapes)]
    for a, b in zip(far, flow.encode_logits(flow.decode_logits(far))[0], strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-8)
    assert torch.equal(unsqueeze(squeeze(u)), u)


@pytest.mark.parametrize(("n_channels", "width"), [(1, 2), (2, 1)])
def test_the_density_of_two_pixels_integrates_to_1(n_channels, width):
    plan = FlowPlan(width=8, kernel=(1, 2))
    flow = shake(Chain([make_step(n_channels, plan, corner, generator()) for corner in ("TL", "TR")]), 0.1)
    edges = torch.linspace(-12, 12, 301, dtype=torch.float64)
    grid = torch.cartesian_prod(edges, edges).view(-1, n_channels, 1, width)
    with torch.no_grad():
        z, log_det = flow(grid)
    density = (log_normal(z) + log_det).exp()
    assert float(density.sum()) * (24 / 300) ** 2 == pytest.approx(1, abs=1e-3)


def test_unusable_shapes_and_settings_are_refused_by_name():
    y, taps = normal(1, 2, 3, 3), some_taps(2, (2, 2))
    with pytest.raises(ConfigError, match="corner"):
        deconvolve(y, taps, "LT")
    for bad in ((y[0], taps), (y, taps[:1]), (y[:, :1], taps)):
        with pytest.raises(ConfigError, match="images must be"):
            deconvolve(*bad)
    with pytest.raises(torch.linalg.LinAlgError):
        deconvolve(y, torch.zeros_like(taps))
    for settings, name in (({"corner": "XX"}, "corner"), ({"limit": 1.0}, "limit")):
        with pytest.raises(ConfigError, match=name):
            InverseConv(**{"n_channels": 1, "kernel": (2, 2), "corner": "TL", "generator": generator(), **settings})
    for settings in ({"n_scales": 0}, {"n_steps": 0}, {"width": 0}, {"kernel": (0, 1)}, {"squeeze_margin": 0.5}):
        with pytest.raises(ConfigError, match=next(iter(settings))[:6]):
            FlowPlan(**settings)
    for settings in ({"n_epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}, {"largest_norm": 0.0}):
        with pytest.raises(ConfigError, match=next(iter(settings))):
            FlowTraining(**settings)
    with pytest.raises(ConfigError, match="multiples of 4"):
        make_flow((1, 6, 8), FlowPlan(), 0)


def test_no_images_are_no_trouble():
    taps = some_taps(2, (2, 2))
    assert deconvolve(normal(0, 2, 3, 4), taps).shape == (0, 2, 3, 4)
