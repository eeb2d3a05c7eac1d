"""Forecasts of the next step: what follows is learnt from what was, beside the forecast that nothing changes."""

import json

import numpy as np
import pandas
import pytest
from sklearn.base import clone
from sklearn.metrics import r2_score

from propneat import PropNEATRegressor
from propneat.base.errors import ConfigError, DataError, GenomeError
from propneat.compiler import compile_genome
from propneat.data.next_steps import NextSteps, cut_windows, window_size
from propneat.data.sequence_rows import CHANGE, VALUE, SequenceRows
from propneat.model import load_model
from propneat.search.judging import mean_loss
from propneat.training import Sequences, TrainingConfig, train_population

FAST = {"generations": 12, "populations": 1, "population_size": 60, "size_penalty": 0.0, "random_state": 0}


def wave(n_steps: int, phase: float = 0.0) -> np.ndarray:
    """A sine, of which each value follows from the two before it and not from one alone, shape (n_steps, 1)."""
    return np.sin(phase + 0.6 * np.arange(n_steps))[:, None]


@pytest.fixture(scope="module")
def fitted() -> PropNEATRegressor:
    return PropNEATRegressor(**FAST, next_step=0).fit(wave(300))


class TestSteps:
    """Which steps are forecast from, and windows."""

    @pytest.mark.parametrize(("n_steps", "size"), [(2, 4), (9, 4), (12, 4), (13, 4), (100, 10)])
    def test_windows_forecast_every_step_of_a_series_once(self, n_steps, size):
        order = np.random.default_rng(0).permutation(n_steps)
        steps = NextSteps.of(cut_windows(order, size))
        assert steps.now.tolist() == order[:-1].tolist() and steps.next.tolist() == order[1:].tolist()
        assert steps.step.max() < size

    def test_steps_are_those_that_another_of_the_sequence_follows(self):
        rows = SequenceRows.of(pandas.Series(["a", "b", "a", "c", "a"]), None)
        steps = NextSteps.of(rows)
        assert steps.now.tolist() == [0, 2] and steps.next.tolist() == [2, 4]
        assert NextSteps.of(rows, since=2).now.tolist() == [2]
        values = np.arange(5.0)[:, None]
        assert steps.at(rows.stack(values))[:, 0].tolist() == [0.0, 2.0]
        assert rows.flat(rows.stack(values))[:, 0].tolist() == rows.rows.tolist() == [0, 2, 4, 1, 3]

    def test_windows_are_a_tenth_of_a_series_within_bounds(self):
        assert [window_size(n) for n in (20, 300, 5000)] == [4, 30, 100]


