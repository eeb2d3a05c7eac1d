"""The README's plain-Python evaluator is what it says: short, free of propneat, and equal to `predict`."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
from random_genomes import random_genome

from propneat.compiler import compile_genome, evaluate
from propneat.data import Preprocessor, TargetScale
from propneat.model import Model

README = Path(__file__).parent.parent / "README.md"


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory) -> Path:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = [block for block in blocks if "csv.DictReader" in block]
    assert "propneat" not in code and code.count("\n") <= 32
    path = tmp_path_factory.mktemp("readme") / "evaluate.py"
    path.write_text(code, encoding="utf-8")
    return path


def a_table(rng: np.random.Generator) -> pandas.DataFrame:
    size, colour = rng.normal(5, 2, 40), rng.choice(["red", "green", "blue"], 40)
    return pandas.DataFrame(
        {
            "size": np.where(rng.random(40) < 0.2, np.nan, size),
            "colour": np.where(rng.random(40) < 0.1, None, colour),
            "level": rng.integers(1, 5, 40),
            "flag": rng.random(40) < 0.5,
        }
    )


@pytest.mark.parametrize(
    ("task", "classes", "n_outputs"), [("binary", ("no", "yes"), 1), ("multiclass", (1, 2, 3), 3), ("regression", None, 1)]
)
def test_evaluator_reproduces_predict(evaluator, tmp_path, task, classes, n_outputs):
    rng = np.random.default_rng(11)
    frame = a_table(rng)
    preprocessor = Preprocessor.fit(frame, one_hot_integers=6)
    scale = TargetScale(3.0, 2.5) if task == "regression" else None
    frame.to_csv(tmp_path / "table.csv", index=False)
    for _ in range(4):
        genome = random_genome(rng, n_inputs=len(preprocessor.rules), n_outputs=n_outputs, scale=0.5)
        model = Model(genome, task, preprocessor, classes, scale)
        expected = model.predict(frame)[:, None] if task == "regression" else model.predict_proba(frame)
        model.save(tmp_path / "champion.json")
        printed = subprocess.run(
            [sys.executable, "-I", evaluator, tmp_path / "champion.json", tmp_path / "table.csv"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        answers = np.array([line.split() for line in printed.stdout.splitlines()], dtype=float)
        np.testing.assert_allclose(answers, expected, rtol=1e-9, atol=1e-12)


def test_the_example_of_plain_neat_says_how_it_goes_and_stops_when_xor_is_solved(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = [block for block in blocks if "Population(" in block]
    found = {}
    exec(code, found)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == found["population"].generation < 100
    assert [line.split(":")[0] for line in lines] == [f"generation {number + 1}" for number in range(len(lines))]
    assert [line.endswith("- solved") for line in lines] == [False] * (len(lines) - 1) + [True]
    plan = compile_genome(found["best"])
    answers = [evaluate(plan, [[first, second]])[0, 0] > 0.5 for first in (0, 1) for second in (0, 1)]
    assert answers == [False, True, True, False]
    assert f"{4 - found['errors'](found['best']).sum():.3f}" in lines[-1]
