"""Sparse Fourier backpropagation: consensus, autoencoder, early stopping, the classifier, and the native study in small."""

import json
import pickle
import subprocess
import sys
from importlib import import_module

import numpy as np
import pandas
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_wine, make_classification
from sklearn.preprocessing import StandardScaler

from propneat.base.errors import ConfigError, DataError
from propneat.base.rng import make_rng
from propneat.methods.contract import NativeRun
from propneat.methods.sparse_fourier import METHOD, NATIVE, cost_study
from propneat.methods.sparse_fourier.classifier import SparseFourierClassifier
from propneat.methods.sparse_fourier.cost_study import CoordinateNetwork, CostPlan, growth
from propneat.methods.sparse_fourier.fsc import mean_fsc
from propneat.methods.sparse_fourier.grid import half_ball, half_disc
from propneat.methods.sparse_fourier.latent_study import LatentPlan, angle_r2, latent_study
from propneat.methods.sparse_fourier.model import Architecture, HeterogeneousModel, Inference
from propneat.methods.sparse_fourier.native import StudySize, run, run_sized
from propneat.methods.sparse_fourier.particles import Particles, spectral_amplitude
from propneat.methods.sparse_fourier.reconstruction import (
    ConsensusPlan,
    data_loss,
    encoder_inputs,
    fit_consensus,
    observe,
    shell_sums,
)
from propneat.methods.sparse_fourier.simulation import Simulation, make_molecule, simulate
from propneat.methods.sparse_fourier.slices import take_slices
from propneat.methods.sparse_fourier.table_study import TablePlan
from propneat.methods.sparse_fourier.training import TrainingPlan, held_out_correlation, infer_means, train

FAST = {"hidden": (16,), "updates": (30, 90), "reconstruction_weights": (0.3,), "learning_rate": 0.01}
SMALL = LatentPlan(Simulation(17, 3000, snr=4.0), training=TrainingPlan(3, batch_size=16), n_states=5, n_judged=500)


@pytest.fixture(scope="module")
def scene():
    molecule = make_molecule(17, make_rng("molecule"))
    particles, angles = simulate(molecule, Simulation(17, 1500), make_rng("particles"))
    return molecule, particles, angles, spectral_amplitude(particles)


def a_model(scene, n_inputs: int = 6, **sizes) -> HeterogeneousModel:
    ball = half_ball(17)
    amplitude = torch.from_numpy(scene[3]).float()
    consensus = torch.zeros(ball.n_voxels, 2)
    return HeterogeneousModel(ball, amplitude, consensus, n_inputs, Architecture(**sizes), torch.Generator().manual_seed(3))


def quiet(step: str, done: int, total: int) -> None:
    """Say nothing."""


def test_a_coefficient_that_the_transfer_function_hides_has_no_gradient(scene):
    seen = observe(scene[1].rows(slice(20)), scene[3])
    seen.transfer[:, seen.shells >= 4] = 0
    slices = torch.zeros(*seen.transfer.shape, 2, requires_grad=True)
    data_loss(slices, seen).sum().backward()
    assert not slices.grad[:, seen.shells >= 4].any()
    assert slices.grad[:, seen.shells < 4].any(-1).all()


def test_the_data_term_of_the_exact_signal_is_that_of_noise(scene):
    molecule, particles, angles, amplitude = scene
    seen = observe(particles, amplitude)
    pure = molecule.at(angles).projections(particles.rotations, 17)
    measured = particles.data[..., 0] + 1j * particles.data[..., 1]
    gain = (measured * (particles.ctf * pure).conj()).real.sum() / (np.abs(particles.ctf * pure) ** 2).sum()
    exact = gain * pure / amplitude[seen.shells.numpy()]
    slices = torch.from_numpy(np.stack([exact.real, exact.imag], axis=-1)).float()
    assert data_loss(slices, seen).mean().item() == pytest.approx(1, abs=0.01)