class TestEstimator:
    """Series and sequences as arrays and DataFrames."""

    def test_what_two_steps_tell_is_learnt_by_memory(self, fitted):
        new = wave(200, 1.0)
        assert fitted.score(new) > 0.99 and fitted.champion_.is_recurrent
        assert r2_score(new[1:], new[:-1]) < 0.7

    def test_forecasts_are_of_the_next_step_and_know_nothing_of_it(self, fitted):
        series = wave(50)
        forecasts = fitted.predict(series)
        assert forecasts.shape == (50,)
        assert r2_score(series[21:, 0], forecasts[20:-1]) > 0.99
        changed = series.copy()
        changed[30:] = 0.3
        np.testing.assert_array_equal(fitted.predict(changed)[:30], forecasts[:30])
        assert fitted.predict(changed)[30] != forecasts[30]

    def test_sequences_have_a_forecast_for_every_step(self):
        X = np.stack([wave(12, phase) for phase in np.linspace(0, 6, 40)])
        X[3, 7:] = np.nan
        model = PropNEATRegressor(**FAST, next_step=0).fit(X)
        found = model.predict(X)
        assert found.shape == (40, 12) and np.isnan(found[3, 7:]).all() and np.isnan(found).sum() == 5
        truth, asked = X[:, 1:, 0], ~np.isnan(X[:, 1:, 0])
        assert model.score(X) == pytest.approx(r2_score(truth[asked], found[:, :-1][asked]), abs=1e-12)

    def test_a_series_that_grows_is_forecast_beyond_what_was_learnt_from(self):
        series = pandas.DataFrame({"level": 5.0 * np.arange(120.0) + 3, "other": np.arange(120) % 3})
        model = PropNEATRegressor(**FAST | {"generations": 2}, next_step="level").fit(series[:80])
        assert model.model_.sequence.next_step == CHANGE and model.feature_names_in_.tolist() == ["level", "other"]
        np.testing.assert_allclose(model.predict(series[80:])[:-1], series["level"][81:], atol=0.5)

    def test_what_is_noise_is_learnt_as_it_is(self):
        noise = np.random.default_rng(0).standard_normal((120, 1))
        model = PropNEATRegressor(**FAST | {"generations": 2}, next_step=0).fit(noise)
        assert model.model_.sequence.next_step == VALUE and abs(model.predict(noise).mean()) < 0.5

    def test_the_same_state_gives_the_same_network(self, fitted):
        assert clone(fitted).fit(wave(300)).champion_ == fitted.champion_

    def test_the_file_of_a_model_says_that_it_forecasts(self, fitted, tmp_path):
        fitted.save(tmp_path / "model.json")
        np.testing.assert_array_equal(load_model(tmp_path / "model.json").predict(wave(20)), fitted.predict(wave(20)))
        document = json.loads(fitted.to_json())
        assert document["model"]["sequence"] == {"id": None, "time": None, "next_step": fitted.model_.sequence.next_step}
        document["model"]["sequence"]["next_step"] = "soon"
        (tmp_path / "model.json").write_text(json.dumps(document))
        with pytest.raises(GenomeError, match="next_step, value or change, or answer"):
            load_model(tmp_path / "model.json")

    @pytest.mark.parametrize(
        ("parameters", "arguments", "error", "message"),
        [
            ({"next_step": 0}, (wave(50), wave(50)[:, 0]), ConfigError, "leave y and sample_weight out"),
            ({"next_step": 0, "answer": "mean"}, (wave(50),), ConfigError, "is for one answer a sequence"),
            ({"next_step": 1}, (wave(50),), ConfigError, "next_step is the name or the position of one of 1 columns"),
            ({"next_step": "x"}, (wave(50),), ConfigError, "not 'x': did you mean 'x0'"),
            (
                {"next_step": "levl"},
                (pandas.DataFrame({"level": range(50), "other": 1}),),
                ConfigError,
                "not 'levl': did you mean 'level'",
            ),
            ({"next_step": 0}, (wave(9),), DataError, "at least 4 sequences of two steps or more, or windows of one"),
            ({"next_step": 0}, (np.ones((60, 1)),), DataError, "the same value at every step"),
            ({"next_step": 0}, (np.where(np.arange(60) == 7, np.nan, 1.0)[:, None],), DataError, "missing in 1 of 60 rows"),
            ({}, (wave(50),), DataError, "requires y to be passed"),
        ],
    )
    def test_what_cannot_be_learnt_is_one_sentence(self, parameters, arguments, error, message):
        with pytest.raises(error, match=message):
            PropNEATRegressor(**FAST, **parameters).fit(*arguments)


def test_a_loss_at_every_step_is_the_same_to_the_search_as_to_the_engine(fitted):
    rng = np.random.default_rng(0)
    X, lengths = rng.standard_normal((9, 6, 1)), rng.integers(1, 7, 9)
    steps = Sequences.make(X, rng.standard_normal((9, 6, 1)), rng.random(9) + 0.5, lengths)
    plan = compile_genome(fitted.champion_)
    outputs = steps.answers(plan)
    assert outputs.shape == (lengths.sum(), 1)
    from propneat.compiler import compile_pool
    from propneat.genome import GenePool

    population = compile_pool(GenePool.pack([fitted.champion_]))
    trained = train_population(population, steps, TrainingConfig(epochs=0, loss="mse"), rng, validation=steps)
    assert mean_loss("mse", outputs, steps)[0] == pytest.approx(trained.validation_loss[0], rel=1e-4)
    assert mean_loss("mse", outputs, steps.with_targets(outputs))[0] == pytest.approx(0.0, abs=1e-9)


