"""The page of a model computes what the model does, holds nothing from elsewhere, and works in a browser."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from formula_cases import a_model, a_preprocessor, a_table, answers_of
from test_formula_texts import plain_rows

from propneat.compiler import apply_activation, compile_genome
from propneat.export.web_page import to_web_page
from propneat.genome import AGGREGATIONS
from propneat.model import Model
from propneat.report.network_svg import draw_network

TASKS = ("regression", "binary", "multiclass")


@pytest.fixture(scope="module")
def preprocessor():
    return a_preprocessor(np.random.default_rng(5))


def page_of(model: Model) -> str:
    drawing = draw_network(model.genome, input_names=model.input_names, output_names=model.output_names, title="n", marked=True)
    return to_web_page(model, drawing)


def every_value(model: Model, inputs: np.ndarray) -> np.ndarray:
    """Compute every slot of a network for rows of inputs, (n_rows, n_slots), node by node."""
    plan = model.plan
    used = np.isin(np.arange(plan.n_inputs), plan.edge_source)
    values = [column * use for column, use in zip(inputs.T, used, strict=True)]
    joins = {"sum": sum, "mean": lambda terms: sum(terms) / len(terms), "max": lambda terms: np.max(terms, axis=0)}
    joins |= {"min": lambda terms: np.min(terms, axis=0), "product": lambda terms: np.prod(terms, axis=0)}
    for slot in range(plan.n_inputs, plan.n_slots):
        edges = range(plan.edge_start[slot], plan.edge_start[slot + 1])
        terms = [plan.weights[e] * values[plan.edge_source[e]] for e in edges]
        joined = joins[AGGREGATIONS[plan.aggregation[slot]]](terms) if terms else np.zeros(len(inputs))
        values.append(apply_activation(plan.activation[slot], joined + plan.biases[slot - plan.n_inputs]))
    return np.stack(values, axis=1)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("task", TASKS)
def test_the_script_of_the_page_computes_answers_and_every_node(preprocessor, tmp_path, task):
    rng = np.random.default_rng(3)
    for _ in range(4):
        model, frame = a_model(rng, preprocessor, task), a_table(rng)
        script = re.search(r"// --- the model ---\n(.*)// --- the page ---", page_of(model), re.DOTALL)[1]
        rows = [dict(zip(frame.columns, row, strict=True)) for row in plain_rows(frame)]
        script += f"console.log(JSON.stringify({json.dumps(rows)}.map((row) => [predict(row), valuesOf(row)])));"
        (tmp_path / "page.mjs").write_text(script, encoding="utf-8")
        told = subprocess.run(["node", "page.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True)
        answers, values = zip(*json.loads(told.stdout), strict=True)
        expected = answers_of(model, frame)
        found = [list(row.values()) for row in answers] if task == "multiclass" else answers
        np.testing.assert_allclose(np.reshape(found, expected.shape), expected, rtol=1e-12, atol=1e-12)
        inputs = model.preprocessor.transform(frame, model.used_features)
        np.testing.assert_allclose(values, every_value(model, inputs), rtol=1e-9, atol=1e-12)


def test_the_page_needs_nothing_else_and_marks_every_node_and_connection(preprocessor):
    rng = np.random.default_rng(8)
    for task in TASKS:
        model = a_model(rng, preprocessor, task)
        page = page_of(model)
        assert not re.search(r"(?:src|href)=|@import|url\(|fetch\(|https?://(?!www\.w3\.org/2000/svg)", page)
        plan = compile_genome(model.genome)
        assert set(map(int, re.findall(r'data-edge="(\d+)"', page))) == set(range(plan.n_edges))
        slots = set(plan.edge_source.tolist()) | set(range(plan.n_inputs, plan.n_slots))
        assert set(map(int, re.findall(r'data-node="(\d+)"', page))) == slots
        data = json.loads(re.search(r"export const model = (.*);\n", page)[1])
        assert sorted(control["name"] for control in data["controls"]) == sorted(model.used_features)
    assert "data-node" not in draw_network(model.genome)


def test_names_that_would_be_markup_are_text(preprocessor):
    rng = np.random.default_rng(8)
    model = a_model(rng, preprocessor, "multiclass")
    hostile = Model(model.genome, "multiclass", preprocessor, ("</script><b>", "a", "b"), None, "</script><img src=x>")
    page = page_of(hostile)
    script = page.index("<script")
    assert page.count("</script>") == page.count("<script") == 1 and "<img" not in page[:script] and "<b>" not in page[:script]


BROWSER = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)


@pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")
def test_in_a_browser_the_page_shows_the_answer_of_its_controls(preprocessor, tmp_path):
    model = a_model(np.random.default_rng(3), preprocessor, "binary", max_hidden=4)
    probe = """<script type="module">
      const told = document.createElement("pre"); told.id = "told";
      const says = [...document.querySelectorAll("[data-node]")].map((node) => node.querySelector(".says").textContent);
      const answer = document.querySelector("#answer output").textContent;
      told.textContent = JSON.stringify([answer, says.length, says.filter((t) => t === "").length]);
      document.body.append(told);
    </script></body>"""
    (tmp_path / "page.html").write_text(page_of(model).replace("</body>", probe), encoding="utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    told = subprocess.run(
        [*command, (tmp_path / "page.html").as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    answer, n_nodes, n_silent = json.loads(re.search(r'<pre id="told">(.*?)</pre>', told.stdout)[1])
    assert answer in model.classes
    assert n_nodes == len(re.findall(r'data-node="\d', page_of(model))) and n_silent == 0
