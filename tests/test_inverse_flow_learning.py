"""Inverse-Flow: bits and training, the flow of rows and its classifier, and the native study in small."""

import json
import pickle
import subprocess
import sys
from importlib import import_module
from math import log, log2
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
import torch
from scipy.special import logsumexp, softmax
from scipy.stats import logistic
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine, make_classification
from sklearn.preprocessing import StandardScaler
from torch_state import unusual_torch

from propneat.base.errors import ConfigError, DataError
from propneat.base.rng import make_rng
from propneat.methods.contract import NativeRun
from propneat.methods.inverse_flow import METHOD, NATIVE, tabular_flow
from propneat.methods.inverse_flow import classifier as classifier_module
from propneat.methods.inverse_flow.algorithm_study import AlgorithmPlan
from propneat.methods.inverse_flow.classifier import InverseFlowClassifier
from propneat.methods.inverse_flow.deblur_study import DeblurPlan, deblur_claims, deblur_study
from propneat.methods.inverse_flow.drawn_study import DrawnClassifier, DrawnPlan
from propneat.methods.inverse_flow.flow import FlowPlan, Logit, make_flow
from propneat.methods.inverse_flow.flow_study import FlowStudyPlan, flow_claims
from propneat.methods.inverse_flow.native import StudySize, run, run_sized
from propneat.methods.inverse_flow.speed_study import SpeedPlan
from propneat.methods.inverse_flow.tabular_flow import TabularFlow, TabularTraining, train_tabular
from propneat.methods.inverse_flow.training import FlowTraining, bits_per_dimension, dequantise, evaluate, train_flow

FAST = {"n_steps": 2, "width": 8, "max_epochs": 6, "n_folds": 2}


def make_data(n_classes: int = 3, n_rows: int = 120):
    X, y = make_classification(n_rows, 7, n_informative=5, n_classes=n_classes, class_sep=2.0, random_state=0)
    return StandardScaler().fit_transform(X), y


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def a_flow(n_features: int, n_classes: int = 3, scale: float = 0.2) -> TabularFlow:
    flow = TabularFlow(n_features, n_classes, 3, 8, 3, torch.Generator().manual_seed(0)).double().eval()
    with torch.no_grad():
        for place, part in enumerate(flow.parameters()):
            part.add_(scale * normal(*part.shape, seed=place))
    return flow


def test_bits_of_uniform_values_are_the_logarithm_of_the_levels():
    assert bits_per_dimension(0.0, 64, 17) == pytest.approx(log2(17))
    # the logit with a logistic density after it is the uniform density
    u = dequantise(make_rng("u").integers(17, size=(20, 1, 8, 8)), 17, make_rng("noise")).double()
    z, log_det = Logit(1e-6)(u)
    log_density = torch.from_numpy(logistic.logpdf(z.numpy())).flatten(1).sum(1) + log_det
    torch.testing.assert_close(bits_per_dimension(log_density, 64, 17), torch.full((20,), log2(17)).double(), rtol=0, atol=1e-5)
    flow = make_flow((1, 8, 8), FlowPlan(n_steps=1, width=4), 0)
    levels = make_rng("u").integers(17, size=(20, 1, 8, 8))
    bits, error = evaluate(flow, levels, 17, make_rng("noise"))
    nats = -float(flow.log_prob(dequantise(levels, 17, make_rng("noise"))).mean().detach()) + 64 * log(17)
    assert bits == pytest.approx(nats / (64 * log(2)), rel=1e-6) and error < 1e-5


def test_noise_fills_every_level_evenly_and_keeps_below_1():
    levels = np.repeat(np.arange(4), 5000).reshape(-1, 1, 1, 1)
    u = dequantise(levels, 4, make_rng("noise"))
    assert u.dtype == torch.float32 and 0 <= u.min() and u.max() < 1
    assert np.array_equal((u.numpy() * 4).astype(int), levels)
    shares = np.histogram(u.numpy(), bins=40, range=(0, 1))[0] / 500
    assert abs(shares - 1).max() < 0.2
    largest = SimpleNamespace(random=lambda shape: np.full(shape, 1 - 2**-53))
    assert dequantise(np.full((1, 1, 1, 1), 3), 4, largest).max() < 1


@pytest.mark.parametrize("is_inverted", [True, False])
def test_training_lowers_bits_stays_exact_and_is_the_same_again(is_inverted):
    rng = make_rng("stripes")
    levels = np.minimum(rng.integers(17, size=(60, 1, 1, 1)) + rng.integers(2, size=(60, 1, 4, 4)), 16)
    plan, training = FlowPlan(n_steps=2, width=8, is_inverted=is_inverted), FlowTraining(8, 20, 0.01)
    found = []
    for _ in range(2):
        flow = make_flow((1, 4, 4), plan, 3)
        epochs = train_flow(flow, levels[10:], levels[:10], 17, training, make_rng("training"))
        found.append(([vars(epoch) for epoch in epochs], [part.numpy().tobytes() for part in flow.state_dict().values()]))
    assert found[0] == found[1] and len(epochs) == 8
    assert epochs[-1].test_bits < epochs[0].test_bits - 0.3 and epochs[-1].train_bits < epochs[0].train_bits
    assert all(epoch.reconstruction < 1e-3 and 0 < epoch.gain < 100 for epoch in epochs)