def test_the_consensus_explains_particles_better_with_whitened_shells(scene):
    molecule, particles, _, amplitude = scene
    ball = half_ball(17)
    truth = np.mean([molecule.at(angle).spectrum(ball.voxels, 17) for angle in np.linspace(-1, 1, 41)], axis=0)
    last, found = [], []
    for scale in (amplitude, np.full_like(amplitude, np.sqrt((amplitude**2).mean()))):
        losses = []
        plan = ConsensusPlan(n_epochs=4)
        table = fit_consensus(observe(particles, scale), plan, make_rng("order"), lambda n, loss, to=losses: to.append(loss))
        last.append(losses[-1])
        found.append(mean_fsc(ball, scale[ball.shells] * torch.view_as_complex(table.double()).numpy(), truth))
    assert last[0] < last[1] - 0.02
    assert found[0] > 0.9
    assert len(losses) == 4


def test_the_consensus_of_views_along_one_axis_is_the_mean_of_its_posterior():
    rng, disc = make_rng("one axis"), half_disc(9)
    ctf = rng.uniform(-1, 1, (40, len(disc))).astype(np.float32)
    data = rng.standard_normal((40, len(disc), 2)).astype(np.float32)
    seen = observe(Particles(9, data, ctf, np.tile(np.eye(3), (40, 1, 1))), np.ones(5))
    table = fit_consensus(seen, ConsensusPlan(300, 40, 0.05), make_rng("order"))
    # every point lies on a voxel, and a prior of variance 1 adds 1 to what has been seen of it
    expected = (ctf[..., None] * data).sum(0) / ((ctf**2).sum(0) + 1)[:, None]
    ball = half_ball(9)
    np.testing.assert_allclose(table[ball.index[disc[:, 0], disc[:, 1] + 5, 5]], expected, atol=1e-3)
    assert table.count_nonzero() == 2 * len(disc)


def test_encoder_inputs_are_the_gradient_of_the_data_term_at_the_consensus(scene):
    seen = observe(scene[1].rows(slice(7)), scene[3])
    table = torch.randn(half_ball(17).n_voxels, 2, generator=torch.Generator().manual_seed(1)).requires_grad_()
    (data_loss(take_slices(table, torch.ones(7, 1), seen.plan), seen).sum() * seen.data.shape[1] / -2).backward()
    inputs = encoder_inputs(seen, table.detach(), 8)
    kept = seen.ball.shells <= 8
    torch.testing.assert_close(inputs.sum(0).view(-1, 2), table.grad[kept], rtol=1e-3, atol=1e-3)


def test_slices_of_the_model_are_those_of_the_volumes_it_decodes(scene):
    model, seen = a_model(scene, n_basis=3, basis_scale=1.0), observe(scene[1].rows(slice(5)), scene[3])
    latents = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    volumes = model.coefficients(latents) / model.voxel_amplitude
    one_each = [
        take_slices(torch.view_as_real(volume.detach()), torch.ones(1, 1), seen.plan.rows(slice(k, k + 1)))
        for k, volume in enumerate(volumes)
    ]
    torch.testing.assert_close(model.slices(latents, seen.plan), torch.cat(one_each), rtol=1e-4, atol=1e-5)