class TestCommand:
    """`propneat evolve --next-step`."""

    SMALL = ("--generations", "6", "--populations", "1", "--population", "40", "--size-penalty", "0", "--seed", "0")

    def test_one_series_is_divided_by_time_and_held_against_persistence(self, folder, run):
        values = 10 + 5 * wave(160)[:, 0]
        table = pandas.DataFrame({"day": np.arange(160), "height": values}).sample(frac=1.0, random_state=1)
        table.to_csv("tide.csv", index=False)
        options = ("--next-step", "height", "--time", "day", *self.SMALL)
        code, out, said = run("evolve", "tide.csv", *options, "--no-report", "--out", "first")
        assert code == 0, said
        assert "series: 160 steps in the order of 'day', the last 40 held out, the others learnt in windows of 12" in said
        assert "forecasts: at every step 'height' of the next one, learnt as the change to it, which varies less" in said
        assert "persistence of the value before: R²" in out and "on 40 steps held out" in out
        summary = json.loads((folder / "first/summary.json").read_text())
        known = r2_score(values[120:], values[119:-1])
        assert summary["baselines"][0]["name"] == "persistence" and summary["unit"] == "steps"
        assert summary["baselines"][0]["test"]["r2"] == pytest.approx(known, abs=1e-6)
        assert summary["test"]["r2"] > known
        code, out, _ = run("predict", "first/champion.json", "tide.csv")
        answers = pandas.read_csv(pandas.io.common.StringIO(out))
        assert answers.columns.tolist() == ["day", "prediction"] and answers["day"].tolist() == table["day"].tolist()
        forecast = answers.sort_values("day")["prediction"].to_numpy()
        assert r2_score(values[120:], forecast[119:-1]) == pytest.approx(summary["test"]["r2"], abs=1e-6)
        code, out, said = run("predict", "first/champion.json", "tide.csv", "--score", "--json")
        assert json.loads(out)["scores"]["r2"] == pytest.approx(r2_score(values[1:], forecast[:-1]), abs=1e-6)
        assert "1 of 160 rows have no step after them to score" in said
        assert "forecasts   height of the next step, as the change to it" in run("show", "first/champion.json")[1]
        held = table.copy()
        held.loc[table["day"] == 50, "height"] = np.nan
        held.to_csv("hole.csv", index=False)
        row = int(np.flatnonzero(table["day"] == 50)[0]) + 1
        code, out, said = run("predict", "first/champion.json", "hole.csv", "--score", "--json")
        assert f"no answer for 1 of 160 rows: a forecast adds to 'height', which has no number on row {row}" in said
        assert "overflows" not in said and "1 of 160 rows have no forecast to score" in said
        assert code == 0 and json.loads(out)["scores"]["r2"] == pytest.approx(r2_score(values[1:], forecast[:-1]), abs=0.1)
        code, out, _ = run("evolve", "tide.csv", *options, "--dry-run")
        assert code == 0 and "the last 40 held out" in out

    def test_classes_of_sequences_are_forecast_with_a_report(self, folder, run):
        steps, walks = np.tile(np.arange(10), 30), np.repeat(np.arange(30), 10)
        signs = np.array(["red", "amber", "green"])[(steps + walks) % 3]
        pandas.DataFrame({"walk": walks, "t": steps, "sign": signs}).to_csv("signs.csv", index=False)
        options = ("--next-step", "sign", "--sequence-id", "walk", "--time", "t", *self.SMALL)
        code, out, said = run("evolve", "signs.csv", *options, "--out", "first")
        assert code == 0, said
        summary = json.loads((folder / "first/summary.json").read_text())
        assert summary["test"]["balanced_accuracy"] == 1.0 and summary["test_rows"] == 8 * 9
        persistence, *others = summary["baselines"]
        assert persistence["test"]["balanced_accuracy"] == 0.0 and len(others) == 2
        # no step keeps its class
        assert persistence["test"]["log_loss"] == pytest.approx(-np.log((1 - 0.51) / 2))
        assert (folder / "first/report.html").is_file() and "persistence" in (folder / "first/report.html").read_text()
        code, out, _ = run("predict", "first/champion.json", "signs.csv", "--proba")
        answers = pandas.read_csv(pandas.io.common.StringIO(out))
        assert len(answers) == 300 and answers.columns.tolist()[:3] == ["walk", "t", "prediction"]
        assert (answers["prediction"].to_numpy()[:-1][steps[:-1] < 9] == signs[1:][steps[:-1] < 9]).all()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (("--next-step", "height", "--target", "height"), "there is no target 'height' too"),
            (("--next-step", "height", "--answer", "mean"), "is for one answer a sequence"),
            (("--next-step", "hight"), "has no column 'hight': did you mean 'height'?"),
            (("--next-step", "height", "--time", "height"), "cannot be two of"),
            (("--next-step", "height", "--cv", "3"), "one series is divided by time"),
            (("--next-step", "height", "--class-weight", "balanced"), "class_weight is for one answer a row"),
            (("--next-step", "gap"), "column 'gap' has no value in row 3"),
            (("--next-step", "date"), "column 'date' holds dates, and what is forecast is a number or a class"),
            (("--next-step", "height", "--drop", "height"), "'height' is an input too, of the steps before: do not drop it"),
            (("--target", "height", "--time", "day"), "needs a sequence_id"),
        ],
    )
    def test_a_wrong_option_is_one_sentence(self, folder, run, options, message):
        table = pandas.DataFrame({"day": np.arange(60), "height": wave(60)[:, 0], "gap": wave(60)[:, 0]})
        table.loc[2, "gap"] = np.nan
        table["date"] = pandas.date_range("2020-01-01", periods=60).strftime("%Y-%m-%d")
        table.to_csv("tide.csv", index=False)
        code, out, said = run("evolve", "tide.csv", *options, "--out", "x")
        assert code == 2 and out == "" and message in said and not (folder / "x").exists()