@pytest.mark.parametrize("n_features", [1, 2, 6])
def test_the_flow_of_rows_is_inverted_and_its_density_is_that_of_its_jacobian(n_features):
    flow, x, labels = a_flow(n_features), normal(4, n_features), torch.tensor([0, 1, 2, 1])
    with torch.no_grad():
        z, log_det = flow(x, labels)
        torch.testing.assert_close(flow.reverse(z, labels), x, rtol=0, atol=1e-10)
        found = flow.log_prob(x, labels)
    for row in range(4):
        label = labels[row : row + 1]
        jacobian = torch.autograd.functional.jacobian(lambda u, label=label: flow(u[None], label)[0][0], x[row])
        assert float(log_det[row]) == pytest.approx(float(torch.linalg.slogdet(jacobian)[1]), abs=1e-9)
        base = torch.distributions.Normal(flow.mean[label][0], (0.5 * flow.log_variance[label][0]).exp())
        assert float(found[row]) == pytest.approx(float((base.log_prob(z[row]).sum() + log_det[row]).detach()), abs=1e-9)
    with torch.no_grad():
        for label in range(3):
            expected = flow.log_prob(x, torch.full((4,), label))
            torch.testing.assert_close(flow.log_probs(x)[:, label], expected, rtol=1e-12, atol=1e-12)


def test_every_classs_density_of_two_features_integrates_to_1():
    flow = a_flow(2, scale=0.1)
    edges = torch.linspace(-12, 12, 241, dtype=torch.float64)
    with torch.no_grad():
        densities = flow.log_probs(torch.cartesian_prod(edges, edges)).exp()
    np.testing.assert_allclose(densities.sum(0).numpy() * 0.1**2, 1, atol=1e-3)


@pytest.mark.parametrize("objective", ["generative", "hybrid"])
def test_an_epoch_meets_each_of_so_many_rows_once(objective, monkeypatch):
    seen = []
    monkeypatch.setattr(TabularFlow, "log_prob", lambda self, x, labels: seen.append(x) or self.mean[labels].sum(1) - x[:, 0])
    flow = a_flow(2).float()
    x = torch.arange(20, dtype=torch.float32)[:, None].repeat(1, 2)
    training = TabularTraining(objective, batch_size=5, noise=0.0, epoch_rows=12)
    next(train_tabular(flow, x, torch.arange(20) % 3, torch.zeros(3), training, torch.Generator().manual_seed(0)))
    met = [sorted(set(part[:, 0].tolist())) for part in seen]
    assert [len(rows) for rows in met] == [6, 6] and len(set(met[0]) | set(met[1])) == 12


def test_the_hybrid_loss_is_the_cross_entropy_of_bayes_rule_less_a_hundredth_of_the_joint_density_per_feature():
    flow, log_prior, labels = a_flow(4), torch.tensor([0.7, 0.2, 0.1]).double().log(), torch.tensor([0, 2, 1, 1, 0])
    x = normal(5, 4)
    with torch.no_grad():
        joint = np.stack([flow.log_prob(x, torch.full((5,), k)).numpy() for k in range(3)], axis=1) + log_prior.numpy()
        losses = [float(tabular_flow._loss(flow, x, labels, log_prior, name)) for name in ("hybrid", "generative")]
    own = joint[np.arange(5), labels]
    assert losses[0] == pytest.approx((logsumexp(joint, axis=1) - own).mean() - 0.01 * own.mean() / 4)
    assert losses[1] == pytest.approx(-(own - log_prior.numpy()[labels]).mean() / 4)


@pytest.mark.parametrize("objective", ["generative", "hybrid"])
def test_noise_is_not_believed_for_rows_left_out_are_not_learnt_from(objective):
    rng = make_rng("noise")
    X, y = rng.standard_normal((90, 6)), rng.integers(0, 2, 90)
    model = InverseFlowClassifier(n_steps=2, width=16, objective=objective, max_epochs=25, n_folds=2, noise=0.0, random_state=0)
    assert model.fit(X, y).validation_loss_ > 0.67


