"""Sequences from tables and arrays to answers: what needs memory is learnt with it and not without, and kept in every file."""

import json

import numpy as np
import pandas
import pytest
from sklearn.base import clone

from propneat import PropNEATClassifier, PropNEATEnsembleClassifier, PropNEATRegressor
from propneat.base.errors import ConfigError, DataError, GenomeError
from propneat.compiler import compile_genome, evaluate
from propneat.data.sequence_rows import SequenceColumns, SequenceRows, read_arrays
from propneat.model import load_model
from propneat.search import Problem, evolve
from propneat.settings.evolve_config import EvolveConfig, default_config
from propneat.training import Samples, Sequences

FAST = {"generations": 20, "populations": 1, "population_size": 80, "size_penalty": 0.0, "random_state": 0}


def bits(seed: int, n_sequences: int, n_steps: int) -> np.ndarray:
    return (np.random.default_rng(seed).random((n_sequences, n_steps, 1)) > 0.5).astype(float)


def delayed_xor(seed: int, n_sequences: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Whether the first and the last of three bits differ: the last step says nothing of it."""
    X = bits(seed, n_sequences, 3)
    return X, (X[:, 0, 0] != X[:, -1, 0]).astype(int)


def long_table(X: np.ndarray, y: np.ndarray, seed: int) -> pandas.DataFrame:
    """A row for every step, in no order."""
    n_sequences, n_steps = X.shape[:2]
    frame = pandas.DataFrame(X.reshape(-1, X.shape[2]), columns=[f"bit{k}" for k in range(X.shape[2])])
    frame.insert(0, "walk", np.repeat([f"w{k}" for k in range(n_sequences)], n_steps))
    frame.insert(1, "second", np.tile(np.arange(n_steps), n_sequences))
    frame["answer"] = np.repeat(np.where(y, "odd", "even"), n_steps)
    return frame.sample(frac=1.0, random_state=seed)


@pytest.fixture(scope="module")
def fitted() -> PropNEATClassifier:
    return PropNEATClassifier(**FAST).fit(*delayed_xor(0))


class TestClosedTasks:
    """Tasks that memory solves and nothing else can."""

    def test_delayed_xor_is_solved_with_memory(self, fitted):
        assert fitted.champion_.is_recurrent and fitted.score(*delayed_xor(1)) == 1.0

    def test_delayed_xor_is_beyond_a_network_without_memory(self):
        blind = PropNEATClassifier(**FAST, evolution={"recurrent_rate": 0.0}).fit(*delayed_xor(0))
        assert not blind.champion_.is_recurrent and blind.score(*delayed_xor(1, 1000)) < 0.6

    def test_a_bit_of_two_steps_before_is_recalled(self):
        X, test = bits(2, 150, 5), bits(3, 200, 5)
        assert PropNEATClassifier(**FAST).fit(X, X[:, 2, 0]).score(test, test[:, 2, 0]) == 1.0

    def test_a_sum_over_sequences_of_any_length_is_learnt(self):
        rng = np.random.default_rng(4)
        X = rng.standard_normal((200, 6, 1))
        X[np.arange(6) >= rng.integers(2, 7, 200)[:, None]] = np.nan
        y = np.nansum(X, axis=(1, 2))
        model = PropNEATRegressor(**FAST).fit(X[:140], y[:140])
        assert model.score(X[140:], y[140:]) > 0.98
        last = X[np.arange(200), (~np.isnan(X[:, :, 0])).sum(axis=1) - 1, 0]
        assert np.corrcoef(last, y)[0, 1] ** 2 < 0.7


class TestEstimators:
    """Arrays of sequences behind scikit-learn's contract."""

    def test_answers_are_the_champion_s_at_the_last_step(self, fitted):
        X, _ = delayed_xor(5, 20)
        inputs = fitted.read_inputs(X)
        outputs = evaluate(fitted.model_.plan, inputs)[:, -1, 0]
        np.testing.assert_array_equal(fitted.decision_function(X), outputs)
        assert fitted.n_features_in_ == 1 and inputs.shape == (20, 3, 1)

    def test_the_same_state_gives_the_same_network_and_another_copy_of_the_parameters(self, fitted):
        again = clone(fitted).fit(*delayed_xor(0))
        assert again.champion_ == fitted.champion_ and again.history_ == fitted.history_

    def test_sequences_may_be_shorter_and_miss_values(self):
        X = np.array([[[1.0, np.nan], [2.0, 3.0]], [[4.0, 5.0], [np.nan, np.nan]]])
        rows, found = read_arrays(X)
        assert found.lengths.tolist() == [2, 1] and rows.shape == (3, 2) and np.isnan(rows[0, 1])
        with pytest.raises(DataError, match="sequence 1 has no step"):
            read_arrays(np.array([[[1.0]], [[np.nan]]]))

    def test_a_model_of_sequences_says_so_in_its_file(self, fitted, tmp_path):
        fitted.save(tmp_path / "model.json")
        model = load_model(tmp_path / "model.json")
        X, _ = delayed_xor(6, 30)
        assert model.sequence == SequenceColumns() and model.predict(X).tolist() == fitted.predict(X).tolist()
        document = json.loads(fitted.to_json())
        assert document["schema"] == "propneat.genome/3" and document["model"]["sequence"] == {"id": None, "time": None}
        for wrong in ({"id": None, "time": "t"}, {"id": 1, "time": None}, {"id": "a"}, []):
            document["model"]["sequence"] = wrong
            (tmp_path / "wrong.json").write_text(json.dumps(document))
            with pytest.raises(GenomeError, match="'sequence' must be an object"):
                load_model(tmp_path / "wrong.json")

    @pytest.mark.parametrize(
        ("X", "message"),
        [
            (np.zeros((3, 4, 2)), "expected sequences of 1 features as in fit, got 2"),
            (np.zeros((3, 1)), "expected sequences, an array of shape"),
            (np.full((3, 4, 1), np.inf), "infinite value"),
        ],
    )
    def test_other_arrays_are_refused(self, fitted, X, message):
        with pytest.raises(DataError, match=message):
            fitted.predict(X)

    def test_an_ensemble_joins_networks_of_sequences(self, fitted):
        ensemble = PropNEATEnsembleClassifier(clone(fitted), n_populations=1, random_state=0).fit(*delayed_xor(0))
        assert ensemble.score(*delayed_xor(1)) == 1.0 and ensemble.predict_proba(delayed_xor(1, 9)[0]).shape == (9, 2)

    def test_rows_have_no_step_before(self):
        with pytest.raises(ConfigError, match="a recurrent_rate of 0.2 is for sequences, and single rows have no step before"):
            PropNEATClassifier(**FAST, evolution={"recurrent_rate": 0.2}).fit(np.eye(12), np.arange(12) % 2)
        with pytest.raises(ConfigError, match="retrain fills the layers of networks of single rows"):
            PropNEATClassifier(**FAST, retrain=True).fit(*delayed_xor(0))

    def test_no_export_takes_a_recurrent_model(self, fitted):
        from propneat.export.c_export import export_c
        from propneat.export.micropython import micropython_text

        model = fitted.model_
        for write in (lambda: model.formula, model.to_sympy, lambda: export_c(model), lambda: micropython_text(model)):
            with pytest.raises(GenomeError, match="has no memory, and this network is recurrent"):
                write()
        onnx_form = pytest.importorskip("propneat.export.onnx_form")
        with pytest.raises(GenomeError, match="a model in ONNX has no memory"):
            onnx_form.to_onnx(model)


class TestLongTables:
    """Tables with a row for every step."""

    def test_rows_become_steps_in_the_order_of_time(self):
        frame = pandas.DataFrame({"id": ["b", "a", "b", "a", "b"], "t": [3, 2, 1, 1, 2], "x": [30.0, 2.0, 10.0, 1.0, 20.0]})
        rows = SequenceColumns("id", "t").rows_of(frame)
        assert rows.ids.tolist() == ["b", "a"] and rows.lengths.tolist() == [3, 2]
        steps = rows.stack(frame[["x"]].to_numpy())
        assert steps[:, :, 0].tolist() == [[10.0, 20.0, 30.0], [1.0, 2.0, 0.0]]
        assert rows.answered(steps, "last")[:, 0].tolist() == [30.0, 2.0]
        chosen, part = rows.part(np.array([1]))
        assert frame["x"].iloc[chosen].tolist() == [1.0, 2.0] and part.stack(np.array([[1.0], [2.0]])).shape == (1, 2, 1)
        assert SequenceColumns("id").rows_of(frame).rows.tolist() == [0, 2, 4, 1, 3]
        frame["t"] = ["2024-01-03", "2024-01-02", "2023-12-31", "2024-01-01T12:00", "2024-01-01"]
        assert SequenceColumns("id", "t").rows_of(frame).rows.tolist() == rows.rows.tolist()

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"id": ["a", None], "t": [1, 2]}, "the sequence id 'id' is missing in row 2"),
            ({"id": ["a", " "], "t": [1, 2]}, "the sequence id 'id' is missing in row 2"),
            ({"id": ["a", "a"], "t": [1, 1]}, "sequence 'a' has two rows at the time 1"),
            ({"id": ["a", "a"], "t": [1, "soon"]}, "the time 't' must be a number in every row, .* and row 2 has 'soon'"),
            ({"id": ["a", "a"]}, "no column 't'"),
        ],
    )
    def test_what_is_no_sequence_is_named(self, columns, message):
        with pytest.raises(DataError, match=message):
            SequenceColumns("id", "t").rows_of(pandas.DataFrame(columns))

    def test_a_sequence_has_one_answer(self):
        rows = SequenceRows.of(pandas.Series(["a", "a", "b"], name="id"), None)
        assert rows.answers(["yes", "yes", "no"]).tolist() == ["yes", "no"]
        with pytest.raises(DataError, match="sequence 'a' has the targets 'yes' and 'no': one answer for a sequence is learnt"):
            rows.answers(["yes", "no", "no"])

    def test_evolve_predict_and_score_a_table_of_sequences(self, folder, run):
        X, y = delayed_xor(7, 140)
        long_table(X, y, 0).to_csv("walks.csv", index=False)
        options = ("--target", "answer", "--sequence-id", "walk", "--time", "second", "--seed", "0", "--size-penalty", "0")
        small = ("--generations", "15", "--populations", "1", "--population", "60")
        code, _, said = run("evolve", "walks.csv", *options, *small, "--out", "first")
        assert code == 0, said
        assert "sequences: 140 of 3 to 3 steps, told apart by 'walk', steps in the order of 'second'" in said
        assert "memory: a new connection is recurrent with a chance of 0.5" in said
        model = load_model("first/champion.json")
        assert model.sequence == SequenceColumns("walk", "second") and model.genome.is_recurrent
        X, y = delayed_xor(8, 60)
        table = long_table(X, y, 1)
        table.to_csv("new.csv", index=False)
        code, out, _ = run("predict", "first/champion.json", "new.csv")
        answers = pandas.read_csv(pandas.io.common.StringIO(out))
        assert answers["walk"].tolist() == table["walk"].drop_duplicates().tolist()
        truth = table.drop_duplicates("walk").set_index("walk")["answer"]
        right = (answers.set_index("walk")["prediction"] == truth).mean()
        code, out, _ = run("predict", "first/champion.json", "new.csv", "--score", "--json")
        assert code == 0 and json.loads(out)["scores"]["balanced_accuracy"] > 0.95 and right > 0.95
        code, out, _ = run("export", "first/champion.json", "--to", "js")
        assert code == 2 and out == ""
        code, _, _ = run("evolve", "walks.csv", *options, *small[2:], "--generations", "4", "--out", "second")
        code, _, _ = run("evolve", "--resume", "second", "--generations", "15")
        for name in ("champion.json", "history.csv"):
            assert (folder / "first" / name).read_bytes() == (folder / "second" / name).read_bytes()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (("--answer", "mean"), "answer 'mean' is for sequences"),
            (("--answer", "first"), "answer must be one of last, mean, not 'first'"),
            (("--time", "second"), "needs a sequence_id"),
            (("--sequence-id", "walks"), "no column 'walks' to tell sequences or their steps apart by: did you mean 'walk'?"),
            (("--sequence-id", "answer"), "cannot be two of the target, the sequence id and the time"),
            (("--sequence-id", "second"), "one answer for a sequence is learnt"),
            (("--recurrent-rate", "0.5"), "a recurrent_rate of 0.5 is for sequences"),
        ],
    )
    def test_a_wrong_option_is_one_sentence(self, folder, run, options, message):
        long_table(*delayed_xor(0, 12), 0).to_csv("walks.csv", index=False)
        code, out, said = run("evolve", "walks.csv", "--target", "answer", *options, "--out", "x")
        assert code == 2 and out == "" and message in said and not (folder / "x").exists()

    def test_a_sequence_that_would_lose_steps_is_refused(self, folder, run):
        table = long_table(*delayed_xor(0, 12), 0).sort_values(["walk", "second"])
        table.loc[table.index[1], "answer"] = None
        table.to_csv("walks.csv", index=False)
        code, _, said = run("evolve", "walks.csv", "--target", "answer", "--sequence-id", "walk", "--out", "x")
        assert code == 2 and "sequence 'w0' has a target 'answer' in some of its rows only" in said


