"""Sparse Fourier backpropagation: grid, slices, CTF, simulator, shell correlation and files."""

import sys

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch.utils._python_dispatch import TorchDispatchMode

from propneat.base.errors import ConfigError, DataError
from propneat.base.rng import make_rng
from propneat.methods.sparse_fourier.fsc import mean_fsc, resolution, shell_correlation
from propneat.methods.sparse_fourier.grid import half_ball, half_disc, image_coefficients, image_of
from propneat.methods.sparse_fourier.imaging import Optics, transfer, wavelength
from propneat.methods.sparse_fourier.maps import read_map, read_stack, write_map, write_stack
from propneat.methods.sparse_fourier.particles import Particles, particles_of_images, soft_disc, spectral_amplitude
from propneat.methods.sparse_fourier.simulation import Blobs, Simulation, make_molecule, simulate
from propneat.methods.sparse_fourier.slices import back_project, dense_slices, plan_points, plan_slices, take_slices


def some_rotations(count: int = 3, seed: int = 0) -> np.ndarray:
    return Rotation.from_quat(make_rng("rotations", seed).standard_normal((count, 4))).as_matrix()


def a_problem(n: int = 9, n_slices: int = 2, n_basis: int = 3, dtype: torch.dtype = torch.float64):
    ball = half_ball(n)
    rng = make_rng("problem", n)
    table = torch.from_numpy(rng.standard_normal((ball.n_voxels, 2 * n_basis))).to(dtype).requires_grad_()
    code = torch.from_numpy(rng.standard_normal((n_slices, n_basis))).to(dtype).requires_grad_()
    rotations = torch.from_numpy(some_rotations(n_slices))
    return ball, table, code, plan_slices(ball, torch.from_numpy(half_disc(n)), rotations, dtype=dtype)


def slice_of(coefficients: np.ndarray, n: int, rotations: np.ndarray, scale: float = 1.0, disc: np.ndarray | None = None):
    disc = half_disc(n) if disc is None else disc
    table = torch.from_numpy(np.stack([coefficients.real, coefficients.imag], axis=1))
    plan = plan_slices(half_ball(n), torch.from_numpy(disc), torch.from_numpy(rotations), scale, torch.float64)
    pairs = take_slices(table, torch.ones(len(rotations), 1, dtype=torch.float64), plan).numpy()
    return pairs[..., 0] + 1j * pairs[..., 1]


def blobs(n: int, width: float = 1.5) -> Blobs:
    return Blobs(make_rng("blobs").uniform(-n / 6, n / 6, (12, 3)), width)


def test_the_grid_is_half_a_ball_and_knows_the_nearest_voxel_outside():
    ball = half_ball(17)
    assert ball.n_voxels == pytest.approx(2 / 3 * np.pi * 8**3, rel=0.1)
    x, y, z = ball.voxels.T
    np.testing.assert_array_equal(ball.index[x, y + 9, z + 9], np.arange(ball.n_voxels))
    outside = np.array([9, 3, -2])
    distances = ((ball.voxels - outside) ** 2).sum(1)
    assert distances[ball.index[9, 3 + 9, -2 + 9]] == distances.min()
    assert len(half_disc(17)) == (np.add.outer(np.arange(-8, 9) ** 2, np.arange(-8, 9) ** 2) <= 64).sum() // 2 + 1
    with pytest.raises(ConfigError, match="odd number"):
        half_ball(16)


def test_volumes_and_images_survive_the_way_to_coefficients_and_back():
    ball, rng = half_ball(15), make_rng("volume")
    volume = ball.volume(ball.coefficients(rng.standard_normal((15, 15, 15))))
    np.testing.assert_allclose(ball.volume(ball.coefficients(volume)), volume, atol=1e-12)
    image = image_of(image_coefficients(rng.standard_normal((2, 15, 15))), 15)
    np.testing.assert_allclose(image_of(image_coefficients(image), 15), image, atol=1e-12)


