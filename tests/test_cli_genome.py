"""`propneat predict`, `show`, `export` and `init`: right answers, and one sentence for whatever cannot be read."""

import io
import json
import re
import shutil
import sys
import xml.etree.ElementTree
from decimal import Decimal
from pathlib import Path

import networkx
import numpy as np
import pandas
import pytest
from random_genomes import random_genome

from propneat.compiler import apply_activation, compile_genome, evaluate
from propneat.data import Preprocessor, TargetScale
from propneat.data.files import read_table_file
from propneat.genome import activation_code, format_document, genome_to_document
from propneat.genome.graph_form import from_networkx
from propneat.model import Model, load_genome_file, load_model
from propneat.model.scores import answer, score_model
from propneat.model.summary import summarise


def people(n_rows: int = 12) -> pandas.DataFrame:
    """Return rows of numbers and texts, some missing, and a target."""
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame({"height": rng.normal(170, 10, n_rows).round(1), "eyes": rng.choice(["blue", "brown"], n_rows)})
    frame.loc[1, "height"] = np.nan
    frame.loc[2, "eyes"] = None
    return frame.assign(ill=rng.choice(["no", "yes"], n_rows))


def model_for(task: str) -> Model:
    """Return a model of random genes for the rows of `people`."""
    preprocessor = Preprocessor.fit(people()[["height", "eyes"]])
    classes = {"binary": ("no", "yes"), "multiclass": ("no", "perhaps", "yes"), "regression": None}[task]
    rng, n_inputs, n_outputs = np.random.default_rng(4), len(preprocessor.rules), 3 if task == "multiclass" else 1
    while compile_genome(genome := random_genome(rng, n_inputs=n_inputs, n_outputs=n_outputs, max_hidden=6)).n_edges < 8:
        continue
    scale = TargetScale(5.0, 2.0) if task == "regression" else None
    return Model(genome, task, preprocessor, classes, scale, "ill", {"seed": 4})


@pytest.fixture(autouse=True)
def files(folder):
    """Every test runs in a folder of its own with models and tables."""
    for task in ("binary", "multiclass", "regression"):
        model_for(task).save(folder / f"{task}.json")
    (folder / "bare.json").write_text(format_document(genome_to_document(model_for("binary").genome)))
    people().to_csv("people.csv", index=False)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_predictions_are_those_of_the_model_row_by_row(run, task):
    code, out, err = run("predict", f"{task}.json", "people.csv")
    lines = out.splitlines()
    expected = load_model(f"{task}.json").predict(people())
    assert (code, err, lines[0]) == (0, "", "prediction")
    assert lines[1:] == [str(value) if task != "regression" else repr(float(value)) for value in expected]


def test_the_table_may_be_shuffled_lack_the_target_have_other_columns_and_be_parquet(run, tmp_path):
    order = np.random.default_rng(1).permutation(12)
    _, whole, _ = run("predict", "binary.json", "people.csv")
    people().iloc[order].assign(extra=1)[["extra", "eyes", "height"]].to_parquet("shuffled.parquet")
    code, out, _ = run("predict", "binary.json", "shuffled.parquet")
    assert code == 0
    assert out.splitlines()[1:] == [whole.splitlines()[1:][row] for row in order]
    people().iloc[:1].to_csv("one.csv", index=False)
    assert run("predict", "binary.json", "one.csv")[1].splitlines() == whole.splitlines()[:2]


def test_probabilities_as_csv_as_file_and_as_json(run, tmp_path):
    _, out, _ = run("predict", "multiclass.json", "people.csv", "--proba")
    code, nothing, err = run("predict", "multiclass.json", "people.csv", "--proba", "--out", "answers.csv")
    assert (code, nothing) == (0, "")
    assert "answers.csv" in err
    assert (tmp_path / "answers.csv").read_text() == out
    # as texts, for some versions of pandas read floats wrong in the last bit
    table = pandas.read_csv("answers.csv", dtype=str)
    columns = ["probability_no", "probability_perhaps", "probability_yes"]
    assert list(table.columns) == ["prediction", *columns]
    table[columns] = table[columns].map(float)
    np.testing.assert_array_equal(table[columns], load_model("multiclass.json").predict_proba(people()))
    _, out, _ = run("predict", "multiclass.json", "people.csv", "--proba", "--json")
    content = json.loads(out)
    assert content["rows"] == 12
    assert content["probability_yes"] == table["probability_yes"].tolist()


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "tsv", "tsv.gz", "txt", "parquet", "feather", "jsonl", "ndjson"])
def test_what_is_written_is_read_again_with_all_its_digits(run, ending):
    assert run("predict", "multiclass.json", "people.csv", "--proba", "--out", f"answers.{ending}")[0] == 0
    table = read_table_file(f"answers.{ending}").frame
    assert table.columns[0] == "prediction"
    expected = load_model("multiclass.json").predict_proba(people())
    np.testing.assert_array_equal(np.array([[float(cell) for cell in row] for row in table.iloc[:, 1:].to_numpy()]), expected)


