"""The MicroPython module: plain Python with `math` alone, and the answers of the model."""

import ast
import subprocess
import sys

import numpy as np
from c_programs import random_models, table_of
from test_readme import a_table

from propneat.export.c_columns import encode_rows, plan_columns
from propneat.export.micropython import micropython_text
from propneat.genome import ACTIVATIONS, AGGREGATIONS


def test_answers_are_those_of_the_model():
    rng = np.random.default_rng(31)
    models, table = random_models(rng, 25, a_table(rng), scale=0.6), table_of(rng, 20)
    seen = {(a, b) for m in models for a, b in zip(m.plan.activation.tolist(), m.plan.aggregation.tolist(), strict=True)}
    assert {a for a, _ in seen} == set(range(len(ACTIVATIONS))) and {b for _, b in seen} == set(range(len(AGGREGATIONS)))
    for model in models:
        text, layout = micropython_text(model), plan_columns(model)
        assert [node.names[0].name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)] == [
            "math"
        ]
        module: dict[str, object] = {}
        exec(compile(text, "model.py", "exec"), module)
        assert module["COLUMNS"] == [column.title for column in layout.columns]
        rows = [
            [None if value != value else value for value in row]
            for row in encode_rows(model, layout, table).astype(float).tolist()
        ]
        answers = [module["predict"](row) for row in rows]
        if model.task == "regression":
            np.testing.assert_allclose([number for number, _ in answers], model.predict(table), rtol=1e-4, atol=1e-3)
            assert {more for _, more in answers} == {None}
            continue
        exact = model.predict_proba(table)
        np.testing.assert_allclose([probabilities for _, probabilities in answers], exact, atol=1e-4)
        clear = np.ptp(np.sort(exact, axis=1)[:, -2:], axis=1) > 1e-3
        assert [label for (label, _), sure in zip(answers, clear, strict=True) if sure] == model.predict(table)[clear].tolist()


def test_the_command_writes_a_module(run, folder):
    rng = np.random.default_rng(3)
    random_models(rng, 1, a_table(rng))[0].save("champion.json")
    code, out, err = run("export", "champion.json", "--to", "micropython")
    assert (code, err) == (0, "") and out.startswith('"""A ')
    assert run("export", "champion.json", "--to", "micropython", "--out", "valve.py")[0] == 0
    assert (folder / "valve.py").read_text() == out
    script = "import valve; print(len(valve.predict([None] * len(valve.COLUMNS))))"
    assert (
        subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True).stdout == "2\n"
    )
    code, out, err = run("export", "champion.json", "--to", "micropython", "--name", "valve")
    assert (code, out) == (2, "") and "--name goes with --to c" in err