def test_the_posterior_has_bounded_variance_and_the_divergence_of_normals(scene):
    posterior = a_model(scene).infer(100 * torch.randn(50, 6, generator=torch.Generator().manual_seed(0)))
    assert posterior.log_variance.max() <= 2
    some = Inference(torch.tensor([[0.5, -1.0]]), torch.tensor([[0.3, -2.0]]))
    normals = torch.distributions.Normal(some.mean, (0.5 * some.log_variance).exp())
    expected = torch.distributions.kl_divergence(normals, torch.distributions.Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(some.divergence(), expected)


def test_a_decoder_without_hidden_layers_is_a_gain_and_an_offset(scene):
    model = a_model(scene, n_latent=2, n_basis=2, decoder_depth=0)
    latents = torch.tensor([[1.0, -2.0]])
    torch.testing.assert_close(model.code(latents), torch.tensor([[1.0, 1.0, -2.0]]))
    with pytest.raises(ConfigError, match="as many outputs as latents"):
        a_model(scene, n_latent=2, n_basis=3, decoder_depth=0)


def test_held_out_correlation_is_one_for_the_signal_and_nothing_for_random_phases(scene):
    molecule, particles, angles, amplitude = scene
    seen = observe(particles, amplitude)
    pure = molecule.at(angles).projections(particles.rotations, 17) / amplitude[seen.shells.numpy()]
    random = pure * np.exp(2j * np.pi * make_rng("phases").random(pure.shape))
    found = [
        held_out_correlation(torch.from_numpy(np.stack([one.real, one.imag], axis=-1)).float(), seen) for one in (pure, random)
    ]
    assert found[0] == pytest.approx(1, abs=0.15)
    assert abs(found[1]) < 0.1


def test_sums_over_shells(scene):
    values = torch.arange(6.0).view(2, 3)
    assert shell_sums(values, torch.tensor([0, 2, 2])).tolist() == [3, 0, 12]


def test_training_keeps_the_model_of_the_best_look_and_repeats_itself(scene):
    particles, amplitude = scene[1], scene[3]
    halves = [observe(particles.rows(part), amplitude) for part in (slice(400), slice(400, 800))]
    table = torch.zeros(half_ball(17).n_voxels, 2)
    inputs = [encoder_inputs(half, table, 5) for half in halves]
    states, looks = [], []
    for _ in range(2):
        model = a_model(scene, inputs[0].shape[1], width=16)
        plan = TrainingPlan(3, table_rate=0.3, n_checks=2)
        looks.append(train(model, halves[0], inputs[0], halves[1], inputs[1], plan, make_rng("training")))
        states.append(model.state_dict())
    assert looks[0] == looks[1]
    assert all(torch.equal(a, b) for a, b in zip(states[0].values(), states[1].values(), strict=True))
    assert [look.epoch for look in looks[0]] == pytest.approx([0.5, 1, 1.5, 2, 2.5, 3], abs=0.1)
    with torch.no_grad():
        kept = held_out_correlation(model.slices(infer_means(model, inputs[1]), halves[1].plan), halves[1])
    assert kept == pytest.approx(max(look.held_out_correlation for look in looks[0]), abs=1e-6)
    with pytest.raises(ConfigError, match="1 or more"):
        train(model, halves[0], inputs[0], halves[1], inputs[1], TrainingPlan(0), make_rng("training"))


def test_a_quadratic_finds_an_angle_that_is_one_and_none_in_noise():
    rng = make_rng("angles")
    angles = rng.uniform(-1, 1, 400)
    # the angle is the square root's argument: quadratic in the latent
    latents = np.column_stack([np.sqrt(1 + angles), rng.standard_normal(400)])
    assert angle_r2(latents, angles) == pytest.approx(1)
    assert angle_r2(rng.standard_normal((400, 2)), angles) < 0.05


def test_the_latent_finds_the_angle_and_its_volumes_beat_the_consensus():
    found, volumes = latent_study(SMALL, 0, "cpu", quiet)
    means = {name: np.mean(found[name]) for name in ("state_fsc", "consensus_fsc", "shuffled_fsc")}
    assert found["r2"] > 0.7
    assert means["state_fsc"] > means["consensus_fsc"] + 0.01
    assert means["state_fsc"] > means["shuffled_fsc"] + 0.01
    assert abs(found["shuffled_r2"]) < 0.05
    assert volumes.truth.shape == volumes.decoded.shape == (5, 17, 17, 17)


def test_the_network_of_coordinates_answers_by_point_and_code():
    network = CoordinateNetwork(9, 3, 16, torch.Generator().manual_seed(0))
    points, code = torch.rand(2, 5, 3), torch.rand(2, 3)
    whole = network(points, code)
    assert whole.shape == (2, 5, 2)
    torch.testing.assert_close(whole[1, 3], network(points[1:, 3:4], code[1:])[0, 0])


def test_growth_is_the_exponent_of_time():
    times = {str(n): {"step": {"sparse": 3e-6 * n**2.5}} for n in (17, 33, 65, 97)}
    assert growth(times, "sparse") == pytest.approx(2.5)
    # what small boxes cost beside the step has no say
    times["17"]["step"]["sparse"] *= 10
    assert growth(times, "sparse") == pytest.approx(2.5)
    times["97"]["step"]["sparse"] *= 1.2
    assert growth(times, "sparse") == pytest.approx(2.65, abs=0.05)


ALL_WAYS = {"sparse", "sparse, dense gradient", "dense", "sparse, compiled", "dense, compiled"}


def test_steps_are_timed_on_one_thread_whatever_torch_may_use(monkeypatch):
    seen, n_threads = [], torch.get_num_threads()
    plain = cost_study.take_slices

    def spy(*parts, **named):
        seen.append(torch.get_num_threads())
        return plain(*parts, **named)

    monkeypatch.setattr(cost_study, "take_slices", spy)
    torch.set_num_threads(2)
    try:
        found = cost_study.cost_study(CostPlan((9,), 2, 2, 1, (), ()), 0, "cpu", quiet)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(n_threads)
    assert set(seen) == {1} and found["9"]["step"].keys() == ALL_WAYS


def make_data(n_classes: int = 3, n_rows: int = 150):
    X, y = make_classification(n_rows, 9, n_informative=6, n_classes=n_classes, class_sep=2.0, random_state=0)
    return StandardScaler().fit_transform(X), y


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_classifier_learns_and_keeps_the_contract(n_classes):
    X, y = make_data(n_classes)
    labels = np.array(["a", "b", "c"])[y]
    before = torch.get_rng_state(), torch.get_num_threads(), torch.is_grad_enabled()
    model = SparseFourierClassifier(**FAST, random_state=4).fit(X[:100], labels[:100])
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (torch.get_num_threads(), torch.is_grad_enabled())
    probabilities = model.predict_proba(X[100:])
    assert probabilities.shape == (50, n_classes)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert np.array_equal(model.classes_[probabilities.argmax(1)], model.predict(X[100:]))
    assert model.score(X[100:], labels[100:]) > 0.7
    assert model.n_parameters_ == 9 * 16 + 16 + 16 * 8 + 8 + 8 * n_classes + n_classes
    assert model.depth_ == 3
    assert model.n_updates_ in (30, 90)
    assert 0 < model.validation_loss_ < np.log(n_classes)
    for other in (clone(model).fit(X[:100], labels[:100]), pickle.loads(pickle.dumps(model))):
        assert other.predict_proba(X[100:]).tobytes() == probabilities.tobytes()


def test_shown_features_are_scaled_up_to_the_sum_of_all_on_average():
    X, y = make_data(2)
    model = SparseFourierClassifier(**FAST, random_state=0).fit(X, y)
    network = model._make_network(9, torch.Generator().manual_seed(0), make_rng("places"))
    shown = []
    network.encoder[0].register_forward_pre_hook(lambda layer, inputs: shown.append(inputs[0]))
    values, view = torch.arange(18.0).view(2, 9), torch.tensor([1, 4, 8])
    model._loss(network, values, torch.ones(2, 9, dtype=torch.bool), torch.tensor([0, 1]), view, torch.zeros(2, 8), 0.3)
    expected = torch.zeros(2, 9)
    expected[:, view] = 3 * values[:, view]
    torch.testing.assert_close(shown[0], expected)


def test_noise_is_not_believed_for_rows_left_out_are_not_learnt_from():
    rng = make_rng("noise")
    X, y = rng.standard_normal((90, 6)), rng.integers(0, 2, 90)
    model = SparseFourierClassifier(hidden=(64,), updates=(20, 120), learning_rate=0.01, random_state=0).fit(X, y)
    assert model.validation_loss_ > 0.66 and model.n_updates_ == 20


def test_what_is_missing_is_no_zero_to_the_decoder_but_learns_from_the_rest():
    X, y = make_data(2)
    holes = np.where(make_rng("holes").random(X.shape) < 0.3, np.nan, X)
    model, filled = (SparseFourierClassifier(**FAST, random_state=0).fit(rows, y) for rows in (holes, np.nan_to_num(holes)))
    assert not np.array_equal(model.predict_proba(holes), filled.predict_proba(holes))
    assert model.score(holes, y) > 0.7
    nothing = model.predict_proba(np.full((1, 9), np.nan))
    assert np.isfinite(nothing).all()
    with pytest.raises(ValueError, match="infinity"):
        model.predict(np.full((1, 9), np.inf))


def test_tiny_training_sets_and_unusable_ones():
    X, y = make_data(2, 20)
    y[:] = 0
    y[:2] = 1
    assert np.isfinite(SparseFourierClassifier(**FAST, random_state=0).fit(X, y).predict_proba(X)).all()
    only = SparseFourierClassifier(hidden=(4,), updates=(10,), reconstruction_weights=(1.0,), random_state=0).fit(X, y)
    assert only.validation_loss_ is None
    with pytest.raises(DataError, match="at least 2 classes"):
        SparseFourierClassifier(**FAST).fit(X, np.zeros(20))


@pytest.mark.parametrize(
    "wrong", [{"view": 0.0}, {"n_latent": 0}, {"updates": ()}, {"n_folds": 1}, {"hidden": ()}, {"batch_size": 0}, {"box": 8}]
)
def test_parameters_that_cannot_be_used_are_refused(wrong):
    X, y = make_data(2, 20)
    with pytest.raises(ConfigError):
        SparseFourierClassifier(**{**FAST, **wrong}).fit(X, y)


def test_the_method_takes_tables_and_states_its_size():
    X, y = load_wine(return_X_y=True, as_frame=True)
    X = X.assign(kind=pandas.Series(np.where(X["ash"] > 2.3, "a", "b")))
    model = METHOD.make(random_state=0, **FAST).fit(X, y)
    assert model.score(X, y) > 0.9
    assert METHOD.size(model)[:2] == (model[-1].n_parameters_, 3)
    assert METHOD.seconds(500, 20, 2) < 20


def test_the_study_draws_and_tells_in_small(tmp_path):
    size = StudySize(
        LatentPlan(Simulation(9, 300), training=TrainingPlan(1), n_states=3, n_judged=50),
        CostPlan((9, 11), 2, 2, 1, (16,), (9,), 1),
        TablePlan(("wine",), (0.0, 0.3), 2, FAST),
        n_latent_runs=2,
    )
    steps = []
    outcome = run_sized(NativeRun(tmp_path, progress=lambda *step: steps.append(step)), size)
    json.dumps(outcome.data)
    assert all((tmp_path / name).stat().st_size > 10_000 for name in outcome.figures)
    assert all(type(claim.holds) is bool and type(claim.value) is float for claim in outcome.claims)
    assert {step for step, _, _ in steps} >= {"autoencoder, 1 of 2", "autoencoder, 2 of 2", "timing", "tables"}
    for name in ("timing", "tables"):
        done = [part for step, part, _ in steps if step == name]
        assert done == sorted(done) and done[0] == 0 and (name, done[-1], done[-1]) in steps
    assert len({claim.name for claim in outcome.claims}) == len(outcome.claims)
    assert len(outcome.figures) == 4


def test_an_unusable_device_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="device must be one that torch can use"):
        run(NativeRun(tmp_path, device="nowhere"))


def test_the_room_imports_light_and_its_home_exists():
    module, function = NATIVE.home.split(":")
    assert getattr(import_module(module), function) is run
    code = "import sys, propneat.methods.sparse_fourier; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