def test_any_column_of_a_file_names_rows_in_json(run):
    marks = {"date": pandas.date_range("2024-01-31", periods=12), "number": pandas.array([None, *range(11)], dtype="Int64")}
    marks |= {"price": [Decimal("1.50")] * 12, "text": [None, *"abcdefghijk"]}
    people().assign(**marks).to_parquet("marked.parquet")
    expected = {"date": "2024-01-31T00:00:00", "number": None, "price": "1.50", "text": None}
    for name, first in expected.items():
        code, out, _ = run("predict", "binary.json", "marked.parquet", "--id", name, "--json")
        assert (code, json.loads(out)[name][0]) == (0, first)
        run("predict", "binary.json", "marked.parquet", "--id", name, "--out", "answers.jsonl")
        assert [json.loads(line)[name] for line in Path("answers.jsonl").read_text().splitlines()] == json.loads(out)[name]


def test_stdin_is_named_in_what_is_wrong_with_it(run, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    code, _, err = run("predict", "binary.json", "-")
    assert (code, err) == (2, "Error: stdin is empty: expected a header line and rows\n")


def test_scores_instead_of_answers(run):
    code, out, _ = run("predict", "binary.json", "people.csv", "--score")
    model = load_model("binary.json")
    right = np.array([(answer(model, people())[0] == label)[people()["ill"] == label].mean() for label in ("no", "yes")])
    assert code == 0
    assert float(re.search(r"^balanced_accuracy +(\S+)$", out, re.MULTILINE)[1]) == pytest.approx(right.mean(), abs=1e-6)
    _, out, _ = run("predict", "binary.json", "people.csv", "--score", "--json")
    content = json.loads(out)
    assert set(content) == {"rows", "notes", "scores"} and content["rows"] == 12
    assert set(content["scores"]) == {"auc", "balanced_accuracy", "log_loss"}


def test_classes_that_a_spreadsheet_would_run_are_written_as_they_are_and_said(run, tmp_path):
    preprocessor, genome = Preprocessor.fit(people()[["height", "eyes"]]), model_for("binary").genome
    Model(genome, "binary", preprocessor, ("- 50000.", "=1+1"), None, "ill").save(tmp_path / "formula.json")
    code, out, err = run("predict", "formula.json", "people.csv")
    answers = pandas.read_csv(io.StringIO(out))["prediction"]
    assert (code, set(answers) <= {"- 50000.", "=1+1"}) == (0, True)
    assert (
        err
        == f"Class {answers[0]!r} is written as it is, and a spreadsheet takes it for a formula: import that column as text.\n"
    )
    assert run("predict", "formula.json", "people.csv", "--json")[2] == ""
    _, _, err = run("predict", "formula.json", "people.csv", "--out", "answers.csv")
    assert "takes it for a formula" in err and (tmp_path / "answers.csv").read_text() == out
    Model(genome, "binary", preprocessor, (-1, 1), None, "ill").save(tmp_path / "numbers.json")
    assert run("predict", "numbers.json", "people.csv")[2] == run("predict", "regression.json", "people.csv")[2] == ""


def test_an_embedded_data_set_can_be_named(run, tmp_path):
    preprocessor = Preprocessor.fit(pandas.DataFrame({"Head shape": [1, 2, 3]}))
    model = Model(random_genome(np.random.default_rng(0), n_inputs=1, n_outputs=1), "binary", preprocessor, (0, 1))
    model.save(tmp_path / "monk.json")
    code, out, _ = run("predict", "monk.json", "monk1", "--score", "--json")
    assert code == 0
    assert json.loads(out)["rows"] == 556


def test_show_gives_size_and_a_line_per_node_that_can_be_computed_by(run):
    code, out, _ = run("show", "multiclass.json")
    model = load_model("multiclass.json")
    plan = compile_genome(model.genome)
    assert code == 0
    assert f"{plan.n_edges} connections" in out
    assert out.count(" = ") == plan.n_slots - plan.n_inputs
    for name in ("no", "perhaps", "yes"):
        assert f"\n  {name} = " in out


def test_show_gives_the_formula_where_it_fits_in_ten_lines(run):
    _, out, _ = run("show", "binary.json")
    formula = out.partition("\nformula, 4 digits")[2].strip("\n").splitlines()[1:]
    assert 0 < len(formula) <= 10 and formula[-1].startswith("  P(ill=yes) = ")
    assert "[eyes=blue]" in out and " * height" in out
    assert "\nformula, 4 digits" not in run("show", "multiclass.json")[1]
    code, out, _ = run("show", "bare.json")
    assert code == 0 and "\nformula, 4 digits" not in out
    assert json.loads(run("show", "bare.json", "--json")[1])["n_nodes"] > 10


def test_a_summary_holds_every_number_the_network_computes_with():
    rng = np.random.default_rng(5)
    for _ in range(60):
        genome = random_genome(rng, aggregations=(0,))
        plan, found = compile_genome(genome), summarise(genome)
        assert found.n_connections == sum(len(node.terms) for node in found.nodes) == plan.n_edges
        X = rng.standard_normal((5, genome.n_inputs))
        values = {f"x{k}": X[:, k] for k in range(genome.n_inputs)}
        for node in found.nodes:
            total = node.bias + sum((weight * values[source] for source, weight in node.terms), np.zeros(5))
            values[node.name] = apply_activation(activation_code(node.activation), total)
        outputs = np.column_stack([values[f"y{k}"] for k in range(genome.n_outputs)])
        np.testing.assert_allclose(outputs, evaluate(plan, X), rtol=1e-9, atol=1e-9)
        used = {source for node in found.nodes for source, _ in node.terms if source.startswith("x")}
        assert set(found.used_inputs) == used
        assert set(found.unused_inputs) == {f"x{k}" for k in range(genome.n_inputs)} - used
        assert found.n_idle_connections == len(genome.connections) - plan.n_edges


def test_show_of_a_bare_genome_as_drawing_and_as_json(run, tmp_path):
    code, out, err = run("show", "bare.json", "--svg", "bare.svg", "--json")
    assert code == 0
    assert json.loads(out)["task"] is None
    assert xml.etree.ElementTree.parse(tmp_path / "bare.svg").getroot().tag.endswith("svg")
    assert "bare genome" in run("show", "bare.json")[1]


def test_exports_hold_the_network(run, tmp_path):
    genome, model = load_genome_file("binary.json")
    assert run("export", "binary.json", "--to", "json")[1] == model.to_json()
    assert run("export", "bare.json", "--to", "json")[1] == (tmp_path / "bare.json").read_text()
    graph = networkx.parse_graphml(run("export", "binary.json", "--to", "graphml")[1])
    assert from_networkx(graph) == genome
    assert run("export", "binary.json", "--to", "dot")[1].startswith("digraph")
    assert run("export", "bare.json", "--to", "svg")[1].startswith("<svg")
    page = run("export", "binary.json", "--to", "html")[1]
    assert page.startswith("<!DOCTYPE html>") and "data-node" in page and "height" in page
    code, out, err = run("export", "binary.json", "--to", "dot", "--out", "network.dot")
    assert (code, out) == (0, "")
    assert (tmp_path / "network.dot").read_text().startswith("digraph")


def test_onnx_is_written_and_what_it_needs_is_said(run, tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    assert run("export", "binary.json", "--to", "onnx", "--out", "model.onnx") == (0, "", "Wrote model.onnx\n")
    assert (tmp_path / "model.onnx").stat().st_size > 1000
    monkeypatch.setitem(sys.modules, "onnx", None)
    code, _, err = run("export", "binary.json", "--to", "onnx", "--out", "other.onnx")
    assert code == 2 and "pip install 'propneat[onnx]'" in err and not (tmp_path / "other.onnx").exists()


def test_formulas_are_written_whole_and_say_their_size(run, tmp_path):
    for task in ("binary", "multiclass", "regression"):
        for form in ("excel", "js", "latex", "python", "sql", "sympy"):
            code, out, err = run("export", f"{task}.json", "--to", form)
            assert code == 0 and "height" in out
            assert re.search(
                r"^The formula has [\d,]+ operators, constants and variables, its text [\d,]+ characters$", err, re.MULTILINE
            )
    found = {}
    exec(run("export", "regression.json", "--to", "python")[1], found)
    model, rows = load_model("regression.json"), people()
    named = [column.name for column in model.formula.columns]
    np.testing.assert_allclose(
        found["predict"](*(rows[name].to_numpy(object) for name in named)), model.predict(rows), rtol=1e-12
    )


def test_rounding_is_measured_on_rows_and_said(run):
    code, rounded, err = run("export", "binary.json", "--to", "python", "--digits", "fewest", "--rows", "people.csv")
    assert code == 0
    found = re.search(
        r"^Rounded to (\d+) significant digits: AUC (\S+) on 12 rows, (\S+) with all digits, largest diff", err, re.MULTILINE
    )
    digits, after, before = int(found[1]), float(found[2]), float(found[3])
    assert after >= before - 0.0005
    assert before == pytest.approx(score_model(load_model("binary.json"), people(), people()["ill"])["auc"], abs=1e-4)
    assert run("export", "binary.json", "--to", "python", "--digits", str(digits))[1] == rounded
    assert len(rounded) < len(run("export", "binary.json", "--to", "python")[1])


@pytest.mark.filterwarnings("ignore")
def test_a_torch_program_computes_what_the_genome_does(run):
    """torch's exporter warns about torch itself."""
    import torch

    assert run("export", "binary.json", "--to", "torch", "--out", "network.pt2")[0] == 0
    genome, _ = load_genome_file("binary.json")
    rows = np.random.default_rng(0).standard_normal((7, genome.n_inputs)).astype(np.float32)
    answers = torch.export.load("network.pt2").module()(torch.tensor(rows)).detach().numpy()
    np.testing.assert_allclose(answers, evaluate(compile_genome(genome), rows), rtol=1e-5, atol=1e-5)


def test_init_writes_a_file_once(run, tmp_path):
    assert run("init")[0] == 0
    first = (tmp_path / "propneat.toml").read_text()
    code, _, err = run("init", "--method", "neat")
    assert code == 2
    assert "--force" in err
    assert (tmp_path / "propneat.toml").read_text() == first
    assert run("init", "--method", "neat", "--force")[0] == 0
    assert 'method = "neat"' in (tmp_path / "propneat.toml").read_text()
    assert run("init", "--out", "-")[1] == first


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["predict", "absent.json", "people.csv"], "there is no genome file"),
        (["predict", "people.csv", "people.csv"], "not valid JSON"),
        (["predict", "bare.json", "people.csv"], "bare genome"),
        (["predict", "binary.json", "absent.csv"], "there is no file"),
        (["predict", "binary.json", "binary.json"], "not a kind of file that can be read"),
        (["predict", "binary.json", "other.csv"], "lacks columns used in training: 'eyes'"),
        (["predict", "binary.json", "other.csv", "--score"], "lacks columns"),
        (["predict", "binary.json", "unknown.csv", "--score"], "the target holds 'perhaps'"),
        (["predict", "binary.json", "targetless.csv", "--score"], "no column 'ill'"),
        (["predict", "regression.json", "people.csv", "--proba"], "predicts a number"),
        (["predict", "regression.json", "people.csv", "--score"], "must hold numbers"),
        (["predict", "binary.json", "people.csv", "--out", "."], "is a directory"),
        (["predict", "binary.json", "people.csv", "--out", "people.csv"], "people.csv is what is read here"),
        (["predict", "binary.json", "people.csv", "--out", "./binary.json"], "binary.json is what is read here"),
        (["predict", "binary.json", "people.csv", "--out", ""], "a file needs a name"),
        (["predict", "binary.json", "people.csv", "--out", "answers.json"], "answers cannot be written as '.json'"),
        (["predict", "binary.json", "people.csv", "--out", "answers.zip"], "answers cannot be written as '.zip'"),
        (["show", "binary.json", "--svg", "binary.json"], "is what is read here"),
        (["export", "binary.json", "--to", "graphml", "--out", "binary.json"], "is what is read here"),
        (["predict", "binary.json"], "Missing argument"),
        (["show", "absent.json"], "there is no genome file"),
        (["show", "."], "there is no genome file"),
        (["show", "binary.json", "--svgg", "x"], "--svg"),
        (["export", "binary.json"], "--to"),
        (["export", "binary.json", "--to", "pickle"], "graphml"),
        (["export", "binary.json", "--to", "torch"], "--out"),
        (["export", "bare.json", "--to", "python"], "bare genome"),
        (["export", "bare.json", "--to", "html", "--out", "page.html"], "bare genome"),
        (["export", "bare.json", "--to", "onnx", "--out", "model.onnx"], "bare genome"),
        (["export", "binary.json", "--to", "onnx"], "--out"),
        (["export", "bare.json", "--to", "python", "--out", "formula.py"], "bare genome"),
        (["export", "binary.json", "--to", "dot", "--digits", "3"], "--digits is for formulas"),
        (["export", "binary.json", "--to", "python", "--digits", "0"], "1 to 17"),
        (["export", "binary.json", "--to", "sql", "--digits", "fewest"], "give --rows"),
        (["export", "binary.json", "--to", "sql", "--rows", "people.csv"], "give --digits"),
        (["export", "binary.json", "--to", "sql", "--digits", "3", "--rows", "targetless.csv"], "no column 'ill'"),
        (["export", "binary.json", "--to", "sql", "--digits", "3", "--rows", "absent.csv"], "there is no file"),
        (["export", "binary.json", "--to", "svg", "--rows", "people.csv"], "--rows is for formulas"),
        (["init", "--method", "sgd"], "method must be one of"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(run, tmp_path, arguments, words):
    (tmp_path / "other.csv").write_text("height,hair\n1,2\n")
    (tmp_path / "unknown.csv").write_text("height,eyes,ill\n170,blue,perhaps\n")
    (tmp_path / "targetless.csv").write_text("height,eyes\n170,blue\n")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err.replace("\n", " ")
    assert "Traceback" not in err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


HOSTILE = (None, True, False, -1, 0, 0.5, 2**31, 2**63, 10**40, 1e308, -1e308, "", "x", "tanh", [], {}, [[]], {"a": 1}, [1])


def _paths(value: object, path: tuple = ()) -> list[tuple]:
    """Every place in a document."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, entry in entries for found in _paths(entry, (*path, key)))]


def _changed_document(document: object, rng: np.random.Generator) -> str:
    """Delete, replace, double or rename something somewhere in a document."""
    document = json.loads(json.dumps(document))
    paths = _paths(document)[1:]
    *way, last = paths[rng.integers(len(paths))]
    parent = document
    for key in way:
        parent = parent[key]
    action = rng.integers(5)
    if action == 0:
        del parent[last]
    elif action == 1 and isinstance(parent, list):
        parent.append(parent[last])
    elif action == 2 and isinstance(parent, dict):
        parent[last + "x"] = parent.pop(last)
    else:
        parent[last] = HOSTILE[rng.integers(len(HOSTILE))]
    return json.dumps(document)


def _changed_text(text: str, rng: np.random.Generator) -> bytes:
    """Flip, cut or double bytes of a text, or put in a word that JSON readers stumble over."""
    data, action = bytearray(text.encode()), rng.integers(6)
    first, last = sorted(rng.integers(0, len(data), 2).tolist())
    if action == 0:
        for position in rng.integers(0, len(data), rng.integers(1, 20)).tolist():
            data[position] = int(rng.integers(256))
    elif action == 1:
        del data[first:last]
    elif action == 2:
        data[first:first] = data[first:last]
    elif action == 3:
        words = ("NaN", "-Infinity", "1e999", "9" * 5000, "[" * 50_000, "{}", "\\ud800", "0x1f", "\x00")
        numbers = [found.span() for found in re.finditer(rb"-?\d+\.\d+", data)]
        start, stop = numbers[rng.integers(len(numbers))]
        data[start:stop] = str(words[rng.integers(len(words))]).encode()
    elif action == 4:
        keys = [found.span() for found in re.finditer(rb'"\w+": [^,{}\[\]]+,', data)]
        start, stop = keys[rng.integers(len(keys))]
        data[stop:stop] = data[start:stop]
    else:
        del data[first:]
    return bytes(data)


def _corrupted(rng: np.random.Generator, model: Model) -> bytes:
    text = model.to_json()
    if rng.random() < 0.6:
        return _changed_document(json.loads(text), rng).encode()
    return _changed_text(text, rng)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_corrupted_genome_files_work_or_are_refused_in_one_sentence(run, tmp_path, task):
    rng, model, refused = np.random.default_rng(7), model_for(task), 0
    path = tmp_path / "corrupted.json"
    for number in range(100):
        content = _corrupted(rng, model)
        path.write_bytes(content)
        for arguments in (["predict", path.name, "people.csv"], ["show", path.name], ["show", path.name, "--json"]):
            code, out, err = run(*arguments)
            assert code in (0, 2), (number, arguments, content)
            if code == 2:
                refused += 1
                assert out == ""
                assert re.fullmatch(r"Error: [^\n]{5,1000}\n", err), (number, arguments, err)
        for form in ("dot", "graphml", "svg"):
            assert run("export", path.name, "--to", form)[0] in (0, 2)
    assert 150 < refused < 300


def test_a_row_on_which_the_network_overflows_has_no_answer_and_is_named(run, tmp_path):
    model = model_for("binary")
    document = json.loads(model.to_json())
    for connection in document["connections"]:
        connection["weight"] = 1e308
    for node in document["nodes"]:
        node |= {"activation": "identity", "aggregation": "sum"}
    (tmp_path / "huge.json").write_text(json.dumps(document))
    code, out, err = run("predict", "huge.json", "people.csv", "--json")
    assert code == 0
    assert None in json.loads(out)["prediction"]
    assert "no answer for" in err and "overflows on row" in err


def test_what_predict_meets_is_said(run, tmp_path):
    (tmp_path / "texts.csv").write_text("height,eyes\ntall,blue\n")
    code, out, err = run("predict", "binary.json", "texts.csv")
    assert code == 0
    assert "height: 1 cell of 1 holds no number and is read as missing ('tall')" in err


@pytest.mark.parametrize("command", [("show", "run"), ("predict", "run", "people.csv"), ("export", "run", "--to", "dot")])
def test_the_folder_of_a_run_is_answered_with_the_file_that_was_meant(run, folder, command):
    (folder / "run").mkdir()
    shutil.copy("binary.json", "run/champion.json")
    code, out, err = run(*command)
    assert code == 2 and not out and "there is no genome file 'run'; that of this run is 'run/champion.json'" in err


@pytest.mark.parametrize(
    "command",
    [
        ("show", "binary.json", "--svg"),
        ("export", "binary.json", "--to", "dot", "--out"),
        ("export", "binary.json", "--to", "torch", "--out"),
        ("init", "--out"),
    ],
)
def test_a_file_that_cannot_be_written_is_wrong_input_that_names_it_and_why(run, tmp_path, command):
    (tmp_path / "loop").symlink_to("loop")
    before = sorted(path.name for path in tmp_path.iterdir())
    reasons = {
        "absent/x": "No such file or directory",
        "people.csv/x": "Not a directory",
        "loop": "symbolic links",
        "x" * 256: "File name too long",
    }
    for out, reason in reasons.items():
        code, nothing, err = run(*command, out)
        assert (code, nothing) == (2, ""), (out, err)
        assert err.startswith(f"Error: {out} cannot be written (") and reason in err and err.count("\n") == 1
    code, nothing, err = run(*command, str(tmp_path))
    assert (code, nothing) == (2, "") and "is a directory" in err
    code, nothing, err = run(*command, "/dev/full", *(("--force",) if command[0] == "init" else ()))
    assert (code, err) == (1, "Error: /dev/full: No space left on device\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_file_is_written_through_a_link_and_under_the_longest_name(run, tmp_path):
    (tmp_path / "link.svg").symlink_to("drawing.svg")
    for out in ("link.svg", "x" * 250 + ".svg"):
        assert run("show", "binary.json", "--svg", out)[0] == 0
    assert (tmp_path / "link.svg").is_symlink()
    assert (tmp_path / "drawing.svg").read_text().startswith("<svg")
    assert (tmp_path / ("x" * 250 + ".svg")).stat().st_size == (tmp_path / "drawing.svg").stat().st_size
