"""SQL, Excel, LaTeX, sympy and JavaScript: each text, run by what reads it, is the model."""

import json
import math
import re
import shutil
import sqlite3
import subprocess

import numpy as np
import pandas
import pytest
import sympy
from formula_cases import CLASSES, a_model, a_preprocessor, a_table, answers_of, one_of_each, plain_model, plain_preprocessor
from random_genomes import random_genome

from propneat.base.errors import ConfigError
from propneat.data import Preprocessor, TargetScale
from propneat.data.input_rule import InputRule
from propneat.data.plan import ColumnPlan, TablePlan
from propneat.export.excel_text import to_excel
from propneat.export.javascript import to_javascript
from propneat.export.latex_text import to_latex
from propneat.export.python_text import to_python
from propneat.export.sql_text import to_sql
from propneat.export.sympy_text import to_sympy_script
from propneat.genome import NodeKind, make_genome
from propneat.model import Model

TASKS = ("regression", "binary", "multiclass")
FAR = pandas.DataFrame({"x0": [-400.0, 30.0, 1e-9, 0.0, 900.0], "x1": [3.0, -30.0, 0.0, 0.25, -900.0]})


@pytest.fixture(scope="module")
def preprocessor():
    return a_preprocessor(np.random.default_rng(5))


def plain_rows(frame: pandas.DataFrame) -> list[list[object]]:
    """Return rows as Python values, None where there is none, dates as seconds since 1970."""
    columns = []
    for name in frame:
        values = frame[name]
        if values.dtype.kind == "M":
            values = values.to_numpy().astype("M8[us]").astype(np.int64) / 1e6
            values = pandas.Series(np.where(frame[name].isna(), np.nan, values))
        columns.append([None if pandas.isna(value) else value for value in values.tolist()])
    return [list(row) for row in zip(*columns, strict=True)]


def selected(connection, frame: pandas.DataFrame, text: str) -> np.ndarray:
    """Compute an expression for every row of a table, in SQLite or DuckDB."""
    kinds = {"f": "DOUBLE", "b": "BOOLEAN", "M": "DOUBLE"}
    columns = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}" {kinds.get(frame[name].dtype.kind, "TEXT")}' for name in frame)
    connection.execute(f"CREATE TABLE rows (place INTEGER, {columns})")
    marks = ", ".join("?" * (len(frame.columns) + 1))
    connection.executemany(f"INSERT INTO rows VALUES ({marks})", [[place, *row] for place, row in enumerate(plain_rows(frame))])
    return np.array(connection.execute(f"SELECT {text} FROM rows ORDER BY place").fetchall(), float)


HOSTILE = (
    'a"b',
    "it's",
    '"""',
    "new\nline",
    "*/ --",
    "${x}",
    "</script>",
    "np",
    "x",
    "exp",
    "h12",
    "gr\u00f6\u00dfe",
    "\\",
    "a b",
    "a_b",
    "[@x]#",
)


