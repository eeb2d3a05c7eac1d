"""What README and documentation show is so: the plain evaluator equals `predict`, programs run, and formulas are those shown."""

import io
import json
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
import pandas
import pytest
from random_genomes import random_genome

from propneat.compiler import compile_genome, evaluate
from propneat.data import EncodingOptions, Preprocessor, TargetScale
from propneat.model import Model, class_probabilities, load_model
from propneat.model.summary import summarise

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "results" / "examples" / "breast_cancer_wisconsin"


def page(name: str) -> str:
    """The text of a page of the documentation, or of the README."""
    return (ROOT / name).read_text(encoding="utf-8")


def python_blocks(name: str) -> list[str]:
    """The Python programs of a page."""
    return re.findall(r"```python\n(.*?)```", page(name), re.DOTALL)


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory) -> Path:
    (code,) = [block for block in python_blocks("docs/reference/genome-file.md") if "csv.DictReader" in block]
    assert "propneat" not in code and code.count("\n") <= 75
    path = tmp_path_factory.mktemp("evaluator") / "evaluate.py"
    path.write_text(code, encoding="utf-8")
    return path


def a_table(rng: np.random.Generator) -> pandas.DataFrame:
    """A table as people have them: a column of each kind and every form of number and date, as texts."""
    size, amounts = rng.normal(5, 2, 60), rng.uniform(1000, 9000, 60)
    return pandas.DataFrame(
        {
            "size": [f"{value:.3f}" if rng.random() < 0.8 else "" for value in size],
            " colour ": rng.choice(["red", " green", "blue\t", "NA"], 60),
            "level": rng.integers(1, 5, 60).astype(str),
            "flag": rng.choice(["True", "false"], 60),
            "money": [f"-${value:,.2f}" for value in amounts],
            "comma": [f"{value:,.2f} km".translate({44: ".", 46: ","}) for value in amounts],
            "range": [f"{value:.0f}" if row % 30 else "2100 - 2850" for row, value in enumerate(amounts)],
            "bound": [
                f"{value:.0f} years" if row % 7 else ("10+ years", "< 1 year")[row % 2] for row, value in enumerate(size)
            ],
            "worth": [f"\u20ac{value / 1000:.2f}M" if row % 3 else f"\u20ac{value:.0f}K" for row, value in enumerate(amounts)],
            "odd": [f"{value:.0f}" if row % 30 else ("n.a.", "5s")[row // 30] for row, value in enumerate(amounts)],
            "far": [f"{value:.3f}" if row != 7 else "-1e6" for row, value in enumerate(size)],
            "sentinel": [f"{value:.3f}" if row % 9 else "-200" for row, value in enumerate(amounts)],
            "day": [f"{1 + row % 28:02d}/{1 + row % 12:02d}/202{row % 4}" for row in range(60)],
            "stamp": [f"2020-01-{1 + row % 28:02d}T0{row % 10}:30:00Z" for row in range(60)],
            "town": rng.choice([f"{kind} {number}" for number in range(10) for kind in ("Bad", "San", "St")], 60),
            "code": rng.choice(["01", "02", "1A"], 60),
        }
    )


def answers_of(evaluator: Path, model: Path, table: Path) -> np.ndarray:
    """Run the evaluator in this process and return what it prints."""
    printed = io.StringIO()
    with redirect_stdout(printed), mock.patch.object(sys, "argv", [str(evaluator), str(model), str(table)]):
        exec(compile(evaluator.read_text(encoding="utf-8"), str(evaluator), "exec"), {})
    return np.array([line.split() for line in printed.getvalue().splitlines()], dtype=float)


def random_models(seed: int, n_models: int, table: Path):
    """Write a table and yield models of every task on it, each with its answers and how much these move by the last bit of inputs.

    Weights have sizes from 0.3 to 300. Models that overflow are left out.
    """
    rng = np.random.default_rng(seed)
    frame = a_table(rng)
    frame.to_csv(table, index=False)
    preprocessor = Preprocessor.fit(frame, targets=rng.normal(size=(60, 1)), options=EncodingOptions(one_hot_integers=6))
    inputs = preprocessor.transform(frame)
    assert any(rule.means for rule in preprocessor.rules) and any(rule.part == "first word" for rule in preprocessor.rules)
    assert {column.kind for column in preprocessor.plan.columns} >= {"date", "category"}
    kinds = [("binary", ("no", "yes"), None), ("multiclass", (1, 2, 3), None)]
    kinds += [("regression", None, TargetScale(3.0, 2.5, *bounds)) for bounds in ((-4.0, 9.0), (0.2, 900.0, True))]
    for number in range(n_models):
        task, classes, scale = kinds[number % len(kinds)]
        n_outputs = 3 if task == "multiclass" else 1
        genome = random_genome(rng, n_inputs=len(preprocessor.rules), n_outputs=n_outputs, scale=rng.choice([0.3, 3.0, 300.0]))
        model = Model(genome, task, preprocessor, classes, scale)

        def answers(inputs, model=model, scale=scale, task=task):
            with np.errstate(over="ignore"):
                outputs = evaluate(model.plan, inputs)
                answers = scale.invert(outputs) if scale else class_probabilities(task, outputs)
            return np.where(np.isfinite(outputs).all(), answers, np.nan)

        expected = answers(inputs)
        if np.isfinite(expected).all():
            nudged = [inputs]
            for direction in (np.inf, -np.inf, -np.inf):
                nudged.append(np.nextafter(nudged[-1], direction))
            yield model, expected, max(np.abs(answers(moved) - expected).max() for moved in nudged[1:])


def test_evaluator_reproduces_predict(evaluator, tmp_path):
    compared = 0
    for model, expected, own in random_models(11, 90, tmp_path / "table.csv"):
        model.save(tmp_path / "champion.json")
        answers = answers_of(evaluator, tmp_path / "champion.json", tmp_path / "table.csv").reshape(expected.shape)
        # sines and squares of huge sums make of the last bit of an input what they will, in predict as here
        if own < 1e-9:
            np.testing.assert_allclose(answers, expected, rtol=1e-7, atol=1e-9)
            compared += 1
    assert compared >= 80


def test_the_evaluator_is_a_program(evaluator, tmp_path):
    rng = np.random.default_rng(3)
    frame = a_table(rng)
    preprocessor = Preprocessor.fit(frame)
    model = Model(
        random_genome(rng, n_inputs=len(preprocessor.rules), n_outputs=1, scale=0.3), "binary", preprocessor, ("no", "yes")
    )
    model.save(tmp_path / "champion.json")
    frame.to_csv(tmp_path / "table.csv", index=False)
    command = [sys.executable, "-I", evaluator, tmp_path / "champion.json", tmp_path / "table.csv"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    answers = np.array([line.split() for line in printed.splitlines()], dtype=float)
    np.testing.assert_allclose(answers, model.predict_proba(frame), rtol=1e-9, atol=1e-12)


def test_the_example_of_plain_neat_says_how_it_goes_and_its_winner_is_saved(capsys, folder):
    evolving, saving = [
        block for block in python_blocks("docs/how-to/python.md") if "Population(" in block or "Controller(genome" in block
    ]
    found = {}
    exec(evolving, found)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == found["population"].generation < 100
    assert [line.split(":")[0] for line in lines] == [f"generation {number + 1}" for number in range(len(lines))]
    assert [line.endswith("- solved") for line in lines] == [False] * (len(lines) - 1) + [True]
    plan = compile_genome(found["winner"])
    answers = evaluate(plan, [[0, 0], [0, 1], [1, 0], [1, 1]])[:, 0]
    assert (answers > 0.5).tolist() == [False, True, True, False]
    assert f"{4 - np.abs(answers - [0, 1, 1, 0]).sum():.3f}" in lines[-1]
    exec(saving, found)
    assert found["controller"]([0, 1])[0] == answers[1]
    assert capsys.readouterr().out == f"{answers[1:2]}\n"


def test_the_formula_of_the_example_is_what_show_and_export_say(run):
    champion = str(EXAMPLE / "champion.json")
    text = page("docs/how-to/formula.md")
    shown = run("show", champion)[1]
    formula = shown[shown.index("formula, 4 digits") :].strip()
    assert formula in text and formula in page("README.md")
    said = run("export", champion, "--to", "js", "--digits", "fewest", "--rows", "breast_cancer_wisconsin")[2]
    assert said.splitlines()[0] in text and said.splitlines()[1].startswith("The formula has 119 operators")
    assert "119 here" in text
    assert f"which is {summarise(load_model(champion).genome).n_nodes} here" in text


def test_the_sizes_shown_are_those_of_the_example(run, tmp_path):
    folder = shutil.copytree(EXAMPLE, tmp_path / "run")
    shown = run("pick", str(folder))[1]
    text = page("docs/how-to/sizes.md")
    assert shown.strip() in text
    said = run("pick", str(folder), "--connections", "4")[1]
    assert said.split(": ")[0] in page("README.md")


def test_the_scores_shown_are_those_of_the_example():
    summary = json.loads((EXAMPLE / "summary.json").read_text())
    text, test = page("README.md"), summary["test"]
    low, high = summary["test_intervals"]["auc"]
    known = f"AUC {test['auc']:.4f} (95 %: {low:.4f} to {high:.4f})"
    assert f"test       {known}, balanced accuracy {test['balanced_accuracy']:.4f}, log loss" in text
    for one in summary["baselines"]:
        low, high = one["test_intervals"]["auc"]
        assert f"{one['name']} of {one['size']}: AUC {one['test']['auc']:.4f} (95 %: {low:.4f} to {high:.4f})" in text
    assert f"{summary['connections']} connections, {summary['hidden_nodes']} hidden nodes" in text
    assert f"the best of {summary['networks']} sizes" in text
    assert set(summary) <= set(re.findall(r"`(\w+)`", page("docs/reference/files.md")))


def test_the_tutorial_makes_the_table_that_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = python_blocks("docs/tutorial.md")
    exec(code, {})
    head = (tmp_path / "patients.csv").read_text().splitlines()[:4]
    assert "\n".join(head) in page("docs/tutorial.md")