@pytest.mark.parametrize(("n_classes", "objective"), [(2, None), (3, "generative"), (3, "hybrid")])
def test_the_classifier_keeps_its_contract(n_classes, objective):
    X, y = make_data(n_classes)
    labels = np.array(["low", "mid", "top"])[y]
    model = InverseFlowClassifier(objective=objective, random_state=3, **FAST | {"max_epochs": 15}).fit(X, labels)
    proba = model.predict_proba(X)
    assert proba.shape == (120, n_classes) and proba.dtype == np.float64 and (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])
    assert model.score(X, labels) > 0.8 and 0 < model.validation_loss_ < 1
    assert model.n_features_in_ == 7 and 1 <= model.n_epochs_ <= 15 and model.depth_ == 6
    assert objective in (None, model.objective_) and sorted(model.order_) == list(range(7))
    per_step = (3 + 1) + 2 * 7 + 8 * (3 + n_classes + 1) + 2 * 4 * (8 + 1)
    assert model.n_parameters_ == 2 * per_step + 2 * 7 * n_classes
    again = pickle.loads(pickle.dumps(clone(model).fit(X, labels)))
    assert again.predict_proba(X).tobytes() == proba.tobytes()
    np.testing.assert_allclose(model.predict_proba(X[7:9]), proba[7:9], rtol=1e-9)
    assert clone(model).set_params(random_state=4).fit(X, labels).predict_proba(X).tobytes() != proba.tobytes()


def test_probabilities_are_bayes_rule_of_the_flows_densities():
    X, y = make_data()
    model = InverseFlowClassifier(random_state=0, **FAST).fit(X, y)
    with torch.no_grad():
        rows = torch.from_numpy(X[:, model.order_])
        densities = [model.flow_.log_prob(rows, torch.full((120,), label)).numpy() for label in range(3)]
    joint = model.slope_ * np.stack(densities, axis=1) + np.log(np.bincount(y) / 120)
    np.testing.assert_allclose(model.predict_proba(X), softmax(joint, axis=1), rtol=1e-8, atol=1e-12)


def test_correlated_features_become_neighbours():
    X = make_rng("columns").standard_normal((300, 6))
    X[:, 5] = -X[:, 0] + 0.1 * X[:, 5]
    X[:, 3] = 2.0
    order = list(classifier_module._seriate(X))
    assert sorted(order) == list(range(6)) and abs(order.index(0) - order.index(5)) == 1


def test_torchs_global_state_is_neither_used_nor_changed():
    X, y = make_data(2)
    expected = InverseFlowClassifier(random_state=1, **FAST).fit(X, y).predict_proba(X).tobytes()
    with unusual_torch():
        assert InverseFlowClassifier(random_state=1, **FAST).fit(X, y).predict_proba(X).tobytes() == expected


@pytest.mark.parametrize("labels", [[0, 1], [0] * 18 + [1] * 2, [0] * 10 + [1] * 9 + [2], [0, 0, 1]])
def test_tiny_tables_are_learnt(labels):
    X = make_rng("tiny").standard_normal((len(labels), 1)) + np.array(labels)[:, None]
    model = InverseFlowClassifier(random_state=0, n_steps=1, width=4, max_epochs=2).fit(X, labels)
    assert np.isfinite(model.predict_proba(X)).all()


def test_constant_and_huge_inputs_do_no_harm():
    X, y = make_data(2)
    X = np.column_stack([X, np.full(120, 3.0), 1e4 * X[:, 0]])
    model = InverseFlowClassifier(random_state=0, **FAST).fit(X, y)
    assert np.isfinite(model.predict_proba(1e3 * X)).all()


def test_flowers_are_told_apart():
    X, y = map(np.asarray, load_iris(return_X_y=True))
    X = StandardScaler().fit_transform(X)
    model = InverseFlowClassifier(objective="generative", n_steps=2, n_folds=2, max_epochs=30, random_state=0)
    assert model.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.88


def test_unusable_calls_of_the_classifier_are_refused_by_name():
    X, y = make_data(2)
    for name, value in (
        *((name, 0) for name in ("n_steps", "width", "n_taps", "max_epochs", "patience", "epoch_rows", "batch_size")),
        ("n_folds", 1),
        ("objective", "cross entropy"),
        ("learning_rate", 0),
        ("noise", -1),
        ("weight_decay", -1),
    ):
        with pytest.raises(ConfigError, match=name):
            InverseFlowClassifier(**{name: value}).fit(X, y)
    with pytest.raises(DataError, match="at least 2 classes"):
        InverseFlowClassifier().fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="NaN"):
        InverseFlowClassifier().fit(np.where(X > 2, np.nan, X), y)


def test_the_method_takes_raw_tables():
    X, y = load_wine(return_X_y=True, as_frame=True)
    X = X.assign(kind=np.where(X.alcohol > 13, "strong", "light"))
    X.loc[::9, "ash"] = np.nan
    model = METHOD.make(random_state=0, **FAST).fit(X, y)
    assert model.predict_proba(X).shape == (178, 3) and model.score(X, y) > 0.9
    size = METHOD.size(model)
    assert size.n_parameters == model[-1].n_parameters_ and size.depth == 6
    assert METHOD.name == NATIVE.name == "inverse-flow" and isinstance(X, pandas.DataFrame)