def test_columns_of_any_name_and_texts_of_any_kind(tmp_path):
    rng = np.random.default_rng(3)
    rules = [InputRule(name, name, 0.3, 2.0) for name in HOSTILE] + [
        InputRule(f"c={text}", "c", 0.1, 0.3, level=text) for text in HOSTILE
    ]
    plan = TablePlan((*(ColumnPlan(name, "number") for name in HOSTILE), ColumnPlan("c", "category", levels=HOSTILE)))
    frame = pandas.DataFrame(rng.normal(size=(len(HOSTILE), len(HOSTILE))), columns=list(HOSTILE)).assign(c=list(HOSTILE))
    preprocessor = Preprocessor(tuple(rules), plan)
    model = a_model(rng, preprocessor, "binary", max_hidden=3)
    while len(model.used_features) < 12:
        model = a_model(rng, preprocessor, "binary", max_hidden=3)
    expected, found = answers_of(model, frame), {}
    exec(compile(to_python(model.formula), "formula", "exec"), found)
    answers = found["predict"](*(frame[column.name].to_numpy() for column in model.formula.columns))
    np.testing.assert_allclose(answers, expected[:, 0], rtol=1e-12)
    for database in databases():
        np.testing.assert_allclose(selected(database, frame, to_sql(model.formula)), expected, rtol=1e-12)
    if shutil.which("node"):
        script = to_javascript(model.formula) + f"console.log(JSON.stringify({frame.to_json(orient='records')}.map(predict)))"
        (tmp_path / "m.mjs").write_text(script, encoding="utf-8")
        told = subprocess.run(["node", "m.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True)
        np.testing.assert_allclose(json.loads(told.stdout), expected[:, 0], rtol=1e-9)


def databases() -> list:
    """Return a database of each kind; SQLite must have been built with its mathematical functions."""
    duckdb = pytest.importorskip("duckdb")
    lite = sqlite3.connect(":memory:")
    try:
        lite.execute("SELECT TANH(1), LN(2), FLOOR(1.5)")
    except sqlite3.OperationalError:
        pytest.skip("this SQLite has no mathematical functions")
    return [lite, duckdb.connect()]


@pytest.mark.parametrize("task", TASKS)
def test_sql_equals_predictions_on_real_rows(preprocessor, task):
    rng = np.random.default_rng(1)
    for max_hidden in (3, 8):
        model, frame = a_model(rng, preprocessor, task, max_hidden=max_hidden), a_table(rng, 12)
        for database in databases():
            answers = selected(database, frame, to_sql(model.formula))
            np.testing.assert_allclose(answers, answers_of(model, frame), rtol=1e-12, atol=1e-12)


def test_sql_equals_evaluate_on_random_networks():
    rng = np.random.default_rng(0)
    for number in range(60):
        model, frame = plain_model(rng)
        for database in databases()[: 1 if number > 8 else 2]:
            answers = selected(database, frame, to_sql(model.formula))
            np.testing.assert_allclose(answers[:, 0], model.predict(frame), rtol=1e-12, atol=1e-12)


def test_what_a_text_needs_to_know_of_its_columns_is_said(preprocessor, run, folder):
    model = a_model(np.random.default_rng(8), preprocessor, "multiclass")
    model.save(folder / "m.json")
    for form, words in {
        "sql": "sold: in seconds since 1970, such as EXTRACT",
        "excel": "One for each class, in this order: red, it's",
    }.items():
        code, out, err = run("export", "m.json", "--to", form)
        # a cell that would be too large is refused
        assert words in err if code == 0 else (form, code, out) == ("excel", 2, "") and "a cell of Excel holds" in err


def test_a_large_network_is_no_larger_as_sql_than_it_is():
    rng = np.random.default_rng(0)
    nodes = [(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.0, NodeKind.OUTPUT, 0, 0)] + [
        (2 + k, 0.1, NodeKind.HIDDEN, 3, 0) for k in range(300)
    ]
    order = [0, *range(2, 302), 1]
    pairs = [(s, t) for k, t in enumerate(order) if k for s in {order[k - 1], order[max(0, k - int(rng.integers(2, 30)))]}]
    genome = make_genome(nodes, [(k, s, t, 0.5, True) for k, (s, t) in enumerate(pairs)])
    model, frame = Model(genome, "regression", plain_preprocessor(1), None, TargetScale(0.0, 1.0)), FAR[["x0"]]
    text = to_sql(model.formula)
    assert len(text) < 120_000
    for database in databases()[:1]:
        np.testing.assert_allclose(selected(database, frame, text)[:, 0], model.predict(frame), rtol=1e-12)


def test_sql_of_every_activation_far_out_and_a_deep_network():
    for model in one_of_each():
        for database in databases():
            answers = selected(database, FAR, to_sql(model.formula))
            np.testing.assert_allclose(answers[:, 0], model.predict(FAR), rtol=1e-12, atol=1e-12)


def workbook_answers(frame: pandas.DataFrame, cell: str) -> np.ndarray:
    """Compute a cell for every row by the library formulas, which knows neither tables nor LET: both are written out for it."""
    formulas = pytest.importorskip("formulas")
    named, answer = let_parts(cell)
    answers = []
    for row in plain_rows(frame):
        literals = {}
        for name, value in zip(frame.columns, row, strict=True):
            serial = value if value is None or frame[name].dtype.kind != "M" else value / 86400 + 25569
            said = "TRUE" if serial is True else "FALSE" if serial is False else repr(serial)
            text = '""' if serial is None else '"' + serial.replace('"', '""') + '"' if isinstance(serial, str) else said
            literals[f"[@[{name}]]"] = text
        for name, text in [*named, ("", answer)]:
            names = r'"[^"]*"|\[@\[.*?\]\]|\b[a-z]\w*\b'
            own = re.sub(names, lambda found, known=literals: known.get(found[0], found[0]), text)
            value = float(np.asarray(formulas.Parser().ast("=" + own)[1].compile()()).item())
            literals[name] = f"({value!r})"
        answers.append(value)
    return np.array(answers)


def let_parts(cell: str) -> tuple[list[tuple[str, str]], str]:
    """Return the names of a LET with their texts, and the text of its answer."""
    if not cell.startswith("=LET("):
        return [], cell[1:]
    parts, depth, quoted, start = [], 0, False, 0
    inner = cell[len("=LET(") : -1]
    for place, character in enumerate(inner):
        quoted ^= character == '"'
        depth += 0 if quoted else (character in "([") - (character in ")]")
        if character == "," and depth == 0 and not quoted:
            parts.append(inner[start:place])
            start = place + 1
    return list(zip(parts[::2], parts[1::2], strict=True)), inner[start:]


@pytest.mark.filterwarnings("ignore")
def test_excel_equals_predictions(preprocessor):
    """The library that computes the cells warns about itself."""
    rng = np.random.default_rng(1)
    for model in one_of_each():
        rows = FAR.iloc[[1, 2, 3]]
        answers = workbook_answers(rows, to_excel(model.formula).strip())
        np.testing.assert_allclose(answers, model.predict(rows), rtol=1e-12, atol=1e-12)
    for task in TASKS:
        model, frame = a_model(rng, preprocessor, task, max_hidden=2), a_table(rng).iloc[[3, 6, 9]].reset_index(drop=True)
        while not 20 < model.plan.n_edges < 40:
            model = a_model(rng, preprocessor, task, max_hidden=2)
        cells = to_excel(model.formula).splitlines()
        answers = np.stack([workbook_answers(frame, cell) for cell in cells], axis=1)
        np.testing.assert_allclose(answers, answers_of(model, frame), rtol=1e-11, atol=1e-12)


def test_a_formula_that_no_cell_holds_is_refused(preprocessor):
    model = a_model(np.random.default_rng(0), preprocessor, "regression", max_hidden=12)
    while model.plan.n_edges < 200:
        model = a_model(np.random.default_rng(model.plan.n_edges + 1), preprocessor, "regression", max_hidden=12)
    with pytest.raises(
        ConfigError, match=r"takes \d+ characters and \d+ levels of brackets, and a cell of Excel holds 8192 and 64"
    ):
        to_excel(model.formula)


def test_sympy_script_builds_what_to_sympy_gives(preprocessor):
    rng = np.random.default_rng(4)
    for task in TASKS:
        model, found = a_model(rng, preprocessor, task, max_hidden=3), {}
        exec(compile(to_sympy_script(model.formula), "script", "exec"), found)
        first, second = found["formula"], model.to_sympy()
        pairs = zip(first.values(), second.values(), strict=True) if task == "multiclass" else [(first, second)]
        for one, other in pairs:
            assert one.free_symbols == other.free_symbols
            symbols = sorted(other.free_symbols, key=str)
            values = dict(zip(symbols, rng.normal(size=len(symbols)), strict=True))
            assert value_of(one, values) == pytest.approx(value_of(other, values), rel=1e-9)


def test_sympy_is_the_prediction_where_symbols_are_what_their_names_say(preprocessor):
    rng = np.random.default_rng(9)
    frame = a_table(rng).iloc[[5]]
    for _ in range(4):
        model = a_model(rng, preprocessor, "binary", max_hidden=3)
        values = {}
        for symbol in model.to_sympy().free_symbols:
            values[symbol] = symbol_value(str(symbol), frame, model)
        assert value_of(model.to_sympy(), values) == pytest.approx(model.predict_proba(frame)[0, 1], rel=1e-9)


def value_of(expression: sympy.Expr, values: dict) -> float:
    """Compute a sympy expression from the values of its symbols; sympy itself would compare the terms of every maximum."""
    if expression in values:
        return values[expression]
    if isinstance(expression, sympy.Piecewise):
        (yes, (test, _)), (no, _) = ((pair.expr, pair.cond.args or (None, None)) for pair in expression.args)
        return value_of(yes if value_of(test, values) > 0 else no, values)
    parts = [value_of(part, values) for part in expression.args]
    functions = {sympy.Add: sum, sympy.Mul: math.prod, sympy.Max: max, sympy.Min: min}
    if expression.func in functions:
        return functions[expression.func](parts)
    if expression.func == sympy.Pow:
        return parts[0] ** parts[1]
    return (
        getattr(math, {"Abs": "fabs"}.get(expression.func.__name__, expression.func.__name__))(*parts)
        if parts
        else float(expression)
    )


def symbol_value(name: str, frame: pandas.DataFrame, model: Model) -> float:
    """Return what a symbol stands for in the one row of a table."""
    moment, row = frame["sold"].iloc[0], frame.iloc[0]
    parts = {"month": moment.month, "day": moment.day, "hour": moment.hour, "weekday": moment.weekday()}
    parts["days"] = (moment - pandas.Timestamp(0)).total_seconds() / 86400
    if name.startswith("mean of "):
        name = name.removeprefix("mean of ")
        rule = next(
            r for r in model.preprocessor.rules if r.means and name == (f"{r.part} of {r.feature}" if r.part else r.feature)
        )
        return dict(rule.means).get(symbol_value(name, frame, model), rule.default)
    if name.endswith(" is missing"):
        value = row[name.removesuffix(" is missing")]
        return float(pandas.isna(value) or value == -200.0)
    if "=" in name:
        left, _, level = name.partition("=")
        value = symbol_value(left, frame, model)
        return float(value == level if isinstance(value, str) else value == float(level))
    for part in parts:
        if name == f"{part} of sold":
            return parts[part]
    return row[name.removeprefix("first word of ")].split(" ")[0] if name.startswith("first word") else row[name]


def test_latex_is_balanced_and_names_what_it_uses(preprocessor):
    rng = np.random.default_rng(2)
    for task in TASKS:
        for _ in range(5):
            model = a_model(rng, preprocessor, task, max_hidden=4)
            text = to_latex(model.formula)
            assert text.count(r"\left") == text.count(r"\right") and text.count("{") == text.count("}")
            for line in text.split(r"\\"):
                assert line.count(r"\left") == line.count(r"\right")
            body = text[text.index("\\begin") :]
            assert set(re.findall(r"[hv]_\{\d+\}", body)) == set(re.findall(r"([hv]_\{\d+\}) &=", body))
            for column in model.formula.columns:
                assert rf"\text{{{column.name}}}" in body
    genome = random_genome(rng, n_inputs=1, n_outputs=1, max_hidden=0)
    named = Preprocessor.from_dict(json.loads(json.dumps(plain_preprocessor(1).to_dict()).replace("x0", "a_b & 5%")))
    assert (
        r"\text{a\_b \& 5\%}" in to_latex(Model(genome, "binary", named, CLASSES["binary"]).formula)
        or not genome.connections.size
    )


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("task", TASKS)
def test_javascript_equals_predictions_on_real_rows(preprocessor, tmp_path, task):
    rng = np.random.default_rng(6)
    cases = [(a_model(rng, preprocessor, task), a_table(rng)) for _ in range(6)]
    if task == "regression":
        cases += [(model, FAR) for model in one_of_each()] + [plain_model(rng) for _ in range(30)]
    lines = []
    for number, (model, frame) in enumerate(cases):
        (tmp_path / f"m{number}.mjs").write_text(to_javascript(model.formula), encoding="utf-8")
        rows = [dict(zip(frame.columns, row, strict=True)) for row in plain_rows(frame)]
        lines.append(f"import * as m{number} from './m{number}.mjs'; all.push({json.dumps(rows)}.map(m{number}.predict));")
        lines.append(
            f"if (!m{number}.columns.every((name) => {json.dumps(list(frame.columns))}.includes(name))) throw 'columns';"
        )
    script = "const all = [];\n" + "\n".join(lines) + "\nconsole.log(JSON.stringify(all));"
    (tmp_path / "all.mjs").write_text(script, encoding="utf-8")
    told = subprocess.run(["node", "all.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True)
    for answers, (model, frame) in zip(json.loads(told.stdout), cases, strict=True):
        if task == "multiclass":
            assert list(answers[0]) == list(map(str, model.classes))
            answers = [list(row.values()) for row in answers]
        expected = answers_of(model, frame)
        np.testing.assert_allclose(np.reshape(answers, expected.shape).astype(float), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_javascript_reads_dates_as_dates_and_as_texts(tmp_path):
    dates = pandas.date_range("2021-01-01", periods=500, freq="37h")
    preprocessor = Preprocessor.fit(pandas.DataFrame({"sold": dates}))
    moments = pandas.DataFrame({"sold": [pandas.Timestamp("2021-03-04 05:06:07"), pandas.NaT, pandas.Timestamp("2021-03-04")]})
    rng, expected = np.random.default_rng(6), np.zeros(3)
    while len(set(expected)) < 3:
        model = a_model(rng, preprocessor, "binary", max_hidden=0)
        expected = model.predict_proba(moments)[:, 1]
    same = [
        "2021-03-04 05:06:07",
        "2021-03-04T05:06:07Z",
        "2021-03-04T05:06:07+01:00",
        " 2021-03-04 05:06:07.000-0530 ",
        1614834367,
    ]
    others = [None, "", "04/03/2021", "March 4, 2021", "2021-13-01", "2021-03-04T05", "x2021-03-04"]
    (tmp_path / "m.mjs").write_text(to_javascript(model.formula), encoding="utf-8")
    script = "import {predict} from './m.mjs'; console.log(JSON.stringify([new Date('2021-03-04T05:06:07Z'), "
    script += f"...{json.dumps([*same, *others, '2021-03-04'])}].map((sold) => predict({{sold}}))))"
    (tmp_path / "all.mjs").write_text(script, encoding="utf-8")
    told = subprocess.run(["node", "all.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True)
    np.testing.assert_allclose(json.loads(told.stdout), np.repeat(expected, (1 + len(same), len(others), 1)), rtol=1e-12)


def test_targets_without_bounds_and_networks_that_are_constant():
    genome = random_genome(np.random.default_rng(1), n_inputs=1, n_outputs=1, max_hidden=0)
    while genome.connections["enabled"].any():
        genome = random_genome(np.random.default_rng(genome.nodes["id"].sum()), n_inputs=1, n_outputs=1, max_hidden=0)
    model = Model(genome, "regression", plain_preprocessor(1), None, TargetScale(3.0, 2.0))
    value = model.predict(pandas.DataFrame({"x0": [1.0]}))[0]
    assert float(to_sql(model.formula)) == pytest.approx(value)
    assert float(to_excel(model.formula)[1:]) == pytest.approx(value)
