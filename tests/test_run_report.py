"""The report of a run: its numbers against scikit-learn's and against plain loops, its page, and the commands that write it."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas
import pytest
from sklearn.inspection import permutation_importance as sklearn_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss, r2_score, roc_auc_score, root_mean_squared_error

from propneat.base.records import finite_or_none
from propneat.model import load_model
from propneat.model.importance import partial_dependence
from propneat.model.intervals import Answers, _scores, compare_answers, score_all, score_intervals
from propneat.run import open_run_folder, prepare_run
from propneat.run.folder import RunFolder
from propneat.run.judging import JUDGED, Judgement, judge
from propneat.run.life import settings_of_run
from propneat.run.report import write_report
from propneat.run.session import settled

TINY = ("--generations", "2", "--populations", "1", "--population", "10", "--fine-tune-epochs", "20", "--prune-epochs", "1")
EVIL = "<script>alert(1)</script>"


def write_table(path: Path, *, regression: bool = False) -> None:
    """Write 120 rows in which `size` decides, `kind` helps, and `noise` does not; names and levels are as bad as they get."""
    rng = np.random.default_rng(3)
    size, noise, kind = rng.normal(size=120), rng.normal(size=120), rng.choice(["<b>a", "b&c", "d"], 120)
    score = size * 2 + (kind == "d")
    answer = score + rng.normal(0, 0.3, 120) if regression else np.where(score > rng.normal(0.3, 0.3, 120), "</td>yes", "no")
    pandas.DataFrame({EVIL: size, "a&\"b'": noise, "kind": kind, "<i>y": answer}).to_csv(path, index=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a finished run of two classes and one of a number, made once."""
    from propneat.run import start

    folder = tmp_path_factory.mktemp("runs")
    settings = {
        "generations": 2,
        "populations": 1,
        "fine_tune_epochs": 20,
        "prune_epochs": 1,
        "evolution": {"population_size": 10},
    }
    for name in ("classes", "numbers"):
        write_table(folder / f"{name}.csv", regression=name == "numbers")
        data = {"source": str(folder / f"{name}.csv"), "target": "<i>y"}
        start(settings | {"data": data}, folder / name)
    return folder


@pytest.fixture
def here(made, folder):
    """A copy of the runs to change, as the current folder."""
    shutil.copytree(made, folder, dirs_exist_ok=True)
    return folder


def loaded(path: Path):
    opened = open_run_folder(path)
    settings = settings_of_run(opened, {})
    data = prepare_run(settings)
    return settled(settings, data), data, load_model(opened.champion)


def test_scores_of_rows_that_count_differently_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    for _ in range(5):
        counts, truth = rng.integers(0, 3, (4, 60)).astype(float), rng.integers(0, 3, 60)
        counts[:, :3], truth[:3] = 1, [0, 1, 2]
        values = np.round(rng.dirichlet(np.ones(3), 60), 1) + 1e-3
        values /= values.sum(axis=1, keepdims=True)
        several = _scores(Answers("multiclass", values, truth), counts)
        two = _scores(Answers("binary", values[:, :2], np.minimum(truth, 1)), counts)
        number, numbers = rng.normal(size=60), rng.normal(size=60)
        regression = _scores(Answers("regression", numbers, number), counts)
        for k, weights in enumerate(counts):
            areas = [roc_auc_score(truth == c, values[:, c], sample_weight=weights) for c in range(3)]
            assert several["auc"][k] == pytest.approx(np.mean(areas), rel=1e-12)
            said = np.argmax(values, axis=1)
            assert several["balanced_accuracy"][k] == pytest.approx(balanced_accuracy_score(truth, said, sample_weight=weights))
            assert several["log_loss"][k] == pytest.approx(log_loss(truth, values, sample_weight=weights))
            assert two["auc"][k] == pytest.approx(roc_auc_score(truth > 0, values[:, 1], sample_weight=weights), rel=1e-12)
            assert regression["r2"][k] == pytest.approx(r2_score(number, numbers, sample_weight=weights), rel=1e-9)
            assert regression["rmse"][k] == pytest.approx(root_mean_squared_error(number, numbers, sample_weight=weights))