def test_several_populations_become_one_recurrent_network():
    X, y = delayed_xor(9)
    sequences = Sequences.make(X, y)
    base = default_config()
    config = EvolveConfig(
        generations=15,
        populations=2,
        size_penalty=0.0,
        prune_epochs=20,
        evolution=base.evolution.__class__(**{**vars(base.evolution), "recurrent_rate": 0.5, "population_size": 80}),
        training=base.training,
    )
    problem = Problem(sequences.take(np.arange(100)), sequences.take(np.arange(100, 160)), "binary")
    result = evolve(problem, config)
    assert result.champion.is_recurrent
    outputs = sequences.answers(compile_genome(result.champion))
    assert ((outputs[:, 0] > 0) == y).mean() > 0.95
    with pytest.raises(ConfigError, match="is for sequences"):
        evolve(Problem(*[Samples.make(np.eye(6), np.arange(6) % 2)] * 2, "binary"), config)


def test_a_network_of_sequences_is_shown_without_a_formula(run, folder):
    long_table(*delayed_xor(0, 40), 0).to_csv("walks.csv", index=False)
    options = ("--target", "answer", "--sequence-id", "walk", "--time", "second", "--generations", "1", "--populations", "1")
    small = (*options, "--population", "8", "--fine-tune-epochs", "2", "--quiet")
    assert run("evolve", "walks.csv", *small, "--out", "a")[0] == 0
    code, out, err = run("show", "a/champion.json")
    assert code == 0 and "layer 1" in out and "formula, " not in out and not err
    code, _, err = run("evolve", "walks.csv", *small, "--retrain", "--out", "b")
    assert code == 2 and "these are sequences" in err and not (folder / "b").exists()