def test_any_coefficients_give_a_real_volume():
    ball, rng = half_ball(11), make_rng("any")
    values = rng.standard_normal(ball.n_voxels) + 1j * rng.standard_normal(ball.n_voxels)
    back = ball.coefficients(ball.volume(values))
    off_plane = ball.voxels[:, 0] > 0
    np.testing.assert_allclose(back[off_plane], values[off_plane], atol=1e-10)
    opposite = ball.index[0, 6 - ball.voxels[~off_plane, 1], 6 - ball.voxels[~off_plane, 2]]
    np.testing.assert_allclose(back[~off_plane], 0.5 * (values[~off_plane] + values[opposite].conj()), atol=1e-10)


def test_the_analytic_spectrum_is_that_of_the_sampled_density():
    n = 25
    molecule, side = blobs(n), np.arange(n) - n // 2
    z, y, x = np.meshgrid(side, side, side, indexing="ij")
    density = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) / (2 * 1.5**2)) for a, b, c in molecule.centres)
    density /= (2 * np.pi * 1.5**2) ** 1.5
    ball = half_ball(n)
    expected = ball.coefficients(density)
    np.testing.assert_allclose(molecule.spectrum(ball.voxels, n), expected, atol=1e-3 * np.abs(expected).max())


def test_analytic_projections_are_the_analytic_spectrum_on_the_rotated_plane():
    n, rotations, molecule = 17, some_rotations(4), blobs(17)
    many = Blobs(np.broadcast_to(molecule.centres, (4, 12, 3)), molecule.width)
    for rotation, values in zip(rotations, many.projections(rotations, n), strict=True):
        points = half_disc(n) @ rotation[:2]
        np.testing.assert_allclose(values, molecule.spectrum(points, n), atol=1e-10)


def test_slices_approach_the_analytic_transform_as_padding_grows():
    n, rotations, molecule = 17, some_rotations(4), blobs(17)
    exact = np.stack([molecule.spectrum(half_disc(n) @ rotation[:2], n) for rotation in rotations])
    errors = []
    for scale in (1, 2, 4):
        ball = half_ball(scale * (n - 1) + 1)
        # frequencies in periods per small box, whatever the padded one
        ratio = ball.n / n
        coefficients = molecule.spectrum(ball.voxels, ball.n)
        found = slice_of(coefficients, ball.n, rotations, ratio, half_disc(n)[np.hypot(*half_disc(n).T) < 7])
        errors.append(np.abs(found - exact[:, np.hypot(*half_disc(n).T) < 7]).max() / np.abs(exact).max())
    assert errors[0] > 2.5 * errors[1] > 6 * errors[2]
    assert errors[2] < 0.02


def test_a_slice_is_the_transform_of_the_sum_along_z_and_turns_with_the_volume():
    n, ball = 33, half_ball(33)
    coefficients = blobs(n, 2.0).spectrum(ball.voxels, n)
    summed = ball.volume(coefficients).sum(0)
    straight = image_of(slice_of(coefficients, n, np.eye(3)[None]), n)[0]
    np.testing.assert_allclose(straight, summed, atol=1e-10)
    rotation = Rotation.from_rotvec([0.3, -0.5, 0.6])
    turned = image_of(slice_of(coefficients, n, rotation.as_matrix()[None]), n)[0]
    side = np.arange(n) - n // 2
    alike = []
    for turn in (rotation, rotation.inv()):
        x, y, _ = turn.apply(blobs(n).centres).T
        expected = np.exp(-((side[None, None] - x[:, None, None]) ** 2 + (side[:, None] - y[:, None, None]) ** 2) / 8).sum(0)
        alike.append(np.corrcoef(turned.ravel(), expected.ravel())[0, 1])
    assert alike[0] > 0.98
    assert alike[1] < 0.9