def test_importing_the_room_is_light():
    code = "import sys, propneat.methods.inverse_flow; print({'torch', 'matplotlib'} & set(sys.modules))"
    lines = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "torch" not in lines and "matplotlib" not in lines


def test_a_blur_is_recovered_from_pairs():
    found = deblur_study(DeblurPlan(40, 400, 0.03), 0, "cpu", lambda step, done, total: None)
    assert all(claim.holds for claim in deblur_claims(found)) and found["errors"][0] > 0.1


def test_both_directions_need_the_same_bits_in_the_mean_of_runs_and_are_exact_in_the_worst():
    def run_of(ours: float, control: float, error: float = 1e-4) -> dict:
        epochs = [{"reconstruction": error, "gain": 9.0}, {"reconstruction": 1e-5, "gain": 3.0}]
        return {
            "ways": {
                way: {"bits": bits, "epochs": epochs, "latent_error": 1e-9}
                for way, bits in (("inverse-flow", ours), ("FInC-style", control))
            }
        }

    runs = [run_of(2.0 + k / 10, 2.0 + k / 10 - gap) for k, gap in enumerate((0.05, 0.15, 0.05, 0.15, 0.05))]
    assert all(claim.holds and claim.n_runs == 5 for claim in flow_claims(runs))
    same = flow_claims(runs)[-1]
    assert same.value == pytest.approx(0.09) and same.interval[0] < 0.09 < same.interval[1]
    assert not flow_claims([run_of(2.0, 1.5), *runs[1:]])[-1].holds
    worse = {claim.name: claim.holds for claim in flow_claims([*runs[:4], run_of(2.4, 2.35, 2e-3)])}
    assert [name for name, holds in worse.items() if not holds] == [
        f"digits, {way}: largest reconstruction error of any epoch" for way in ("inverse-flow", "FInC-style")
    ]


@pytest.mark.parametrize(("activation", "is_linear"), [("none, as drawn", True), ("LeakyReLU", False)])
def test_the_papers_classifier_as_drawn_is_affine(activation, is_linear):
    model = DrawnClassifier(5, 4, activation, torch.Generator().manual_seed(0)).double()
    assert sum(layer.raw[0, 0].numel() - 1 for layer in model.layers) == 16
    a, b = normal(6, 1, 5, 5), normal(6, 1, 5, 5, seed=1)
    with torch.no_grad():
        gap = (model(3 * a - 2 * b) - 3 * model(a) + 2 * model(b)).abs().max()
    assert (float(gap) < 1e-12) == is_linear


def test_the_native_study_runs_end_to_end_and_learns_the_same_again(tmp_path):
    flow = FlowStudyPlan(FlowPlan(n_steps=1, width=4), FlowTraining(1, 50), 100)
    speed = SpeedPlan(((3, 8, 8), (1, 8, 8)), FlowPlan(n_steps=1, width=4), ((1, 2), (3, 1)))
    size = StudySize(
        AlgorithmPlan((4, 8), (4, 8), (4, 8), 4, 2, 2, 2), flow, speed, DeblurPlan(20, 5), DrawnPlan(2, 1), 2, 60, 2
    )
    steps: dict[str, list[int]] = {}
    request = NativeRun(tmp_path, progress=lambda step, done, total: steps.setdefault(step, []).append(total - done))
    outcomes = [run_sized(request, size) for _ in range(2)]
    kept = [
        json.dumps(
            [
                [run["ways"] for run in data["flows"]],
                data["deblurring"],
                data["drawn"],
                data["tables"],
                data["solver"]["errors"],
            ]
        )
        for data in (outcome.data for outcome in outcomes)
    ]
    assert kept[0] == kept[1]
    json.dumps(dict(outcomes[0].data), allow_nan=False)
    assert all(values[-1] == 0 for values in steps.values()) and len(steps) == 9
    for name in outcomes[0].figures:
        assert (tmp_path / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    claims = {claim.name: claim for claim in outcomes[0].claims}
    assert len(claims) == len(outcomes[0].claims) and all(isinstance(claim.holds, bool) for claim in claims.values())
    exact = [claim for name, claim in claims.items() if "float64" in name or "affine" in name or "sequential" in name]
    assert len(exact) == 7 and all(claim.holds for claim in exact)
    # five updates teach nothing
    assert not claims["deblurring: largest error of a learnt tap"].holds
    module, function = NATIVE.home.split(":")
    assert getattr(import_module(module), function) is run
    with pytest.raises(ConfigError, match="device must be one that torch can use"):
        run(NativeRun(tmp_path, device="nowhere"))