def test_intervals_hold_the_score_shrink_with_rows_and_differences_of_twins_are_nothing():
    rng = np.random.default_rng(1)
    for n in (200, 1600):
        truth = rng.integers(0, 2, n)
        chance = 1 / (1 + np.exp(-(truth * 2 - 1 + rng.normal(size=n))))
        answers = Answers("binary", np.column_stack([1 - chance, chance]), truth)
        scores, ends = score_all(answers), score_intervals(answers, 0)
        assert all(ends[name][0] <= scores[name] <= ends[name][1] for name in scores)
        assert ends == score_intervals(answers, 0)
        # the interval of a mean of rows is known: 1.96 standard errors to both sides, within each class
        losses = -np.log(np.where(truth == 1, chance, 1 - chance))
        within = np.concatenate([losses[truth == k] - losses[truth == k].mean() for k in (0, 1)])
        low, high = ends["log_loss"]
        assert high - low == pytest.approx(2 * 1.96 * within.std() / np.sqrt(n), rel=0.12)
    same = compare_answers(answers, answers, 0)["auc"]
    assert (same.value, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    worse = Answers("binary", answers.values[rng.permutation(n)], truth)
    gap = compare_answers(answers, worse, 0)["auc"]
    assert gap.low > 0 and gap.p_value < 0.01


@pytest.mark.parametrize("name", ["classes", "numbers"])
def test_the_judgement_is_what_plain_loops_come_to(made, name):
    settings, data, model = loaded(made / name)
    judgement = judge(data, model, settings.evolve.seed, baselines=True)
    summary = json.loads((made / name / "summary.json").read_text())
    assert summary["importance"] == judgement.facts["importance"] and summary["baselines"] == judgement.facts["baselines"]
    scores = score_all(judgement.answers)
    assert scores == pytest.approx(summary["test"])
    assert [one["name"] for one in summary["baselines"]][1] == "gradient boosting"
    found = {one.column: one for one in judgement.importances}
    assert judgement.importances[0].column == EVIL and found[EVIL].mean > 3 * found[EVIL].spread
    if noise := found.get("a&\"b'"):
        assert abs(noise.mean) < found[EVIL].mean / 5

    class Wrapped(LogisticRegression):
        """What scikit-learn asks of a classifier, answered by the model."""

        classes_ = np.array(model.classes or ())

        def fit(self, *_):
            raise AssertionError("it is trained already")

        def predict(self, table):
            return model.predict(table)

        predict_proba = decision_function = lambda self, table: model.predict_proba(table)

    def scored(_, table, target) -> float:
        if name == "numbers":
            return r2_score(target, model.predict(table))
        return roc_auc_score(target == model.classes[1], model.predict_proba(table)[:, 1])

    theirs = sklearn_importance(
        Wrapped(), data.test_features, data.test_target.to_numpy(), scoring=scored, n_repeats=20, random_state=0
    )
    for position, column in enumerate(data.test_features.columns):
        if column in found:
            allowed = 5 * max(theirs.importances_std[position], 1e-4) / np.sqrt(20) + 5 * found[column].spread / np.sqrt(20)
            assert found[column].mean == pytest.approx(theirs.importances_mean[position], abs=allowed)


@pytest.mark.parametrize("name", ["classes", "numbers"])
def test_partial_dependence_is_the_mean_answer_with_the_column_set(made, name):
    settings, data, model = loaded(made / name)
    columns = set(model.used_features)
    for column in columns:
        found = partial_dependence(model, data.test_features, column, 0)
        values = found.labels if found.positions is None else found.positions
        for k in (0, len(values) - 1):
            changed = data.test_features.assign(**{column: values[k]})
            mean = model.predict(changed).mean() if name == "numbers" else model.predict_proba(changed)[:, 1].mean()
            assert found.means[k, 0] == pytest.approx(mean, rel=1e-6)
    assert EVIL in columns


def test_the_linear_baseline_is_trained_on_the_rows_the_network_had(made):
    settings, data, model = loaded(made / "classes")
    judgement = judge(data, model, 0, baselines=True)
    rows = data.prepared.problem.all_rows()
    own = LogisticRegression(max_iter=500).fit(rows.X, rows.targets[:, 0], sample_weight=rows.weights)
    values = own.predict_proba(data.test_inputs())
    np.testing.assert_allclose(judgement.baselines[0].answers.values, values, atol=1e-3)


@pytest.mark.parametrize("name", ["classes", "numbers"])
def test_the_page_needs_nothing_else_and_holds_no_markup_of_the_table(made, name):
    page = (made / name / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=\"(?!#)|@import|url\(|fetch\(|https?://(?!www\.w3\.org/2000/svg)", page)
    assert page.count("<script") == page.count("</script>") == 1
    assert "alert(1)</" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not re.search("<i>|</td>yes|<b>a|b&c", page)
    assert "default-src 'none'" in page
    model = load_model(made / name / "champion.json")
    slots = set(model.plan.edge_source.tolist()) | set(range(model.plan.n_inputs, model.plan.n_slots))
    assert set(map(int, re.findall(r'data-node="(\d+)"', page))) == slots
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


BROWSER = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)


@pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")
def test_in_a_browser_a_node_says_what_it_computes_and_nothing_is_wider_than_a_phone(made, tmp_path):
    probe = """<script>
      document.querySelector("[data-node]:last-of-type").dispatchEvent(new Event("click", {bubbles: true}));
      const note = document.createElement("pre"); note.id = "probe";
      const scores = document.querySelector(".scores").parentElement;
      note.textContent = JSON.stringify([told.textContent, document.documentElement.scrollWidth <= innerWidth,
        scores.scrollWidth <= scores.clientWidth]);
      document.body.append(note);
    </script></body>"""
    page = (made / "numbers" / "report.html").read_text(encoding="utf-8")
    (tmp_path / "page.html").write_text(page.replace("</body>", probe), encoding="utf-8")
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--window-size=390,900",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    done = subprocess.run(
        [*command, "--dump-dom", (tmp_path / "page.html").as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    told, fits, shows_all = json.loads(unescape(re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)[1]))
    assert fits and shows_all and "node" in told and "on rows held out: median" in told