class TestMeanAnswers:
    """Sequences answered by the mean of what a network says at every step."""

    def test_what_the_mean_tells_is_learnt_without_memory(self, tmp_path):
        rng = np.random.default_rng(0)
        y = rng.integers(0, 2, 200)
        X = rng.standard_normal((200, 12, 1)) + 0.7 * (2 * y - 1)[:, None, None]
        X[np.arange(12) >= rng.integers(8, 13, 200)[:, None]] = np.nan
        settings = FAST | {"generations": 5, "evolution": {"recurrent_rate": 0.0}}
        model, last = (PropNEATClassifier(**settings, answer=answer).fit(X[:140], y[:140]) for answer in ("mean", "last"))
        assert model.score(X[140:], y[140:]) > 0.9 and last.score(X[140:], y[140:]) < 0.85
        steps = evaluate(model.model_.plan, model.read_inputs(X))[:, :, 0]
        within = ~np.isnan(X[:, :, 0])
        expected = np.where(within, steps, 0).sum(axis=1) / within.sum(axis=1)
        np.testing.assert_allclose(model.decision_function(X), expected, rtol=1e-12, atol=1e-12)
        model.save(tmp_path / "model.json")
        again = load_model(tmp_path / "model.json")
        assert again.sequence == SequenceColumns(answer="mean") and again.predict(X).tolist() == model.predict(X).tolist()

    def test_the_command_answers_and_scores_by_the_mean(self, folder, run):
        y = np.arange(60) % 2
        X = np.random.default_rng(1).standard_normal((60, 5, 1)) + 0.7 * (2 * y - 1)[:, None, None]
        long_table(X, y, 0).to_csv("walks.csv", index=False)
        options = ("--target", "answer", "--sequence-id", "walk", "--time", "second", "--answer", "mean", "--seed", "0")
        small = ("--generations", "3", "--populations", "1", "--population", "20")
        code, out, said = run("evolve", "walks.csv", *options, *small, "--out", "first", "--json")
        assert code == 0 and "answers: one for each sequence, the mean over its steps" in said, said
        summary = json.loads(out)
        assert summary["test_rows"] == 16 and len(summary["baselines"]) == 2 and summary["test"]["auc"] > 0.8
        code, out, _ = run("predict", "first/champion.json", "walks.csv", "--score", "--json")
        assert code == 0 and json.loads(out)["scores"]["auc"] > 0.8