def test_real_space_projection_within_a_hundredth_when_padded_and_corrected():
    n, big = 25, 51
    ball, rotations, molecule = half_ball(big), some_rotations(3), blobs(17)
    volume = ball.volume(molecule.spectrum(ball.voxels, big))
    window = np.sinc((np.arange(big) - big // 2) / big) ** 2
    corrected = volume / (window[:, None, None] * window[:, None] * window)
    disc = half_disc(n)
    exact = np.stack([molecule.spectrum(big / n * disc @ rotation[:2], big) for rotation in rotations])
    plain, better = (slice_of(ball.coefficients(one), big, rotations, big / n * 0.999999, disc) for one in (volume, corrected))
    real = [image_of(values, n) for values in (plain, better, exact)]
    error = [np.linalg.norm(one - real[2]) / np.linalg.norm(real[2]) for one in real[:2]]
    assert error[1] < 0.01 < error[0] < 0.1


def test_an_unpadded_slice_is_the_sum_along_z_within_a_twentieth_well_inside_the_box():
    n, rotations = 33, some_rotations(3)
    molecule = Blobs(make_rng("inside").uniform(-3, 3, (12, 3)), 1.5)
    found = slice_of(molecule.spectrum(half_ball(n).voxels, n), n, rotations)
    exact = np.stack([molecule.spectrum(half_disc(n) @ rotation[:2], n) for rotation in rotations])
    real, expected = image_of(found, n), image_of(exact, n)
    assert np.linalg.norm(real - expected) < 0.05 * np.linalg.norm(expected)


def test_half_a_turn_in_the_plane_conjugates_the_slice():
    ball, rng, rotation = half_ball(13), make_rng("half turn"), some_rotations(1)
    values = rng.standard_normal(ball.n_voxels) + 1j * rng.standard_normal(ball.n_voxels)
    values[ball.index[0, 7, 7]] = 1
    turned = np.diag([-1.0, -1.0, 1.0]) @ rotation[0]
    np.testing.assert_allclose(slice_of(values, 13, turned[None]), slice_of(values, 13, rotation).conj(), atol=1e-12)


def test_a_point_volume_projects_to_a_constant_and_a_shift_to_a_phase_ramp():
    n, ball = 13, half_ball(13)
    volume = np.zeros((n, n, n))
    volume[6, 6, 6] = 1
    np.testing.assert_allclose(slice_of(ball.coefficients(volume), n, some_rotations(2)), 1, atol=1e-12)
    shifted = np.roll(volume, 1, axis=2)
    ramp = np.exp(-2j * np.pi * half_disc(n)[:, 0] / n)
    np.testing.assert_allclose(slice_of(ball.coefficients(shifted), n, np.eye(3)[None])[0], ramp, atol=1e-12)


def test_slices_equal_those_of_whole_volumes_in_value_and_gradient():
    _, table, code, plan = a_problem()
    volumes = torch.einsum("vjc,bj->bvc", table.view(len(table), -1, 2), code)
    whole = torch.einsum(
        "bpkc,bpk->bpc", torch.stack([one[ids.long()] for one, ids in zip(volumes, plan.ids, strict=True)]), plan.weights
    )
    values = [
        whole * torch.stack([torch.ones_like(plan.signs), plan.signs], dim=-1),
        take_slices(table, code, plan),
        take_slices(table, code, plan, compiled=False),
        take_slices(table, code, plan, sparse=True),
        dense_slices(table, code, plan),
        dense_slices(table, code, plan, compiled=False),
    ]
    weights = torch.from_numpy(make_rng("weights").standard_normal(values[0].shape))
    gradients = [torch.autograd.grad((weights * one).sum(), [table, code], retain_graph=True) for one in values]
    for value, (of_table, of_code) in zip(values, gradients, strict=True):
        torch.testing.assert_close(value, values[0], rtol=0, atol=1e-12)
        torch.testing.assert_close(of_table.to_dense() if of_table.is_sparse else of_table, gradients[0][0], rtol=0, atol=1e-12)
        torch.testing.assert_close(of_code, gradients[0][1], rtol=0, atol=1e-12)
    assert [of_table.is_sparse for of_table, _ in gradients] == [False, False, False, True, False, False]


@pytest.mark.parametrize("compiled", [True, False])
def test_the_gradient_is_that_of_finite_differences(compiled):
    _, table, code, plan = a_problem()
    assert torch.autograd.gradcheck(lambda t, c: take_slices(t, c, plan, compiled=compiled), (table, code))


def test_a_plan_and_a_table_that_are_views_give_the_same():
    _, table, code, plan = a_problem()
    expected = take_slices(table, code, plan)
    spread = plan._replace(weights=plan.weights.transpose(0, 1).contiguous().transpose(0, 1))
    upside_down = torch.cat([table, table], dim=1).T.contiguous().T[:, : table.shape[1]]
    assert not upside_down.is_contiguous() and not spread.weights.is_contiguous()
    assert torch.equal(take_slices(upside_down, code, spread), expected)
    expected.sum().backward(retain_graph=True)
    once = table.grad.clone()
    # a gradient that is one number spread over all points has no memory of its own
    (of_table,) = torch.autograd.grad(expected, table, torch.ones(()).to(expected).expand_as(expected))
    assert torch.equal(of_table, once)


def test_only_rows_around_the_slice_have_a_gradient():
    ball, table, code, plan = a_problem(17, 1)
    take_slices(table, code, plan).square().sum().backward()
    weighted = plan.ids[plan.weights > 0]
    touched = torch.nonzero(table.grad.abs().sum(1)).flatten()
    assert set(touched.tolist()) == set(weighted.tolist())
    assert 0.1 < len(touched) / ball.n_voxels < 0.25


class _LargestTensor(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        parts = result if isinstance(result, tuple) else (result,)
        self.numbers = max([self.numbers, *(part.numel() for part in parts if isinstance(part, torch.Tensor))])
        return result


def test_no_volume_per_slice_is_made():
    ball, table, code, plan = a_problem(33, 16, 2, torch.float32)
    sizes = {}
    for way in (take_slices, dense_slices):
        with _LargestTensor() as largest:
            way(table, code, plan)
        sizes[way] = largest.numbers
    assert sizes[dense_slices] >= 16 * ball.n_voxels
    assert sizes[take_slices] <= 16 * len(half_disc(33)) * 8 < 16 * ball.n_voxels


def test_back_projection_is_the_transpose_of_taking_a_slice():
    ball, table, _, plan = a_problem(11, 2, 1)
    values = torch.from_numpy(make_rng("values").standard_normal((2, len(half_disc(11)), 2)))
    taken = take_slices(table, torch.ones(2, 1, dtype=torch.float64), plan)
    spread = back_project(values, plan, ball.n_voxels).sum(0)
    torch.testing.assert_close((taken * values).sum(), (spread * table).sum())


def test_points_on_voxels_read_them_and_behind_the_plane_their_conjugates():
    ball = half_ball(9)
    points = torch.tensor([[[1.0, 2.0, -1.0], [-1.0, -2.0, 1.0], [4.0, 0.0, 0.0]]], dtype=torch.float64)
    plan = plan_points(ball, points, torch.float64)
    rows = [int(ids[weights.argmax()]) for ids, weights in zip(plan.ids[0], plan.weights[0], strict=True)]
    assert [tuple(ball.voxels[row]) for row in rows] == [(1, 2, -1), (1, 2, -1), (4, 0, 0)]
    assert plan.signs[0].tolist() == [1, -1, 1]
    torch.testing.assert_close(plan.weights.sum(-1), torch.ones(1, 3, dtype=torch.float64))


def test_the_transfer_function_has_its_sign_units_and_first_zero():
    assert wavelength(300) == pytest.approx(0.0196875, rel=1e-4)
    optics = Optics(pixel=1.0, spherical_aberration=0.0, amplitude_contrast=0.0)
    n, defocus = 10_000, 10_000.0
    zero = np.sqrt(1 / (wavelength(300) * defocus)) * n
    values = transfer(np.array([[zero, 0.0], [0.0, zero], [0.5 * zero, 0.0]]), n, optics, np.array([defocus]))[0]
    np.testing.assert_allclose(values[:2], 0, atol=1e-9)
    assert values[2] > 0.7
    origin = np.zeros((1, 2))
    assert transfer(origin, n, Optics(amplitude_contrast=0.1), np.array([defocus]))[0, 0] == pytest.approx(0.1)
    falloff = transfer(np.array([[30.0, 0.0]]), 100, Optics(1.0, b_factor=50.0), np.array([defocus])) / transfer(
        np.array([[30.0, 0.0]]), 100, Optics(1.0), np.array([defocus])
    )
    assert falloff[0, 0] == pytest.approx(np.exp(-50 * 0.3**2 / 4))


def test_the_transfer_function_is_its_formula_in_metres():
    pixel, defocus, aberration, amplitude, plate = 1.5e-10, 1.2e-6, 2.7e-3, 0.07, 0.4
    # de Broglie's wavelength of an electron accelerated by 200 kV, relativistic
    energy, rest = 200e3 * 1.602176634e-19, 9.1093837e-31 * 2.99792458e8**2
    length = 6.62607015e-34 * 2.99792458e8 / np.sqrt(energy * (energy + 2 * rest))
    assert wavelength(200) * 1e-10 == pytest.approx(length, rel=1e-5)
    points, n = np.array([[3.0, 4.0], [20.0, -9.0], [31.0, 0.0]]), 64
    k = np.hypot(*points.T) / (n * pixel)
    gamma = -np.pi * length * defocus * k**2 + np.pi / 2 * aberration * length**3 * k**4 - plate - np.arcsin(amplitude)
    optics = Optics(1.5, 200.0, 2.7, amplitude)
    np.testing.assert_allclose(transfer(points, n, optics, np.array([1.2e4]), phase=plate)[0], -np.sin(gamma), atol=1e-3)


def test_astigmatism_gives_each_axis_its_own_defocus():
    points, optics = np.array([[20.0, 0.0], [0.0, 20.0]]), Optics(2.0)
    both = transfer(points, 64, optics, np.array([[9_000.0, 14_000.0]]), np.array([0.0]))[0]
    each = [transfer(points, 64, optics, np.array([defocus]))[0] for defocus in (9_000.0, 14_000.0)]
    np.testing.assert_allclose(both, [each[0][0], each[1][1]])
    turned = transfer(points, 64, optics, np.array([[9_000.0, 14_000.0]]), np.array([np.pi / 2]))[0]
    np.testing.assert_allclose(turned, [each[1][0], each[0][1]])


def test_shell_correlation_of_a_map_with_itself_its_negative_and_noise():
    ball, rng = half_ball(33), make_rng("fsc")
    first, second = rng.standard_normal((2, ball.n_voxels)) + 1j * rng.standard_normal((2, ball.n_voxels))
    np.testing.assert_allclose(shell_correlation(ball, first, first), 1)
    np.testing.assert_allclose(shell_correlation(ball, first, -3 * first), -1)
    counts = np.bincount(ball.shells, minlength=18)[1:17]
    assert np.all(np.abs(shell_correlation(ball, first, second)) < 4 / np.sqrt(counts))
    assert np.array_equal(shell_correlation(ball, first, 0 * first), np.zeros(16))
    assert mean_fsc(ball, first, first) == pytest.approx(1)


def test_shell_correlation_is_that_of_all_coefficients_conjugates_too():
    ball, rng = half_ball(15), make_rng("all")
    first = rng.standard_normal((15, 15, 15))
    second = first + rng.standard_normal((15, 15, 15))
    whole = [np.fft.fftshift(np.fft.fftn(volume)) for volume in (first, second)]
    side = np.arange(15) - 7
    lengths = np.sqrt(side[:, None, None] ** 2 + side[:, None] ** 2 + side**2)
    expected = []
    for shell in range(1, 8):
        a, b = (values[(np.rint(lengths) == shell) & (lengths <= 7)] for values in whole)
        expected.append((a * b.conj()).sum().real / np.sqrt((np.abs(a) ** 2).sum() * (np.abs(b) ** 2).sum()))
    found = shell_correlation(ball, ball.coefficients(first), ball.coefficients(second))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_resolution_is_the_period_of_the_last_good_shell():
    assert resolution(np.array([1, 0.9, 0.6, 0.4, 0.7]), 0.5, 60, 2.0) == 40
    assert resolution(np.ones(4), 0.5, 60, 2.0) == 30
    assert resolution(np.zeros(4), 0.5, 60, 2.0) == float("inf")


def test_the_simulator_gives_the_noise_and_signal_it_was_asked_for():
    molecule = make_molecule(17, make_rng("molecule"))
    particles, angles = simulate(molecule, Simulation(17, 600, snr=0.5), make_rng("particles"))
    again, _ = simulate(molecule, Simulation(17, 600, snr=0.5), make_rng("particles"))
    assert particles.data.tobytes() == again.data.tobytes()
    assert len(particles) == len(angles) == 600
    assert np.abs(angles).max() <= 1
    exact = particles.ctf * molecule.at(angles).projections(particles.rotations, 17)
    data = particles.data[..., 0] + 1j * particles.data[..., 1]
    gain = (data * exact.conj()).real.sum() / (np.abs(exact) ** 2).sum()
    noise = data - gain * exact
    assert (np.abs(noise) ** 2).mean() == pytest.approx(1, abs=0.02)
    assert (np.abs(gain * exact) ** 2).mean() == pytest.approx(0.5, rel=0.02)


def test_spectral_amplitude_is_that_of_the_signal():
    molecule = make_molecule(17, make_rng("molecule"))
    particles, angles = simulate(molecule, Simulation(17, 2000), make_rng("particles"))
    pure = molecule.at(angles).projections(particles.rotations, 17)
    shells = np.rint(np.hypot(*half_disc(17).T)).astype(int)
    power = np.array([(np.abs(pure[:, shells == shell]) ** 2).mean() for shell in range(9)])
    found = spectral_amplitude(particles)
    ratio = (found / found[1])[1:5] / np.sqrt(power / power[1])[1:5]
    np.testing.assert_allclose(ratio, 1, atol=0.15)


def test_particles_of_images_undo_shifts_and_measure_the_noise():
    n, rng = 33, make_rng("images")
    molecule = make_molecule(n, rng)
    rotations = some_rotations(40)
    pure = 50 * molecule.at(np.zeros(40)).projections(rotations, n)
    shifts = rng.uniform(-2, 2, (40, 2))
    ramp = np.exp(-2j * np.pi / n * (shifts @ half_disc(n).T))
    images = image_of(pure * ramp, n) + 7 * rng.standard_normal((40, n, n)) + 3
    particles = particles_of_images(images, rotations, np.ones(pure.shape), shifts)
    data = particles.data[..., 0] + 1j * particles.data[..., 1]
    low = np.hypot(*half_disc(n).T) < 5
    scale = 7 * np.sqrt((soft_disc(n, 0.9) ** 2).sum())
    left = (data * scale - pure)[:, low & (half_disc(n) != 0).any(1)] / scale
    assert np.abs(left).std() < 1.2
    high = np.hypot(*half_disc(n).T) > 14
    assert (np.abs(data[:, high]) ** 2).mean() == pytest.approx(1, abs=0.15)
    with pytest.raises(DataError, match="must be square"):
        particles_of_images(images[:, :, :-1], rotations, particles.ctf)
    wider = np.pad(images, ((0, 0), (1, 0), (1, 0)))
    np.testing.assert_array_equal(particles_of_images(wider, rotations, particles.ctf, shifts).data, particles.data)
    with pytest.raises(ConfigError, match="diameter"):
        particles_of_images(images, rotations, particles.ctf, diameter=1.5)
    with pytest.raises(DataError, match="particles of 33 pixels"):
        Particles(33, particles.data, particles.ctf[:, :-1], rotations)


def test_maps_and_stacks_survive_their_files(tmp_path):
    mrcfile = pytest.importorskip("mrcfile")
    volume = make_rng("map").standard_normal((9, 9, 9)).astype(np.float32)
    write_map(tmp_path / "a.mrc", volume, 4.25)
    write_stack(tmp_path / "a.mrcs", volume[:5], 1.5)
    for found, expected, pixel in (
        (read_map(tmp_path / "a.mrc"), volume, 4.25),
        (read_stack(tmp_path / "a.mrcs"), volume[:5], 1.5),
    ):
        np.testing.assert_array_equal(found[0], expected)
        assert found[1] == pytest.approx(pixel)
    with mrcfile.open(tmp_path / "a.mrcs") as file:
        assert file.is_image_stack()
    with pytest.raises(DataError, match="cube"):
        read_map(tmp_path / "a.mrcs")
    (tmp_path / "b.mrc").write_bytes(b"no map")
    with pytest.raises(DataError, match="cannot be read"):
        read_map(tmp_path / "b.mrc")


def test_without_mrcfile_one_sentence_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mrcfile", None)
    with pytest.raises(ConfigError, match=r"pip install .propneat\[cryo\]"):
        read_stack(tmp_path / "a.mrcs")