def test_a_report_is_written_anew_to_the_same_bytes_and_refuses_another_table(run, here):
    before = Path("classes/report.html").read_bytes()
    Path("classes/report.html").unlink()
    # the paths of the table and of the folder are those of the run
    code, out, err = run("report", "classes")
    after = Path("classes/report.html").read_bytes()
    assert (code, out) == (0, "classes/report.html\n"), err
    assert len(after) == pytest.approx(len(before), abs=0)
    source = open_run_folder(Path("classes")).config.read_text()
    Path("classes/config.toml").write_text(re.sub(r'source = ".*"', 'source = "classes.csv"', source))
    lines = Path("classes.csv").read_text().splitlines()
    Path("classes.csv").write_text(
        "\n".join([lines[0], *(line.replace("</td>yes", "no") if k % 3 else line for k, line in enumerate(lines[1:]))])
    )
    code, _, err = run("report", "classes")
    assert code == 2 and "the table has changed since" in err
    assert Path("classes/report.html").read_bytes() == after
    assert run("report", "nowhere")[0] == 2


def test_a_network_picked_gets_a_report_of_its_own(run, here):
    sizes = [entry["figures"]["connections"] for entry in json.loads(Path("numbers/front.json").read_text())["networks"]]
    before = json.loads(Path("numbers/summary.json").read_text())
    assert run("pick", "numbers", "--connections", str(sizes[0]))[0] == 0
    after = json.loads(Path("numbers/summary.json").read_text())
    assert after["connections"] == sizes[0] and after["baselines"][0]["test"] == before["baselines"][0]["test"]
    assert f"<dd>{sizes[0]}</dd>" in Path("numbers/report.html").read_text()
    Path(settings_of_run(open_run_folder(Path("numbers")), {}).data.source).rename("moved.csv")
    try:
        code, _, err = run("pick", "numbers", "--rule", "best")
        assert code == 0 and "No report of the network picked could be written" in err
        assert not Path("numbers/report.html").exists() and "importance" not in json.loads(
            Path("numbers/summary.json").read_text()
        )
    finally:
        Path("moved.csv").rename(settings_of_run(open_run_folder(Path("numbers")), {}).data.source)


def test_test_rows_of_one_class_and_answers_that_are_no_numbers_are_told_as_they_are(made, tmp_path):
    settings, data, model = loaded(made / "classes")
    rows = data.test_target == "no"
    one = replace(data, test_features=data.test_features[rows], test_target=data.test_target[rows])
    judgement = judge(one, model, 0, baselines=True)
    assert judgement.facts["importance"]["score"] == "log_loss" and judgement.importances[0].column == EVIL
    summary = json.loads((made / "classes" / "summary.json").read_text())
    shutil.copytree(made / "classes", tmp_path / "a")
    folder = RunFolder(tmp_path / "a")
    scores = {name: finite_or_none(value) for name, value in score_all(judgement.answers).items()}
    write_report(folder, settings, one, model, judgement, summary | judgement.facts | {"test": scores})
    page = folder.report.read_text()
    assert scores["auc"] is None and "undefined" in page and "Rise of log loss" in page
    plain = {name: value for name, value in summary.items() if name not in JUDGED}
    write_report(folder, settings, data, model, Judgement(None, (), (), {}), plain | {"test": dict.fromkeys(scores)})
    assert "undefined" in folder.report.read_text() and 'id="network"' in folder.report.read_text()


def test_a_resumed_run_remembers_that_no_report_was_wanted(run, folder):
    write_table(folder / "t.csv")
    one = (*TINY, "--populations", "1", "--generations", "1", "--quiet")
    assert run("evolve", "t.csv", "--target", "<i>y", *one, "--no-report", "--out", "a")[0] == 0
    assert run("evolve", "--resume", "a", "--generations", "2", "--quiet")[0] == 0
    assert "baselines" not in json.loads(Path("a/summary.json").read_text()) and not Path("a/report.html").exists()
    # and that changes nothing of its course
    assert run("evolve", "--resume", "a", "--generations", "3", "--report", "--quiet")[0] == 0
    assert Path("a/report.html").is_file()


def test_without_a_report_nothing_is_trained_beside_the_network(run, folder):
    write_table(folder / "t.csv")
    code, out, _ = run("evolve", "t.csv", "--target", "<i>y", *TINY, "--no-report", "--out", "a", "--quiet")
    summary = json.loads(Path("a/summary.json").read_text())
    assert code == 0 and not Path("a/report.html").exists()
    assert "baselines" not in summary and set(summary["test_intervals"]) == set(summary["test"])
    assert "95 %" in out and "report" not in out
    code, out, _ = run("evolve", "t.csv", "--target", "<i>y", *TINY, "--test-fraction", "0", "--out", "b", "--quiet")
    assert code == 0 and "No rows were held out" in Path("b/report.html").read_text()
